"""A config of two data sets and five methods, with changes, and what is wrong with one."""

import copy

import pytest

from jcae.jobs.config import ConfigError
from jcae.jobs.plan import make_plan

BASE = {
    "run": "test",
    "seeds": [0, 1, 2],
    "datasets": {"wine": {}, "digits": {}},
    "autoencoders": {"shared": {"params": {"hidden": [8], "code_dim": 10}}},
    "methods": {
        "kmeans": {"use": "sklearn.cluster.KMeans", "params": {"n_init": 20}},
        "gmm": {"use": "sklearn.mixture.GaussianMixture"},
        "cm": {"use": "jcae.ClusteringModule"},
        "dec": {
            "use": "baselines.dec.DEC",
            "autoencoder": "shared",
            "params": {"hidden": [8], "code_dim": 10, "negative_slope": 0.2},
        },
        "truth": {"use": "baselines.true_labels.TrueLabels"},
    },
}


NETWORK = {"hidden": [8], "code_dim": 10, "negative_slope": 0.2}


def config(**changes):
    """The base config; `methods__kmeans__params={...}` sets one entry."""
    result = copy.deepcopy(BASE)
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = result
        for key in parents:
            place = place.setdefault(key, {})
        place[last] = value
    return result


def problems(**changes):
    with pytest.raises(ConfigError) as caught:
        make_plan(config(**changes))
    return caught.value.problems
