"""Residual networks with activations first: torch's layers, sizes that come back, the bits that a seed gets alone."""

import math

import pytest
import torch
from torch import nn

from jcae.nn.convolution import Image
from jcae.nn.preactivation import Discriminator, PreActivationBlock, ResidualEncoder, ResidualGenerator, _Layers, ladder
from jcae.nn.spectral import SpectralConvolution

SETTINGS = {"negative_slope": 0.1, "precision": "float64"}


def shaken(network):
    """Weights, biases and running statistics that are no ones and zeros, different for each seed."""
    rng = torch.Generator().manual_seed(0)
    for value in network.state_dict().values():
        value += 0.1 * torch.rand(value.shape, generator=rng, dtype=torch.float64)
    return network


def by_hand(block, x, s, training):
    """The block of a seed in torch's own functions, for images x (B, c, h, w)."""

    def activated(x, number):
        norm = block.norms[number]
        moments = (norm.running_mean[s].clone(), norm.running_var[s].clone())
        x = nn.functional.batch_norm(x, *moments, norm.weight[s], norm.bias[s], training)
        return nn.functional.leaky_relu(x, 0.1)

    def convolved(x, layer, stride):
        return nn.functional.conv2d(x, layer.weight[s], stride=stride, padding=layer.weight.shape[-1] // 2)

    def resized(x):
        if block.target.height > block.source.height:
            x = nn.functional.interpolate(x, scale_factor=2, mode="nearest")
            return x[..., : block.target.height, : block.target.width]
        return x

    stride = 2 if block.target.height < block.source.height else 1
    residual = convolved(resized(activated(x, 0)), block.first, stride)
    residual = convolved(activated(residual, 1), block.second, 1)
    short = resized(x)
    return residual + (short if block.shortcut is None else convolved(short, block.shortcut, stride))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("source", "target"),
    [
        (Image(7, 6, 4), Image(4, 3, 5)),
        (Image(4, 3, 5), Image(7, 6, 4)),
        (Image(4, 3, 5), Image(8, 5, 5)),
        (Image(4, 3, 5), Image(4, 3, 5)),
        (Image(1, 1, 9), Image(1, 1, 4)),
    ],
)
def test_a_block_is_that_of_torchs_functions(source, target, training):
    layer = _Layers(False, [3, 4], "float64")
    block = shaken(PreActivationBlock(source, target, layer, name="b", normalised=True, negative_slope=0.1))
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(2, 6, math.prod(source), generator=rng, dtype=torch.float64).requires_grad_()
    start = {name: value.clone() for name, value in block.state_dict().items()}
    found = block(x, training=training)
    assert found.shape == (2, 6, math.prod(target))
    assert (block.shortcut is None) == (source.channels == target.channels and target.height >= source.height)
    along = torch.randn(found.shape, generator=rng, dtype=torch.float64)
    leaves = [x, *block.parameters()]
    ours = torch.autograd.grad((found * along).sum(), leaves)
    block.load_state_dict(start)
    images = x.unflatten(-1, source).permute(0, 1, 4, 2, 3)
    results = [by_hand(block, images[s], s, training).permute(0, 2, 3, 1).flatten(1) for s in range(2)]
    expected = torch.stack(results)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    theirs = torch.autograd.grad((expected * along).sum(), leaves)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def networks(image, channels, hidden, seeds, precision="float64"):
    steps = ladder(image, 4, channels, hidden)
    settings = {**SETTINGS, "seeds": seeds, "precision": precision}
    pair = [kind(image, steps, 3, **settings) for kind in (ResidualEncoder, ResidualGenerator)]
    return *pair, Discriminator(image, steps, 1, **settings)


@pytest.mark.parametrize(
    ("image", "channels", "hidden", "sizes"),
    [
        (Image(7, 6), (5, 6), (), [(4, 3, 5), (2, 2, 6)]),
        (Image(8, 8, 3), (5,), (7, 6), [(4, 4, 5), (1, 1, 7), (1, 1, 6)]),
        (Image(1, 1, 9), (), (7,), [(1, 1, 7)]),
    ],
)
def test_images_go_down_the_ladder_and_come_back(image, channels, hidden, sizes):
    assert [tuple(small) for _, small in ladder(image, 4, channels, hidden)] == sizes
    encoder, generator, discriminator = networks(image, channels, hidden, [0, 1])
    x = torch.rand(2, 5, math.prod(image), dtype=torch.float64)
    mean, log_variance = encoder(x)
    assert mean.shape == log_variance.shape == (2, 5, 3)
    again = generator(mean)
    assert again.shape == x.shape
    assert again.abs().max() <= 1
    assert discriminator(x).shape == (2, 5)
    assert discriminator.features(x).shape == (2, 5, math.prod(sizes[0]))


def test_every_convolution_of_a_discriminator_is_spectral_and_depends_on_no_other_point():
    *_, discriminator = networks(Image(7, 6), (5, 6), (), [0, 1])
    layers = [module for module in discriminator.modules() if hasattr(module, "geometry")]
    assert len(layers) == 8
    assert all(isinstance(layer, SpectralConvolution) for layer in layers)
    x = torch.rand(2, 5, 42, dtype=torch.float64)
    torch.testing.assert_close(discriminator(x)[:, :1], discriminator(x[:, :1]), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_seed_gets_what_it_gets_alone(precision):
    def state(seeds, x):
        encoder, generator, discriminator = networks(Image(7, 5), (5, 6), (7,), seeds, precision)
        code, _ = encoder(x, training=True)
        again = generator(code, training=True)
        logits = discriminator(again)
        assert {value.dtype for value in (code, again, logits)} == {torch.float32}
        (logits.sum() + again.square().sum() + discriminator.features(again).square().sum()).backward()
        parts = [encoder, generator, discriminator]
        # The head of the log-variances has no part in this.
        gradients = [p.grad for part in parts for p in part.parameters() if p.grad is not None]
        return [
            code,
            again,
            logits,
            generator(code),
            *gradients,
            *(v for part in parts for v in part.state_dict().values()),
        ]

    x = torch.randn(3, 13, 35, generator=torch.Generator().manual_seed(0))
    together = state([5, 0, 9], x)
    for s, seed in enumerate([5, 0, 9]):
        for alone, all_of_them in zip(state([seed], x[s : s + 1].clone()), together, strict=True):
            assert torch.equal(alone[0], all_of_them[s])
