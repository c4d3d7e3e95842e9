"""Where a mixture starts: precisions of clusters, singular ones too, and centres by exchange."""

import numpy as np
import pytest
import torch
from sklearn.datasets import make_blobs

from jcae.nn.dissimilarities import DISSIMILARITIES, to_centers
from jcae.randomness.seeds import generator
from jcae.training.mixture_start import exchange_start, precision_factors


def within(X, labels, n_clusters):
    """Covariance within all clusters together."""
    gaps = np.concatenate([X[labels == k] - X[labels == k].mean(0) for k in range(n_clusters) if (labels == k).any()])
    return gaps.T @ gaps / (len(X) - n_clusters)


def precisions(X, labels, n_clusters):
    factors = precision_factors(X, labels, n_clusters)
    assert np.isfinite(factors).all()
    assert np.array_equal(factors, np.tril(factors))
    return factors @ factors.transpose(0, 2, 1)


@pytest.fixture
def blobs():
    return make_blobs(90, n_features=3, centers=3, random_state=0)


def test_precision_is_the_inverse_covariance(blobs):
    X, y = blobs
    for k, precision in enumerate(precisions(X, y, 3)):
        np.testing.assert_allclose(precision, np.linalg.inv(np.cov(X[y == k].T)), rtol=1e-9)


def test_clusters_too_small_flat_or_empty_get_the_pooled_covariance(blobs):
    X, y = blobs
    X, y = X.copy(), y.copy()
    X[y == 1, 2] = X[y == 1, 0]  # lies in a plane
    y[np.flatnonzero(y == 2)[3:]] = 0  # three points of three features
    found = precisions(X, y, 4)  # and nobody is in the last
    np.testing.assert_allclose(found[0], np.linalg.inv(np.cov(X[y == 0].T)), rtol=1e-9)
    for k in (1, 2, 3):
        np.testing.assert_allclose(found[k], np.linalg.inv(within(X, y, 4)), rtol=1e-9)


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_where_the_pooled_covariance_is_singular_too_a_millionth_is_added(blobs, scale):
    X, y = blobs
    X = scale * np.hstack([X, np.ones((len(X), 1))])  # a feature that never changes
    covariance = within(X, y, 3)
    expected = np.linalg.inv(covariance + 1e-6 * np.trace(covariance) / 4 * np.eye(4))
    for precision in precisions(X, y, 3):
        np.testing.assert_allclose(precision, expected, rtol=1e-6)


def test_points_that_are_all_the_same_have_a_precision():
    np.testing.assert_allclose(precisions(np.ones((9, 2)), np.arange(9) % 2, 2), 1e6 * np.stack([np.eye(2)] * 2))


@pytest.mark.parametrize("name", DISSIMILARITIES)
def test_exchange_finds_groups_that_lie_apart(name):
    """In other directions, so that cosine tells them apart."""
    points = torch.tensor(make_blobs(120, centers=[[9, 0], [0, 9], [-9, 0], [0, -9]], random_state=0)[0])
    centers = exchange_start(points, 4, DISSIMILARITIES[name], generator(0, "start"))
    assert {tuple(c) for c in centers.tolist()} <= {tuple(p) for p in points.tolist()}
    gaps = to_centers(DISSIMILARITIES["euclidean"], centers, centers).fill_diagonal_(torch.inf)
    assert gaps.min() > 7


def test_exchange_with_one_centre_with_all_points_and_with_duplicates():
    points = torch.arange(5.0)[:, None]
    d = DISSIMILARITIES["manhattan"]
    assert exchange_start(points, 1, d, generator(0, "start")).shape == (1, 1)
    assert exchange_start(points, 5, d, generator(0, "start"))[:, 0].sort().values.tolist() == [0, 1, 2, 3, 4]
    twice = points[:2].repeat(30, 1)
    assert sorted(exchange_start(twice, 2, d, generator(0, "start"))[:, 0].tolist()) == [0, 1]
    assert exchange_start(torch.ones(9, 1), 3, d, generator(0, "start")).tolist() == [[1], [1], [1]]
