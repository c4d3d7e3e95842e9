"""Imports finished runs into MLflow.

Training never talks to MLflow. One process reads the result files afterwards, so no server can stall a training, and
the database can be deleted at any time: the next import builds it again. Each MLflow run carries two tags: ``jcae.key``
(what it is) and ``jcae.content`` (digest of what was imported, written last). A run whose content is still the same is
left alone; one that differs, or was cut off in the middle, is replaced; one whose files are gone is deleted.
"""

import csv
import hashlib
import json
import math
import os
import re
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from jcae.files import atomic_write, file_sha256, replacing
from jcae.jobs import records

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # read when mlflow is imported, hence here and not in track()
# MLflow's own defaults keep a dead server's client waiting for minutes.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")

KEY, CONTENT, RESULTS = "jcae.key", "jcae.content", "jcae.results"
PARENT = "mlflow.parentRunId"
FORMAT = 1
"""Part of every content digest: raise it when the import itself changes, and all runs are imported anew."""

# MLflow's limits for one log_batch (1000 of all kinds, a tag among them), and for values.
_PARAMS, _METRICS, _PARAM_LENGTH, _TAG_LENGTH, _PAGE = 100, 899, 6000, 8000, 1000


class TrackingError(RuntimeError):
    """MLflow cannot be reached or refused something; the result files are untouched."""


def track(
    results_dir: str | Path,
    uri: str | None = None,
    experiment: str | None = None,
    manifest: str | Path | None = None,
) -> dict[str, Any]:
    """Import the runs, scores, histories, figures and tables of one run of the pipeline.

    Parameters
    ----------
    results_dir : path
        ``results/<run>``. Where it has a records.csv, only the runs listed there are imported (others are left over
        from an earlier config), beside all pretrained autoencoders.
    uri : str or None
        Tracking address. None takes ``MLFLOW_TRACKING_URI``, or the SQLite file mlflow.db beside ``results_dir``.
    experiment : str or None
        Name of the MLflow experiment; None takes the name of ``results_dir``.
    manifest : path or None
        File for the list of what was imported, JSON.

    Returns
    -------
    dict
        ``uri``, ``experiment``, ``experiment_id``, ``runs`` (list of ``key, run_id, content``; this much is written to
        the manifest), and how many runs were ``created``, ``replaced``, ``deleted``, ``unchanged``.

    Raises
    ------
    TrackingError
        Where MLflow cannot be reached or refuses; import again when it is back, nothing is lost or doubled.
    ValueError
        Where the same data set, method and seed lies in two blocks, or a run.json is broken (RecordError).
    """
    results_dir = Path(results_dir).resolve()
    if not results_dir.is_dir():
        raise FileNotFoundError(f"{results_dir}: there is no such folder of results")
    uri = _absolute(uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{results_dir.parent / 'mlflow.db'}")
    experiment = experiment or results_dir.name
    wanted = _read_results(results_dir, _run_folders(results_dir))
    with _explained(uri):
        client, experiment_id = _open(uri, experiment)
        runs, counts = _import_all(client, experiment_id, results_dir.name, wanted)
    done = {"uri": _without_password(uri), "experiment": experiment, "experiment_id": experiment_id, "runs": runs}
    if manifest is not None:
        text = json.dumps(done, indent=2) + "\n"
        atomic_write(manifest, lambda handle: handle.write(text.encode()))
    return done | {kind: counts[kind] for kind in ("created", "replaced", "deleted", "unchanged")}


# --- reading the result files -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Point:
    """One value of a metric."""

    name: str
    value: float
    time: int  # ms since 1970
    step: int = 0


@dataclass(frozen=True)
class _Wanted:
    """One MLflow run as it should be."""

    key: str
    name: str
    status: str  # FINISHED | FAILED
    start: int
    end: int
    params: dict[str, str] = field(default_factory=dict)
    metrics: list[_Point] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    artifacts: list[tuple[Path, str]] = field(default_factory=list)  # file, folder within the run
    parent: str | None = None  # key
    data: tuple[str, str, str] | None = None  # name, digest, profile

    def content(self) -> str:
        """Digest of all that is imported."""
        facts = [
            [FORMAT, self.key, self.name, self.status, self.start, self.end, self.parent, self.data],
            sorted(self.params.items()),
            sorted(self.tags.items()),
            [[point.name, point.value, point.time, point.step] for point in self.metrics],
            [[folder, file.name, file_sha256(file)] for file, folder in self.artifacts],
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _read_results(
    results_dir: Path, groups: Iterable[tuple[tuple[str, str, str], Sequence[Path]]]
) -> Iterator[_Wanted]:
    """Yield every MLflow run that the files of these groups of folders ask for, parents before their children.

    The files of a method on a data set are read when its turn comes: many thousands of runs do not fit into memory.
    """
    scores = _read_scores(results_dir / "scores.csv")
    latest = 0
    for (kind, dataset, method), folders in groups:
        key = f"{results_dir.name}/{kind}/{dataset}/{method}"
        group = [records.read_record(folder / "run.json") for folder in folders]
        children = []
        for folder, record in zip(folders, group, strict=True):
            found = scores.get((dataset, method, record["seed"]), {}) if kind == "runs" else {}
            children.append(_child(f"{key}/{record['seed']}", key, kind, folder, record, found))
        yield _parent(key, kind, group, children)
        yield from children
        latest = max(latest, *(child.end for child in children))
    report = _report(results_dir, latest)
    if report:
        yield report


def _run_folders(results_dir: Path) -> list[tuple[tuple[str, str, str], list[Path]]]:
    """Return (kind, data set, method) and its folders in the order of the seeds; a seed in two blocks is an error."""
    listed = None
    if (results_dir / "records.csv").exists():
        listed = {row["run"] for row in _read_csv(results_dir / "records.csv")}
    groups: dict[tuple[str, str, str], dict[int, Path]] = defaultdict(dict)
    for kind in ("pretrained", "runs"):
        for file in sorted(results_dir.glob(f"{kind}/*/*/*/*/run.json")):
            folder = file.parent
            _, dataset, method, block, seed = folder.relative_to(results_dir).parts
            unfinished = ".tmp." in block  # a block is written beside its place, then renamed
            left_over = (
                kind == "runs" and listed is not None and folder.relative_to(results_dir).as_posix() not in listed
            )
            if unfinished or left_over:
                continue
            group = groups[kind, dataset, method]
            if int(seed) in group:
                raise ValueError(f"{dataset}/{method} seed {seed} was run twice: {group[int(seed)]}, {folder}")
            group[int(seed)] = folder
    return [(name, [folder for _, folder in sorted(group.items())]) for name, group in sorted(groups.items())]


def _read_csv(file: Path) -> list[dict[str, str]]:
    if not file.exists():
        return []
    with file.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def _read_scores(file: Path) -> dict[tuple[str, str, int], dict[str, float]]:
    """Return (data set, method, seed) -> metric -> value; the labels stay apart: ``own/ACC``, ``refit/ACC``."""
    scores: dict[tuple[str, str, int], dict[str, float]] = defaultdict(dict)
    for row in _read_csv(file):
        run = row["dataset"], row["method"], int(row["seed"])
        scores[run][f"{row['labels']}/{row['metric']}"] = _number(row["value"])
    return scores


def _number(text: str) -> float:
    return float(text) if text else math.nan


def _child(
    key: str, parent: str, kind: str, folder: Path, record: Mapping[str, Any], scores: Mapping[str, float]
) -> _Wanted:
    start = _milliseconds(record["started"])
    end = max(start, _milliseconds(record["finished"]))  # a clock may have been set back in between
    values = {**scores, **_facts(record)}
    points = [_Point(name, value, end) for name, value in values.items() if value is not None]
    points += _history(folder / "history.csv", start, end)
    finite = [point for point in points if math.isfinite(point.value)]
    lost = Counter(point.name for point in points if not math.isfinite(point.value))
    tags = _tags(record, kind)
    if lost:  # MLflow would draw NaN as 0 and infinity as 1.8e308
        tags["not finite"] = ", ".join(f"{name} ({count})" for name, count in sorted(lost.items()))
    return _Wanted(
        key=key,
        name=f"seed {record['seed']} | {record['label']} | {record['dataset']}",
        status="FINISHED" if record["status"] == "ok" else "FAILED",
        start=start,
        end=end,
        params=_params(record),
        metrics=finite,
        tags=tags | {"mlflow.note.content": _child_note(record)},
        artifacts=[(folder / "run.json", "")],
        parent=parent,
        data=_data(record),
    )


def _data(record: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return what MLflow's column of data sets shows: name, start of the digest, profile."""
    facts = {name: record["data"][name] for name in ("n", "d", "n_clusters")}
    return record["dataset"], record["data"]["features_sha256"][:12], json.dumps(facts)


def _facts(record: Mapping[str, Any]) -> dict[str, float | None]:
    names = ("seconds", "peak_memory_mb", "peak_gpu_memory_mb", "clusters_found", "updates", "epochs")
    objective = (record["objective"] or {}).get("value")
    return {"objective": objective, **{name: record[name] for name in names}}


def _history(file: Path, start: int, end: int) -> list[_Point]:
    """Read the history; the file has no clock, so its rows are spread evenly over the run."""
    rows = _read_csv(file)
    span = max(len(rows) - 1, 1)
    return [
        _Point(
            f"{row['phase']}/{row['term']}",
            _number(row["value"]),
            start + (end - start) * position // span,
            int(row["step"] or row["epoch"] or 0),
        )
        for position, row in enumerate(rows)
    ]


def _params(record: Mapping[str, Any]) -> dict[str, str]:
    own = {name: value if isinstance(value, str) else json.dumps(value) for name, value in record["params"].items()}
    run = {"dataset": record["dataset"], "method": record["method"], "seed": str(record["seed"])}
    return {name: value[:_PARAM_LENGTH] for name, value in (own | run).items()}


def _tags(record: Mapping[str, Any], kind: str) -> dict[str, str]:
    code, device = record["code"], record["device"]
    tags = {
        "kind": "pretraining" if kind == "pretrained" else "run",
        "status": record["status"],
        "reason": record["reason"],
        "dataset": record["dataset"],
        "method": record["method"],
        "label": record["label"],
        "use": record["use"],
        "block": records.format_block(record["block"]),
        "tuned_with": record["tuned_with"],
        "autoencoder": (record["pretrained"] or {}).get("autoencoder"),
        "weights_sha256": (record["pretrained"] or {}).get("weights_sha256"),
        "features_sha256": record["data"]["features_sha256"],
        "code_digest": code["digest"],
        "mlflow.source.git.commit": code["git_commit"],
        "dirty": str(code["dirty"]).lower(),
        "device": f"{device['type']}: {device['name']}, {device['threads']} threads, {device['precision']}",
        "versions": ", ".join(f"{name} {version}" for name, version in record["versions"].items()),
        "mlflow.source.name": record["use"],
        "mlflow.source.type": "LOCAL",
    }
    return {name: str(value)[:_TAG_LENGTH] for name, value in tags.items() if value is not None}


def _child_note(record: Mapping[str, Any]) -> str:
    lines = [f"**{record['status']}**" + (f": {record['reason']}" if record["reason"] else "")]
    if record["command"]:
        lines.append(f"Repeat with\n```\n{record['command']}\n```")
    if record["traceback"]:
        lines.append(f"```\n{record['traceback'][-4000:]}\n```")
    return "\n\n".join(lines)[:_TAG_LENGTH]


def _parent(key: str, kind: str, group: Sequence[Mapping[str, Any]], children: Sequence[_Wanted]) -> _Wanted:
    """Summarise the seeds of a method on a data set; only ok runs enter means and standard deviations."""
    first = group[0]
    statuses = Counter(record["status"] for record in group)
    end = max(child.end for child in children)
    ok = [child for child, record in zip(children, group, strict=True) if record["status"] == "ok"]
    points = [_Point("runs", len(group), end), _Point("runs ok", len(ok), end)]
    for name, values in sorted(_final_values(ok).items()):
        section, _, metric = name.rpartition("/")
        points.append(_Point(f"{section or 'run'} mean/{metric}", statistics.fmean(values), end))
        if len(values) > 1:
            points.append(_Point(f"{section or 'run'} sd/{metric}", statistics.stdev(values), end))
    shared = set.intersection(*({*child.params.items()} for child in children))
    tags = {name: value for name, value in children[0].tags.items() if name in _SHARED_TAGS}
    tags["status"] = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    return _Wanted(
        key=key,
        name=f"{first['label']} | {first['dataset']}",
        status="FINISHED" if ok else "FAILED",
        start=min(child.start for child in children),
        end=end,
        params={name: value for name, value in shared if name not in ("seed", "random_state")},
        metrics=points,
        tags=tags | {"mlflow.note.content": _parent_note(first, tags["status"], kind)},
        data=_data(first),
    )


_SHARED_TAGS = (
    "kind",
    "dataset",
    "method",
    "label",
    "use",
    "tuned_with",
    "autoencoder",
    "code_digest",
    "mlflow.source.name",
)


def _final_values(children: Iterable[_Wanted]) -> dict[str, list[float]]:
    """Return the values over the seeds of everything that has one value per run (not the histories)."""
    values: dict[str, list[float]] = defaultdict(list)
    for child in children:
        for point in child.metrics:
            if point.name.startswith(("own/", "refit/")) or "/" not in point.name:
                values[point.name].append(point.value)
    return values


def _parent_note(record: Mapping[str, Any], statuses: str, kind: str) -> str:
    info = record["info"]
    lines = [
        f"**{record['label']}** {'pretrained ' if kind == 'pretrained' else ''}on **{record['dataset']}**: {statuses}.",
        info["summary"],
        f"Reference: {info['reference']}" if info["reference"] else "",
        f"Parameters tuned with: {record['tuned_with']}" if record["tuned_with"] else "",
        "\n".join(["Differences from the paper:", *(f"- {text}" for text in info["deviations"])])
        if info["deviations"]
        else "",
        "Means and standard deviations are over the runs that are ok.",
    ]
    return "\n\n".join(line for line in lines if line)[:_TAG_LENGTH]


def _report(results_dir: Path, time: int) -> _Wanted | None:
    """Collect all figures and tables in one MLflow run, dated by the last training."""
    files = sorted(
        file for place in ("figures", "tables") for file in (results_dir / place).rglob("*") if file.is_file()
    )
    files = [file for file in files if ".tmp." not in file.name]
    if not files:
        return None
    return _Wanted(
        key=f"{results_dir.name}/report",
        name="report",
        status="FINISHED",
        start=time,
        end=time,
        tags={"kind": "report", "mlflow.note.content": "Figures and tables over all runs: see the artifacts."},
        artifacts=[(file, file.parent.relative_to(results_dir).as_posix()) for file in files],
    )


def _milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


# --- MLflow -----------------------------------------------------------------------------------------------------------


def _absolute(uri: str) -> str:
    """Make a relative SQLite address absolute: artifacts are found by it from wherever the page is served."""
    file = _sqlite_file(uri)
    return uri if file is None else f"sqlite:///{file.resolve()}"


def _sqlite_file(uri: str) -> Path | None:
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def _without_password(uri: str) -> str:
    return re.sub(r"//[^/@]*@", "//***@", uri)


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, RequestException, SQLAlchemyError, subprocess.CalledProcessError) as error:
        said = _without_password(getattr(error, "stderr", None) or str(error)).strip()[-2000:]
        raise TrackingError(
            f"MLflow at {_without_password(uri)} cannot be reached or refused: {said}\n"
            "The result files are untouched; import again when this is mended."
        ) from error


_EXPERIMENT_TAGS = {
    "mlflow.note.content": (
        "One run per method and data set (means and standard deviations over the seeds that are ok), below it one run "
        "per seed. `own/`: scores of the method's own labels; `refit/`: of k-means on its code; the other groups of "
        "metrics are the loss terms, by phase of the training. The result files are the original of everything here."
    ),
}


def _open(uri: str, experiment: str) -> tuple[Any, str]:
    """Return a client and the id of the experiment, made where it is not there."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    file = _sqlite_file(uri)
    if file is not None and not file.exists():
        _create_database(file)
    client = MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name(experiment)
    if found is None:
        place = None if file is None else (file.parent / "mlruns" / re.sub(r"[^\w.-]+", "_", experiment)).as_uri()
        try:
            return client, client.create_experiment(experiment, artifact_location=place, tags=_EXPERIMENT_TAGS)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(experiment)  # made by another import, just now
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return client, found.experiment_id


def _create_database(file: Path) -> None:
    """Make all tables in a file beside, then move it: a database cut off in the middle could not be repaired."""
    with replacing(file) as temporary:
        command = [sys.executable, "-m", "mlflow", "db", "upgrade", f"sqlite:///{temporary}"]
        subprocess.run(command, check=True, capture_output=True, text=True)


def _import_all(
    client: Any, experiment_id: str, results: str, wanted: Iterable[_Wanted]
) -> tuple[list[dict[str, str]], Counter]:
    """Make MLflow hold exactly the wanted runs of these results."""
    present = _present_runs(client, experiment_id, results)
    counts: Counter = Counter()
    run_ids: dict[str, str] = {}
    done = []
    for want in wanted:
        content = want.content()
        old = present.pop(want.key, [])
        same = [run for run in old if run.content == content]
        parent = run_ids.get(want.parent) if want.parent else None
        if same:
            run_ids[want.key] = same[0].run_id
            if parent and same[0].parent != parent:  # the parent was replaced
                client.set_tag(run_ids[want.key], PARENT, parent)
            counts["unchanged"] += 1
        else:
            run_ids[want.key] = _import_one(client, experiment_id, results, want, content, parent)
            counts["replaced" if old else "created"] += 1
        for run in old:
            if run.run_id != run_ids[want.key]:
                client.delete_run(run.run_id)
        done.append({"key": want.key, "run_id": run_ids[want.key], "content": content})
    for run in (run for runs in present.values() for run in runs):
        client.delete_run(run.run_id)
        counts["deleted"] += 1
    return done, counts


class _Present(NamedTuple):
    """What must be known of a run that an earlier import left."""

    run_id: str
    content: str | None
    parent: str | None


def _present_runs(client: Any, experiment_id: str, results: str) -> dict[str, list[_Present]]:
    """Return key -> runs that an import of these results left; a user's own runs have no key and stay out of it."""
    present: dict[str, list[_Present]] = defaultdict(list)
    token = None
    while True:
        page = client.search_runs([experiment_id], max_results=_PAGE, page_token=token)
        for run in page:
            tags = run.data.tags
            if KEY in tags and tags.get(RESULTS) == results:
                present[tags[KEY]].append(_Present(run.info.run_id, tags.get(CONTENT), tags.get(PARENT)))
        token = page.token
        if not token:
            return dict(present)


def _import_one(client: Any, experiment_id: str, results: str, want: _Wanted, content: str, parent: str | None) -> str:
    from mlflow.entities import Metric, Param, RunTag

    tags = want.tags | {KEY: want.key, RESULTS: results} | ({PARENT: parent} if parent else {})
    run_id = client.create_run(experiment_id, start_time=want.start, tags=tags, run_name=want.name).info.run_id
    params = [Param(_entity_name(name), value) for name, value in sorted(want.params.items())]
    metrics = [Metric(_entity_name(p.name), float(p.value), p.time, p.step) for p in want.metrics]
    if want.data:
        _log_data(client, run_id, *want.data)
    for file, folder in want.artifacts:
        client.log_artifact(run_id, str(file), folder or None)
    client.set_terminated(run_id, want.status, want.end)
    # Few large batches: a call costs more than what is in it. MLflow writes the tags of a batch last.
    batches = list(zip_longest(_cut(params, _PARAMS), _cut(metrics, _METRICS), fillvalue=[])) or [([], [])]
    for few_params, few_metrics in batches[:-1]:
        client.log_batch(run_id, few_metrics, few_params)
    few_params, few_metrics = batches[-1]
    client.log_batch(run_id, few_metrics, few_params, [RunTag(CONTENT, content)])  # without it a run counts as cut off
    return run_id


def _cut(entities: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [entities[first : first + size] for first in range(0, len(entities), size)]


def _log_data(client: Any, run_id: str, name: str, digest: str, profile: str) -> None:
    """Name the data set of a run; twice if need be, as MLflow refuses all but one of those who name a new one at once.

    It looks for the data set of this name and digest in the experiment and adds it where there is none, and does not
    expect another import to do so in between. Who comes second finds it.
    """
    from mlflow.entities import Dataset, DatasetInput
    from mlflow.exceptions import MlflowException

    dataset = Dataset(name=name, digest=digest, source_type="prepared", source="features.npz", profile=profile)
    try:
        client.log_inputs(run_id, datasets=[DatasetInput(dataset)])
    except MlflowException as error:
        if error.error_code != "BAD_REQUEST":
            raise
        client.log_inputs(run_id, datasets=[DatasetInput(dataset)])


def _entity_name(name: str) -> str:
    """Replace what MLflow does not allow in the name of a parameter or metric."""
    return re.sub(r"[^\w./ :-]", "_", name)[:250]
