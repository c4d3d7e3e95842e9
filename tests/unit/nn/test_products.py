"""Products of a block on a CPU: right, and for every seed the bits that it gets alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jcae.nn.products import _multiply, affine, matmul

WIDTHS = st.integers(1, 40) | st.sampled_from([64, 70, 80, 111, 128, 256])


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(
    size=st.integers(1, 6),
    n=WIDTHS,
    k=WIDTHS,
    m=WIDTHS,
    flip=st.tuples(st.booleans(), st.booleans()),
    offset=st.integers(0, 3),
    biased=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
)
def test_a_seed_gets_the_product_it_gets_alone(size, n, k, m, flip, offset, biased, dtype):
    """Whatever the widths, the layout of the operands and where in memory they begin."""
    rng = torch.Generator().manual_seed(n + 1000 * k + m)

    def operand(rows, columns, flipped):
        memory = torch.randn(offset + size * rows * columns, generator=rng).to(dtype)[offset:]
        return memory.view(size, columns, rows).mT if flipped else memory.view(size, rows, columns)

    a, b = operand(n, k, flip[0]), operand(k, m, flip[1])
    bias = torch.randn(size, m, generator=rng).to(dtype) if biased else None
    together = _multiply(a, b, bias)
    tolerance = {torch.float32: 1e-4, torch.float64: 1e-12, torch.bfloat16: 0.1}[dtype]
    expected = a.double() @ b.double() + (bias.double().unsqueeze(1) if biased else 0.0)
    torch.testing.assert_close(together.double(), expected, rtol=tolerance, atol=tolerance * k**0.5)
    for s in range(size):
        alone = _multiply(a[s : s + 1].clone(), b[s : s + 1].clone(), None if bias is None else bias[s : s + 1].clone())
        assert torch.equal(alone[0], together[s])


def test_gradients_are_those_of_the_plain_product():
    rng = torch.Generator().manual_seed(0)
    a, b, bias = (torch.randn(*shape, generator=rng, dtype=torch.float64) for shape in ((3, 5, 4), (3, 4, 7), (3, 7)))
    inputs = [t.requires_grad_() for t in (a, b, bias)]
    weight = torch.randn(3, 5, 7, generator=rng, dtype=torch.float64)
    expected = torch.autograd.grad((torch.bmm(a, b) + bias.unsqueeze(1)).mul(weight).sum(), inputs)
    for found, right in zip(torch.autograd.grad((affine(a, b, bias) * weight).sum(), inputs), expected, strict=True):
        torch.testing.assert_close(found, right, rtol=1e-12, atol=1e-12)
    rectified = torch.nn.functional.leaky_relu(torch.bmm(a, b) + bias.unsqueeze(1), 0.2)
    expected_rectified = torch.autograd.grad((rectified * weight).sum(), inputs)
    found = torch.autograd.grad((affine(a, b, bias, negative_slope=0.2) * weight).sum(), inputs)
    torch.testing.assert_close(found, expected_rectified, rtol=1e-12, atol=1e-12)
    found = torch.autograd.grad((matmul(a, b) * weight).sum(), inputs[:2])
    torch.testing.assert_close(found, expected[:2], rtol=1e-12, atol=1e-12)


def test_bf16_rounds_the_operands_and_keeps_parameters_in_float32():
    rng = torch.Generator().manual_seed(0)
    x, weight, bias = (torch.randn(*shape, generator=rng) for shape in ((2, 8, 16), (2, 16, 4), (2, 4)))
    weight.requires_grad_()
    result = affine(x, weight, bias, "bf16")
    assert result.dtype == torch.bfloat16
    rounded = torch.bmm(x.bfloat16().float(), weight.detach().bfloat16().float()) + bias.unsqueeze(1)
    torch.testing.assert_close(result.float(), rounded, rtol=1e-2, atol=1e-2)
    (gradient,) = torch.autograd.grad(result.float().sum(), weight)
    assert gradient.dtype == torch.float32
    torch.testing.assert_close(gradient, x.sum(1).unsqueeze(-1).expand(2, 16, 4), rtol=2e-2, atol=2e-2)
