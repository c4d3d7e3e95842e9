"""Control: labels drawn at random. What a score is worth is its distance from this."""

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils import check_random_state

from jcae.models.info import Info
from jcae.models.inputs import checked_data


class RandomLabels(ClusterMixin, BaseEstimator):
    """Each point gets one of ``n_clusters`` labels, all equally likely.

    Parameters
    ----------
    n_clusters : int
    random_state : int, RandomState or None
    """

    info: ClassVar[Info] = Info(
        label="random labels",
        summary="Control: uniform random labels, the lower bound of every score.",
        reference="none",
        control=True,
    )

    def __init__(self, n_clusters: int = 8, *, random_state: Any = None):
        self.n_clusters = n_clusters
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Draw ``labels_`` (n_samples,) for X (n_samples, n_features); `y` is ignored."""
        X = checked_data(self, X)
        rng = check_random_state(self.random_state)
        self.labels_ = rng.randint(self.n_clusters, size=len(X)).astype(np.int32)
        return self
