"""Own data, data without a truth, rows to fit on and rows to score, transfers and graphs, as they lie on disk."""

from pathlib import Path

import numpy as np
import pytest

from jcae.data.formats import DataError, read_arrays
from jcae.data.graphs import graph as graphs
from jcae.data.graphs.neighbours import knn_graph
from jcae.data.prepare import prepare
from jcae.data.request import Request
from jcae.data.stored import load_card, load_features, load_truth

RAW = Path("no raw files")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rows = [f"{i},{x:.3f},{y:.3f},{'ab'[i % 2]}" for i, (x, y) in enumerate(rng.normal(size=(30, 2)))]
    Path("points.csv").write_text("\n".join(["id,x,y,kind", *rows]) + "\n")


def made(entry, name="mine", others=None, out="out"):
    card = prepare(Request.of(name, entry, others), RAW, Path(out))
    assert load_card(Path(out, "card.json")) == card
    return card, sorted(file.name for file in Path(out).iterdir())


OWN = {"file": "points.csv", "truth": "kind", "drop": ["id"]}
WHOLE = ["card.json", "features.npz", "truth.npz"]


def test_own_data():
    card, files = made({**OWN, "scale": "standard"})
    assert files == WHOLE
    assert (card["n"], card["d"], card["n_clusters"], card["class_counts"]) == (30, 2, 2, [15, 15])
    assert card["scaling"]["columns"] == ["x", "y"]
    assert [source["file"] for source in card["sources"]] == ["points.csv"]
    X = load_features(Path("out/features.npz"))
    np.testing.assert_allclose([X.mean(0), X.std(0)], [[0, 0], [1, 1]], atol=1e-6)
    y, names = load_truth(Path("out/truth.npz"))
    assert (y.tolist(), names.tolist()) == ([0, 1] * 15, ["a", "b"])


def test_a_truth_that_is_gone_leaves_no_file_behind():
    made(OWN)
    card, files = made({"file": "points.csv", "drop": ["id", "kind"], "n_clusters": 3})
    assert files == ["card.json", "features.npz"]
    assert (card["class_counts"], card["truth_sha256"], card["n_clusters"]) == (None, None, 3)


def test_split():
    made({"catalogue": "wine"}, out="whole")
    card, files = made({"catalogue": "wine", "split": {"train": 0.7, "seed": 1}})
    assert files == ["card.json", "features.npz", "fit.npz", "truth.npz"]
    fit, score = read_arrays("out/fit.npz", "X")["X"], load_features(Path("out/features.npz"))
    assert (len(fit), len(score)) == (125, 53) == (card["split"]["fit"], card["split"]["score"])
    X = load_features(Path("whole/features.npz"))
    parts = np.concatenate([fit, score])
    np.testing.assert_array_equal(parts[np.lexsort(parts.T)], X[np.lexsort(X.T)])
    y = load_truth(Path("whole/truth.npz"))[0]
    rows = [int((point == X).all(1).argmax()) for point in score]
    np.testing.assert_array_equal(load_truth(Path("out/truth.npz"))[0], y[rows])
    assert read_arrays("out/fit.npz").keys() == {"X"}, "no labels of the points that are fitted on"
    rows = [int((point == X).all(1).argmax()) for point in fit]
    np.testing.assert_array_equal(read_arrays("out/truth.npz")["y_fit"], y[rows])
    other, _ = made({"catalogue": "wine", "split": {"train": 0.7, "seed": 2}}, out="other")
    assert other["features_sha256"] != card["features_sha256"]


def test_split_by_row_numbers():
    np.save("rows.npy", np.array([5, 0, 3, 2, 1]))
    Path("rows.txt").write_text("5\n0\n3\n2\n1\n")
    (one, _), (two, _) = (made({**OWN, "split": {"file": f"rows.{end}"}}, out=end) for end in ("npy", "txt"))
    assert one["split"]["fit_sha256"] == two["split"]["fit_sha256"]
    X = load_features(Path("npy/features.npz"))
    assert len(X) == 25


@pytest.mark.parametrize(
    ("rows", "say"),
    [
        ("0\n30\n", "row number 30, the 2th"),
        ("1\n-1\n", "row number -1"),
        ("1\n2\n1\n", "row number 1 is there twice"),
        ("a\nb\n", "instead of row numbers"),
        ("\n".join(map(str, range(30))), "30 of 30 points to fit on"),
        ("0\n2\n", "no point of class 1"),
    ],
)
def test_row_numbers_that_are_none(rows, say):
    Path("rows.txt").write_text(rows)
    with pytest.raises(DataError, match=say):
        made({**OWN, "split": {"file": "rows.txt"}})


def test_transfer():
    others = {"low": {**OWN}, "high": {**OWN, "range": [0, 1]}}
    card, files = made({"transfer": {"source": "low", "target": "high"}}, "t", others)
    assert files == ["card.json", "features.npz", "fit.npz", "truth.npz"]
    assert (card["split"]["fit"], card["split"]["score"], card["min"], card["max"]) == (30, 30, 0, 1)
    assert card["split"]["how"] == "fitted on low, scored on high"
    assert read_arrays("out/fit.npz", "X")["X"].min() < 0


def test_transfer_between_data_that_do_not_fit():
    with pytest.raises(DataError, match="wine and mine have 13 and 2 features; a transfer needs as many in both"):
        made({"transfer": {"source": "wine", "target": "mine"}}, "t", {"mine": OWN})


def test_graphs():
    X = load_features(Path("plain/features.npz")) if made(OWN, out="plain") else None
    card, files = made({**OWN, "graph": {"knn": 3, "metric": "cosine"}})
    assert files == sorted([*WHOLE, "graph.npz"])
    A = graphs.load(Path("out/graph.npz"))
    assert (knn_graph(X, 3, "cosine") != A).nnz == 0
    assert (card["graph"]["nodes"], card["graph"]["edges"]) == (30, A.nnz // 2)
    assert 0 < card["graph"]["homophily"] < 1
    Path("edges.csv").write_text("0,1\n1,2\n2,29\n")
    card, _ = made({**OWN, "graph": {"file": "edges.csv"}})
    assert (card["graph"]["edges"], card["graph"]["isolated"]) == (3, 26)
    card, files = made(OWN)
    assert card["graph"] is None
    assert files == WHOLE, "the graph of an older preparation is gone"


def test_graph_of_a_split_is_that_of_the_points_fitted_on():
    card, _ = made({**OWN, "graph": {"knn": 3}, "split": {"train": 0.5}})
    assert graphs.load(Path("out/graph.npz")).shape == (15, 15)
    assert card["graph"]["nodes"] == card["split"]["fit"] == 15
