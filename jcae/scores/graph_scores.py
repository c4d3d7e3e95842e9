"""What a graph says of a partition of its nodes, without any truth: modularity and conductance.

The volume of a cluster is the sum of the weights at its nodes, an edge within it counted from both ends; its cut is the
weight of the edges that leave it. Noise (label -1) counts as one more cluster.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from jcae.scores.labels import as_labels


def modularity(graph: sparse.csr_array, labels: ArrayLike) -> float:
    """Share of the weight within clusters, less the share expected of nodes with these volumes joined at random.

    Newman and Girvan's, with weights and resolution 1: the sum over the clusters of
    ``within / total - (volume / total)**2``.

    Parameters
    ----------
    graph : csr_array, shape (n, n)
        As `jcae.data.graphs.graph.clean` gives it.
    labels : array-like of int, shape (n,)

    Returns
    -------
    float
        In [-0.5, 1], and 0 for a single cluster; NaN without edges.

    Raises
    ------
    ValueError
        As many nodes as labels are needed, and labels must be integers.
    """
    cut, volume = _cuts(graph, labels)
    total = volume.sum()
    return float(((volume - cut) / total - (volume / total) ** 2).sum()) if total else float("nan")


def conductance(graph: sparse.csr_array, labels: ArrayLike) -> float:
    """Mean over the clusters of the cut over the volume of the cluster or of all others, whichever is smaller.

    A cluster without volume (isolated nodes only), or one that leaves none to the others, has no conductance and is
    left out of the mean: neither isolated nodes nor a collapse look like a good cut.

    Parameters and errors as in `modularity`.

    Returns
    -------
    float
        In [0, 1], 0 is best; NaN where no cluster has one, as with a single cluster or without edges.
    """
    cut, volume = _cuts(graph, labels)
    smaller = np.minimum(volume, volume.sum() - volume)
    defined = smaller > 0
    return float((cut[defined] / smaller[defined]).mean()) if defined.any() else float("nan")


def _cuts(graph: sparse.csr_array, labels: ArrayLike) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Cut and volume of each cluster, shape (K,), float64."""
    labels = as_labels(labels, "labels")
    if graph.shape[0] != len(labels):
        raise ValueError(f"the graph has {graph.shape[0]} nodes for {len(labels)} labels")
    clusters, labels = np.unique(labels, return_inverse=True)
    edges = graph.tocoo()
    one, other = (labels[nodes] for nodes in edges.coords)
    cut = np.bincount(one, edges.data * (one != other), len(clusters))
    return cut, np.bincount(one, edges.data, len(clusters))
