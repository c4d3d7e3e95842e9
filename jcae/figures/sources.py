"""What the figures read: the run that stands for each method, its arrays, the curves of all runs, and the truth."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jcae.data.formats import read_arrays
from jcae.figures.order import SHOWN, looks_of
from jcae.scores.confidence import LEAST
from jcae.scores.evaluation import attempted, labelled, read_results, unlabelled
from jcae.scores.gallery import chosen, records_on
from jcae.statistics.shared import count

RULE = "Run shown: the lowest training objective of the ok seeds, chosen without labels"


def records_of(results: Path, dataset: str | None = None, reference: str | None = None) -> pd.DataFrame:
    """Read `records.csv`, restricted to a data set, in the order of the methods that all figures of the run have.

    Skipped runs are left out. Columns beside those of the file: `name` (what to show for a method), `order`, `colour`
    and `marker`, which are the method's in all figures (`jcae.figures.order`).

    Raises
    ------
    ValueError
        The data set has no runs; the message lists those that have.
    """
    scores, records = read_results(results)
    found = looks_of(records, scores, reference)
    if dataset is not None:
        records = records_on(records, dataset, results)
    records = attempted(records)
    columns = {field: records["method"].map({m: getattr(look, field) for m, look in found.items()}) for field in SHOWN}
    return records.assign(**columns).sort_values(["dataset", "order", "seed"], ignore_index=True)


def looks(records: pd.DataFrame) -> dict[str, pd.Series]:
    """Name, colour, marker and whether it is a control of every method among records, in their order."""
    found = records.sort_values("order", kind="stable").drop_duplicates("method").set_index("name", drop=False)
    return dict(found.iterrows())


def chosen_runs(
    results: Path, dataset: str, array: str, reference: str | None = None
) -> list[tuple[pd.Series, dict[str, np.ndarray]]]:
    """The runs of a data set that stand for their methods (`jcae.scores.gallery.chosen`) and have this array.

    Returns
    -------
    list of (record, arrays)
        In the order of the records; arrays are those of `gallery/<data set>/methods/<method>.npz`.
    """
    found = []
    for record in sorted(chosen(records_of(results, dataset, reference)), key=lambda record: record["order"]):
        arrays = _archive(results, dataset, f"methods/{record['method']}")
        if array in arrays:
            found.append((record, arrays))
    return found


def choice(found: list[tuple[pd.Series, Any]]) -> str:
    """State how the runs that a figure shows were chosen."""
    without = any(pd.isna(record["objective"]) for record, _ in found)
    return f"{RULE}{' (*: the lowest ok seed, for want of an objective)' if without else ''}."


def title(record: pd.Series) -> str:
    """Name a method and the seed shown, starred when it was not chosen by its objective."""
    return f"{record['name']}, seed {record['seed']}{'*' if pd.isna(record['objective']) else ''}"


def confidences(
    results: Path, dataset: str, reference: str | None = None
) -> tuple[list[tuple[pd.Series, dict[str, np.ndarray]]], str]:
    """What the seeds of each method agree on, controls left out.

    Returns
    -------
    found : list of (record, arrays)
        In the order of the records; `name` of the record has the fraction of ok runs behind it, where not all are ok.
        Arrays are those of `gallery/<data set>/confidence/<method>.npz`.
    left_out : str
        A sentence that names the methods without it, and why; empty where there are none.
    """
    records = records_of(results, dataset, reference)
    records = records[~records["control"].astype(bool)]
    found, alone, older = [], [], []
    for method, runs in records.groupby("method", sort=False):
        n_ok = int((runs["status"] == "ok").sum())
        name = runs["name"].iloc[0]
        fraction = f"{name} ({n_ok}/{len(runs)})"
        if (results / "gallery" / dataset / "confidence" / f"{method}.npz").is_file():
            record = runs.iloc[0].copy()
            record["name"] = name if n_ok == len(runs) else fraction
            found.append((record, _archive(results, dataset, f"confidence/{method}")))
        else:
            (alone if n_ok < LEAST else older).append(fraction)
    few = f" Fewer than {LEAST} ok seeds, and so nothing to hold against each other: {', '.join(alone)}."
    lost = f" Gathered by an older version, without it: {count(len(older), 'method')}."
    return found, (few if alone else "") + (lost if older else "")


def curves_of(results: Path, dataset: str, file: str, reference: str | None = None) -> pd.DataFrame:
    """Read `curves` or `score_curves` of a data set, with name and status of the runs, in the order of the records."""
    records = records_of(results, dataset, reference)
    curves = pd.read_csv(results / "gallery" / dataset / f"{file}.csv.gz")
    kept = records[["method", "seed", "name", "status", "colour"]]
    return kept.merge(curves, on=["method", "seed"], how="inner")


def against_truth(records: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Keep the data sets with a truth, for a figure of scores against it, and say for its caption which have none."""
    without = unlabelled(records)
    said = f" Without a truth, and so not drawn: {', '.join(without)}." if without else ""
    return labelled(records), said


def truth(results: Path, dataset: str) -> tuple[np.ndarray, list[str]] | None:
    """Read classes, int, shape (n,), and their names; None where the data set has no truth."""
    data = _archive(results, dataset, "data")
    return (data["y"], [str(name) for name in data["class_names"]]) if "y" in data else None


def map_points(results: Path, dataset: str) -> np.ndarray:
    """Row numbers of the points of the maps."""
    return _archive(results, dataset, "data")["points"]


def class_means(results: Path, dataset: str) -> np.ndarray:
    """Read the mean image of each class, (C, d)."""
    return _images(results, dataset)["class_means"]


def pixel_range(results: Path, dataset: str) -> tuple[float, float]:
    """Read the smallest and the largest value of a data set: the scale on which its images are drawn."""
    return tuple(_archive(results, dataset, "data")["range"])


def image_shape(results: Path, dataset: str) -> tuple[int, ...]:
    """Read the shape of the images of a data set.

    Raises
    ------
    ValueError
        The data are no images.
    """
    return tuple(_images(results, dataset)["image_shape"].tolist())


def _images(results: Path, dataset: str) -> dict[str, np.ndarray]:
    data = _archive(results, dataset, "data")
    if "image_shape" not in data:
        raise ValueError(f"{dataset!r} holds no images (it has no image_shape): this figure does not exist for it")
    return data


def _archive(results: Path, dataset: str, name: str) -> dict[str, np.ndarray]:
    arrays = read_arrays(results / "gallery" / dataset / f"{name}.npz")
    return {key: array.astype(np.float32) if array.dtype == np.float16 else array for key, array in arrays.items()}
