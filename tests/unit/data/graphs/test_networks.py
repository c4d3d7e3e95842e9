"""BAT, EAT and AMAP: small files in their formats, what is refused and how it is said, and the real files."""

import io
from random import Random

import numpy as np
import pytest
from data_files import write
from fuzz import damaged

from jcae.data.catalogue import CATALOGUE
from jcae.data.fetch import fetch
from jcae.data.formats import DataError
from jcae.data.graphs.graph import facts
from jcae.data.loaders import GRAPHS, LOADERS

X = np.array([[0, 1.0], [1, 0], [0, 1]])
Y = np.array([1, 0, 1], dtype=np.int32)
# Loops at 0 and 2.
A = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1]], dtype=np.int32)
CLEAN = [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
# The words of three goods, counted; edges 0-1 in one direction, 1-2 in both, a loop at 2.
PHOTO = {
    "attr_indptr": [0, 2, 2, 3],
    "attr_indices": [1, 3, 0],
    "attr_data": [1.0, 2.0, 1.0],
    "attr_shape": [3, 4],
    "adj_indptr": [0, 1, 2, 4],
    "adj_indices": [1, 2, 1, 2],
    "adj_data": [1.0, 3.0, 1.0, 1.0],
    "adj_shape": [3, 3],
    "labels": [1, 0, 1],
}


def npy(array, **options):
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def npz(**changed):
    buffer = io.BytesIO()
    arrays = {name: np.asarray(array) for name, array in (PHOTO | changed).items() if array is not None}
    np.savez(buffer, **arrays)
    return buffer.getvalue()


GOOD = {"feat": npy(X), "label": npy(Y), "adj": npy(A)}


def traffic(folder, **changed):
    return write(folder, *((f"x_{part}.npy", content) for part, content in (GOOD | changed).items()))


def test_air_traffic(tmp_path):
    files = traffic(tmp_path)
    found, y = LOADERS["airports"](files)
    assert (found.dtype, y.dtype) == (np.float32, np.int64)
    assert (found.tolist(), y.tolist()) == (X.tolist(), Y.tolist())
    graph = GRAPHS["airports"](files)
    assert graph.dtype == np.float32
    assert graph.toarray().tolist() == CLEAN


OBJECTS = npy(np.array([1, "a"], dtype=object), allow_pickle=True)


@pytest.mark.parametrize(
    ("part", "content", "say"),
    [
        ("feat", npy(X[0]), r"x_feat\.npy: float64 of shape \(2,\) instead of numbers of shape \(points, features\)"),
        ("feat", npy(X.astype(str)), r"x_feat\.npy: <U32 of shape"),
        ("feat", npy(X * [1, 3]), r"x_feat\.npy: row 0 has the value 3 \(allowed: 0, 1\)"),
        ("feat", npy(X * [np.nan, 1]), r"x_feat\.npy: row 0 has the value nan"),
        ("feat", OBJECTS, r"x_feat\.npy: holds Python objects"),
        ("feat", npz(), r"x_feat\.npy: an archive of arrays"),
        ("feat", npy(X)[:-1], r"x_feat\.npy: not an array, or damaged or cut off"),
        ("feat", b"", r"x_feat\.npy: not an array"),
        ("label", npy(Y[:2]), r"x_label\.npy: int32 of shape \(2,\) instead of 3 whole numbers"),
        ("label", npy(Y / 2), r"x_label\.npy: float64 of shape \(3,\)"),
        ("label", OBJECTS, r"x_label\.npy: holds Python objects"),
        ("adj", npy(A[:2]), r"x_adj\.npy: a graph of shape \(2, 3\)"),
        ("adj", npy(-A), r"x_adj\.npy: weight -1 at row 0, column 0"),
        ("adj", OBJECTS, r"x_adj\.npy: holds Python objects"),
    ],
)
def test_air_traffic_that_does_not_fit(part, content, say, tmp_path):
    files = traffic(tmp_path, **{part: content})
    with pytest.raises(DataError, match=say):
        (GRAPHS if part == "adj" else LOADERS)["airports"](files)


def test_purchases(tmp_path):
    names = np.array([b"x", None], dtype=object)  # beside what is read there may be what must not be
    files = write(tmp_path, ("photo.npz", npz(node_names=names)))
    found, y = LOADERS["amazon"](files)
    assert (found.dtype, y.dtype) == (np.float32, np.int64)
    assert (found.tolist(), y.tolist()) == ([[0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]], [1, 0, 1])
    assert GRAPHS["amazon"](files).toarray().tolist() == CLEAN


@pytest.mark.parametrize(
    ("changed", "say"),
    [
        ({"labels": None}, "labels: not an array"),
        ({"labels": [0, 1]}, r"labels: int64 of shape \(2,\) instead of 3 whole numbers"),
        ({"labels": np.array([0, "a", 1], dtype=object)}, "labels: holds Python objects"),
        ({"attr_data": [1.0, np.nan, 1.0]}, "attr_data has a value that is negative or NaN"),
        ({"attr_data": [1.0, -1.0, 1.0]}, "attr_data has a value that is negative or NaN"),
        ({"attr_indices": [1, 4, 0]}, r"attr: column 4 \(allowed: 0 to 3\)"),
        ({"attr_shape": [3, 2**31], "attr_indices": [0, 1, 0]}, r"words of shape \(3, 2147483648\) are over"),
        ({"adj_indptr": [0, 1, 2]}, "adj: 3 starts of rows"),
        ({"adj_indptr": None}, "adj_indptr: not an array"),
        ({"adj_shape": [3, 4]}, r"a graph of shape \(3, 4\)"),
    ],
)
def test_purchases_that_do_not_fit(changed, say, tmp_path):
    files = write(tmp_path, ("photo.npz", npz(**changed)))
    with pytest.raises(DataError, match=rf"photo\.npz: {say}"):
        (GRAPHS if next(iter(changed)).startswith("adj") else LOADERS)["amazon"](files)


@pytest.mark.slow
def test_damaged_anywhere(tmp_path, record_property):
    refused = 0
    for case in range(600):
        random = Random(case)
        files = write(tmp_path, ("photo.npz", damaged(npz(), random)))
        traffic_files = traffic(tmp_path, **{part: damaged(content, random) for part, content in GOOD.items()})
        for read, paths in (
            (LOADERS["amazon"], files),
            (GRAPHS["amazon"], files),
            (LOADERS["airports"], traffic_files),
            (GRAPHS["airports"], traffic_files),
        ):
            try:
                read(paths)
            except DataError as error:
                assert str(tmp_path) in str(error)  # noqa: PT017 - reading is as good an outcome
                refused += 1
    assert refused > 600
    record_property("fuzz cases", 600)


# Edges, share of edges that join equal labels, isolated nodes, largest degree.
REAL = {"bat": (1003, 0.431, 0, 79), "eat": (5993, 0.405, 0, 202)}


@pytest.mark.parametrize("name", REAL)
def test_real_files(name, mirror, tmp_path):
    entry = CATALOGUE[name]
    files = fetch(entry, tmp_path / name, mirror=mirror)
    found, y = LOADERS[entry.loader](files)
    graph = GRAPHS[entry.loader](files)
    of_graph = facts(graph, y)
    of_graph["homophily"] = round(of_graph["homophily"], 3)
    assert tuple(of_graph[key] for key in ("edges", "homophily", "isolated", "largest_degree")) == REAL[name]
    assert (of_graph["nodes"], of_graph["edges"], of_graph["weighted"]) == (entry.n, entry.n_edges, False)
    assert found.shape == (entry.n, entry.d)
    assert np.bincount(y).tolist() == list(entry.class_counts)
    # The one 1 of a row is at the number of neighbours, or one behind it where the published matrix has a loop.
    degrees = np.diff(graph.indptr)
    np.testing.assert_array_equal(found.sum(axis=1), 1)
    loops = found.argmax(axis=1) - degrees
    assert set(loops) == {0, 1}
    assert loops.sum() == {"bat": 71, "eat": 2}[name]
