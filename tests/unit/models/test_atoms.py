"""What is kept of the dictionaries of a fit."""

import numpy as np

from jcae.models.atoms import PARTS, USED, Atoms


def test_most_used_atoms_and_the_point_that_is_farthest_from_the_next_dictionary():
    """Two dictionaries of three atoms in two dimensions, three points in the first cluster, none in the second."""
    W = np.array([[[1.0, 0.0, 0.6], [0.0, 1.0, 0.8]], [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]])
    X = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 4.0]])
    codes = np.array([[1.0, 0.0, 0.0], [0.0, -4.0, 0.0], [0.5, 0.0, 2.0]])
    energies = np.array([[1.0, 2.0], [1.0, 9.0], [3.0, 4.0]])
    found = Atoms.of(X, np.array([0, 0, 0]), energies, codes, W)
    np.testing.assert_array_equal(found.used[0], W[0].T[[1, 2, 0]])
    np.testing.assert_allclose(found.use, [[4 / 3, 2 / 3, 0.5], [0, 0, 0]])
    assert found.rows.tolist() == [1, -1]
    np.testing.assert_array_equal(found.points, [[0, 2], [0, 0]])
    np.testing.assert_array_equal(found.reconstructions[0], [0, -4])
    np.testing.assert_array_equal(found.coefficients, [[-4, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(found.parts[0, 0], [0, 1])


def test_only_some_atoms_are_kept_and_one_cluster_will_do():
    rng = np.random.default_rng(0)
    W, X, codes = rng.normal(size=(1, 6, 40)), rng.normal(size=(9, 6)), rng.normal(size=(9, 40))
    found = Atoms.of(X, np.zeros(9, int), np.arange(9.0)[::-1, None], codes, W)
    assert found.used.shape == (1, USED, 6)
    assert found.parts.shape == (1, PARTS, 6)
    assert found.rows.tolist() == [8]
