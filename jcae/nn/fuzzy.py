"""Fuzzy memberships of points in clusters, in closed form, and the centroids that belong to them.

Memberships are logarithms: entropies and their gradients then stay finite where a membership rounds to 0.
"""

import torch
from torch import Tensor

from jcae.nn.products import matmul

FLOOR = 1e-9
"""Added to a squared distance before its logarithm is taken: a point on a centroid belongs to it alone."""


def fuzzy_memberships(squares: Tensor, fuzzifier: float) -> Tensor:
    """log u, u_ik proportional to D_ik^(-1 / (m - 1)), rows sum to 1: they minimise sum u^m D.

    Parameters
    ----------
    squares : Tensor, (..., n, K)
        Squared distances D, at least 0.
    fuzzifier : float
        m, above 1. Towards 1 only the nearest centroid counts, for large m all alike.

    Returns
    -------
    Tensor, (..., n, K)

    References
    ----------
    Bezdek, Pattern Recognition with Fuzzy Objective Function Algorithms, 1981.
    """
    return torch.log_softmax(-torch.log(squares + FLOOR) / (fuzzifier - 1.0), dim=-1)


def entropic_memberships(dissimilarities: Tensor, temperature: float) -> Tensor:
    """log u, u_ik proportional to exp(-d_ik / t), (..., n, K), t the temperature: they minimise sum u d + t u log u."""
    return torch.log_softmax(-dissimilarities / temperature, dim=-1)


def distances(squares: Tensor) -> Tensor:
    """Root of squared distances, with a gradient of 0 instead of infinity where a point is on a centroid."""
    return squares.clamp_min(torch.finfo(squares.dtype).tiny).sqrt()


def adaptive_squares(squares: Tensor, sigma: float | None) -> Tensor:
    """(1 + sigma) r^2 / (r + sigma) of squared distances r^2, same shape: near ones count squared, far ones plainly.

    None leaves them as they are, as a large sigma would. The adaptive loss of Nie, Wang, Huang and Ding, IJCAI 2013.
    """
    return squares if sigma is None else (1.0 + sigma) * squares / (distances(squares) + sigma)


def adaptive_weights(squares: Tensor, sigma: float | None) -> Tensor:
    """Derivative of `adaptive_squares` by r^2, (1 + sigma)(r + 2 sigma) / (2 (r + sigma)^2): what a point counts."""
    if sigma is None:
        return torch.ones_like(squares)
    r = distances(squares)
    return (1.0 + sigma) * (r + 2.0 * sigma) / (2.0 * (r + sigma).square())


def weighted_means(weights: Tensor, z: Tensor, centroids: Tensor) -> Tensor:
    """sum_i w_ik z_i / sum_i w_ik, (..., K, p).

    Parameters
    ----------
    weights : Tensor, (..., n, K)
        At least 0.
    z : Tensor, (..., n, p)
    centroids : Tensor, (..., K, p)
        What a cluster without any weight keeps.
    """
    mass = weights.sum(-2).unsqueeze(-1)
    tiny = torch.finfo(mass.dtype).tiny
    return torch.where(mass > tiny, matmul(weights.mT, z) / mass.clamp_min(tiny), centroids)
