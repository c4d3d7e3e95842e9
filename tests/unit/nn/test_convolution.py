"""Convolutions of a block: those of torch, with the bits that a seed gets alone, and errors that name what is wrong."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from torch import nn

from baselines.ae_kmeans import AEKMeans
from baselines.dec import DEC
from jcae import AECM, Autoencoder
from jcae.nn.convolution import Convolution, Image, _backward, _block, _forward, halvings, strided
from jcae.nn.networks import AutoencoderNetwork, convolution
from jcae.training.memory import Demand, demand


@pytest.fixture(scope="module")
def digits():
    return load_digits().data[:300] / 16


def network(image_shape, channels, hidden=(), code_dim=6, seeds=(0,), precision="float32", **settings):
    settings = {"negative_slope": 0.2, "initialiser": "glorot", **settings}
    return AutoencoderNetwork(
        int(np.prod(image_shape)),
        hidden,
        code_dim,
        channels=channels,
        image_shape=image_shape,
        seeds=seeds,
        precision=precision,
        **settings,
    )


@pytest.mark.parametrize(
    ("image_shape", "sizes"),
    [
        ((28, 28), [28, 14, 7, 4]),
        ((16, 16), [16, 8, 4, 2]),
        ((32, 32, 3), [32, 16, 8, 4]),
        ((8, 8), [8, 4, 2, 1]),
        ((5, 5), [5, 3, 2, 1]),
    ],
)
def test_images_are_halved_and_come_back(image_shape, sizes):
    colours = image_shape[2] if len(image_shape) == 3 else 1
    found = halvings(image_shape, (32, 64, 128))
    expected = [Image(size, size, c) for size, c in zip(sizes, (colours, 32, 64, 128), strict=True)]
    assert [step.large for step in found] == expected[:-1]
    assert [step.small for step in found] == expected[1:]
    assert [step.kernel for step in found] == [5, 5, 3]
    net = network(image_shape, (2, 3, 4), hidden=(9,), seeds=(0, 1))
    x = torch.rand(2, 5, int(np.prod(image_shape)))
    z = net.encode(x)
    assert z.shape == (2, 5, 6)
    assert net.decode(z).shape == x.shape
    small = sizes[-1] ** 2 * 4
    assert [tuple(layer.weight.shape[1:]) for layer in net.encoder[3:]] == [(small, 9), (9, 6)]
    assert [tuple(layer.weight.shape[1:]) for layer in net.decoder[:2]] == [(6, 9), (9, small)]


class ByHand(nn.Module):
    """Seed 0 of a network with three convolutions and a hidden layer, 7 x 10 x 3 pixels, out of torch's own layers."""

    def __init__(self, net):
        super().__init__()
        layers = [
            nn.Conv2d(3, 4, 5, stride=2, padding=2),  # 7 x 10 -> 4 x 5
            nn.Conv2d(4, 5, 5, stride=2, padding=2),  # -> 2 x 3
            nn.Conv2d(5, 6, 3, stride=2, padding=1),  # -> 1 x 2
            nn.Linear(12, 9),
            nn.Linear(9, 8),
            nn.Linear(8, 9),
            nn.Linear(9, 12),
            nn.ConvTranspose2d(6, 5, 3, stride=2, padding=1, output_padding=(1, 0)),
            nn.ConvTranspose2d(5, 4, 5, stride=2, padding=2, output_padding=(1, 0)),
            nn.ConvTranspose2d(4, 3, 5, stride=2, padding=2, output_padding=(0, 1)),
        ]
        for layer, ours in zip(layers, [*net.encoder, *net.decoder], strict=True):
            weight = ours.weight.detach()[0]
            layer.weight = nn.Parameter(weight.mT.clone() if weight.dim() == 2 else weight.clone())
            layer.bias = nn.Parameter(ours.bias.detach()[0].clone())
        self.layers = nn.ModuleList(layers)

    def forward(self, x):
        x = x.view(-1, 7, 10, 3).permute(0, 3, 1, 2)
        for i, layer in enumerate(self.layers):
            if i == 3:
                x = x.permute(0, 2, 3, 1).flatten(1)  # the channels of a pixel stay side by side
            if i == 7:
                x = x.view(-1, 1, 2, 6).permute(0, 3, 1, 2)
            x = layer(x)
            if i not in (4, 9):
                x = nn.functional.leaky_relu(x, 0.2)
        return x.permute(0, 2, 3, 1).flatten(1)


def test_an_autoencoder_is_that_of_torch():
    net = network((7, 10, 3), (4, 5, 6), hidden=(9,), code_dim=8, seeds=(3, 4), precision="float64")
    for parameter in net.parameters():  # biases start at zero: let them count
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0))
    x = torch.rand(2, 5, 210, dtype=torch.float64, requires_grad=True)
    target = torch.rand(2, 5, 210, dtype=torch.float64)
    ((net.decode(net.encode(x)) - target).square()).sum().backward()
    reference = ByHand(net)
    alone = x.detach()[0].clone().requires_grad_()
    result = reference(alone)
    torch.testing.assert_close(net.decode(net.encode(x))[0], result, rtol=1e-12, atol=1e-12)
    (result - target[0]).square().sum().backward()
    torch.testing.assert_close(x.grad[0], alone.grad, rtol=1e-10, atol=1e-10)
    for layer, ours in zip(reference.layers, [*net.encoder, *net.decoder], strict=True):
        found = ours.weight.grad[0]
        torch.testing.assert_close(found.mT if found.dim() == 2 else found, layer.weight.grad, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(ours.bias.grad[0], layer.bias.grad, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("negative_slope", [None, 0.2])
def test_gradients_are_those_of_differences(transposed, negative_slope):
    (step,) = halvings((4, 5, 2), (3,))
    rng = torch.Generator().manual_seed(0)
    layer = convolution(step, transposed=transposed, seeds=[0, 1], name="t", initialiser="glorot", precision="float64")
    image = step.small if transposed else step.large
    x = torch.randn(2, 2, int(np.prod(image)), generator=rng, dtype=torch.float64, requires_grad=True)

    def apply(x, weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x, negative_slope))

    assert torch.autograd.gradcheck(apply, (x, layer.weight, layer.bias))


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(2, 4),
    batch=st.integers(1, 9) | st.sampled_from([47, 100]),
    height=st.integers(2, 12) | st.just(28),
    width=st.integers(2, 12),
    channels=st.tuples(*[st.integers(1, 9) | st.sampled_from([32, 64])] * 2),
    form=st.sampled_from([(1, False), (3, False), (3, True)]),
    offset=st.integers(0, 3),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
)
def test_a_seed_gets_the_convolution_it_gets_alone(size, batch, height, width, channels, form, offset, dtype):
    """Whatever the shapes and where in memory the operands begin; and the groups of a GPU compute the same."""
    kernel, transposed = form
    step = strided(Image(height, width, channels[0]), channels[1], kernel, stride=min(kernel, 2))
    come, go = (step.small, step.large) if transposed else (step.large, step.small)
    rng = torch.Generator().manual_seed(height + 100 * width)

    def operand(*shape):
        return torch.randn(offset + int(np.prod(shape)), generator=rng).to(dtype)[offset:].view(shape)

    x, grad = operand(size, batch, *come), operand(size, batch, *go)
    weight, bias = operand(size, channels[1], channels[0], kernel, kernel), operand(size, go.channels)
    plan = {"geometry": step, "transposed": transposed}
    everything = {**plan, "needed": (True, True, True)}
    together = _block(_forward, x, weight, bias, **plan) + _block(_backward, grad, x, weight, **everything)
    grouped = _forward(x, weight, bias, **plan) + _backward(grad, x, weight, **everything)
    # Relative to what is added up: bfloat16 rounds what is stored.
    tolerance = {torch.float32: 1e-4, torch.float64: 1e-12, torch.bfloat16: 0.05}[dtype]
    for a, b in zip(together, grouped, strict=True):
        scale = float(b.double().square().mean().sqrt())
        torch.testing.assert_close(a.double(), b.double(), rtol=tolerance, atol=tolerance * scale)
    for s in range(size):
        one = [t[s : s + 1].clone() for t in (x, weight, bias, grad)]
        alone = _block(_forward, *one[:3], **plan) + _block(_backward, one[3], *one[:2], **everything)
        for a, b in zip(alone, together, strict=True):
            assert torch.equal(a[0], b[s])


@pytest.mark.parametrize("size", [(48, 48, 8), (7, 10, 3), (1, 1, 2)])
def test_a_kernel_of_one_pixel_is_a_product_of_every_other_pixel(size):
    """With the stride of oneDNN, the gradient of the first of these ends the process on some processors."""
    step = strided(Image(*size), 16, kernel=1)
    rng = torch.Generator().manual_seed(0)
    layer = Convolution(torch.randn(2, 16, size[2], 1, 1, generator=rng), None, step)
    x = torch.randn(2, 20, int(np.prod(size)), generator=rng, requires_grad=True)
    seen = x.unflatten(-1, size)[:, :, ::2, ::2]
    expected = torch.einsum("sbhwi,soi->sbhwo", seen, layer.weight[..., 0, 0]).flatten(2)
    grad = torch.randn(expected.shape, generator=rng)
    found = layer(x)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    grads = torch.autograd.grad(found, [x, layer.weight], grad)
    for a, b in zip(grads, torch.autograd.grad(expected, [x, layer.weight], grad), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-3)
    for s in range(2):
        one, alone = x.detach()[s : s + 1].requires_grad_(), Convolution(layer.weight.detach()[s : s + 1], None, step)
        assert torch.equal(alone(one)[0], found[s])
        for a, b in zip(torch.autograd.grad(alone(one), [one, alone.weight], grad[s : s + 1]), grads, strict=True):
            assert torch.equal(a[0], b[s])


@pytest.mark.parametrize("initialiser", ["glorot", "fan_in", "torch"])
def test_initial_kernels_are_uniform_within_their_bound(initialiser):
    """5 * 5 * 3 numbers go into an output of the first kernel, 5 * 5 * 40 come out of an input."""
    net = network((16, 16, 3), (40, 8), seeds=(0, 7), initialiser=initialiser)
    first, last = net.encoder[0], net.decoder[-1]
    forward, back = {
        "glorot": (np.sqrt(6 / (75 + 1000)), np.sqrt(6 / (75 + 1000))),
        "fan_in": (np.sqrt(1 / 75), np.sqrt(1 / 1000)),
        "torch": (np.sqrt(1 / 75), np.sqrt(1 / 1000)),
    }[initialiser]
    for layer, bound in ((first, forward), (last, back)):
        assert layer.weight.abs().max() <= bound
        assert layer.weight.abs().max() > 0.99 * bound
        assert layer.weight.std().item() == pytest.approx(bound / np.sqrt(3), rel=0.05)
        assert not layer.bias.any()
    alone = network((16, 16, 3), (40, 8), seeds=(7,), initialiser=initialiser)
    for name, value in alone.named_parameters():
        assert torch.equal(value[0], dict(net.named_parameters())[name][1])
    assert not torch.equal(first.weight[0], first.weight[1])


@pytest.mark.parametrize("precision", ["bf16", "tf32", "float32"])
def test_precisions_are_near_float64(precision):
    x = torch.rand(2, 20, 192)
    exact = network((8, 8, 3), (8, 16), seeds=(0, 1), precision="float64")
    rounded = network((8, 8, 3), (8, 16), seeds=(0, 1), precision=precision)
    expected = exact.decode(exact.encode(x.double()))
    found = rounded.decode(rounded.encode(x))
    assert found.dtype == torch.float32
    error = ((found - expected).norm() / expected.norm()).item()
    assert error < {"bf16": 2e-2}.get(precision, 1e-5)
    found.square().sum().backward()
    assert all(p.grad.dtype == torch.float32 and torch.isfinite(p.grad).all() for p in rounded.parameters())


NET = {"channels": (3, 5), "image_shape": (8, 8), "hidden": (), "code_dim": 12, "device": "cpu"}


def test_demand_by_hand():
    """8 x 8 -> 4 x 4 x 3 -> 2 x 2 x 5 -> 6 and back: parameters and the images between the layers, one by one."""
    net = network((8, 8), (3, 5))
    parameters = (3 * 25 + 3) + (3 * 5 * 9 + 5) + (20 * 6 + 6) + (6 * 20 + 20) + (3 * 5 * 9 + 3) + (3 * 25 + 1)
    widths = [48, 20, 6, 20, 48, 64]
    batch = 10_000 * (2 * 64 + sum(widths) + 4 * 64)
    need = demand(net, n_samples=100, n_features=64, batch_size=10_000)
    assert need == Demand(100 * 64 * 4, 5 * 4 * parameters + 4 * (batch + 100 * 6) + 8 * 100)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_shape": None}, r"channels=\(3, 5\) needs image_shape.*64 features; it is None"),
        ({"image_shape": (8, 9)}, r"image_shape=\(8, 9\) does not fit data with 64 features; allowed are"),
        ({"image_shape": (64,)}, r"image_shape=\(64,\) does not fit data with 64 features"),
        ({"image_shape": "8x8"}, "image_shape='8x8' must be a sequence of height, width"),
        ({"image_shape": (8.0, 8.0)}, "must hold integers of at least 1"),
        ({"channels": ()}, r"channels=\(\) names no convolution"),
        ({"channels": (3, 3, 3, 3)}, r"too many for image_shape=\(8, 8\): convolution 4 would halve 1 x 1 pixels"),
        ({"channels": (3, 0)}, r"channels=\(3, 0\) must hold integers of at least 1"),
        ({"channels": 3}, "channels=3 must be a sequence of channels"),
    ],
)
def test_bad_parameters_are_named_with_what_is_allowed(change, message, digits):
    with pytest.raises(ValueError, match=message):
        Autoencoder(epochs=1, **{**NET, **change}).fit(digits)


def test_an_autoencoder_of_another_shape_is_refused(digits):
    dense = [Autoencoder(epochs=1, hidden=(9,), code_dim=12, device="cpu").fit_seeds(digits, [0])[0].weights_]
    with pytest.raises(ValueError, match=r"but channels=\(3, 5\), hidden=\(\) and code_dim=12 ask for"):
        AEKMeans(10, **NET).fit_seeds(digits, [0], pretrained=dense)


def test_the_pretrained_autoencoder_is_the_method_s_own_kind(digits):
    """Handing over the autoencoder of the same seed and recipe equals letting the method train it."""
    recipe = Autoencoder(epochs=2)
    method = DEC.published(n_clusters=10, max_iter=5, update_interval=2, autoencoder=recipe, random_state=4, **NET)
    handed = Autoencoder(epochs=2, negative_slope=0.0, **NET).fit_seeds(digits, [4])[0].weights_
    expected = method.fit_seeds(digits, [4], pretrained=[handed])[0]
    np.testing.assert_array_equal(method.fit(digits).labels_, expected.labels_)
    assert method.inverse_transform(method.cluster_centers_).shape == (10, 64)


def test_published_settings_fit_their_images():
    """Every preset with convolutions can be built for the images it names."""
    presets = {name: p for name, p in AECM.info.presets.items() if "channels" in p}
    assert sorted(presets) == [f"{d}_convolutional" for d in ("cifar10", "fashion_mnist", "mnist", "usps")]
    for preset in presets.values():
        d = int(np.prod(preset["image_shape"]))
        method = AECM.published(n_clusters=10, **preset)
        method.check_parameters(1000, d)
        encoder = method.build_network(d, [0]).autoencoder.encoder
        assert [layer.n_out for layer in encoder][-1] == preset["code_dim"]
