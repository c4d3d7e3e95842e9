"""Stands in for packages that are slow; importable by its name, so that what was fitted with it can be pickled."""

import numpy as np


class RandomMap:
    """Stands in for `umap.UMAP`: a random linear map, which is enough to test what is around it."""

    def __init__(self, *, n_components, n_neighbors, min_dist, random_state, n_jobs):
        self.n_components, self.random_state = n_components, random_state

    def fit_transform(self, X):
        return self.transform(X)

    def transform(self, X):
        rng = np.random.default_rng(self.random_state)
        return (X @ rng.normal(size=(X.shape[1], self.n_components))).astype(np.float32)
