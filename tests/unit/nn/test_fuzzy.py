"""Fuzzy memberships and centroids against values computed by hand, and where formulas divide by 0."""

import math

import pytest
import torch

from jcae.nn.distances import squared_distances
from jcae.nn.fuzzy import (
    adaptive_squares,
    adaptive_weights,
    distances,
    entropic_memberships,
    fuzzy_memberships,
    weighted_means,
)

POINTS = torch.tensor([[[0.0], [1.0], [4.0]]], dtype=torch.float64)
CENTROIDS = torch.tensor([[[-1.0], [5.0]]], dtype=torch.float64)


def close(found, expected, tolerance=1e-8):
    torch.testing.assert_close(found, torch.as_tensor(expected, dtype=torch.float64), rtol=tolerance, atol=tolerance)


def test_memberships_by_hand():
    """Squared distances 1 and 25, 4 and 16, 25 and 1."""
    squares = squared_distances(POINTS, CENTROIDS)
    close(squares, [[[1, 25], [4, 16], [25, 1]]])
    # m = 2: by 1/D;  m = 1.5: by 1/D^2
    close(fuzzy_memberships(squares, 2.0).exp(), [[[25 / 26, 1 / 26], [4 / 5, 1 / 5], [1 / 26, 25 / 26]]])
    close(fuzzy_memberships(squares, 1.5).exp(), [[[625 / 626, 1 / 626], [16 / 17, 1 / 17], [1 / 626, 625 / 626]]])
    # distances 1 and 5, 2 and 4, 5 and 1
    first = 1 / (1 + math.exp(-4 / 2))
    second = 1 / (1 + math.exp(-2 / 2))
    found = entropic_memberships(distances(squares), 2.0).exp()
    close(found, [[[first, 1 - first], [second, 1 - second], [1 - first, first]]])


def test_memberships_minimise_what_they_should():
    """No move of weight from one cluster to the other lowers the objective."""
    squares = squared_distances(POINTS, CENTROIDS)
    u = fuzzy_memberships(squares, 1.5).exp()
    v = entropic_memberships(squares, 3.0).exp()
    shift = torch.tensor([1e-4, -1e-4], dtype=torch.float64)
    for move in (shift, -shift):
        assert ((u + move).pow(1.5) * squares).sum() > (u.pow(1.5) * squares).sum()
        moved = ((v + move) * squares + 3.0 * torch.xlogy(v + move, v + move)).sum()
        assert moved > (v * squares + 3.0 * torch.xlogy(v, v)).sum()


def test_means_by_hand():
    weights = torch.tensor([[[1.0, 0.0], [3.0, 0.5], [0.0, 1.5]]], dtype=torch.float64)
    close(weighted_means(weights, POINTS, CENTROIDS), [[[3 / 4], [6.5 / 2]]])


def test_a_cluster_without_weight_keeps_its_centroid():
    weights = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [2.0, 0.0]]], dtype=torch.float64)
    close(weighted_means(weights, POINTS, CENTROIDS), [[[9 / 4], [5]]])


def test_adaptive_squares_and_their_derivative():
    """r = 2, sigma = 0.5: 1.5 * 4 / 2.5, and 1.5 * 3 / (2 * 6.25)."""
    squares = torch.tensor([4.0], dtype=torch.float64, requires_grad=True)
    adapted = adaptive_squares(squares, 0.5)
    close(adapted, [2.4])
    close(adaptive_weights(squares, 0.5), [0.36])
    close(torch.autograd.grad(adapted.sum(), squares)[0], [0.36])
    close(adaptive_squares(squares, 1e9), [4], 1e-6)
    close(adaptive_squares(squares, None), [4])
    close(adaptive_weights(squares, None), [1])


@pytest.mark.parametrize("sigma", [None, 0.7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_point_on_a_centroid_is_its_and_has_a_gradient(dtype, sigma):
    z = CENTROIDS[:, :1].to(dtype).requires_grad_()
    squares = squared_distances(z, CENTROIDS.to(dtype))
    for found in (
        fuzzy_memberships(adaptive_squares(squares, sigma), 1.5),
        fuzzy_memberships(squares, 1.001),
        entropic_memberships(distances(squares), 1e-3),
        entropic_memberships(adaptive_squares(squares, sigma), 1e-3),
    ):
        assert found[0, 0, 0].exp().item() == pytest.approx(1.0)
        entropy = -(found.exp() * found).sum()
        (gradient,) = torch.autograd.grad(entropy, z, retain_graph=True)
        assert torch.isfinite(gradient).all()


def test_points_between_equal_centroids_are_shared():
    z, centroids = torch.zeros(1, 2, 3), torch.zeros(1, 4, 3)
    u = fuzzy_memberships(squared_distances(z, centroids), 1.5).exp()
    torch.testing.assert_close(u, torch.full((1, 2, 4), 0.25))
