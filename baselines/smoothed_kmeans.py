"""k-means on features that are smoothed over the edges of a graph: what a graph gives without any training."""

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans

from jcae.data.graphs.neighbours import graph_of
from jcae.models.info import Info
from jcae.models.inputs import checked_data
from jcae.models.parameters import check_clusters, check_number
from jcae.nn.graph import smoothed


class SmoothedKMeans(ClusterMixin, BaseEstimator):
    """k-means on N^t X, with N = D^-1/2 (A + I) D^-1/2.

    Parameters
    ----------
    n_clusters : int
    smoothing : int
        t: how often the features of a node are averaged with its neighbours'; 0 leaves them.
    n_neighbors : int
        Without a graph: Euclidean neighbours that each point is joined with.
    n_init : int
        Restarts of k-means.
    random_state : int, RandomState or None
    """

    info: ClassVar[Info] = Info(
        label="k-means (smoothed)",
        summary="k-means on features averaged over the neighbours in a graph, t times.",
        reference="arXiv:1906.01210",
        deviations=(
            "AGC, which smooths like this, chooses t by the data and clusters spectrally; here t is given and k-means "
            "follows.",
        ),
    )

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        smoothing: int = 2,
        n_neighbors: int = 3,
        n_init: int = 20,
        random_state: Any = None,
    ):
        self.n_clusters = n_clusters
        self.smoothing = smoothing
        self.n_neighbors = n_neighbors
        self.n_init = n_init
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, graph: Any = None) -> Self:
        """Set ``labels_`` (n_samples,), and ``cluster_centers_`` (n_clusters, n_features) of the smoothed features.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
        y
            Ignored.
        graph : array-like or sparse matrix, shape (n_samples, n_samples), optional
            Weights of edges. Default: 1 between nearest neighbours.
        """
        X = checked_data(self, X, dtype=np.float64, ensure_min_samples=2)
        check_clusters(self, len(X))
        check_number(self, "smoothing", minimum=0, integer=True)
        check_number(self, "n_neighbors", minimum=1, integer=True)
        X = smoothed(X, graph_of(X, graph, self.n_neighbors), self.smoothing)
        found = KMeans(self.n_clusters, n_init=self.n_init, random_state=self.random_state).fit(X)
        self.labels_, self.cluster_centers_ = found.labels_.astype(np.int32), found.cluster_centers_
        return self
