"""What several seeds agree on: one partition for all of them, and for every point how far they agree with it.

Names of clusters never matter, and partitions may have different numbers of them. Nothing is of the size of points by
points: all is counted in tables of clusters by clusters.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from sklearn.cluster import KMeans
from sklearn.preprocessing import OneHotEncoder
from threadpoolctl import threadpool_limits

from jcae.scores.labels import as_labels
from jcae.scores.metrics import match_clusters

BINS = 10
"""Of a reliability curve, all of the same width."""
DOUBTED = 6
"""Most doubtful points of a cluster that are shown at most."""


def consensus(partitions: Sequence[ArrayLike]) -> NDArray[np.int32]:
    """Find the partition that shares most with all of several.

    K-means on the memberships: a point is the row of zeros and ones that say in which cluster of which partition it is
    (Topchy, Jain and Punch, Clustering ensembles: models of consensus and weak partitions, IEEE TPAMI 27(12), 2005; Wu
    et al., K-means-based consensus clustering, IEEE TKDE 27(1), 2015). It has as many clusters as the median partition,
    the smaller of the two in the middle of an even number. K-means starts once from every partition with so many, and
    the best of these ends is kept, so nothing is drawn at random, and none of these partitions shares more.

    Parameters
    ----------
    partitions : sequence of array-like of int, each of shape (n,)
        Labels of the same points by several seeds; noise (-1) counts as one more cluster.

    Returns
    -------
    ndarray of int32, shape (n,)
        The largest cluster is 0; of two as large, the one of the earlier point comes first.

    Raises
    ------
    ValueError
        No partition, or labels that are none or differ in length.
    """
    codes = np.stack(_coded(partitions))
    # Points with the same labels in all partitions stay together: they are one row with a weight.
    rows, place, weights = np.unique(codes.T, axis=0, return_inverse=True, return_counts=True)
    members = OneHotEncoder().fit_transform(rows)
    sizes = codes.max(axis=1) + 1
    n_clusters = np.sort(sizes)[(len(sizes) - 1) // 2]
    with threadpool_limits(1):  # threads would add in another order every time
        ends = [_from(members, weights, rows[:, s], n_clusters) for s in np.flatnonzero(sizes == n_clusters)]
    labels = min(ends, key=lambda end: end.inertia_).labels_[place.ravel()]
    return _largest_first(labels)


def agreement(partitions: Sequence[ArrayLike], labels: ArrayLike) -> NDArray[np.float32]:
    """How far the partitions put a point together with the points that it is with in the consensus.

    With A the cluster of the point in a partition and C that in the consensus, the mean over the partitions of
    ``len(A & C) / max(len(A), len(C))``: the element-centric similarity of two partitions (Gates et al.,
    Element-centric clustering comparison unifies overlaps and hierarchy, Scientific Reports 9, 2019), which falls both
    where a partition cuts the cluster and where it joins it with another.

    Parameters
    ----------
    partitions : sequence of array-like of int, each of shape (n,)
    labels : array-like of int, shape (n,)
        The consensus.

    Returns
    -------
    ndarray of float32, shape (n,), in (0, 1]

    Raises
    ------
    ValueError
        As `consensus`.
    """
    *codes, own = _coded([*partitions, labels])
    total = np.zeros(len(own))
    for code in codes:
        shared = coo_array((np.ones(len(own)), (code, own))).toarray()
        larger = np.maximum(shared.sum(axis=1, keepdims=True), shared.sum(axis=0, keepdims=True))
        total += (shared / larger)[code, own]
    return (total / len(codes)).astype(np.float32)


def are_right(y: ArrayLike, labels: ArrayLike) -> NDArray[np.bool_]:
    """Which points lie in the cluster that is matched to their class; parameters and errors as in `match_clusters`."""
    classes = match_clusters(y, labels)
    # No class is below 0: a cluster without one is wrong.
    names, place = np.unique(labels, return_inverse=True)
    return np.array([classes.get(int(name), -1) for name in names])[place] == np.asarray(y)


def reliability(sure: ArrayLike, right: ArrayLike) -> dict[str, NDArray]:
    """Points by their agreement, in `BINS` bins, and how many of them are right.

    Parameters
    ----------
    sure : array-like of float, shape (n,)
        Agreement, from 0 to 1.
    right : array-like of bool, shape (n,)

    Returns
    -------
    dict of str to ndarray, each of shape (bins,)
        Bins with points alone: `low`, the lower edge; `agreement`, the mean; `right`, the share; `n`.
    """
    sure, right = np.asarray(sure, np.float64), np.asarray(right, bool)
    # A share such as 0.3 is a hair below its edge in binary; 1 belongs to the last bin.
    place = np.minimum((sure * BINS + 1e-5).astype(int), BINS - 1)
    n = np.bincount(place, minlength=BINS)
    kept = n > 0
    mean, share = (np.bincount(place, values, BINS)[kept] / n[kept] for values in (sure, right))
    return {"low": np.flatnonzero(kept) / BINS, "agreement": mean, "right": share, "n": n[kept]}


def doubtful(labels: NDArray[np.integer], sure: NDArray[np.floating]) -> NDArray[np.int32]:
    """Rows of the points of every cluster with the least agreement, least first.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        The consensus, from 0.
    sure : ndarray of float, shape (n,)

    Returns
    -------
    ndarray of int32, shape (clusters, `DOUBTED`)
        -1 where a cluster has no more points on which the seeds do not all agree.
    """
    found = np.full((labels.max() + 1, DOUBTED), -1, np.int32)
    for k in range(len(found)):
        rows = np.flatnonzero((labels == k) & (sure < 1))
        rows = rows[np.argsort(sure[rows], kind="stable")][:DOUBTED]
        found[k, : len(rows)] = rows
    return found


def _coded(partitions: Sequence[ArrayLike]) -> list[NDArray[np.intp]]:
    """The partitions with clusters numbered from 0 in the order of their first points: whatever they were called."""
    if not len(partitions):
        raise ValueError("there is no partition")
    found = []
    for i, partition in enumerate(partitions):
        labels = as_labels(partition, f"partition {i}")
        if len(labels) != len(partitions[0]):
            raise ValueError(f"partition {i} is of {len(labels)} points, partition 0 of {len(partitions[0])}")
        _, first, code = np.unique(labels, return_index=True, return_inverse=True)
        found.append(np.argsort(np.argsort(first))[code])
    return found


def _from(members: NDArray, weights: NDArray, code: NDArray, n_clusters: int) -> KMeans:
    """K-means of the memberships, started from the means of one partition."""
    within = coo_array((weights, (code, np.arange(len(code))))).tocsr()
    start = (within @ members).toarray() / np.bincount(code, weights)[:, None]
    return KMeans(n_clusters, init=start, n_init=1, tol=0).fit(members, sample_weight=weights)


def _largest_first(labels: NDArray[np.integer]) -> NDArray[np.int32]:
    _, first, place, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    return np.argsort(order)[place].astype(np.int32)
