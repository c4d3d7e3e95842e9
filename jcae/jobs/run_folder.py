"""How the folder of a run is written: its arrays, history and weights, and the record."""

import csv
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jcae.files import file_sha256
from jcae.jobs import records
from jcae.jobs.block_job import BlockJob
from jcae.jobs.parameters import recorded_params
from jcae.jobs.results import Result, clusters_found

HISTORY_COLUMNS = ("phase", "epoch", "step", "term", "value")


def make_record(job: BlockJob, seed: int, result: Result) -> dict[str, Any]:
    """The part of a run's record that is its own; what its block shares comes beside it."""
    info = _info(job.cls)
    spec = job.spec
    epochs = {(row["phase"], row["epoch"]) for row in result.history}
    return {
        "schema": records.SCHEMA_VERSION,
        "dataset": spec["dataset"],
        "method": spec["method"],
        "use": spec["use"],
        "label": info["label"],
        "seed": seed,
        "status": result.status,
        "reason": result.reason,
        "traceback": result.traceback,
        "params": recorded_params(job.cls, job.params, seed, result.by_rule),
        "info": info,
        "objective": result.objective,
        "clusters_found": clusters_found(result.labels),
        "updates": result.updates,
        "epochs": len(epochs) or None,
        "data": job.data,
        "seconds": result.seconds,
        "started": result.started,
        "finished": result.finished,
        "pretrained": job.start and {"autoencoder": job.start.autoencoder, "weights_sha256": job.start.digests[seed]},
        "command": job.command,
    } | ({} if result.bic is None else {"bic": result.bic})


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


def write_run(folder: Path, record: Mapping[str, Any], result: Result) -> dict[str, Any]:
    """Write the files of a run, and return its record as it was written."""
    folder.mkdir()
    arrays = {
        "labels.npz": {
            "labels": result.labels,
            "refit_labels": result.refit_labels,
            "fit_labels": result.fit_labels,
            "fit_refit_labels": result.fit_refit_labels,
        },
        "code.npz": {"code": result.code, "embedding": result.embedding},
        "decoded.npz": {"centroids": result.centroids, "interpolations": result.interpolations},
        "snapshots.npz": result.snapshots or {},
        "atoms.npz": result.atoms or {},
        "tree.npz": result.tree or {},
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
