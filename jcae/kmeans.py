"""k-means for every seed of a block."""

from collections.abc import Sequence

import numpy as np
from sklearn.cluster import KMeans


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
