"""The competitors on scikit-learn's digits: what they gain over k-means on the code they start from."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.metrics import normalized_mutual_info_score
from sklearn.mixture import GaussianMixture

from baselines import n2d
from baselines.ae_kmeans import AEKMeans
from baselines.dcn import DCN
from baselines.dkm import DKM
from baselines.n2d import N2D
from baselines.vade import VaDE
from jcae import Autoencoder
from jcae.randomness.seeds import sklearn_seed

ROOT = Path(__file__).parents[3]
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


@pytest.mark.slow
def test_dcn_gains_on_its_start(digits, start):
    weights, kmeans = start
    found = scores(
        DCN.published(n_clusters=10, weight=1.0, learning_rate=1e-3, batch_size=64, epochs=20, **NET), digits, weights
    )
    assert found.mean() > kmeans.mean() + 0.01
    assert found.min() > 0.70


@pytest.mark.slow
def test_dkm_gains_on_its_start(digits, start):
    weights, kmeans = start
    found = scores(DKM.published(n_clusters=10, weight=0.1, batch_size=64, epochs=20, **NET), digits, weights)
    assert found.mean() > kmeans.mean() + 0.01
    assert found.min() > 0.70


@pytest.mark.slow
def test_annealed_dkm_clusters_from_random_weights(digits):
    """Three digits: with ten it takes some twenty thousand updates."""
    X, y = digits
    X, y = X[y < 3], y[y < 3]
    net = {"hidden": (32,), "code_dim": 3, "device": "cpu"}
    fit = DKM.published(
        n_clusters=3, variant="annealed", weight=0.1, batch_size=16, epochs=80, random_state=0, **net
    ).fit(X)
    assert normalized_mutual_info_score(y, fit.labels_) > 0.7


@pytest.mark.slow
@pytest.mark.parametrize(("likelihood", "weight"), [("bernoulli", 3.0), ("gaussian", 10.0)])
def test_vade_gains_on_its_start(likelihood, weight, digits, start):
    weights, kmeans = start
    method = VaDE.published(
        n_clusters=10, likelihood=likelihood, reconstruction_weight=weight, batch_size=64, epochs=15, **NET
    )
    found = scores(method, digits, weights)
    assert found.mean() > kmeans.mean() + 0.02
    assert found.min() > 0.70


@pytest.mark.slow
@pytest.mark.usefixtures("umap_stand_in")
def test_n2d_clusters_what_the_reduction_makes_of_the_code(digits, start):
    X, _ = digits
    method = N2D(10, **NET)
    fits = method.fit_seeds(X, SEEDS, pretrained=start[0])
    expected = AEKMeans(10, **NET).fit_seeds(X, SEEDS, pretrained=start[0])
    for fit, reference, seed in zip(fits, expected, SEEDS, strict=True):
        code = fit.transform(X)
        np.testing.assert_array_equal(code, reference.transform(X))
        np.testing.assert_array_equal(fit.refit_labels_, reference.refit_labels_)
        stand_in = sys.modules["umap"].UMAP(
            n_components=10, n_neighbors=20, min_dist=0.0, random_state=sklearn_seed(seed, "umap"), n_jobs=1
        )
        np.testing.assert_allclose(fit.embedding_, stand_in.fit_transform(code), rtol=1e-5, atol=1e-5)
        mixture = GaussianMixture(10, random_state=sklearn_seed(seed, "mixture"))
        np.testing.assert_array_equal(fit.labels_, mixture.fit_predict(fit.embedding_.astype(np.float64)))
        np.testing.assert_allclose(fit.cluster_centers_[4], code[fit.labels_ == 4].mean(0), rtol=1e-5)
        x_hat = fit.inverse_transform(code)
        assert fit.loss_ == pytest.approx(((X - x_hat) ** 2).mean(), rel=1e-4)
        assert fit.n_updates_ == 0
    assert method.pretraining().epochs == 1000
    assert N2D(autoencoder=Autoencoder(epochs=3)).pretraining().epochs == 3


@pytest.mark.usefixtures("umap_stand_in")
def test_n2d_labels_new_points(digits, start):
    """By UMAP's transform and the mixture; the weights of a run are not enough for that."""
    X, _ = digits
    fit = N2D(10, **NET).fit_seeds(X[:1000], [0], pretrained=start[0][:1])[0]
    np.testing.assert_array_equal(fit.predict(X[:1000]), fit.labels_)
    embedded = fit.reduction_.transform(fit.transform(X[1000:])).astype(np.float64)
    np.testing.assert_array_equal(fit.predict(X[1000:]), fit.mixture_.predict(embedded))
    assert not hasattr(fit, "predict_proba")
    stored = N2D(10, **NET).load_weights(fit.weights_, 64)
    np.testing.assert_array_equal(stored.transform(X), fit.transform(X))
    with pytest.raises(NotFittedError, match="the weights of a run hold the autoencoder alone"):
        stored.predict(X)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        N2D(10, **NET).predict(X)


def test_n2d_says_what_to_install_before_it_trains(digits, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match=r'N2D needs the package umap, .* pip install "jcae\[n2d\]"'):
        N2D(10).fit(digits[0])


@pytest.mark.slow
def test_distances_for_umap_are_those_that_it_would_have(digits):
    pytest.importorskip("umap", reason="umap-learn is not installed: pip install umap-learn")
    from sklearn.metrics import pairwise_distances
    from umap.distances import euclidean, manhattan

    X = (digits[0][:120] * 1.1).astype(np.float32)
    for arguments, metric in (((X,), euclidean), ((X[:7], X), euclidean), ((X,), manhattan)):
        found = n2d.pairwise_distances(*arguments, metric=metric)
        expected = pairwise_distances(*arguments, metric=metric)
        np.testing.assert_array_equal(found, expected, strict=True)
    import umap.umap_

    n2d.umap_class()
    assert umap.umap_.pairwise_distances is n2d.pairwise_distances
    assert umap.distances.named_distances["euclidean"] is euclidean


@pytest.mark.slow
def test_n2d_gains_on_its_start(digits, start):
    pytest.importorskip("umap", reason="umap-learn is not installed: pip install umap-learn")
    weights, kmeans = start
    found = scores(N2D(10, **NET), digits, weights)
    assert found.mean() > kmeans.mean() + 0.05


UMAP_TWICE = """
import os, random, warnings
import numpy as np, torch
from sklearn.datasets import load_digits
from baselines.n2d import N2D
from jcae import Autoencoder

def process():
    return (torch.get_num_threads(), random.getstate(), np.random.get_state()[1].tolist(),
        torch.get_rng_state().tolist(), torch.get_default_dtype(), list(warnings.filters), dict(os.environ))

X = load_digits().data[:150] / 16
method = N2D(10, hidden=(16,), code_dim=5, device="cpu", random_state=0, autoencoder=Autoencoder(epochs=5))
before = process()
fits = [method.fit_seeds(X, [0])[0] for _ in range(3)]
fits[0].predict(X[:20])
for i, (now, then) in enumerate(zip(process(), before)):
    assert now == then, i
for fit in fits[1:]:
    assert (fit.labels_ == fits[0].labels_).all() and (fit.embedding_ == fits[0].embedding_).all()
    assert (fit.refit_labels_ == fits[0].refit_labels_).all()
"""


@pytest.mark.slow
def test_umap_leaves_the_process_as_it_was():
    """In a process of its own: the first import of UMAP, and the threads that it sets, count."""
    pytest.importorskip("umap", reason="umap-learn is not installed: pip install umap-learn")
    done = subprocess.run([sys.executable, "-c", UMAP_TWICE], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
