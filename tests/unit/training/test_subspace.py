"""Sparse subspace clustering of points on planes, and of points that are difficult."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import orthogonal_mp_gram
from sklearn.metrics import adjusted_rand_score

from jcae.training.subspace import (
    affinity,
    leading_inner_products,
    self_expression,
    spectral_embedding,
    subspace_clusters,
)


@pytest.fixture(scope="module")
def planes():
    """Three planes in ten dimensions, 30 points each."""
    rng = np.random.default_rng(0)
    points = [rng.normal(size=(30, 2)) @ np.linalg.qr(rng.normal(size=(10, 2)))[0].T for _ in range(3)]
    return torch.tensor(np.concatenate(points)), np.repeat(range(3), 30)


def test_planes_are_found_and_points_are_written_by_their_own(planes):
    x, y = planes
    assert adjusted_rand_score(y, subspace_clusters(x, 3, seed=0)) == 1
    C = self_expression(x @ x.mT, 5, 1e-12).numpy()
    assert not C[y[:, None] != y].any()
    assert not np.diag(C).any()
    np.testing.assert_allclose(C @ x.numpy(), x, atol=1e-6)
    assert (np.count_nonzero(C, axis=1) <= 3).all()  # two would do


def test_coefficients_are_those_of_scikit_learn():
    x = torch.tensor(np.random.default_rng(1).normal(size=(25, 12)))
    x /= x.norm(dim=1, keepdim=True)
    C = self_expression(x @ x.mT, 4, 0.0)
    for i in range(25):
        others = np.delete(x.numpy(), i, axis=0)
        expected = orthogonal_mp_gram(others @ others.T, others @ x[i].numpy(), n_nonzero_coefs=4)
        np.testing.assert_allclose(np.delete(C[i].numpy(), i), expected, atol=1e-10)


def test_duplicates_zeros_and_few_points(planes):
    x = torch.cat([planes[0][:20], planes[0][:20], torch.zeros(2, 10)])
    C = self_expression(x @ x.mT, 5, 1e-5)
    assert torch.isfinite(C).all()
    assert (C[torch.arange(20), torch.arange(20, 40)] == 1).logical_or(C[:20].count_nonzero(1) > 1).all()
    assert not C[40:].any()
    embedding = spectral_embedding(affinity(C), 3)
    np.testing.assert_allclose(embedding.norm(dim=1), np.repeat([1.0, 0.0], [40, 2]), atol=1e-6)
    assert len(subspace_clusters(x, 3, seed=0)) == 42
    assert len(subspace_clusters(torch.eye(2), 2, seed=0)) == 2  # nothing explains them


def test_directions_with_the_largest_squares_are_kept():
    x = torch.diag(torch.tensor([1.0, 3.0, 2.0], dtype=torch.float64))
    torch.testing.assert_close(leading_inner_products(x, 2), torch.diag(torch.tensor([0.0, 9.0, 4.0]).double()))
    torch.testing.assert_close(leading_inner_products(x, 500), x.square())
