"""The graph of nearest neighbours of points that bring no graph of their own. It never sees a label."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from jcae.data.formats import DataError
from jcae.data.graphs.graph import clean

_ENTRIES = 1 << 22
"""Numbers of a block: 32 megabytes in float64."""

_DistancesFrom = Callable[[np.ndarray], np.ndarray]
"""From some rows, (r,), to all points: (r, n), infinite to itself and to points that are not among the k nearest."""


def knn_graph(X: np.ndarray, k: int, metric: str = "euclidean") -> sparse.csr_array:
    """Join each point with its `k` nearest other points; an edge stands when one of its ends asks for it (union).

    Parameters
    ----------
    X : array-like, shape (n, d)
    k : int
        Neighbours of a point, itself not among them.
    metric : {"euclidean", "cosine", "dot"}
        ``euclidean``: smallest distance. ``cosine``: smallest angle; points that are 0 everywhere have no direction and
        are given one of their own, at a right angle to all others. ``dot``: most features in which both points are
        greater than 0.

        A heat kernel ranks as the Euclidean distance does, and is therefore not offered.

    Returns
    -------
    csr_array, shape (n, n), float32
        Weights 1; see `jcae.data.graphs.graph`.

    Raises
    ------
    DataError
        An unknown metric, a `k` that n points do not allow, or X not a table of finite numbers.

    Notes
    -----
    Exact, in blocks of rows: time O(n² d), memory O(block n). Of equally near points the one with the lowest number
    comes first; distances that agree in float32 count as equal, so that neither the order of a sum nor the processor
    decides.
    """
    if metric not in _METRICS:
        raise DataError(f"metric {metric!r} (allowed: {', '.join(_METRICS)})")
    X = checked(X, k)
    n = len(X)
    distances_from = _METRICS[metric](X, k)
    block = max(1, _ENTRIES // n)
    columns = []
    for start in range(0, n, block):
        rows = np.arange(start, min(start + block, n))
        columns.append(_nearest(distances_from(rows), k))
    edges = np.ones(n * k, np.float32), (np.repeat(np.arange(n), k), np.concatenate(columns))
    return clean(sparse.coo_array(edges, shape=(n, n)), f"{metric} neighbours")


def graph_of(X: np.ndarray, graph: Any, n_neighbors: int) -> sparse.csr_array:
    """Give a method its graph: the one that came with the points, or else that of their nearest neighbours.

    Parameters
    ----------
    X : ndarray, shape (n, d)
    graph : array-like or sparse matrix, shape (n, n), or None
        Made a graph by `jcae.data.graphs.graph.clean`.
    n_neighbors : int
        Without a graph: Euclidean neighbours of each point; all other points, where there are no more.

    Returns
    -------
    csr_array, shape (n, n), float32

    Raises
    ------
    DataError
        A graph of another number of nodes, or what `clean` and `knn_graph` refuse.
    """
    if graph is None:
        return knn_graph(X, n_neighbors if n_neighbors < 1 else min(n_neighbors, len(X) - 1))
    A = clean(graph, "graph")
    if A.shape[0] != len(X):
        raise DataError(f"graph: {A.shape[0]} nodes for {len(X)} points")
    return A


def directions(X: np.ndarray) -> np.ndarray:
    """Scale points (n, d) to length 1, (n, d + 1): the last column is the direction of those that are 0 everywhere."""
    lengths = np.linalg.norm(X, axis=1, keepdims=True)
    zero = lengths == 0
    return np.hstack([X / np.where(zero, 1, lengths), zero])


def checked(X: np.ndarray, k: int) -> np.ndarray:
    """X in float64, or a `DataError` that says why its points have no `k` neighbours."""
    try:
        X = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"neighbours need a table of numbers ({error})") from None
    if X.ndim != 2 or 0 in X.shape:
        raise DataError(f"neighbours need features of shape (points, features) and not {X.shape}")
    good = np.abs(X) <= np.finfo(np.float32).max  # False for NaN
    if not good.all():
        row, column = (int(i) for i in np.argwhere(~good)[0])
        raise DataError(f"neighbours need features finite in float32; row {row}, column {column} is {X[row, column]}")
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k < len(X):
        raise DataError(f"{k!r} neighbours of {len(X)} points (allowed: 1 to {len(X) - 1})")
    return X


def _nearest(distances: np.ndarray, k: int) -> np.ndarray:
    """Columns of the k smallest values of each row, (rows * k,); of equal values the first."""
    last = np.partition(distances, k - 1, axis=1)[:, k - 1, None]
    nearer, as_near = distances < last, distances == last
    places = k - nearer.sum(axis=1, keepdims=True)
    return (nearer | (as_near & (as_near.cumsum(axis=1) <= places))).nonzero()[1]


def _euclidean(X: np.ndarray, k: int) -> _DistancesFrom:
    # By the fast formula first, from the mean: far from the origin the squares would drown their differences. What may
    # be among the nearest is then computed by differences, which no offset and no outlier spoils.
    centred = X - X.mean(axis=0)
    squares = (centred**2).sum(axis=1)
    error = 8 * X.shape[1] * np.finfo(np.float64).eps * squares.max()

    def distances_from(rows: np.ndarray) -> np.ndarray:
        rough = squares[rows, None] - 2 * (centred[rows] @ centred.T) + squares
        rough[np.arange(len(rows)), rows] = np.inf
        last = np.partition(rough, k - 1, axis=1)[:, k - 1, None]
        i, j = (rough <= last + 1e-6 * np.abs(last) + 2 * error).nonzero()
        distances = np.full(rough.shape, np.inf, dtype=np.float32)
        step = max(1, _ENTRIES // X.shape[1])
        for start in range(0, len(i), step):
            a, b = i[start : start + step], j[start : start + step]
            distances[a, b] = np.sqrt(((X[rows[a]] - X[b]) ** 2).sum(axis=1))
        return distances

    return distances_from


def _cosine(X: np.ndarray, k: int) -> _DistancesFrom:
    # Between points at distance 1 from the origin the smallest distance is the smallest angle.
    return _euclidean(directions(X), k)


def _dot(X: np.ndarray, k: int) -> _DistancesFrom:
    present = (X > 0).astype(np.float32)  # whose counts are exact

    def distances_from(rows: np.ndarray) -> np.ndarray:
        distances = -(present[rows] @ present.T)
        distances[np.arange(len(rows)), rows] = np.inf
        return distances

    return distances_from


_METRICS: dict[str, Callable[[np.ndarray, int], _DistancesFrom]] = {
    "euclidean": _euclidean,
    "cosine": _cosine,
    "dot": _dot,
}
