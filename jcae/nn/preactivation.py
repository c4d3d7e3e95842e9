"""Residual networks of a block with activations before the convolutions (He, Zhang, Ren and Sun, ECCV 2016).

Encoder, generator and discriminator over one ladder of sizes (`ladder`): blocks that halve an image or double it, then
blocks of features. A row of features is an image of one pixel, its convolutions have kernels of 1 x 1, and nothing is
left to halve: so data that are no images have the same networks.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from jcae.nn.convolution import Convolution, Image, strided
from jcae.nn.networks import initial_convolution, linear, side_by_side
from jcae.nn.normalisation import batch_norm
from jcae.nn.spectral import spectral_convolution

INITIALISER = "torch"


def ladder(image: Image, stem: int, channels: Sequence[int], hidden: Sequence[int]) -> list[tuple[Image, Image]]:
    """The images that go into the blocks of an encoder and come out of them, in order.

    Parameters
    ----------
    image : Image
        A row of the data.
    stem : int
        Channels that a first convolution makes of it.
    channels : sequence of int
        Of blocks that halve height and width, rounded up.
    hidden : sequence of int
        Features of the blocks after these.
    """
    halved = [image._replace(channels=stem)]
    for width in channels:
        halved.append(strided(halved[-1], width, 3).small)
    flat = [Image(1, 1, math.prod(halved[-1])), *(Image(1, 1, width) for width in hidden)]
    return [*pairwise(halved), *(pairwise(flat) if hidden else ())]


def _kernel(image: Image) -> int:
    return 1 if image.height == image.width == 1 else 3


def _doubled(x: Tensor, small: Image, large: Image) -> Tensor:
    """Every pixel (S, B, n_small) twice in each direction, cut at the size of the image if that is larger; else x."""
    if small.height >= large.height and small.width >= large.width:
        return x
    x = x.unflatten(-1, small)
    for dim, size in ((2, large.height), (3, large.width)):
        x = x.repeat_interleave(2, dim).narrow(dim, 0, size)
    return x.flatten(2)


class _Layers:
    """Makes the convolutions of a network; each has a stream of its own."""

    def __init__(self, spectral: bool, seeds: Sequence[int], precision: str):
        self.spectral, self.seeds, self.precision = spectral, seeds, precision

    def __call__(
        self, large: Image, channels: int, stride: int, name: str, *, kernel: int | None = None, bias: bool = False
    ) -> Convolution:
        """A convolution of an image; a spectral one always has biases, as no normalisation follows it."""
        geometry = strided(large, channels, kernel or _kernel(large), stride)
        settings = {"seeds": self.seeds, "name": name, "precision": self.precision}
        if self.spectral:
            return spectral_convolution(geometry, initialiser=INITIALISER, **settings)
        weight, zeros = side_by_side(lambda rng: initial_convolution(geometry, False, INITIALISER, rng), **settings)
        return Convolution(weight, zeros if bias else None, geometry, precision=self.precision)


class PreActivationBlock(nn.Module):
    """Twice normalisation, ReLU and convolution, plus what came in.

    The first convolution halves the image, or it is doubled before it. Where the shape changes, what came in is
    projected: a convolution of 1 x 1 with the same stride.

    Parameters
    ----------
    source, target : Image
        What comes in and what comes out.
    layer : callable
        Makes a convolution.
    name : str
    normalised : bool
        Without, there are no batch normalisations.
    negative_slope : float
        Of the leaky ReLU; 0 gives a ReLU.
    """

    def __init__(
        self, source: Image, target: Image, layer: _Layers, *, name: str, normalised: bool, negative_slope: float
    ):
        super().__init__()
        self.source, self.target, self.negative_slope = source, target, negative_slope
        grows = target.height > source.height or target.width > source.width
        stride = 1 if grows or source[:2] == target[:2] else 2
        wide = target._replace(channels=source.channels) if grows else source
        self.first = layer(wide, target.channels, stride, f"{name}.first")
        self.second = layer(target, target.channels, 1, f"{name}.second")
        self.shortcut = None
        if target != wide:
            self.shortcut = layer(wide, target.channels, stride, f"{name}.shortcut", kernel=1)
        settings = {"seeds": layer.seeds, "precision": layer.precision}
        self.norms = nn.ModuleList(
            batch_norm(math.prod(image), image.channels, **settings) for image in (source, target) if normalised
        )

    def _activated(self, x: Tensor, number: int, training: bool) -> Tensor:
        x = self.norms[number](x, training=training) if self.norms else x
        return nn.functional.leaky_relu(x, self.negative_slope)

    def forward(self, x: Tensor, *, training: bool = False) -> Tensor:
        """Images (S, batch, n_in) -> (S, batch, n_out)."""
        residual = self.first(_doubled(self._activated(x, 0, training), self.source, self.target))
        residual = self.second(self._activated(residual, 1, training))
        x = _doubled(x, self.source, self.target)
        return residual + (x if self.shortcut is None else self.shortcut(x))


class ResidualEncoder(nn.Module):
    """S encoders: a stem, blocks down the ladder, and two heads: mean and log-variance of a code.

    Parameters
    ----------
    image : Image
        A row of the data.
    steps : list of tuple of Image
        See `ladder`.
    code_dim : int
    negative_slope : float
    seeds, precision
        As in `jcae.nn.networks.linear`.
    """

    def __init__(
        self,
        image: Image,
        steps: Sequence[tuple[Image, Image]],
        code_dim: int,
        *,
        negative_slope: float,
        seeds: Sequence[int],
        precision: str,
    ):
        super().__init__()
        settings = {"seeds": seeds, "precision": precision}
        layer = _Layers(False, **settings)
        self.negative_slope = negative_slope
        self.stem = layer(image, steps[0][0].channels, 1, "encoder.stem")
        self.blocks = nn.ModuleList(
            PreActivationBlock(*step, layer, name=f"encoder.{i}", normalised=True, negative_slope=negative_slope)
            for i, step in enumerate(steps)
        )
        last = steps[-1][1]
        self.norm = batch_norm(math.prod(last), last.channels, **settings)
        self.mean, self.log_variance = (
            linear(math.prod(last), code_dim, name=f"encoder.{head}", initialiser=INITIALISER, **settings)
            for head in ("mean", "log_variance")
        )

    def forward(self, x: Tensor, *, training: bool = False) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (S, B, p) of the code of x (S, B, d)."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x, training=training)
        x = nn.functional.leaky_relu(self.norm(x, training=training), self.negative_slope)
        mean, log_variance = (head(x).to(head.weight.dtype) for head in (self.mean, self.log_variance))
        return mean, log_variance


class ResidualGenerator(nn.Module):
    """S generators: an affine map of a code, blocks up the ladder, and a convolution whose tanh is the image.

    Parameters as those of `ResidualEncoder`.
    """

    def __init__(
        self,
        image: Image,
        steps: Sequence[tuple[Image, Image]],
        code_dim: int,
        *,
        negative_slope: float,
        seeds: Sequence[int],
        precision: str,
    ):
        super().__init__()
        settings = {"seeds": seeds, "precision": precision}
        layer = _Layers(False, **settings)
        self.negative_slope = negative_slope
        n_first = math.prod(steps[-1][1])
        self.start = linear(code_dim, n_first, name="generator.start", initialiser=INITIALISER, **settings)
        self.blocks = nn.ModuleList(
            PreActivationBlock(
                small, large, layer, name=f"generator.{i}", normalised=True, negative_slope=negative_slope
            )
            for i, (large, small) in enumerate(reversed(steps))
        )
        last = steps[0][0]
        self.norm = batch_norm(math.prod(last), last.channels, **settings)
        self.end = layer(last, image.channels, 1, "generator.end", bias=True)

    def forward(self, z: Tensor, *, training: bool = False) -> Tensor:
        """Images (S, B, d) between -1 and 1 of codes (S, B, p)."""
        x = self.start(z)
        for block in self.blocks:
            x = block(x, training=training)
        x = nn.functional.leaky_relu(self.norm(x, training=training), self.negative_slope)
        return self.end(x).to(self.start.weight.dtype).tanh()


class Discriminator(nn.Module):
    """S discriminators: stem and blocks down the ladder, the mean over the pixels, and one logit.

    They have no batch normalisation, and every convolution is divided by its largest singular value.

    Parameters
    ----------
    image, steps, negative_slope, seeds, precision
        As in `ResidualEncoder`.
    feature_block : int
        Number, from 1, of the block whose results are the features.
    """

    def __init__(
        self,
        image: Image,
        steps: Sequence[tuple[Image, Image]],
        feature_block: int,
        *,
        negative_slope: float,
        seeds: Sequence[int],
        precision: str,
    ):
        super().__init__()
        layer = _Layers(True, seeds, precision)
        self.negative_slope, self.feature_block = negative_slope, feature_block
        self.stem = layer(image, steps[0][0].channels, 1, "discriminator.stem")
        self.blocks = nn.ModuleList(
            PreActivationBlock(*step, layer, name=f"discriminator.{i}", normalised=False, negative_slope=negative_slope)
            for i, step in enumerate(steps)
        )
        self.logit = layer(Image(1, 1, steps[-1][1].channels), 1, 1, "discriminator.logit")

    def features(self, x: Tensor) -> Tensor:
        """What the first blocks make of images (S, B, d): (S, B, n)."""
        x = self.stem(x)
        for block in self.blocks[: self.feature_block]:
            x = block(x)
        return x.to(self.stem.weight.dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (S, B) that images (S, B, d) are real."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        x = nn.functional.leaky_relu(x, self.negative_slope)
        means = x.unflatten(-1, (-1, self.blocks[-1].target.channels)).mean(-2)
        return self.logit(means).squeeze(-1).to(self.stem.weight.dtype)
