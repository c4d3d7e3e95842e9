"""DAFC's preset dfkm against the public code of deep fuzzy k-means (tests/golden/numbers)."""

import numpy as np
import pytest
import torch
from golden_numbers import golden
from torch import nn

from baselines.dafc import DAFC
from jcae.nn.products import affine
from jcae.training.block import Block

LAYERS = ("enc1", "enc2", "dec1", "dec2")


class TanhAutoencoder(nn.Module):
    """The network of that code: tanh after every layer, code and output included."""

    def __init__(self, numbers):
        super().__init__()
        for name in LAYERS:
            weight, bias = (torch.tensor(numbers[f"init_{name}_{part}"].T[None].copy()) for part in ("weight", "bias"))
            self.register_parameter(f"{name}_weight", nn.Parameter(weight))
            self.register_parameter(f"{name}_bias", nn.Parameter(bias))

    def layer(self, name, x):
        return affine(x, getattr(self, f"{name}_weight"), getattr(self, f"{name}_bias")).tanh()

    def encode(self, x):
        return self.layer("enc2", self.layer("enc1", x))

    def decode(self, z):
        return self.layer("dec2", self.layer("dec1", z))


@pytest.fixture(scope="module")
def numbers():
    return golden("dfkm_1")


@pytest.fixture
def started(numbers):
    """Block and phase at the golden weights, centroids and memberships."""
    assert np.isnan(numbers["sigma"])
    settings = DAFC.info.presets["dfkm"] | {
        "fuzzy_weight": float(numbers["lam"]),
        "temperature": float(numbers["gamma"]),
    }
    n_clusters, width = numbers["centroids"].shape
    method = DAFC(n_clusters, hidden=(5,), code_dim=width, precision="float64", device="cpu", **settings)
    network = method.build_network(numbers["X"].shape[1], [0])
    network.autoencoder = TanhAutoencoder(numbers)
    block = Block(network, torch.tensor(numbers["X"]), [0])
    (phase,) = method.training_phases(block)
    with torch.no_grad():
        network.centroids.copy_(torch.tensor(numbers["centroids"]))
        block.keep("memberships", block.map(lambda x: method.soft_assignment(network, x)))
        block.keep("mean_largest", block.state["memberships"].amax(-1).mean(-1))
    return block, phase


def agree(found, expected):
    found = found.detach().numpy() if isinstance(found, torch.Tensor) else found
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_codes_and_memberships(numbers, started):
    block, _ = started
    code = block.map(block.network.autoencoder.encode)
    agree(code[0], numbers["z"])
    agree(block.network.autoencoder.decode(code)[0], numbers["recon"])
    agree(block.state["memberships"][0], numbers["U"])


def test_loss_and_gradients_are_twice_theirs(numbers, started):
    block, phase = started
    x, autoencoder = block.whole(), block.network.autoencoder
    loss = phase.loss(x, torch.arange(x.shape[1])[None])
    agree(loss.terms["reconstruction"][0], 2 * numbers["loss_reconstruction"])
    agree(loss.terms["fuzzy"][0], 2 * numbers["loss_fuzzy"])
    agree(loss.total()[0], 2 * numbers["loss"])
    leaves = dict(autoencoder.named_parameters())
    found = torch.autograd.grad(loss.total().sum(), list(leaves.values()))
    for name, gradient in zip(leaves, found, strict=True):
        agree(gradient[0], 2 * numbers[f"grad_{name}"].T)


def test_updates_of_centroids_and_memberships(numbers, started):
    block, phase = started
    with torch.no_grad():
        phase.refresh(0)
        agree(block.network.centroids[0], numbers["centroids_next"])
        agree(block.state["memberships"][0], numbers["U_next"])
        for _ in range(10):
            phase.refresh(0)
        agree(block.network.centroids[0], numbers["centroids_after11"])
        agree(block.state["memberships"][0], numbers["U_after11"])
