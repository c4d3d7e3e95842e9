"""Rows of records.csv and scores.csv."""

import numpy as np


def record(method, seed, status="ok", dataset="digits", **changes):
    return {
        "dataset": dataset,
        "method": method,
        "label": method.upper(),
        "seed": seed,
        "control": method == "random",
        "status": status,
        "reason": None if status == "ok" else f"{status} & 100% sure_of it",
        "objective": np.nan,
        "seconds": 1.0,
        "pretrain_seconds": np.nan,
        "updates": np.nan,
        "peak_memory_mb": 100.0,
        "peak_gpu_memory_mb": np.nan,
        "device": "cpu",
        "device_name": "Example",
        "tuned_with": None,
        "use": "x.Y",
        "autoencoder": None,
        "params": "{}",
        "git_commit": "0123456789" * 4,
        "dirty": False,
        "finished": "2026-01-02T03:04:05+00:00",
    } | changes


def score(method, seed, value, metric="acc", labels="own", dataset="digits"):
    return {"dataset": dataset, "method": method, "seed": seed, "labels": labels, "metric": metric, "value": value}
