"""Cuts of a bipartite graph between points and a few nodes: representatives, or the clusters of other clusterings."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh
from scipy.sparse import csr_array, diags_array
from sklearn.cluster import KMeans

_ALONE = 1e-10
"""Degree of a node without an edge, and what is added to the length of a row, in the authors' code."""


def transfer_cut_embedding(B: csr_array, n_vectors: int) -> tuple[np.ndarray, np.ndarray]:
    """Spectral coordinates of the points of a bipartite graph, from the eigenvectors of its small side.

    Transfer cut: Li, Wu and Chang, Segmentation using superpixels, CVPR 2012.

    Parameters
    ----------
    B : csr_array, (n, p)
        Weights of the edges between n points and p nodes, not negative.
    n_vectors : int
        At most p.

    Returns
    -------
    coordinates : ndarray, (n, n_vectors), float64
        Rows of length 1.
    eigenvalues : ndarray, (n_vectors,), float64
        Of D^-1/2 B^T Dx^-1 B D^-1/2, descending, with Dx the degrees of the points and D those of the product.

    Raises
    ------
    ValueError
        More vectors are asked for than there are nodes.
    """
    p = B.shape[1]
    if not 1 <= n_vectors <= p:
        raise ValueError(f"{n_vectors} clusters of a graph with {p} nodes beside the points (allowed: 1 to {p})")
    walk = diags_array(1 / _positive(B.sum(1))) @ B
    W = (B.T @ walk).toarray()
    scale = _positive(W.sum(1)) ** -0.5
    S = scale[:, None] * W * scale
    eigenvalues, V = eigh((S + S.T) / 2, subset_by_index=(p - n_vectors, p - 1))
    rows = walk @ (scale[:, None] * V[:, ::-1])
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) + _ALONE), eigenvalues[::-1]


def transfer_cut(
    B: csr_array, n_clusters: int, rng: np.random.RandomState, *, n_init: int = 3, max_iter: int = 100
) -> np.ndarray:
    """Cut a bipartite graph: k-means on the coordinates of `transfer_cut_embedding`.

    Parameters
    ----------
    B : csr_array, (n, p)
    n_clusters : int
        At most p.
    rng : RandomState
    n_init, max_iter : int
        Of k-means.

    Returns
    -------
    ndarray, (n,), int32
    """
    rows, _ = transfer_cut_embedding(B, n_clusters)
    found = KMeans(n_clusters, n_init=n_init, max_iter=max_iter, random_state=rng).fit(rows)
    return found.labels_.astype(np.int32)


def membership(clusterings: ArrayLike) -> csr_array:
    """Which point is in which cluster of which clustering.

    Parameters
    ----------
    clusterings : array-like of int, (n, M)
        A clustering per column.

    Returns
    -------
    csr_array, (n, C), float64
        1 where a point is in a cluster; C counts the clusters of all clusterings that have points.
    """
    clusterings = np.asarray(clusterings)
    n, n_clusterings = clusterings.shape
    columns = np.empty_like(clusterings, dtype=np.int64)
    first = 0
    for m in range(n_clusterings):
        columns[:, m] = first + np.unique(clusterings[:, m], return_inverse=True)[1]
        first = columns[:, m].max() + 1
    places = np.arange(0, columns.size + 1, n_clusterings)
    return csr_array((np.ones(columns.size), columns.ravel(), places), shape=(n, first))


def reliability(members: csr_array, n_clusterings: int, theta: float) -> np.ndarray:
    """How far the other clusterings keep the points of a cluster together (ensemble-driven cluster index).

    exp(-H_j / (theta M)), with H_j the sum over the M clusterings of the entropy, in bits, of the shares that their
    clusters have of cluster j. Huang, Wang and Lai, Locally weighted ensemble clustering, IEEE Transactions on
    Cybernetics 48(5), 2018.

    Parameters
    ----------
    members : csr_array, (n, C)
        As `membership` gives it.
    n_clusterings : int
        M.
    theta : float
        Above 0; the larger, the more alike are the weights.

    Returns
    -------
    ndarray, (C,), float64, in (0, 1]
    """
    shared = (members.T @ members).toarray()
    shares = shared / shared.diagonal()[:, None]
    bits = np.where(shares > 0, shares * np.log2(np.where(shares > 0, shares, 1)), 0).sum(1)
    return np.exp(bits / (theta * n_clusterings))


def consensus(
    clusterings: ArrayLike, n_clusters: int, rng: np.random.RandomState, theta: float | None = None
) -> np.ndarray:
    """Cut the graph of points and the clusters that they are in.

    Parameters
    ----------
    clusterings : array-like of int, (n, M)
        A clustering per column.
    n_clusters : int
        At most the number of all their clusters.
    rng : RandomState
    theta : float or None
        Clusters weigh as `reliability` says; None: all the same.

    Returns
    -------
    ndarray, (n,), int32
    """
    B = membership(clusterings)
    if theta is not None:
        B = B @ diags_array(reliability(B, np.shape(clusterings)[1], theta))
    return transfer_cut(csr_array(B), n_clusters, rng)


def _positive(degrees: np.ndarray) -> np.ndarray:
    return np.where(degrees == 0, _ALONE, degrees)
