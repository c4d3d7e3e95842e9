"""Fits one block: a method (or an autoencoder) on one data set for several seeds, and writes the block's folder.

What a method does wrong becomes part of the result (status, reason, traceback); what the machine does wrong (a missing
file, a full disk) or the user (an interrupt) is raised, so that the job fails and is repeated.
"""

import contextlib
import hashlib
import inspect
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from jcae.files import atomic_folder
from jcae.jobs import provenance, records
from jcae.jobs.block_job import BlockJob, Files, prepare_job, read_start
from jcae.jobs.parameters import seed_argument
from jcae.jobs.results import Result, ResultError, collect, describe_failure, fitted_labels
from jcae.jobs.run_folder import make_record, write_run
from jcae.training.isolation import threads_in_use, unchanged_process

AUTOENCODER = "jcae.Autoencoder"
KEEP = ("all", "small")


def train_block(
    spec: Mapping[str, Any],
    features: str | Path,
    seeds: Sequence[int],
    out: str | Path,
    *,
    truth: str | Path | None = None,
    fit: str | Path | None = None,
    graph: str | Path | None = None,
    pretrained: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    checkpoints: str | Path | None = None,
    checkpoint_every: int = 0,
    keep: str = "all",
    progress: bool = False,
    command: str = "",
    crash: str | None = None,
) -> list[dict[str, Any]]:
    """Fit a method for all seeds of a block and write one folder per seed.

    Parameters
    ----------
    spec : mapping
        ``dataset``, ``method``, ``use`` (see `jcae.jobs.classes.load_class`), ``params``; optional ``label``,
        ``tuned_with``, ``autoencoder``, ``transfer``.
    features : path
        ``features.npz`` with X (n, d); ``card.json`` beside it gives the number of clusters.
    seeds : sequence of int
    out : path
        Folder of the block; written whole or not at all, an older one is replaced.
    truth : path or None
        ``truth.npz`` with y (n,); opened only for a class that says ``reads_truth = True``.
    fit : path or None
        ``fit.npz`` with X (m, d): the method is fitted on these points, and labels those of the features as
        ``spec["transfer"]`` says (`jcae.jobs.transfer.WAYS`); by default with its ``adapt``, or with ``predict``.
        One without either is skipped.
    graph : path or None
        ``graph.npz``: the graph of the points that it is fitted on, for a ``fit`` that takes one.
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
    crash : str or None
        How an earlier process of this block ended, where the method took it down: nothing is fitted, and this is why
        the runs failed.

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
    files = Files(*(path and Path(path) for path in (features, fit, graph, truth)))
    job = replace(prepare_job(spec, files, seeds, device, threads, command), keep=keep)
    job = replace(job, start=read_start(spec, pretrained, job))
    return _run(job, out, checkpoints, checkpoint_every, progress, crash)


def pretrain_block(
    spec: Mapping[str, Any],
    features: str | Path,
    seeds: Sequence[int],
    out: str | Path,
    *,
    fit: str | Path | None = None,
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
    job = prepare_job(spec, Files(Path(features), fit and Path(fit)), seeds, device, threads, command)
    return _run(replace(job, clusters=False), out, checkpoints, checkpoint_every, progress)


def _run(
    job: BlockJob,
    out: str | Path,
    checkpoints: str | Path | None,
    checkpoint_every: int,
    progress: bool,
    crash: str | None = None,
) -> list[dict[str, Any]]:
    code = {"digest": provenance.code_digest(job.cls), **provenance.git_state(), "file": provenance.code_file(job.cls)}
    with _claimed_device(job) as job, _gpu_memory(job.device) as gpu_memory:
        if crash or (job.hindrance and job.clusters):
            status, reason = ("failed", crash) if crash else ("skipped", job.hindrance)
            without_fit = Result(status, reason, started=_now(), finished=_now())
            results, threads = dict.fromkeys(job.seeds, without_fit), job.threads
        elif job.deep:
            runtime = _runtime(job, code["digest"], checkpoints, checkpoint_every, progress)
            with _limited_threads(job):
                results = _fit_together(job, runtime)
                threads = threads_in_use()
        else:
            results, threads = {}, 1
            for seed in job.seeds:
                with _limited_threads(job):
                    results[seed] = _fit_alone(job, seed)
                    threads = max(threads, threads_in_use())
        gpu_peak = gpu_memory()
    shared = {
        "block": job.seeds,
        "code": code,
        "versions": provenance.versions(),
        "device": provenance.device_facts(job.device, threads=threads, precision=_precision(job)),
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
            write_run(folder / str(seed), {**make_record(job, seed, results[seed]), **shared}, results[seed])
            for seed in job.seeds
        ]
    if checkpoints is not None:
        shutil.rmtree(checkpoints, ignore_errors=True)
    return written


@contextlib.contextmanager
def _limited_threads(job: BlockJob) -> Iterator[None]:
    """Keep BLAS, OpenMP and torch to the threads of the job, so that run times can be compared.

    Whatever the fit itself changes of the process ends with it, so that no seed finds what another one left.
    """
    from threadpoolctl import threadpool_limits

    if job.deep or job.device != "cpu":
        import torch  # plain methods are spared it: seconds and memory
    with unchanged_process(), threadpool_limits(job.threads):
        if torch := sys.modules.get("torch"):
            torch.set_num_threads(job.threads)
        yield


@contextlib.contextmanager
def _claimed_device(job: BlockJob) -> Iterator[BlockJob]:
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


def _runtime(job: BlockJob, digest: str, checkpoints: str | Path | None, every: int, progress: bool) -> Any:
    from jcae.training.phase import Runtime

    file = None
    if checkpoints is not None:
        # The name holds what the state depends on: changed code or weights never resume an older state.
        state = [job.spec["use"], job.params, job.seeds, job.data, digest, job.start and job.start.digests]
        name = hashlib.sha256(json.dumps(records.jsonable(state), sort_keys=True).encode()).hexdigest()[:16]
        file = Path(checkpoints) / f"{name}.safetensors"
    return Runtime(checkpoint=file, checkpoint_every=every, progress=progress, label=job.name)


def _precision(job: BlockJob) -> str:
    default = inspect.signature(job.cls).parameters.get("precision")
    value = job.params.get("precision", default.default if default else None)
    return value if isinstance(value, str) else str(job.X.dtype)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _fit_alone(job: BlockJob, seed: int) -> Result:
    """Fit one seed of a plain estimator."""
    started, clock = _now(), time.perf_counter()
    seconds = None
    try:
        estimator = job.cls(**job.params, **seed_argument(job.cls, seed))
        labels = fitted_labels(estimator, job.X, job.y, **job.given)
        seconds = time.perf_counter() - clock
        result = collect(estimator, job, labels)
    except BaseException as error:  # sys.exit, too
        result = Result(**describe_failure(error))
    result.seconds = seconds if seconds is not None else time.perf_counter() - clock
    result.started, result.finished = started, _now()
    return result


def _fit_together(job: BlockJob, runtime: Any) -> dict[int, Result]:
    """Fit all seeds of a deep method at once; seeds without their autoencoder are left out and fail."""
    lost = job.start.lost if job.start else {}
    seeds = [seed for seed in job.seeds if seed not in lost]
    started, clock = _now(), time.perf_counter()
    failure: dict[str, Any] | None = None
    fitted: list[Any] = []
    try:
        if seeds:
            fitted = _call_fit_seeds(job, seeds, runtime)
    except BaseException as error:
        failure = describe_failure(error)
    seconds = (time.perf_counter() - clock) / max(len(seeds), 1)
    finished = _now()
    results = {seed: Result(status="failed", reason=f"PretrainingError: {lost[seed]}") for seed in lost}
    for position, seed in enumerate(seeds):
        if failure:
            results[seed] = Result(**failure)
        else:
            try:
                estimator = fitted[position]
                results[seed] = collect(estimator, job, getattr(estimator, "labels_", None))
            except BaseException as error:
                results[seed] = Result(**describe_failure(error))
        results[seed].seconds = seconds
    for result in results.values():
        result.started, result.finished = started, finished
    return results


def _call_fit_seeds(job: BlockJob, seeds: list[int], runtime: Any) -> list[Any]:
    estimator = job.cls(**job.params)
    start = {"pretrained": [job.start.weights[seed] for seed in seeds]} if job.start else {}
    fitted = estimator.fit_seeds(job.X, seeds, runtime=runtime, **start, **job.given)
    if len(fitted) != len(seeds):
        raise ResultError(f"fit_seeds returned {len(fitted)} estimators for {len(seeds)} seeds")
    return fitted
