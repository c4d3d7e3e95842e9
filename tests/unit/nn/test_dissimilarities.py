"""Dissimilarities against scipy, their gradients where they are hard, and the softmin as a posterior."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from jcae import IsotropicMixture
from jcae.nn.dissimilarities import DISSIMILARITIES, log_softmin, mahalanobis, minkowski, to_centers

SCIPY = {"euclidean": "euclidean", "squared_euclidean": "sqeuclidean", "cosine": "cosine", "manhattan": "cityblock"}
SCIPY |= {"chebyshev": "chebyshev"}
FUNCTIONS = DISSIMILARITIES | {
    "minkowski 1": partial(minkowski, order=1.0),
    "minkowski 3": partial(minkowski, order=3.0),
}


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("name", DISSIMILARITIES)
def test_values(name):
    x, centers = draw(2, 9, 4), draw(2, 3, 4, seed=1)
    found = to_centers(DISSIMILARITIES[name], x, centers)
    for s in range(2):
        np.testing.assert_allclose(found[s], cdist(x[s], centers[s], SCIPY[name]), atol=1e-11)


@pytest.mark.parametrize("order", [1.0, 1.5, 3.0, 50.0])
def test_minkowski(order):
    x, centers = draw(1, 9, 4), draw(1, 3, 4, seed=1)
    found = to_centers(partial(minkowski, order=order), x, centers)[0]
    np.testing.assert_allclose(found, cdist(x[0], centers[0], "minkowski", p=order), rtol=1e-11)
    large = to_centers(partial(minkowski, order=order), 1e3 * x.float(), 1e3 * centers.float())[0]
    np.testing.assert_allclose(large, 1e3 * found, rtol=1e-5)  # whose powers float32 does not hold


def test_mahalanobis():
    x, centers, factors = draw(2, 9, 4), draw(2, 3, 4, seed=1), draw(2, 3, 4, 4, seed=2)
    found = mahalanobis(x.unsqueeze(1) - centers.unsqueeze(2), factors)
    for s in range(2):
        for k in range(3):
            expected = cdist(x[s], centers[s, k : k + 1], "mahalanobis", VI=factors[s, k] @ factors[s, k].T)[:, 0]
            np.testing.assert_allclose(found[s, :, k], expected**2, rtol=1e-10)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_slopes_are_finite_where_a_point_lies_on_its_centre_or_on_the_origin(name):
    centers = torch.tensor([[[0.0, 0.0], [1.0, 2.0], [1.0, 1.0]]], requires_grad=True)
    x = centers.detach().clone().requires_grad_(True)
    value = to_centers(FUNCTIONS[name], x, centers)
    value.sum().backward()
    assert value.isfinite().all()
    assert x.grad.isfinite().all()
    assert centers.grad.isfinite().all()
    assert value[0, 1, 1] < 2e-6  # the floor under the root


def test_a_vector_of_zeros_is_at_cosine_1_from_everything():
    x = torch.tensor([[[0.0, 0.0], [3.0, 4.0]]])
    found = to_centers(DISSIMILARITIES["cosine"], x, torch.tensor([[[6.0, 8.0], [0.0, 0.0], [-3.0, -4.0]]]))
    torch.testing.assert_close(found, torch.tensor([[[1.0, 1.0, 1.0], [0.0, 1.0, 2.0]]]))


def test_softmin_of_squared_distances_is_the_posterior_of_the_isotropic_mixture():
    X = draw(50, 4).numpy()
    mixture = IsotropicMixture(3, variance=0.3, random_state=0).fit(X)
    centers, weights = torch.tensor(mixture.cluster_centers_), torch.tensor(mixture.weights_)
    squares = to_centers(DISSIMILARITIES["squared_euclidean"], torch.tensor(X), centers)
    found = log_softmin(squares, 0.5 / 0.3, weights.log()).exp()
    np.testing.assert_allclose(found, mixture.predict_proba(X), atol=1e-10)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_seed_has_the_same_bits_alone(name):
    x, centers = draw(3, 65, 7).float(), draw(3, 5, 7, seed=1).float()
    together = to_centers(FUNCTIONS[name], x, centers)
    for s in range(3):
        assert torch.equal(to_centers(FUNCTIONS[name], x[s : s + 1], centers[s : s + 1])[0], together[s])


@pytest.mark.parametrize("clusters", [1, 5], ids=["the same gaps for all clusters", "gaps of each"])
def test_a_seed_has_the_same_bits_alone_under_mahalanobis(clusters):
    gaps, factors = draw(3, clusters, 7, 65).float().mT, draw(3, 5, 7, 7, seed=1).float()

    def slopes(*tensors):
        leaves = [tensor.requires_grad_() for tensor in tensors]
        return torch.autograd.grad(mahalanobis(*leaves).sum(), leaves)

    together = slopes(gaps, factors)
    for s in range(3):
        for one, all_three in zip(slopes(gaps[s : s + 1], factors[s : s + 1]), together, strict=True):
            assert torch.equal(one[0], all_three[s])
