"""Spectral convolutions: torch's, singular values, seeds that stand still."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from jcae.nn.convolution import Image, strided
from jcae.nn.spectral import iterate, spectral_convolution

IMAGE = Image(6, 5, 3)


def layer(seeds, precision="float64"):
    geometry = strided(IMAGE, 4, 3, 2)
    return spectral_convolution(geometry, seeds=seeds, name="d", initialiser="torch", precision=precision)


def test_values_and_gradients_are_those_of_torch():
    """With the same two vectors; torch moves its own before each pass of training."""
    ours = layer([3, 4])
    ours.bias.data.uniform_()
    x = torch.randn(2, 7, 90, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    along = torch.randn(2, 7, ours.n_out, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    start = {name: value.clone() for name, value in ours.state_dict().items()}
    iterate(ours, torch.tensor([True, True]))
    found = ours(x)
    (found * along).sum().backward()
    for s in range(2):
        theirs = nn.Conv2d(3, 4, 3, stride=2, padding=1).double()
        theirs.weight.data, theirs.bias.data = start["weight"][s].clone(), start["bias"][s].clone()
        spectral_norm(theirs)
        spectral = theirs.parametrizations.weight[0]
        spectral._u.copy_(start["left"][s, :, 0])
        spectral._v.copy_(start["right"][s, :, 0])
        images = x[s].unflatten(-1, IMAGE).permute(0, 3, 1, 2)
        result = theirs.train()(images).permute(0, 2, 3, 1).flatten(1)
        (result * along[s]).sum().backward()
        torch.testing.assert_close(found[s], result, rtol=1e-9, atol=1e-9)
        original = theirs.parametrizations.weight.original
        torch.testing.assert_close(ours.weight.grad[s], original.grad, rtol=1e-7, atol=1e-9)
        torch.testing.assert_close(ours.left[s, :, 0], spectral._u, rtol=1e-9, atol=1e-9)


def test_the_largest_singular_value_is_one():
    ours = layer([3, 4])
    with torch.no_grad():
        ours.weight *= 50
    for _ in range(100):
        ours.iterate(torch.tensor([True, True]))
    largest = torch.linalg.matrix_norm(ours.kernel().flatten(2), ord=2)
    torch.testing.assert_close(largest, torch.ones(2, dtype=torch.float64), rtol=1e-6, atol=0)


def test_a_seed_that_stopped_stays_as_it_is():
    ours = layer([3, 4])
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    iterate(ours, torch.tensor([False, True]))
    for name in ("left", "right"):
        assert torch.equal(ours.state_dict()[name][0], before[name][0])
        assert not torch.equal(ours.state_dict()[name][1], before[name][1])


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_seed_gets_what_it_gets_alone(precision):
    def state(seeds, x):
        one = layer(seeds, precision)
        iterate(one, torch.ones(len(seeds), dtype=torch.bool))
        result = one(x)
        result.float().square().sum().backward()
        return [result, one.weight.grad, *one.state_dict().values()]

    x = torch.randn(3, 7, 90, generator=torch.Generator().manual_seed(0))
    together = state([5, 0, 9], x)
    for s, seed in enumerate([5, 0, 9]):
        for alone, all_of_them in zip(state([seed], x[s : s + 1].clone()), together, strict=True):
            assert torch.equal(alone[0], all_of_them[s])
