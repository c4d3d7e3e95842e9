"""Convolutions whose largest singular value is held at 1 (Miyato, Kataoka, Koyama and Yoshida, ICLR 2018)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from jcae.nn.convolution import Convolution, Geometry
from jcae.nn.networks import initial_convolution, side_by_side
from jcae.nn.products import matmul

ITERATIONS = 15
"""Power iterations at the start, as in torch; afterwards one follows each update."""


def _unit(x: Tensor) -> Tensor:
    """Columns (S, n, 1) of length 1; one of zeros stays."""
    return x / x.square().sum((-2, -1), keepdim=True).sqrt().clamp_min(torch.finfo(x.dtype).tiny)


class SpectralConvolution(Convolution):
    """S convolutions by kernels that are divided by their largest singular values.

    A kernel counts as a matrix from all that goes into a number to the channels that come out. The value is that of a
    power iteration, ``left^T W right``, through which gradients flow; passes leave the two vectors as they are.

    Attributes
    ----------
    left : Tensor, (S, channels of what is put out, 1)
    right : Tensor, (S, numbers that go into one, 1)
        Buffers: about the singular vectors of the largest value.
    """

    def __init__(self, weight: Tensor, bias: Tensor, left: Tensor, geometry: Geometry, *, precision: str):
        super().__init__(weight, bias, geometry, precision=precision)
        self.register_buffer("left", _unit(left))
        self.register_buffer("right", _unit(matmul(weight.flatten(2).mT, self.left)))
        every = torch.ones(len(weight), dtype=torch.bool)
        for _ in range(ITERATIONS):
            self.iterate(every)

    def kernel(self) -> Tensor:
        """See `Convolution`."""
        largest = (self.left * self.weight.flatten(2) * self.right.mT).sum((-2, -1))
        # Flat, because the gradient of a convolution lies in memory as it likes, and the order of sums with it.
        return (self.weight.flatten(1) / largest.unsqueeze(-1)).unflatten(1, self.weight.shape[1:])

    @torch.no_grad()
    def iterate(self, active: Tensor) -> None:
        """One power iteration for the seeds that are active, bool (S,)."""
        matrix, chosen = self.weight.flatten(2), active[:, None, None]
        self.left.copy_(torch.where(chosen, _unit(matmul(matrix, self.right)), self.left))
        self.right.copy_(torch.where(chosen, _unit(matmul(matrix.mT, self.left)), self.right))


def spectral_convolution(
    geometry: Geometry, *, seeds: Sequence[int], name: str, initialiser: str, precision: str
) -> SpectralConvolution:
    """A convolution of this kind for a block of seeds."""

    def draw(rng: torch.Generator) -> tuple[Tensor, ...]:
        weight, bias = initial_convolution(geometry, False, initialiser, rng)
        return weight, bias, torch.randn(len(weight), 1, generator=rng, dtype=torch.float64)

    weight, bias, left = side_by_side(draw, seeds, name, precision)
    return SpectralConvolution(weight, bias, left, geometry, precision=precision)


def iterate(network: nn.Module, active: Tensor) -> None:
    """Make one power iteration in every such layer of a network, for the seeds that are active, bool (S,)."""
    for layer in network.modules():
        if isinstance(layer, SpectralConvolution):
            layer.iterate(active)
