"""Which number of clusters each rule chooses: on curves by hand, and on data whose answer is known."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_blobs

from jcae.jobs.sweep import sweep_block
from jcae.scores.sweep import evaluate_sweep
from jcae.statistics.how_many import CURVE_COLUMNS, RULES, choices, curves, elbow, highest, hits, lowest
from results import record, score

KS = np.arange(2.0, 8)


def test_highest_and_lowest_take_the_smallest_of_equals():
    assert highest(KS, np.array([0.1, 0.7, 0.7 + 1e-15, 0.3, 0.7, 0])) == 3
    assert lowest(KS, np.array([5, 4, 4, 9, 9, 9.0])) == 3
    assert highest(KS, np.full(6, 0.5)) == 2


def test_elbow_is_the_point_farthest_below_the_line():
    # From 10 to 0 over five steps the line falls by 2: it lies at 8, 6, 4, 2 where the curve is at 7, 1, 0.5, 0.2.
    assert elbow(KS, np.array([10, 7, 1, 0.5, 0.2, 0])) == 4
    assert elbow(KS[[0, 2, 5]], np.array([10, 1, 0.0])) == 4  # of what is there
    assert elbow(1e6 * KS, 1e-9 * np.array([10, 7, 1, 0.5, 0.2, 0])) == 4e6  # whatever the units


@pytest.mark.parametrize(
    "values",
    [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [5, 5, 5, 5, 5, 4], [1, 0, 0, 0, 0, 1]],
    ids=["rises", "straight", "bent upwards", "comes back"],
)
def test_no_elbow(values):
    assert np.isnan(elbow(KS, np.array(values, float)))
    assert np.isnan(elbow(KS[:2], np.array([2.0, 1])))


def sweep(method, k, seed, dataset="digits", status="ok", n_clusters=3, truth=True, objective=np.nan, **values):
    facts = {"k": k, "n_clusters": n_clusters, "truth": truth, "objective": objective, "bic": np.nan}
    rows = [score(method, seed, v, metric, dataset=dataset) | {"k": k} for metric, v in values.items()]
    return record(method, seed, status, dataset, **facts), rows


def tables(runs):
    return pd.DataFrame([row for _, rows in runs for row in rows]), pd.DataFrame([run for run, _ in runs])


RUNS = [
    sweep("a", 2, 0, silhouette_features=0.5, ari=0.2, objective=9.0),
    sweep("a", 2, 1, silhouette_features=0.7, ari=0.4, objective=7.0),
    sweep("a", 3, 0, silhouette_features=0.9, ari=0.5, objective=2.0),
    sweep("a", 3, 1, "digits", "diverged"),
    sweep("a", 4, 0, silhouette_features=0.6, ari=0.9, objective=1.0),
    sweep("a", 4, 1, silhouette_features=0.6, ari=0.9, objective=1.0),
]


def test_means_are_of_one_number_and_its_ok_seeds():
    scores, records = tables(RUNS)
    scores = pd.concat([scores, scores.assign(labels="refit", value=0.0)])  # k-means on the code is another thing
    found = curves(scores, records)
    assert list(found) == CURVE_COLUMNS
    assert found[["k", "n_ok", "n_total"]].to_numpy().tolist() == [[2, 2, 2], [3, 1, 2], [4, 2, 2]]
    assert found["silhouette_features"].tolist() == pytest.approx([0.6, 0.9, 0.6])
    assert found["objective"].tolist() == pytest.approx([8, 2, 1])
    assert found["bic"].isna().all()


def test_choices_by_hand():
    scores, records = tables(RUNS)
    (row,) = choices(curves(scores, records), records).to_dict("records")
    assert (row["classes"], row["low"], row["high"], row["n_ok"], row["n_total"]) == (3, 2, 4, 5, 6)
    assert (row["silhouette"], row["elbow"], row["best_ari"]) == (3, 3, 4)
    assert np.isnan([row["stability"], row["bic"], row["silhouette_code"]]).all()


def test_a_rule_needs_two_numbers():
    scores, records = tables(RUNS[:2])
    assert choices(curves(scores, records), records)[list(RULES)].isna().all(axis=None)


def test_how_often_a_rule_is_right():
    def of(method, dataset, best, **facts):
        return [
            sweep(method, k, 0, dataset, silhouette_features=1.0 if k == best else 0.0, **facts) for k in (2, 3, 4, 5)
        ]

    runs = of("a", "digits", 3) + of("a", "wine", 5) + of("b", "digits", 2)
    runs += of("a", "own", 3, truth=False)  # nobody knows
    runs += of("a", "letter", 3, n_clusters=26)  # out of the range
    runs += of("random", "digits", 3)  # a control
    scores, records = tables(runs)
    found = hits(choices(curves(scores, records), records)).set_index(["method", "rule"])
    assert found.loc[("a", "silhouette")].tolist() == [1, 2, 1.0]
    assert found.loc[("b", "silhouette")].tolist() == [0, 1, 1.0]
    assert found.loc[("", "silhouette")].tolist() == [1, 3, 1.0]
    assert found.loc[("", "bic"), "n"] == 0


@pytest.mark.slow
def test_rules_find_the_number_of_clusters_that_nobody_could_miss(tmp_path):
    X, y = make_blobs(400, centers=[[0, 0], [0, 20], [20, 0], [20, 20]], random_state=0)
    np.savez(tmp_path / "features.npz", X=X.astype(np.float32))
    np.savez(tmp_path / "truth.npz", y=y.astype(np.int64), class_names=np.array(list("abcd")))
    (tmp_path / "card.json").write_text(json.dumps({"n_clusters": 4, "class_counts": [100] * 4}))
    methods = {"km": "sklearn.cluster.KMeans", "gmm": "sklearn.mixture.GaussianMixture"}
    parts = []
    for method, use in methods.items():
        spec = {"dataset": "blobs", "method": method, "use": use, "params": {"n_init": 3}}
        sweep_block(spec, range(2, 8), tmp_path / "features.npz", [0, 1, 2], tmp_path / "x/y/z" / method)
        parts.append(evaluate_sweep([tmp_path / "x/y/z" / method], tmp_path / "truth.npz", tmp_path / "features.npz"))
    scores, records = (pd.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True))
    chosen = choices(curves(scores, records), records).set_index("method")
    assert chosen.loc["km", ["silhouette", "elbow", "best_ari"]].tolist() == [4, 4, 4]
    assert chosen.loc["gmm", ["silhouette", "bic", "best_ari"]].tolist() == [4, 4, 4]
    assert np.isnan(chosen.loc["km", "bic"])
    assert curves(scores, records).set_index(["method", "k"]).loc[("km", 4), "stability"] == pytest.approx(1)
