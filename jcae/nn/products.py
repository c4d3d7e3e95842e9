"""Matrix products of a block: one per seed, that do not depend on the size of the block, in a named precision.

On a CPU the last bits of a product depend on the kernel that the library picks (by the number of matrices in a batch,
and by how the operands are aligned in memory), and training amplifies last bits. So there each seed's product is a
call of its own on aligned operands, which costs nothing against a loop over seeds. On a GPU the batched product is
what makes a block worth having.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

ALIGNMENT = 64
"""Bytes; what torch's allocator gives a tensor of its own, and a slice of one only by chance."""
NARROW = 32
"""Up to this width a product is laid out column by column: softmax and sums over clusters then run along the points."""
SMALL = range(1000, 100_000)
"""Multiply-adds of a product that is over before the next call is made: there one call multiplies for all seeds. Its
kernel gives the bits of a single product (tests/unit/nn/test_products.py); that of still smaller ones does not."""


def aligned(x: Tensor) -> Tensor:
    """The tensor itself, or a copy of it that begins where the kernels like it."""
    return x if x.data_ptr() % ALIGNMENT == 0 else x.clone()


def _buffer(like: Tensor, size: int, n: int, m: int) -> Tensor:
    """Memory for a block (size, n, m) whose slices are aligned, whatever n and m are."""
    gap = -n * m % (ALIGNMENT // like.element_size())
    if not gap:
        return like.new_empty(size, n, m)
    return like.new_empty(size, n * m + gap)[:, : n * m].unflatten(1, (n, m))


def _aligned_slices(x: Tensor) -> Tensor:
    """The same block with every seed's slice aligned."""
    if x.data_ptr() % ALIGNMENT == 0 and (len(x) == 1 or x.stride(0) * x.element_size() % ALIGNMENT == 0):
        return x
    if x.stride(-1) == 1:
        return _buffer(x, *x.shape).copy_(x)
    return _buffer(x, *x.mT.shape).mT.copy_(x)


def _multiply(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """a @ b (+ bias) for blocks (S, n, k), (S, k, m) and (S, m), in the dtype of a and b."""
    if a.device.type != "cpu":
        return torch.bmm(a, b) if bias is None else torch.baddbmm(bias.unsqueeze(1), a, b)
    (size, n, k), m = a.shape, b.shape[2]
    narrow = m <= min(n, NARROW)
    if narrow:
        a, b = b.mT, a.mT
    result = _buffer(a, size, a.shape[1], b.shape[2])
    # The choice looks at the shape of one seed alone, so that it is the same in every block.
    if n * k * m in SMALL and min(n, k, m) > 1:
        torch.bmm(_aligned_slices(a), _aligned_slices(b), out=result)
    else:
        for s, (x, y, out) in enumerate(zip(a.unbind(), b.unbind(), result.unbind(), strict=True)):
            if bias is None or narrow:
                torch.mm(aligned(x), aligned(y), out=out)
            else:
                torch.addmm(bias[s], aligned(x), aligned(y), out=out)
        bias = bias if narrow else None
    if bias is not None:
        result += bias.unsqueeze(-1 if narrow else 1)
    return result.mT if narrow else result


@contextmanager
def tensor_cores(precision: str, device: torch.device) -> Iterator[None]:
    """Let float32 products and convolutions of a GPU round their operands to tf32 only if the precision is that.

    Left alone, torch does so in every convolution.
    """
    if device.type != "cuda":
        yield
        return
    backends = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [backend.allow_tf32 for backend in backends]
    for backend in backends:
        backend.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        for backend, allowed in zip(backends, before, strict=True):
            backend.allow_tf32 = allowed


class _Affine(torch.autograd.Function):
    """x @ weight (+ bias), then a leaky ReLU in place, for x (S, n, k), weight (S, k, m), bias (S, m)."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, precision: str, negative_slope: float | None
    ) -> Tensor:
        ctx.precision, ctx.negative_slope, ctx.dtypes = precision, negative_slope, (x.dtype, weight.dtype)
        if precision == "bf16":
            x, weight = x.bfloat16(), weight.bfloat16()
            bias = None if bias is None else bias.bfloat16()
        with tensor_cores(precision, x.device):
            result = _multiply(x, weight, bias)
        if negative_slope is None:
            ctx.save_for_backward(x, weight)
        else:
            result = torch.nn.functional.leaky_relu_(result, negative_slope)
            ctx.save_for_backward(x, weight, result)
        return result

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, *result = ctx.saved_tensors
        for_x, for_weight, for_bias, *_ = ctx.needs_input_grad
        grad = grad.to(x.dtype)
        if result:  # a slope is not negative: the sign of what went in is that of what came out
            grad = torch.ops.aten.leaky_relu_backward(grad, result[0], ctx.negative_slope, True)
        with tensor_cores(ctx.precision, x.device):
            grad_x = _multiply(grad, weight.mT).to(ctx.dtypes[0]) if for_x else None
            grad_weight = _multiply(x.mT, grad).to(ctx.dtypes[1]) if for_weight else None
        grad_bias = grad.sum(1, dtype=ctx.dtypes[1]) if for_bias else None
        return grad_x, grad_weight, grad_bias, None, None


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """a @ b, (..., n, m); for a block (S, n, k) @ (S, k, m) each seed's product is the one it gets alone."""
    if a.dim() == 3 and b.dim() == 3 and a.device.type == "cpu":
        return _Affine.apply(a, b, None, "", None)
    return a @ b


def affine(
    x: Tensor, weight: Tensor, bias: Tensor | None, precision: str = "", negative_slope: float | None = None
) -> Tensor:
    """x @ weight (+ bias) with weight (..., k, m) and bias (..., m), and a leaky ReLU of it; as `matmul` for a block.

    With the precision ``bf16`` the result is bfloat16, see `jcae.nn.precision`.
    """
    if x.dim() == 3 and weight.dim() == 3:
        return _Affine.apply(x, weight, bias, precision, negative_slope)
    result = x @ weight if bias is None else x @ weight + bias.unsqueeze(-2)
    return result if negative_slope is None else torch.nn.functional.leaky_relu(result, negative_slope)
