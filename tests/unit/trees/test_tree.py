"""Trees by hand."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import AgglomerativeClustering

from jcae.trees.tree import Tree

# Points 0 and 1 merge, then they and 3 and 4 merge while 2 is left, then 2 joins the first two.
ROUNDS = [[0, 0, 1, 2, 3], [0, 1, 2, 2], [0, 0, 1]]
TREE = Tree.of_rounds(ROUNDS, 5)


def test_nodes_are_what_merges():
    assert TREE.parents.tolist() == [5, 5, 7, 6, 6, 7, -1, -1]
    assert TREE.rounds.tolist() == [0, 0, 0, 0, 0, 1, 2, 3]
    assert TREE.n_points == 5
    assert [children.tolist() for children in TREE.children] == [[0, 1], [3, 4], [2, 5]]


def test_counts_and_labels_after_every_round():
    assert TREE.counts.tolist() == [5, 4, 3, 2]
    expected = [[0, 1, 2, 3, 4], [0, 0, 1, 2, 3], [0, 0, 1, 2, 2], [0, 0, 0, 1, 1]]
    assert [TREE.labels(r).tolist() for r in range(4)] == expected
    assert TREE.labels(-1).tolist() == expected[3]
    assert TREE.labels(-4).tolist() == expected[0]
    for r in (4, -5):
        with pytest.raises(ValueError, match=rf"round {r} of a tree of 3 \(allowed: -4 to 3\)"):
            TREE.labels(r)


def test_labels_are_numbered_by_first_points():
    tree = Tree.of_rounds([[2, 0, 1, 0, 2]], 5)
    assert tree.labels(1).tolist() == [0, 1, 2, 1, 0]


def test_nearest_round_is_the_first_of_equally_near_ones():
    tree = Tree.of_rounds([[0, 0, 1, 1, 2, 3], [0, 0, 1, 1], [0, 0]], 6)
    assert tree.counts.tolist() == [6, 4, 2, 1]
    assert [tree.nearest_round(k) for k in (100, 6, 5, 4, 3, 2, 1)] == [0, 0, 0, 1, 1, 2, 3]


def test_a_tree_without_a_round():
    tree = Tree.of_rounds([], 3)
    assert tree.counts.tolist() == [3]
    assert tree.children == []
    assert tree.labels(0).tolist() == [0, 1, 2]
    assert tree.nearest_round(1) == 0


def test_several_merges_of_one_round_and_long_chains():
    rounds = [[0, 0, 0, 1, 2, 2, 3], *([[0, 0, *range(1, m - 1)] for m in (4, 3, 2)])]
    tree = Tree.of_rounds(rounds, 7)
    assert tree.counts.tolist() == [7, 4, 3, 2, 1]
    composed = np.arange(7)
    for number, into in enumerate(rounds, start=1):
        composed = np.array(into)[composed]
        assert tree.labels(number).tolist() == composed.tolist()


def test_pairs_in_the_form_of_scikit_learn():
    X = np.random.default_rng(0).normal(size=(30, 3))
    fit = AgglomerativeClustering(1, linkage="average", compute_full_tree=True).fit(X)
    tree = Tree.of_pairs(fit.children_)
    assert tree.counts.tolist() == list(range(30, 0, -1))
    for k in (2, 5, 12):
        expected = fcluster(linkage(X, "average"), k, "maxclust")
        found = tree.labels(tree.nearest_round(k))
        assert len(np.unique(np.stack([found, expected]), axis=1).T) == k
