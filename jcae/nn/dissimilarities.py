"""Dissimilarities of points to centres, and the mixture that any of them makes: a soft assignment by their softmin.

Lara and Gonzalez, "Dissimilarity mixture autoencoder for deep clustering", arXiv 2006.08177.

A dissimilarity is a function of two tensors (..., p) that are broadcast against each other, and gives (...): so one
function compares every point with every centre (`to_centers`) and each point with a centre of its own.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from jcae.nn.products import matmul

Dissimilarity = Callable[[Tensor, Tensor], Tensor]

FLOOR = 1e-12
"""Under a root or a logarithm, whose slope at 0 is infinite: a point may lie on its centre."""


def squared_euclidean(x: Tensor, y: Tensor) -> Tensor:
    """||x - y||^2."""
    return (x - y).square().sum(-1)


def euclidean(x: Tensor, y: Tensor) -> Tensor:
    """||x - y||."""
    return (squared_euclidean(x, y) + FLOOR).sqrt()


def manhattan(x: Tensor, y: Tensor) -> Tensor:
    """Sum over j of abs(x_j - y_j)."""
    return (x - y).abs().sum(-1)


def chebyshev(x: Tensor, y: Tensor) -> Tensor:
    """Largest abs(x_j - y_j)."""
    return (x - y).abs().amax(-1)


def cosine(x: Tensor, y: Tensor) -> Tensor:
    """1 - cos(x, y); a vector of zeros has no direction, and is 1 from everything."""
    return 1.0 - (_unit(x) * _unit(y)).sum(-1)


def _unit(x: Tensor) -> Tensor:
    squares = x.square().sum(-1, keepdim=True)
    return x * torch.where(squares > 0, squares, 1.0).rsqrt()


def minkowski(x: Tensor, y: Tensor, order: float) -> Tensor:
    """(sum over j of abs(x_j - y_j)^order)^(1/order), for an order of at least 1."""
    # By logarithms: powers of large gaps leave the range of float32, and their last bit depends on the place in memory.
    return (torch.logsumexp(order * (x - y).abs().clamp_min(FLOOR).log(), dim=-1) / order).exp()


DISSIMILARITIES: dict[str, Dissimilarity] = {
    "euclidean": euclidean,
    "squared_euclidean": squared_euclidean,
    "cosine": cosine,
    "manhattan": manhattan,
    "chebyshev": chebyshev,
}
"""Those that need no parameter, by name."""


def to_centers(dissimilarity: Dissimilarity, x: Tensor, centers: Tensor) -> Tensor:
    """d(x_i, mu_k), (..., n, K), of points x (..., n, p) to centres (..., K, p)."""
    return dissimilarity(x.unsqueeze(-2), centers.unsqueeze(-3))


def mahalanobis(gaps: Tensor, factors: Tensor) -> Tensor:
    """Squared Mahalanobis lengths g^T A_k A_k^T g under the precision A_k A_k^T of every cluster.

    Parameters
    ----------
    gaps : Tensor, (S, K, n, p)
        Of n points to each of K centres, or the same (S, 1, n, p) for all clusters.
    factors : Tensor, (S, K, p, p)
        A_k.

    Returns
    -------
    Tensor, (S, n, K)
    """
    # A product's last bits depend on how its operands lie in memory: the same for one seed and for many.
    gaps = gaps.expand(*factors.shape[:2], -1, -1).contiguous()
    return matmul(gaps.flatten(0, 1), factors.flatten(0, 1)).square().sum(-1).unflatten(0, factors.shape[:2]).mT


def log_softmin(dissimilarities: Tensor, alpha: float, log_weights: Tensor) -> Tensor:
    """Logarithm of the soft assignment, log softmax_k(log pi_k - alpha d_ik), (..., n, K).

    Parameters
    ----------
    dissimilarities : Tensor, (..., n, K)
    alpha : float
        Inverse temperature. With squared Euclidean dissimilarities, and weights pi that sum to 1, this is the posterior
        of the isotropic Gaussian mixture of variance 1 / (2 alpha).
    log_weights : Tensor, (..., K)
        log pi.
    """
    return torch.log_softmax(log_weights.unsqueeze(-2) - alpha * dissimilarities, dim=-1)
