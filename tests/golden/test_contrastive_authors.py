"""Contrastive clustering against its authors' losses and heads, on features as they are (tests/golden/numbers)."""

import pytest
import torch
from golden_numbers import golden
from torch import nn

from baselines.contrastive_clustering import (
    ContrastiveClustering,
    ContrastiveNetwork,
    cluster_contrast,
    contrast,
    imbalance,
)
from jcae.training.block import Block

THEIRS = {"instance.0": "instance_projector_0", "instance.1": "instance_projector_2"}
THEIRS |= {"cluster.0": "cluster_projector_0", "cluster.1": "cluster_projector_2"}


class Identity(nn.Module):
    """Features as they are."""

    def forward(self, x, *, training=False):
        return x


@pytest.fixture(scope="module")
def numbers():
    return {name: torch.tensor(value) for name, value in golden("cc_1").items()}


@pytest.fixture
def network(numbers):
    """Both heads with the golden weights, which lie the other way round there."""
    (n_clusters, width), (feature_dim, _) = (
        numbers[f"net_{THEIRS[i]}_weight"].shape for i in ("cluster.1", "instance.1")
    )
    found = ContrastiveNetwork(Identity(), width, feature_dim, n_clusters, seeds=[0], precision="float64")
    state = {}
    for ours, theirs in THEIRS.items():
        state[f"{ours}.weight"] = numbers[f"net_{theirs}_weight"].T[None]
        state[f"{ours}.bias"] = numbers[f"net_{theirs}_bias"][None]
    found.load_state_dict(state)
    return found


@pytest.fixture
def loss(network, numbers, monkeypatch):
    """The loss of the method itself on the golden features: what the two forms of the images are to give."""
    method = ContrastiveClustering(
        network.cluster[1].n_out,
        image_shape=(2, 4),
        instance_temperature=float(numbers["tau_i"]),
        cluster_temperature=float(numbers["tau_c"]),
    )
    h = {name: numbers[f"h_{name}"][None].clone().requires_grad_() for name in "ab"}
    forms = iter(h.values())
    monkeypatch.setattr("baselines.contrastive_clustering.Augmentation.__call__", lambda *_: next(forms))
    block = Block(network, numbers["h_a"], [0])
    (phase,) = method.training_phases(block)
    return phase.loss(block.whole(), None), h


def agree(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_heads(network, numbers):
    for name in "ab":
        found = network.layers(numbers[f"h_{name}"][None])
        agree(nn.functional.normalize(found["instance"], dim=-1)[0], numbers[f"z_{name}"])
        agree(torch.softmax(found["logits"], -1)[0], numbers[f"c_{name}"])
    agree(network.layers(numbers["h_a"][None])["logits"][0].argmax(-1), numbers["labels_forward_cluster"])


def test_terms(loss, numbers):
    terms = loss[0].terms
    agree(terms["instance"][0], numbers["loss_instance"])
    agree(terms["balance"][0], numbers["N"])
    agree((terms["cluster"] + terms["balance"])[0], numbers["loss_cluster_with_N"])


def test_gradients_of_features_and_weights(loss, network, numbers):
    total, h = loss
    leaves = dict(network.named_parameters())
    found = torch.autograd.grad(total.total().sum(), [*h.values(), *leaves.values()])
    agree(found[0][0], numbers["grad_h_a"])
    agree(found[1][0], numbers["grad_h_b"])
    for name, gradient in zip(leaves, found[2:], strict=True):
        layer, _, part = name.rpartition(".")
        agree(gradient[0].mT if part == "weight" else gradient[0], numbers[f"grad_{THEIRS[layer]}_{part}"])


def test_gradients_of_codes_and_assignments(numbers):
    z = [numbers[f"z_{name}"][None].clone().requires_grad_() for name in "ab"]
    c = [numbers[f"c_{name}"][None].clone().requires_grad_() for name in "ab"]
    total = contrast(*z, float(numbers["tau_i"])) + cluster_contrast(*c, float(numbers["tau_c"]))
    found = torch.autograd.grad((total + imbalance(c[0]) + imbalance(c[1])).sum(), [z[0], c[0]])
    agree(found[0][0], numbers["grad_z_a"])
    agree(found[1][0], numbers["grad_c_a"])
