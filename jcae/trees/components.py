"""Sub-cluster components: the rounds of SCC on a graph. Monath et al., KDD 2021, arXiv 2010.11821.

In a round every cluster points to its most similar one. Pointers whose similarity reaches a threshold are kept, and
what they connect becomes one cluster. The similarity of two clusters is their average linkage on the graph: the sum of
the edges between them over the product of their sizes, so that a pair of points without an edge counts as 0.
"""

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components


class Edges(Protocol):
    """Edges between clusters 0 .. m - 1, wherever they are kept: sums of the similarities of their points."""

    def nearest(self, sizes: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """For clusters of these sizes (m,) the most similar one, and how similar it is: see `nearest`."""

    def contract(self, into: NDArray[np.integer], n_clusters: int) -> "Edges":
        """Edges between the clusters (n_clusters) that the present ones, (m,), are put into."""


class SparseEdges(NamedTuple):
    """Edges in the memory of this process.

    Attributes
    ----------
    sums : csr_array of float64, (m, m)
        Symmetric, canonical, all above 0.
    """

    sums: sparse.csr_array

    def nearest(self, sizes: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """See `Edges`."""
        return nearest(self.sums, sizes)

    def contract(self, into: NDArray[np.integer], n_clusters: int) -> "SparseEdges":
        """See `Edges`."""
        return SparseEdges(contract(self.sums, into, n_clusters))


class Rounds(NamedTuple):
    """The rounds in which something merged.

    Attributes
    ----------
    merges : list of ndarray of int32
        Of each round: the cluster after it that every cluster before it, (m,), is in.
    thresholds : list of float
    """

    merges: list[NDArray[np.int32]]
    thresholds: list[float]


def geometric(floor: float, rounds: int, *, endless: bool) -> Iterator[float]:
    """Thresholds from 1 down to `floor`, each the same share of the one before, as in the authors' code.

    Parameters
    ----------
    floor : float
        Above 0 and below 1.
    rounds : int
        Thresholds down to the floor, at least 2.
    endless : bool
        Go on below it without end.
    """
    for i in count() if endless else range(rounds):
        yield floor ** (i / (rounds - 1))


def sub_cluster_components(edges: Edges, n_points: int, thresholds: Iterable[float], *, repeat: bool = False) -> Rounds:
    """Merge points, and then clusters, in rounds.

    Parameters
    ----------
    edges : Edges
        Of the points.
    n_points : int
    thresholds : iterable of float
        One round at each, but for those that no pointer reaches; it may go on for ever, unless its values stay above
        the similarities. All at minus infinity: affinity clustering, which keeps every pointer.
    repeat : bool
        Repeat the round at one threshold until no pointer reaches it, as in the paper; False: one round, as in the
        authors' code.

    Returns
    -------
    Rounds
        They end at one cluster, at the last threshold, or where no edge is left.
    """
    merges, reached = [], []
    sizes = np.ones(n_points)
    pointers, similarities = edges.nearest(sizes)
    for threshold in thresholds:
        while (highest := similarities.max()) >= threshold and highest > -np.inf:
            kept = np.flatnonzero(similarities >= threshold)
            graph = sparse.coo_array((np.ones(len(kept), bool), (kept, pointers[kept])), shape=2 * sizes.shape)
            n_clusters, into = connected_components(graph, directed=False)
            merges.append(into)
            reached.append(float(threshold))
            sizes = np.bincount(into, sizes)
            edges = edges.contract(into, n_clusters)
            pointers, similarities = edges.nearest(sizes)
            if not repeat:
                break
        if highest == -np.inf:
            break
    return Rounds(merges, reached)


def nearest(
    sums: sparse.csr_array, sizes: NDArray[np.float64], first: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The most similar cluster of some, and the similarity.

    Parameters
    ----------
    sums : csr_array, (h, m)
        Canonical: the rows of clusters first .. first + h - 1.
    sizes : ndarray, (m,)
    first : int

    Returns
    -------
    clusters : ndarray of int64, (h,)
        Of equally similar ones the lowest number; without an edge the cluster itself.
    similarities : ndarray, (h,)
        Minus infinity without an edge.
    """
    edges = np.diff(sums.indptr)
    rows = np.repeat(np.arange(len(edges)), edges)
    linkage = sums.data / (sizes[first + rows] * sizes[sums.indices])
    clusters, similarities = first + np.arange(len(edges)), np.full(len(edges), -np.inf)
    some = edges > 0
    if some.any():
        similarities[some] = np.maximum.reduceat(linkage, sums.indptr[:-1][some])
        best = np.flatnonzero(linkage == similarities[rows])[::-1]  # of several the lowest comes last, and stays
        clusters[rows[best]] = sums.indices[best]
    return clusters, similarities


def contract(sums: sparse.csr_array, into: NDArray[np.integer], n_clusters: int, first: int = 0) -> sparse.csr_array:
    """Add up the edges between the clusters that others are put into; those within one are left out.

    Parameters
    ----------
    sums : csr_array, (h, m)
        The rows of clusters first .. first + h - 1.
    into : ndarray of int, (m,)
    n_clusters : int
    first : int

    Returns
    -------
    csr_array, (n_clusters, n_clusters)
        Canonical.
    """
    rows = into[first + np.repeat(np.arange(sums.shape[0]), np.diff(sums.indptr))]
    columns = into[sums.indices]
    between = rows != columns
    ends: Any = rows[between], columns[between]
    return sparse.coo_array((sums.data[between], ends), shape=(n_clusters, n_clusters)).tocsr()
