"""How methods meet points that they were not fitted on: adapted, frozen, by Lloyd's algorithm, by k-means anew."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from jcae.data.prepare import prepare
from jcae.data.request import Request
from jcae.jobs.config import ConfigError
from jcae.jobs.plan import make_plan
from jcae.jobs.predict import PredictionError, predict
from jcae.jobs.runner import train_block
from jcae.jobs.transfer import meet, own_way
from jcae.scores.evaluation import evaluate

MOVED = {"transfer": {"source": "four_gaussians", "target": "four_gaussians_moved"}}
TDCM = {"hidden": [8], "code_dim": 3, "epochs": 1}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    prepare(Request.of("moved", MOVED), folder, folder)
    return folder


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(data, use, params=None, **spec):
    spec = {"dataset": "moved", "method": "m", "use": use, "params": params or {}, **spec}
    out = "-".join(["run", *spec.get("transfer", "own").split()])
    record = train_block(spec, data / "features.npz", [0], out, fit=data / "fit.npz", device="cpu")[0]
    assert record["status"] == "ok", record["reason"]
    with np.load(f"{out}/0/labels.npz") as labels:
        return record, dict(labels), Path(out)


def scores(out, data):
    frame = evaluate([out], data / "truth.npz")
    return frame[frame["labels"] == "own"].set_index("metric")["value"]


def test_ways_of_k_means(data):
    ways = ("frozen", "lloyd", "kmeans")
    found = {way: run(data, "sklearn.cluster.KMeans", {"n_init": 5}, transfer=way) for way in ways}
    with np.load(data / "features.npz") as target, np.load(data / "fit.npz") as source:
        X, fitted = target["X"], KMeans(4, n_init=5, random_state=0).fit(source["X"])
    again = KMeans(4, init=fitted.cluster_centers_, n_init=1).fit(X)
    np.testing.assert_array_equal(found["frozen"][1]["labels"], fitted.predict(X))
    np.testing.assert_array_equal(found["lloyd"][1]["labels"], again.labels_)
    for record, labels, out in found.values():
        np.testing.assert_array_equal(labels["fit_labels"], fitted.labels_)
        assert record["data"]["transfer"] == out.name.removeprefix("run-")
    value = {way: scores(out, data) for way, (_, _, out) in found.items()}
    assert value["frozen"]["acc"] < 0.9 < 0.95 < value["lloyd"]["acc"]
    assert value["lloyd"]["consistency"] == value["lloyd"]["acc"], "clusters keep their names on the way"
    assert value["kmeans"]["consistency"] < value["kmeans"]["acc"] == pytest.approx(value["lloyd"]["acc"], abs=0.01)
    with np.load("run-lloyd/0/decoded.npz") as decoded:
        np.testing.assert_allclose(decoded["centroids"], again.cluster_centers_, atol=1e-5)


@pytest.mark.slow
def test_an_adapted_run_labels_new_points_as_those_that_it_adapted_to(data):
    record, labels, out = run(data, "baselines.tdcm.TDCM", TDCM)
    assert (record["data"]["transfer"], own_way(KMeans)) == ("adapt", "frozen")
    _, frozen, _ = run(data, "baselines.tdcm.TDCM", TDCM, transfer="frozen")
    np.testing.assert_array_equal(labels["fit_labels"], frozen["fit_labels"])
    assert (labels["labels"] != frozen["labels"]).any()
    assert len(labels["refit_labels"]) == len(labels["fit_refit_labels"]) == 2000
    with np.load(data / "features.npz") as target:
        np.save("new.npy", target["X"][:9])
    for folder, expected in ((out, labels), (Path("run-frozen"), frozen)):
        np.testing.assert_array_equal(predict(folder / "0", "new.npy"), expected["labels"][:9])
    run(data, "baselines.tdcm.TDCM", TDCM, transfer="lloyd")
    with pytest.raises(PredictionError, match=r"transfer: lloyd.*take a run with transfer: frozen, or adapt"):
        predict("run-lloyd/0", "new.npy")


def test_k_means_needs_centroids():
    X = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(ValueError, match=r"transfer: lloyd .* GaussianMixture has none there; take frozen"):
        meet(GaussianMixture(2, random_state=0).fit(X), X, "lloyd", None)


def config(**methods):
    data = {"four_gaussians": {}, "moved": MOVED}
    return {"run": "r", "seeds": [0], "datasets": data, "methods": methods}


def test_config_names_the_way_and_tables_show_it():
    kmeans = {"use": "sklearn.cluster.KMeans", "label": "k-means"}
    tdcm = {"use": "baselines.tdcm.TDCM"}
    methods = {"a": kmeans, "b": kmeans | {"transfer": "lloyd"}, "c": tdcm, "d": tdcm | {"transfer": "frozen"}}
    jobs = make_plan(config(**methods)).jobs
    labels = [jobs["moved", name].wording["label"] for name in methods]
    assert labels == ["k-means", "k-means [lloyd]", "TDCM (reconstructed)", "TDCM (reconstructed) [frozen]"]
    assert [jobs["moved", name].spec.get("transfer") for name in methods] == [None, "lloyd", None, "frozen"]
    assert "transfer" not in jobs["four_gaussians", "b"].spec, "nothing is transferred there"
    assert jobs["four_gaussians", "b"].wording["label"] == "k-means"


@pytest.mark.parametrize(
    ("way", "say"),
    [("adapt", "methods.a.transfer: KMeans has no adapt; allowed: frozen, kmeans, lloyd"), ("melt", "'melt'")],
)
def test_ways_that_are_none_are_refused(way, say):
    with pytest.raises(ConfigError, match=say):
        make_plan(config(a={"use": "sklearn.cluster.KMeans", "transfer": way}))
