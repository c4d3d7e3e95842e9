"""Imports finished runs into MLflow.

Training never talks to MLflow. One process reads the result files afterwards, so no server can stall a training, and
the database can be deleted at any time: the next import builds it again. Each MLflow run carries two tags: ``jcae.key``
(what it is) and ``jcae.content`` (digest of what was imported, written last). A run whose content is still the same is
left alone; one that differs, or was cut off in the middle, is replaced; one whose files are gone is deleted.
"""

import json
import logging
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from jcae.files import atomic_write, replacing
from jcae.publish.wanted import Wanted, read_wanted, run_folders

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # read when mlflow is imported, hence here and not in track()
# MLflow's own defaults keep a dead server's client waiting for minutes.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")

KEY, CONTENT, RESULTS = "jcae.key", "jcae.content", "jcae.results"
PARENT = "mlflow.parentRunId"
VIEW = "scores"
"""View of an experiment in which its list of runs has the mean scores as columns: a `viewStateShareKey` of MLflow."""
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"

# MLflow's limits for one log_batch (1000 of all kinds, a tag among them), and for a page of runs.
_PARAMS, _METRICS, _PAGE = 100, 899, 1000


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
    wanted = read_wanted(results_dir, run_folders(results_dir))
    with _explained(uri):
        client, experiment_id = _open(uri, experiment)
        runs, counts = _import_all(client, experiment_id, results_dir.name, wanted)
    done = {"uri": _without_password(uri), "experiment": experiment, "experiment_id": experiment_id, "runs": runs}
    if manifest is not None:
        text = json.dumps(done, indent=2) + "\n"
        atomic_write(manifest, lambda handle: handle.write(text.encode()))
    return done | {kind: counts[kind] for kind in ("created", "replaced", "deleted", "unchanged")}


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
    except (MlflowException, RequestException, SQLAlchemyError) as error:
        said = _without_password(str(error)).strip()[-2000:]
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


_COLUMNS = [
    *(f"metrics.`own mean/{metric}`" for metric in ("acc", "nmi", "ari")),
    *("metrics.`runs ok`", "metrics.`run mean/seconds`"),
]
# Without the column of data sets, which MLflow puts first: the name of a run ends with its data set.
_VIEW = json.dumps({"selectedColumns": _COLUMNS, "orderByKey": "attributes.start_time", "orderByAsc": False})


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
            tags = _EXPERIMENT_TAGS | {VIEW_TAG: _VIEW}
            return client, client.create_experiment(experiment, artifact_location=place, tags=tags)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(experiment)  # made by another import, just now
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    if found.tags.get(VIEW_TAG) != _VIEW:
        client.set_experiment_tag(found.experiment_id, VIEW_TAG, _VIEW)
    return client, found.experiment_id


def _create_database(file: Path) -> None:
    """Make all tables in a file beside, then move it: a database cut off in the middle could not be repaired."""
    from mlflow.db import commands

    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # it tells of every database that it makes
    with replacing(file) as temporary:
        commands.main(["upgrade", f"sqlite:///{temporary}"], standalone_mode=False)  # `mlflow db upgrade`


def _import_all(
    client: Any, experiment_id: str, results: str, wanted: Iterable[Wanted]
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


def _import_one(client: Any, experiment_id: str, results: str, want: Wanted, content: str, parent: str | None) -> str:
    from mlflow.entities import Metric, Param, RunTag

    tags = want.tags | {KEY: want.key, RESULTS: results} | ({PARENT: parent} if parent else {})
    run_id = client.create_run(experiment_id, start_time=want.start, tags=tags, run_name=want.name).info.run_id
    params = [Param(_entity_name(name), value) for name, value in sorted(want.params.items())]
    metrics = [Metric(_entity_name(p.name), float(p.value), p.time, p.step) for p in want.metrics]
    if want.data:
        _log_data(client, run_id, *want.data)
    for file, folder in want.artifacts:
        client.log_artifact(run_id, str(file), folder or None)
    for name, text in want.texts.items():
        client.log_text(run_id, text, name)
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
