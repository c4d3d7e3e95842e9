"""The graph of the most similar points: exact, approximate, and odd points."""

import numpy as np
import pytest

from jcae.data.formats import DataError
from jcae.data.graphs.similarities import cosine_graph
from jcae.training.isolation import unchanged_process


def dense(X, k, **settings):
    return cosine_graph(np.asarray(X, float), k, **{"exact_up_to": 10_000} | settings).toarray()


def test_by_hand():
    # Angles 0, 45 and 90 degrees, whatever the lengths: the outer two ask for the middle one.
    half = np.round(np.sqrt(0.5) * 2**24) / 2**24
    assert dense([[2, 0], [3, 3], [0, 0.5]], 1).tolist() == [[0, half, 0], [half, 0, half], [0, half, 0]]


def test_right_and_larger_angles_make_no_edge():
    assert dense([[1, 0], [0, 1], [-1, 0]], 2).tolist() == [[0, 0, 0]] * 3


def test_points_without_a_direction_are_alike_and_like_no_other():
    A = dense([[0, 0], [1, 0], [0, 0], [2, 0]], 3)
    assert A.tolist() == [[0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0]]


def test_duplicates_have_similarity_1():
    X = np.random.default_rng(0).normal(size=(1, 37)).repeat(60, axis=0)
    A = dense(X, 24)
    assert set(np.unique(A)) == {0, 1}
    assert (A[0] > 0).sum() == 59  # all of a tie ask for the first ones


def test_sums_are_exact():
    A = dense(np.random.default_rng(0).normal(size=(200, 5)), 10)
    assert np.array_equal(A, A.T)
    assert np.array_equal(A * 2**24, np.round(A * 2**24))


@pytest.mark.slow
def test_approximate_neighbours_are_nearly_the_exact_ones_and_always_the_same():
    pytest.importorskip("pynndescent", reason="pynndescent is not installed (jcae[scc])")
    X = np.random.default_rng(0).normal(size=(600, 8))
    X[:40] = X[0]
    X[40:44] = 0
    with unchanged_process():  # importing pynndescent sets threads
        found, again = (dense(X, 10, exact_up_to=0) for _ in range(2))
    exact = dense(X, 10)
    assert np.array_equal(found, again)
    assert np.array_equal(found, found.T)
    apart = np.ix_(range(44, 600), range(44, 600))  # of ties, others may be taken
    assert np.count_nonzero(exact[apart] * found[apart]) > 0.98 * np.count_nonzero(exact[apart])
    assert set(np.unique(found[:40, :40])) == {0, 1}
    assert not found[40:44, 44:].any()


def test_what_is_refused():
    with pytest.raises(DataError, match=r"3 neighbours of 3 points \(allowed: 1 to 2\)"):
        dense(np.eye(3), 3)
    with pytest.raises(DataError, match="row 1, column 0 is nan"):
        dense([[1, 0], [np.nan, 1]], 1, exact_up_to=0)
