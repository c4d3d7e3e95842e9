"""Fitted on some points, scored on others; graphs; what cannot be run is skipped; new points labelled by a run."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.datasets import make_blobs

from jcae.data.formats import DataError
from jcae.data.graphs import graph as graphs
from jcae.data.prepare import prepare
from jcae.data.request import Request
from jcae.jobs.parameters import ParameterError
from jcae.jobs.predict import PredictionError, predict
from jcae.jobs.runner import pretrain_block, train_block
from jcae.models.info import Info
from jcae.scores.evaluation import evaluate

SMALL = {"hidden": [8], "code_dim": 3, "batch_size": 16}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X, y = make_blobs(90, 4, centers=3, random_state=0)
    table = pd.DataFrame(X, columns=list("abcd"))
    table.insert(0, "kind", np.array(["x", "y", "z"])[y])
    table.to_csv("points.csv", index=False)


def prepared(**entry):
    prepare(Request.of("mine", {"file": "points.csv", "truth": "kind", **entry}), Path("raw"), Path("data"))
    return Path("data")


def run(use, data, params=None, out="run", **options):
    spec = {"dataset": "mine", "method": "m", "use": use, "params": params or {}}
    if "pretrained" in options:
        spec["autoencoder"] = "shared"
    fit = data / "fit.npz"
    options |= {"fit": fit} if fit.exists() else {}
    return train_block(spec, data / "features.npz", [0, 1], out, device="cpu", **options)


def labels(seed=0, out="run"):
    with np.load(f"{out}/{seed}/labels.npz") as found:
        return dict(found)


class TakesGraph(ClusterMixin, BaseEstimator):
    """Labels by the number of neighbours."""

    def fit(self, X, y=None, graph=None):
        self.labels_ = np.zeros(len(X), int) if graph is None else (np.diff(graph.indptr) > 2).astype(int)
        return self


class Bound(ClusterMixin, BaseEstimator):
    """A control without predict."""

    info = Info(label="bound", summary="A bound.", reference="none", control=True)

    def fit(self, X, y=None):
        self.labels_ = np.arange(len(X)) % 2
        return self


def test_a_plain_method_is_fitted_on_one_part_and_labels_the_other():
    data = prepared(split={"train": 0.6})
    record = run("sklearn.cluster.KMeans", data)[0]
    assert record["status"] == "ok"
    assert record["data"]["split"]["fit"] == 54
    assert record["data"]["n"] == 36 == len(labels()["labels"])


def test_a_deep_method_labels_and_codes_the_other_part_and_refits_there():
    data = prepared(split={"train": 0.6}, scale="standard")
    spec = {"dataset": "mine", "autoencoder": "shared", "params": {**SMALL, "epochs": 2}}
    start = pretrain_block(spec, data / "features.npz", [0, 1], "shared", fit=data / "fit.npz", device="cpu")
    assert [record["data"]["split"]["fit"] for record in start] == [54, 54]
    params = {**SMALL, "negative_slope": 0.2, "max_iter": 20}
    records = run("baselines.dec.DEC", data, params, pretrained="shared")
    assert [record["status"] for record in records] == ["ok", "ok"]
    found = labels()
    assert len(found["labels"]) == len(found["refit_labels"]) == 36
    with np.load("run/0/code.npz") as code:
        assert code["code"].shape == (36, 3)
    assert not Path("run/0/snapshots.npz").exists(), "they would be of the points of the fit"


def test_a_method_without_predict_is_skipped_with_its_reason():
    data = prepared(split={"train": 0.6})
    for record in run("sklearn.cluster.AgglomerativeClustering", data):
        assert (record["status"], record["traceback"]) == ("skipped", None)
        assert "AgglomerativeClustering has no predict" in record["reason"]
    assert sorted(file.name for file in Path("run/0").iterdir()) == ["run.json"]


def test_controls_bound_the_scores_of_the_points_that_are_scored():
    data = prepared(split={"train": 0.6})
    run("baselines.true_labels.TrueLabels", data, truth=data / "truth.npz")
    assert len(labels()["labels"]) == 36
    run(f"{__file__}:Bound", data, out="bound")
    assert len(labels(out="bound")["labels"]) == 36


def test_true_labels_are_skipped_where_nobody_knows_them():
    data = prepared(truth=None, drop=["kind"], n_clusters=3)
    assert {record["status"] for record in run("baselines.true_labels.TrueLabels", data)} == {"skipped"}


def test_the_graph_reaches_a_fit_that_takes_one_and_is_in_the_record():
    data = prepared(graph={"knn": 2})
    record = run(f"{__file__}:TakesGraph", data, graph=data / "graph.npz")[0]
    A = graphs.load(data / "graph.npz")
    np.testing.assert_array_equal(labels()["labels"], np.diff(A.indptr) > 2)
    assert record["data"]["graph"] == {"edges": A.nnz // 2, "sha256": graphs.facts(A)["sha256"]}
    assert "graph" not in run("sklearn.cluster.KMeans", data, out="other")[0]["data"]


def test_a_graph_of_other_points_is_refused():
    data = prepared()
    graphs.save(Path("wrong.npz"), graphs.clean(sparse.eye_array(5, k=1), "wrong"))
    with pytest.raises(DataError, match=r"wrong\.npz: a graph of 5 points for 90"):
        run(f"{__file__}:TakesGraph", data, graph="wrong.npz")


@pytest.mark.parametrize("scale", ["none", "standard", "minmax", "max"])
@pytest.mark.parametrize("entry", [{}, {"range": [-1, 2]}, {"split": {"train": 0.6}}])
def test_a_run_gives_its_own_points_their_own_labels(scale, entry):
    data = prepared(scale=scale, **entry)
    whole = pd.read_csv("points.csv")
    if "split" in entry:
        rows = np.random.RandomState(0).permutation(90)[:54]
        whole = whole.drop(index=rows)
    whole[["d", "kind", "b", "a", "c"]].to_csv("new.csv", index=False)  # in another order, and with more than is needed
    run("sklearn.cluster.KMeans", data)
    run("jcae.ClusteringModule", data, {"epochs": 2, "batch_size": 16, "init": "kmeans"}, out="deep")
    for out in ("run", "deep"):
        np.testing.assert_array_equal(predict(f"{out}/1", "new.csv"), labels(1, out)["labels"])


def test_one_new_point_is_enough():
    run("jcae.ClusteringModule", prepared(), {"epochs": 1, "batch_size": 16})
    Path("one.csv").write_text("a,b,c,d\n0,1,2,3\n")
    assert predict("run/0", "one.csv").shape == (1,)


def test_new_points_of_a_data_set_of_the_catalogue_are_as_it_was_prepared():
    prepare("iris", Path("raw"), Path("data"))
    spec = {"dataset": "iris", "method": "m", "use": "sklearn.cluster.KMeans", "params": {}}
    train_block(spec, "data/features.npz", [0], "run", device="cpu")
    with np.load("data/features.npz") as found:
        np.save("new.npy", found["X"][:7])
    np.testing.assert_array_equal(predict("run/0", "new.npy"), labels()["labels"][:7])


def refused(say, error=PredictionError, file="points.csv"):
    with pytest.raises(error, match=say):
        predict("run/0", file)


def test_what_cannot_be_predicted_is_said_with_its_remedy():
    data = prepared()
    run("sklearn.mixture.GaussianMixture", data)
    refused("GaussianMixture leaves labels alone")
    run("jcae.ClusteringModule", data, {"epochs": 1}, keep="small")
    refused("keeps no weights; train it again with keep: all")
    run("jcae.ClusteringModule", data, {"epochs": 1})
    refused("no such file or folder", DataError, "gone.csv")
    Path("few.csv").write_text("a,b,c\n1,2,3\n")
    refused("no column 'd', which mine has", DataError, "few.csv")
    np.save("wide.npy", np.zeros((3, 5)))
    refused("5 features, but mine has 4", DataError, "wide.npy")
    (data / "card.json").rename("card.json")
    refused("card.json is not there; prepare the data set again")
    card = json.loads(Path("card.json").read_text())
    (data / "card.json").write_text(json.dumps(card | {"features_sha256": "0" * 64}))
    refused("the data set has changed since the run")
    run("sklearn.cluster.KMeans", data, {"n_init": "wrong"})
    refused("the run is failed")


def test_nothing_is_unpickled(monkeypatch):
    run("jcae.ClusteringModule", prepared(), {"epochs": 1})
    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(f"pickle.{name}", lambda *_, **__: pytest.fail("unpickles"))
    assert len(predict("run/0", "points.csv")) == 90


# --- inputs that are none


@pytest.mark.parametrize(
    ("name", "write", "say"),
    [
        (
            "x.npy",
            lambda file: np.save(file, np.zeros((3, 2))),
            r"x\.npy: not features\.npz, as `jcae prepare` writes it",
        ),
        ("x.csv", lambda file: file.write_text("a,b\n1,2\n"), r"x\.csv: not features\.npz"),
        ("x.npz", lambda file: np.savez(file, X=np.zeros(3)), r"x\.npz: X is float64 of shape \(3,\)"),
        ("x.npz", lambda file: np.savez(file, X=np.zeros((3, 2), int)), r"x\.npz: X is int64 of shape"),
        ("x.npz", lambda file: np.savez(file, y=np.zeros((3, 2))), r"x\.npz: has the arrays y, needed: X"),
        ("x.npz", lambda file: file.write_bytes(b"PK"), r"x\.npz: not a file of arrays"),
    ],
)
def test_features_that_are_none_are_named(name, write, say):
    write(Path(name))
    spec = {"dataset": "mine", "method": "m", "use": "sklearn.cluster.KMeans", "params": {"n_clusters": 2}}
    with pytest.raises(DataError, match=say):
        train_block(spec, name, [0], "run", device="cpu")


def test_features_without_a_card_need_to_be_told_the_number_of_clusters():
    np.savez("features.npz", X=np.random.default_rng(0).normal(size=(20, 2)))
    spec = {"dataset": "mine", "method": "m", "use": "sklearn.cluster.KMeans", "params": {}}
    with pytest.raises(ParameterError, match=r"'n_clusters' is needed; it comes from card\.json beside the features"):
        train_block(spec, "features.npz", [0], "run", device="cpu")
    record = train_block({**spec, "params": {"n_clusters": 2}}, "features.npz", [0], "run", device="cpu")[0]
    assert record["clusters_found"] == 2


@pytest.mark.parametrize(
    ("y", "say"),
    [
        (np.zeros((90, 2), int), r"truth\.npz: y is int64 of shape \(90, 2\)"),
        (np.zeros(90), r"truth\.npz: y is float64"),
        (np.full(90, -1), r"truth\.npz: y is int64"),
        (np.zeros(5, int), r"truth\.npz: 5 classes for the 90 points of data/features\.npz"),
    ],
)
def test_a_truth_that_is_none_is_named_and_not_the_run(y, say):
    data = prepared()
    run("sklearn.cluster.KMeans", data)
    np.savez(data / "truth.npz", y=y, class_names=np.array(["a"]))
    with pytest.raises(DataError, match=say):
        evaluate(["run"], data / "truth.npz", data / "features.npz")
