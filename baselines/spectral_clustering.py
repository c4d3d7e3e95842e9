"""Spectral clustering of a graph: what the edges alone say, without a feature and without learning."""

from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.utils import check_random_state

from jcae.data.graphs.neighbours import graph_of
from jcae.models.info import Info
from jcae.models.inputs import checked_data

_RESTARTS = 20


class SpectralClustering(ClusterMixin, BaseEstimator):
    """k-means on the leading eigenvectors of the normalised graph, rows scaled to length 1.

    Parameters
    ----------
    n_clusters : int
        K.
    n_neighbors : int
        Of the graph of nearest neighbours, where `fit` is given no graph.
    regularisation : float
        Weight, in mean degrees, that every node has to all nodes together. It joins isolated nodes and small components
        to the rest, too weakly to matter to the others; 0 leaves the graph as it is.
    random_state : int, RandomState or None
    """

    info: ClassVar[Info] = Info(
        label="spectral",
        summary="Spectral clustering of the graph; features count only where they make the graph.",
        reference="arXiv:0711.0189",
        deviations=(
            "Between all nodes there are edges of a quarter of the mean degree divided by n, after Amini, Chen, Bickel "
            "and Levina (arXiv:1207.2340): citation graphs have hundreds of components, whose indicators would be the "
            "leading eigenvectors.",
        ),
    )

    def __init__(
        self, n_clusters: int = 8, *, n_neighbors: int = 10, regularisation: float = 0.25, random_state: Any = None
    ):
        self.n_clusters = n_clusters
        self.n_neighbors = n_neighbors
        self.regularisation = regularisation
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, graph: Any = None) -> Self:
        """Set ``labels_`` (n_samples,).

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Not looked at where there is a graph.
        y
            Ignored.
        graph : sparse matrix, shape (n_samples, n_samples), optional
            Weights of edges. Default: 1 between nearest neighbours.
        """
        X = checked_data(self, X, dtype=np.float64, ensure_min_samples=2)
        if not 1 <= self.n_clusters <= len(X):
            raise ValueError(f"n_clusters={self.n_clusters!r} for {len(X)} points (allowed: 1 to {len(X)})")
        if not 0 <= self.regularisation < np.inf:
            raise ValueError(f"regularisation={self.regularisation!r} (allowed: finite, at least 0)")
        rng = check_random_state(self.random_state)
        A = graph_of(X, graph, self.n_neighbors)
        if A.nnz == 0:
            raise ValueError("graph: no edges")
        rows = leading_eigenvectors(A, self.n_clusters, self.regularisation, rng)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        rows /= np.where(lengths == 0, 1, lengths)
        self.labels_ = KMeans(self.n_clusters, n_init=_RESTARTS, random_state=rng).fit(rows).labels_.astype(np.int32)
        return self


def leading_eigenvectors(A: Any, count: int, regularisation: float, rng: np.random.RandomState) -> np.ndarray:
    """Eigenvectors of ``D^(-1/2) (A + t/n) D^(-1/2)`` to its largest eigenvalues.

    Parameters
    ----------
    A : csr_array, shape (n, n)
        A graph.
    count : int
    regularisation : float
        t in mean degrees.
    rng : RandomState
        Draws the start of the iteration.

    Returns
    -------
    ndarray, shape (n, count), float64
    """
    n = A.shape[0]
    A = A.astype(np.float64)
    degrees = A.sum(axis=1)
    extra = regularisation * degrees.mean()
    degrees += extra
    scale = np.zeros(n)
    scale[degrees > 0] = degrees[degrees > 0] ** -0.5

    def times(v: np.ndarray) -> np.ndarray:
        v = scale * v.ravel()
        return scale * (A @ v + extra * v.mean())

    start = rng.uniform(-1, 1, n)
    normalised = LinearOperator((n, n), matvec=times, dtype=np.float64)
    if n <= 10 * count:  # the iteration needs room
        return np.linalg.eigh(normalised @ np.eye(n))[1][:, -count:]
    return eigsh(normalised, count, which="LA", v0=start)[1]
