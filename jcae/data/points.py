"""The points of a data set in memory: what they are, and what makes them useless for a comparison."""

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from jcae.data.facts import Dataset
from jcae.data.formats import DataError


@dataclass(frozen=True)
class Points:
    """A data set, or a part of one.

    Attributes
    ----------
    X : ndarray, shape (n, d), float32
        Features.
    y : ndarray, shape (n,), int64, or None
        Classes 0..C-1; None where nobody knows them.
    class_names : tuple of str
        In the order of the codes; empty without classes.
    n_clusters : int
        Number of clusters that methods are told.
    graph : csr_array, shape (n, n), or None
        As `jcae.data.graphs.graph.clean` gives it.
    image_shape : tuple of int or None
        (height, width) or (height, width, 3) of a point that is an image.
    n_train : int or None
        How many of the points, the first ones, are the publishers' training part.
    preparation, licence, citation : str
        One sentence each.
    sources : list of dict
        ``file``, ``sha256``, ``checked`` of each file that they were read from.
    scaling : mapping or None
        How values of the user's own file become features, see `jcae.data.own.scaling`.
    subset_of : int or None
        Where they are a subset, how many points they were drawn from.
    """

    X: np.ndarray
    y: np.ndarray | None
    class_names: tuple[str, ...]
    n_clusters: int
    graph: Any = None
    image_shape: tuple[int, ...] | None = None
    n_train: int | None = None
    preparation: str = ""
    licence: str = "none stated"
    citation: str = ""
    sources: list[dict[str, Any]] = field(default_factory=list)
    scaling: Mapping[str, Any] | None = None
    subset_of: int | None = None

    def rows(self, rows: np.ndarray) -> "Points":
        """The points at these row numbers, with the edges among them."""
        return replace(
            self,
            X=self.X[rows],
            y=None if self.y is None else self.y[rows],
            graph=None if self.graph is None else self.graph[rows][:, rows],
            n_train=None,
        )


def check_features(
    X: np.ndarray, y: np.ndarray | None, n_clusters: int, where: str, expected: Dataset | None = None
) -> None:
    """Refuse data that no method could be compared on.

    Parameters
    ----------
    X : ndarray, shape (n, d), float32 or float64
        Features.
    y : ndarray, shape (n,), integer, or None
        Classes 0..n_clusters-1.
    n_clusters : int
        Number of clusters.
    where : str
        Name of the data, for messages.
    expected : Dataset, optional
        Catalogue entry whose n, d and, where it has them, class counts must be met.

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
    if y is not None:
        _check_classes(X, y, where)
    if len(X) < n_clusters:
        raise DataError(f"{where}: {len(X)} points are fewer than {n_clusters} clusters")
    check_finite(X, where)
    if (X.min(axis=0) == X.max(axis=0)).all():
        raise DataError(f"{where}: all features are constant, every point equals {_short(X[0])}")
    if y is None:
        return
    if y.min() < 0 or y.max() >= n_clusters:
        bad = y[(y < 0) | (y >= n_clusters)][0]
        raise DataError(f"{where}: label {bad} (allowed: 0 to {n_clusters - 1})")
    counts = np.bincount(y, minlength=n_clusters)
    if expected is not None:
        if X.shape != (expected.n, expected.d):
            raise DataError(f"{where}: features have shape {X.shape}, expected ({expected.n}, {expected.d})")
        if expected.class_counts and counts.tolist() != list(expected.class_counts):
            complaint = f"{where}: class counts {counts.tolist()}, expected {list(expected.class_counts)}"
            if expected.counts_stated:
                raise DataError(complaint)
            warnings.warn(f"{complaint} (as in a published copy, which may be another choice)", stacklevel=2)
    if (counts == 0).any():
        raise DataError(f"{where}: no point of class {int((counts == 0).argmax())}; take more points")


def _check_classes(X: np.ndarray, y: np.ndarray, where: str) -> None:
    if y.ndim != 1:
        raise DataError(f"{where}: labels have shape {y.shape} instead of (points,)")
    if not np.issubdtype(y.dtype, np.integer):
        raise DataError(f"{where}: labels are {y.dtype} instead of integers")
    if len(X) != len(y):
        raise DataError(f"{where}: {len(X)} points but {len(y)} labels")


def map_range(X: np.ndarray, ends: tuple[float, float], to: tuple[float, float]) -> np.ndarray:
    """Map features so that the first of `ends` becomes the first of `to`, and the last the last, exactly.

    Parameters
    ----------
    X : ndarray, shape (n, d), float32 or float64
    ends, to : (float, float)

    Returns
    -------
    ndarray, shape (n, d), of the dtype of X
    """
    smallest, greatest = (X.dtype.type(end) for end in ends)
    share = (X - smallest) / (greatest - smallest)
    return np.asarray(to[0] * (1 - share) + to[1] * share, dtype=X.dtype)


def check_finite(X: np.ndarray, where: str) -> None:
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


def _short(row: np.ndarray) -> str:
    return np.array2string(row, threshold=4, edgeitems=2, precision=4)
