"""Batch normalisation of a block: that of torch, with the bits that a seed gets alone, and what moves it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from jcae.nn.networks import linear
from jcae.nn.normalisation import BatchNorm, _in_one_call, _seed_by_seed, batch_norm, running_statistics
from jcae.training.memory import Demand, demand


def filled(n_out, channels, seeds=(0, 1), precision="float64"):
    """A layer whose weights, biases and running statistics are no ones and zeros, and differ between the seeds."""
    layer = batch_norm(n_out, channels, seeds=seeds, precision=precision)
    rng = torch.Generator().manual_seed(0)
    for value in (layer.weight.data, layer.bias.data, layer.running_mean):
        value += 0.3 * torch.randn(value.shape, generator=rng, dtype=torch.float64)
    layer.running_var += torch.rand(layer.running_var.shape, generator=rng, dtype=torch.float64)
    return layer


@pytest.mark.parametrize(("pixels", "channels"), [((), 5), ((4, 3), 3)], ids=["1d", "2d"])
def test_values_gradients_and_buffers_are_those_of_torch(pixels, channels):
    """Several passes of training, each followed by one that is none, which moves nothing."""
    layer = filled(channels * 12 if pixels else channels, channels)
    kind = nn.BatchNorm2d if pixels else nn.BatchNorm1d
    references = [kind(channels).double() for _ in range(2)]
    for s, reference in enumerate(references):
        reference.load_state_dict({k: v[s] for k, v in layer.state_dict().items()}, strict=False)
    rng = torch.Generator().manual_seed(1)
    for training in (True, False) * 3:
        x = 2 + 3 * torch.randn(2, 7, layer.n_out, generator=rng, dtype=torch.float64).requires_grad_()
        along = torch.randn(x.shape, generator=rng, dtype=torch.float64)
        found = layer(x, training=training)
        gradients = torch.autograd.grad((found * along).sum(), [x, layer.weight, layer.bias])
        for s, reference in enumerate(references):
            reference.train(training)
            alone, weight = x[s].detach().clone().requires_grad_(), along[s]
            images = alone.unflatten(-1, (*pixels, channels)).movedim(-1, 1) if pixels else alone
            result = reference(images).movedim(1, -1).reshape(alone.shape)
            torch.testing.assert_close(found[s], result, rtol=1e-10, atol=1e-10)
            expected = torch.autograd.grad((result * weight).sum(), [alone, *reference.parameters()])
            for ours, theirs in zip(gradients, expected, strict=True):
                torch.testing.assert_close(ours[s], theirs, rtol=1e-10, atol=1e-10)
            for name in ("running_mean", "running_var"):
                torch.testing.assert_close(getattr(layer, name)[s], getattr(reference, name), rtol=1e-10, atol=1e-10)
    assert not torch.equal(layer.running_mean[0], layer.running_mean[1])


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(2, 4),
    batch=st.integers(2, 9) | st.sampled_from([47, 100]),
    pixels=st.integers(1, 20) | st.just(196),
    channels=st.integers(1, 9) | st.sampled_from([31, 32, 64]),
    training=st.booleans(),
    offset=st.integers(0, 3),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
)
def test_a_seed_gets_what_it_gets_alone(size, batch, pixels, channels, training, offset, dtype):
    """Whatever the shapes and where in memory the rows begin; and the one call of a GPU computes the same."""
    rng = torch.Generator().manual_seed(batch + 100 * pixels)
    precision = "float64" if dtype == torch.float64 else "float32"
    shape = (size, batch * pixels, channels)

    def rows():
        return torch.randn(offset + shape[0] * shape[1] * shape[2], generator=rng).to(dtype)[offset:].view(shape)

    x, along, layer = rows().requires_grad_(), rows(), filled(channels, channels, range(size), precision)

    def computed(normalise, at=slice(None)):
        leaves = [value[at].detach().clone().requires_grad_() for value in (layer.weight, layer.bias)]
        part = x.detach()[at].clone().requires_grad_() if at != slice(None) else x
        moving = [value[at].clone() for value in (layer.running_mean, layer.running_var)]
        result = normalise(part, *moving, *leaves, training=training)
        return [result, *moving, *torch.autograd.grad((result * along[at]).sum(), [part, *leaves])]

    together = computed(_seed_by_seed)
    tolerance = {torch.float32: 1e-4, torch.float64: 1e-11, torch.bfloat16: 0.05}[dtype]
    for a, b in zip(together, computed(_in_one_call), strict=True):
        scale = float(b.detach().double().square().mean().sqrt())
        torch.testing.assert_close(a.double(), b.double(), rtol=tolerance, atol=tolerance * max(scale, 1.0))
    for s in range(size):
        for a, b in zip(computed(_seed_by_seed, slice(s, s + 1)), together, strict=True):
            assert torch.equal(a[0], b[s])


def test_lower_precision_keeps_its_statistics_in_float32():
    layer = batch_norm(4, 4, seeds=[0, 1], precision="bf16")
    x = 2 + torch.randn(2, 50, 4, generator=torch.Generator().manual_seed(0))
    assert layer(x.bfloat16(), training=True).dtype == torch.bfloat16
    assert layer.running_mean.dtype == torch.float32
    torch.testing.assert_close(layer.running_mean, 0.1 * x.mean(1), rtol=1e-2, atol=1e-2)


def test_running_statistics_of_a_network_by_name():
    network = nn.ModuleDict({"a": filled(3, 3), "b": nn.ModuleList([nn.Linear(1, 1), filled(4, 2)])})
    found = running_statistics(network)
    assert list(found) == ["a.running_mean", "a.running_var", "b.1.running_mean", "b.1.running_var"]
    assert set(found) == {name for name, _ in network.named_buffers()}
    assert found["a.running_var"] is network["a"].running_var
    assert list(running_statistics(network["a"])) == ["running_mean", "running_var"]
    assert running_statistics(nn.Linear(1, 1)) == {}


def test_a_batch_of_one_row_is_refused_in_training_alone():
    layer = filled(12, 3)
    x = torch.randn(2, 1, 12, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"cannot be trained on a batch of one row; at least 2 are allowed"):
        layer(x, training=True)
    assert layer(x).shape == x.shape


def test_channels_that_do_not_share_out_a_row_are_refused():
    with pytest.raises(ValueError, match="channels=5 do not share out n_out=12 numbers; allowed are its divisors"):
        batch_norm(12, 5, seeds=[0], precision="float32")


def test_what_a_normalisation_keeps_counts_in_the_memory():
    """6 -> 20 -> normalised: two activations of 20 where there was one, and 2 * 20 parameters more."""
    settings = {"seeds": [0], "precision": "float32"}
    layer = linear(6, 20, name="t", initialiser="glorot", **settings)
    plain = demand(layer, n_samples=100, n_features=6, batch_size=10_000)
    both = demand(nn.Sequential(layer, batch_norm(20, 20, **settings)), 100, 6, 10_000)
    assert both == Demand(plain.data, plain.per_seed + 4 * 10_000 * 20 + 5 * 4 * 2 * 20)
    assert isinstance(batch_norm(20, 20, **settings), BatchNorm)
