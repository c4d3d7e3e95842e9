"""What MixMate reaches on real images, in short: a gain on its k-means start, and the start that decides."""

import numpy as np
from sklearn.datasets import load_digits

from baselines.mixmate import MixMate
from jcae.data.catalogue import CATALOGUE
from jcae.data.fetch import fetch
from jcae.data.loaders import LOADERS
from jcae.scores.metrics import accuracy
from jcae.training.phase import Runtime


def scores(fit, y):
    """Accuracy of the clusters of the start, of the first dictionaries, and of the last."""
    seen = fit.snapshots_
    return (
        accuracy(y[fit.start_rows_], fit.start_labels_),
        accuracy(y[seen.rows], seen.labels[0]),
        accuracy(y, fit.labels_),
    )


def test_digits_gain_on_kmeans():
    """Mean of three seeds; 20 epochs reach 0.82 from 0.79."""
    X, y = load_digits(return_X_y=True)
    method = MixMate(10, n_atoms=12, sparsity=0.25, init="kmeans", batch_size=64, epochs=5, device="cpu")
    fits = method.fit_seeds(X / 16, [0, 1, 2], runtime=Runtime(progress=False))
    start, _, end = np.mean([scores(fit, y) for fit in fits], axis=0)
    assert 0.77 < start < 0.81
    assert end > start + 0.01


def test_subspaces_of_scattered_usps_are_its_classes(mirror, tmp_path):
    """800 points; with 2,000 the start is at some 0.84, where k-means of the pixels is at 0.68."""
    X, y = LOADERS["usps"](fetch(CATALOGUE["usps"], tmp_path, mirror=mirror))[:2]
    kept = np.random.default_rng(0).permutation(len(X))[:800]
    found = {}
    for init in ("kmeans", "ssc"):
        params = MixMate.info.presets["usps"] | {"init": init, "epochs": 1, "device": "cpu"}
        (fit,) = MixMate(10, **params).fit_seeds(X[kept], [0], runtime=Runtime(progress=False))
        found[init] = scores(fit, y[kept])
    assert found["ssc"][0] > found["kmeans"][0] + 0.05
    assert found["ssc"][2] > 0.7
