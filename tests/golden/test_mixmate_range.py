"""What MixMate reaches on real images, in short: a gain on its k-means start, and the start that decides."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from baselines.mixmate import MixMate
from jcae.data.catalogue import CATALOGUE
from jcae.data.fetch import fetch
from jcae.data.loaders import LOADERS
from jcae.scores.metrics import accuracy, nmi
from jcae.training.phase import Runtime


def scores(fit, y):
    """Of the clusters of the start, and of the labels: accuracy and NMI."""
    pairs = ((y[fit.start_rows_], fit.start_labels_), (y, fit.labels_))
    return np.array([[accuracy(*pair), nmi(*pair)] for pair in pairs])


@pytest.mark.slow
def test_digits_gain_on_kmeans():
    """Mean of three seeds; 20 epochs reach an accuracy of 0.82 from 0.79."""
    X, y = load_digits(return_X_y=True)
    method = MixMate(10, n_atoms=12, sparsity=0.25, init="kmeans", batch_size=64, epochs=5, device="cpu")
    fits = method.fit_seeds(X / 16, [0, 1, 2], runtime=Runtime(progress=False))
    start, end = np.mean([scores(fit, y) for fit in fits], axis=0)
    assert 0.77 < start[0] < 0.81
    assert end[0] > start[0] + 0.01


@pytest.mark.slow
def test_subspaces_of_scattered_usps_are_its_classes(mirror, tmp_path):
    """2,000 points; k-means of their pixels has an NMI of 0.62."""
    X, y = LOADERS["usps"](fetch(CATALOGUE["usps"], tmp_path, mirror=mirror))[:2]
    kept = np.random.default_rng(0).permutation(len(X))[:2000]
    params = MixMate.info.presets["usps"] | {"epochs": 1, "device": "cpu"}
    (fit,) = MixMate(10, **params).fit_seeds(X[kept], [0], runtime=Runtime(progress=False))
    start, end = scores(fit, y[kept])
    assert start[1] > 0.8
    assert start[0] > 0.75
    assert end[1] > 0.78
