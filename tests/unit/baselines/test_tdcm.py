"""TDCM: its module is Lloyd's algorithm in a limit, and adapting is what the module does to all of the target."""

import numpy as np
import pytest
import torch
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError

from baselines.tdcm import TDCM
from jcae.models.autoencoder import Autoencoder
from jcae.training import block as blocks
from jcae.training.phase import Runtime

P, K = 3, 4
SMALL = {"hidden": (8,), "code_dim": P, "device": "cpu", "autoencoder": Autoencoder(epochs=5, batch_size=32)}


def module(depth=3, seeds=(0,), temperature=1.0):
    network = TDCM(K, depth=depth, precision="float64", **SMALL).build_network(5, seeds)
    random = np.random.default_rng(1)
    network.centroids.data.copy_(torch.tensor(random.normal(size=(len(seeds), K, P))))
    network.temperature.fill_(temperature)
    return network


def codes(n=200, seeds=1):
    return torch.tensor(np.random.default_rng(0).normal(size=(seeds, n, P)))


@pytest.fixture(scope="module")
def blobs():
    X, y = make_blobs(300, 5, centers=K, cluster_std=0.6, random_state=0)
    return X.astype(np.float32), y


@pytest.fixture(scope="module")
def fits(blobs):
    return TDCM(K, epochs=3, batch_size=64, **SMALL).fit_seeds(blobs[0], [0, 1], runtime=Runtime())


def test_scores_are_distances_after_w_over_tau():
    network, z = module(temperature=0.7), codes()
    network.similarity.data += 0.3 * torch.randn(1, P, P, dtype=torch.float64, generator=torch.manual_seed(0))
    C, W = network.centroids[0], network.similarity[0]
    expected = -((z[0][:, None] - C) @ W).square().sum(-1) / 0.7
    torch.testing.assert_close(network.scores(z, network.centroids)[0], expected)
    M = W @ W.T  # the real symmetric matrix of an inner product
    product = -torch.einsum("nkp,pq,nkq->nk", z[0][:, None] - C, M, z[0][:, None] - C) / 0.7
    torch.testing.assert_close(network.scores(z, network.centroids)[0], product)


def test_identity_and_a_temperature_of_zero_are_steps_of_lloyd():
    z = codes()
    for depth in (1, 2, 5):
        network = module(depth, temperature=1e-9)
        centers = network.centroids[0].detach().numpy()
        for _ in range(depth):
            own = ((z[0].numpy()[:, None] - centers) ** 2).sum(-1).argmin(1)
            centers = np.array([z[0].numpy()[own == k].mean(0) for k in range(K)])
        np.testing.assert_allclose(network.moved(z)[0].detach(), centers, rtol=1e-6)


def test_a_step_is_the_weighted_mean_of_all_points():
    network, z = module(1, temperature=0.5), codes()
    weights = torch.softmax(network.scores(z, network.centroids), -1)[0]
    expected = weights.T @ z[0] / weights.sum(0)[:, None]
    torch.testing.assert_close(network.moved(z)[0], expected, rtol=1e-9, atol=1e-9)


def test_a_centroid_without_points_stays():
    network = module(3, temperature=1e-9)
    network.centroids.data[0, 2] = 1e4
    moved = network.moved(codes())
    torch.testing.assert_close(moved[0, 2], network.centroids[0, 2])
    assert torch.isfinite(moved).all()


def test_chunks_equal_the_whole(monkeypatch):
    network, z = module(3, seeds=(0, 1)), codes(n=200, seeds=2)
    whole = network.moved(z)
    monkeypatch.setattr("baselines.tdcm.CHUNK", 7)
    torch.testing.assert_close(network.moved(z), whole, rtol=1e-10, atol=1e-12)


def test_gradients_of_the_module_are_those_of_differences():
    network, z = module(3, temperature=0.8), codes(30).requires_grad_()

    def moved(similarity, centroids, z):
        return torch.func.functional_call(network, {"similarity": similarity, "centroids": centroids}, (z,))

    network.forward = network.moved
    leaves = [network.similarity.detach().requires_grad_(), network.centroids.detach().requires_grad_(), z]
    # The origin is a constant to autograd and drops out of every distance and mean.
    assert torch.autograd.gradcheck(moved, leaves, atol=1e-6)


def test_adapting_moves_a_copy_to_the_target_and_leaves_the_source(fits, blobs):
    X = blobs[0]
    source, target = fits[0], (X + np.float32(0.8)).astype(np.float32)
    before, labels = source.weights_, source.labels_.copy()
    adapted = source.adapt(target)
    with torch.no_grad():
        network = source.network_
        expected = network.moved(network.autoencoder.encode(torch.tensor(target)[None]))
    np.testing.assert_allclose(adapted.cluster_centers_, expected[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(adapted.labels_, adapted.predict(target))
    assert not np.allclose(adapted.cluster_centers_, source.cluster_centers_)
    for name, value in source.weights_.items():
        np.testing.assert_array_equal(value, before[name])
        if name != "adapted":
            np.testing.assert_array_equal(value, adapted.weights_[name])
    np.testing.assert_array_equal(source.labels_, labels)
    assert hasattr(source, "snapshots_")
    assert not hasattr(adapted, "snapshots_")


def test_adapting_to_the_source_changes_nothing(fits, blobs):
    for fit in fits:
        np.testing.assert_array_equal(fit.adapt(blobs[0]).cluster_centers_, fit.cluster_centers_)
        np.testing.assert_array_equal(fit.predict(blobs[0]), fit.labels_)


def test_adapting_depends_on_the_points_and_not_on_their_order_or_chunks(fits, blobs, monkeypatch):
    X = blobs[0]
    one = fits[0].adapt(X[:150])
    turned = fits[0].adapt(X[:150][::-1])
    np.testing.assert_allclose(one.cluster_centers_, turned.cluster_centers_, rtol=1e-4, atol=1e-5)
    monkeypatch.setattr("baselines.tdcm.CHUNK", 16)
    monkeypatch.setattr(blocks, "CHUNK", 16)
    np.testing.assert_allclose(fits[0].adapt(X[:150]).cluster_centers_, one.cluster_centers_, rtol=1e-4, atol=1e-5)


def test_untrained_leaves_weights_as_they_started(blobs):
    method = TDCM(K, train=False, **SMALL)
    fit = method.fit_seeds(blobs[0], [0])[0]
    np.testing.assert_array_equal(fit.weights_["similarity"], np.eye(P, dtype=np.float32))
    assert (fit.n_updates_, len(fit.history_)) == (0, 0)
    start = {k.removeprefix("autoencoder."): v for k, v in fit.weights_.items() if k.startswith("autoencoder.")}
    again = method.fit_seeds(blobs[0], [0], pretrained=[start])[0]
    np.testing.assert_array_equal(again.labels_, fit.labels_)


def test_loss_of_certain_clusters_is_what_their_sizes_lack(blobs):
    others = {"reconstruction": 0.0, "weight_decay": 0.0}
    fit = TDCM(K, temperature=1e-6, train=False, **others, **SMALL).fit(blobs[0])
    # No entropy; the balance is what the sizes lack to the largest entropy, in batches of 256 and 44. Each batch has
    # the clusters that the module makes of it alone, which those of all points are near and need not be.
    lack = []
    for batch in np.split(fit.transform(blobs[0]).astype(np.float64), [256]):
        centers = fit.weights_["centroids"].astype(np.float64)
        for _ in range(fit.depth):
            own = ((batch[:, None] - centers) ** 2).sum(-1).argmin(1)
            centers = np.array([batch[own == k].mean(0) if (own == k).any() else centers[k] for k in range(K)])
        shares = np.bincount(((batch[:, None] - centers) ** 2).sum(-1).argmin(1)) / len(batch)
        lack.append(np.log(K) + sum(s * np.log(s) for s in shares if s))
    assert fit.loss_ == pytest.approx(np.mean(lack), abs=1e-3)


def test_bad_targets_are_named(fits, blobs):
    with pytest.raises(NotFittedError):
        TDCM(K).adapt(blobs[0])
    with pytest.raises(ValueError, match="X has 4 features, but TDCM is expecting 5 features"):
        fits[0].adapt(blobs[0][:, :4])
    with pytest.raises(ValueError, match=r"TDCM.adapt: 3 points for n_clusters=4"):
        fits[0].adapt(blobs[0][:3])
    with pytest.raises(ValueError, match="NaN"):
        fits[0].adapt(np.full((9, 5), np.nan))


@pytest.mark.parametrize(("name", "value"), [("depth", 0), ("temperature", 0), ("balance", -1), ("weight_decay", -1)])
def test_bad_parameters_are_named(name, value, blobs):
    with pytest.raises(ValueError, match=f"TDCM: {name}={value} is not allowed"):
        TDCM(K, **SMALL, **{name: value}).fit(blobs[0])
