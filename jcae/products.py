"""Matrix products of a block, one per seed, that do not depend on the size of the block.

On a CPU the last bits of a product depend on the kernel that the library picks (by the number of matrices in a batch,
and by how the operands are aligned in memory), and training amplifies last bits. So there each seed's product is a
call of its own on aligned operands, which costs nothing against a loop over seeds. On a GPU the batched product is
what makes a block worth having.
"""

from typing import Any

import torch
from torch import Tensor

ALIGNMENT = 64
"""Bytes; what torch's allocator gives a tensor of its own, and a slice of one only by chance."""


def _aligned(x: Tensor) -> Tensor:
    return x if x.data_ptr() % ALIGNMENT == 0 else x.clone()


def _product(a: Tensor, b: Tensor, out: Tensor, bias: Tensor | None = None) -> None:
    """out = a @ b (+ bias) for matrices."""
    a, b, target = _aligned(a), _aligned(b), out
    if out.data_ptr() % ALIGNMENT:
        target = torch.empty_like(out)
    if bias is None:
        torch.mm(a, b, out=target)
    else:
        torch.addmm(bias, a, b, out=target)
    if target is not out:
        out.copy_(target)


class _Affine(torch.autograd.Function):
    """x @ weight (+ bias) for x (S, n, k), weight (S, k, m), bias (S, m), seed by seed."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        result = x.new_empty(x.shape[0], x.shape[1], weight.shape[2])
        for s in range(x.shape[0]):
            _product(x[s], weight[s], result[s], None if bias is None else bias[s])
        return result

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad
        grad = grad.contiguous()
        grad_x = grad.new_empty(x.shape) if for_x else None
        grad_weight = grad.new_empty(weight.shape) if for_weight else None
        grad_bias = grad.new_empty(grad.shape[0], grad.shape[2]) if for_bias else None
        for s in range(grad.shape[0]):
            if for_x:
                _product(grad[s], weight[s].T, grad_x[s])
            if for_weight:
                _product(x[s].T, grad[s], grad_weight[s])
            if for_bias:
                torch.sum(grad[s], 0, out=grad_bias[s])
        return grad_x, grad_weight, grad_bias


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """a @ b, (..., n, m); for a block (S, n, k) @ (S, k, m) each seed's product is the one it gets alone."""
    if a.dim() == 3 and b.dim() == 3 and a.device.type == "cpu":
        return _Affine.apply(a, b, None)
    return a @ b


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x @ weight + bias with weight (..., k, m) and bias (..., m); as `matmul` for a block."""
    if x.dim() == 3 and weight.dim() == 3:
        if x.device.type == "cpu":
            return _Affine.apply(x, weight, bias)
        return torch.baddbmm(bias.unsqueeze(1), x, weight)
    return x @ weight + bias.unsqueeze(-2)
