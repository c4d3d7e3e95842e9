"""k-means on smoothed features: the smoothing by hand, and what it is for."""

import numpy as np
import pytest

from baselines.smoothed_kmeans import SmoothedKMeans
from jcae.data.formats import DataError

TRIANGLES = np.kron(np.eye(2), np.ones((3, 3)) - np.eye(3))


def test_smoothing_by_hand():
    """A path of three nodes: degrees with loops 2, 3, 2."""
    X = np.array([[1.0, 0.0], [0.0, 6.0], [4.0, 0.0]])
    path = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    root = 6**-0.5
    N = np.array([[1 / 2, root, 0], [root, 1 / 3, root], [0, root, 1 / 2]])
    for t, expected in ((0, X), (1, N @ X), (2, N @ N @ X)):
        found = SmoothedKMeans(3, smoothing=t, random_state=0).fit(X, graph=path)
        np.testing.assert_allclose(found.cluster_centers_[found.labels_], expected, atol=1e-12)


def test_edges_decide_where_features_are_noise():
    X = np.random.default_rng(0).normal(size=(6, 4))
    X[:3] += 0.3
    labels = SmoothedKMeans(2, smoothing=20, random_state=0).fit_predict(X, graph=TRIANGLES)
    assert len(set(labels[:3])) == len(set(labels[3:])) == 1
    assert labels[0] != labels[3]


def test_without_a_graph_it_takes_nearest_neighbours():
    X = np.concatenate([np.zeros((5, 2)), np.ones((5, 2))]) + np.random.default_rng(0).normal(size=(10, 2)) * 0.01
    labels = SmoothedKMeans(2, random_state=0).fit_predict(X)
    assert len(set(labels[:5])) == len(set(labels[5:])) == 1


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_clusters": 7}, "n_samples=6 should be at least n_clusters=7"),
        ({"smoothing": -1}, "smoothing=-1 is not allowed; it must be an integer of at least 0"),
        ({"n_neighbors": 0}, "n_neighbors=0 is not allowed; it must be an integer of at least 1"),
    ],
)
def test_bad_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        SmoothedKMeans(**{"n_clusters": 2, **params}).fit(np.eye(6))


def test_graph_of_another_size_is_refused():
    with pytest.raises(DataError, match="graph: 6 nodes for 5 points"):
        SmoothedKMeans(2).fit(np.eye(5), graph=TRIANGLES)
