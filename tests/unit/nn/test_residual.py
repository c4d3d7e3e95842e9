"""Residual networks of a block: those of torchvision, with the bits that a seed gets alone."""

import pytest
import torch
from torch import nn
from torchvision.models import resnet

from jcae.nn.convolution import Image
from jcae.nn.residual import BasicBlock, NormalisedConvolution, ResNet


def shaken(network):
    """The network with weights, biases and running statistics that are no ones and zeros, different for each seed."""
    rng = torch.Generator().manual_seed(0)
    for value in network.state_dict().values():
        value += 0.1 * torch.rand(value.shape, generator=rng, dtype=torch.float64)
    return network


def give(theirs, ours, s):
    """Load what seed s has into torchvision's layers; the pairs are in the order of both networks."""
    for (convolution, norm), layer in zip(theirs, ours, strict=True):
        convolution.weight.data = layer.convolution.weight.detach()[s].clone()
        norm.load_state_dict({k: v[s] for k, v in layer.norm.state_dict().items()}, strict=False)


def pairs_of(block):
    found = [(block.conv1, block.bn1), (block.conv2, block.bn2)]
    return found if block.downsample is None else [*found, tuple(block.downsample)]


def layers_of(network):
    return [layer for layer in network.modules() if isinstance(layer, NormalisedConvolution)]


def images_of(rows, image):
    return rows.unflatten(-1, image).permute(0, 3, 1, 2)


def assert_equal(network, image, references, pairs, rows_of):
    """Passes of training and others: values, gradients of images and parameters, running statistics."""
    rng = torch.Generator().manual_seed(1)
    for s, reference in enumerate(references):
        give(pairs(reference), layers_of(network), s)
    for training in (True, True, False):
        x = torch.randn(2, 6, image.height * image.width * image.channels, generator=rng, dtype=torch.float64)
        x.requires_grad_()
        found = network(x, training=training)
        along = torch.randn(found.shape, generator=rng, dtype=torch.float64)
        (found * along).sum().backward()
        for s, reference in enumerate(references):
            reference.train(training)
            alone = x.detach()[s].clone().requires_grad_()
            result = rows_of(reference(images_of(alone, image)))
            (result * along[s]).sum().backward()
            compare = [(found[s], result), (x.grad[s], alone.grad)]
            for (convolution, norm), layer in zip(pairs(reference), layers_of(network), strict=True):
                compare += [(layer.convolution.weight.grad[s], convolution.weight.grad)]
                compare += [(layer.norm.weight.grad[s], norm.weight.grad), (layer.norm.bias.grad[s], norm.bias.grad)]
                compare += [(layer.norm.running_mean[s], norm.running_mean)]
                compare += [(layer.norm.running_var[s], norm.running_var)]
            for ours, theirs in compare:
                torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("channels", "stride"), [(4, 1), (5, 1), (4, 2), (6, 2)])
def test_a_basic_block_is_that_of_torchvision(channels, stride):
    image = Image(7, 6, 4)
    block = shaken(BasicBlock(image, channels, stride, seeds=[3, 4], name="b", precision="float64"))
    assert block.image == (Image(7, 6, channels) if stride == 1 else Image(4, 3, channels))
    assert (block.shortcut is None) == (block.image == image)

    def reference():
        projected = nn.Sequential(resnet.conv1x1(4, channels, stride), nn.BatchNorm2d(channels))
        return resnet.BasicBlock(4, channels, stride, projected if block.shortcut is not None else None).double()

    assert_equal(block, image, [reference(), reference()], pairs_of, lambda y: y.permute(0, 2, 3, 1).flatten(1))


@pytest.mark.slow
@pytest.mark.parametrize("pooled_stem", [True, False])
def test_a_resnet_is_that_of_torchvision(pooled_stem):
    """Four stages of one or two blocks; without pooling the stem of 3 x 3 keeps the size."""
    image, depths = Image(19, 18, 3), (1, 2, 1, 1)
    settings = {} if pooled_stem else {"stem_kernel": 3, "pooled_stem": False}
    network = shaken(ResNet(image, depths=depths, seeds=[3, 4], name="r", precision="float64", **settings))

    def reference():
        found = resnet.ResNet(resnet.BasicBlock, depths)
        found.fc = nn.Identity()
        if not pooled_stem:
            found.conv1, found.maxpool = resnet.conv3x3(3, 64), nn.Identity()
        return found.double()

    def pairs(found):
        stages = [found.layer1, found.layer2, found.layer3, found.layer4]
        return [(found.conv1, found.bn1), *(pair for stage in stages for block in stage for pair in pairs_of(block))]

    assert_equal(network, image, [reference(), reference()], pairs, lambda y: y)


def test_the_default_has_as_many_parameters_as_resnet_34():
    network = ResNet((224, 224, 3), seeds=[0], name="r", precision="float32")
    expected = resnet.resnet34()
    expected.fc = nn.Identity()
    assert sum(p.numel() for p in network.parameters()) == sum(p.numel() for p in expected.parameters())
    assert network.blocks[-1].image == Image(7, 7, 512)


@pytest.mark.parametrize("pooled_stem", [True, False])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_seed_gets_what_it_gets_alone(precision, pooled_stem):
    def network(seeds):
        return ResNet(
            (9, 11), (5, 7), (1, 2), stem_kernel=5, pooled_stem=pooled_stem, seeds=seeds, name="r", precision=precision
        )

    def trained(net, x):
        features = net(x, training=True)
        assert features.dtype == torch.float32
        features.square().sum().backward()
        net(x, training=True)
        return [net(x), *net.state_dict().values(), *(p.grad for p in net.parameters())]

    x = torch.randn(3, 13, 99, generator=torch.Generator().manual_seed(0))
    together = trained(network([5, 0, 9]), x)
    for s, seed in enumerate([5, 0, 9]):
        for a, b in zip(trained(network([seed]), x[s : s + 1].clone()), together, strict=True):
            assert torch.equal(a[0], b[s])
    assert not torch.equal(together[0][0], together[0][1])


def test_kernels_have_the_deviation_that_their_outputs_ask_for():
    layer = layers_of(BasicBlock(Image(8, 8, 64), 50, seeds=[0, 7], name="b", precision="float32"))[0]
    assert layer.convolution.weight.std().item() == pytest.approx((2 / (9 * 50)) ** 0.5, rel=0.02)
    assert layer.convolution.bias is None
    alone = BasicBlock(Image(8, 8, 64), 50, seeds=[7], name="b", precision="float32")
    assert torch.equal(layers_of(alone)[0].convolution.weight[0], layer.convolution.weight[1])
