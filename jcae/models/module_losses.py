"""The losses of the clustering module, as functions of tensors.

Boubekki, Kampffmeyer, Jenssen and Brefeld, Machine Learning 110 (2021), arXiv 2012.03740. Any leading axes (one seed,
or a block of seeds); sums run over the last two, points and clusters. Symbols: x (..., n, d) points, gamma (..., n, K)
responsibilities, M (..., K, d) centroids.
"""

import torch
from torch import Tensor

from jcae.nn.distances import squared_distances
from jcae.nn.products import affine, matmul

LOG_FLOOR = 1e-10
"""Added to the mean responsibilities before the logarithm (authors' code)."""


def responsibilities(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """Encoder: gamma = softmax(x W + b), (..., n, K), with W (..., d, K) and b (..., K)."""
    # Over the clusters of all points side by side: along short rows the kernel of a CPU is ten times slower.
    return torch.softmax(affine(x, W, b).mT, dim=-2).mT


def reconstruction_error(x: Tensor, gamma: Tensor, M: Tensor) -> Tensor:
    """E1 = sum_i ||x_i - gamma_i M||^2, (...)."""
    return (x - matmul(gamma, M)).square().sum((-2, -1))


def sparsity(gamma: Tensor, M: Tensor) -> Tensor:
    """E2 = sum_k (sum_i gamma_ik (1 - gamma_ik)) ||mu_k||^2, (...)."""
    return ((gamma * (1.0 - gamma)).sum(-2) * M.square().sum(-1)).sum(-1)


def separation(gamma: Tensor, M: Tensor) -> Tensor:
    """E3 = - sum_{k != l} (sum_i gamma_ik gamma_il) mu_k . mu_l, (...)."""
    products = matmul(gamma.mT, gamma) * matmul(M, M.mT)
    return products.diagonal(dim1=-2, dim2=-1).sum(-1) - products.sum((-2, -1))


def expected_distortion(x: Tensor, gamma: Tensor, M: Tensor, origin: Tensor | None = None) -> Tensor:
    """sum_ik gamma_ik ||x_i - mu_k||^2 = E1 + E2 + E3, (...): the stable form of the three terms."""
    return (gamma * squared_distances(x, M, origin)).sum((-2, -1))


def dirichlet_prior(gamma: Tensor, alpha: float | Tensor) -> Tensor:
    """E4 = sum_k (1 - alpha_k) log(gbar_k + 1e-10), gbar the mean responsibilities of the batch, (...).

    Different alpha_k (a Tensor of length K) are paired with the mean responsibilities by rank: both are sorted.
    """
    log_mean = torch.log(gamma.mean(-2) + LOG_FLOOR)
    if isinstance(alpha, Tensor):
        alpha, log_mean = alpha.sort().values, log_mean.sort(dim=-1).values
    return ((1.0 - alpha) * log_mean).sum(-1)


def three_terms(x: Tensor, gamma: Tensor, M: Tensor, batch_size: int, scale: float = 1.0) -> dict[str, Tensor]:
    """E1, E2 and E3 of points x (..., n, d) for the history, as of a batch of `batch_size` points."""
    share = scale * batch_size / x.shape[-2]
    return {
        "reconstruction": share * reconstruction_error(x, gamma, M),
        "sparsity": share * sparsity(gamma, M),
        "separation": share * separation(gamma, M),
    }
