"""U-SPEC and U-SENC: spectral clustering by representatives, and an ensemble of it. Huang et al., arXiv 1903.01057."""

import math
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state

from jcae.models.bipartite import consensus, transfer_cut
from jcae.models.info import Info
from jcae.models.inputs import checked_data
from jcae.models.parameters import check_clusters, check_number

_SAMPLE = 10
"""Points per representative that these are chosen from."""
_CANDIDATES = 10
"""Representatives per neighbour among which the neighbours of a point are searched."""
_PER_CLUSTER = 10
"""Representatives that there are at least for each of the most clusters of a member."""
_CHUNK = 2**22
"""Differences of coordinates that are at hand at a time."""


class USPEC(ClusterMixin, BaseEstimator):
    """Spectral clustering of the graph between points and their nearest representatives, by a transfer cut.

    Parameters
    ----------
    n_clusters : int
        K.
    representatives : int
        p: centres of k-means that stand for all points; as many as there are points, if these are fewer.
    n_neighbors : int
        Nearest representatives that a point is joined with.
    random_state : int, RandomState or None
    """

    info: ClassVar[Info] = Info(
        label="U-SPEC",
        summary="Spectral clustering of a graph between points and representatives, in time linear in the points.",
        reference="arXiv:1903.01057",
        deviations=(
            "k-means is scikit-learn's: k-means++ at the start of the last one, random points at that of the others.",
        ),
    )

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        representatives: int = 1000,
        n_neighbors: int = 5,
        random_state: Any = None,
    ):
        self.n_clusters = n_clusters
        self.representatives = representatives
        self.n_neighbors = n_neighbors
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Set ``labels_`` (n_samples,) of X (n_samples, n_features); `y` is ignored."""
        X = checked_data(self, X, dtype=np.float64, ensure_min_samples=2)
        check_clusters(self, len(X))
        for name in ("representatives", "n_neighbors"):
            check_number(self, name, minimum=1, integer=True)
        rng = check_random_state(self.random_state)
        R = choose_representatives(X, min(self.representatives, len(X)), rng)
        self.labels_ = transfer_cut(affinity(X, R, self.n_neighbors, rng), self.n_clusters, rng)
        return self


class USENC(ClusterMixin, BaseEstimator):
    """Consensus of several U-SPEC, each with representatives and a number of clusters of its own.

    Parameters
    ----------
    n_clusters : int
        K.
    members : int
        M: clusterings.
    fewest, most : int
        Each has a number of clusters between these, drawn evenly; where K is more, they are raised to it.
    theta : float or None
        Weigh clusters by how far the other members keep them together (`jcae.models.bipartite.reliability`), as LWGP
        does; None: all the same.
    representatives, n_neighbors : int
        Of each U-SPEC.
    random_state : int, RandomState or None
    """

    info: ClassVar[Info] = Info(
        label="U-SENC",
        summary="Ensemble of U-SPEC clusterings, joined by a cut of the graph between points and clusters.",
        reference="arXiv:1903.01057",
        deviations=(
            "k-means is scikit-learn's: k-means++ where it cuts, random points where it chooses representatives.",
            "With less than ten representatives for each of `most` clusters, `fewest` and `most` shrink in proportion.",
        ),
    )

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        members: int = 20,
        fewest: int = 20,
        most: int = 60,
        theta: float | None = None,
        representatives: int = 1000,
        n_neighbors: int = 5,
        random_state: Any = None,
    ):
        self.n_clusters = n_clusters
        self.members = members
        self.fewest = fewest
        self.most = most
        self.theta = theta
        self.representatives = representatives
        self.n_neighbors = n_neighbors
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Set ``labels_`` (n_samples,) and ``clusterings_`` (n_samples, members) of X (n_samples, n_features).

        `y` is ignored.
        """
        X = checked_data(self, X, dtype=np.float64, ensure_min_samples=2)
        check_clusters(self, len(X))
        check_ensemble(self)
        rng = check_random_state(self.random_state)
        self.clusterings_ = rough_clusterings(self, X, rng)
        self.labels_ = consensus(self.clusterings_, self.n_clusters, rng, self.theta)
        return self


def rough_clusterings(owner: Any, X: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Clusterings of X (n, d) by U-SPEC, a column each: int32, (n, members).

    They are left rough so that they differ, and each has a random stream of its own. How many, of how many clusters
    and how they are made is said by the parameters ``members``, ``fewest``, ``most``, ``n_clusters``,
    ``representatives`` and ``n_neighbors`` of `owner`, which mean what they mean to `USENC`.
    """
    representatives = min(owner.representatives, len(X))
    fitting = min(1.0, representatives / (_PER_CLUSTER * owner.most))
    few, most = (max(owner.n_clusters, round(fitting * k)) for k in (owner.fewest, owner.most))
    found = []
    for _ in range(owner.members):
        count, own = rng.randint(few, most + 1), np.random.RandomState(rng.randint(2**31))
        R = choose_representatives(X, representatives, own)
        B = affinity(X, R, owner.n_neighbors, own)
        found.append(transfer_cut(B, count, own, n_init=1, max_iter=5))
    return np.stack(found, axis=1)


def check_ensemble(owner: Any) -> None:
    """Raise ValueError unless the parameters of `owner` describe an ensemble, see `rough_clusterings`."""
    for name in ("members", "fewest", "most", "representatives", "n_neighbors"):
        check_number(owner, name, minimum=1, integer=True)
    if owner.theta is not None:
        check_number(owner, "theta", minimum=0, exclusive=True)
    if owner.most < owner.fewest:
        name = type(owner).__name__
        raise ValueError(f"{name}: most={owner.most} is not allowed; it must be at least fewest={owner.fewest}")


def choose_representatives(X: np.ndarray, count: int, rng: np.random.RandomState) -> np.ndarray:
    """Centres (count, d) after ten iterations of k-means on a sample of ten times as many of the points X (n, d)."""
    sample = X[rng.permutation(len(X))[: _SAMPLE * count]]
    return KMeans(count, init="random", n_init=1, max_iter=10, random_state=rng).fit(sample).cluster_centers_


def affinity(X: np.ndarray, R: np.ndarray, n_neighbors: int, rng: np.random.RandomState) -> csr_array:
    """Gaussian affinity of points to their nearest representatives, with the mean distance to these as its width.

    Parameters
    ----------
    X : ndarray, (n, d), float64
    R : ndarray, (p, d), float64
        Representatives.
    n_neighbors : int
        At most p of them are taken.
    rng : RandomState
        Of the search.

    Returns
    -------
    csr_array, (n, p), float64
        exp(-d^2 / (2 sigma^2)), never 0 among neighbours.
    """
    near, squares = nearest_representatives(X, R, min(n_neighbors, len(R)), rng)
    sigma = np.sqrt(squares).mean() or 1.0
    weights = np.maximum(np.exp(-squares / (2 * sigma**2)), np.finfo(np.float64).eps)
    places = np.arange(0, near.size + 1, near.shape[1])
    return csr_array((weights.ravel(), near.ravel(), places), shape=(len(X), len(R)))


def nearest_representatives(
    X: np.ndarray, R: np.ndarray, count: int, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest representatives of points, approximately, in time linear in the points.

    Representatives are in about sqrt(p) groups. The nearest one in the nearest group of a point is a start; its own
    nearest ones, ten times as many as are wanted, are then searched. With no more than these the search is exact.

    Parameters
    ----------
    X : ndarray, (n, d), float64
    R : ndarray, (p, d), float64
    count : int
        Of each point, at most p.
    rng : RandomState
        Of the groups.

    Returns
    -------
    near : ndarray, (n, count), int64
    squares : ndarray, (n, count), float64
        Their squared distances, ascending.
    """
    wanted = min(_CANDIDATES * count, len(R))
    around = NearestNeighbors(n_neighbors=wanted).fit(R).kneighbors(R, return_distance=False)
    groups = KMeans(math.isqrt(len(R)), init="random", n_init=1, max_iter=20, random_state=rng).fit(R)
    members = [np.flatnonzero(groups.labels_ == g) for g in range(groups.n_clusters)]
    filled = [g for g, group in enumerate(members) if len(group)]
    near, squares = np.empty((len(X), count), np.int64), np.empty((len(X), count))
    size = max(1, _CHUNK // (wanted * X.shape[1]))
    for rows in np.split(np.arange(len(X)), range(size, len(X), size)):
        x = X[rows]
        own, start = pairwise_distances_argmin(x, groups.cluster_centers_[filled]), np.empty(len(x), np.int64)
        for position in np.unique(own):
            group = members[filled[position]]
            start[own == position] = group[pairwise_distances_argmin(x[own == position], R[group])]
        candidates = around[start]
        distances = np.square(x[:, None] - R[candidates]).sum(-1)
        best = np.argsort(distances, axis=1, kind="stable")[:, :count]
        near[rows] = np.take_along_axis(candidates, best, 1)
        squares[rows] = np.take_along_axis(distances, best, 1)
    return near, squares
