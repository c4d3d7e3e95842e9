"""The Planetoid files: what is rebuilt of a pickle, that nothing in one is ever followed, and the real files."""

import builtins
import io
import os
import pickle
import pickletools
import struct
from random import Random

import numpy as np
import pytest
from scipy import sparse

from jcae.data.catalogue import CATALOGUE
from jcae.data.fetch import fetch
from jcae.data.formats import DataFormatError
from jcae.data.graphs.graph import facts
from jcae.data.loaders import GRAPHS, LOADERS
from jcae.data.loaders.planetoid import rebuild

# --- files as Python 2 wrote them -------------------------------------------------------------------------------------


def text(content):
    content = content.encode("latin-1") if isinstance(content, str) else content
    return b"T" + struct.pack("<i", len(content)) + content


def number(value):
    return b"J" + struct.pack("<i", value)


def name(module, attribute):
    return f"c{module}\n{attribute}\n".encode()


ARRAY = name("numpy.core.multiarray", "_reconstruct") + name("numpy", "ndarray") + number(0) + b"\x85" + text("b")
ARRAY += b"\x87R"
DTYPE_STATE = b"(" + number(3) + text("<") + b"NNN" + number(-1) * 2 + number(0) + b"tb"


def dtype(kind):
    return name("numpy", "dtype") + text(kind) + number(0) + number(1) + b"\x87R" + DTYPE_STATE


def array(values, kind="i4"):
    values = np.asarray(values, dtype=f"<{kind}")
    shape = b"(" + b"".join(map(number, values.shape)) + b"t"
    return ARRAY + b"(" + number(1) + shape + dtype(kind) + b"\x89" + text(values.tobytes()) + b"tb"


def matrix(dense):
    A = sparse.csr_array(dense)
    state = text("_shape") + number(A.shape[0]) + number(A.shape[1]) + b"\x86"
    state += text("indptr") + array(A.indptr) + text("indices") + array(A.indices) + text("data") + array(A.data, "f4")
    return name("scipy.sparse.csr", "csr_matrix") + b")\x81}(" + state + b"ub"


def lists(neighbours):
    """Some lists by APPENDS, those of one by APPEND."""
    content = name("collections", "defaultdict") + name("__builtin__", "list") + b"\x85R("
    for node, others in neighbours.items():
        content += number(node) + b"]"
        content += number(others[0]) + b"a" if len(others) == 1 else b"(" + b"".join(map(number, others)) + b"e"
    return content + b"u"


def whole(content):
    return b"\x80\x02" + content + b"."


LABELS = np.array([[1, 0], [0, 1], [1, 0]])
WORDS = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]], dtype=np.float32)
GRAPH = {0: [1, 1, 0], 1: [0, 4], 2: [], 3: [5], 4: [1], 5: [3]}
PARTS = ("allx", "ally", "tx", "ty", "graph", "test.index")
GOOD = {
    "allx": whole(matrix(WORDS)),
    "ally": whole(array(LABELS)),
    "tx": whole(matrix(WORDS[:2] * 2)),
    "ty": whole(array([[0, 1], [0, 1]])),
    "graph": whole(lists(GRAPH)),
    "test.index": b"5\n3\n",
}


def written(folder, **changed):
    contents = {**GOOD, **{key.replace("_", "."): content for key, content in changed.items()}}
    for part in PARTS:
        (folder / f"ind.some.{part}").write_bytes(contents[part])
    return [folder / f"ind.some.{part}" for part in PARTS]


def test_these_files_are_pickles():
    """That the tests of what is refused are about real programs: what they are made of, Python unpickles, too."""
    for content in (GOOD["allx"], GOOD["graph"]):
        assert [op.name for op, _, _ in pickletools.genops(content)][-1] == "STOP"
    assert pickle.loads(whole(lists(GRAPH)), encoding="latin1") == GRAPH


def test_test_rows_go_to_their_numbers_and_missing_ones_are_zero(tmp_path):
    files = written(tmp_path)
    X, y = LOADERS["planetoid"](files)
    assert (X.dtype, y.dtype) == (np.float32, np.int64)
    np.testing.assert_array_equal(X, np.vstack([WORDS, WORDS[1] * 2, np.zeros(3), WORDS[0] * 2]))
    assert y.tolist() == [0, 1, 0, 1, 0, 1]
    A = GRAPHS["planetoid"](files)
    assert {(int(i), int(j)) for i, j in zip(*A.tocoo().coords, strict=True) if i < j} == {(0, 1), (1, 4), (3, 5)}
    assert (A.data == 1).all()


@pytest.mark.parametrize(
    ("part", "content", "say"),
    [
        ("allx", GOOD["ally"], "no csr_array where one is needed"),
        ("allx", GOOD["graph"], "no csr_array"),
        ("ally", GOOD["allx"], "no ndarray where one"),
        ("ally", whole(array([0, 1, 0])), r"labels of shape \(3,\) instead of \(points, classes\)"),
        ("ally", whole(array(LABELS[:2])), "ally: 2 rows .needed: 3"),
        ("ally", whole(array(LABELS + 1)), "ally: row 0 is not one 1 among zeros"),
        ("ally", whole(array([[1, 0], [0, 0], [1, 0]])), "ally: row 1 is not"),
        ("ty", whole(array(LABELS)), "ty: 3 rows .needed: 2"),
        ("ty", whole(array([[0, 1, 0], [0, 1, 0]])), "other columns than in"),
        ("tx", whole(matrix(WORDS)), "tx: 3 rows .needed: 2"),
        ("tx", whole(matrix(WORDS[:2, :2])), "other columns than in"),
        ("test_index", b"5\n2\n", "rows that come twice or are in ind.some.allx .allowed: from 3, once"),
        ("test_index", b"5\n5\n", "rows that come twice"),
        ("test_index", b"5\n-1\n", "line 2 has -1"),
        ("test_index", b"5\n3.5\n", "line 2 has 3.5"),
        ("test_index", b"5\nnan\n", "line 2 has nan"),
        ("test_index", b"5\n1e300\n", "line 2 has 1e"),
        ("test_index", b"2000000000\n3\n", "rows of 3 features are over"),
        ("test_index", b"", "no lines"),
    ],
)
def test_files_that_do_not_fit(part, content, say, tmp_path):
    with pytest.raises(DataFormatError, match=say) as error:
        LOADERS["planetoid"](written(tmp_path, **{part: content}))
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize(
    ("content", "say"),
    [
        (whole(lists({0: [1], 1: [2]})), r"node 1 has neighbours that are no nodes \(allowed: 0 to 1\)"),
        (whole(lists({0: [-1, 0]})), "node 0 has neighbours"),
        (whole(lists({0: [1], 2: [0]})), "not lists of neighbours of nodes 0, 1, 2"),
        (whole(lists({})), "not lists of neighbours"),
        (whole(b"}(" + number(0) + number(0) + b"u"), "node 0 has neighbours"),
        (whole(b"}(" + number(0) + b"](\x88eu"), "node 0 has neighbours"),
        (GOOD["ally"], "byte .*: no dict where one is needed"),
    ],
)
def test_graphs_that_are_none(content, say, tmp_path):
    with pytest.raises(DataFormatError, match=f"ind.some.graph: {say}"):
        GRAPHS["planetoid"](written(tmp_path, graph=content))


# --- hostile files ----------------------------------------------------------------------------------------------------


class Call:
    """Pickles as the call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


BOMB = whole(b"]q\x00" + b"".join(b"(" + b"h%c" % i * 10 + b"lq%c" % (i + 1) for i in range(9)))
GET = name("__builtin__", "getattr")
HOSTILE = {
    "os.system": pickle.dumps(Call(os.system, "touch executed"), 2),
    "eval": pickle.dumps(Call(eval, "open('executed', 'w')"), 2),
    "exec, old": pickle.dumps(Call(exec, "open('executed', 'w')"), 0),
    "open, new": pickle.dumps(Call(open, "executed", "w"), 4),
    "chain of getattr": whole(GET + name("os", "path") + text("os") + b"\x86R" + text("executed") + b"\x85R"),
    "instance": b"(S'executed'\ncos\nsystem\no.",
    "instance by INST": b"(S'touch executed'\nios\nsystem\n.",
    "name from the stack": whole(text("os") + text("system") + b"\x93" + text("touch executed") + b"\x85R"),
    "extension registry": whole(b"\x82\x01"),
    "persistent id": b"Pexecuted\n.",
    "persistent id, binary": whole(text("executed") + b"Q"),
    "name that is nearly known": whole(name("numpy.core.multiarray", "_reconstruct2") + b")R"),
    "known module": whole(name("numpy", "load") + text("executed") + b"\x85R"),
    "known name of another module": whole(name("os", "ndarray")),
    "call of the array class": whole(name("numpy", "ndarray") + number(2**30) + b"\x85\x85R"),
    "call of list": whole(name("__builtin__", "list") + b"](" + number(1) + b"e\x85R"),
    "call of a text that is a name": whole(text("numpy dtype") + text("i4") + number(0) + number(1) + b"\x87R"),
    "type of objects": whole(name("numpy", "dtype") + text("O8") + number(0) + number(1) + b"\x87R"),
    "type with fields": whole(name("numpy", "dtype") + text("V8") + number(0) + number(1) + b"\x87R"),
    "type with another state": whole(dtype("i4")[: -len(DTYPE_STATE)] + DTYPE_STATE.replace(text("<"), text(">"))),
    "other default": whole(name("collections", "defaultdict") + name("numpy", "ndarray") + b"\x85R"),
    "attributes of a dict": whole(b"}}(" + text("executed") + number(1) + b"ub"),
    "attributes of a list": whole(b"]}b"),
    "memo: list that holds itself": whole(b"]q\x00h\x00a"),
    "memo: array again": whole(b"(" + array([1]) + b"q\x00h\x00t"),
    "memo: nothing there": whole(b"h\x07"),
    "memo: thousand million laughs": BOMB,
    "memo: text form": whole(b"]p0\ng0\na"),
    "copy of the top": whole(b"]2"),
    "array of 2**31 rows": whole(array([1]).replace(number(1) + b"t", number(2**31 - 1) + b"t", 1)),
    "array of negative size": whole(array([1]).replace(number(1) + b"t", number(-1) + b"t", 1)),
    "array that is longer than its shape": whole(array([1, 2]).replace(number(2) + b"t", number(1) + b"t", 1)),
    "array by columns": whole(array(LABELS).replace(b"\x89", b"\x88")),
    "text of 2**31 bytes": b"\x80\x02T" + struct.pack("<i", 2**31 - 1) + b"abc",
    "text of negative length": b"\x80\x02T" + struct.pack("<i", -5) + b"abc.",
    "bytes of 2**63": b"\x80\x02\x8e" + struct.pack("<Q", 2**63) + b"abc.",
    "number of a million digits": b"L" + b"9" * 1_000_000 + b"L\n.",
    "long number": whole(b"\x8a\xff" + b"\x7f" * 255),
    "deep tuples": whole(b")" + b"\x85" * 200_000),
    "deep call": whole(name("numpy", "dtype") + b")" + b"\x85" * 200_000 + b"R"),
    "deep state": whole(dtype("i4") + b")" + b"\x85" * 200_000 + b"b"),
    "column out of range": whole(matrix(WORDS).replace(np.array([1, 0, 2], "<i4").tobytes(), b"\x7f" * 12)),
    "matrix without parts": whole(name("scipy.sparse.csr", "csr_matrix") + b")\x81}b"),
    "list as key": whole(b"}(]" + number(1) + b"u"),
    "key without a value": whole(b"}(" + number(1) + b"u"),
    "stack too short": whole(b"a"),
    "mark missing": whole(b"t"),
    "mark left": whole(b"(" + number(1)),
    "two values": whole(number(1) * 2),
    "none": whole(b""),
    "goes on after its end": whole(number(1)) + b"cos\nsystem\n.",
    "no end": whole(number(1))[:-1],
    "other protocol": b"\x80\x04" + number(1) + b".",
    "empty": b"",
    "web page": b"<!DOCTYPE html><html></html>",
}

OF_DICTS = {"list as key", "key without a value", "attributes of a dict", "other default"}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_pickles_are_refused_and_nothing_runs(what, tmp_path, monkeypatch):
    def called(*_, **__):
        raise AssertionError(f"{what}: called")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "system", called)
    monkeypatch.setattr(builtins, "eval", called)
    monkeypatch.setattr(builtins, "exec", called)
    for unpickle in ("load", "loads", "Unpickler", "_Unpickler"):
        monkeypatch.setattr(pickle, unpickle, called)
    with pytest.raises(DataFormatError, match=r"^some-file: ") as error:
        rebuild(HOSTILE[what], "some-file", dict if what in OF_DICTS else np.ndarray)
    assert len(str(error.value)) < 400
    assert list(tmp_path.iterdir()) == []


def test_names_are_never_looked_up(monkeypatch):
    """Whatever is imported or asked for while a good file is read, it is none of the names in it."""
    from jcae.data.graphs import graph  # noqa: F401 - now, so that reading imports nothing

    asked = []
    original = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", lambda *a, **k: asked.append(a[0]) or original(*a, **k))
    for part in ("allx", "ally", "graph"):
        rebuild(GOOD[part], part, object)
    assert not {"scipy.sparse.csr", "numpy.core.multiarray", "collections", "__builtin__"} & set(asked)


# --- fuzz -------------------------------------------------------------------------------------------------------------


def outcome(content):
    try:
        rebuild(content, "some-file", object)
    except DataFormatError as error:
        assert str(error).startswith("some-file: ")  # noqa: PT017 - reading is as good an outcome
        return True
    return False


@pytest.mark.parametrize("part", ["allx", "ally", "graph"])
def test_cut_off_anywhere(part, record_property):
    content = GOOD[part]
    assert all(outcome(content[:length]) for length in range(len(content)))
    record_property("fuzz cases", len(content))


@pytest.mark.filterwarnings("ignore:invalid escape sequence")  # of pickletools, in texts with a changed byte
@pytest.mark.parametrize("part", ["allx", "ally", "graph"])
def test_damaged(part, record_property):
    content, refused = GOOD[part], 0
    for case in range(3000):
        random = Random(f"{part} {case}")
        damaged = bytearray(content)
        for _ in range(random.randint(1, 3)):
            at = random.randrange(len(damaged))
            if random.random() < 0.5:
                damaged[at] ^= 1 << random.randrange(8)
            else:
                damaged[at : at + random.randrange(3)] = random.randbytes(random.randrange(4))
        refused += outcome(bytes(damaged))
    assert 1000 < refused < 3000
    record_property("fuzz cases", 3000)


def test_random_programs(record_property):
    """Instructions that the machine knows, in any order: it never fails in another way."""
    pieces = [b")", b"]", b"}", b"(", b"t", b"a", b"e", b"u", b"R", b"\x81", b"b", b"N", b"\x88", b"\x85", b"\x86"]
    pieces += [b"q\x01", b"h\x01", number(0), number(1), text("b"), text("i4"), array([1]), ARRAY, dtype("f8")]
    pieces += [name("numpy", "ndarray"), name("scipy.sparse.csr", "csr_matrix"), name("collections", "defaultdict")]
    for case in range(5000):
        random = Random(case)
        outcome(whole(b"".join(random.choices(pieces, k=random.randint(1, 12)))))
    record_property("fuzz cases", 5000)


# --- the real files ---------------------------------------------------------------------------------------------------


# Edges, share of edges that join equal labels, isolated nodes.
PUBLISHED = {
    "acm": (13128, 0.821, 561),
    "dblp": (3528, 0.799, 1466),
    "citeseer": (4552, 0.736, 48),
    "cora": (5278, 0.810, 0),
}


@pytest.mark.parametrize("dataset", PUBLISHED)
def test_real_files_equal_their_safe_forms(dataset, mirror, tmp_path):
    entry = CATALOGUE[dataset]
    files = fetch(entry, tmp_path / dataset, mirror=mirror)
    X, y = LOADERS[entry.loader](files)
    A = GRAPHS[entry.loader](files)
    found = facts(A, y)
    assert (found["edges"], round(found["homophily"], 3), found["isolated"]) == PUBLISHED[dataset]
    assert (found["nodes"], found["edges"], found["weighted"]) == (entry.n, entry.n_edges, False)
    assert X.shape == (entry.n, entry.d)
    assert np.bincount(y).tolist() == list(entry.class_counts)

    folder = mirror / entry.folder
    if not (folder / f"{dataset}_features.npz").exists():
        pytest.skip(f"needs {folder / f'{dataset}_features.npz'}")
    np.testing.assert_array_equal(X, sparse.load_npz(folder / f"{dataset}_features.npz").toarray())
    assert (sparse.load_npz(folder / f"{dataset}_adjacency.npz") != A).nnz == 0
    labels = np.load(io.BytesIO((folder / f"{dataset}_labels.npy").read_bytes()), allow_pickle=False)
    assert (labels == -1).sum() == (15 if dataset == "citeseer" else 0)
    np.testing.assert_array_equal(y, np.maximum(labels, 0))


@pytest.mark.parametrize("part", ["ally", "graph"])
def test_real_file_with_a_bit_flipped(part, mirror, tmp_path, record_property):
    path = fetch(CATALOGUE["cora"], tmp_path / "cora", mirror=mirror)[PARTS.index(part)]
    content = path.read_bytes()
    for case in range(60):
        random = Random(case)
        damaged = bytearray(content[: random.randrange(len(content))] if case % 3 == 0 else content)
        damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
        outcome(bytes(damaged))
    record_property("fuzz cases", 60)
