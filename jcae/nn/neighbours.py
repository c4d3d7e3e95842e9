"""Neighbours of points by Student's t, and how far two sets of neighbours are from each other.

The loss of a representation network: what is near in one space shall be near in another one (parametric t-SNE: van der
Maaten, AISTATS 2009; with these tails DCRN: Dahal, 2018).
"""

import torch
from torch import Tensor

from jcae.nn.distances import squared_distances

_SMALLEST = 1e-10
"""Of an affinity, so that its logarithm is finite."""


def neighbours(points: Tensor, alpha: float) -> Tensor:
    """How near points are to each other: (1 + ||x_i - x_j||^2 / alpha)^(-(alpha + 1) / 2), each column with the sum 1.

    Parameters
    ----------
    points : Tensor, (..., B, p)
    alpha : float
        Degrees of freedom: the larger, the less counts what is far.

    Returns
    -------
    Tensor, (..., B, B)
        Zero on the diagonal before the columns are divided by their sums; between 1e-10 and 1.
    """
    log_kernel = -(alpha + 1.0) / 2.0 * torch.log1p(squared_distances(points, points) / alpha)
    own = torch.eye(points.shape[-2], dtype=torch.bool, device=points.device)
    log_kernel = log_kernel.masked_fill(own, -torch.inf)
    # Relative to the nearest, or a point far from all others would be divided by nothing.
    nearest = log_kernel.detach().amax(-2, keepdim=True).clamp_min(torch.finfo(points.dtype).min)
    kernel = (log_kernel - nearest).exp()
    total = kernel.sum(-2, keepdim=True).clamp_min(_SMALLEST)  # zero for a point alone
    return (kernel / total).clamp(_SMALLEST, 1.0)


def neighbour_loss(target: Tensor, found: Tensor) -> Tensor:
    """-sum_ij p_ij log q_ij, (...), of the neighbours P that shall be, taken as they are, and Q, both (..., B, B)."""
    return -(target.detach() * found.log()).sum((-2, -1))
