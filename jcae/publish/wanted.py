"""What MLflow shall hold of a run of the pipeline, read from its result files; nothing here talks to MLflow."""

import csv
import hashlib
import io
import json
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from jcae.files import file_sha256
from jcae.jobs import records
from jcae.scores.evaluation import SKIPPED

FORMAT = 2
"""Part of every content digest: raise it when the import itself changes, and all runs are imported anew."""
PARAM_LENGTH, TAG_LENGTH = 6000, 8000
"""Characters of a parameter and of a tag that MLflow takes."""


@dataclass(frozen=True)
class Point:
    """One value of a metric."""

    name: str
    value: float
    time: int  # ms since 1970
    step: int = 0


@dataclass(frozen=True)
class Wanted:
    """One MLflow run as it should be."""

    key: str
    name: str
    status: str  # FINISHED | FAILED
    start: int
    end: int
    params: dict[str, str] = field(default_factory=dict)
    metrics: list[Point] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    artifacts: list[tuple[Path, str]] = field(default_factory=list)  # file, folder within the run
    texts: dict[str, str] = field(default_factory=dict)  # name of the artifact -> what is in it
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
            sorted(self.texts.items()),
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def read_wanted(results_dir: Path, groups: Iterable[tuple[tuple[str, str, str], Sequence[Path]]]) -> Iterator[Wanted]:
    """Yield every MLflow run that the files of these groups of folders ask for, parents before their children.

    The files of a method on a data set are read when its turn comes: many thousands of runs do not fit into memory.
    """
    scores = _read_scores(results_dir / "scores.csv")
    words = _read_words(results_dir / "records.csv")
    latest = 0
    for (kind, dataset, method), folders in groups:
        key = f"{results_dir.name}/{kind}/{dataset}/{method}"
        group = [records.read_record(folder / "run.json") for folder in folders]
        if kind == "runs":
            group = [record | words.get((dataset, method, record["seed"]), {}) for record in group]
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


def run_folders(results_dir: Path) -> list[tuple[tuple[str, str, str], list[Path]]]:
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


def _read_words(file: Path) -> dict[tuple[str, str, int], dict[str, str | None]]:
    """Return (data set, method, seed) -> what the config calls the method and how it was tuned: no run hangs on it."""
    rows = _read_csv(file)
    return {
        (row["dataset"], row["method"], int(row["seed"])): {
            "label": row["label"],
            "tuned_with": row.get("tuned_with") or None,
        }
        for row in rows
        if row.get("label")
    }


def _number(text: str) -> float:
    return float(text) if text else math.nan


def _child(
    key: str, parent: str, kind: str, folder: Path, record: Mapping[str, Any], scores: Mapping[str, float]
) -> Wanted:
    start = _milliseconds(record["started"])
    end = max(start, _milliseconds(record["finished"]))  # a clock may have been set back in between
    values = {**scores, **_facts(record)}
    points = [Point(name, value, end) for name, value in values.items() if value is not None]
    points += _history(folder / "history.csv", start, end)
    finite = [point for point in points if math.isfinite(point.value)]
    lost = Counter(point.name for point in points if not math.isfinite(point.value))
    tags = _tags(record, kind)
    if lost:  # MLflow would draw NaN as 0 and infinity as 1.8e308
        tags["not finite"] = ", ".join(f"{name} ({count})" for name, count in sorted(lost.items()))
    return Wanted(
        key=key,
        name=f"seed {record['seed']} | {record['label']} | {record['dataset']}",
        status="FINISHED" if record["status"] in ("ok", SKIPPED) else "FAILED",
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


def _history(file: Path, start: int, end: int) -> list[Point]:
    """Read the history; the file has no clock, so its rows are spread evenly over the run."""
    rows = _read_csv(file)
    span = max(len(rows) - 1, 1)
    return [
        Point(
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
    return {name: value[:PARAM_LENGTH] for name, value in (own | run).items()}


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
        "tuned_with": record.get("tuned_with"),
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
    return {name: str(value)[:TAG_LENGTH] for name, value in tags.items() if value is not None}


def _child_note(record: Mapping[str, Any]) -> str:
    lines = [f"**{record['status']}**" + (f": {record['reason']}" if record["reason"] else "")]
    if record["command"]:
        lines.append(f"Repeat with\n```\n{record['command']}\n```")
    if record["traceback"]:
        lines.append(f"```\n{record['traceback'][-4000:]}\n```")
    return "\n\n".join(lines)[:TAG_LENGTH]


def _parent(key: str, kind: str, group: Sequence[Mapping[str, Any]], children: Sequence[Wanted]) -> Wanted:
    """Summarise the seeds of a method on a data set; only ok runs enter means and deviations, skipped ones no count."""
    first = group[0]
    statuses = Counter(record["status"] for record in group)
    end = max(child.end for child in children)
    ok = [child for child, record in zip(children, group, strict=True) if record["status"] == "ok"]
    tried = len(group) - statuses[SKIPPED]
    points = [Point("runs", tried, end), Point("runs ok", len(ok), end)]
    for name, values in sorted(_final_values(ok).items()):
        section, _, metric = name.rpartition("/")
        points.append(Point(f"{section or 'run'} mean/{metric}", statistics.fmean(values), end))
        if len(values) > 1:
            points.append(Point(f"{section or 'run'} sd/{metric}", statistics.stdev(values), end))
    shared = set.intersection(*({*child.params.items()} for child in children))
    tags = {name: value for name, value in children[0].tags.items() if name in _SHARED_TAGS}
    tags["status"] = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    return Wanted(
        key=key,
        name=f"{first['label']} | {first['dataset']}",
        status="FINISHED" if ok or not tried else "FAILED",
        start=min(child.start for child in children),
        end=end,
        params={name: value for name, value in shared if name not in ("seed", "random_state")},
        metrics=points,
        tags=tags | {"mlflow.note.content": _parent_note(first, tags["status"], kind)},
        texts={"seeds.csv": _seeds_table(group, children)},
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


def _seeds_table(group: Sequence[Mapping[str, Any]], children: Sequence[Wanted]) -> str:
    """Write what a parent's means are made of: a line per seed, failed ones too, a column per value."""
    found = [{point.name: point.value for point in child.metrics if _is_final(point)} for child in children]
    names = sorted(set().union(*found))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["seed", "status", "reason", *names])
    for record, values in zip(group, found, strict=True):
        writer.writerow([record["seed"], record["status"], record["reason"], *(values.get(name) for name in names)])
    return text.getvalue()


def _is_final(point: Point) -> bool:
    """Whether a metric has one value per run, unlike the histories."""
    return point.name.startswith(("own/", "refit/")) or "/" not in point.name


def _final_values(children: Iterable[Wanted]) -> dict[str, list[float]]:
    """Return the values over the seeds of everything that has one value per run."""
    values: dict[str, list[float]] = defaultdict(list)
    for child in children:
        for point in child.metrics:
            if _is_final(point):
                values[point.name].append(point.value)
    return values


def _parent_note(record: Mapping[str, Any], statuses: str, kind: str) -> str:
    info = record["info"]
    lines = [
        f"**{record['label']}** {'pretrained ' if kind == 'pretrained' else ''}on **{record['dataset']}**: {statuses}.",
        info["summary"],
        f"Reference: {info['reference']}" if info["reference"] else "",
        f"Parameters tuned with: {record['tuned_with']}" if record.get("tuned_with") else "",
        "\n".join(["Differences from the paper:", *(f"- {text}" for text in info["deviations"])])
        if info["deviations"]
        else "",
        "Means and standard deviations are over the runs that are ok.",
    ]
    return "\n\n".join(line for line in lines if line)[:TAG_LENGTH]


def _report(results_dir: Path, time: int) -> Wanted | None:
    """Collect all figures and tables in one MLflow run, dated by the last training."""
    files = sorted(
        file for place in ("figures", "tables") for file in (results_dir / place).rglob("*") if file.is_file()
    )
    files = [file for file in files if ".tmp." not in file.name]
    if not files:
        return None
    return Wanted(
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
