"""The data that methods are checked on: small, and in the range that a method takes."""

from types import SimpleNamespace

import numpy as np

K, FEATURES = 3, 16


def blobs(n_clusters: int = K, n: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """Blobs far apart, which every method should find."""
    from sklearn.datasets import make_blobs

    return make_blobs(n, FEATURES, centers=n_clusters, center_box=(-10.0, 10.0), random_state=0)


def noise(n: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Points without structure, and classes that mean nothing."""
    rng = np.random.default_rng(0)
    return rng.uniform(size=(n, FEATURES)), rng.integers(K, size=n)


def standardised(X: np.ndarray, y: np.ndarray | None = None) -> SimpleNamespace:
    """Mean 0 and standard deviation 1 of every feature."""
    return SimpleNamespace(X=((X - X.mean(0)) / (X.std(0) + 1e-12)).astype(np.float32), y=y)


def scaled(X: np.ndarray, y: np.ndarray | None = None) -> SimpleNamespace:
    """Every feature between 0 and 1."""
    return SimpleNamespace(X=((X - X.min(0)) / (np.ptp(X, 0) + 1e-12)).astype(np.float32), y=y)
