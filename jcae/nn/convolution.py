"""Convolutions of a block, one per seed, and the transposed ones that undo their shapes.

An image is a row of the data: its pixels row by row, the channels of a pixel side by side. Layers take and give such
rows, (S, batch, height * width * channels), so that they can stand between layers that know of no images; in memory
that is what torch calls channels last, which convolutions on a CPU prefer.

On a CPU each seed's convolution is a call of its own, as its products are (`jcae.nn.products`). On a GPU a block is one
convolution whose groups are the seeds.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from jcae.nn.products import aligned, tensor_cores

STRIDE = 2
"""Of the convolutions of an autoencoder: each halves height and width."""
KERNEL, LAST_KERNEL = 5, 3
"""Height and width of a kernel, and of that of the last convolution (DCEC: Guo et al., ICONIP 2017)."""


class Image(NamedTuple):
    """Shape of an image."""

    height: int
    width: int
    channels: int = 1


class Geometry(NamedTuple):
    """A convolution from a larger image to a smaller one: height and width are divided by the stride, rounded up.

    The kernel's width is odd; half of it is padded with zeros on each side.
    """

    large: Image
    small: Image
    kernel: int
    stride: int = STRIDE

    def settings(self, groups: int, *, transposed: bool) -> tuple[Any, ...]:
        """What torch's convolution wants to know: stride, padding, ..., groups.

        A transposed convolution cannot tell an even height from the odd one below it, hence its output padding.
        """
        missing = [(size - 1) % self.stride if transposed else 0 for size in self.large[:2]]
        padding = self.kernel // 2
        return [self.stride] * 2, [padding] * 2, [1, 1], transposed, missing, groups


def strided(large: Image, channels: int, kernel: int, stride: int = STRIDE) -> Geometry:
    """The convolution that makes an image of so many channels of a larger one."""
    return Geometry(large, Image(*(math.ceil(size / stride) for size in large[:2]), channels), kernel, stride)


def halvings(image_shape: Sequence[int], channels: Sequence[int]) -> list[Geometry]:
    """The convolutions of an encoder, in order.

    Parameters
    ----------
    image_shape : sequence of int
        (height, width) or (height, width, channels).
    channels : sequence of int
        Channels that each convolution puts out.
    """
    found, large = [], Image(*image_shape)
    for i, width in enumerate(channels):
        found.append(strided(large, width, LAST_KERNEL if i == len(channels) - 1 else KERNEL))
        large = found[-1].small
    return found


class Convolution(nn.Module):
    """S convolutions side by side, or S transposed ones.

    Parameters
    ----------
    weight : Tensor, (S, small.channels, large.channels, kernel, kernel)
        For both directions, as torch has it.
    bias : Tensor or None, (S, channels of what is put out)
        None where a batch normalisation follows, which would take it away again.
    geometry : Geometry
    transposed : bool
        From the smaller image to the larger one.
    precision : str
        One of `jcae.nn.precision.PRECISIONS`; with ``bf16`` the result is bfloat16.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        geometry: Geometry,
        *,
        transposed: bool = False,
        precision: str = "float32",
    ):
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)
        self.geometry = geometry
        self.transposed = transposed
        self.precision = precision

    @property
    def n_out(self) -> int:
        """Numbers that come out for a point."""
        return math.prod(self.geometry.large if self.transposed else self.geometry.small)

    def forward(self, x: Tensor, negative_slope: float | None = None) -> Tensor:
        """Map images (S, batch, n_in) to (S, batch, n_out), and apply a leaky ReLU if a slope is given."""
        geometry, stride = self.geometry, self.geometry.stride
        if geometry.kernel == 1 and not self.transposed:
            # Only the pixels that the kernel sees. Given the stride, oneDNN's gradient of such a kernel writes beyond
            # its memory where images have fewer channels than its vectors have numbers (torch 2.13; on AVX2 2 channels
            # of 8 x 8 pixels, on AVX-512 8 of 48 x 48; oneDNN's issue 6035).
            x = x.unflatten(-1, geometry.large)[:, :, ::stride, ::stride].flatten(2)
            geometry = Geometry(Image(*geometry.small[:2], geometry.large.channels), geometry.small, 1, stride=1)
        return _Convolve.apply(x, self.kernel(), self.bias, geometry, self.transposed, self.precision, negative_slope)

    def kernel(self) -> Tensor:
        """What is applied: the weight, or what a subclass makes of it."""
        return self.weight


def _together(x: Tensor) -> Tensor:
    """(S, B, height, width, c) -> (B, S * c, height, width), channels last in memory."""
    return x.permute(1, 2, 3, 0, 4).flatten(3).contiguous().permute(0, 3, 1, 2)


def _apart(y: Tensor, n_seeds: int) -> Tensor:
    """(B, S * c, height, width) -> (S, B, height * width * c)."""
    return y.permute(0, 2, 3, 1).unflatten(3, (n_seeds, -1)).permute(3, 0, 1, 2, 4).flatten(2)


def _wide(x: Tensor) -> Tensor:
    """The same numbers; on a CPU bfloat16 as float32: with AMX, oneDNN's convolutions of it read what nobody wrote."""
    return x.float() if x.dtype == torch.bfloat16 and x.device.type == "cpu" else x


def _forward(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, *, geometry: Geometry, transposed: bool
) -> tuple[Tensor]:
    """Images (S, B, height, width, c) -> rows (S, B, n_out): one convolution, the seeds are its groups."""
    settings = geometry.settings(len(weight), transposed=transposed)
    bias = None if bias is None else _wide(bias.flatten())
    result = torch.ops.aten.convolution(_wide(_together(x)), _wide(weight.flatten(0, 1)), bias, *settings)
    return (_apart(result.to(x.dtype), len(weight)),)


def _backward(
    grad: Tensor, x: Tensor, weight: Tensor, geometry: Geometry, transposed: bool, needed: Sequence[bool]
) -> tuple[Tensor | None, ...]:
    """Gradients with respect to the images, as rows (S, B, n_in), and to weight and bias, where `needed`."""
    settings = geometry.settings(len(weight), transposed=transposed)
    grad_x, grad_weight, _ = torch.ops.aten.convolution_backward(
        *map(_wide, (_together(grad), _together(x), weight.flatten(0, 1))), None, *settings, [*needed[:2], False]
    )
    return (
        _apart(grad_x.to(x.dtype), len(weight)) if needed[0] else None,
        grad_weight.to(weight.dtype).unflatten(0, weight.shape[:2]) if needed[1] else None,
        # In float32 also where the images are bfloat16.
        grad.sum((1, 2, 3), dtype=torch.promote_types(grad.dtype, torch.float32)) if needed[2] else None,
    )


def _block(function: Callable[..., tuple[Tensor | None, ...]], *tensors: Tensor, **settings: Any) -> tuple[Any, ...]:
    """`function` of a block: at once on a GPU, seed by seed on a CPU."""
    if tensors[0].device.type != "cpu":
        return function(*tensors, **settings)
    alone = [function(*map(aligned, one), **settings) for one in zip(*(t.split(1) for t in tensors), strict=True)]
    if len(alone) == 1:
        return alone[0]
    return tuple(None if parts[0] is None else torch.cat(parts) for parts in zip(*alone, strict=True))


class _Convolve(torch.autograd.Function):
    """Convolution of rows x (S, B, n_in), then a leaky ReLU in place."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        geometry: Geometry,
        transposed: bool,
        precision: str,
        negative_slope: float | None,
    ) -> Tensor:
        ctx.settings = {"geometry": geometry, "transposed": transposed}
        ctx.precision, ctx.negative_slope, ctx.dtypes = precision, negative_slope, (x.dtype, weight.dtype)
        operands = [x.unflatten(-1, geometry.small if transposed else geometry.large), weight]
        operands += [] if bias is None else [bias]
        if precision == "bf16":
            operands = [operand.bfloat16() for operand in operands]
        with tensor_cores(precision, x.device):
            (result,) = _block(_forward, *operands, **ctx.settings)
        images, weight, *_ = operands
        if negative_slope is None:
            ctx.save_for_backward(images, weight)
        else:
            result = nn.functional.leaky_relu_(result, negative_slope)
            ctx.save_for_backward(images, weight, result)
        return result

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        images, weight, *result = ctx.saved_tensors
        grad = grad.to(images.dtype)
        if result:  # a slope is not negative: the sign of what went in is that of what came out
            grad = torch.ops.aten.leaky_relu_backward(grad, result[0], ctx.negative_slope, True)
        geometry = ctx.settings["geometry"]
        grad = grad.unflatten(-1, geometry.large if ctx.settings["transposed"] else geometry.small)
        with tensor_cores(ctx.precision, images.device):
            needed = ctx.needs_input_grad[:3]
            grads = _block(_backward, grad, images, weight, **ctx.settings, needed=needed)
        found = [None if g is None else g.to(d) for g, d in zip(grads, (*ctx.dtypes, ctx.dtypes[1]), strict=True)]
        return *found, None, None, None, None
