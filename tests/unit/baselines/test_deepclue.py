"""DeepCluE: what it is made of, layer by layer; its weights; what it refuses."""

import re

import numpy as np
import pytest
from sklearn.datasets import load_digits

from baselines.contrastive_clustering import ContrastiveClustering
from baselines.deepclue import DeepCluE
from baselines.uspec import USENC, rough_clusterings
from jcae.models.bipartite import consensus
from jcae.randomness.seeds import sklearn_seed

NET = {"widths": (4, 6), "depths": (1, 1), "feature_dim": 5, "batch_size": 50, "epochs": 2, "image_shape": (8, 8)}
NET |= {"learning_rate": 1e-2, "device": "cpu"}
ENSEMBLE = {"members": 3, "representatives": 60, "fewest": 10, "most": 12}
SEED = 7


@pytest.fixture(scope="module")
def digits():
    return (load_digits().data[:150] / 16).astype(np.float32)


@pytest.fixture(scope="module")
def fit(digits):
    return DeepCluE(10, **NET, **ENSEMBLE).fit_seeds(digits, [SEED])[0]


def ensemble(features, layer):
    """The members that a layer's features (n, d) give."""
    rng = np.random.RandomState(sklearn_seed(SEED, "ensemble", layer))
    return rough_clusterings(USENC(10, **ENSEMBLE), features.astype(np.float64), rng)


def agree(clusterings, theta):
    return consensus(clusterings, 10, np.random.RandomState(sklearn_seed(SEED, "consensus")), theta)


def test_its_network_is_that_of_contrastive_clustering(fit, digits):
    other = ContrastiveClustering(10, **NET).fit_seeds(digits, [SEED])[0]
    for name, value in other.weights_.items():
        np.testing.assert_array_equal(fit.weights_[name], value)
    assert fit.history_ == other.history_
    np.testing.assert_array_equal(fit.snapshots_.labels[-1], other.labels_)
    np.testing.assert_array_equal(fit.transform(digits), other.transform(digits))
    np.testing.assert_array_equal(fit.refit_labels_, other.refit_labels_)


def test_members_are_rough_clusterings_of_the_layers_and_labels_their_weighted_consensus(fit, digits):
    layers = fit._map(lambda network, x: network.layers(x)["backbone"], torch_of(digits))
    assert fit.clusterings_.shape == (150, 9)
    np.testing.assert_array_equal(fit.clusterings_[:, :3], ensemble(layers, "backbone"))
    for i, name in enumerate(("backbone", "instance", "cluster")):
        features = fit._map(lambda network, x, name=name: network.layers(x)[name], torch_of(digits))
        np.testing.assert_array_equal(fit.clusterings_[:, 3 * i : 3 * i + 3], ensemble(features, name))
    np.testing.assert_array_equal(fit.labels_, agree(fit.clusterings_, 0.4))
    code = fit.transform(digits)
    for k in np.unique(fit.labels_):
        np.testing.assert_allclose(fit.cluster_centers_[k], code[fit.labels_ == k].mean(0), rtol=1e-4, atol=1e-6)


def torch_of(X):
    import torch

    return torch.tensor(X)


def test_presets_differ_in_layers_and_weights_alone(fit, digits):
    for name, layers, theta in (
        ("unweighted", 3, None),
        ("single_layer", 1, 0.4),
        ("single_layer_unweighted", 1, None),
    ):
        other = DeepCluE(10, **NET, **ENSEMBLE, **DeepCluE.info.presets[name]).fit_seeds(digits, [SEED])[0]
        np.testing.assert_array_equal(other.clusterings_, fit.clusterings_[:, : 3 * layers])
        np.testing.assert_array_equal(other.labels_, agree(other.clusterings_, theta))
    assert (agree(fit.clusterings_, 0.4) != agree(fit.clusterings_, None)).any()


def test_features_of_length_one(fit, digits):
    settings = {"layers": ("instance",), "unit_length": True}
    other = DeepCluE(10, **NET, **ENSEMBLE, **settings).fit_seeds(digits, [SEED])[0]
    z = fit._map(lambda network, x: network.layers(x)["instance"], torch_of(digits))
    np.testing.assert_array_equal(
        other.clusterings_, ensemble(z / np.linalg.norm(z, axis=1, keepdims=True), "instance")
    )


def test_seeds_of_a_block_have_ensembles_of_their_own(fit, digits):
    both = DeepCluE(10, **NET, **ENSEMBLE).fit_seeds(digits, [3, SEED])
    np.testing.assert_array_equal(both[1].clusterings_, fit.clusterings_)
    np.testing.assert_array_equal(both[1].labels_, fit.labels_)
    assert (both[0].clusterings_ != fit.clusterings_).any()


def test_without_enough_clusters_it_has_collapsed():
    """All points the same: every member has one cluster."""
    same = np.full((60, 64), 0.25, np.float32)
    fit = DeepCluE(10, **NET, **ENSEMBLE, layers=("backbone",)).fit_seeds(same, [0])[0]
    assert fit.status_ == "collapsed"
    assert re.fullmatch(r"the members have \d clusters together, and 10 are asked for", fit.reason_)


def test_a_second_fit_leaves_nothing_of_the_first(fit, digits):
    method = DeepCluE(10, random_state=SEED, **NET, **ENSEMBLE).fit(digits[:100])
    np.testing.assert_array_equal(method.fit(digits).clusterings_, fit.clusterings_)


def test_it_labels_no_new_points(fit):
    assert not hasattr(fit, "predict")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"layers": ("backbone", "head")},
            "layers=('backbone', 'head') is not allowed; it must be a sequence of some of",
        ),
        ({"layers": ("instance", "instance")}, "layers=('instance', 'instance') is not allowed"),
        ({"layers": ()}, "layers=() is not allowed"),
        ({"layers": "backbone"}, "layers='backbone' is not allowed"),
        ({"members": 0}, "members=0 is not allowed; it must be an integer of at least 1"),
        ({"theta": 0}, "theta=0 is not allowed; it must be a number above 0"),
        ({"fewest": 13}, "most=12 is not allowed; it must be at least fewest=13"),
        ({"image_shape": None}, "image_shape=None is not allowed"),
    ],
)
def test_bad_parameters_are_named_before_anything_is_trained(params, message, digits):
    with pytest.raises(ValueError, match="DeepCluE: " + re.escape(message)):
        DeepCluE(10, **{**NET, **ENSEMBLE, **params}).fit(digits)
