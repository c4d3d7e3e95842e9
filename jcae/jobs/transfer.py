"""How a fitted method meets points that it was not fitted on: as it is, or after it has seen them, without labels."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

WAYS = ("adapt", "frozen", "lloyd", "kmeans")
"""``adapt``: the method's own `adapt`; ``frozen``: `predict` alone; ``lloyd``: k-means on the code of the new points,
from the fitted centroids; ``kmeans``: k-means on their code anew."""
RESTARTS = 20


class Met(NamedTuple):
    """A method that has met new points.

    Attributes
    ----------
    estimator : object
        The method, or what its `adapt` made of it.
    labels : ndarray, (n,)
        Clusters of the new points.
    centers : ndarray, (K, p), or None
        Their centroids, where they are not those of the estimator.
    """

    estimator: Any
    labels: np.ndarray
    centers: np.ndarray | None = None


def own_way(cls: type) -> str:
    """How a class meets new points where the config does not say: by `adapt` if it has one."""
    return "adapt" if hasattr(cls, "adapt") else "frozen"


def meet(estimator: Any, X: np.ndarray, way: str, encode: Callable[[Any], ArrayLike] | None) -> Met:
    """Label points that a method was not fitted on.

    Parameters
    ----------
    estimator : object
        Fitted; the seed of its ``random_state`` is that of the restarts of ``kmeans``, too.
    X : ndarray, (n, d)
        New points.
    way : str
        One of `WAYS`.
    encode : callable or None
        Points to their code; None for a method whose centroids lie among the points.

    Returns
    -------
    Met

    Raises
    ------
    ValueError
        k-means is asked for, and the method has no centroids in the space of its code.
    """
    if way == "adapt":
        adapted = estimator.adapt(X)
        return Met(adapted, adapted.labels_)
    if way == "frozen":
        return Met(estimator, estimator.predict(X))
    centers = getattr(estimator, "cluster_centers_", None)
    code = np.asarray(X if encode is None else encode(X), dtype=np.float64)
    if centers is None or centers.shape[1] != code.shape[1]:
        raise ValueError(
            f"transfer: {way} moves centroids among the codes of new points, and {type(estimator).__name__} has none "
            "there; take frozen"
        )
    from sklearn.cluster import KMeans  # a config is checked without it

    start = {"init": np.asarray(centers, np.float64), "n_init": 1} if way == "lloyd" else {"n_init": RESTARTS}
    seed = getattr(estimator, "random_state", None) or 0
    found = KMeans(len(centers), random_state=seed, **start).fit(code)
    return Met(estimator, found.labels_, found.cluster_centers_)
