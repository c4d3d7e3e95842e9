"""Sparse subspace clustering by orthogonal matching pursuit: points that explain each other are of one cluster.

You, Robinson and Vidal, CVPR 2016, arXiv 1507.01238. A point is written as a combination of a few others; who is
written by whom is a graph, which is cut spectrally. All of it follows from inner products of the points, in float64.
"""

import torch
from torch import Tensor

from jcae.training.kmeans import kmeans

DIRECTIONS = 500
"""Principal directions that are kept."""
PARTS = 5
"""Points that a point is written by, at most."""
TOLERANCE = 1e-5
"""Times its length: a point whose squared remainder is less is written well enough."""


def subspace_clusters(points: Tensor, n_clusters: int, seed: int) -> Tensor:
    """Clusters, int64 (n,), of points (n, p); the seed decides the k-means at the end alone."""
    inner = leading_inner_products(points.double(), DIRECTIONS)
    embedding = spectral_embedding(affinity(self_expression(inner, PARTS, TOLERANCE)), n_clusters)
    return kmeans(embedding, n_clusters, [seed], n_init=10).labels[0]


def leading_inner_products(points: Tensor, n_directions: int) -> Tensor:
    """Inner products (n, n) of the points in the directions of their largest second moments, not centred."""
    moments, vectors = torch.linalg.eigh(points @ points.mT)
    kept = vectors[:, -n_directions:]
    return (kept * moments[-n_directions:].clamp_min(0.0)) @ kept.mT


def self_expression(inner: Tensor, n_parts: int, tolerance: float) -> Tensor:
    """Coefficients (n, n) of each point, a row, in the others: at most `n_parts` of them, zero for itself.

    Parameters
    ----------
    inner : Tensor of float64, (n, n)
        Inner products of the points, whose lengths count: a long one is chosen sooner.
    n_parts : int
    tolerance : float
        A row is done when its squared remainder is less than this times the length of the point.
    """
    n, squares = len(inner), inner.diagonal()
    n_parts = min(n_parts, n - 1)
    chosen = torch.zeros(n, n_parts, dtype=torch.int64, device=inner.device)
    weights = inner.new_zeros(n, n_parts)
    taken = torch.eye(n, dtype=torch.bool, device=inner.device)
    going = torch.ones(n, dtype=torch.bool, device=inner.device)
    remainder = inner  # its inner products with all points
    for t in range(n_parts):
        chosen[:, t] = remainder.abs().masked_fill(taken, -1.0).argmax(1)
        taken.scatter_(1, chosen[:, t : t + 1], True)
        parts = chosen[:, : t + 1]
        towards = inner.gather(1, parts)
        among = inner[parts[:, :, None], parts[:, None, :]]
        # Least squares; the pseudo-inverse, because points may be there twice.
        solved = (torch.linalg.pinv(among, hermitian=True) @ towards[:, :, None])[..., 0]
        weights[:, : t + 1] = torch.where(going[:, None], solved, weights[:, : t + 1])
        going = going & (squares - (solved * towards).sum(1) >= tolerance * squares.sqrt())
        remainder = inner.clone()
        for i in range(t + 1):
            remainder -= solved[:, i, None] * inner[parts[:, i]]
    return torch.zeros_like(inner).scatter_(1, chosen, weights)


def affinity(coefficients: Tensor) -> Tensor:
    """(abs(C) + abs(C)^T) / 2, (n, n), for C with rows of length 1."""
    lengths = coefficients.norm(dim=1, keepdim=True)
    sizes = coefficients.abs() / torch.where(lengths == 0, 1.0, lengths)
    return (sizes + sizes.mT) / 2.0


def spectral_embedding(weights: Tensor, n_clusters: int) -> Tensor:
    """Leading eigenvectors of D^(-1/2) A D^(-1/2), (n, K), rows of length 1; zero for a point without neighbours."""
    degrees = weights.sum(1)
    scale = torch.where(degrees > 0, degrees, torch.inf).rsqrt()
    rows = torch.linalg.eigh(scale[:, None] * weights * scale)[1][:, -n_clusters:]
    lengths = rows.norm(dim=1, keepdim=True)
    return torch.where((degrees > 0)[:, None], rows, 0.0) / torch.where(lengths == 0, 1.0, lengths)
