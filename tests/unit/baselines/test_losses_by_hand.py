"""Losses of DEC, DCN, DKM and VaDE, and their gradients, in float64 against computations by hand, loop by loop."""

import math

import numpy as np
import pytest
import torch
from by_hand import D, K, N, close, draw, tensors
from scipy.special import rel_entr
from scipy.stats import norm

from baselines.dcn import DCN, running_means
from baselines.dec import kl_divergence, log_soft_assignment, target_distribution
from baselines.dkm import DKM, annealed_hardness, soft_distance
from baselines.vade import Mixture, VaDE, divergence, log_joint
from jcae.nn.distances import nearest
from jcae.training.loop import Block


@pytest.fixture
def numbers():
    return draw()


def student_t(z, centroids):
    q = np.array([[1.0 / (1.0 + ((a - c) ** 2).sum()) for c in centroids] for a in z])
    return q / q.sum(1, keepdims=True)


def test_dec_assignment_and_target_by_hand(numbers):
    z, _, centroids = numbers
    q = student_t(z, centroids)
    close(log_soft_assignment(*tensors(z, centroids)), np.log(q))
    frequency = q.sum(0)
    p = np.array([[q[i, k] ** 2 / frequency[k] for k in range(K)] for i in range(N)])
    p /= p.sum(1, keepdims=True)
    close(target_distribution(torch.tensor(q)), p)


def test_dec_loss_is_the_mean_divergence(numbers):
    z, target, centroids = numbers
    log_q = log_soft_assignment(*tensors(z, centroids))
    expected = sum(rel_entr(target[i, k], student_t(z, centroids)[i, k]) for i in range(N) for k in range(K)) / N
    close(kl_divergence(torch.tensor(target), log_q), expected)
    certain = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)  # 0 log 0 = 0
    assert torch.isfinite(kl_divergence(certain, log_q[:1]))


def test_dec_gradients_are_those_of_the_paper(numbers):
    z, _, centroids = numbers
    tz, tc = tensors(z, centroids, grad=True)
    q = student_t(z, centroids)
    p = target_distribution(torch.tensor(q)).numpy()
    kl_divergence(torch.tensor(p), log_soft_assignment(tz, tc)).backward()

    def pull_on(i, k):
        gap = z[i] - centroids[k]
        return 2.0 / N * (p[i, k] - q[i, k]) / (1 + gap @ gap) * gap

    pull = [[pull_on(i, k) for k in range(K)] for i in range(N)]
    close(tz.grad, np.sum(pull, axis=1))
    close(tc.grad, -np.sum(pull, axis=0))


def weights_of(network):
    """Parameters of the first seed as arrays, and the layers of its autoencoder (ReLU) as a function."""
    w = {name: value[0].numpy() for name, value in network.state_dict().items()}

    def run(values, part, last):
        for i in range(last + 1):
            values = values @ w[f"autoencoder.{part}.{i}.weight"] + w[f"autoencoder.{part}.{i}.bias"]
            values = np.maximum(values, 0) if i < last else values
        return values

    return w, run


def test_dcn_centroids_are_running_means():
    """Against the published update, one code after the other."""
    rng = np.random.default_rng(8)
    z, centroids, counts = rng.normal(size=(2, 9, D)), rng.normal(size=(2, K + 1, D)), np.full((2, K + 1), 100.0)
    labels = rng.integers(K, size=(2, 9))  # the last cluster stays empty
    expected, seen = centroids.copy(), counts.copy()
    for s in range(2):
        for i, k in enumerate(labels[s]):
            seen[s, k] += 1
            expected[s, k] -= (expected[s, k] - z[s, i]) / seen[s, k]
    found, totals = running_means(*tensors(centroids, counts, z, labels))
    close(found, expected)
    close(totals, seen)
    np.testing.assert_array_equal(found[:, K], centroids[:, K])
    by_hand = [[((a - centroids[s]) ** 2).sum(1).argmin() for a in z[s]] for s in range(2)]
    np.testing.assert_array_equal(nearest(*tensors(z, centroids)), by_hand)


@pytest.mark.parametrize("frozen", [False, True])
def test_dcn_step_by_hand(frozen):
    rng = np.random.default_rng(9)
    x = torch.tensor(rng.normal(size=(8, 3)))
    method = DCN.published(n_clusters=3, hidden=(5,), code_dim=2, weight=7.0, frozen=frozen, precision="float64")
    network = method.build_network(3, [4, 5])
    block = Block(network, x, [4, 5])
    (phase,) = method.training_phases(block)
    with torch.no_grad():
        phase.before()
    w, run = weights_of(network)
    rows, labels = torch.tensor([[6, 1, 3], [0, 2, 4]]), block.state["labels"].clone()
    z = run(x[rows[0]].numpy(), "encoder", 1)
    own = w["centroids"][labels[0][rows[0]]]
    terms = phase.loss(x[rows], rows).terms
    close(terms["reconstruction"][0], ((x[rows[0]].numpy() - run(z, "decoder", 1)) ** 2).sum() / 3)
    close(terms["distance"][0], 7.0 / 2 * ((z - own) ** 2).sum() / 3)
    network.requires_grad_(True)
    gradient = torch.autograd.grad(
        phase.loss(x[rows], rows).terms["distance"].sum(), network.autoencoder.encoder[1].bias
    )[0]
    close(gradient[0], 7.0 * (z - own).sum(0) / 3)

    # After the step: new labels, and running means of the active seed alone.
    block.state["labels"].fill_(2)
    block.active[1] = False
    before = network.centroids.detach().clone()
    with torch.no_grad():
        phase.after(x[rows], rows)
    new = np.array([((a - w["centroids"]) ** 2).sum(1).argmin() for a in z])
    np.testing.assert_array_equal(block.state["labels"][0][rows[0]], new)
    assert (block.state["labels"][1] == 2).all()
    assert torch.equal(network.centroids[1], before[1])
    expected = before[0].numpy().copy()
    for k in range(3):
        if not frozen:
            expected[k] = (100 * expected[k] + z[new == k].sum(0)) / (100 + (new == k).sum())
    close(network.centroids[0], expected)


def test_dcn_assigns_and_moves_all_once_per_epoch():
    """By hand: nearest centroids, then the exact means of what is nearest; an empty cluster stays where it is."""
    rng = np.random.default_rng(12)
    x = torch.tensor(rng.normal(size=(9, 3)))
    settings = {"reduction": "sum", "assign_every": "epoch", "initial_count": 0, "batch_size": 4, "weight": 7.0}
    method = DCN.published(n_clusters=3, hidden=(5,), code_dim=2, precision="float64", **settings)
    network = method.build_network(3, [4, 5])
    block = Block(network, x, [4, 5])
    (phase,) = method.training_phases(block)
    with torch.no_grad():
        phase.before()
        network.centroids[:, 2] = 50.0  # nothing is near it
    w, run = weights_of(network)
    z = run(x.numpy(), "encoder", 1)
    rows = torch.tensor([[6, 1, 3], [0, 2, 4]])
    own = w["centroids"][block.state["labels"][0][rows[0]]]
    terms = phase.loss(x[rows], rows).terms
    close(terms["reconstruction"][0], ((x[rows[0]].numpy() - run(z[rows[0]], "decoder", 1)) ** 2).sum())
    close(terms["distance"][0], 7.0 / 2 * ((z[rows[0]] - own) ** 2).sum())

    assert phase.after is None
    assert phase.refresh_every == 3
    block.state["labels"].fill_(2)
    block.active[1] = False
    before = network.centroids.detach().clone()
    with torch.no_grad():
        phase.refresh(0)  # the start is k-means's
        assert (block.state["labels"] == 2).all()
        phase.refresh(3)
    new = np.array([((a - before[0].numpy()) ** 2).sum(1).argmin() for a in z])
    np.testing.assert_array_equal(block.state["labels"][0], new)
    assert (block.state["labels"][1] == 2).all()
    assert torch.equal(network.centroids[1], before[1])
    expected = [z[new == k].mean(0) if (new == k).any() else before[0, k].numpy() for k in range(3)]
    assert (new != 2).all()
    close(network.centroids[0], np.array(expected))


def test_dkm_hardness_by_hand():
    values = annealed_hardness(40)
    assert len(values) == 40
    assert values[:2] == pytest.approx([0.1, 0.1 * 2 ** (1 / math.log(2) ** 2)])
    assert values[-1] == pytest.approx(28.13, abs=0.01)
    annealed = DKM.published(variant="annealed", epochs=80)
    assert [annealed.hardness(e) for e in (0, 1, 2, 79)] == [values[0], values[0], values[1], values[-1]]
    assert {DKM.published().hardness(e) for e in range(100)} == {1000.0}
    longer = DKM.published("aecm_paper_annealed")
    assert [longer.hardness(e) for e in (4, 5, 999)] == pytest.approx([values[0], values[1], 4849.13], abs=0.01)


def test_dkm_loss_and_gradient_by_hand():
    rng = np.random.default_rng(10)
    D, alpha = rng.uniform(0, 2, size=(2, N, K)), np.array([0.7, 1000.0])
    expected, slope = np.zeros(2), np.zeros_like(D)
    for s in range(2):
        for i in range(N):
            e = [math.exp(-alpha[s] * (v - min(D[s, i]))) for v in D[s, i]]
            w = np.array(e) / sum(e)
            mean = sum(w[k] * D[s, i, k] for k in range(K))
            expected[s] += mean / N
            # d/dD_k of sum_l w_l D_l, with dw_l/dD_k = -alpha w_l (delta_kl - w_k).
            slope[s, i] = [w[k] * (1 - alpha[s] * (D[s, i, k] - mean)) / N for k in range(K)]
    tD, talpha = tensors(D, alpha, grad=True)
    value = soft_distance(tD, talpha.detach())
    close(value, expected)
    value.sum().backward()
    close(tD.grad, slope, 1e-10)
    close(expected[1], D[1].min(-1).mean(), 1e-2)  # hard


def test_dkm_step_by_hand():
    rng = np.random.default_rng(11)
    x = torch.tensor(rng.normal(size=(8, 3)))
    method = DKM.published(
        n_clusters=3,
        hidden=(5,),
        code_dim=2,
        variant="annealed",
        weight=0.3,
        epochs=40,
        batch_size=8,
        precision="float64",
    )
    network = method.build_network(3, [4, 5])
    assert not any(p.any() for name, p in network.named_parameters() if name.endswith("bias"))
    assert network.centroids.abs().max() <= 1
    block = Block(network, x, [4, 5])
    (phase,) = method.training_phases(block)
    with torch.no_grad():
        phase.before()
    phase.refresh(1)  # an epoch is one step here
    rows = torch.arange(8).expand(2, -1)
    terms = phase.loss(x[rows], rows).terms
    w, run = weights_of(network)
    z = run(x.numpy(), "encoder", 1)
    D = np.array([[((a - c) ** 2).sum() for c in w["centroids"]] for a in z])
    soft = np.exp(-annealed_hardness(40)[1] * D)
    soft /= soft.sum(1, keepdims=True)
    close(terms["reconstruction"][0], ((x.numpy() - run(z, "decoder", 1)) ** 2).sum() / 8)
    close(terms["distance"][0], 0.3 * (soft * D).sum() / 8)


@pytest.fixture
def latent():
    """A draw of the code, its mean and log-variance, and a mixture's logits, means and log-variances."""
    rng = np.random.default_rng(12)
    code = [rng.normal(size=(N, D)) for _ in range(3)]
    return *code, rng.normal(size=K), rng.normal(size=(K, D)), rng.normal(size=(K, D))


def vade_by_hand(z, mean, log_variance, logits, means, log_variances):
    """The terms A + C and B, sample by sample, and the posterior of the clusters."""
    pi = np.exp(logits) / np.exp(logits).sum()
    gamma, code, assignment = np.empty((N, K)), 0.0, 0.0
    for i in range(N):
        density = [pi[k] * norm.pdf(z[i], means[k], np.exp(log_variances[k] / 2)).prod() for k in range(K)]
        gamma[i] = np.array(density) / sum(density)
        for k in range(K):
            for j in range(D):
                gap = np.exp(log_variance[i, j]) + (mean[i, j] - means[k, j]) ** 2
                code += gamma[i, k] / 2 * (log_variances[k, j] + gap / np.exp(log_variances[k, j])) / N
            assignment += gamma[i, k] * (math.log(gamma[i, k]) - math.log(pi[k])) / N
        code -= sum(1 + s for s in log_variance[i]) / 2 / N
    return code, assignment, gamma


def test_vade_divergence_and_posterior_by_hand(latent):
    code, assignment, gamma = vade_by_hand(*latent)
    z, mean, log_variance, *mixture = tensors(*latent)
    found = divergence(z, mean, log_variance, Mixture(*mixture))
    close(found[0], code)
    close(found[1], assignment)
    close(torch.softmax(log_joint(z, Mixture(*mixture)), -1), gamma)


def test_vade_gradient_against_finite_differences(latent):
    arrays = list(latent)
    z, mean, log_variance, *mixture = leaves = tensors(*arrays, grad=True)
    sum(divergence(z, mean, log_variance, Mixture(*mixture))).backward()
    for leaf, array in zip(leaves, arrays, strict=True):
        flat = array.reshape(-1)  # a view
        for i in range(0, flat.size, 3):
            values = []
            for step in (1e-6, -1e-6):
                flat[i] += step
                values.append(sum(vade_by_hand(*arrays)[:2]))
                flat[i] -= step
            slope = (values[0] - values[1]) / 2e-6
            assert leaf.grad.reshape(-1)[i].item() == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_vade_posterior_survives_far_codes():
    """Where every density underflows, the posterior still knows the nearest cluster."""
    means = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    mixture = Mixture(torch.zeros(2), means, torch.full_like(means, -7.0))
    gamma = torch.softmax(log_joint(torch.tensor([[1e3], [-1e3]], dtype=torch.float64), mixture), -1)
    close(gamma, [[0, 1], [1, 0]])


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_vade_step_by_hand(likelihood):
    rng = np.random.default_rng(13)
    x = torch.tensor(rng.uniform(size=(20, 3)))
    settings = {"likelihood": likelihood, "reconstruction_weight": 4.0, "log_variance_start": -1.0}
    method = VaDE.published(n_clusters=K, hidden=(5,), code_dim=2, precision="float64", **settings)
    network = method.build_network(3, [4, 5])
    block = Block(network, x, [4, 5])
    (phase,) = method.training_phases(block)
    with torch.no_grad():
        phase.before()
    assert not network.mixture_logits.any()
    mixture = network.mixture()
    assert network.mixture_means.abs().min() > 0
    with torch.no_grad():
        mixture.log_variances[:, 0] = -9.0
        phase.after(x, None)
        assert mixture.log_variances.min() == -7.0

    rows = torch.stack([torch.tensor([6, 1, 3, 7, 9, 11, 2]), torch.arange(N)])
    block.set_clock("joint", 3)
    terms = phase.loss(x[rows], rows).terms
    noise = block.normal("code", N, 2)[0].numpy()
    w, run = weights_of(network)
    batch = x[rows[0]].numpy()
    hidden = np.maximum(batch @ w["autoencoder.encoder.0.weight"] + w["autoencoder.encoder.0.bias"], 0)
    mean, log_variance = run(batch, "encoder", 1), hidden @ w["log_variance.weight"] - 1.0
    z = mean + np.exp(log_variance / 2) * noise
    output = run(z, "decoder", 1)
    if likelihood == "bernoulli":
        p = 1 / (1 + np.exp(-4 * (output - 0.5)))
        error = -(batch * np.log(p) + (1 - batch) * np.log(1 - p)).sum() / N
        close(method.decode(network, torch.tensor(z).expand(2, -1, -1))[0], p)
    else:
        error = ((batch - output) ** 2).sum() / N
    close(terms["reconstruction"][0], 4.0 * error)
    code, assignment = divergence(*tensors(z, mean, log_variance), Mixture(*(m[0] for m in mixture)))
    close(terms["code"][0], code.detach())
    close(terms["assignment"][0], assignment.detach())


def test_vade_starts_at_the_likeliest_mixture_and_slows_down():
    rng = np.random.default_rng(14)
    x = np.concatenate([rng.normal(c, 0.02, size=(30, 2)) for c in ((0.2, 0.2), (0.8, 0.3), (0.4, 0.9))])
    method = VaDE.published(n_clusters=3, hidden=(), code_dim=2, decay_epochs=2, batch_size=30, precision="float64")
    network = method.build_network(2, [0])
    network.autoencoder.encoder[0].weight.data[0] = torch.eye(2)
    network.autoencoder.encoder[0].bias.data.zero_()
    (phase,) = method.training_phases(Block(network, torch.tensor(x), [0]))
    with torch.no_grad():
        phase.before()
    order = network.mixture_means[0, :, 0].argsort()
    parts = x.reshape(3, 30, 2)[[0, 2, 1]]
    close(network.mixture_means[0][order], parts.mean(1), 1e-6)
    close(network.mixture_log_variances[0][order], np.log(parts.var(1) + 1e-6).clip(-7), 1e-6)
    rate = phase.optimiser.schedule  # three steps per epoch
    assert [rate(step) for step in (0, 5, 6, 12, 10**6)] == pytest.approx([1, 1, 0.9, 0.81, 0.1])
    assert phase.optimiser.factors == {"mixture_": 1.0}
