"""The graph of nearest neighbours, against the plain definition, at its edges, and on USPS against published counts."""

from fractions import Fraction

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from jcae.data.catalogue import CATALOGUE
from jcae.data.fetch import fetch
from jcae.data.formats import DataError
from jcae.data.graphs import neighbours
from jcae.data.graphs.graph import clean, facts
from jcae.data.graphs.neighbours import graph_of, knn_graph
from jcae.data.loaders import LOADERS


def edges(A):
    A = A.tocoo()
    return {(int(i), int(j)) for i, j in zip(*A.coords, strict=True) if i < j}


def by_definition(distances, k):
    """Edges to the k smallest distances of each row, of equal ones to the first."""
    found = set()
    for i, row in enumerate(distances):
        others = [j for j in range(len(row)) if j != i]
        found |= {(min(i, j), max(i, j)) for j in sorted(others, key=lambda j: (row[j], j))[:k]}
    return found


@pytest.mark.parametrize("k", [1, 3, 7])
@pytest.mark.parametrize("block", [1 << 22, 300])
def test_integers_with_many_ties_in_exact_arithmetic(k, block, monkeypatch):
    """In blocks of many rows and of two, the last one shorter."""
    monkeypatch.setattr(neighbours, "_ENTRIES", block)
    X = np.random.RandomState(0).randint(0, 3, (101, 4))
    squares = ((X[:, None] - X) ** 2).sum(-1)
    assert edges(knn_graph(X, k)) == by_definition(squares, k)
    counts = (X > 0).astype(int) @ (X > 0).T
    assert edges(knn_graph(X, k, "dot")) == by_definition(-counts, k)


def test_cosine_in_exact_arithmetic():
    """Squares of cosines as fractions; a row of zeros is at a right angle to all but its like."""
    X = np.random.RandomState(0).randint(0, 3, (60, 5))
    X[[4, 17]] = 0
    lengths, products = (X**2).sum(1), X @ X.T
    similarity = [
        [
            Fraction(int(products[i, j]) ** 2, int(lengths[i] * lengths[j]))
            if lengths[i] and lengths[j]
            else Fraction(int(lengths[i] == lengths[j]))
            for j in range(60)
        ]
        for i in range(60)
    ]
    for k in (1, 4):
        assert edges(knn_graph(X, k, "cosine")) == by_definition([[-s for s in row] for row in similarity], k)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_same_as_scikit_learn_where_nothing_is_equal(metric):
    X = np.random.RandomState(0).standard_normal((300, 8)).astype(np.float32)
    found = NearestNeighbors(n_neighbors=5, metric=metric, algorithm="brute").fit(X.astype(float)).kneighbors_graph()
    expected = clean(found, "graph")
    assert edges(knn_graph(X, 5, metric)) == edges(expected)


@pytest.mark.parametrize("offset", [1e4, -1e6])
def test_far_from_the_origin(offset):
    X = np.random.RandomState(0).standard_normal((200, 5)).astype(np.float32).astype(float)
    assert edges(knn_graph(X + offset, 4)) == edges(knn_graph(X, 4))


def test_one_point_far_away_does_not_blur_the_others():
    X = np.random.RandomState(0).standard_normal((100, 3))
    far = np.vstack([X, np.full(3, 1e20)])
    assert {edge for edge in edges(knn_graph(far, 3)) if 100 not in edge} >= edges(knn_graph(X, 3))


@pytest.mark.parametrize("scale", [1e-15, 1e15])
def test_scale_does_not_matter(scale):
    X = np.random.RandomState(0).standard_normal((100, 3))
    assert edges(knn_graph(X * scale, 3)) == edges(knn_graph(X, 3))


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "dot"])
def test_equal_points_take_the_first(metric):
    X = np.ones((6, 2))
    assert edges(knn_graph(X, 2, metric)) == {(0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (1, 2), (1, 3), (1, 4), (1, 5)}
    assert facts(knn_graph(X, 5, metric))["edges"] == 15


def test_every_point_has_k_neighbours_and_weights_are_1():
    A = knn_graph(np.random.RandomState(0).rand(50, 2), 4)
    assert np.diff(A.indptr).min() >= 4
    assert 50 * 4 / 2 <= A.nnz / 2 <= 50 * 4
    assert (A.data == 1).all()


def test_order_of_the_rows_does_not_matter():
    X = np.random.RandomState(0).rand(80, 3)
    order = np.random.RandomState(1).permutation(80)
    assert (knn_graph(X[order], 3) != knn_graph(X, 3)[order][:, order]).nnz == 0


X = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize(
    ("X", "k", "metric", "say"),
    [
        (X, 0, "euclidean", r"0 neighbours of 4 points \(allowed: 1 to 3\)"),
        (X, 4, "euclidean", "4 neighbours of 4 points"),
        (X, 1.5, "euclidean", "1.5 neighbours"),
        (X, True, "euclidean", "True neighbours"),
        (X, 1, "heat", r"metric 'heat' \(allowed: euclidean, cosine, dot\)"),
        (X[0], 1, "cosine", r"and not \(3,\)"),
        (X[:, :0], 1, "cosine", r"and not \(4, 0\)"),
        (np.where(X == 7, np.nan, X), 1, "dot", "row 2, column 1 is nan"),
        (np.where(X == 7, np.inf, X), 1, "euclidean", "row 2, column 1 is inf"),
        (np.where(X == 7, 1e39, X), 1, "euclidean", r"row 2, column 1 is 1e\+39"),
        ([["a", "b"]], 1, "euclidean", "a table of numbers"),
    ],
)
def test_refusals(X, k, metric, say):
    with pytest.raises(DataError, match=say):
        knn_graph(X, k, metric)


def test_graph_of_a_method():
    given = np.array([[0, 2, 0, 0], [0] * 4, [0] * 4, [0] * 4])
    assert edges(graph_of(X, given, 1)) == {(0, 1)}
    assert edges(graph_of(X, None, 1)) == edges(knn_graph(X, 1))
    assert facts(graph_of(X, None, 10))["edges"] == 6, "all others, where there are no more"
    with pytest.raises(DataError, match="graph: 3 nodes for 4 points"):
        graph_of(X, np.zeros((3, 3)), 1)
    with pytest.raises(DataError, match="0 neighbours"):
        graph_of(X, None, 0)


@pytest.fixture(scope="module", name="usps")
def real_usps(mirror, tmp_path_factory):
    return LOADERS["usps"](fetch(CATALOGUE["usps"], tmp_path_factory.mktemp("usps"), mirror=mirror))


# Of the files that SDCN and AGCN (Euclidean) and DAGC (cosine) were published with: edges, share of edges that join
# equal labels, largest degree.
PUBLISHED = {
    ("euclidean", 1): (7581, 0.966, 9),
    ("euclidean", 3): (21452, 0.950, 16),
    ("euclidean", 5): (34996, 0.939, 22),
    ("euclidean", 10): (68817, 0.918, 39),
    ("cosine", 1): (7708, 0.969, 10),
    ("cosine", 3): (22018, 0.952, 17),
    ("cosine", 5): (36093, 0.944, 28),
    ("cosine", 10): (71179, 0.926, 55),
}


@pytest.mark.slow
@pytest.mark.parametrize(("metric", "k"), PUBLISHED)
def test_usps_has_the_published_edges(metric, k, usps):
    found = facts(knn_graph(usps[0], k, metric), usps[1])
    assert (found["edges"], round(found["homophily"], 3), found["largest_degree"]) == PUBLISHED[metric, k]
