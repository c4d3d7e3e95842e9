"""Fuzzy c-means of the features: what a deep fuzzy method has to beat. Bezdek, 1981."""

from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from jcae.models.info import Info
from jcae.models.inputs import checked_data
from jcae.models.parameters import check_clusters, check_number
from jcae.nn.distances import squared_distances
from jcae.nn.fuzzy import fuzzy_memberships, weighted_means


class FuzzyCMeans(ClusterMixin, BaseEstimator):
    """Fuzzy c-means from k-means, on the features themselves.

    Centroids are means weighted by memberships to the power m, and memberships u_ik are proportional to
    D_ik^(-1 / (m - 1)), D the squared distances: in turn they minimise sum u^m D.

    Parameters
    ----------
    n_clusters : int
    fuzzifier : float
        m, above 1: the more features, the nearer to 1, or all centroids drift to the mean.
    max_iter : int
        Most updates of centroids and memberships.
    tol : float
        Stop when the centroids together moved by less than `tol` times the mean variance of a feature (squared).
    n_init : int
        Restarts of k-means.
    random_state : int, RandomState or None

    Attributes
    ----------
    labels_ : ndarray of int32, (n_samples,)
        The largest membership.
    cluster_centers_ : ndarray of float64, (n_clusters, n_features)
    n_iter_ : int
    """

    info: ClassVar[Info] = Info(
        label="fuzzy c-means",
        summary="Fuzzy c-means of the features, without any network.",
        reference="10.1007/978-1-4757-0450-1",
        deviations=("It starts from k-means, so that its difference from k-means is what the memberships bring.",),
    )

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        fuzzifier: float = 1.1,
        max_iter: int = 300,
        tol: float = 1e-4,
        n_init: int = 20,
        random_state: Any = None,
    ):
        self.n_clusters = n_clusters
        self.fuzzifier = fuzzifier
        self.max_iter = max_iter
        self.tol = tol
        self.n_init = n_init
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Cluster X (n_samples, n_features); `y` is ignored."""
        X = checked_data(self, X, dtype=np.float64, ensure_min_samples=2)
        check_clusters(self, len(X))
        check_number(self, "fuzzifier", minimum=1, exclusive=True)
        check_number(self, "max_iter", minimum=1, integer=True)
        check_number(self, "tol", minimum=0)
        kmeans = KMeans(self.n_clusters, n_init=self.n_init, random_state=self.random_state).fit(X)
        x, centroids = torch.tensor(X), torch.tensor(kmeans.cluster_centers_)
        enough = self.tol * X.var(0).mean()
        for n_iter in range(1, self.max_iter + 1):
            before = centroids
            centroids = weighted_means(self._memberships(x, centroids).pow(self.fuzzifier), x, centroids)
            self.n_iter_ = n_iter
            if (centroids - before).square().sum() <= enough:
                break
        self.cluster_centers_ = centroids.numpy()
        self.labels_ = self._memberships(x, centroids).argmax(1).numpy().astype(np.int32)
        return self

    def _memberships(self, x: Tensor, centroids: Tensor) -> Tensor:
        return fuzzy_memberships(squared_distances(x, centroids), self.fuzzifier).exp()

    def predict_proba(self, X: Any) -> np.ndarray:
        """Memberships (n_samples, n_clusters) of X (n_samples, n_features)."""
        check_is_fitted(self)
        X = checked_data(self, X, dtype=np.float64, reset=False)
        return self._memberships(torch.tensor(X), torch.tensor(self.cluster_centers_)).numpy()

    def predict(self, X: Any) -> np.ndarray:
        """Cluster of each row of X (n_samples, n_features): int32, (n_samples,)."""
        return self.predict_proba(X).argmax(1).astype(np.int32)
