"""Graphs from files of users: what is read, what is refused and how it is said, and what damage does."""

from random import Random

import numpy as np
import pytest
from fuzz import damaged
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import io, sparse

from jcae.data.formats import DataError, DataFormatError
from jcae.data.graphs.edges import read_edges
from jcae.data.graphs.graph import clean, save

WEIGHTED = np.array([[0, 0.5, 0, 0], [0.5, 0, 2, 0], [0, 2, 0, 0], [0, 0, 0, 0]], dtype=np.float32)
PLAIN = (WEIGHTED > 0).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.txt", b"0 1\n1 2\n", PLAIN),
        ("a.txt", b"0 1\r\n1 0\r\n1 2\r\n2 1\r\n", PLAIN),
        ("a.txt", b"# from to\n\n  0\t1 \n1   2", PLAIN),
        ("a.txt", b"3 3\n0 1\n0 1\n2 1\n", PLAIN),
        ("a.txt", b"source target\n0 1\n1 2\n", PLAIN),
        ("a.TXT", b"0 1 0.5\n1 2 2\n", WEIGHTED),
        ("a.csv", b"source,target,weight\n0, 1, 5e-1\n1,2,2.\n", WEIGHTED),
        ("a.csv", "\ufeffvon,nach,größe\n0,1,.5\n2,1,+2\n".encode(), WEIGHTED),
        ("a.csv", b"0,1\n1,2\n", PLAIN),
        ("a.tsv", b"0\t1\n1\t2\n", PLAIN),
        ("a.mtx", b"%%MatrixMarket matrix coordinate pattern general\n%\n4 4 2\n1 2\n2 3\n", PLAIN),
        ("a.mtx", b"%%MatrixMarket matrix coordinate real symmetric\n4 4 2\n2 1 0.5\n3 2 2\n", WEIGHTED),
        ("a.mtx", b"%%matrixmarket  MATRIX coordinate integer general\n% x\n4 4 2\n1 2 1\n2 3 1\n", PLAIN),
    ],
)
def test_text(name, content, expected, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    A = read_edges(path, 4)
    assert (type(A), A.dtype) == (sparse.csr_array, np.float32)
    np.testing.assert_array_equal(A.toarray(), expected)
    np.testing.assert_array_equal(read_edges(str(path), 4).toarray(), expected)


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_matrix])
@pytest.mark.parametrize("matrix", [WEIGHTED, np.triu(WEIGHTED)], ids=["both", "one"])
def test_files_of_scipy(kind, matrix, tmp_path):
    sparse.save_npz(tmp_path / "a.npz", kind(matrix))
    np.testing.assert_array_equal(read_edges(tmp_path / "a.npz", 4).toarray(), WEIGHTED)
    io.mmwrite(tmp_path / "a.mtx", sparse.coo_array(kind(matrix)), comment="by scipy")
    np.testing.assert_array_equal(read_edges(tmp_path / "a.mtx", 4).toarray(), WEIGHTED)


def test_our_own_file(tmp_path):
    save(tmp_path / "a.npz", clean(WEIGHTED, "graph"))
    np.testing.assert_array_equal(read_edges(tmp_path / "a.npz", 4).toarray(), WEIGHTED)


MTX = "%%MatrixMarket matrix coordinate real general\n"


@pytest.mark.parametrize(
    ("name", "content", "say"),
    [
        ("a.txt", "", "an empty file"),
        ("a.txt", "\n \n# nothing\n", "an empty file"),
        ("a.txt", "0 1\n1 4\n", r"line 2 has the node '4' \(allowed: 0 to 3\)"),
        ("a.txt", "\n0 1\n-1 2\n", "line 3 has the node '-1'"),
        ("a.txt", "0 1.0\n", "line 1 has the node '1.0'"),
        ("a.txt", "0 1\nx 2\n", "line 2 has the node 'x'"),
        ("a.txt", "0 ²\n0 1\n", "line 1 has the node '²'"),
        ("a.txt", "0 1\n0 1_0\n", "line 2 has the node '1_0'"),
        ("a.txt", "0 1\n0 " + "9" * 5000, "line 2 has the node '99999"),
        ("a.txt", "0 1\n0\n", "line 2 has 1 columns instead of 2"),
        ("a.txt", "0 1\n0 1 2\n", "line 2 has 3 columns instead of 2"),
        ("a.txt", "0\n1\n", r"line 1 has 1 columns \(allowed: 2, or 3 with weights\)"),
        ("a.txt", "0,1\n", "line 1 has 1 columns"),
        ("a.txt", "0 1 2 3\n", "line 1 has 4 columns"),
        ("a.csv", "0,1,\n", "line 1 has the weight ''"),
        ("a.csv", "0,1,-1\n", r"line 1 has the weight '-1' \(allowed: finite numbers greater than 0\)"),
        ("a.csv", "0,1,1\n0,2,0\n", "line 2 has the weight '0'"),
        ("a.csv", "0,1,nan\n", "line 1 has the weight 'nan'"),
        ("a.csv", "0,1,1e400\n", "line 1 has the weight '1e400'"),
        ("a.csv", "0,1,1e39\n", r"weight 1e\+39 at row 0, column 1"),
        ("a.csv", "0,1,1_0\n", "line 1 has the weight '1_0'"),
        ("a.csv", "0,1,0x1\n", "line 1 has the weight '0x1'"),
        ("a.csv", "from,to\n", "without edges between different nodes"),
        ("a.csv", "2,2\n", "without edges between different nodes"),
        ("a.tsv", "0 1\n", "line 1 has 1 columns"),
        ("a.mtx", "", "line 1 does not say '%%MatrixMarket matrix coordinate'"),
        ("a.mtx", "4 4 1\n1 2\n", "line 1 does not say"),
        ("a.mtx", "%%MatrixMarket matrix array real general\n4 4\n", "line 1 does not say"),
        ("a.mtx", "%%MatrixMarket matrix coordinate complex general\n4 4 1\n1 2 1 1\n", "line 1 does not say"),
        ("a.mtx", MTX, r"line 1 has sizes '' \(needed: 4 4 and the number of entries\)"),
        ("a.mtx", MTX + "4 5 1\n1 2 1\n", "line 2 has sizes '4 5 1'"),
        ("a.mtx", MTX + "4 4 -1\n1 2 1\n", "line 2 has sizes '4 4 -1'"),
        ("a.mtx", MTX + "4 4 2\n1 2 1\n", "1 entries, but line 2 announces '2'"),
        ("a.mtx", MTX + "4 4 1\n1 2 1\n2 3 1\n", "2 entries, but line 2 announces '1'"),
        ("a.mtx", MTX + "4 4 1\n0 2 1\n", r"line 3 has the node '0' \(allowed: 1 to 4\)"),
        ("a.mtx", MTX + "4 4 1\n5 2 1\n", "line 3 has the node '5'"),
        ("a.mtx", MTX + "4 4 1\n1 2\n", "line 3 has 2 columns instead of 3"),
        ("a.npz", "PK", "not a file of arrays"),
        ("a.npz", "", "not a file of arrays"),
        ("a.gml", "graph [\n]\n", r"kind '.gml' \(allowed: .txt, .tsv, .csv, .mtx, .npz\)"),
        ("edges", "0 1\n", "kind ''"),
    ],
)
def test_refusals(name, content, say, tmp_path):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=say) as error:
        read_edges(path, 4)
    assert str(error.value).startswith(f"{path}: ")
    assert len(str(error.value)) < 300 + len(str(path))


def test_what_is_no_text_and_what_is_not_there(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("0,1\n".encode("utf-16"))
    with pytest.raises(DataFormatError, match=r"a\.csv: not text"):
        read_edges(path, 4)
    for name in ("none.txt", "none.mtx", "none.npz"):
        with pytest.raises(DataError, match=f"{name}: cannot be read"):
            read_edges(tmp_path / name, 4)
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(DataError, match=r"folder\.txt: cannot be read"):
        read_edges(tmp_path / "folder.txt", 4)


CSR = {
    "format": np.array(b"csr"),
    "shape": np.array([4, 4]),
    "indptr": np.array([0, 1, 2, 2, 2]),
    "indices": np.array([1, 2]),
    "data": np.ones(2),
}


@pytest.mark.parametrize(
    ("change", "say"),
    [
        ({"shape": np.array([5, 5])}, r"of shape \[5 5\] for 4 points"),
        ({"format": np.array(b"dia")}, r"in the format .*dia.* \(allowed: csr, csc\)"),
        ({"format": np.array([b"\xff", b"csr"])}, "in the format"),
        ({"indices": np.array([1, 4])}, r"column 4 \(allowed: 0 to 3\)"),
        ({"indices": np.array([1, -1])}, "column -1"),
        ({"indptr": np.array([0, 2, 1, 2, 2])}, "do not ascend"),
        ({"data": np.array([1, np.nan])}, "weight nan"),
        ({"data": np.array([1, -1.0])}, "weight -1"),
        ({"data": np.array([1, 1j])}, "data is complex128"),
        ({"data": np.array([[1, 1]])}, r"data is int64 of shape \(1, 2\)"),
        ({"data": np.zeros(2)}, "without edges"),
        ({"data": np.array([1, None], dtype=object)}, "not a file of arrays"),
    ],
)
def test_arrays_that_are_refused(change, say, tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, **{**CSR, **change})
    with pytest.raises(DataError, match=say) as error:
        read_edges(path, 4)
    assert str(path) in str(error.value)


# --- fuzz -------------------------------------------------------------------------------------------------------------


def outcome(path):
    """Read a graph of 12 points, or an error that names the file."""
    try:
        A = read_edges(path, 12)
    except DataError as error:
        assert str(path) in str(error), error  # noqa: PT017 - reading is as good an outcome
        return False
    dense = A.toarray()
    np.testing.assert_array_equal(dense, dense.T)
    assert dense.max() > 0
    assert dense.min() == 0
    return True


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".mtx", ".npz"])
def test_damaged_file(suffix, tmp_path, record_property):
    A = clean(np.triu(np.random.RandomState(0).rand(12, 12).round(2)), "graph").tocoo()
    path = tmp_path / f"some-file{suffix}"
    if suffix == ".npz":
        sparse.save_npz(path, A.tocsr())
    elif suffix == ".mtx":
        io.mmwrite(path, A)
    else:
        fields = zip(*A.coords, A.data, strict=True)
        path.write_text("".join({".txt": "{} {} {}\n", ".csv": "{},{},{}\n"}[suffix].format(*line) for line in fields))
    content, read = path.read_bytes(), 0
    for number in range(600):
        path.unlink()
        path.write_bytes(damaged(content, Random(f"{suffix} {number}")))
        read += outcome(path)
    assert 0 < read < 540
    record_property("fuzz cases", 600)


NUMBERS = st.integers(-2, 13) | st.integers() | st.floats() | st.sampled_from(["", "x", "2e400", "%", "-0", "#", "1e"])


@pytest.mark.slow
@settings(max_examples=400, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(
    head=st.sampled_from(["", "a b\n", "a,b\n", f"{MTX}12 12 2\n", MTX, "\ufeff"]),
    lines=st.lists(st.lists(NUMBERS, max_size=4), max_size=5),
    separator=st.sampled_from([" ", ",", "\t", ", "]),
    end=st.sampled_from(["\n", "\r\n", "\r", "\0"]),
)
def test_made_up_file(tmp_path, head, lines, separator, end):
    content = head + end.join(separator.join(map(str, line)) for line in lines)
    for suffix in (".txt", ".csv", ".tsv", ".mtx"):
        path = tmp_path / f"some-file{suffix}"
        path.write_text(content, encoding="utf-8", newline="")
        outcome(path)
