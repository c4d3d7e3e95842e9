"""The start of MixMate against kymatio's scattering and the authors' subspace clustering (tests/golden/numbers)."""

import numpy as np
import pytest
import torch
from golden_numbers import golden
from sklearn.metrics import adjusted_rand_score

from jcae.nn.scattering import filters, scattering
from jcae.training.kmeans import kmeans
from jcae.training.subspace import affinity, leading_inner_products, self_expression, spectral_embedding


@pytest.fixture(scope="module")
def images():
    return golden("scattering_1")


@pytest.fixture(scope="module")
def points():
    return golden("ssc_1")


def test_filters(images):
    """kymatio takes 3.1415 for pi where it scales them: theirs are 3e-5 larger."""
    J, L = images["J"].item(), images["L"].item()
    psi, phi = filters(*images["padded"].tolist(), J, L)
    np.testing.assert_allclose(phi, images["phi_hat"], atol=4e-5)
    for one, (j, angle) in zip(images["psi_hat"], images["psi_j_theta"], strict=True):
        np.testing.assert_allclose(psi[j, angle], one, atol=4e-5)


def test_scattering(images):
    found = scattering(torch.tensor(images["x"]), images["J"].item(), images["L"].item())
    assert found.shape == images["S"].shape
    np.testing.assert_allclose(found, images["S"], rtol=0, atol=4e-5 * np.abs(images["S"]).max())


def test_subspace_clustering(points):
    inner = leading_inner_products(torch.tensor(points["X"]), points["dim"].item())
    np.testing.assert_allclose(inner, points["Xr_gram"], atol=1e-10)
    coefficients = self_expression(inner, points["n_nonzero"].item(), points["thr"].item())
    np.testing.assert_allclose(coefficients, points["C"], atol=1e-9)
    weights = affinity(coefficients)
    np.testing.assert_allclose(weights, points["affinity"], atol=1e-9)
    K = len(np.unique(points["labels"]))
    labels = kmeans(spectral_embedding(weights, K), K, [0]).labels[0]
    assert adjusted_rand_score(labels, points["labels"]) == 1
