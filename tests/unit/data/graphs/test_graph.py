"""What a graph is: made of matrices of all kinds, described, stored and read, shuffled."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from jcae.data.formats import DataError, DataFormatError
from jcae.data.graphs.graph import clean, facts, from_arrays, load, save, shuffled

PATH = np.array([[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]])


def assert_graph(A):
    assert isinstance(A, sparse.csr_array)
    assert (A.dtype, A.indices.dtype, A.indptr.dtype) == (np.float32, np.int32, np.int32)
    dense = A.toarray()
    np.testing.assert_array_equal(dense, dense.T)
    assert not dense.diagonal().any()
    assert (A.data > 0).all()
    assert A.has_canonical_format


@pytest.mark.parametrize(
    "kind", [np.array, np.ndarray.tolist, sparse.csr_array, sparse.csc_matrix, sparse.coo_array, sparse.lil_array]
)
@pytest.mark.parametrize("dtype", [np.int8, bool, np.float64])
def test_matrices_of_all_kinds(kind, dtype):
    A = clean(kind(PATH.astype(dtype)), "graph")
    assert_graph(A)
    np.testing.assert_array_equal(A.toarray(), PATH)


def test_edges_in_one_direction_twice_and_loops():
    rows, columns = [0, 0, 1, 2, 3, 1], [1, 1, 0, 0, 3, 2]
    A = clean(sparse.coo_array(([1.0, 3.0, 2.0, 0.5, 9.0, 0.0], (rows, columns)), shape=(4, 4)), "graph")
    assert_graph(A)
    np.testing.assert_array_equal(A.toarray(), [[0, 3, 0.5, 0], [3, 0, 0, 0], [0.5, 0, 0, 0], [0, 0, 0, 0]])


def test_csr_with_an_entry_twice_takes_the_largest():
    twice = sparse.csr_array((np.ones(2), np.array([1, 1]), np.array([0, 2, 2])), shape=(2, 2))
    assert clean(twice, "graph").toarray().tolist() == [[0, 1], [1, 0]]


def test_input_is_left_as_it_was():
    A = sparse.csr_array(np.array([[5.0, 2.0], [0.0, 0.0]]))
    clean(A, "graph")
    assert A.toarray().tolist() == [[5, 2], [0, 0]]


@pytest.mark.parametrize(
    ("A", "say"),
    [
        (np.ones((2, 3)), r"graph of shape \(2, 3\)"),
        (np.ones((0, 0)), r"graph of shape \(0, 0\)"),
        (np.ones(3), r"graph of shape \(3,\)"),
        (np.array([[0, 1], [-2, 0]]), r"weight -2 at row 1, column 0 \(allowed: finite, at least 0\)"),
        (np.array([[0, np.nan], [0, 0]]), "weight nan at row 0, column 1"),
        (np.array([[0, 0], [np.inf, 0]]), "weight inf at row 1, column 0"),
        (np.array([[0, 1e39], [0, 0]]), r"weight 1e\+39 at row 0, column 1"),
        (np.array([[0, 1j], [0, 0]]), "weights of type complex128"),
        (np.array([["0", "1"], ["1", "0"]]), "weights of type|not a matrix of weights"),
        (np.array([[0, None], [None, 0]]), "weights of type object|not a matrix of weights"),
        ("text", "of shape|not a matrix"),
    ],
)
def test_refusals(A, say):
    with pytest.raises(DataError, match=f"^my graph: .*({say})"):
        clean(A, "my graph")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(1, 6), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.floats(0, 10, width=32))))
def test_any_list_of_edges_becomes_a_graph(n, edges):
    edges = [(i % n, j % n, weight) for i, j, weight in edges]
    expected = np.zeros((n, n), dtype=np.float32)
    for i, j, weight in edges:
        if i != j:
            expected[i, j] = expected[j, i] = max(expected[i, j], weight)
    rows, columns, weights = (np.array(part) for part in zip(*edges, strict=True)) if edges else ([], [], [])
    A = clean(sparse.coo_array((weights, (rows, columns)), shape=(n, n)), "graph")
    assert_graph(A)
    np.testing.assert_array_equal(A.toarray(), expected)
    again = clean(A, "graph")
    assert facts(again) == facts(A)


def test_facts():
    found = facts(clean(PATH, "graph"), np.array([0, 0, 1, 1]))
    sha256 = found.pop("sha256")
    assert found == {
        "nodes": 4,
        "edges": 2,
        "weighted": False,
        "components": 2,
        "isolated": 1,
        "largest_degree": 2,
        "homophily": 0.5,
    }
    assert len(sha256) == 64
    weighted = facts(clean(PATH / 2, "graph"))
    assert weighted["weighted"]
    assert weighted["homophily"] is None
    assert weighted["sha256"] != sha256
    assert facts(clean(np.zeros((3, 3)), "graph"), np.zeros(3))["homophily"] is None


def test_checksum_does_not_hang_on_the_types_of_the_indices():
    A = clean(PATH, "graph")
    wide = sparse.csr_array((A.data, A.indices.astype(np.int64), A.indptr.astype(np.int64)), shape=A.shape)
    assert facts(wide) == facts(A)


def random_graph(n=30, seed=0):
    random = np.random.RandomState(seed)
    return clean(random.rand(n, n) * (random.rand(n, n) < 0.1), "graph")


def test_file_gives_the_graph_back_and_has_the_same_bytes(tmp_path, monkeypatch):
    A = random_graph()
    save(tmp_path / "a.npz", A)
    monkeypatch.setattr("time.time", lambda: 2e9)
    save(tmp_path / "b" / "b.npz", A)
    found = load(tmp_path / "a.npz")
    assert_graph(found)
    np.testing.assert_array_equal(found.toarray(), A.toarray())
    digests = {hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("a.npz", "b/b.npz")}
    assert len(digests) == 1
    assert facts(found) == facts(A)


def arrays(A):
    return {"indptr": A.indptr, "indices": A.indices, "data": A.data, "shape": np.array(A.shape)}


GOOD = arrays(clean(PATH, "graph"))


@pytest.mark.parametrize(
    ("change", "say"),
    [
        ({"shape": np.array([4, 5])}, r"of shape \(4, 5\)"),
        ({"shape": np.array([4.0, 4.0])}, "two positive integers"),
        ({"shape": np.array([4, -4])}, "two positive integers"),
        ({"shape": np.array([4, 4, 4])}, "two positive integers"),
        ({"shape": np.array([10**12, 10**12])}, "5 starts of rows"),
        ({"indices": np.array([1, 0, 2, 4])}, r"column 4 \(allowed: 0 to 3\)"),
        ({"indices": np.array([1, 0, 2, -1])}, "column -1"),
        ({"indices": np.array([1, 2, 0, 1])}, "sorted rows"),
        ({"indices": np.array([1, 0, 3, 1])}, "symmetric"),
        ({"indices": np.array([1.0, 0.0, 2.0, 1.0])}, "indices is float64"),
        ({"indices": np.array([[1, 0], [2, 1]])}, "indices is int"),
        ({"data": np.ones(3, np.float32)}, "3 values"),
        ({"data": np.ones(4)}, "a matrix of float64"),
        ({"data": np.array([1, 1, 1, 0], np.float32)}, "not a graph"),
        ({"data": np.array([1, 1, 1, np.nan], np.float32)}, "weight nan"),
        ({"data": np.array([1, 1, 1, -1], np.float32)}, "weight -1"),
        ({"indptr": np.array([0, 1, 3, 4])}, "4 starts of rows"),
        ({"indptr": np.array([0, 3, 1, 4, 4])}, "do not ascend"),
        ({"indptr": np.array([1, 1, 3, 4, 4])}, "do not ascend"),
        ({"indptr": np.array([0, 1, 3, 4, 5])}, "do not ascend"),
    ],
)
def test_files_that_are_refused(change, say, tmp_path):
    path = tmp_path / "graph.npz"
    np.savez(path, **{**GOOD, **change})
    with pytest.raises(DataError, match=say) as error:
        load(path)
    assert str(path) in str(error.value)


def test_files_that_are_none(tmp_path):
    with pytest.raises(DataError, match=r"none\.npz: not a graph"):
        load(tmp_path / "none.npz")
    path = tmp_path / "graph.npz"
    np.savez(path, indptr=GOOD["indptr"])
    with pytest.raises(DataFormatError, match=r"graph\.npz: has the arrays indptr, needed"):
        load(path)
    np.savez(path, **{**GOOD, "data": np.array([1, "x", None, 2], dtype=object)})
    with pytest.raises(DataFormatError, match=r"graph\.npz: not a file of arrays"):
        load(path)


def test_damaged_files(tmp_path):
    path = tmp_path / "graph.npz"
    save(path, random_graph())
    content = path.read_bytes()
    random, refused = np.random.RandomState(0), 0
    for case in range(400):
        damaged = bytearray(content)
        for at in random.randint(len(content), size=random.randint(1, 4)):
            damaged[at] ^= 1 << random.randint(8)
        path.unlink()
        path.write_bytes(damaged[: random.randint(len(damaged))] if case % 4 == 0 else damaged)
        try:
            assert_graph(load(path))
        except DataError as error:
            assert str(path) in str(error)  # noqa: PT017 - reading is as good an outcome
            refused += 1
    assert refused > 300


def test_arrays_that_fit_together():
    A = from_arrays(np.array([0, 2, 2]), np.array([1, 1]), np.array([1.0, 2.0]), (2, 3), "file")
    assert A.toarray().tolist() == [[0, 3, 0], [0, 0, 0]]


def test_shuffling_keeps_the_graph_and_loses_the_classes():
    y = np.repeat([0, 1, 2], 40)
    random = np.random.RandomState(1)
    A = clean((y[:, None] == y) & (random.rand(120, 120) < 0.2), "graph")
    B = shuffled(A, 0)
    assert_graph(B)
    before, after = facts(A, y), facts(B, y)
    assert before["homophily"] == 1
    assert after["homophily"] < 0.5
    assert {k: v for k, v in before.items() if k not in ("homophily", "sha256")} == {
        k: v for k, v in after.items() if k not in ("homophily", "sha256")
    }
    assert sorted(np.diff(A.indptr)) == sorted(np.diff(B.indptr))
    assert facts(shuffled(A, 0))["sha256"] == after["sha256"]
    assert facts(shuffled(A, 1))["sha256"] != after["sha256"]
