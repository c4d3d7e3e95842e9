"""Which data sets bring a graph, and how those of ACM and DBLP are read."""

import numpy as np
import pytest

from jcae.data import prepare as prepare_module
from jcae.data.catalogue import CATALOGUE
from jcae.data.facts import Dataset
from jcae.data.formats import DataError, DataFormatError
from jcae.data.graphs.graph import clean
from jcae.data.loaders import GRAPHS, LOADERS
from jcae.data.prepare import prepare


def test_a_data_set_states_its_edges_where_its_loader_has_a_graph():
    assert set(GRAPHS) <= set(LOADERS)
    stated = {name for name, dataset in CATALOGUE.items() if dataset.n_edges is not None}
    assert stated == {name for name, dataset in CATALOGUE.items() if dataset.loader in GRAPHS}
    assert stated == {"acm", "dblp", "cora", "citeseer", "bat", "eat", "amap"}


@pytest.fixture(name="files")
def keyword_files(tmp_path):
    contents = {
        "a.txt": "1 0\r\n0 1\r\n1 1\r\n",
        "a_label.txt": "0\r\n1\r\n0\r\n",
        "a_graph.txt": "0 2\r\n2 0\r\n1 1\r\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content.encode())
    return [tmp_path / name for name in contents]


def test_keywords(files):
    X, y = LOADERS["keywords"](files)
    assert X.tolist() == [[1, 0], [0, 1], [1, 1]]
    assert y.tolist() == [0, 1, 0]
    A = GRAPHS["keywords"](files)
    assert A.dtype == np.float32
    assert A.toarray().tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]


def test_edge_to_a_node_that_is_not_there(files):
    files[2].write_text("0 2\n0 3\n")
    with pytest.raises(DataFormatError, match=r"a_graph\.txt: line 2 has the node '3' \(allowed: 0 to 2\)"):
        GRAPHS["keywords"](files)


@pytest.mark.parametrize(
    ("nodes", "n_edges", "say"), [(4, 1, "toy: a graph of 4 nodes for 3 points"), (3, 2, "toy: 1 edges, expected 2")]
)
def test_graph_that_does_not_fit_its_points(nodes, n_edges, say, monkeypatch, tmp_path):
    A = np.zeros((nodes, nodes))
    A[0, 1] = 1
    facts = {"name": "toy", "title": "Toy", "loader": "toy", "n": 3, "d": 2, "class_names": ("a", "b")}
    facts |= {"class_counts": (1, 2), "preparation": "None.", "licence": "none", "citation": "none"}
    monkeypatch.setitem(CATALOGUE, "toy", Dataset(**facts, n_edges=n_edges))
    X, y = np.array([[0, 1], [1, 0], [1, 1]], np.float32), np.array([0, 1, 1])
    monkeypatch.setitem(prepare_module.LOADERS, "toy", lambda files: (X, y))
    monkeypatch.setitem(prepare_module.GRAPHS, "toy", lambda files: clean(A, "toy"))
    with pytest.raises(DataError, match=say):
        prepare("toy", tmp_path, tmp_path / "toy")
