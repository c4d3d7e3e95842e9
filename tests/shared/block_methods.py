"""Stand-ins for methods that a block is fitted with, and what a job says of them."""

from collections import namedtuple

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin


def spec(use, **changes):
    """What a job is told."""
    return {"dataset": "wine", "method": "m", "use": use, "params": {}} | changes


def mine(cls, **changes):
    """The same of a class that a test defines."""
    return spec(f"{cls.__module__}.{cls.__name__}", **changes)


class Plain(ClusterMixin, BaseEstimator):
    """Labels by the first feature.

    More text.
    """

    def __init__(self, n_clusters=2, random_state=None):
        self.n_clusters = n_clusters
        self.random_state = random_state

    def fit(self, X, y=None):
        assert y is None
        self.labels_ = self.make(X)
        return self

    def make(self, X):
        return (X[:, 0] > 0).astype(int)


class Deep(BaseEstimator):
    """Follows the interface of jcae.models.estimator.DeepClusterer: a linear code, no learning."""

    info = namedtuple("info", "label summary reference deviations")("DEEP", "A stand-in.", "doi:1", ("none",))
    calls = ()

    def __init__(self, n_clusters=2, code_dim=2, device="auto", precision="float64", random_state=None, fail=""):
        self.n_clusters, self.code_dim, self.device, self.precision = n_clusters, code_dim, device, precision
        self.random_state, self.fail = random_state, fail

    def fit_seeds(self, X, seeds, *, pretrained=None, runtime=None):
        type(self).calls = (list(seeds), pretrained, runtime)
        if runtime.checkpoint:
            runtime.checkpoint.parent.mkdir(parents=True, exist_ok=True)
            runtime.checkpoint.write_text("state")
        if self.fail:
            raise {"memory": MemoryError, "stop": KeyboardInterrupt}.get(self.fail, ValueError)(self.fail)
        return [self._fitted(X, seed) for seed in seeds]

    def _fitted(self, X, seed):
        one = Deep(**{**self.get_params(), "random_state": seed})
        one.W = np.random.default_rng(seed).normal(size=(X.shape[1], self.code_dim))
        code = X @ one.W
        one.labels_ = (code[:, 0] > 0).astype(np.int32)
        one.refit_labels_ = 1 - one.labels_
        one.cluster_centers_ = np.stack([code[one.labels_ == k].mean(0) for k in range(2)])
        one.history_ = [
            {"phase": "joint", "epoch": e, "step": 3 * e, "term": "loss", "value": 1 / (e + 1)} for e in range(2)
        ]
        one.loss_, one.n_updates_, one.status_, one.reason_ = 0.5, 6, "ok", None
        one.weights_ = {"W": one.W, "scale": np.float32(2.0).reshape(())}
        if seed == 3:
            one.status_, one.reason_, one.loss_ = "diverged", "loss is nan", float("nan")
            one.cluster_centers_ = one.cluster_centers_ * np.nan
        return one

    def transform(self, X):
        return X @ self.W

    def inverse_transform(self, Z):
        return np.asarray(Z) @ self.W.T
