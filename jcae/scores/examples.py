"""Typical and doubtful points of every cluster: those that lie most clearly in it, and those that hardly do."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

EXAMPLES = 3
"""Points of each kind and cluster at most."""


def examples(points: ArrayLike, labels: ArrayLike) -> dict[str, NDArray]:
    """Choose typical and doubtful points by their margin between the own cluster and the next.

    The margin of a point is (b - a) / max(a, b), with a its distance to the mean of its own cluster and b that to the
    nearest mean of another: 1 at the own mean, 0 half way between both, below 0 nearer to the other. It is the
    silhouette with means in place of mean distances, which would cost the square of the points.

    Parameters
    ----------
    points : array-like of float, shape (n, p)
    labels : array-like of int, shape (n,)
        Noise (-1) belongs to no cluster, and is no example.

    Returns
    -------
    dict of str to ndarray
        `clusters` (C,), the non-empty ones, and their `sizes` (C,); then of shape (C, 2, `EXAMPLES`), first the points
        of the largest margin, then those of the smallest, most extreme first, none twice: `rows`, -1 where a cluster
        has no more points, and `margins`, `distances` (a), `next_clusters` and `next_distances` (b). Fewer than 2
        clusters have no margins, and the result is empty.
    """
    points, labels = np.asarray(points, dtype=np.float64), np.asarray(labels)
    clusters, sizes = np.unique(labels[labels != -1], return_counts=True)
    if len(clusters) < 2:
        return {}
    between = cdist(points, np.stack([points[labels == k].mean(axis=0) for k in clusters]))
    shape = len(clusters), 2, EXAMPLES
    found = {"clusters": clusters.astype(np.int32), "sizes": sizes.astype(np.int32)}
    found |= {"rows": np.full(shape, -1, np.int32), "next_clusters": np.full(shape, -1, np.int32)}
    found |= {name: np.full(shape, np.nan, np.float32) for name in ("margins", "distances", "next_distances")}
    for c, k in enumerate(clusters):
        rows = np.flatnonzero(labels == k)
        own, others = between[rows, c], np.delete(between[rows], c, axis=1)
        nearest = others.min(axis=1)
        # Points at both means at once lie half way.
        margins = (nearest - own) / np.maximum(np.maximum(own, nearest), np.finfo(np.float64).tiny)
        order = np.argsort(-margins, kind="stable")
        typical = order[:EXAMPLES]
        for kind, chosen in enumerate((typical, order[len(typical) :][::-1][:EXAMPLES])):
            place = c, kind, slice(len(chosen))
            found["rows"][place] = rows[chosen]
            found["margins"][place], found["distances"][place] = margins[chosen], own[chosen]
            found["next_distances"][place] = nearest[chosen]
            found["next_clusters"][place] = np.delete(clusters, c)[others[chosen].argmin(axis=1)]
    return found
