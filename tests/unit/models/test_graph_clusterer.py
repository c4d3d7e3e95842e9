"""What all deep methods on a graph share: what they are given, and what they refuse."""

import numpy as np
import pytest
from scipy import sparse

from baselines.dec import DEC
from baselines.sdcn import SDCN
from jcae import Autoencoder
from jcae.data.formats import DataError
from jcae.data.graphs.graph import clean
from jcae.data.graphs.neighbours import knn_graph

NET = {"hidden": (8, 6), "code_dim": 4, "epochs": 3, "device": "cpu", "random_state": 0}
NET |= {"autoencoder": Autoencoder(epochs=1)}
X = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
RING = sparse.csr_array(np.roll(np.eye(30), 1, axis=1))


def weights(graph, **changes):
    return SDCN(3, **{**NET, **changes}).fit(X, graph=graph).weights_


def equal(one, two):
    return all(np.array_equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize(
    "graph",
    [
        RING,
        RING.T,
        RING.toarray(),
        sparse.coo_array(RING + RING.T),
        RING + sparse.eye_array(30),
        sparse.coo_array((np.ones(60), (np.tile(RING.tocoo().row, 2), np.tile(RING.tocoo().col, 2))), shape=(30, 30)),
    ],
    ids=["directed", "turned", "dense", "both ways", "with loops", "edges twice"],
)
def test_one_graph_in_any_form(graph):
    assert equal(weights(graph), weights(clean(RING, "ring")))


def test_the_edges_and_their_weights_matter():
    heavy = RING.copy()
    heavy.data[:5] = 7.0
    assert not equal(weights(RING), weights(heavy))
    assert not equal(weights(heavy), weights(heavy, normalisation="symmetric"))


def test_without_a_graph_nearest_neighbours_are_joined():
    assert equal(weights(None, n_neighbors=4), weights(knn_graph(X, 4)))
    assert not equal(weights(None, n_neighbors=4), weights(None, n_neighbors=2))


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (np.eye(29), "graph: 29 nodes for 30 points"),
        (np.ones((30, 29)), "graph: a graph of shape"),
        (-RING.toarray(), "weight -1.0 at row"),
        (np.where(RING.toarray() > 0, np.nan, 0), "weight nan at row"),
        ("edges", "graph: "),
    ],
)
def test_what_is_no_graph_of_these_points_is_refused(graph, message):
    with pytest.raises(DataError, match=message):
        weights(graph)


@pytest.mark.parametrize("graph", [np.zeros((30, 30)), np.kron(np.eye(3), np.ones((10, 10)))], ids=["empty", "parts"])
def test_isolated_and_disconnected_nodes_get_labels(graph):
    fitted = SDCN(3, **NET).fit(X, graph=graph)
    assert fitted.labels_.shape == (30,)
    assert np.isfinite(fitted.loss_)


def test_nodes_without_features_get_labels():
    assert SDCN(3, **NET).fit(np.zeros((30, 5)) + np.eye(30, 5), graph=RING).labels_.shape == (30,)


def test_a_method_that_takes_no_graph_says_so():
    with pytest.raises(ValueError, match="DEC takes no graph, but one was given"):
        DEC.published(n_clusters=3, hidden=(8,), code_dim=4, max_iter=2, device="cpu").fit_seeds(X, [0], graph=RING)


def test_new_nodes_have_no_label():
    assert not hasattr(SDCN, "predict")
    assert not hasattr(SDCN(3), "predict_proba")
