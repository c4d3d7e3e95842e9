"""Residual networks of a block (He, Zhang, Ren and Sun, CVPR 2016), for images as in `jcae.nn.convolution`.

Kernels are drawn from N(0, 2 / n_out), n_out the kernel's height times its width times the channels it puts out (He et
al., ICCV 2015, for the way back; torchvision's ResNet). Convolutions have no biases: a batch normalisation follows.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from jcae.nn.convolution import Convolution, Geometry, Image, strided
from jcae.nn.networks import side_by_side
from jcae.nn.normalisation import batch_norm

POOL_KERNEL = 3
"""Height and width of the windows of the largest values that follow a pooled stem; their stride is 2."""


class NormalisedConvolution(nn.Module):
    """S convolutions without biases, each followed by its batch normalisation.

    Parameters
    ----------
    geometry : Geometry
    seeds, name, precision
        As in `jcae.nn.networks.linear`.
    """

    def __init__(self, geometry: Geometry, *, seeds: Sequence[int], name: str, precision: str):
        super().__init__()
        shape = (geometry.small.channels, geometry.large.channels, geometry.kernel, geometry.kernel)
        deviation = math.sqrt(2.0 / (geometry.small.channels * geometry.kernel**2))

        def draw(rng: torch.Generator) -> tuple[Tensor]:
            return (torch.randn(shape, generator=rng, dtype=torch.float64) * deviation,)

        (weight,) = side_by_side(draw, seeds, name, precision)
        self.convolution = Convolution(weight, None, geometry, precision=precision)
        self.norm = batch_norm(self.convolution.n_out, geometry.small.channels, seeds=seeds, precision=precision)

    def forward(self, x: Tensor, *, training: bool = False) -> Tensor:
        """Images (S, batch, n_in) -> (S, batch, n_out)."""
        return self.norm(self.convolution(x), training=training)


class BasicBlock(nn.Module):
    """Two convolutions of 3 x 3 with a ReLU between them, plus what came in, and a ReLU of the sum.

    Where the image changes its shape, what came in is projected: a convolution of 1 x 1 with the same stride.

    Parameters
    ----------
    image : Image
        What comes in.
    channels : int
        Of what comes out.
    stride : int
        Of the first convolution.
    seeds, name, precision
        As in `jcae.nn.networks.linear`; each convolution has a stream of its own, ``<name>.first`` and so on.

    Attributes
    ----------
    image : Image
        What comes out.
    """

    def __init__(
        self, image: Image, channels: int, stride: int = 1, *, seeds: Sequence[int], name: str, precision: str
    ):
        super().__init__()

        def layer(large: Image, kernel: int, stride: int, part: str) -> NormalisedConvolution:
            geometry = strided(large, channels, kernel, stride)
            return NormalisedConvolution(geometry, seeds=seeds, name=f"{name}.{part}", precision=precision)

        self.first = layer(image, 3, stride, "first")
        self.image = self.first.convolution.geometry.small
        self.second = layer(self.image, 3, 1, "second")
        self.shortcut = None if self.image == image else layer(image, 1, stride, "shortcut")

    def forward(self, x: Tensor, *, training: bool = False) -> Tensor:
        """Images (S, batch, n_in) -> (S, batch, n_out)."""
        residual = self.second(self.first(x, training=training).relu(), training=training)
        return (residual + (x if self.shortcut is None else self.shortcut(x, training=training))).relu()


def halved_images(image_shape: Sequence[int], n_stages: int, *, pooled_stem: bool) -> list[Image]:
    """The images that a `ResNet` halves on its way, in order; its stem and its stages are as there."""
    found, image = [], Image(*image_shape)
    for _ in range(n_stages - 1 + (2 if pooled_stem else 0)):
        found.append(image)
        image = strided(image, image.channels, 1).small
    return found


class ResNet(nn.Module):
    """S residual networks: stem, stages of basic blocks, and the mean over the pixels of what comes out.

    Each stage but the first halves height and width. The defaults are ResNet-34 without its classifier; for small
    images take a stem of 3 x 3 that keeps their size, ``stem_kernel=3, pooled_stem=False``.

    Parameters
    ----------
    image_shape : sequence of int
        (height, width) or (height, width, channels) of a row of the data.
    widths : sequence of int
        Channels of the stages.
    depths : sequence of int
        Blocks of the stages.
    stem_kernel : int
        Height and width of the first kernel.
    pooled_stem : bool
        The stem halves the image twice: by its stride, then by the largest values of 3 x 3 pixels.
    seeds, name, precision
        As in `jcae.nn.networks.linear`.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        widths: Sequence[int] = (64, 128, 256, 512),
        depths: Sequence[int] = (3, 4, 6, 3),
        *,
        stem_kernel: int = 7,
        pooled_stem: bool = True,
        seeds: Sequence[int],
        name: str,
        precision: str,
    ):
        super().__init__()
        settings = {"seeds": seeds, "precision": precision}
        stem = strided(Image(*image_shape), widths[0], stem_kernel, 2 if pooled_stem else 1)
        self.stem = NormalisedConvolution(stem, name=f"{name}.stem", **settings)
        self.pooling = strided(stem.small, widths[0], POOL_KERNEL) if pooled_stem else None
        image = stem.small if self.pooling is None else self.pooling.small
        self.blocks = nn.ModuleList()
        for i, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            for j in range(depth):
                stride = 2 if i > 0 and j == 0 else 1
                self.blocks.append(BasicBlock(image, width, stride, name=f"{name}.{i}.{j}", **settings))
                image = self.blocks[-1].image

    def forward(self, x: Tensor, *, training: bool = False) -> Tensor:
        """Features (S, batch, widths[-1]) of images (S, batch, n_in)."""
        x = self.stem(x, training=training).relu()
        if self.pooling is not None:
            x = _largest(x, self.pooling)
        for block in self.blocks:
            x = block(x, training=training)
        means = x.unflatten(-1, (-1, self.blocks[-1].image.channels)).mean(-2)
        return means.to(self.stem.norm.weight.dtype)


def _largest(x: Tensor, windows: Geometry) -> Tensor:
    """The largest value of each window and channel: images (S, batch, n_in) -> (S, batch, n_out)."""
    images = x.unflatten(-1, windows.large).flatten(0, 1).permute(0, 3, 1, 2)
    largest = nn.functional.max_pool2d(images, windows.kernel, windows.stride, windows.kernel // 2)
    return largest.permute(0, 2, 3, 1).reshape(*x.shape[:2], -1)
