"""LWGP: locally weighted graph partitioning of an ensemble. Huang, Wang and Lai, doi:10.1109/TCYB.2017.2702343."""

import math
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.utils import check_random_state

from jcae.models.bipartite import consensus
from jcae.models.info import Info
from jcae.models.inputs import checked_data
from jcae.models.parameters import check_clusters, check_number


class LWGP(ClusterMixin, BaseEstimator):
    """Consensus of k-means clusterings, whose clusters weigh the more, the more the others keep them together.

    Parameters
    ----------
    n_clusters : int
        K.
    members : int
        M: clusterings by k-means, from random points, with 2 to sqrt(n) clusters each.
    theta : float
        The larger, the more alike are the weights; 0.2 to 1 is recommended.
    random_state : int, RandomState or None
    """

    info: ClassVar[Info] = Info(
        label="LWGP",
        summary="Ensemble of k-means clusterings, joined by a cut of the graph between points and weighted clusters.",
        reference="10.1109/TCYB.2017.2702343",
        deviations=(
            "The authors draw ten out of a hundred clusterings that they made once; here each fit makes its own.",
            "How many clusters a clustering has, 2 to sqrt(n), or to K where that is more, is recalled and not read.",
        ),
    )

    def __init__(self, n_clusters: int = 8, *, members: int = 10, theta: float = 0.4, random_state: Any = None):
        self.n_clusters = n_clusters
        self.members = members
        self.theta = theta
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Set ``labels_`` (n_samples,) and ``clusterings_`` (n_samples, members) of X (n_samples, n_features).

        `y` is ignored.
        """
        X = checked_data(self, X, dtype=np.float64, ensure_min_samples=2)
        check_clusters(self, len(X))
        check_number(self, "members", minimum=1, integer=True)
        check_number(self, "theta", minimum=0, exclusive=True)
        rng = check_random_state(self.random_state)
        most = max(self.n_clusters, math.isqrt(len(X)))
        counts = rng.randint(min(2, most), most + 1, self.members)
        counts[0] = max(counts[0], self.n_clusters)  # the cut needs as many clusters as it makes
        clusterings = [KMeans(k, init="random", n_init=1, random_state=rng).fit(X).labels_ for k in counts]
        self.clusterings_ = np.stack(clusterings, axis=1)
        self.labels_ = consensus(self.clusterings_, self.n_clusters, rng, self.theta)
        return self
