"""Rounds on small graphs by hand, and against the formula on dense matrices."""

from itertools import islice, repeat

import numpy as np
import pytest
from scipy import sparse

from jcae.trees.components import SparseEdges, geometric, nearest, sub_cluster_components


def graph(n, *edges):
    A = np.zeros((n, n))
    for i, j, s in edges:
        A[i, j] = A[j, i] = s
    return SparseEdges(sparse.csr_array(A))


def rounds(edges, thresholds, **settings):
    merges, reached = sub_cluster_components(edges, edges.sums.shape[0], thresholds, **settings)
    return [into.tolist() for into in merges], reached


# Two pairs and what joins them: (2/8 + 4/8) / 4 = 3/16 on average.
PAIRS = graph(4, (0, 1, 1.0), (2, 3, 0.75), (1, 2, 0.25), (0, 3, 0.5))


def test_average_linkage_counts_missing_edges_as_0():
    clusters, similarities = nearest(PAIRS.contract(np.array([0, 0, 1, 1]), 2).sums, np.array([2.0, 2.0]))
    assert clusters.tolist() == [1, 0]
    assert similarities.tolist() == [3 / 16, 3 / 16]


def test_a_threshold_is_reached_by_its_equal():
    assert rounds(PAIRS, [1.0]) == ([[0, 0, 1, 2]], [1.0])
    assert rounds(PAIRS, [np.nextafter(1, 2)]) == ([], [])


def test_one_round_at_each_threshold_or_as_many_as_merge():
    # Both pairs at 0.2; the average between them, 0.1875, does not reach it.
    assert rounds(PAIRS, [0.2, 0.1875]) == ([[0, 0, 1, 1], [0, 0]], [0.2, 0.1875])
    # 1 points to 0 and 2 to 1: what pointers connect is one cluster at once.
    assert rounds(graph(3, (0, 1, 1.0), (1, 2, 0.75)), [0.3]) == ([[0, 0, 0]], [0.3])
    chain = graph(4, (0, 1, 1.0), (2, 3, 1.0), (1, 2, 0.9))  # 0.225 between the pairs
    assert rounds(chain, [0.2]) == ([[0, 0, 1, 1]], [0.2])
    assert rounds(chain, [0.2], repeat=True) == ([[0, 0, 1, 1], [0, 0]], [0.2, 0.2])


def test_ties_go_to_the_lowest_number():
    tied = graph(5, (0, 1, 0.5), (1, 2, 0.5), (2, 3, 0.5), (3, 4, 0.5), (4, 0, 0.5))
    clusters, _ = nearest(tied.sums, np.ones(5))
    assert clusters.tolist() == [1, 0, 1, 2, 0]


def test_duplicates_are_one_cluster_at_the_first_threshold():
    assert rounds(graph(4, *((i, j, 1.0) for i in range(4) for j in range(i))), geometric(0.1, 5, endless=False)) == (
        [[0, 0, 0, 0]],
        [1.0],
    )


def test_thresholds_that_never_merge_and_that_merge_all_at_once():
    assert rounds(PAIRS, [2.0, 1.5]) == ([], [])
    star = graph(5, *((0, i, 0.5) for i in range(1, 5)))
    assert rounds(star, [-np.inf]) == ([[0, 0, 0, 0, 0]], [-np.inf])


def test_what_no_edge_joins_stays_apart_and_ends_the_rounds():
    apart = graph(5, (0, 1, 0.5), (2, 3, 0.25))  # 4 has no edge at all
    assert rounds(apart, geometric(0.5, 2, endless=True)) == ([[0, 0, 1, 2, 3], [0, 1, 1, 2]], [0.5, 0.25])
    assert rounds(apart, repeat(-np.inf)) == ([[0, 0, 1, 1, 2]], [-np.inf])
    assert rounds(graph(3), repeat(-np.inf)) == ([], [])


def test_geometric_thresholds():
    np.testing.assert_allclose(list(geometric(0.001, 4, endless=False)), [1, 0.1, 0.01, 0.001])
    np.testing.assert_allclose(list(islice(geometric(0.001, 4, endless=True), 6)), [1, 0.1, 0.01, 0.001, 1e-4, 1e-5])


def dense_rounds(S, thresholds):
    """The definition, on lists of points."""
    clusters, found = [[i] for i in range(len(S))], []
    for threshold in thresholds:
        linkage = np.array([[S[np.ix_(a, b)].mean() if a is not b else 0 for b in clusters] for a in clusters])
        names = list(range(len(clusters)))
        for a, b in enumerate(linkage.argmax(1)):
            if linkage[a, b] > 0 and linkage[a, b] >= threshold:
                old, new = sorted((names[a], names[b]), reverse=True)
                names = [new if name == old else name for name in names]
        members = {name: [] for name in sorted(set(names))}
        for name, cluster in zip(names, clusters, strict=True):
            members[name] += cluster
        clusters = list(members.values())
        found.append({frozenset(cluster) for cluster in clusters})
    return found


@pytest.mark.parametrize("seed", range(5))
def test_as_defined_on_random_graphs(seed):
    rng = np.random.default_rng(seed)
    S = np.triu(rng.integers(1, 64, (25, 25)) / 64 * (rng.random((25, 25)) < 0.2), 1)
    S += S.T
    thresholds = list(geometric(0.01, 12, endless=False))
    merges, reached = sub_cluster_components(SparseEdges(sparse.csr_array(S)), 25, thresholds)
    labels, after = np.arange(25), {1.0: np.arange(25)}
    for into, threshold in zip(merges, reached, strict=True):
        labels = into[labels]
        after[threshold] = labels
    last = np.arange(25)
    for threshold, expected in zip(thresholds, dense_rounds(S, thresholds), strict=True):
        last = after.get(threshold, last)
        assert {frozenset(np.flatnonzero(last == c).tolist()) for c in set(last)} == expected
