"""k-means for every seed of a block, and the single step of it from which mixtures start."""

from collections.abc import Sequence

import numpy as np
from sklearn.cluster import KMeans

from jcae.seeds import sklearn_seed


def kmeans(
    points: np.ndarray, n_clusters: int, random_states: Sequence[int], *, n_init: int = 20, max_iter: int = 300
) -> tuple[np.ndarray, np.ndarray]:
    """Lloyd's algorithm from k-means++ starts, the best of `n_init`, once per seed.

    Parameters
    ----------
    points : ndarray, (S, n, p)
        One point set per seed.
    n_clusters : int
        K, at most n.
    random_states : sequence of S int
        One per seed.
    n_init, max_iter : int
        Restarts and iterations per restart.

    Returns
    -------
    labels : ndarray of int64, (S, n)
    centers : ndarray, (S, K, p)
        In the dtype of `points`.
    """
    fits = [
        KMeans(n_clusters, n_init=n_init, max_iter=max_iter, random_state=state).fit(np.ascontiguousarray(x))
        for x, state in zip(points, random_states, strict=True)
    ]
    return np.stack([f.labels_ for f in fits]).astype(np.int64), np.stack([f.cluster_centers_ for f in fits])


def kmeans_start(points: np.ndarray, n_clusters: int, seed: int) -> np.ndarray:
    """Centroids after k-means++ seeding and a single Lloyd iteration: where the clustering module and EM both start.

    Parameters
    ----------
    points : ndarray, (n, d)
    n_clusters : int
        K, at most n.
    seed : int
        The random numbers come from its stream ``"start"``, as for every method that starts this way.

    Returns
    -------
    ndarray, (K, d)
        In the dtype of `points`.
    """
    start = KMeans(n_clusters, init="k-means++", n_init=1, max_iter=1, random_state=sklearn_seed(seed, "start"))
    return start.fit(points).cluster_centers_
