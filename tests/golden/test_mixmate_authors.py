"""MixMate against what its authors' own module computes on a small input (tests/golden/numbers)."""

import numpy as np
import pytest
import torch
from golden_numbers import golden

from baselines.mixmate import MixMate, divergence
from jcae.nn.sparse_coding import energies, sparse_codes
from jcae.training.block import Block
from jcae.training.loop import train
from jcae.training.phase import Phase, Runtime

SETTINGS = ("lam", "eta", "T")


@pytest.fixture(scope="module")
def numbers():
    return golden("mixmate_1")


def tensor(array):
    return torch.tensor(array[None])


def by_dictionary(array):
    """Theirs are (B, K, ...), ours (K, B, ...)."""
    return np.swapaxes(array, 0, 1)


def agree(found, expected, tolerance=1e-9):
    np.testing.assert_allclose(found.detach()[0], expected, rtol=0, atol=tolerance)


def start(numbers, **params):
    """The method, and a block with one seed at the golden dictionaries; every update sees all points."""
    lam, eta, T = (numbers[name].item() for name in SETTINGS)
    K, d, H = numbers["W"].shape
    method = MixMate(
        K, n_atoms=H, sparsity=lam, step=eta, n_layers=T, beta=numbers["beta"].item(), batch_size=7, epochs=5, **params
    )
    method.set_params(precision="float64", device="cpu")
    network = method.build_network(d, [0])
    network.load_state_dict({"dictionaries": tensor(numbers["W"]), "biases": tensor(numbers["b"])})
    return method, Block(network, torch.tensor(numbers["x"]), [0])


@pytest.mark.parametrize("layers", [1, 2, 3, 15])
def test_codes_after_so_many_layers(numbers, layers):
    x, W = tensor(numbers["x"]), tensor(numbers["W"])
    agree(sparse_codes(x, W, numbers["lam"].item(), numbers["eta"].item(), layers), numbers[f"codes_T{layers}"])


@pytest.mark.parametrize("step_rule", ["bounded", "fixed"])
def test_codes_energies_and_assignment(numbers, step_rule):
    """Both rules have the published step here, where it is small enough."""
    _, block = start(numbers, step_rule=step_rule)
    network, x = block.network, block.whole()
    codes = network.codes(x)
    agree(codes, by_dictionary(numbers["codes"]))
    agree(codes @ network.dictionaries.mT, by_dictionary(numbers["recon"]))
    energy = network.energies(x, codes)
    agree(energy, numbers["E"])
    p = network.log_assignment(energy).exp()
    agree(p, numbers["p"])
    agree((p * energy).sum(-1), numbers["energy"])
    kl = divergence(network.log_assignment(energy), network.biases)
    agree(kl, numbers["kl"].mean())


def test_a_point_of_zeros_is_in_all_clusters_alike(numbers):
    method, block = start(numbers)
    assert not numbers["x"][-1].any()
    agree(method.soft_assignment(block.network, block.whole())[:, -1], np.full(3, 1 / 3), 0)


def test_loss_and_gradient(numbers):
    method, block = start(numbers)
    phase = method.training_phases(block)[0]
    total = phase.loss(block.whole(), torch.arange(7)[None]).total()
    agree(total, numbers["loss"])
    gradient = torch.autograd.grad(total.sum(), block.network.dictionaries)[0]
    agree(gradient, numbers["grad_W"])


def test_missing_entries(numbers):
    mask, W = tensor(numbers["mask"]), tensor(numbers["W"]).requires_grad_()
    lam, eta, T = (numbers[name].item() for name in SETTINGS)
    junk = torch.where(mask, tensor(numbers["x"]), 7.0)
    np.testing.assert_array_equal(numbers["x_masked"], np.where(numbers["mask"], numbers["x"], 0.0))
    codes = sparse_codes(junk, W, lam, eta, T, mask)
    agree(codes, by_dictionary(numbers["masked_codes"]))
    energy = energies(junk, W, codes, lam, mask)
    p = torch.softmax(-energy, dim=-1)
    agree(p, numbers["masked_p"])
    expected = (p * energy).sum(-1)
    agree(expected, numbers["masked_energy"])
    loss = expected.mean(-1) / W.shape[-2]
    agree(loss, numbers["masked_loss"])
    agree(torch.autograd.grad(loss.sum(), W)[0], numbers["masked_grad_W"])


def test_five_updates(numbers):
    method, block = start(numbers)
    phase: Phase = method.training_phases(block)[0]
    phase.before, phase.batch_size = None, None
    train(block, [phase], Runtime())
    agree(block.network.dictionaries, numbers["train5_W"], 1e-8)
    agree(block.network.biases, numbers["train5_b"], 0)
    agree(method.soft_assignment(block.network, block.whole()), numbers["train5_p"], 1e-8)
    np.testing.assert_allclose([row["values"][0] for row in block.history], numbers["train5_losses"], atol=1e-9)
