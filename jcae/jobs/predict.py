"""Labels of new points by a finished run: nothing is trained, and nothing is unpickled."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jcae.data.formats import read_arrays
from jcae.data.own.new_points import read_new
from jcae.data.stored import load_card, read_features
from jcae.jobs import records
from jcae.jobs.block_job import read_weights
from jcae.jobs.classes import class_name, load_class
from jcae.jobs.parameters import seed_argument


class PredictionError(ValueError):
    """A run that cannot label new points; the message says why, and what to do."""


def predict(run: str | Path, file: str | Path) -> np.ndarray:
    """Label new points with a finished run.

    Parameters
    ----------
    run : path
        Folder of the run, ``results/<run>/runs/<data set>/<method>/<block>/<seed>``.
    file : path
        The new points, see `jcae.data.own.new_points.read_new`. They are prepared as those of the run were.

    Returns
    -------
    ndarray, shape (m,), int32
        As the labels of the run count its clusters.

    Raises
    ------
    PredictionError
        The run is not ok, keeps nothing to label by, or its data set was prepared in another way since.
    DataError, RecordError
        A file is missing or damaged.
    """
    run = Path(run)
    record = records.read_record(run / "run.json")
    if record["status"] != "ok":
        raise PredictionError(f"{run}: the run is {record['status']} ({record['reason']}); take one that is ok")
    if (way := (record.get("data") or {}).get("transfer")) in ("lloyd", "kmeans"):
        raise PredictionError(
            f"{run}: its labels are those of k-means on the points that were scored (transfer: {way}), and it "
            "keeps no way to label others; take a run with transfer: frozen, or adapt"
        )
    card = _card(run, record)
    X = read_new(Path(file), card)
    cls = load_class(record["use"])
    if not hasattr(cls, "load_weights"):
        return _by_centroids(run, record, X)
    if not hasattr(cls, "predict"):
        raise PredictionError(f"{run}: {class_name(cls)} cannot label new points: it has no predict")
    weights = run / "weights.safetensors"
    if not weights.is_file():
        raise PredictionError(f"{run}: the run keeps no weights; train it again with keep: all in the config")
    named = {k: v for k, v in record["params"].items() if k not in ("random_state", "device", "autoencoder")}
    estimator = cls(**named, **seed_argument(cls, record["seed"]))
    if "device" in record["params"]:
        estimator.set_params(device="cpu")
    estimator.load_weights(read_weights(weights, record), X.shape[1])
    try:
        return np.asarray(estimator.predict(X), dtype=np.int32)
    except (AttributeError, ValueError) as error:
        raise PredictionError(
            f"{run}: {class_name(cls)} cannot label new points from stored weights: {error}"
        ) from None


def _card(run: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """The card of the data set that the run saw."""
    place = record["data"].get("prepared")
    if place is None:
        raise PredictionError(f"{run}: the run is of an older version, and does not say which data it saw")
    file = Path(place) / "card.json"
    if not file.is_file():
        raise PredictionError(
            f"{file} is not there; prepare the data set again: snakemake --cores 1 {Path(place) / 'card.json'}, with "
            "the config files of the run, in the folder of the project"
        )
    card = load_card(file)
    if card.get("noise_features"):
        raise PredictionError(f"{run}: its data set has features of noise, which new points lack; take another run")
    if card.get("features_sha256") != record["data"]["features_sha256"]:
        raise PredictionError(f"{file}: the data set has changed since the run; train it again")
    return card


def _by_centroids(run: Path, record: Mapping[str, Any], X: np.ndarray) -> np.ndarray:
    """Nearest centroids, for a plain method whose own labels are just that: it is looked up, and not taken on trust."""
    from sklearn.metrics import pairwise_distances_argmin

    decoded = run / "decoded.npz"
    centroids = read_arrays(decoded).get("centroids") if decoded.is_file() else None
    if centroids is not None and centroids.shape[1] == X.shape[1]:
        labels = read_arrays(run / "labels.npz", "labels")["labels"]
        seen = read_features(Path(record["data"]["prepared"]) / "features.npz")
        if np.array_equal(pairwise_distances_argmin(seen, centroids), labels):
            return pairwise_distances_argmin(X, centroids).astype(np.int32)
    raise PredictionError(
        f"{run}: {record['use']} leaves labels alone, and these are not those of the nearest centroids; only the deep "
        "methods of this project, and methods like k-means, can label new points from what a run keeps"
    )
