"""What the figures read: the run that stands for each method, its arrays, and the prepared data."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jcae.evaluation import display_names, lowest_objective, read_records

RULE = "Run shown: the lowest training objective of the ok seeds, chosen without labels"


def records_of(results: Path, dataset: str | None = None) -> pd.DataFrame:
    """Read `records.csv`, restricted to a data set, with the column `name` (what to show for a method), in its order.

    Raises
    ------
    ValueError
        The data set has no runs; the message lists those that have.
    """
    records = read_records(results)
    names = display_names(records)
    if dataset is not None and dataset not in set(records["dataset"]):
        known = ", ".join(sorted(records["dataset"].unique()))
        raise ValueError(f"{results} holds no run on {dataset!r}; data sets there: {known}")
    if dataset is not None:
        records = records[records["dataset"] == dataset]
    order = {method: i for i, method in enumerate(names)}
    records = records.assign(name=records["method"].map(names), order=records["method"].map(order))
    return records.sort_values(["dataset", "order", "seed"], ignore_index=True)


def chosen_runs(results: Path, dataset: str, file: str) -> list[tuple[pd.Series, dict[str, np.ndarray]]]:
    """Choose one run per method of a data set, controls left out, and read one of its archives.

    The run with the lowest objective of the ok seeds; the ok run with the lowest seed for a method without objective.

    Returns
    -------
    list of (record, arrays)
        Methods whose chosen run has no such file are absent.
    """
    records = records_of(results, dataset)
    ok = records[(records["status"] == "ok") & ~records["control"].astype(bool)]
    best = pd.concat([lowest_objective(ok), ok]).drop_duplicates("method").sort_values("order")
    chosen = []
    for _, record in best.iterrows():
        path = results / record["run"] / file
        if path.exists():
            with np.load(path, allow_pickle=False) as archive:
                chosen.append((record, dict(archive)))
    return chosen


def choice(chosen: list[tuple[pd.Series, Any]]) -> str:
    """State how the runs that a figure shows were chosen."""
    without = any(pd.isna(record["objective"]) for record, _ in chosen)
    return f"{RULE}{' (*: the lowest ok seed, for want of an objective)' if without else ''}."


def title(record: pd.Series) -> str:
    """Name a method and the seed shown, starred when it was not chosen by its objective."""
    return f"{record['name']}, seed {record['seed']}{'*' if pd.isna(record['objective']) else ''}"


def truth(prepared: Path, dataset: str) -> tuple[np.ndarray, list[str]]:
    """Read classes, int, shape (n,), and their names."""
    with np.load(prepared / dataset / "truth.npz", allow_pickle=False) as archive:
        return archive["y"], [str(name) for name in archive["class_names"]]


def features(prepared: Path, dataset: str) -> np.ndarray:
    """Read the features, float32, shape (n, d)."""
    with np.load(prepared / dataset / "features.npz", allow_pickle=False) as archive:
        return archive["X"]


def pixel_range(prepared: Path, dataset: str) -> tuple[float, float]:
    """Read the smallest and the largest value of a data set: the scale on which its images are drawn."""
    card = json.loads((prepared / dataset / "card.json").read_text(encoding="utf-8"))
    return card["min"], card["max"]


def image_shape(prepared: Path, dataset: str) -> tuple[int, int]:
    """Read (height, width) of the images of a data set.

    Raises
    ------
    ValueError
        The data are no images.
    """
    shape = json.loads((prepared / dataset / "card.json").read_text(encoding="utf-8"))["image_shape"]
    if shape is None:
        raise ValueError(
            f"{dataset!r} holds no images (its card has no image_shape): this figure does not exist for it"
        )
    return tuple(shape)
