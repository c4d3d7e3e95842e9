"""Dendrogram purity by hand, and against the pairs one by one."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jcae.scores import metrics
from jcae.scores.evaluation import evaluate
from jcae.scores.tree_scores import dendrogram_purity
from jcae.trees.tree import Tree

# ((0, 1), 2) and (3, 4), joined at the end.
TREE = Tree.of_rounds([[0, 0, 1, 2, 3], [0, 0, 1, 1], [0, 0]], 5)


def by_pairs(tree, y):
    """The definition; a last node joins the roots."""
    root = len(tree.parents)
    above = []
    for node in range(tree.n_points):
        path = [node]
        while path[-1] != root:
            parent = tree.parents[path[-1]]
            path.append(int(parent) if parent >= 0 else root)
        above.append(path)
    found = []
    for i, j in combinations(range(len(y)), 2):
        if y[i] == y[j]:
            meeting = next(node for node in above[i] if node in above[j])
            members = [k for k in range(len(y)) if meeting in above[k]]
            found.append(np.mean([y[k] == y[i] for k in members]))
    return np.mean(found)


def test_by_hand():
    # Pairs of class a = {0, 1, 3}: (0, 1) meet in a node of their own, the others at the root, where a has 3 of 5.
    # The pair of class b = {2, 4} meets at the root, too, where b has 2 of 5.
    assert dendrogram_purity(TREE, [0, 0, 1, 0, 1]) == pytest.approx((1 + 2 * 3 / 5 + 2 / 5) / 4)


def test_a_pure_tree():
    assert dendrogram_purity(TREE, [7, 7, 7, 3, 3]) == 1
    assert dendrogram_purity(TREE, [0, 0, 0, 0, 0]) == 1


@pytest.mark.parametrize("rounds", [[np.zeros(9, int)], []])
def test_a_star_and_points_that_nothing_joins(rounds):
    y = np.array([0, 0, 0, 0, 1, 1, 1, 2, 3])
    sizes = np.bincount(y)
    expected = (sizes**2 * (sizes - 1)).sum() / (9 * (sizes * (sizes - 1)).sum())
    assert dendrogram_purity(Tree.of_rounds(rounds, 9), y) == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 14), st.integers(1, 4), st.integers(0, 2**31))
def test_equals_the_mean_over_pairs(n, classes, seed):
    rng = np.random.default_rng(seed)
    rounds, m = [], n
    for _ in range(rng.integers(0, 5)):
        into = np.unique(rng.integers(0, max(1, m - 1), m), return_inverse=True)[1]
        rounds.append(into)
        m = into.max() + 1
    tree, y = Tree.of_rounds(rounds, n), rng.integers(0, classes, n)
    if np.bincount(y).max() == 1:
        assert np.isnan(dendrogram_purity(tree, y))
    else:
        assert dendrogram_purity(tree, y) == pytest.approx(by_pairs(tree, y))


def test_other_points_than_classes():
    with pytest.raises(ValueError, match="the tree has 5 points for 4 classes"):
        dendrogram_purity(TREE, [0, 0, 1, 1])


def test_a_score_of_runs_with_a_tree_and_a_truth():
    labels, y = TREE.labels(2), [0, 0, 1, 0, 1]
    assert metrics.score(labels, 2, y, tree=TREE)["dendrogram_purity"] == pytest.approx(2.6 / 4)
    assert "dendrogram_purity" not in metrics.score(labels, 2, tree=TREE)
    assert "dendrogram_purity" not in metrics.score(labels, 2, y)
    assert metrics.METRICS["dendrogram_purity"].percent


def test_evaluate_scores_the_tree_once(tmp_path, monkeypatch):
    folder = tmp_path / "runs/data/scc/0/0"
    folder.mkdir(parents=True)
    (folder / "run.json").touch()
    run = {"dataset": "data", "method": "scc", "seed": 0, "status": "ok", "params": {"n_clusters": 2}}
    monkeypatch.setattr("jcae.scores.evaluation.read_record", lambda path: run | {"clusters_found": 2})
    np.savez(folder / "labels.npz", labels=TREE.labels(2), refit_labels=TREE.labels(2))
    np.savez(folder / "tree.npz", **TREE._asdict())
    np.savez(tmp_path / "truth.npz", y=np.array([0, 0, 1, 0, 1]))
    scores = evaluate([tmp_path / "runs"], tmp_path / "truth.npz")
    found = scores[scores["metric"] == "dendrogram_purity"]
    assert found["labels"].tolist() == ["own"]
    assert found["value"].item() == pytest.approx(2.6 / 4)
