"""Modularity and conductance by hand, against the double sum of the definition, and through `evaluate`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jcae.data.graphs.graph import clean, save
from jcae.scores import metrics
from jcae.scores.graph_scores import conductance, modularity


def graph(n, *edges):
    A = np.zeros((n, n))
    for i, j, *weight in edges:
        A[i, j] = weight[0] if weight else 1
    return clean(A, "graph")


TRIANGLES = ((0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5), (2, 3))
TWO = graph(6, *TRIANGLES)
HALVES = [0, 0, 0, 1, 1, 1]


def test_two_triangles_and_the_edge_between_them():
    # 14 ends of edges; of each triangle 7, of which 6 lie within.
    assert modularity(TWO, HALVES) == pytest.approx(2 * (6 / 14 - (7 / 14) ** 2)) == pytest.approx(5 / 14)
    assert conductance(TWO, HALVES) == pytest.approx(1 / 7)
    # Node 2 with the other triangle: {0, 1} has 4 ends, 2 of them cut; {2, 3, 4, 5} has 10.
    moved = [0, 0, 1, 1, 1, 1]
    assert modularity(TWO, moved) == pytest.approx((2 / 14 - (4 / 14) ** 2) + (8 / 14 - (10 / 14) ** 2))
    assert conductance(TWO, moved) == pytest.approx(2 / 4)


def test_weights():
    # The edge between the triangles weighs 4: 20 in all, 10 of each triangle.
    heavy = graph(6, *TRIANGLES[:-1], (2, 3, 4))
    assert modularity(heavy, HALVES) == pytest.approx(2 * (6 / 20 - 1 / 4))
    assert conductance(heavy, HALVES) == pytest.approx(4 / 10)
    scaled = graph(6, *((i, j, 0.25) for i, j in TRIANGLES))
    assert modularity(scaled, HALVES) == pytest.approx(5 / 14)
    assert conductance(scaled, HALVES) == pytest.approx(1 / 7)


def test_isolated_nodes_change_nothing():
    more = graph(8, *TRIANGLES)
    for labels in ([*HALVES, 0, 1], [*HALVES, 2, 3], [*HALVES, 2, 2]):
        assert modularity(more, labels) == pytest.approx(5 / 14)
        assert conductance(more, labels) == pytest.approx(1 / 7)


def test_one_cluster_has_no_cut():
    assert modularity(TWO, [3] * 6) == 0
    assert np.isnan(conductance(TWO, [3] * 6))
    # All edges in one cluster, isolated nodes in others: neither has two sides.
    assert modularity(graph(8, *TRIANGLES), [0] * 6 + [1, 2]) == 0
    assert np.isnan(conductance(graph(8, *TRIANGLES), [0] * 6 + [1, 2]))


def test_no_edges():
    assert np.isnan(modularity(graph(6), HALVES))
    assert np.isnan(conductance(graph(6), HALVES))
    assert not {"modularity", "conductance"} & set(metrics.score(HALVES, 2, graph=graph(6)))


def test_every_node_a_cluster_of_its_own():
    degrees = np.array([2, 2, 3, 3, 2, 2])
    assert modularity(TWO, np.arange(6)) == pytest.approx(-((degrees / 14) ** 2).sum())
    assert conductance(TWO, np.arange(6)) == 1


def test_lowest_modularity():
    # A bipartite graph cut into its two sides.
    assert modularity(graph(4, (0, 2), (0, 3), (1, 2), (1, 3)), [0, 0, 1, 1]) == pytest.approx(-0.5)


def test_noise_is_one_more_cluster():
    noisy, named = [0, 0, -1, -1, 1, 1], [0, 0, 2, 2, 1, 1]
    assert modularity(TWO, noisy) == modularity(TWO, named)
    assert conductance(TWO, noisy) == conductance(TWO, named)


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(np.float32, (7, 7), elements=st.sampled_from([0, 0, 0.5, 1, 3])),
    hnp.arrays(np.int64, 7, elements=st.integers(-1, 3)),
)
def test_against_the_double_sum(weights, labels):
    A = clean(weights, "graph")
    dense, total = A.toarray().astype(float), float(A.sum())
    if total == 0:
        assert np.isnan(modularity(A, labels))
        return
    degree, q = dense.sum(axis=1), 0.0
    for i in range(7):
        for j in range(7):
            q += (dense[i, j] - degree[i] * degree[j] / total) / total * (labels[i] == labels[j])
    assert modularity(A, labels) == pytest.approx(q, abs=1e-9)
    assert -0.5 <= q + 1e-9 <= 1

    found = []
    for k in set(labels.tolist()):
        volume = sum(dense[i, j] for i in range(7) for j in range(7) if labels[i] == k)
        cut = sum(dense[i, j] for i in range(7) for j in range(7) if labels[i] == k != labels[j])
        if min(volume, total - volume) > 0:
            found.append(cut / min(volume, total - volume))
    assert conductance(A, labels) == pytest.approx(np.mean(found) if found else np.nan, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("function", [modularity, conductance])
@pytest.mark.parametrize(
    ("labels", "say"),
    [
        ([0, 1], "the graph has 6 nodes for 2 labels"),
        ([0.0] * 6, "labels must be integers, got dtype float64"),
        ([], "labels is empty"),
        ([HALVES], "labels must have one dimension"),
    ],
)
def test_refused(function, labels, say):
    with pytest.raises(ValueError, match=say):
        function(TWO, labels)


def test_score_takes_the_graph():
    found = metrics.score(HALVES, 2, graph=TWO)
    assert (found["modularity"], found["conductance"]) == (pytest.approx(5 / 14), pytest.approx(1 / 7))
    assert not {"modularity", "conductance"} & set(metrics.score(HALVES, 2))


def test_a_graph_is_left_as_it_was(tmp_path):
    save(tmp_path / "before.npz", TWO)
    modularity(TWO, HALVES)
    conductance(TWO, HALVES)
    save(tmp_path / "after.npz", TWO)
    assert (tmp_path / "before.npz").read_bytes() == (tmp_path / "after.npz").read_bytes()
