"""U-SPEC, its ensemble and LWGP: the search for representatives, cuts of graphs whose answer is known, bad input."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import make_blobs, make_circles
from sklearn.metrics import adjusted_rand_score

from baselines.lwgp import LWGP
from baselines.uspec import USENC, USPEC, affinity, choose_representatives, nearest_representatives
from jcae.models.bipartite import consensus, membership, reliability, transfer_cut, transfer_cut_embedding


def rng():
    return np.random.RandomState(0)


@pytest.fixture(scope="module")
def rings():
    return make_circles(600, factor=0.4, noise=0.03, random_state=0)


def test_search_is_exact_where_all_representatives_are_candidates():
    X, R = (np.random.default_rng(s).normal(size=(n, 3)) for s, n in ((0, 100), (1, 30)))
    near, squares = nearest_representatives(X, R, 3, rng())
    distances = ((X[:, None] - R) ** 2).sum(-1)
    np.testing.assert_array_equal(near, distances.argsort(1)[:, :3])
    np.testing.assert_allclose(squares, np.sort(distances)[:, :3])


def test_search_is_nearly_exact_among_many(monkeypatch):
    X, R = (np.random.default_rng(s).normal(size=(n, 3)) for s, n in ((0, 500), (1, 400)))
    near, squares = nearest_representatives(X, R, 2, rng())
    exact = ((X[:, None] - R) ** 2).sum(-1).argsort(1)[:, :2]
    assert (near == exact).mean() > 0.9
    np.testing.assert_allclose(squares, ((X[:, None] - R[near]) ** 2).sum(-1))
    monkeypatch.setattr("baselines.uspec._CHUNK", 500)
    np.testing.assert_array_equal(nearest_representatives(X, R, 2, rng())[0], near)


def test_affinity_of_points_that_lie_on_their_representatives():
    X = np.array([[0.0], [0.0], [5.0]])
    B = affinity(X, np.array([[0.0], [5.0]]), 1, rng())
    np.testing.assert_array_equal(B.toarray(), [[1, 0], [1, 0], [0, 1]])


def test_representatives_are_among_the_points(rings):
    R = choose_representatives(rings[0], 40, rng())
    assert R.shape == (40, 2)
    assert len(np.unique(R, axis=0)) == 40
    assert np.abs(R).max() <= np.abs(rings[0]).max()


def test_cut_of_two_parts_without_an_edge_between_them():
    B = np.zeros((8, 5))
    B[:5, :3] = 1 + np.random.default_rng(0).random((5, 3))
    B[5:, 3:] = 1
    rows, eigenvalues = transfer_cut_embedding(csr_array(B), 3)
    np.testing.assert_allclose(eigenvalues[:2], 1)
    assert eigenvalues[2] < 0.5
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1)
    labels = transfer_cut(csr_array(B), 2, rng())
    assert adjusted_rand_score([0] * 5 + [1] * 3, labels) == 1
    with pytest.raises(ValueError, match="6 clusters of a graph with 5 nodes"):
        transfer_cut(csr_array(B), 6, rng())


def test_a_point_without_an_edge_is_no_accident():
    B = np.zeros((4, 2))
    B[:2, 0] = B[2, 1] = 1
    assert np.isfinite(transfer_cut_embedding(csr_array(B), 2)[0]).all()


def test_reliability_by_hand():
    clusterings = np.array([[0, 5], [0, 5], [0, 7], [0, 7], [3, 7]])
    members = membership(clusterings)
    np.testing.assert_array_equal(members.toarray()[2], [1, 0, 0, 1])
    # Cluster 0: halves in the other clustering, 1 bit. 3: none. 5: none. 7: thirds 2/3, 1/3.
    bits = np.array([1, 0, 0, -(2 / 3 * np.log2(2 / 3) + 1 / 3 * np.log2(1 / 3))])
    np.testing.assert_allclose(reliability(members, 2, 0.4), np.exp(-bits / 0.8))
    np.testing.assert_allclose(reliability(members, 2, 1e9), 1)


def test_consensus_outvotes_a_clustering_that_says_nothing():
    y = np.repeat([0, 1, 2], 20)
    noise = np.random.default_rng(0).integers(3, size=60)
    for theta in (None, 0.4):
        found = consensus(np.stack([y, y + 4, (y + 1) % 3, noise], axis=1), 3, rng(), theta)
        assert adjusted_rand_score(y, found) == 1


def test_rings_that_k_means_cannot_tell_apart(rings):
    X, y = rings
    assert adjusted_rand_score(y, USPEC(2, representatives=100, random_state=0).fit(X).labels_) == 1
    ensemble = USENC(2, members=5, representatives=100, random_state=0).fit(X)
    assert adjusted_rand_score(y, ensemble.labels_) == 1
    counts = [len(np.unique(column)) for column in ensemble.clusterings_.T]
    assert all(3 <= k <= 10 for k in counts), "a sixth of 20 to 60: there are 100 representatives, not 600"
    assert len(set(counts)) > 1


def test_lwgp_finds_blobs_and_has_members_of_many_sizes():
    X, y = make_blobs(300, 4, centers=5, random_state=1)
    fit = LWGP(5, random_state=0).fit(X)
    assert adjusted_rand_score(y, fit.labels_) > 0.95
    counts = [len(np.unique(column)) for column in fit.clusterings_.T]
    assert max(counts) <= 17
    assert len(set(counts)) > 1


@pytest.mark.parametrize(
    ("method", "say"),
    [
        (USPEC(3, representatives=2), "3 clusters of a graph with 2 nodes"),
        (USPEC(31), "n_samples=30 should be at least n_clusters=31"),
        (USPEC(2, n_neighbors=0), "USPEC: n_neighbors=0 is not allowed"),
        (USENC(2, members=0), "USENC: members=0 is not allowed"),
        (USENC(2, fewest=9, most=8), "most=8 is not allowed; it must be at least fewest=9"),
        (USENC(2, theta=0), "USENC: theta=0 is not allowed"),
        (LWGP(2, theta=-1.0), "LWGP: theta=-1.0 is not allowed"),
        (LWGP(2, members=1.5), "LWGP: members=1.5 is not allowed"),
    ],
)
def test_bad_input_is_named(method, say):
    with pytest.raises(ValueError, match=say):
        method.fit(np.random.default_rng(0).normal(size=(30, 2)))
