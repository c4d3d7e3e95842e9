"""SCC against its authors' own code: rounds, graphs between them, cuts and trees (tests/golden/numbers)."""

import numpy as np
import pytest
from golden_numbers import golden
from scipy import sparse

from baselines.scc import SCC
from jcae.data.graphs.similarities import cosine_graph
from jcae.scores.tree_scores import dendrogram_purity
from jcae.trees.components import SparseEdges, sub_cluster_components
from jcae.trees.tree import Tree


@pytest.fixture(scope="module")
def numbers():
    return golden("scc_1")


@pytest.fixture(scope="module")
def graph(numbers):
    entries = numbers["g_sim"].astype(np.float64), (numbers["g_row"], numbers["g_col"])
    return sparse.coo_array(entries, shape=2 * [len(numbers["X"])]).tocsr()


class Watched(SparseEdges):
    """Edges that keep what every contraction gives."""

    seen: list

    def contract(self, into, n_clusters):
        found = Watched(super().contract(into, n_clusters).sums)
        self.seen.append(found.sums)
        return found


def rounds_of(numbers, graph, thresholds):
    Watched.seen = [graph]
    found = sub_cluster_components(Watched(graph), len(numbers["X"]), thresholds)
    return found, Watched.seen


def same_partition(one, other):
    pairs = np.unique(np.stack([one, other]), axis=1).shape[1]
    return pairs == len(np.unique(one)) == len(np.unique(other))


def test_graph(numbers, graph):
    found = cosine_graph(numbers["X"], int(numbers["k"]) - 1, exact_up_to=1000)
    assert np.array_equal(found.indptr, graph.indptr)
    assert np.array_equal(found.indices, graph.indices)
    assert np.abs(found - graph).max() < 2e-7  # theirs are products in float32


def test_partition_after_every_round(numbers, graph):
    (merges, thresholds), _ = rounds_of(numbers, graph, numbers["taus"])
    tree = Tree.of_rounds(merges, len(numbers["X"]))
    assert len(numbers["taus"]) == numbers["scc.n_levels"] == 25
    for tau, ours, after in zip(numbers["taus"], numbers["scc.n_end"], numbers["scc.assign_end"], strict=True):
        round_ = int((np.array(thresholds) >= tau).sum())  # a threshold that no pointer reaches makes no round
        assert tree.counts[round_] == ours
        assert same_partition(tree.labels(round_), after)
    assert len(merges) == np.count_nonzero(numbers["scc.n_start"] != numbers["scc.n_end"])


def test_graphs_between_rounds(numbers, graph):
    (merges, _), seen = rounds_of(numbers, graph, numbers["taus"])
    assert numbers["scc.n_end"][0] == 300  # nothing merges at 1: their second round enters with the graph itself
    for theirs, ours in zip((1, 2, 3), seen, strict=False):
        row, column, total = (numbers[f"scc.r{theirs}.{name}"] for name in ("row", "col", "sum"))
        found = ours.tocoo()
        assert np.array_equal(found.row, row)
        assert np.array_equal(found.col, column)
        np.testing.assert_allclose(found.data, total, rtol=1e-6)
    sizes = np.bincount(merges[1][merges[0]])
    assert np.array_equal(sizes, numbers["scc.r3.count"])


def test_numbers_of_clusters_are_theirs(numbers, graph):
    (merges, _), _ = rounds_of(numbers, graph, numbers["taus"])
    theirs = [numbers[f"scc.r{i}.parents"] for i in range(25)]
    theirs = [parents for parents in theirs if len(parents) > parents.max() + 1]
    assert len(theirs) == len(merges)
    assert all(np.array_equal(a, b) for a, b in zip(merges, theirs, strict=True))


def test_cuts_after_the_nearest_round(numbers, graph):
    (merges, _), _ = rounds_of(numbers, graph, numbers["taus"])
    tree = Tree.of_rounds(merges, len(numbers["X"]))
    for wanted, after in zip(numbers["cut_k"], numbers["cut_k_end_assign"], strict=True):
        assert same_partition(tree.labels(tree.nearest_round(int(wanted))), after)


def test_affinity_clustering(numbers, graph):
    rounds = int(numbers["aff.n_levels"])
    (merges, _), _ = rounds_of(numbers, graph, [-np.inf] * 50)
    tree = Tree.of_rounds(merges, len(numbers["X"]))
    assert tree.counts[1:].tolist() == numbers["aff.n_end"].tolist()
    assert len(merges) == rounds
    for round_, after in enumerate(numbers["aff.assign_end"], start=1):
        assert same_partition(tree.labels(round_), after)


def test_the_estimator_does_the_same(numbers):
    taus = numbers["taus"]
    fit = SCC(6, n_neighbors=int(numbers["k"]) - 1, floor=float(taus[-1]), rounds=len(taus), until_one=False).fit(
        numbers["X"]
    )
    np.testing.assert_allclose(fit.thresholds_, taus[numbers["scc.n_start"] != numbers["scc.n_end"]])
    at = numbers["cut_k"].tolist().index(6)
    assert same_partition(fit.labels_, numbers["cut_k_end_assign"][at])


def tree_of(parents, labels):
    """A tree of theirs in our order, points first and parents after their children; and the classes of its points."""
    depth = np.zeros(len(parents), int)
    above = parents.copy()
    while (above >= 0).any():
        depth += above >= 0
        above = np.where(above >= 0, parents[above], -1)
    inner = np.isin(np.arange(len(parents)), parents)
    order = np.lexsort((-depth, inner))
    place = np.argsort(order)
    ours = parents[order]
    return Tree(np.where(ours >= 0, place[ours], -1), inner[order].astype(int)), labels[order][: (~inner).sum()]


@pytest.mark.parametrize("name", ["tree.", "pruned.", "aff.tree.", "rnn.tree.", *(f"dp{i}." for i in range(6))])
def test_purity_of_their_trees(numbers, name):
    tree, y = tree_of(numbers[f"{name}parent"], numbers[f"{name}label"])
    assert dendrogram_purity(tree, y) == pytest.approx(float(numbers[f"{name}dp"]), abs=1e-12)


@pytest.mark.parametrize(("name", "thresholds"), [("tree", None), ("aff.tree", [-np.inf] * 50)])
def test_purity_with_the_last_round(numbers, graph, name, thresholds):
    (merges, _), _ = rounds_of(numbers, graph, numbers["taus"] if thresholds is None else thresholds)
    found = dendrogram_purity(Tree.of_rounds(merges, len(numbers["X"])), numbers["y"])
    assert found == pytest.approx(float(numbers[f"{name}.dp_incl_last"]), abs=1e-12)
