"""What the figures of a data set show, gathered from its runs into one small folder that needs neither runs nor data.

With `scores.csv`, `records.csv` and the summary of the equivalence, these folders are all that tables and figures read.
So a run can be published by them, and its tables and figures drawn again, in a few hundred kilobytes per data set.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from jcae.data.formats import read_arrays
from jcae.data.stored import load_card
from jcae.files import atomic_folder
from jcae.scores import metrics
from jcae.scores.confidence import COLUMNS as CONFIDENCE_COLUMNS
from jcae.scores.confidence import Confidence, confidence, measures
from jcae.scores.consensus import doubtful
from jcae.scores.evaluation import lowest_objective, read_records
from jcae.scores.examples import examples
from jcae.scores.neighbours import neighbour_map
from jcae.trees.tree import Tree

SAMPLE = 2000
"""Points of a map at most, the same for every method."""
POINTS = 100
"""Epochs of a learning curve at most, evenly spaced, first and last included: more would not show."""
CURVE_COLUMNS = ["method", "seed", "phase", "epoch", "update", "term", "value"]
SCORE_COLUMNS = ["method", "seed", "phase", "update", "metric", "value"]
FOLLOWED = {"acc": metrics.accuracy, "nmi": metrics.nmi, "ari": metrics.ari}
"""Scores that are followed through the training."""


def write_gallery(results: str | Path, dataset: str, prepared: str | Path, out: str | Path) -> None:
    """Gather what the figures of one data set show.

    Parameters
    ----------
    results : path
        `results/<run>`: `records.csv` and, below `runs/`, the folders of the runs.
    dataset : str
    prepared : path
        Folder of the prepared data set: `features.npz`, `card.json` and, where it has a truth, `truth.npz`.
    out : path
        Folder that is written, whole or not at all:

        `data.npz`
            `points` (those of the maps), `range` (smallest and largest value), for images `image_shape`, and where
            there is a truth `y` (n,), `class_names` and, of images, `class_means` (C, d).
        `methods/<method>.npz`
            Of the chosen run (`chosen`): `seed`, `labels` (n,), `centroids` (K, d), `interpolations` (K, 9, d). Of its
            `space`, which is its `embedding`, else its `code`: `plane` (points, 2), `width` and the `share` of variance
            that the plane keeps; of one wider than 2, `neighbours`, these points mapped by t-SNE
            (`jcae.scores.neighbours`). Of the space, the `features` for want of one: what
            `jcae.scores.examples.examples` chooses as `example_<name>` and, of images, `example_images`
            (C, 2, examples, d) in 256 levels of the range.
            Of dictionaries, what the run keeps of them (`jcae.models.atoms.Atoms`) as `atoms_<name>`.
            Of a tree, of its points alone and after every round (rounds + 1,): `tree_clusters` and, with a truth,
            `tree_purity`.
            What a method does not have is absent. Decoded values are float16.
        `confidence/<method>.npz`, `confidence.csv.gz`
            Of each method with two ok runs, controls left out, what they agree on (`jcae.scores.confidence`): `labels`
            (n,), `agreement` (n,), `n_ok`, `doubtful` (C, points), rows, and of images `doubtful_images` (C, points, d)
            in 256 levels of the range; and the same in numbers.
        `curves.csv.gz`, `score_curves.csv.gz`
            Of every run: the terms of the loss and, with a truth, the scores of the watched points over the updates.

    Raises
    ------
    ValueError
        The data set has no runs; the message lists those that have.
    """
    results, prepared = Path(results), Path(prepared)
    records = records_on(read_records(results), dataset, results)
    X = read_arrays(prepared / "features.npz", "X")["X"]
    data = _data(prepared, X)
    with atomic_folder(out) as folder:
        np.savez_compressed(folder / "data.npz", **data)
        (folder / "methods").mkdir()
        for record in chosen(records):
            arrays = _run(results / record["run"], X, data)
            np.savez_compressed(folder / "methods" / f"{record['method']}.npz", seed=record["seed"], **arrays)
        _write(folder / "confidence.csv.gz", CONFIDENCE_COLUMNS, _confidences(results, records, X, data, folder))
        runs = [(record, results / record["run"]) for _, record in records.iterrows()]
        _write(folder / "curves.csv.gz", CURVE_COLUMNS, (_curve(*run) for run in runs))
        _write(folder / "score_curves.csv.gz", SCORE_COLUMNS, (_score_curve(*run, data.get("y")) for run in runs))


def is_of_images(results: str | Path, dataset: str) -> bool:
    """Whether the gallery of a data set shows images."""
    return "image_shape" in read_arrays(Path(results) / "gallery" / dataset / "data.npz")


def records_on(records: pd.DataFrame, dataset: str, results: Path) -> pd.DataFrame:
    """The records of one data set.

    Raises
    ------
    ValueError
        It has none; the message lists the data sets that have.
    """
    found = records[records["dataset"] == dataset]
    if found.empty:
        known = ", ".join(sorted(records["dataset"].unique()))
        raise ValueError(f"{results} holds no run on {dataset!r}; data sets there: {known}")
    return found


def chosen(records: pd.DataFrame) -> list[pd.Series]:
    """The run that stands for each method of a data set, controls left out: chosen without labels.

    The lowest objective of the ok seeds; the ok run with the lowest seed for a method without objective.
    """
    ok = records[(records["status"] == "ok") & ~records["control"].astype(bool)]
    best = pd.concat([lowest_objective(ok), ok.sort_values("seed")]).drop_duplicates("method")
    return [record for _, record in best.iterrows()]


def _data(prepared: Path, X: np.ndarray) -> dict[str, Any]:
    card = load_card(prepared / "card.json")
    data: dict[str, Any] = {
        "points": np.sort(np.random.default_rng(0).permutation(len(X))[:SAMPLE]),
        "range": np.array([card["min"], card["max"]]),
    }
    if card["image_shape"] is not None:
        data["image_shape"] = np.array(card["image_shape"])
    if (prepared / "truth.npz").exists():
        truth = read_arrays(prepared / "truth.npz", "y", "class_names")
        y, class_names = truth["y"], truth["class_names"]
        data |= {"y": _small(y), "class_names": class_names}
        if card["image_shape"] is not None:
            means = np.stack([X[y == c].mean(0) for c in range(len(class_names))])
            data["class_means"] = means.astype(np.float16)
    return data


def _run(folder: Path, X: np.ndarray, data: dict[str, Any]) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for file in ("labels", "decoded", "code"):
        if not (folder / f"{file}.npz").exists():
            continue
        archive = read_arrays(folder / f"{file}.npz")
        arrays |= {name: array for name, array in archive.items() if name != "refit_labels"}
    found = {"labels": _small(arrays["labels"])}
    found |= {name: arrays[name].astype(np.float16) for name in ("centroids", "interpolations") if name in arrays}
    if (folder / "atoms.npz").exists():
        for name, array in read_arrays(folder / "atoms.npz").items():
            found[f"atoms_{name}"] = array.astype(np.float16) if array.dtype.kind == "f" else array
    space = next((name for name in ("embedding", "code") if name in arrays), "features")
    points = arrays.get(space, X)
    if space != "features":
        plane, share = _plane(points)
        found |= {"plane": plane[data["points"]].astype(np.float32), "width": points.shape[1], "share": share}
        mapped = neighbour_map(points[data["points"]])
        found |= {} if mapped is None else {"neighbours": mapped}
    chosen_points = examples(points, arrays["labels"])
    found |= {"space": space} | {f"example_{name}": array for name, array in chosen_points.items()}
    if chosen_points and "image_shape" in data:
        found["example_images"] = _images(X, chosen_points["rows"], data)
    return found | _levels(folder, data.get("y"))


def _images(X: np.ndarray, rows: np.ndarray, data: dict[str, Any]) -> np.ndarray:
    """Points in 256 levels of the range; row -1, for none, takes the last: whoever draws looks at the rows."""
    low, high = data["range"]
    return ((X[rows] - low) / (high - low) * 255).round().astype(np.uint8)


def _confidences(
    results: Path, records: pd.DataFrame, X: np.ndarray, data: dict[str, Any], folder: Path
) -> Iterator[pd.DataFrame | None]:
    """Write what the seeds of each method agree on, and give it in numbers."""
    (folder / "confidence").mkdir()
    for method, runs in records[~records["control"].astype(bool)].groupby("method"):
        found = confidence(runs, results)
        if found is None:
            continue
        arrays = _confidence(found, X, data)
        np.savez_compressed(folder / "confidence" / f"{method}.npz", **arrays)
        values = measures(found, X, data.get("y"))
        yield pd.DataFrame(
            {"method": method, "n_ok": found.n_ok, "measure": list(values), "value": list(values.values())}
        )


def _confidence(found: Confidence, X: np.ndarray, data: dict[str, Any]) -> dict[str, Any]:
    arrays = found._asdict() | {"labels": _small(found.labels), "doubtful": doubtful(found.labels, found.agreement)}
    if "image_shape" in data:
        arrays["doubtful_images"] = _images(X, arrays["doubtful"], data)
    return arrays


def _levels(folder: Path, y: np.ndarray | None) -> dict[str, np.ndarray]:
    """How many clusters a tree has after each of its rounds, and how pure they are."""
    if not (folder / "tree.npz").exists():
        return {}
    tree = Tree(**read_arrays(folder / "tree.npz", *Tree._fields))
    found = {"tree_clusters": tree.counts}
    if y is not None:
        purities = [metrics.purity(y, tree.labels(r)) for r in range(len(tree.counts))]
        found["tree_purity"] = np.array(purities, np.float32)
    return found


def _plane(code: np.ndarray) -> tuple[np.ndarray, float]:
    """Two coordinates of each point, and the share of variance they keep (1: nothing was lost)."""
    if code.shape[1] <= 2:
        return np.pad(code, ((0, 0), (0, 2 - code.shape[1]))), 1.0
    pca = PCA(2, svd_solver="full").fit(code)
    return pca.transform(code), float(pca.explained_variance_ratio_.sum())


def _small(labels: np.ndarray) -> np.ndarray:
    """The same labels, -1 for noise, in as few bytes as they need."""
    return labels.astype(np.min_scalar_type(-int(labels.max(initial=1)) - 1))


def _curve(record: pd.Series, folder: Path) -> pd.DataFrame | None:
    if not (folder / "history.csv").exists():
        return None
    history = pd.read_csv(folder / "history.csv")
    history["update"] = _updates(history["phase"], history["step"])
    updates = np.sort(history["update"].unique())
    kept = updates[np.linspace(0, len(updates) - 1, min(POINTS, len(updates))).round().astype(int)]
    history = history[history["update"].isin(kept)]
    return history.assign(method=record["method"], seed=record["seed"], value=history["value"].map("{:.6g}".format))


def _score_curve(record: pd.Series, folder: Path, y: np.ndarray | None) -> pd.DataFrame | None:
    if y is None or not (folder / "snapshots.npz").exists():
        return None
    names = ("rows", "phases", "steps", "labels")
    arrays = read_arrays(folder / "snapshots.npz", *names)
    rows, phases, steps, labels = (arrays[name] for name in names)
    updates = _updates(pd.Series(phases), pd.Series(steps))
    scores = [
        (phase, update, name, round(score(y[rows], found), 5))
        for phase, update, found in zip(phases, updates, labels, strict=True)
        for name, score in FOLLOWED.items()
    ]
    frame = pd.DataFrame(scores, columns=["phase", "update", "metric", "value"])
    return frame.assign(method=record["method"], seed=record["seed"])


def _updates(phases: pd.Series, steps: pd.Series) -> pd.Series:
    """Updates in all, where steps start anew in each phase."""
    lengths = steps.groupby(phases, sort=False).max()
    return steps + phases.map(lengths.cumsum() - lengths)


def _write(path: Path, columns: list[str], frames: Iterator[pd.DataFrame | None]) -> None:
    # The time of writing would make every file a new one.
    compression = {"method": "gzip", "mtime": 0}
    found = [frame for frame in frames if frame is not None and len(frame)]
    joined = pd.concat(found)[columns] if found else pd.DataFrame(columns=columns)
    joined.to_csv(path, index=False, compression=compression)
