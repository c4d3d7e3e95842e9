"""Losses of AE-CM and its autoencoder, and their gradients, in float64 against computations by hand, loop by loop."""

import math

import numpy as np
import pytest
import torch
from by_hand import D, K, N, close, draw, tensors

from jcae.models import module_losses as cm
from jcae.models.aecm import AECM, assignment_sparsity, orthonormality
from jcae.models.autoencoder import Autoencoder, squared_error
from jcae.models.module_network import ClusteringModuleNetwork
from jcae.nn.distances import squared_distances
from jcae.training.loop import Block


@pytest.fixture
def numbers():
    return draw()


def test_responsibilities_by_hand(numbers):
    x, _, _ = numbers
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(D, K)), rng.normal(size=K)
    expected = np.empty((N, K))
    for i in range(N):
        logits = [sum(x[i, j] * W[j, k] for j in range(D)) + b[k] for k in range(K)]
        expected[i] = [math.exp(v) / sum(math.exp(u) for u in logits) for v in logits]
    close(cm.responsibilities(*tensors(x, W, b)), expected)


def test_three_terms_by_hand(numbers):
    x, gamma, M = numbers
    e1 = sum((x[i, j] - sum(gamma[i, k] * M[k, j] for k in range(K))) ** 2 for i in range(N) for j in range(D))
    e2 = sum(
        sum(gamma[i, k] * (1 - gamma[i, k]) for i in range(N)) * sum(M[k, j] ** 2 for j in range(D)) for k in range(K)
    )
    e3 = -sum(
        sum(gamma[i, k] * gamma[i, m] for i in range(N)) * sum(M[k, j] * M[m, j] for j in range(D))
        for k in range(K)
        for m in range(K)
        if k != m
    )
    tx, tg, tm = tensors(x, gamma, M)
    close(cm.reconstruction_error(tx, tg, tm), e1)
    close(cm.sparsity(tg, tm), e2)
    close(cm.separation(tg, tm), e3)


def test_three_terms_of_the_history_are_those_of_a_batch(numbers):
    tx, tg, tm = tensors(*numbers)
    found = cm.three_terms(tx, tg, tm, batch_size=3 * N, scale=2.0)
    close(found["reconstruction"], 6 * cm.reconstruction_error(tx, tg, tm))
    close(found["sparsity"], 6 * cm.sparsity(tg, tm))
    close(found["separation"], 6 * cm.separation(tg, tm))


def test_points_relative_to_an_origin_are_assigned_and_measured_alike(numbers):
    x, _, M = numbers
    tx, tm = tensors(x, M)
    origin = tx.mean(0)
    network = ClusteringModuleNetwork.random(D, K, seeds=[0, 1], biases=True, dtype=torch.float64)
    both = tx.expand(2, -1, -1)
    close(network.assign(both - origin, origin), network.assign(both).detach())
    norms = (tx - origin).square().sum(-1)
    close(squared_distances(tx - origin, tm - origin, None, norms), squared_distances(tx, tm))


def test_expected_distortion_by_hand_and_with_an_origin(numbers):
    x, gamma, M = numbers
    expected = sum(gamma[i, k] * sum((x[i, j] - M[k, j]) ** 2 for j in range(D)) for i in range(N) for k in range(K))
    tx, tg, tm = tensors(x, gamma, M)
    close(cm.expected_distortion(tx, tg, tm), expected)
    close(cm.expected_distortion(tx, tg, tm, tx.mean(0)), expected)


def test_distortion_keeps_float32_precision_far_from_the_origin(numbers):
    x, gamma, M = numbers
    shift = 1e4
    expected = sum(gamma[i, k] * ((x[i] - M[k]) ** 2).sum() for i in range(N) for k in range(K))
    tx, tg, tm = (torch.tensor(a, dtype=torch.float32) for a in (x + shift, gamma, M + shift))
    centred = cm.expected_distortion(tx, tg, tm, tx.mean(0)).item()
    naive = (cm.reconstruction_error(tx, tg, tm) + cm.sparsity(tg, tm) + cm.separation(tg, tm)).item()
    assert abs(centred - expected) / expected < 2e-3  # what rounding the inputs to float32 leaves
    assert abs(naive - expected) / expected > 0.1  # why the three terms are not what is minimised


def test_distortion_gradients_by_hand(numbers):
    x, gamma, M = numbers
    tx, tg, tm = tensors(x, gamma, M, grad=True)
    cm.expected_distortion(tx, tg, tm, torch.tensor(x.mean(0))).backward()
    by_centroid = [2 * sum(gamma[i, k] * (M[k] - x[i]) for i in range(N)) for k in range(K)]
    by_gamma = [[((x[i] - M[k]) ** 2).sum() for k in range(K)] for i in range(N)]
    by_point = [2 * sum(gamma[i, k] * (x[i] - M[k]) for k in range(K)) for i in range(N)]
    close(tm.grad, by_centroid)
    close(tg.grad, by_gamma)
    close(tx.grad, by_point)


def test_dirichlet_prior_by_hand(numbers):
    _, gamma, _ = numbers
    mean = [sum(gamma[i, k] for i in range(N)) / N for k in range(K)]
    (tg,) = tensors(gamma, grad=True)
    value = cm.dirichlet_prior(tg, 5.0)
    close(value, sum((1 - 5.0) * math.log(m + 1e-10) for m in mean))
    value.backward()
    close(tg.grad, [[(1 - 5.0) / (mean[k] + 1e-10) / N for k in range(K)] for _ in range(N)])


def test_dirichlet_prior_pairs_different_alphas_by_rank(numbers):
    _, gamma, _ = numbers
    mean = sorted(gamma.mean(0))
    expected = (1 - 2) * math.log(mean[0]) + (1 - 3) * math.log(mean[1]) + (1 - 9) * math.log(mean[2])
    close(cm.dirichlet_prior(torch.tensor(gamma), torch.tensor([9.0, 2.0, 3.0])), expected, 1e-8)


def test_prior_survives_a_dead_cluster():
    gamma = torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=torch.float64, requires_grad=True)
    value = cm.dirichlet_prior(gamma, 0.5)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(gamma.grad).all()


def test_functions_accept_a_leading_seed_axis(numbers):
    x, gamma, M = tensors(*numbers)
    for function, arguments in (
        (cm.reconstruction_error, (x, gamma, M)),
        (cm.sparsity, (gamma, M)),
        (cm.separation, (gamma, M)),
        (cm.expected_distortion, (x, gamma, M)),
        (assignment_sparsity, (gamma,)),
        (orthonormality, (M,)),
    ):
        stacked = function(*(torch.stack([a, 2 * a]) for a in arguments))
        close(stacked[0], function(*arguments))
        close(stacked[1], function(*(2 * a for a in arguments)))


def test_unit_sparsity_and_orthonormality_by_hand(numbers):
    _, gamma, M = numbers
    close(assignment_sparsity(torch.tensor(gamma)), sum(g * (1 - g) for g in gamma.ravel()))
    gaps = [[M[k] @ M[m] - (k == m) for m in range(K)] for k in range(K)]
    close(orthonormality(torch.tensor(M)), sum(abs(g) for row in gaps for g in row))
    close(orthonormality(torch.tensor(M), squared=True), sum(g * g for row in gaps for g in row))
    (tm,) = tensors(M, grad=True)
    orthonormality(tm).backward()
    # d/dmu_k of sum_kl |mu_k . mu_l - delta_kl|: off-diagonal pairs appear twice, the diagonal is a square.
    by_hand = [2 * sum(np.sign(gaps[k][m]) * M[m] for m in range(K)) for k in range(K)]
    close(tm.grad, by_hand)


@pytest.mark.parametrize("weights", [{}, {"distortion": 0.4, "sparsity": 1.7}, {"distortion": 0, "sparsity": 0}])
@pytest.mark.parametrize("loss", ["paper", "normalised"])
def test_joint_loss_by_hand(loss, weights):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(6, 3))
    settings = {"alpha": 4.0, "beta": 0.7, "orthonormality": 0.3, "loss": loss, "precision": "float64"}
    method = AECM.published(n_clusters=2, hidden=(5,), code_dim=2, **settings, **weights)
    network = method.build_network(3, [11])
    joint = method.training_phases(Block(network, torch.tensor(x), [11]))[-1]
    found = joint.loss(torch.tensor(x).unsqueeze(0), torch.arange(6).unsqueeze(0))

    w = {k: v[0].numpy() for k, v in network.state_dict().items()}

    def layer(values, name):
        return values @ w[f"autoencoder.{name}.weight"] + w[f"autoencoder.{name}.bias"]

    def leaky(values):
        return np.where(values > 0, values, 0.2 * values)

    z = layer(leaky(layer(x, "encoder.0")), "encoder.1")
    x_hat = layer(leaky(layer(z, "decoder.0")), "decoder.1")
    logits = z @ w["module.W"] + w["module.b"]
    gamma = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    mu = w["module.M"] + w["module.c"]
    gap = mu @ mu.T - np.eye(2)
    scale_x, scale_z = (1 / 18, 1 / 12) if loss == "normalised" else (1, 1)
    expected = {
        "reconstruction": 0.7 * scale_x * ((x - x_hat) ** 2).sum(),
        "code_distortion": weights.get("distortion", 1) * scale_z * ((z - gamma @ mu) ** 2).sum(),
        "sparsity": weights.get("sparsity", 1) * scale_z * (gamma * (1 - gamma)).sum(),
        "orthonormality": 0.3 * ((gap**2).sum() if loss == "normalised" else np.abs(gap).sum()),
        "prior": (1 - 4.0) * np.log(gamma.mean(0) + 1e-10).sum(),
    }
    assert found.terms.keys() == expected.keys()
    for name, value in expected.items():
        close(found.terms[name][0], value)
    close(found.total()[0], sum(expected.values()))
    if loss == "normalised":
        assert not w["module.b"].any()
        assert not w["module.c"].any()


def test_joint_gradient_against_finite_differences():
    rng = np.random.default_rng(6)
    x = torch.tensor(rng.normal(size=(6, 3))).unsqueeze(0)
    method = AECM.published(
        n_clusters=2, hidden=(5,), code_dim=2, alpha=4.0, beta=0.7, orthonormality=0.3, precision="float64"
    )
    network = method.build_network(3, [2])
    joint = method.training_phases(Block(network, x[0], [2]))[-1]
    rows = torch.arange(6).unsqueeze(0)
    joint.loss(x, rows).total().sum().backward()
    step = 1e-6
    for name, parameter in network.named_parameters():
        flat = parameter.data.view(-1)
        for i in range(0, flat.numel(), 3):
            values = []
            for sign in (1, -1):
                flat[i] += sign * step
                values.append(joint.loss(x, rows).total().item())
                flat[i] -= sign * step
            slope = (values[0] - values[1]) / (2 * step)
            assert parameter.grad.view(-1)[i].item() == pytest.approx(slope, rel=2e-5, abs=2e-7), name


def test_reconstruction_error_by_hand():
    x = torch.tensor([[1.0, 2.0], [0.0, -1.0]], dtype=torch.float64)
    assert squared_error(x, torch.zeros(2, 2, dtype=torch.float64)).item() == 6.0


@pytest.mark.parametrize(
    ("reduction", "divisor"), [("mean", 7 * 3), ("sum", 7), ("sum_over_points", 3)], ids=lambda value: str(value)
)
def test_pretraining_loss_by_hand(reduction, divisor):
    x = torch.tensor(np.random.default_rng(13).normal(size=(7, 3)))
    method = Autoencoder(hidden=(5,), code_dim=2, negative_slope=0.0, reduction=reduction, precision="float64")
    network = method.build_network(3, [4])
    (phase,) = method.training_phases(Block(network, x, [4]))
    w = {f"autoencoder.{name}": value for name, value in network.state_dict().items()}

    def run(values, part):
        values = np.maximum(
            values @ w[f"autoencoder.{part}.0.weight"][0].numpy() + w[f"autoencoder.{part}.0.bias"][0].numpy(), 0
        )
        return values @ w[f"autoencoder.{part}.1.weight"][0].numpy() + w[f"autoencoder.{part}.1.bias"][0].numpy()

    error = ((x.numpy() - run(run(x.numpy(), "encoder"), "decoder")) ** 2).sum()
    close(phase.loss(x.unsqueeze(0), torch.arange(7).unsqueeze(0)).terms["reconstruction"][0], error / divisor)


@pytest.mark.parametrize("layers", [{"hidden": (5,)}, {"hidden": (), "channels": (2,), "image_shape": (4, 4)}])
def test_frozen_first_kernel_stays_as_it_was_drawn(layers):
    x = np.random.default_rng(14).normal(size=(30, 16))
    settings = {"code_dim": 2, "epochs": 2, "batch_size": 10, "random_state": 3, **layers}
    drawn = Autoencoder(**settings).build_network(16, [3]).state_dict()
    fits = {freeze: Autoencoder(freeze_first_kernel=freeze, **settings).fit(x).weights_ for freeze in (True, False)}
    for name, start in drawn.items():
        moved = [not np.array_equal(fits[freeze][name], start[0].numpy()) for freeze in (True, False)]
        assert moved == [name != "encoder.0.weight", True], name
