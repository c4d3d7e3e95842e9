"""The competitors on scikit-learn's digits: what they gain over k-means on the code they start from."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import normalized_mutual_info_score

from baselines.ae_kmeans import AEKMeans
from baselines.dcn import DCN
from baselines.dkm import DKM
from baselines.vade import VaDE
from jcae import Autoencoder

SEEDS = [0, 1, 2]
NET = {"hidden": (64, 64, 256), "code_dim": 20, "negative_slope": 0.2, "device": "cpu"}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X / 16, y


@pytest.fixture(scope="module")
def start(digits):
    """Weights of one autoencoder per seed, and the NMI of k-means on their codes."""
    weights = [fit.weights_ for fit in Autoencoder(epochs=50, batch_size=64, **NET).fit_seeds(digits[0], SEEDS)]
    return weights, scores(AEKMeans(10, **NET), digits, weights)


def scores(method, digits, weights):
    """NMI of the own labels, one per seed."""
    X, y = digits
    fits = method.fit_seeds(X, SEEDS, pretrained=weights)
    assert [fit.status_ for fit in fits] == ["ok"] * len(SEEDS)
    return np.array([normalized_mutual_info_score(y, fit.labels_) for fit in fits])


def test_dcn_gains_on_its_start(digits, start):
    weights, kmeans = start
    found = scores(DCN(10, weight=1.0, learning_rate=1e-3, batch_size=64, epochs=20, **NET), digits, weights)
    assert found.mean() > kmeans.mean() + 0.01
    assert found.min() > 0.70


def test_dkm_gains_on_its_start(digits, start):
    weights, kmeans = start
    found = scores(DKM(10, weight=0.1, batch_size=64, epochs=20, **NET), digits, weights)
    assert found.mean() > kmeans.mean() + 0.01
    assert found.min() > 0.70


def test_annealed_dkm_clusters_from_random_weights(digits):
    """Three digits: with ten it takes some twenty thousand updates."""
    X, y = digits
    X, y = X[y < 3], y[y < 3]
    net = {"hidden": (32,), "code_dim": 3, "device": "cpu"}
    fit = DKM(3, variant="annealed", weight=0.1, batch_size=16, epochs=80, random_state=0, **net).fit(X)
    assert normalized_mutual_info_score(y, fit.labels_) > 0.7


@pytest.mark.parametrize(("likelihood", "weight"), [("bernoulli", 3.0), ("gaussian", 10.0)])
def test_vade_gains_on_its_start(likelihood, weight, digits, start):
    weights, kmeans = start
    method = VaDE(10, likelihood=likelihood, reconstruction_weight=weight, batch_size=64, epochs=15, **NET)
    found = scores(method, digits, weights)
    assert found.mean() > kmeans.mean() + 0.02
    assert found.min() > 0.70
