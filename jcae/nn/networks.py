"""Layers whose parameters carry a leading seed axis: S independent networks, evaluated by one call.

Activations are (S, batch, features). A layer never mixes seeds, so what seed s computes does not depend on the others.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from jcae.nn.convolution import Convolution, Geometry, halvings
from jcae.nn.precision import storage_dtype
from jcae.nn.products import affine
from jcae.randomness.seeds import generator

INITIALISERS = ("glorot", "fan_in", "torch")


class Linear(nn.Module):
    """S affine maps side by side: ``x @ weight + bias``.

    Parameters
    ----------
    weight : Tensor, (S, n_in, n_out)
    bias : Tensor, (S, n_out)
    precision : str
        One of `jcae.nn.precision.PRECISIONS`; with ``bf16`` the result is bfloat16.
    """

    def __init__(self, weight: Tensor, bias: Tensor, precision: str = "float32"):
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(bias)
        self.precision = precision

    @property
    def n_out(self) -> int:
        """Numbers that come out for a point."""
        return self.weight.shape[-1]

    def forward(self, x: Tensor, negative_slope: float | None = None) -> Tensor:
        """Map (S, batch, n_in) to (S, batch, n_out), and apply a leaky ReLU if a slope is given."""
        return affine(x, self.weight, self.bias, self.precision, negative_slope)


def initial_kernel(shape: Sequence[int], n_in: int, n_out: int, initialiser: str, rng: torch.Generator) -> Tensor:
    """Draw a kernel of one seed in float64, so that every precision starts from the same numbers.

    Parameters
    ----------
    shape : sequence of int
    n_in, n_out : int
        How many numbers go into one that comes out, and how many one that goes in has a part in.
    initialiser : {"glorot", "fan_in", "torch"}
        ``glorot``: from U(-a, a), a = sqrt(6 / (n_in + n_out)) (Glorot and Bengio, 2010; the AE-CM authors' code).
        ``fan_in`` (the DEC-keras recipe) and ``torch`` (PyTorch's default): from U(-1/sqrt(n_in), 1/sqrt(n_in)).
    rng : torch.Generator
        The seed's own stream.
    """
    if initialiser not in INITIALISERS:
        raise ValueError(f"initialiser={initialiser!r} is unknown; allowed are {list(INITIALISERS)}")
    bound = math.sqrt(6.0 / (n_in + n_out)) if initialiser == "glorot" else math.sqrt(1.0 / n_in)
    return (2.0 * torch.rand(*shape, generator=rng, dtype=torch.float64) - 1.0) * bound


def initial_bias(n_in: int, n_out: int, initialiser: str, rng: torch.Generator) -> Tensor:
    """Draw a bias (n_out,) of one seed, float64.

    ``glorot``: from N(0, 2 / (n_out + n_out)), a vector counts as its own fan in and fan out, as in Keras. ``fan_in``:
    zero. ``torch``: from U(-1/sqrt(n_in), 1/sqrt(n_in)), as PyTorch's layers by default.
    """
    if initialiser == "glorot":
        return torch.randn(n_out, generator=rng, dtype=torch.float64) * math.sqrt(1.0 / n_out)
    if initialiser == "torch":
        return initial_kernel((n_out,), n_in, n_out, "torch", rng)
    return torch.zeros(n_out, dtype=torch.float64)


def initial_layer(n_in: int, n_out: int, initialiser: str, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Kernel (n_in, n_out) and bias (n_out,) of one seed: see `initial_kernel` and `initial_bias`."""
    return initial_kernel((n_in, n_out), n_in, n_out, initialiser, rng), initial_bias(n_in, n_out, initialiser, rng)


def initial_convolution(
    geometry: Geometry, transposed: bool, initialiser: str, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Kernel (small.channels, large.channels, height, width) and bias of one seed.

    A kernel's height times its width times the channels count as what goes in and what comes out. Biases are zero: that
    of a grey image, a vector of one, would start a unit off.
    """
    channels = [geometry.large.channels, geometry.small.channels]
    n_in, n_out = (c * geometry.kernel**2 for c in (reversed(channels) if transposed else channels))
    weight = initial_kernel((*reversed(channels), geometry.kernel, geometry.kernel), n_in, n_out, initialiser, rng)
    return weight, torch.zeros(channels[0 if transposed else 1], dtype=torch.float64)


def side_by_side(
    draw: Callable[[torch.Generator], tuple[Tensor, ...]], seeds: Sequence[int], name: str, precision: str
) -> list[Tensor]:
    """What is drawn (kernel and bias) for each seed of a block; seed s has its own stream, ``("weights", name)``."""
    layers = [draw(generator(seed, "weights", name)) for seed in seeds]
    return [torch.stack(part).to(storage_dtype(precision)) for part in zip(*layers, strict=True)]


def convolution(
    geometry: Geometry, *, transposed: bool, seeds: Sequence[int], name: str, initialiser: str, precision: str
) -> Convolution:
    """A convolution for a block of seeds."""

    def draw(rng: torch.Generator) -> tuple[Tensor, Tensor]:
        return initial_convolution(geometry, transposed, initialiser, rng)

    weight, bias = side_by_side(draw, seeds, name, precision)
    return Convolution(weight, bias, geometry, transposed=transposed, precision=precision)


def linear(n_in: int, n_out: int, *, seeds: Sequence[int], name: str, initialiser: str, precision: str) -> Linear:
    """A layer for a block of seeds."""

    def draw(rng: torch.Generator) -> tuple[Tensor, Tensor]:
        return initial_layer(n_in, n_out, initialiser, rng)

    return Linear(*side_by_side(draw, seeds, name, precision), precision)


class AutoencoderNetwork(nn.Module):
    """S autoencoders: d -> convolutions -> hidden -> code and the mirror image; code and output are linear.

    Parameters
    ----------
    n_features : int
        Width d of the data.
    hidden : sequence of int
        Widths of the encoder's hidden layers; the decoder's are the same in reverse.
    code_dim : int
        Width p of the code.
    channels : sequence of int or None
        Of the convolutions before the hidden layers (`jcae.nn.convolution`), which transposed ones mirror; None: none.
    image_shape : sequence of int or None
        (height, width) or (height, width, channels) of a row of the data; needed with `channels`.
    negative_slope : float
        Slope of the leaky ReLU for negative values; 0 gives a ReLU.
    seeds, initialiser, precision
        As in `linear`.
    """

    def __init__(
        self,
        n_features: int,
        hidden: Sequence[int],
        code_dim: int,
        *,
        channels: Sequence[int] | None = None,
        image_shape: Sequence[int] | None = None,
        negative_slope: float,
        seeds: Sequence[int],
        initialiser: str,
        precision: str,
    ):
        super().__init__()
        self.negative_slope = negative_slope
        settings = {"seeds": seeds, "initialiser": initialiser, "precision": precision}
        images = halvings(image_shape, channels) if channels else []
        widths = [math.prod(images[-1].small) if images else n_features, *hidden, code_dim]

        def layer(step: Geometry | tuple[int, int], part: str, i: int) -> nn.Module:
            if isinstance(step, Geometry):
                return convolution(step, transposed=part == "decoder", name=f"{part}.{i}", **settings)
            return linear(*step, name=f"{part}.{i}", **settings)

        steps = [*images, *pairwise(widths)]
        mirror = [*pairwise(widths[::-1]), *images[::-1]]
        self.encoder = nn.ModuleList(layer(step, "encoder", i) for i, step in enumerate(steps))
        self.decoder = nn.ModuleList(layer(step, "decoder", i) for i, step in enumerate(mirror))

    def _run(self, layers: nn.ModuleList, x: Tensor) -> Tensor:
        for layer in layers[:-1]:
            x = layer(x, self.negative_slope)
        return layers[-1](x).to(layers[-1].weight.dtype)

    def encode(self, x: Tensor) -> Tensor:
        """Code (S, batch, p) of x (S, batch, d)."""
        return self._run(self.encoder, x)

    def decode(self, z: Tensor) -> Tensor:
        """Reconstruction (S, batch, d) of z (S, batch, p)."""
        return self._run(self.decoder, z)


class CentroidNetwork(nn.Module):
    """S autoencoders and centroids (S, K, p) in their code spaces; the centroids start at zero."""

    def __init__(self, autoencoder: AutoencoderNetwork, n_clusters: int):
        super().__init__()
        self.autoencoder = autoencoder
        last = autoencoder.encoder[-1].weight
        self.centroids = nn.Parameter(last.new_zeros(len(last), n_clusters, last.shape[-1]))
