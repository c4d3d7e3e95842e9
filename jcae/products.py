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


def _aligned(x: Tensor) -> Tensor:
    return x if x.data_ptr() % ALIGNMENT == 0 else x.clone()


def _multiply(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """a @ b (+ bias) for blocks (S, n, k), (S, k, m) and (S, m), in the dtype of a and b."""
    if a.device.type != "cpu":
        return torch.bmm(a, b) if bias is None else torch.baddbmm(bias.unsqueeze(1), a, b)
    if len(a) == 1:
        a, b = _aligned(a[0]), _aligned(b[0])
        return (torch.mm(a, b) if bias is None else torch.addmm(bias[0], a, b)).unsqueeze(0)
    result = a.new_empty(a.shape[0], a.shape[1], b.shape[2])
    for s, out in enumerate(result):
        x, y = _aligned(a[s]), _aligned(b[s])
        target = out if out.data_ptr() % ALIGNMENT == 0 else torch.empty_like(out)
        if bias is None:
            torch.mm(x, y, out=target)
        else:
            torch.addmm(bias[s], x, y, out=target)
        if target is not out:
            out.copy_(target)
    return result


@contextmanager
def _tensor_cores(precision: str, device: torch.device) -> Iterator[None]:
    """Let float32 products of a GPU round their operands to tf32, if the precision is that."""
    if device.type != "cuda" or precision != "tf32":
        yield
        return
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


class _Affine(torch.autograd.Function):
    """x @ weight (+ bias) for x (S, n, k), weight (S, k, m), bias (S, m), seed by seed."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, precision: str) -> Tensor:
        ctx.precision, ctx.dtypes = precision, (x.dtype, weight.dtype)
        if precision == "bf16":
            x, weight = x.bfloat16(), weight.bfloat16()
            bias = None if bias is None else bias.bfloat16()
        ctx.save_for_backward(x, weight)
        with _tensor_cores(precision, x.device):
            return _multiply(x, weight, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        for_x, for_weight, for_bias, _ = ctx.needs_input_grad
        grad = grad.to(x.dtype).contiguous()
        with _tensor_cores(ctx.precision, x.device):
            grad_x = _multiply(grad, weight.mT).to(ctx.dtypes[0]) if for_x else None
            grad_weight = _multiply(x.mT, grad).to(ctx.dtypes[1]) if for_weight else None
        grad_bias = None
        if for_bias:
            # Seed by seed on a CPU, where the order of a sum depends on the shape of the whole.
            parts = grad.split(1) if grad.device.type == "cpu" else [grad]
            grad_bias = torch.cat([part.sum(1, dtype=ctx.dtypes[1]) for part in parts])
        return grad_x, grad_weight, grad_bias, None


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """a @ b, (..., n, m); for a block (S, n, k) @ (S, k, m) each seed's product is the one it gets alone."""
    if a.dim() == 3 and b.dim() == 3 and a.device.type == "cpu":
        return _Affine.apply(a, b, None, "")
    return a @ b


def affine(x: Tensor, weight: Tensor, bias: Tensor, precision: str = "") -> Tensor:
    """x @ weight + bias with weight (..., k, m) and bias (..., m); as `matmul` for a block.

    With the precision ``bf16`` the result is bfloat16, see `jcae.precision`.
    """
    if x.dim() == 3 and weight.dim() == 3:
        return _Affine.apply(x, weight, bias, precision)
    return x @ weight + bias.unsqueeze(-2)
