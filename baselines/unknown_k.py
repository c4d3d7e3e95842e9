"""k-means with a number of clusters that is chosen without labels: what methods that find K are measured by."""

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.utils import check_random_state

from jcae.data.graphs.neighbours import graph_of
from jcae.models.info import Info
from jcae.models.inputs import checked_data
from jcae.nn.graph import smoothed
from jcae.scores.metrics import ari, silhouette

CRITERIA = ("silhouette", "stability")
_RESTARTS = 20
_PAIRS = 20
_SHARE = 0.8


class KMeansUnknownK(ClusterMixin, BaseEstimator):
    """k-means for every K of a range, of the features or, with a graph, of the smoothed ones; the best K is kept.

    Parameters
    ----------
    criterion : {"silhouette", "stability"}
        Mean silhouette of the labels, or how well k-means of one random part of the points agrees with k-means of
        another one, by the ARI of the points that both have (20 pairs of parts of 80 %).
    min_clusters, max_clusters : int
    smoothing : int
        Times that features are averaged over neighbours, see `jcae.nn.graph.smoothed`, where `fit` is given a graph.
    random_state : int, RandomState or None

    Attributes
    ----------
    labels_ : ndarray of int32, (n_samples,)
    cluster_centers_ : ndarray, (K, n_features)
    n_clusters_ : int
    values_ : ndarray, (max_clusters - min_clusters + 1,)
        The criterion of each K; NaN where it is not defined.
    """

    info: ClassVar[Info] = Info(
        label="k-means, K found",
        summary="k-means with the number of clusters that has the best silhouette, or the most stable labels.",
        reference="doi:10.1162/089976604773717621",
        deviations=(
            "The reference measures stability between disjoint halves, by a classifier and relative to random labels; "
            "here it is the ARI of two overlapping parts on the points of both.",
        ),
    )

    def __init__(
        self,
        *,
        criterion: str = "silhouette",
        min_clusters: int = 2,
        max_clusters: int = 10,
        smoothing: int = 2,
        random_state: Any = None,
    ):
        self.criterion = criterion
        self.min_clusters = min_clusters
        self.max_clusters = max_clusters
        self.smoothing = smoothing
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, graph: Any = None) -> Self:
        """Set ``labels_`` (n_samples,).

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
        y
            Ignored.
        graph : sparse matrix, shape (n_samples, n_samples), optional
            Weights of edges. Default: the features are taken as they are.
        """
        X = checked_data(self, X, dtype=np.float64, ensure_min_samples=2)
        if self.criterion not in CRITERIA:
            raise ValueError(f"criterion={self.criterion!r} is unknown; allowed are {list(CRITERIA)}")
        if not 2 <= self.min_clusters <= self.max_clusters <= len(X):
            raise ValueError(
                f"min_clusters={self.min_clusters!r} and max_clusters={self.max_clusters!r} for n_samples={len(X)} "
                "(allowed: from 2, in this order, to the number of points)"
            )
        if graph is not None:
            X = smoothed(X, graph_of(X, graph, 1), self.smoothing)
        rng = check_random_state(self.random_state)
        counts = range(self.min_clusters, self.max_clusters + 1)
        fits = [_kmeans(X, k, rng) for k in counts]
        if self.criterion == "silhouette":
            self.values_ = np.array([silhouette(X, fit.labels_) for fit in fits])
        else:
            self.values_ = np.array([_stability(X, k, rng) for k in counts])
        if np.isnan(self.values_).all():
            raise ValueError(f"X: the {self.criterion} of no K from {counts[0]} to {counts[-1]} is defined")
        best = fits[int(np.nanargmax(self.values_))]
        self.n_clusters_ = best.n_clusters
        self.labels_, self.cluster_centers_ = best.labels_.astype(np.int32), best.cluster_centers_
        return self


def _kmeans(X: np.ndarray, k: int, rng: np.random.RandomState) -> KMeans:
    return KMeans(k, n_init=_RESTARTS, random_state=rng).fit(X)


def _stability(X: np.ndarray, k: int, rng: np.random.RandomState) -> float:
    """Mean ARI of k-means of two parts of X, on the points of both; NaN where a part is too small for it."""
    size = int(_SHARE * len(X))
    if k >= size:
        return np.nan
    agreement = []
    for _ in range(_PAIRS):
        parts = [rng.permutation(len(X))[:size] for _ in range(2)]
        found = [np.full(len(X), -1), np.full(len(X), -1)]
        for part, labels in zip(parts, found, strict=True):
            labels[part] = KMeans(k, n_init=1, random_state=rng).fit(X[part]).labels_
        both = (found[0] >= 0) & (found[1] >= 0)
        agreement.append(ari(found[0][both], found[1][both]))
    return float(np.mean(agreement))
