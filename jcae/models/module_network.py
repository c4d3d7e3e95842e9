"""The network of the clustering module: parameters of a block of seeds, and the starts they can be set to."""

from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from jcae.models.module_losses import responsibilities
from jcae.nn.networks import initial_bias, initial_kernel
from jcae.randomness.seeds import generator

PINV_TOLERANCE = 1e-5
"""Relative to the largest singular value: above the rounding of float32 data, below what tells clusters apart."""


class ClusteringModuleNetwork(nn.Module):
    """Parameters of S clustering modules: encoder W (S, d, K), b (S, K); decoder M (S, K, d), c (S, d)."""

    def __init__(self, W: Tensor, b: Tensor, M: Tensor, c: Tensor):
        super().__init__()
        self.W, self.b, self.M, self.c = (nn.Parameter(p) for p in (W, b, M, c))

    @classmethod
    def random(
        cls,
        n_features: int,
        n_clusters: int,
        *,
        seeds: Sequence[int],
        biases: bool,
        dtype: torch.dtype,
        initialiser: str = "glorot",
    ) -> Self:
        """Two layers of `initial_layer`, biases zero without `biases`; each seed draws from its own streams."""

        def draw(seed: int) -> tuple[Tensor, ...]:
            def rng(name: str) -> torch.Generator:
                return generator(seed, "weights", f"module.{name}")

            d, K = n_features, n_clusters
            W, b = initial_kernel((d, K), d, K, initialiser, rng("W")), initial_bias(d, K, initialiser, rng("b"))
            M, c = initial_kernel((K, d), K, d, initialiser, rng("M")), initial_bias(K, d, initialiser, rng("c"))
            return W, b * biases, M, c * biases

        return cls(*(torch.stack(part).to(dtype) for part in zip(*map(draw, seeds), strict=True)))

    def assign(self, x: Tensor, origin: Tensor | None = None) -> Tensor:
        """Responsibilities (S, n, K) of x (S, n, d), which is given relative to `origin` (d,)."""
        if origin is None:
            return responsibilities(x, self.W, self.b)
        shift = (origin.unsqueeze(-1) * self.W).sum(-2)
        return responsibilities(x, self.W, self.b + shift)

    def centroids(self) -> Tensor:
        """Centroids M + c, (S, K, d): what the decoder makes of one-hot responsibilities."""
        return self.M + self.c.unsqueeze(-2)

    @torch.no_grad()
    def start_at(self, s: int, centroids: np.ndarray | Tensor) -> None:
        """Start seed s from centroids U (K, d): M = U, W = pinv(U), b = c = 0 (authors' code).

        On centred data the centroids of a Lloyd iteration are linearly dependent up to rounding; the pseudo-inverse of
        that rounding would saturate the softmax for good, so singular values below `PINV_TOLERANCE` count as zero.
        """
        U = torch.as_tensor(centroids, dtype=torch.float64)
        self.M[s] = U.to(self.M)
        self.W[s] = torch.linalg.pinv(U, rtol=PINV_TOLERANCE).to(self.W)
        self.b[s] = 0.0
        self.c[s] = 0.0

    @torch.no_grad()
    def start_at_mixture(self, weights: np.ndarray, means: np.ndarray, variance: float) -> None:
        """Make every seed the isotropic mixture: W = M^T / s^2, b_k = log phi_k - ||mu_k||^2 / (2 s^2), c = 0."""
        M = torch.as_tensor(means, dtype=torch.float64)
        phi = torch.as_tensor(weights, dtype=torch.float64)
        self.M[:] = M.to(self.M)
        self.W[:] = (M.mT / variance).to(self.W)
        self.b[:] = (phi.log() - M.square().sum(-1) / (2.0 * variance)).to(self.b)
        self.c[:] = 0.0
