"""Small arrays for losses that are written out by hand, and what compares them."""

import numpy as np
import torch

N, D, K = 7, 4, 3


def draw():
    """Points (N, D), memberships (N, K) and centroids (K, D)."""
    rng = np.random.default_rng(3)
    x, M = rng.normal(size=(N, D)), rng.normal(size=(K, D))
    gamma = rng.dirichlet(np.ones(K), size=N)
    return x, gamma, M


def tensors(*arrays, grad=False):
    return [torch.tensor(a, requires_grad=grad) for a in arrays]


def close(found, expected, tolerance=1e-12):
    found = found.detach().numpy() if isinstance(found, torch.Tensor) else found
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
