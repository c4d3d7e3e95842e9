"""The graph of the most similar points, weighted by the cosine of their angle. It never sees a label."""

import numpy as np
from scipy import sparse

from jcae.data.graphs.neighbours import checked, directions, knn_graph
from jcae.extras import extra

_GRAIN = 2.0**24
"""Cosines are whole multiples of its inverse, which is the accuracy of float32 at 1."""
_ENTRIES = 1 << 22


def cosine_graph(X: np.ndarray, k: int, *, exact_up_to: int) -> sparse.csr_array:
    """Join each point with its `k` nearest others by angle; an edge stands when one of its ends asks for it.

    Parameters
    ----------
    X : ndarray, shape (n, d)
        Points that are 0 everywhere have no direction and are given one of their own, at a right angle to all others.
    k : int
        Neighbours of a point, itself not among them.
    exact_up_to : int
        Points up to which the neighbours are exact, see `jcae.data.graphs.neighbours.knn_graph`; those of more points
        are approximate ones, by nearest-neighbour descent (Dong et al., WWW 2011; pynndescent) from a fixed seed.

    Returns
    -------
    csr_array, shape (n, n), float64
        Symmetric, with the cosines that are above 0: the other edges are left out. Cosines are rounded to whole
        multiples of 2^-24: sums of up to 2^29 of them are exact, and so the same in any order.

    Raises
    ------
    DataError
        What `knn_graph` refuses.
    MissingExtraError
        More points than `exact_up_to`, and pynndescent is not installed.
    """
    units = directions(checked(X, k))
    A = knn_graph(units, k) if len(X) <= exact_up_to else _descent(units, k)
    rows = np.repeat(np.arange(len(X)), np.diff(A.indptr))
    cosines = np.empty(A.nnz)
    step = max(1, _ENTRIES // units.shape[1])
    for start in range(0, A.nnz, step):
        part = slice(start, start + step)
        cosines[part] = np.einsum("ij,ij->i", units[rows[part]], units[A.indices[part]])
    A = sparse.csr_array((np.round(cosines * _GRAIN).clip(0) / _GRAIN, A.indices, A.indptr), shape=A.shape)
    A.eliminate_zeros()
    return A


def _descent(units: np.ndarray, k: int) -> sparse.csr_array:
    with extra("scc", "A graph of more points than exact_up_to"):
        from pynndescent import NNDescent
    n = len(units)
    # Between points at distance 1 from the origin the smallest distance is the smallest angle. The first is the point.
    found = NNDescent(units.astype(np.float32), n_neighbors=k + 1, random_state=0, n_jobs=1).neighbor_graph[0]
    rows, columns = np.repeat(np.arange(n), k + 1), found.ravel()
    there = (columns >= 0) & (columns != rows)
    A = sparse.coo_array((np.ones(there.sum(), bool), (rows[there], columns[there])), shape=(n, n)).tocsr()
    return A.maximum(A.T.tocsr())
