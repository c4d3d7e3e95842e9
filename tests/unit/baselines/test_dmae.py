"""DMAE: three names of one assignment, odd data, bad parameters, and what it reaches on scikit-learn's digits."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, make_blobs
from sklearn.metrics import adjusted_rand_score

from baselines.ae_kmeans import AEKMeans
from baselines.dmae import DMAE, NAMES, DissimilarityMixture
from jcae import Autoencoder, ClusteringModule, IsotropicMixture
from jcae.scores.metrics import accuracy, nmi

TINY = {"hidden": (8,), "code_dim": 2, "batch_size": 16, "epochs": 2, "device": "cpu"}
AE = Autoencoder(epochs=2, batch_size=16)


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(60, centers=[[9, 0, 0], [0, 9, 0], [0, 0, 9]], random_state=0)


def test_three_names_of_one_assignment(blobs):
    X, variance = blobs[0], 2.0
    mixture = IsotropicMixture(3, variance=variance, random_state=0).fit(X)
    method = DissimilarityMixture(3, dissimilarity="squared_euclidean", alpha=0.5 / variance, precision="float64")
    weights = {"centroids": mixture.cluster_centers_, "log_mixers": np.log(mixture.weights_)}
    found = method.load_weights(weights, 3).predict_proba(X)
    np.testing.assert_allclose(found, mixture.predict_proba(X), atol=1e-10)
    module = ClusteringModule.from_mixture(mixture.weights_, mixture.cluster_centers_, variance)
    np.testing.assert_allclose(found, module.predict_proba(X), atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_every_dissimilarity_clusters(blobs, name):
    fit = DissimilarityMixture(3, dissimilarity=name, epochs=5, random_state=0, device="cpu").fit(blobs[0])
    assert fit.status_ == "ok"
    assert adjusted_rand_score(blobs[1], fit.labels_) == 1
    assert ("factors" in fit.weights_) == (name == "mahalanobis")


def furthest_or_sum(x, y):
    return (x - y).abs().amax(-1) + (x - y).abs().sum(-1)


def test_a_function_of_ones_own(blobs):
    fit = DissimilarityMixture(3, dissimilarity=furthest_or_sum, epochs=5, random_state=0, device="cpu").fit(blobs[0])
    assert adjusted_rand_score(blobs[1], fit.labels_) == 1
    deep = DMAE(3, dissimilarity=furthest_or_sum, autoencoder=AE, random_state=0, **TINY).fit(blobs[0])
    assert deep.status_ == "ok"


@pytest.mark.parametrize("name", ["cosine", "mahalanobis"])
def test_a_seed_alone_has_the_bits_that_it_has_among_others(blobs, name):
    method = DMAE(3, dissimilarity=name, trainable_mixers=True, autoencoder=AE, **TINY)
    together = method.fit_seeds(blobs[0], [0, 1, 2])
    alone = method.fit_seeds(blobs[0], [1])[0]
    for key, value in alone.weights_.items():
        np.testing.assert_array_equal(value, together[1].weights_[key])


def test_weights_of_the_clusters_stay_unless_they_are_trained(blobs):
    settings = {"alpha": 0.5, "epochs": 1, "random_state": 0, "device": "cpu"}
    fixed = DissimilarityMixture(3, **settings).fit(blobs[0])
    np.testing.assert_array_equal(fixed.weights_["log_mixers"], np.zeros(3))
    trained = DissimilarityMixture(3, trainable_mixers=True, **settings).fit(blobs[0])
    assert np.all(trained.weights_["log_mixers"] != 0)


def test_rows_of_zeros_under_cosine_are_assigned_by_the_weights_alone(blobs):
    X = np.vstack([blobs[0], np.zeros((5, 3))])
    fit = DissimilarityMixture(3, dissimilarity="cosine", epochs=5, random_state=0, device="cpu").fit(X)
    assert fit.status_ == "ok"
    np.testing.assert_allclose(fit.predict_proba(X)[60:], 1 / 3, rtol=1e-6)
    assert adjusted_rand_score(blobs[1], fit.labels_[:60]) == 1
    deep = DMAE(3, dissimilarity="cosine", autoencoder=AE, random_state=0, **TINY).fit(X)
    assert all(np.isfinite(value).all() for value in deep.weights_.values())


def test_singular_covariances_under_mahalanobis(blobs):
    X = np.hstack([blobs[0], np.ones((60, 1))])  # a feature that never changes
    X[blobs[1] == 0] = X[0] if blobs[1][0] == 0 else X[blobs[1] == 0][0]  # a cluster of duplicates
    fit = DissimilarityMixture(3, dissimilarity="mahalanobis", epochs=5, random_state=0, device="cpu").fit(X)
    assert fit.status_ == "ok"
    assert adjusted_rand_score(blobs[1], fit.labels_) == 1
    assert all(np.isfinite(value).all() for value in fit.weights_.values())


@pytest.mark.parametrize("name", ["euclidean", "mahalanobis", "cosine"])
def test_as_many_clusters_as_points(name):
    X = np.random.default_rng(0).normal(size=(6, 2))
    fit = DissimilarityMixture(6, dissimilarity=name, epochs=1, random_state=0, device="cpu").fit(X)
    assert sorted(fit.labels_) == list(range(6))


@pytest.mark.parametrize("cls", [DissimilarityMixture, DMAE])
@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"dissimilarity": "correlation"},
            r"'correlation' is unknown; allowed are \['euclidean'.*a function",
        ),
        ({"dissimilarity": None}, "dissimilarity=None is unknown"),
        ({"dissimilarity": torch.cdist}, r"it must give \(1, 2, 3\), one number for each pair"),
        ({"minkowski_order": 0.5}, "minkowski_order=0.5 is not allowed; it must be a number of at least 1"),
        ({"alpha": 0}, "alpha=0 is not allowed; it must be a number above 0"),
        ({"alpha": -1.0}, "alpha=-1.0 is not allowed"),
    ],
)
def test_bad_parameters(blobs, cls, params, message):
    with pytest.raises(ValueError, match=message):
        cls(3, device="cpu", **params).fit(blobs[0])


@pytest.mark.parametrize("name", ["clustering_weight", "reconstruction_weight"])
def test_bad_weights(blobs, name):
    with pytest.raises(ValueError, match=f"DMAE: {name}=-1 is not allowed"):
        DMAE(3, **{name: -1}).fit(blobs[0])


@pytest.mark.slow
def test_what_it_gains_on_its_start_on_digits():
    """In short: Euclidean stays near k-means on the code, within 1.5 points; Mahalanobis gains NMI."""
    X, y = load_digits(return_X_y=True)
    X, seeds = X / 16, [0, 1]
    network = {"hidden": (128, 128, 256), "code_dim": 10, "negative_slope": 0.0, "device": "cpu"}
    start = [fit.weights_ for fit in Autoencoder(epochs=30, batch_size=64, **network).fit_seeds(X, seeds)]

    def scores(method, metric):
        fits = method.fit_seeds(X, seeds, pretrained=start)
        assert [fit.status_ for fit in fits] == ["ok"] * len(seeds)
        return np.mean([metric(y, fit.labels_) for fit in fits])

    kmeans, short = AEKMeans(10, **network), {"batch_size": 64, "epochs": 5, **network}
    assert abs(scores(DMAE(10, **short), accuracy) - scores(kmeans, accuracy)) < 0.015
    mahalanobis = DMAE(10, **DMAE.info.presets["mahalanobis"], **short)
    assert scores(mahalanobis, nmi) > scores(kmeans, nmi) + 0.02
