"""U-SPEC, U-SENC and LWGP against the numbers of their authors' scripts; the range of their scores on Pendigits."""

import numpy as np
import pytest
from golden_numbers import golden
from scipy.sparse import csr_array, diags_array
from sklearn.metrics import normalized_mutual_info_score

from baselines.lwgp import LWGP
from baselines.uspec import USPEC, affinity, nearest_representatives
from jcae.data.catalogue import CATALOGUE
from jcae.data.fetch import fetch
from jcae.data.prepare import prepare
from jcae.data.stored import load_features, load_truth
from jcae.models.bipartite import membership, reliability, transfer_cut_embedding

THETA = {"2": 0.2, "4": 0.4, "10": 1.0}


@pytest.fixture(scope="module")
def numbers():
    return golden("uspec_1")


def agree_on_cut(B, eigenvalues, Y):
    """Eigenvectors are known up to rotations where eigenvalues repeat, which products of rows do not see."""
    rows, found = transfer_cut_embedding(csr_array(B), Y.shape[1])
    np.testing.assert_allclose(found, eigenvalues[: Y.shape[1]], atol=1e-9)
    np.testing.assert_allclose(rows @ rows.T, Y @ Y.T, atol=1e-9)


def test_affinities_to_representatives(numbers):
    X, R, count = numbers["X"], numbers["uspec_representatives"], int(numbers["Knn"])
    _, squares = nearest_representatives(X, R, count, np.random.RandomState(0))
    assert np.sqrt(squares).mean() == pytest.approx(float(numbers["uspec_sigma"]), abs=1e-12)
    B = affinity(X, R, count, np.random.RandomState(0)).toarray()
    np.testing.assert_allclose(B, numbers["uspec_B"], atol=1e-12)


def test_cut_of_uspec(numbers):
    agree_on_cut(numbers["uspec_B"], numbers["uspec_eigenvalues"], numbers["uspec_Y"])


def test_consensus_of_usenc(numbers):
    B = membership(numbers["base"])
    np.testing.assert_array_equal(B.toarray(), numbers["segments"].T)
    np.testing.assert_array_equal(B.toarray(), numbers["usenc_B"])
    agree_on_cut(B, numbers["usenc_eigenvalues"], numbers["usenc_Y"])


@pytest.mark.parametrize("key", THETA)
def test_weighted_consensus_of_lwgp(numbers, key):
    B = membership(numbers["base"])
    weights = reliability(B, numbers["base"].shape[1], THETA[key])
    np.testing.assert_allclose(weights, numbers[f"eci_theta{key}"], atol=1e-12)
    B = B @ diags_array(weights)
    np.testing.assert_allclose(B.toarray(), numbers[f"lw_B_theta{key}"], atol=1e-12)
    agree_on_cut(B, numbers[f"lw_eig_theta{key}"], numbers[f"lw_Y_theta{key}"])


def test_range_on_pendigits(mirror, tmp_path):
    """Published: U-SPEC 80.3 +- 2.2, LWGP 78.9; their NMI has the geometric mean."""
    fetch(CATALOGUE["pendigits"], tmp_path / "raw" / "pendigits", mirror=mirror)
    prepare("pendigits", tmp_path / "raw", tmp_path)
    X, (y, _) = load_features(tmp_path / "features.npz"), load_truth(tmp_path / "truth.npz")
    for method, low, high in ((USPEC, 0.75, 0.86), (LWGP, 0.74, 0.84)):
        found = normalized_mutual_info_score(y, method(10, random_state=0).fit(X).labels_, average_method="geometric")
        assert low < found < high
