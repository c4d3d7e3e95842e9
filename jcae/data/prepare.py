"""From files to the three that every later step reads: features.npz, truth.npz, card.json.

Features and truth are kept apart so that a training job cannot read the labels. The same input gives the same bytes.
"""

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from jcae.data import catalogue
from jcae.data.arrays import array_sha256, save_arrays
from jcae.data.facts import Dataset
from jcae.data.fetch import examine
from jcae.data.formats import DataError, read_arrays
from jcae.data.loaders import LOADERS
from jcae.data.variant import UNCHANGED, Variant
from jcae.files import replacing

_SUBSET_SEED = 0


def prepare(name: str, raw_dir: Path, out_dir: Path, variant: Variant = UNCHANGED) -> dict[str, Any]:
    """Load a data set, check it, and write features.npz, truth.npz and card.json.

    Parameters
    ----------
    name : str
        Key of the catalogue.
    raw_dir : Path
        Folder of this data set's files, as `jcae.data.fetch.fetch` left them; not read when the set has no files.
    out_dir : Path
        Folder that receives the three files; made when missing.
    variant : Variant, optional
        Points of a subset are drawn at random without regard to the classes, always the same ones, and keep their
        order. A range is given to the whole set before the subset is drawn.

    Returns
    -------
    dict
        What was written to card.json.

    Raises
    ------
    UnknownDatasetError
        No such data set.
    DataError
        A file is missing or has a wrong checksum or format, or the data are not what the catalogue expects.
    """
    dataset = catalogue.get(name)
    files, checksums = _files(dataset, Path(raw_dir))
    X, raw_labels = LOADERS[dataset.loader](files)
    y = _codes(dataset, raw_labels)
    check_features(X, y, dataset.n_clusters, name, expected=dataset)
    preparation = dataset.preparation
    if variant.range is not None:
        low, high = variant.range
        preparation += f" Then from [{X.min():g}, {X.max():g}] to [{low:g}, {high:g}]."
        X = _in_range(X, low, high)
    if variant.subset is not None:
        rows = _subset(dataset.n, variant.subset, name)
        X, y = X[rows], y[rows]
        check_features(X, y, dataset.n_clusters, f"{name}, subset of {variant.subset}")
    X = np.ascontiguousarray(X, dtype="<f4")
    y = y.astype("<i8")
    class_names = np.array(dataset.class_names)

    card = {
        "name": name,
        "n": len(X),
        "d": X.shape[1],
        "n_clusters": dataset.n_clusters,
        "class_counts": np.bincount(y, minlength=dataset.n_clusters).tolist(),
        "min": float(X.min()),
        "max": float(X.max()),
        # Rounded: the last digits hang on the order in which a processor adds. Plus zero: no -0.0.
        "mean": round(float(X.mean(dtype=np.float64)), 6) + 0.0,
        "image_shape": list(dataset.image_shape) if dataset.image_shape else None,
        **peculiarities(X),
        "preparation": preparation,
        "subset": variant.subset and {"points": variant.subset, "of": dataset.n, "seed": _SUBSET_SEED},
        "range": variant.range and list(variant.range),
        "features_sha256": array_sha256(X),
        "truth_sha256": array_sha256(y, class_names),
        "sources": [
            {"file": source.name, "sha256": sha256, "checked": source.checked}
            for source, sha256 in zip(dataset.sources, checksums, strict=True)
        ],
        "licence": dataset.licence,
        "citation": dataset.citation,
    }
    out_dir = Path(out_dir)
    with replacing(out_dir / "features.npz") as part:
        save_arrays(part, X=X)
    with replacing(out_dir / "truth.npz") as part:
        save_arrays(part, y=y, class_names=class_names)
    # The card comes last: where it is, the arrays that it describes are there too.
    with replacing(out_dir / "card.json") as part:
        part.write_bytes((json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())
    return card


def check_features(X: np.ndarray, y: np.ndarray, n_clusters: int, where: str, expected: Dataset | None = None) -> None:
    """Refuse data that no method could be compared on.

    Parameters
    ----------
    X : ndarray, shape (n, d), float32 or float64
        Features.
    y : ndarray, shape (n,), integer
        Classes 0..n_clusters-1.
    n_clusters : int
        Number of clusters.
    where : str
        Name of the data, for messages.
    expected : Dataset, optional
        Catalogue entry whose n, d and class counts must be met.

    Raises
    ------
    DataError
        Wrong shape or dtype, X and y of different length, NaN or infinite values, all features constant, fewer points
        than clusters, labels out of range, a class without points, or counts other than expected.
    """
    if X.ndim != 2 or 0 in X.shape:
        raise DataError(f"{where}: features have shape {X.shape} instead of (points, features)")
    if X.dtype not in (np.float32, np.float64):
        raise DataError(f"{where}: features are {X.dtype} (allowed: float32, float64)")
    if y.ndim != 1:
        raise DataError(f"{where}: labels have shape {y.shape} instead of (points,)")
    if not np.issubdtype(y.dtype, np.integer):
        raise DataError(f"{where}: labels are {y.dtype} instead of integers")
    if len(X) != len(y):
        raise DataError(f"{where}: {len(X)} points but {len(y)} labels")
    if len(X) < n_clusters:
        raise DataError(f"{where}: {len(X)} points are fewer than {n_clusters} clusters")
    _check_finite(X, where)
    if (X.min(axis=0) == X.max(axis=0)).all():
        raise DataError(f"{where}: all features are constant, every point equals {_short(X[0])}")
    if y.min() < 0 or y.max() >= n_clusters:
        bad = y[(y < 0) | (y >= n_clusters)][0]
        raise DataError(f"{where}: label {bad} (allowed: 0 to {n_clusters - 1})")
    counts = np.bincount(y, minlength=n_clusters)
    if expected is not None:
        if X.shape != (expected.n, expected.d):
            raise DataError(f"{where}: features have shape {X.shape}, expected ({expected.n}, {expected.d})")
        if counts.tolist() != list(expected.class_counts):
            complaint = f"{where}: class counts {counts.tolist()}, expected {list(expected.class_counts)}"
            if expected.counts_stated:
                raise DataError(complaint)
            warnings.warn(f"{complaint} (as in a published copy, which may be another choice)", stacklevel=2)
    if (counts == 0).any():
        raise DataError(f"{where}: no point of class {int((counts == 0).argmax())}; take more points")


def _check_finite(X: np.ndarray, where: str) -> None:
    finite = np.isfinite(X)
    if not finite.all():
        row, column = (int(i) for i in np.argwhere(~finite)[0])
        n_nan = int(np.isnan(X).sum())
        raise DataError(
            f"{where}: {n_nan} NaN and {int((~finite).sum()) - n_nan} infinite values among the features, "
            f"first {X[row, column]} at row {row}, column {column}"
        )


def peculiarities(X: np.ndarray) -> dict[str, int]:
    """Count what is kept as it is but may surprise a method.

    Parameters
    ----------
    X : ndarray, shape (n, d)

    Returns
    -------
    dict
        ``zero_rows``: points that are 0 in every feature, such as documents without a word of the vocabulary;
        ``duplicate_rows``: points that equal an earlier one; ``constant_features``: features with one value only.
    """
    # Digests and not the rows: 60000 images need two megabytes. Plus zero: -0.0 equals 0.0, but has other bytes.
    distinct = {hashlib.blake2b(np.ascontiguousarray(row + 0.0), digest_size=16).digest() for row in X}
    return {
        "zero_rows": int((~X.any(axis=1)).sum()),
        "duplicate_rows": len(X) - len(distinct),
        "constant_features": int((X.min(axis=0) == X.max(axis=0)).sum()),
    }


def encode_labels(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Code labels of any kind as 0..C-1.

    Parameters
    ----------
    labels : array-like, shape (n,)
        Numbers or strings; their sorted order becomes the order of the codes.

    Returns
    -------
    y : ndarray, shape (n,), int64
    class_names : ndarray, shape (C,), unicode
        ``class_names[y]`` gives the labels back, as text.

    Raises
    ------
    DataError
        Labels that are neither numbers nor text, or NaN.
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "biufU" or (labels.dtype.kind == "f" and np.isnan(labels).any()):
        raise DataError(f"labels of type {labels.dtype} cannot be coded (allowed: numbers without NaN, or text)")
    names, y = np.unique(labels, return_inverse=True)
    return y.astype(np.int64), names.astype(str)


def load_features(path: Path) -> np.ndarray:
    """Read features.npz.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ndarray, shape (n, d), float32

    Raises
    ------
    DataError
        Not such a file, or values that are not finite.
    """
    X = _load(path, "X")["X"]
    if X.ndim != 2 or X.dtype != np.float32:
        raise DataError(f"{path}: X is {X.dtype} of shape {X.shape} instead of float32 (points, features)")
    _check_finite(X, str(path))
    return X


def load_truth(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read truth.npz.

    Parameters
    ----------
    path : Path

    Returns
    -------
    y : ndarray, shape (n,), int64
    class_names : ndarray, shape (C,), unicode

    Raises
    ------
    DataError
        Not such a file, or labels out of range.
    """
    arrays = _load(path, "y", "class_names")
    y, class_names = arrays["y"], arrays["class_names"]
    if y.ndim != 1 or y.dtype != np.int64:
        raise DataError(f"{path}: y is {y.dtype} of shape {y.shape} instead of int64 (points,)")
    if len(y) and not 0 <= y.min() <= y.max() < len(class_names):
        raise DataError(f"{path}: labels from {y.min()} to {y.max()} for {len(class_names)} class names")
    return y, class_names


def load_card(path: Path) -> dict[str, Any]:
    """Read card.json.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict

    Raises
    ------
    DataError
        Not such a file.
    """
    try:
        card = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise DataError(f"{path}: not JSON ({error})") from None
    if not isinstance(card, dict) or not isinstance(card.get("n_clusters"), int):
        raise DataError(f"{path}: not the card of a data set, it states no n_clusters")
    return card


def _files(dataset: Dataset, raw_dir: Path) -> tuple[list[Path], list[str]]:
    """The files of a data set and their sha256, checked again: since they were fetched anything may have happened."""
    paths = [raw_dir / source.name for source in dataset.sources]
    checksums = []
    for source, path in zip(dataset.sources, paths, strict=True):
        try:
            sha256, complaint = examine(source, path)
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}); fetch {dataset.name!r} first") from None
        if complaint:
            raise DataError(f"{path}: {complaint}; fetch {dataset.name!r} again")
        checksums.append(sha256)
    return paths, checksums


def _codes(dataset: Dataset, labels: np.ndarray) -> np.ndarray:
    """Labels as 0..C-1 in the order of the catalogue's class names."""
    y, found = encode_labels(labels)
    # Numbers have no names of their own and take those of the catalogue in turn; text must be in the same order.
    if np.asarray(labels).dtype.kind == "U" and tuple(found) != dataset.class_names:
        raise DataError(f"{dataset.name}: classes {', '.join(found)}, expected {', '.join(dataset.class_names)}")
    return y


def _in_range(X: np.ndarray, low: float, high: float) -> np.ndarray:
    """The smallest value becomes `low`, the greatest `high`, exactly; all others follow linearly."""
    smallest, greatest = X.min(), X.max()
    share = (X - smallest) / (greatest - smallest)
    return np.asarray(low * (1 - share) + high * share, dtype=X.dtype)


def _subset(n: int, points: int, where: str) -> np.ndarray:
    """Rows of the subset, ascending."""
    if not 1 <= points <= n:
        raise DataError(f"{where}: subset of {points} points (allowed: 1 to {n})")
    # RandomState and not Generator: numpy promises its stream for ever.
    return np.sort(np.random.RandomState(_SUBSET_SEED).permutation(n)[:points])


def _load(path: Path, *keys: str) -> dict[str, np.ndarray]:
    try:
        return read_arrays(path, *keys)
    except FileNotFoundError as error:
        raise DataError(f"{path}: not a file of arrays ({error.strerror})") from None


def _short(row: np.ndarray) -> str:
    return np.array2string(row, threshold=4, edgeitems=2, precision=4)
