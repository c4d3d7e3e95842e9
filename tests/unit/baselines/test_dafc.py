"""DAFC: its losses by hand, what it is without them, its start, its verification, and real digits."""

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, make_blobs
from sklearn.metrics import normalized_mutual_info_score
from torch import nn

from baselines.dafc import DAFC, DRAWS, pseudo_label_loss, resampled_agreement, weighted_entropy
from baselines.fuzzy_cmeans import FuzzyCMeans
from jcae import Autoencoder
from jcae.models.adam import adam
from jcae.models.autoencoder import squared_error
from jcae.training.block import Block
from jcae.training.kmeans import kmeans
from jcae.training.loop import train
from jcae.training.phase import Loss, Phase, Runtime

NET = {"hidden": (16,), "code_dim": 3, "device": "cpu", "precision": "float64"}
NO_LOSSES = {"fuzzy_weight": 0.0, "entropy_weight": 0.0, "label_weight": 0.0}


@pytest.fixture(scope="module")
def blobs():
    X, y = make_blobs(90, 6, centers=3, center_box=(-3, 3), random_state=0)
    return X, y


@pytest.fixture(scope="module")
def pretrained(blobs):
    return [fit.weights_ for fit in Autoencoder(epochs=5, batch_size=32, **NET).fit_seeds(blobs[0], [0, 1])]


def test_weighted_entropy_by_hand():
    u = torch.tensor([[[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]]], dtype=torch.float64)
    weights = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64)
    expected = (math.log(2) - 2 * (0.9 * math.log(0.9) + 0.1 * math.log(0.1))) / 3
    assert weighted_entropy(u.clamp_min(1e-300).log(), weights).item() == pytest.approx(expected, rel=1e-12)


def test_pseudo_labels_by_hand():
    """Of three points two are confident; the classifier gives their labels 3/4 and 1/5."""
    u = torch.tensor([[[0.9, 0.1], [0.2, 0.8], [0.05, 0.95]]], dtype=torch.float64)
    logits = torch.tensor([[[3.0, 1.0], [1.0, 7.0], [4.0, 1.0]]], dtype=torch.float64).log()
    assert pseudo_label_loss(logits, u, 0.8).item() == pytest.approx(-(math.log(3 / 4) + math.log(1 / 5)) / 2)
    assert pseudo_label_loss(logits, u, 0.99).item() == 0.0


def test_terms_of_the_loss_by_hand(blobs):
    """Memberships of an earlier epoch are held constant; those inside the entropy are of now."""
    X, _ = blobs
    method = DAFC(3, fuzzy_weight=2.0, entropy_weight=3.0, label_weight=5.0, fuzzifier=2.0, confidence=0.7, **NET)
    block = Block(method.build_network(6, [4]), torch.tensor(X), [4])
    (phase,) = method.training_phases(block)
    rng = np.random.default_rng(0)
    u, v = rng.dirichlet(np.ones(3), size=len(X)), rng.normal(size=(3, 3))
    block.network.centroids.data.copy_(torch.tensor(v))
    block.keep("memberships", torch.tensor(u)[None])
    block.keep("mean_largest", torch.tensor([u.max(1).mean()]))
    rows = torch.tensor([[5, 70, 2, 33]])
    with torch.no_grad():
        found = {name: value.item() for name, value in phase.loss(Block.rows_of(block.x, rows), rows).terms.items()}
        code = block.network.autoencoder.encode(block.whole())
        x_hat = block.network.autoencoder.decode(code)[0].numpy()
        logits = block.network.classifier(code)[0].numpy()
    code = code[0].numpy()
    expected = dict.fromkeys(("reconstruction", "fuzzy", "entropy", "labels"), 0.0)
    confident = 0
    for i in rows[0].tolist():
        squares = [((code[i] - v[k]) ** 2).sum() for k in range(3)]
        now = [1 / sum(squares[k] / other for other in squares) for k in range(3)]
        expected["reconstruction"] += ((X[i] - x_hat[i]) ** 2).sum() / 4
        expected["fuzzy"] += 2 * sum(u[i, k] ** 2 * squares[k] for k in range(3)) / 4
        expected["entropy"] -= 3 * u[i].max() / u.max(1).mean() * sum(p * math.log(p) for p in now) / 4
        if u[i].max() > 0.7:
            confident += 1
            own = logits[i, u[i].argmax()] - math.log(sum(math.exp(one) for one in logits[i]))
            expected["labels"] -= 5 * own
    expected["labels"] /= confident
    assert 0 < confident < 4
    assert found == pytest.approx(expected, rel=1e-7)


def test_starts_with_fuzzy_cmeans_of_the_code(blobs, pretrained):
    X, _ = blobs
    method = DAFC(3, rounds=300, fuzzifier=1.7, **NET)
    network = method.build_network(6, [0])
    network.autoencoder.load_state_dict({name: torch.tensor(w)[None] for name, w in pretrained[0].items()})
    block = Block(network, torch.tensor(X), [0])
    with torch.no_grad():
        method.training_phases(block)[0].before()
        code = block.map(network.autoencoder.encode)[0].numpy()
    shallow = FuzzyCMeans(3, fuzzifier=1.7, tol=0, max_iter=300, random_state=0).fit(code)
    found, expected = network.centroids[0].detach().numpy(), shallow.cluster_centers_
    order = ((found[:, None] - expected) ** 2).sum(-1).argmin(1)
    np.testing.assert_allclose(found, expected[order], atol=1e-8)
    np.testing.assert_allclose(block.state["memberships"][0], shallow.predict_proba(code)[:, order], atol=1e-8)


@pytest.mark.parametrize("membership", ["fuzzifier", "entropy"])
def test_sigma_weighs_the_points_of_deep_fuzzy_kmeans_alone(membership, blobs):
    """Those of a centroid, that is: in the loss it always counts."""
    X, _ = blobs
    method = DAFC(3, membership=membership, sigma=0.5, **NET)
    block = Block(method.build_network(6, [4]), torch.tensor(X), [4])
    (phase,) = method.training_phases(block)
    rng = np.random.default_rng(0)
    u, v = rng.dirichlet(np.ones(3), size=len(X)), rng.normal(size=(3, 3))
    block.network.centroids.data.copy_(torch.tensor(v))
    block.keep("memberships", torch.tensor(u)[None])
    with torch.no_grad():
        phase.refresh(0)
        code = block.map(block.network.autoencoder.encode)[0].numpy()
    r = np.linalg.norm(code[:, None] - v, axis=-1)
    weights = u * 1.5 * (r + 1) / (2 * (r + 0.5) ** 2) if membership == "entropy" else u**1.5
    expected = weights.T @ code / weights.sum(0)[:, None]
    np.testing.assert_allclose(block.network.centroids[0].detach(), expected, rtol=1e-9)
    r = np.linalg.norm(code[:, None] - expected, axis=-1)
    raw = np.exp(-1.5 * r**2 / (r + 0.5)) if membership == "entropy" else r**-4
    np.testing.assert_allclose(block.state["memberships"][0], raw / raw.sum(1, keepdims=True), rtol=1e-6)


@pytest.mark.parametrize("membership", ["fuzzifier", "entropy"])
def test_without_its_losses_it_is_an_autoencoder_and_fuzzy_cmeans(membership, blobs, pretrained):
    """Bit for bit the weights of an autoencoder that is trained on, and centroids that follow its codes."""
    X, _ = blobs
    epochs, settings = 3, {"membership": membership, "batch_size": 32, "learning_rate": 1e-3, "rounds": 4}
    method = DAFC(3, epochs=epochs, **settings, **NO_LOSSES, **NET)
    fits = method.fit_seeds(X, [0, 1], pretrained=pretrained)

    block = Block(Autoencoder(**NET).build_network(6, [0, 1]), torch.tensor(X), [0, 1])
    stacked = {name: np.stack([weights[name] for weights in pretrained]) for name in pretrained[0]}
    block.network.load_state_dict({name: torch.tensor(value) for name, value in stacked.items()})
    centroids = []

    def memberships(code):
        squares = ((code[:, :, None] - centroids[-1][:, None]) ** 2).sum(-1)
        raw = squares**-2 if membership == "fuzzifier" else torch.exp(-squares.sqrt())
        return raw / raw.sum(-1, keepdim=True)

    def follow(step=0):
        code = block.map(block.network.encode)
        weights = block.state["u"] ** (1.5 if membership == "fuzzifier" else 1)
        centroids.append((weights[..., None] * code[:, :, None]).sum(1) / weights.sum(1)[..., None])
        block.keep("u", memberships(code))

    def start():
        code = block.map(block.network.encode)
        centroids.append(kmeans(code, 3, [0, 1]).centers)
        block.keep("u", memberships(code))
        for _ in range(4):
            follow()

    def loss(x, rows):
        return Loss({"reconstruction": squared_error(x, block.network.decode(block.network.encode(x))) / x.shape[-2]})

    each = block.epoch_steps(32)
    phase = Phase("clustering", loss, epochs * each, 32, adam(method, block), None, start, None, follow, each)
    train(block, [phase], Runtime())
    for s, fit in enumerate(fits):
        for name, value in block.network.state_dict().items():
            np.testing.assert_array_equal(fit.weights_[f"autoencoder.{name}"], value[s].numpy())
        np.testing.assert_allclose(fit.cluster_centers_, centroids[-1][s].numpy(), rtol=1e-6)
        assert {row["term"]: row["value"] for row in fit.history_}["fuzzy"] == 0.0


def test_its_losses_move_the_encoder(blobs, pretrained):
    """Each alone, and sigma; else the test above proves nothing."""
    X, _ = blobs
    settings = {"epochs": 1, "batch_size": 32, "learning_rate": 1e-3, "rounds": 2, **NET}

    def encoder(**more):
        (fit,) = DAFC(3, **settings | NO_LOSSES | more).fit_seeds(X, [0], pretrained=pretrained[:1])
        return fit.weights_["autoencoder.encoder.0.weight"]

    plain = encoder()
    changed = [encoder(**{name: 1.0}) for name in (*NO_LOSSES, "norm_weight")]
    changed.append(encoder(fuzzy_weight=1.0, sigma=0.5))
    for i, one in enumerate(changed):
        assert not np.array_equal(one, plain)
        assert not any(np.array_equal(one, other) for other in changed[:i])


class Folding(nn.Module):
    """Decodes as it is, and encodes the absolute value: what is drawn on the left comes back on the right."""

    def __init__(self, fold):
        super().__init__()
        self.fold = fold
        self.centroids = torch.tensor([[[-4.0], [4.0]]])
        self.autoencoder = self

    def decode(self, z):
        return z

    def encode(self, x):
        return x.abs() if self.fold else x


@pytest.mark.parametrize(("fold", "expected"), [(False, 1.0), (True, 0.5)])
def test_verification_sees_what_comes_back(fold, expected):
    z = torch.tensor([[[-4.1], [-3.9], [3.9], [4.1]]])
    weights = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])
    noise = torch.randn(1, 2, DRAWS, 1, generator=torch.Generator().manual_seed(0))
    assert resampled_agreement(Folding(fold), z, weights, noise).item() == expected


def test_verification_draws_with_the_spread_of_the_points():
    """Wide clusters overlap: of a normal with mean 4 and deviation 4 the share Phi(-1) is nearer to -4."""
    z = torch.tensor([[[-8.0], [0.0], [0.0], [8.0]]])
    weights = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])
    noise = torch.randn(1, 2, 20000, 1, generator=torch.Generator().manual_seed(0))
    assert resampled_agreement(Folding(False), z, weights, noise).item() == pytest.approx(0.8413, abs=0.01)


def test_verification_of_an_empty_cluster_is_a_number():
    z = torch.tensor([[[-4.1], [-3.9]]])
    weights = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    assert resampled_agreement(Folding(False), z, weights, torch.zeros(1, 2, 3, 1)).item() == 1.0


def test_history_tells_of_verification_and_sizes(blobs, pretrained):
    X, _ = blobs
    (fit,) = DAFC(3, epochs=2, batch_size=32, **NET).fit_seeds(X, [0], pretrained=pretrained[:1])
    logged = {row["term"]: row["value"] for row in fit.history_ if row["epoch"] == 1}
    assert 0 <= logged["verification"] <= 1
    assert 1 / 3 < logged["largest_membership"] <= 1
    assert logged["smallest_cluster"] == pytest.approx(np.bincount(fit.labels_, minlength=3).min() / len(X))
    assert logged["largest_membership"] == pytest.approx(fit.predict_proba(X).max(1).mean())


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"fuzzifier": 1.0}, "fuzzifier=1.0 is not allowed; it must be a number above 1"),
        ({"fuzzifier": 0.5}, "fuzzifier=0.5 is not allowed"),
        ({"temperature": 0.0}, "temperature=0.0 is not allowed; it must be a number above 0"),
        ({"sigma": 0.0}, "sigma=0.0 is not allowed"),
        ({"membership": "soft"}, r"membership='soft' is unknown; allowed are \['fuzzifier', 'entropy'\]"),
        ({"label_weight": -1.0}, "label_weight=-1.0 is not allowed"),
        ({"rounds": 1.5}, "rounds=1.5 is not allowed; it must be an integer of at least 0"),
    ],
)
def test_bad_parameters_are_named(params, message, blobs):
    with pytest.raises(ValueError, match=f"DAFC: {message}"):
        DAFC(3, **params, **NET).fit(blobs[0])


@pytest.mark.parametrize(
    "settings", [{"fuzzifier": 1.001}, {"fuzzifier": 8.0}, {"membership": "entropy", "temperature": 1e-4}]
)
def test_empty_clusters_and_points_on_centroids_stay_finite(settings):
    """Three places and five clusters: centroids on points, and clusters that no point belongs to."""
    X = np.repeat(np.eye(3), 20, axis=0)
    fit = DAFC(5, epochs=3, batch_size=16, random_state=0, hidden=(8,), code_dim=2, device="cpu", **settings)
    fit.set_params(autoencoder=Autoencoder(epochs=2)).fit(X)
    assert fit.status_ == "ok"
    assert np.isfinite(fit.cluster_centers_).all()
    np.testing.assert_allclose(fit.predict_proba(X).sum(1), 1, rtol=1e-5)


@pytest.mark.slow
def test_reaches_its_range_on_digits():
    """Long runs reach 72 to 79; this one is short."""
    X, y = load_digits(return_X_y=True)
    X, net = X / 16, {"hidden": (64, 64, 256), "code_dim": 10, "device": "cpu"}
    weights = [fit.weights_ for fit in Autoencoder(epochs=40, batch_size=64, **net).fit_seeds(X, [0, 1])]
    fits = DAFC(10, epochs=10, batch_size=64, **net).fit_seeds(X, [0, 1], pretrained=weights)
    found = [normalized_mutual_info_score(y, fit.labels_) for fit in fits]
    assert [fit.status_ for fit in fits] == ["ok", "ok"]
    assert 0.68 < min(found) <= max(found) < 0.80


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"fuzzifier": 1}, "fuzzifier=1 is not allowed; it must be a number above 1"),
        ({"n_clusters": 7}, "n_clusters=7"),
    ],
)
def test_shallow_bad_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        FuzzyCMeans(**{"n_clusters": 2, **params}).fit(np.eye(6))
