"""The clustering module beyond its losses: starts, and the bridge to mixtures."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

from jcae import ClusteringModule
from jcae.models.module_network import ClusteringModuleNetwork
from jcae.scores.metrics import accuracy
from jcae.training.kmeans import kmeans_start


@pytest.fixture(scope="module")
def wine():
    X, y = load_wine(return_X_y=True)
    return StandardScaler().fit_transform(X).astype(np.float32), y


def test_kmeans_start_is_centroids_and_their_pseudo_inverse():
    X = np.random.default_rng(0).normal(size=(80, 4)) + 3
    module = ClusteringModule(3, init="kmeans", precision="float64")
    network = module.build_network(4, [7])
    U = kmeans_start(torch.tensor(X), 3, [7])[0].numpy()
    network.start_at(0, U)
    np.testing.assert_array_equal(network.M[0].detach(), U)
    np.testing.assert_allclose(U @ network.W[0].detach().numpy(), np.eye(3), atol=1e-10)
    assert not network.b.any()
    assert not network.c.any()


@pytest.mark.slow
def test_kmeans_start_on_centred_data_is_not_saturated(wine):
    """The weighted centroids of centred data add up to zero: a pseudo-inverse of rounding would freeze the softmax."""
    X, y = wine
    fits = ClusteringModule(3, init="kmeans", alpha=3.4, batch_size=16, epochs=200, device="cpu").fit_seeds(
        X, [0, 1, 2]
    )
    assert min(accuracy(y, fit.labels_) for fit in fits) > 0.9
    network = ClusteringModule(3).build_network(13, [0])
    network.start_at(0, kmeans_start(torch.tensor(X), 3, [0])[0])
    assert network.W.abs().max() < 10


@pytest.mark.parametrize("variance", [0.05, 0.5, 2.0])
def test_from_mixture_is_the_posterior_by_hand(variance):
    rng = np.random.default_rng(1)
    weights, means, X = rng.dirichlet(np.ones(4)), rng.normal(size=(4, 3)), rng.normal(size=(50, 3))
    joint = np.stack(
        [w * multivariate_normal(m, variance * np.eye(3)).pdf(X) for w, m in zip(weights, means, strict=True)], axis=1
    )
    module = ClusteringModule.from_mixture(weights, means, variance)
    np.testing.assert_allclose(module.predict_proba(X), joint / joint.sum(1, keepdims=True), rtol=1e-10)
    np.testing.assert_array_equal(module.cluster_centers_, means)
    for found, expected in zip(module.to_mixture(), (weights, means, variance), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_to_mixture_has_the_posterior_of_a_trained_module(wine):
    X, _ = wine
    module = ClusteringModule(
        3, alpha=3.4, batch_size=16, epochs=100, device="cpu", precision="float64", random_state=0
    )
    module.fit(X)
    weights, means, variance = module.to_mixture()
    assert variance > 0
    again = ClusteringModule.from_mixture(weights, means, variance)
    np.testing.assert_allclose(again.predict_proba(X), module.predict_proba(X), atol=1e-10)
    np.testing.assert_allclose(means.mean(0), module.cluster_centers_.mean(0), atol=1e-12)


@pytest.mark.parametrize(
    ("mixture", "message"),
    [
        (([0.5, 0.5], [[0.0]], 1.0), "needs weights"),
        (([0.5, 0.6], [[0.0], [1.0]], 1.0), "sum to 1"),
        (([0.0, 1.0], [[0.0], [1.0]], 1.0), "must be positive"),
        (([0.5, 0.5], [[0.0], [np.nan]], 1.0), "means finite"),
        (([0.5, 0.5], [[0.0], [1.0]], 0.0), "variance=0.0 is not allowed"),
    ],
)
def test_a_bad_mixture_is_refused(mixture, message):
    with pytest.raises(ValueError, match=message):
        ClusteringModule.from_mixture(*mixture)


def test_one_component_needs_a_variance():
    module = ClusteringModule.from_mixture([1.0], [[1.0, 2.0]], 0.3)
    with pytest.raises(ValueError, match="give `variance`"):
        module.to_mixture()
    weights, means, variance = module.to_mixture(0.3)
    assert (weights, variance) == (1.0, 0.3)
    np.testing.assert_allclose(means, [[1.0, 2.0]])


def test_random_start_is_glorot():
    network = ClusteringModuleNetwork.random(50, 30, seeds=[0, 1], biases=True, dtype=torch.float64)
    bound = np.sqrt(6 / 80)
    for kernel in (network.W, network.M):
        values = kernel.detach().numpy()
        assert np.abs(values).max() <= bound
        assert values.std() == pytest.approx(bound / np.sqrt(3), rel=0.05)
    assert not np.array_equal(network.W[0].detach(), network.W[1].detach())
    assert network.c.detach().numpy().std() == pytest.approx(np.sqrt(1 / 50), rel=0.3)


def test_start_as_torch_draws_its_layers():
    """Kernels and biases uniform within 1 / sqrt(fan in), as those of torch.nn.Linear; without biases they are zero."""
    start = {"seeds": [0, 1], "dtype": torch.float64, "initialiser": "torch"}
    network = ClusteringModuleNetwork.random(40, 900, biases=True, **start)
    for parameter, fan_in in ((network.W, 40), (network.b, 40), (network.M, 900), (network.c, 900)):
        bound = fan_in**-0.5
        assert 0.9 * bound < parameter.abs().max() <= bound
        assert parameter.std().item() == pytest.approx(bound / np.sqrt(3), rel=0.2)
        assert not torch.equal(parameter[0], parameter[1])
    bare = ClusteringModuleNetwork.random(40, 900, biases=False, **start)
    assert torch.equal(bare.W, network.W)
    assert not bare.b.any()
    assert not bare.c.any()
