"""Fits one block: a method (or an autoencoder) on one data set for several seeds, and writes the block's folder.

What a method does wrong becomes part of the result (status, reason, traceback); what the machine does wrong (a missing
file, a full disk, an interrupt) is raised, so that the job fails and is repeated.
"""

import contextlib
import csv
import errno
import hashlib
import inspect
import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from jcae.data.formats import read_arrays
from jcae.data.prepare import load_card
from jcae.files import atomic_folder, file_sha256
from jcae.jobs import provenance, records
from jcae.jobs.classes import MethodError, class_name, hint, load_class

AUTOENCODER = "jcae.Autoencoder"
INTERPOLATION_STEPS = 9
KEEP = ("all", "small")
HISTORY_COLUMNS = ("phase", "epoch", "step", "term", "value")

# The machine's fault, not the method's: no space, quota, input/output error, stale handle, read-only file system.
_INFRASTRUCTURE = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EROFS}


class ParameterError(ValueError):
    """A parameter that the class does not have, or lacks; the message lists the allowed ones."""


class ResultError(ValueError):
    """A fit that returned, but left no usable result."""


# --- class and parameters ---------------------------------------------------------------------------------------------


def resolve_params(
    cls: type, params: Mapping[str, Any], *, n_clusters: int | None = None, device: str = "auto"
) -> dict[str, Any]:
    """Complete the parameters of a method with what the block decides.

    Parameters
    ----------
    cls : type
    params : mapping
        As in the config; what it gives explicitly wins.
    n_clusters : int or None
        True number of clusters, from the data card; goes to ``n_clusters``, or to ``n_components`` where the signature
        has only that.
    device : str
        Goes to ``device`` where the signature has it.

    Returns
    -------
    dict
        Arguments of the constructor, all but ``random_state``.

    Raises
    ------
    ParameterError
        Where a parameter is unknown or missing, or ``random_state`` is given (it is the seed's).
    """
    signature = inspect.signature(cls).parameters
    named = [n for n, p in signature.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if "random_state" in params:
        raise ParameterError(f"{class_name(cls)}: random_state is the seed of the run and cannot be set in params")
    if not any(p.kind is p.VAR_KEYWORD for p in signature.values()):
        unknown = sorted(set(params) - set(named))
        if unknown:
            allowed = [name for name in named if name != "random_state"]
            raise ParameterError(f"{class_name(cls)}: unknown parameter {unknown[0]!r}{hint(unknown[0], allowed)}")
    resolved = dict(params)
    counts = [name for name in ("n_clusters", "n_components") if name in named]
    if counts and n_clusters is not None:
        resolved.setdefault(counts[0], n_clusters)
    if "device" in named:
        resolved.setdefault("device", device)
    required = [n for n in named if signature[n].default is inspect.Parameter.empty and n != "random_state"]
    missing = [name for name in required if name not in resolved]
    if missing:
        where = "; it comes from card.json beside the features, which is not there" if missing[0] in counts else ""
        raise ParameterError(f"{class_name(cls)}: parameter {missing[0]!r} is needed{where}")
    return resolved


def _recorded_params(cls: type, params: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Return all parameters, defaults included, as JSON."""
    signature = inspect.signature(cls).parameters
    defaults = {name: p.default for name, p in signature.items() if p.default is not inspect.Parameter.empty}
    return records.jsonable({**defaults, **params, **_seed_argument(cls, seed)})


def _seed_argument(cls: type, seed: int) -> dict[str, int]:
    return {"random_state": seed} if "random_state" in inspect.signature(cls).parameters else {}


# --- one block --------------------------------------------------------------------------------------------------------


def train_block(
    spec: Mapping[str, Any],
    features: str | Path,
    seeds: Sequence[int],
    out: str | Path,
    *,
    truth: str | Path | None = None,
    pretrained: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    checkpoints: str | Path | None = None,
    checkpoint_every: int = 0,
    keep: str = "all",
    progress: bool = False,
    command: str = "",
) -> list[dict[str, Any]]:
    """Fit a method for all seeds of a block and write one folder per seed.

    Parameters
    ----------
    spec : mapping
        ``dataset``, ``method``, ``use`` (see `jcae.jobs.classes.load_class`), ``params``; optional ``label``,
        ``tuned_with``, ``autoencoder``.
    features : path
        ``features.npz`` with X (n, d); ``card.json`` beside it gives the number of clusters.
    seeds : sequence of int
    out : path
        Folder of the block; written whole or not at all, an older one is replaced.
    truth : path or None
        ``truth.npz`` with y (n,); opened only for a class that says ``reads_truth = True``.
    pretrained : path or None
        Block folder of the autoencoder to start from, ``<pretrained>/<seed>/weights.safetensors``.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``cuda:<index>``.
    threads : int or None
        CPU threads; None takes ``OMP_NUM_THREADS``, or 1.
    checkpoints : path or None
        Folder of this block's checkpoints; removed when the block is done.
    checkpoint_every : int
        Epochs between checkpoints, 0 for none.
    keep : {"all", "small"}
        ``small``: the code as float16 and no weights, which are most of what a run of a deep method leaves.
    progress : bool
        Show progress bars.
    command : str
        Command line that repeats the block, for the record.

    Returns
    -------
    list of dict
        The records (run.json), one per seed, in the order of ``seeds``.

    Raises
    ------
    MethodError, ParameterError
        Where the spec fits no class.
    DataError, RecordError, OSError
        Where an input is damaged or missing, or the disk is full. What the method itself raises is a record with
        status failed.
    """
    if keep not in KEEP:
        raise ValueError(f"keep={keep!r} is unknown; allowed are {list(KEEP)}")
    job = replace(_prepare(spec, features, seeds, device, threads, command), keep=keep)
    if getattr(job.cls, "reads_truth", False):
        if truth is None:
            raise ValueError(f"{spec['use']} reads the truth, but no truth file was given")
        job = replace(job, y=read_arrays(truth, "y")["y"])
    job = replace(job, start=_read_pretrained(spec, pretrained, job))
    return _run(job, out, checkpoints, checkpoint_every, progress)


def pretrain_block(
    spec: Mapping[str, Any],
    features: str | Path,
    seeds: Sequence[int],
    out: str | Path,
    *,
    device: str = "auto",
    threads: int | None = None,
    checkpoints: str | Path | None = None,
    checkpoint_every: int = 0,
    progress: bool = False,
    command: str = "",
) -> list[dict[str, Any]]:
    """Train an autoencoder for all seeds of a block and write weights, history and record per seed.

    Parameters and errors are those of `train_block`; ``spec["autoencoder"]`` is its name, ``spec["use"]`` is
    `jcae.Autoencoder` where it is left out.
    """
    spec = {"use": AUTOENCODER, "method": spec["autoencoder"], **spec}
    job = _prepare(spec, features, seeds, device, threads, command)
    return _run(replace(job, clusters=False), out, checkpoints, checkpoint_every, progress)


@dataclass(frozen=True)
class _Start:
    """What a block starts from: the weights of the seeds that have some, and why the others have none."""

    autoencoder: str
    weights: dict[int, dict[str, np.ndarray]]
    digests: dict[int, str | None]
    lost: dict[int, str]


@dataclass(frozen=True)
class _Job:
    """Everything that is known before the fit."""

    spec: Mapping[str, Any]
    cls: type
    params: dict[str, Any]
    seeds: list[int]
    X: np.ndarray
    data: dict[str, Any]
    device: str
    threads: int
    command: str
    y: np.ndarray | None = None
    start: _Start | None = None
    clusters: bool = True
    keep: str = "all"

    @property
    def deep(self) -> bool:
        return hasattr(self.cls, "fit_seeds")

    @property
    def name(self) -> str:
        return f"{self.spec['dataset']}/{self.spec['method']}/{records.format_block(self.seeds)}"


@dataclass
class _Result:
    """What one seed left behind; arrays are None where the method has nothing of the kind."""

    status: str = "ok"
    reason: str | None = None
    traceback: str | None = None
    labels: np.ndarray | None = None
    refit_labels: np.ndarray | None = None
    code: np.ndarray | None = None
    centroids: np.ndarray | None = None
    interpolations: np.ndarray | None = None
    snapshots: Mapping[str, np.ndarray] | None = None
    history: list[Mapping[str, Any]] = field(default_factory=list)
    weights: Mapping[str, np.ndarray] | None = None
    objective: dict[str, Any] | None = None
    updates: int | None = None
    seconds: float = 0.0
    started: str = ""
    finished: str = ""


def _prepare(
    spec: Mapping[str, Any],
    features: str | Path,
    seeds: Sequence[int],
    device: str,
    threads: int | None,
    command: str,
) -> _Job:
    records.format_block(seeds)  # refuses an empty block and doubled seeds
    cls = load_class(spec["use"])
    X = read_arrays(features, "X")["X"]
    card_file = Path(features).with_name("card.json")
    card = load_card(card_file) if card_file.exists() else {}
    n_clusters = card.get("n_clusters")
    params = resolve_params(cls, spec.get("params") or {}, n_clusters=n_clusters, device=device)
    return _Job(
        spec=spec,
        cls=cls,
        params=params,
        seeds=list(seeds),
        X=X,
        data={
            "n": int(X.shape[0]),
            "d": int(X.shape[1]),
            "n_clusters": n_clusters,
            "features_sha256": card.get("features_sha256") or file_sha256(features),
        },
        device=_resolve_device(params.get("device", "cpu")),
        threads=threads or int(os.environ.get("OMP_NUM_THREADS") or 1),
        command=command,
    )


def _resolve_device(device: str) -> str:
    """Return where the fit will run; a card that is asked for by name and missing is an error, not a slow run."""
    if device == "cpu":
        return "cpu"
    from jcae.models.estimator import resolve_device

    return str(resolve_device(device))


def _read_pretrained(spec: Mapping[str, Any], pretrained: str | Path | None, job: _Job) -> _Start | None:
    name = spec.get("autoencoder")
    if name is None and pretrained is None:
        return None
    if name is None or pretrained is None:
        raise ValueError(f"{job.name}: autoencoder {name!r} and pretrained folder {str(pretrained)!r} go together")
    if not job.deep:
        raise MethodError(f"{spec['use']} has no fit_seeds and cannot start from the autoencoder {name!r}")
    start = _Start(name, {}, {}, {})
    for seed in job.seeds:
        folder = Path(pretrained) / str(seed)
        file = folder / "weights.safetensors"
        record = records.read_record(folder / "run.json")
        start.digests[seed] = file_sha256(file) if file.exists() else None
        if record["status"] == "ok":
            start.weights[seed] = _read_weights(file, record)
        else:
            start.lost[seed] = f"autoencoder {name!r} of seed {seed} {record['status']}: {record['reason']}"
    return start


def _read_weights(file: Path, record: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Read the weights of a run, and hold them against its record: the format has no checksum of its own."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        weights = load_file(file)
    except SafetensorError as error:
        raise records.RecordError(
            f"{file}: not a file of weights ({error}); delete its block and train it again"
        ) from None
    if (stated := record.get("weights_sha256")) not in (None, found := file_sha256(file)):
        raise records.RecordError(
            f"{file}: damaged, its sha256 is {found}, run.json states {stated}; delete its block and train it again"
        )
    return weights


def _run(
    job: _Job, out: str | Path, checkpoints: str | Path | None, checkpoint_every: int, progress: bool
) -> list[dict[str, Any]]:
    code = {"digest": provenance.code_digest(job.cls), **provenance.git_state(), "file": provenance.code_file(job.cls)}
    with _limited_threads(job), _claimed_device(job) as job, _gpu_memory(job.device) as gpu_memory:
        if job.deep:
            results = _fit_together(job, _runtime(job, code["digest"], checkpoints, checkpoint_every, progress))
        else:
            results = {seed: _fit_alone(job, seed) for seed in job.seeds}
        gpu_peak = gpu_memory()
    shared = {
        "block": job.seeds,
        "code": code,
        "versions": provenance.versions(),
        "device": provenance.device_facts(job.device, threads=job.threads, precision=_precision(job)),
        "block_seconds": sum(result.seconds for result in results.values()),
        "peak_memory_mb": provenance.peak_memory_mb(),
        "peak_gpu_memory_mb": gpu_peak,
    }
    if job.keep == "small":
        for result in results.values():
            result.weights = None
            if result.code is not None and np.abs(result.code).max(initial=0) < np.finfo(np.float16).max:
                result.code = result.code.astype(np.float16)
    with atomic_folder(out) as folder:
        written = [
            _write(folder / str(seed), {**_record(job, seed, results[seed]), **shared}, results[seed])
            for seed in job.seeds
        ]
    if checkpoints is not None:
        shutil.rmtree(checkpoints, ignore_errors=True)
    return written


@contextlib.contextmanager
def _limited_threads(job: _Job) -> Iterator[None]:
    """Keep BLAS, OpenMP and torch to the threads of the job, so that run times can be compared."""
    from threadpoolctl import threadpool_limits

    if job.deep or job.device != "cpu":
        import torch  # plain methods are spared it: seconds and memory
    with threadpool_limits(job.threads):
        torch = sys.modules.get("torch")
        before = torch.get_num_threads() if torch else None
        try:
            if torch:
                torch.set_num_threads(job.threads)
            yield
        finally:
            if torch:
                torch.set_num_threads(before)


@contextlib.contextmanager
def _claimed_device(job: _Job) -> Iterator[_Job]:
    """Give the job a GPU of its own, if it asked for any."""
    if job.device == "cpu":
        yield job
        return
    from jcae.jobs.gpu import claim

    with claim(job.device) as device:
        yield replace(job, device=device, params={**job.params, "device": device})


@contextlib.contextmanager
def _gpu_memory(device: str) -> Iterator[Callable[[], float | None]]:
    if not device.startswith("cuda"):
        yield lambda: None
        return
    import torch

    torch.cuda.reset_peak_memory_stats(device)
    yield lambda: torch.cuda.max_memory_allocated(device) / 1024**2


def _runtime(job: _Job, digest: str, checkpoints: str | Path | None, every: int, progress: bool) -> Any:
    from jcae.training.loop import Runtime

    file = None
    if checkpoints is not None:
        # The name holds what the state depends on: changed code or weights never resume an older state.
        state = [job.spec["use"], job.params, job.seeds, job.data, digest, job.start and job.start.digests]
        name = hashlib.sha256(json.dumps(records.jsonable(state), sort_keys=True).encode()).hexdigest()[:16]
        file = Path(checkpoints) / f"{name}.safetensors"
    return Runtime(checkpoint=file, checkpoint_every=every, progress=progress, label=job.name)


def _precision(job: _Job) -> str:
    default = inspect.signature(job.cls).parameters.get("precision")
    value = job.params.get("precision", default.default if default else None)
    return value if isinstance(value, str) else str(job.X.dtype)


# --- fitting ----------------------------------------------------------------------------------------------------------


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _failure(error: Exception) -> dict[str, Any]:
    if isinstance(error, OSError) and error.errno in _INFRASTRUCTURE:
        raise error
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return {"status": "failed", "reason": reason, "traceback": "".join(traceback.format_exception(error))}


def _fit_alone(job: _Job, seed: int) -> _Result:
    """Fit one seed of a plain estimator."""
    started, clock = _now(), time.perf_counter()
    seconds = None
    try:
        estimator = job.cls(**job.params, **_seed_argument(job.cls, seed))
        labels = fitted_labels(estimator, job.X, job.y)
        seconds = time.perf_counter() - clock
        result = _collect(estimator, job, labels)
    except Exception as error:
        result = _Result(**_failure(error))
    result.seconds = seconds if seconds is not None else time.perf_counter() - clock
    result.started, result.finished = started, _now()
    return result


def fitted_labels(estimator: Any, X: np.ndarray, y: np.ndarray | None = None) -> Any:
    """Fit by scikit-learn's conventions and return the labels, wherever the class keeps them.

    Parameters
    ----------
    estimator : object
        With ``fit`` or ``fit_predict``.
    X : ndarray, (n_samples, n_features)
    y : ndarray, (n_samples,), optional
        Classes, for a control method only.

    Raises
    ------
    ResultError
        There are no labels.
    """
    if not hasattr(estimator, "fit"):
        return estimator.fit_predict(X)
    estimator.fit(X, y) if y is not None else estimator.fit(X)
    if hasattr(estimator, "labels_"):
        return estimator.labels_
    if hasattr(estimator, "predict"):
        return estimator.predict(X)
    if hasattr(estimator, "fit_predict"):
        return estimator.fit_predict(X)
    raise ResultError(f"{type(estimator).__name__} has neither labels_ nor predict nor fit_predict")


def _fit_together(job: _Job, runtime: Any) -> dict[int, _Result]:
    """Fit all seeds of a deep method at once; seeds without their autoencoder are left out and fail."""
    lost = job.start.lost if job.start else {}
    seeds = [seed for seed in job.seeds if seed not in lost]
    started, clock = _now(), time.perf_counter()
    failure: dict[str, Any] | None = None
    fitted: list[Any] = []
    try:
        if seeds:
            fitted = _call_fit_seeds(job, seeds, runtime)
    except Exception as error:
        failure = _failure(error)
    seconds = (time.perf_counter() - clock) / max(len(seeds), 1)
    finished = _now()
    results = {seed: _Result(status="failed", reason=f"PretrainingError: {lost[seed]}") for seed in lost}
    for position, seed in enumerate(seeds):
        if failure:
            results[seed] = _Result(**failure)
        else:
            try:
                estimator = fitted[position]
                results[seed] = _collect(estimator, job, getattr(estimator, "labels_", None))
            except Exception as error:
                results[seed] = _Result(**_failure(error))
        results[seed].seconds = seconds
    for result in results.values():
        result.started, result.finished = started, finished
    return results


def _call_fit_seeds(job: _Job, seeds: list[int], runtime: Any) -> list[Any]:
    estimator = job.cls(**job.params)
    start = {"pretrained": [job.start.weights[seed] for seed in seeds]} if job.start else {}
    fitted = estimator.fit_seeds(job.X, seeds, runtime=runtime, **start)
    if len(fitted) != len(seeds):
        raise ResultError(f"fit_seeds returned {len(fitted)} estimators for {len(seeds)} seeds")
    return fitted


# --- what a fitted estimator holds ------------------------------------------------------------------------------------


def _collect(estimator: Any, job: _Job, labels: Any) -> _Result:
    status = getattr(estimator, "status_", "ok")
    if status not in records.STATUSES:
        raise ResultError(f"status_ is {status!r}, allowed are {records.STATUSES}")
    reason = getattr(estimator, "reason_", None)
    weights = getattr(estimator, "weights_", None)
    result = _Result(
        status=status,
        reason=None if status == "ok" else reason or f"the method says {status} and gives no reason",
        history=_history(estimator),
        weights=weights if isinstance(weights, Mapping) else None,  # a mixture's weights_ are no network
        objective=fitted_objective(estimator),
        updates=int(estimator.n_updates_) if hasattr(estimator, "n_updates_") else None,
    )
    if not job.clusters:
        return result
    if job.deep and hasattr(estimator, "snapshots_"):
        result.snapshots = estimator.snapshots_._asdict()
    try:
        _collect_clusters(result, estimator, job, labels)
    except Exception:
        if status == "ok":
            raise
        # A diverged run need not have labels or a code: its status already says what happened.
    if status == "ok" and not hasattr(estimator, "status_"):
        _mark_collapse(result, job)
    return result


def _history(estimator: Any) -> list[Mapping[str, Any]]:
    """Return the rows of ``history_``, where it holds such rows: other packages call other things so."""
    history = getattr(estimator, "history_", None)
    if isinstance(history, list) and all(isinstance(row, Mapping) for row in history):
        return history
    return []


def fitted_objective(estimator: Any) -> dict[str, Any] | None:
    """Name and value of what a fit minimised, None where it does not say; the value is None where it is not finite."""
    for attribute, sign in (("loss_", 1.0), ("inertia_", 1.0), ("lower_bound_", -1.0)):
        value = getattr(estimator, attribute, None)
        if isinstance(value, Real):
            name = attribute if sign > 0 else f"-{attribute}"
            return {"name": name, "value": sign * float(value) if np.isfinite(value) else None}
    return None


def _collect_clusters(result: _Result, estimator: Any, job: _Job, labels: Any) -> None:
    centers = getattr(estimator, "cluster_centers_", None)
    if centers is not None:
        centers = _finite("cluster_centers_", centers)
    result.labels = _clean_labels("labels", labels, len(job.X), None if centers is None else len(centers))
    refit = getattr(estimator, "refit_labels_", None)
    if refit is not None:
        result.refit_labels = _clean_labels("refit_labels_", refit, len(job.X), None)
    decode = getattr(estimator, "inverse_transform", None)
    if hasattr(estimator, "transform") and (decode is not None or result.weights is not None):
        # Without a decoder, transform is something else: scikit-learn's KMeans gives distances there.
        result.code = _finite("transform(X)", estimator.transform(job.X)).astype(np.float32)
    if centers is None or not len(centers):
        return
    if decode is None and centers.shape[1] == job.X.shape[1] and result.code is None:
        decode = np.asarray  # the centers lie in the space of the data
    if decode is not None:
        result.centroids = _finite("decoded centers", decode(centers)).astype(np.float32)
        paths = _interpolate(centers)
        decoded = _finite("decoded interpolations", decode(paths.reshape(-1, centers.shape[1])))
        result.interpolations = decoded.reshape(*paths.shape[:2], -1).astype(np.float32)


def _interpolate(centers: np.ndarray) -> np.ndarray:
    """Return straight paths from each center k to the next one, (K, 9, p), ends included."""
    weight = np.linspace(0.0, 1.0, INTERPOLATION_STEPS, dtype=centers.dtype)[:, None]
    return centers[:, None] * (1 - weight) + np.roll(centers, -1, axis=0)[:, None] * weight


def _finite(what: str, array: Any) -> np.ndarray:
    array = np.asarray(array)
    if not np.isfinite(array).all():
        raise ResultError(
            f"{what} {array.shape} has {np.count_nonzero(~np.isfinite(array))} values that are not finite"
        )
    return array


def _clean_labels(what: str, labels: Any, n: int, n_centers: int | None) -> np.ndarray:
    """Check labels and encode them as 0.. (n,) int32, noise as -1."""
    labels = np.asarray(labels)
    if labels.shape != (n,):
        raise ResultError(f"{what}: shape {labels.shape} where ({n},) is due")
    if np.issubdtype(labels.dtype, np.floating):
        if not np.isfinite(labels).all() or (labels != np.round(labels)).any():
            raise ResultError(f"{what}: floating point numbers that are no whole numbers (or NaN)")
        labels = labels.astype(np.int64)
    elif labels.dtype == object:
        raise ResultError(f"{what}: Python objects instead of numbers")
    noise = labels < 0 if np.issubdtype(labels.dtype, np.signedinteger) else np.zeros(n, bool)
    clean = np.full(n, -1, dtype=np.int32)
    if n_centers and np.issubdtype(labels.dtype, np.integer) and labels.max(initial=0) < n_centers:
        clean[~noise] = labels[~noise]  # they point at the centers; closing gaps would make them point at others
    else:
        clean[~noise] = np.unique(labels[~noise], return_inverse=True)[1]
    return clean


def _clusters_found(labels: np.ndarray | None) -> int | None:
    return None if labels is None else len(np.unique(labels[labels >= 0]))


def _mark_collapse(result: _Result, job: _Job) -> None:
    asked = job.params.get("n_clusters", job.params.get("n_components")) or job.data["n_clusters"] or 2
    found = _clusters_found(result.labels)
    if found is not None and found <= 1 < asked:
        result.status = "collapsed"
        result.reason = f"{found} non-empty cluster{'s' if found == 0 else ''} where {asked} were asked for"


# --- writing ----------------------------------------------------------------------------------------------------------


def _record(job: _Job, seed: int, result: _Result) -> dict[str, Any]:
    info = _info(job.cls)
    spec = job.spec
    epochs = {(row["phase"], row["epoch"]) for row in result.history}
    return {
        "schema": records.SCHEMA_VERSION,
        "dataset": spec["dataset"],
        "method": spec["method"],
        "use": spec["use"],
        "label": spec.get("label") or info["label"],
        "seed": seed,
        "status": result.status,
        "reason": result.reason,
        "traceback": result.traceback,
        "params": _recorded_params(job.cls, job.params, seed),
        "info": info,
        "tuned_with": spec.get("tuned_with"),
        "objective": result.objective,
        "clusters_found": _clusters_found(result.labels),
        "updates": result.updates,
        "epochs": len(epochs) or None,
        "data": job.data,
        "seconds": result.seconds,
        "started": result.started,
        "finished": result.finished,
        "pretrained": job.start and {"autoencoder": job.start.autoencoder, "weights_sha256": job.start.digests[seed]},
        "command": job.command,
    }


def _info(cls: type) -> dict[str, Any]:
    info = getattr(cls, "info", None)
    if info is None:
        summary = (inspect.getdoc(cls) or "").partition("\n\n")[0]
        return {"label": cls.__name__, "summary": " ".join(summary.split()), "reference": None, "deviations": []}
    facts = {
        "label": info.label,
        "summary": info.summary,
        "reference": info.reference,
        "deviations": list(info.deviations),
    }
    return facts | ({"control": bool(info.control)} if hasattr(info, "control") else {})


def _write(folder: Path, record: Mapping[str, Any], result: _Result) -> dict[str, Any]:
    """Write the files of a run, and return its record as it was written."""
    folder.mkdir()
    arrays = {
        "labels.npz": {"labels": result.labels, "refit_labels": result.refit_labels},
        "code.npz": {"code": result.code},
        "decoded.npz": {"centroids": result.centroids, "interpolations": result.interpolations},
        "snapshots.npz": result.snapshots or {},
    }
    for name, content in arrays.items():
        present = {key: array for key, array in content.items() if array is not None}
        if present:
            np.savez_compressed(folder / name, **present)
    if result.history:
        _write_history(folder / "history.csv", result.history)
    weights_sha256 = None
    if result.weights is not None:
        from safetensors.numpy import save_file

        tensors = {name: np.asarray(array, order="C") for name, array in result.weights.items()}
        save_file(tensors, folder / "weights.safetensors")
        weights_sha256 = file_sha256(folder / "weights.safetensors")
    record = {**record, "weights_sha256": weights_sha256}
    records.write_record(folder / "run.json", record)
    return record


def _write_history(path: Path, history: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, HISTORY_COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
