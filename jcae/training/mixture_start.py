"""Where a mixture of dissimilarities starts: centres far from each other, and the precisions of given clusters."""

import numpy as np
import torch
from torch import Tensor

from jcae.nn.dissimilarities import Dissimilarity, to_centers

CANDIDATES = 100
"""Points that `exchange_start` looks at."""
SINGULAR = 1e-6
"""A covariance whose smallest eigenvalue is below this share of the largest is not inverted."""


def exchange_start(points: Tensor, n_clusters: int, dissimilarity: Dissimilarity, rng: torch.Generator) -> Tensor:
    """Points far from each other under any dissimilarity: K at random, then exchanged with random candidates.

    A candidate that is farther from all centres than two of them are from each other takes the place of the nearer of
    the two; else it takes that of its nearest centre, if that one lies nearer to another than the candidate does.

    Parameters
    ----------
    points : Tensor, (n, p)
    n_clusters : int
        K, at most n.
    dissimilarity : callable
    rng : torch.Generator

    Returns
    -------
    Tensor, (K, p)
        Rows of `points`.
    """
    centers = points[torch.randperm(len(points), generator=rng)[:n_clusters]]
    for i in torch.randint(len(points), (CANDIDATES,), generator=rng).tolist() if n_clusters > 1 else ():
        between = to_centers(dissimilarity, centers, centers).fill_diagonal_(torch.inf)
        gaps = to_centers(dissimilarity, points[i : i + 1], centers)[0]
        if gaps.min() > between.min():
            place = min(divmod(int(between.argmin()), n_clusters), key=gaps.tolist().__getitem__)
        else:
            place = int(gaps.argmin())
            if not gaps.kthvalue(2).values > between[place].min():
                continue
        centers[place] = points[i]
    return centers


def precision_factors(points: np.ndarray, labels: np.ndarray, n_clusters: int) -> np.ndarray:
    """Cholesky factors A_k of the inverse covariance (over n_k - 1) of every cluster: A_k A_k^T is its precision.

    A cluster with no more points than features, or with a singular covariance, gets the covariance within all clusters
    together; where that is singular, too, 1e-6 of its mean variance is added to every variance.

    Parameters
    ----------
    points : ndarray of float64, (n, p)
    labels : ndarray of int, (n,)
    n_clusters : int
        K.

    Returns
    -------
    ndarray of float64, (K, p, p)
    """
    width = points.shape[1]
    groups = [points[labels == k] for k in range(n_clusters)]
    scatters = [(gap := g - g.mean(0, keepdims=True)).T @ gap if len(g) else np.zeros((width, width)) for g in groups]
    pooled = np.sum(scatters, axis=0) / max(len(points) - n_clusters, 1)
    if _singular(pooled):
        pooled = pooled + SINGULAR * (np.trace(pooled) / width or 1.0) * np.eye(width)
    covariances = []
    for group, scatter in zip(groups, scatters, strict=True):
        own = scatter / max(len(group) - 1, 1)
        covariances.append(pooled if len(group) <= width or _singular(own) else own)
    return np.linalg.cholesky(np.linalg.inv(covariances))


def _singular(covariance: np.ndarray) -> bool:
    values = np.linalg.eigvalsh(covariance)
    return not values[0] > SINGULAR * values[-1]
