"""From run folders to scores and records, on runs small enough to score by hand."""

import json

import numpy as np
import pandas as pd
import pytest

from jcae.data.graphs.graph import clean, save
from jcae.jobs.records import write_record
from jcae.scores.evaluation import (
    attempted,
    collect_records,
    collect_scores,
    count_runs,
    evaluate,
    labelled,
    lowest_objective,
    ok_scores,
    read_records,
    read_results,
    record_row,
    unlabelled,
)
from jcae.scores.metrics import METRICS, ari

Y = np.array([0, 0, 0, 1, 1, 1])
LABELS = np.array([1, 1, 0, 0, 0, 0])  # 5 of 6 in the matched cluster
REFIT = np.array([0, 0, 0, 1, 1, 1])


def write_run(results, method, seed, *, status="ok", block="0-1", labels=None, code=None, kind="runs", **changes):
    folder = results / kind / "toy" / method / block / str(seed)
    folder.mkdir(parents=True)
    write_record(
        folder / "run.json",
        {
            "schema": 1,
            "dataset": "toy",
            "method": method,
            "use": "jcae.AECM",
            "label": "AE-CM",
            "seed": seed,
            "block": [0, 1],
            "status": status,
            "reason": None if status == "ok" else "because",
            "traceback": None,
            "params": {},
            "info": {"label": "AE-CM", "summary": "", "reference": None, "deviations": []},
            "tuned_with": None,
            "objective": {"name": "loss_", "value": 2.0 - seed},
            "clusters_found": 2,
            "updates": 10,
            "epochs": 1,
            "data": {"n": 6, "d": 2, "n_clusters": 2, "features_sha256": "0" * 64},
            "code": {"digest": "1" * 64, "git_commit": None, "dirty": False},
            "versions": dict.fromkeys(("python", "jcae", "numpy", "scipy", "sklearn", "torch"), "1"),
            "device": {"type": "cpu", "name": "Example", "threads": 1, "precision": "float32"},
            "seconds": 1.5,
            "block_seconds": 3.0,
            "peak_memory_mb": 10.0,
            "peak_gpu_memory_mb": None,
            "started": "2026-01-01T00:00:00+00:00",
            "finished": "2026-01-01T00:00:03+00:00",
            "pretrained": None,
            "command": "",
        }
        | changes,
    )
    if labels is not None:
        np.savez(folder / "labels.npz", **{name: array.astype("int32") for name, array in labels.items()})
    if code is not None:
        np.savez(folder / "code.npz", code=code.astype("float32"))
    return folder


@pytest.fixture
def truth(tmp_path):
    np.savez(tmp_path / "truth.npz", y=Y, class_names=np.array(["a", "b"]))
    return tmp_path / "truth.npz"


def test_scores_by_hand(tmp_path, truth):
    code = np.array([[0, 0], [0, 0], [0, 0], [1, 0], [1, 0], [1, 0]])
    folder = write_run(tmp_path, "aecm", 0, labels={"labels": LABELS, "refit_labels": REFIT}, code=code)
    scores = evaluate([folder], truth)
    assert list(scores.columns) == ["dataset", "method", "seed", "labels", "metric", "value"]
    value = scores.set_index(["labels", "metric"])["value"]
    assert value["own", "acc"] == pytest.approx(5 / 6)
    assert value["refit", "acc"] == 1
    assert value["refit", "silhouette"] == pytest.approx(1)  # the classes are two points of the code
    assert value["own", "clusters"] == 2
    # Sizes 2 and 4: -(1/3 log 1/3 + 2/3 log 2/3) / log 2.
    assert value["own", "size_entropy"] == pytest.approx((np.log(3) - 2 / 3 * np.log(2)) / np.log(2))
    assert not scores.duplicated(["seed", "labels", "metric"]).any()


def test_without_code_no_refit_and_no_silhouette(tmp_path, truth):
    folder = write_run(tmp_path, "kmeans", 0, labels={"labels": LABELS})
    scores = evaluate([folder], truth)
    assert set(scores["labels"]) == {"own"}
    assert "silhouette" not in set(scores["metric"])


def test_without_a_truth_the_scores_that_need_none(tmp_path, truth):
    np.savez(tmp_path / "features.npz", X=np.arange(12, dtype="float32").reshape(6, 2))
    for seed, labels in enumerate([LABELS, REFIT]):
        write_run(tmp_path, "aecm", seed, labels={"labels": labels})
    features = tmp_path / "features.npz"
    scores = evaluate([tmp_path / "runs"], None, features)
    both = evaluate([tmp_path / "runs"], truth, features)
    beside = ("truth", "source", "code", "graph", "tree")
    needs_none = {name for name, metric in METRICS.items() if metric.needs not in beside}
    assert set(scores["metric"]) == needs_none
    assert set(both["metric"]) == needs_none | {name for name, metric in METRICS.items() if metric.needs == "truth"}
    merged = scores.merge(both, on=["dataset", "method", "seed", "labels", "metric"])
    assert len(merged) == len(scores)
    assert (merged["value_x"] == merged["value_y"]).all()


def test_graph_is_looked_at_where_there_is_one(tmp_path):
    A = np.zeros((6, 6))
    for i, j in ((0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5), (2, 3)):  # two triangles and an edge between them
        A[i, j] = 1
    save(tmp_path / "graph.npz", clean(A, "graph"))
    write_run(tmp_path, "aecm", 0, labels={"labels": LABELS, "refit_labels": REFIT})
    scores = evaluate([tmp_path / "runs"], graph_path=tmp_path / "graph.npz")
    value = scores.set_index(["labels", "metric"])["value"]
    assert value["refit", "modularity"] == pytest.approx(5 / 14)
    assert value["refit", "conductance"] == pytest.approx(1 / 7)
    # {0, 1} and {2, 3, 4, 5}: 2 of 4 ends of edges within, and 8 of 10.
    assert value["own", "modularity"] == pytest.approx((2 / 14 - (4 / 14) ** 2) + (8 / 14 - (10 / 14) ** 2))
    assert value["own", "conductance"] == pytest.approx(2 / 4)
    without = evaluate([tmp_path / "runs"])
    assert scores[~scores["metric"].isin(["modularity", "conductance"])].reset_index(drop=True).equals(without)

    save(tmp_path / "graph.npz", clean(A[:5, :5], "graph"))
    with pytest.raises(ValueError, match=r"aecm/0-1/0 \(own labels\): the graph has 5 nodes for 6 labels"):
        evaluate([tmp_path / "runs"], graph_path=tmp_path / "graph.npz")


def test_stability_is_among_the_ok_seeds_of_one_method(tmp_path):
    for seed, labels in enumerate([LABELS, REFIT, REFIT + 5]):
        write_run(tmp_path, "aecm", seed, labels={"labels": labels})
    write_run(tmp_path, "aecm", 3, status="collapsed", labels={"labels": 0 * LABELS})
    write_run(tmp_path, "single", 0, labels={"labels": LABELS})
    scores = evaluate([tmp_path / "runs"])
    found = scores[scores["metric"] == "stability"].set_index(["method", "seed"])["value"]
    apart = ari(LABELS, REFIT)
    assert found.to_dict() == pytest.approx(
        {("aecm", 0): apart, ("aecm", 1): (apart + 1) / 2, ("aecm", 2): (apart + 1) / 2}
    )


def test_records_say_whether_there_is_a_truth_and_how_points_were_divided():
    run = {"data": {"n": 4, "d": 2, "truth": False, "split": {"fit": 10, "score": 4, "how": "the files say so"}}}
    facts = record_row(run)
    assert (facts["truth"], facts["n_fit"], facts["n_score"], facts["split"]) == (False, 10, 4, "the files say so")
    old = record_row({"data": {"n": 4, "d": 2}})
    assert (old["truth"], old["n_fit"], old["split"]) == (None, None, None)


@pytest.mark.parametrize("through_csv", [False, True])
def test_labelled_and_skipped_runs(tmp_path, through_csv):
    rows = [
        ("old", "a", 0, "ok", None),
        ("old", "a", 1, "skipped", None),
        ("known", "a", 0, "skipped", True),
        ("mine", "a", 0, "failed", False),
    ]
    records = pd.DataFrame(rows, columns=["dataset", "method", "seed", "status", "truth"]).assign(control=False)
    if through_csv:
        records.to_csv(tmp_path / "records.csv", index=False)
        records = read_records(tmp_path)
    assert labelled(records)["dataset"].tolist() == ["old", "old", "known"]
    assert unlabelled(records) == ["mine"]
    assert unlabelled(records.drop(columns="truth")) == []
    assert attempted(records)["seed"].tolist() == [0, 0]
    assert count_runs(records).to_dict() == {("old", "a"): 1, ("known", "a"): 0, ("mine", "a"): 1}


@pytest.mark.parametrize("status", ["failed", "diverged", "collapsed"])
def test_runs_that_are_not_ok_are_recorded_but_not_scored(tmp_path, truth, status):
    write_run(tmp_path, "aecm", 0, status=status, labels={"labels": LABELS})
    write_run(tmp_path, "aecm", 1, labels={"labels": LABELS})
    assert set(evaluate([tmp_path / "runs/toy/aecm/0-1"], truth)["seed"]) == {1}
    records = collect_records(tmp_path)
    assert records["status"].tolist() == [status, "ok"]
    assert records["reason"].iloc[0] == "because"
    assert lowest_objective(records)["seed"].tolist() == [1]


def test_stale_scores_of_a_run_that_failed_since_are_dropped(tmp_path, truth):
    write_run(tmp_path, "aecm", 0, labels={"labels": LABELS})
    write_run(tmp_path, "aecm", 1, labels={"labels": LABELS})
    scores, records = evaluate([tmp_path / "runs"], truth), collect_records(tmp_path)
    records.loc[records["seed"] == 0, "status"] = "failed"
    assert set(ok_scores(scores, records)["seed"]) == {1}


def test_lowest_objective_of_the_ok_runs_ties_to_the_lowest_seed(tmp_path):
    for seed, value in enumerate([2.0, 1.0, 1.0, None]):
        write_run(tmp_path, "aecm", seed, objective={"name": "loss_", "value": value})
    write_run(tmp_path, "dbscan", 0, objective=None)
    chosen = lowest_objective(collect_records(tmp_path))
    assert chosen[["method", "seed"]].values.tolist() == [["aecm", 1]]


def test_control_by_info_or_by_class(tmp_path):
    info = {"label": "x", "summary": "", "reference": None, "deviations": []}
    write_run(tmp_path, "a", 0, use="baselines.controls.RandomLabels")
    write_run(tmp_path, "b", 0, info=info | {"control": True})
    write_run(tmp_path, "c", 0)
    write_run(tmp_path, "d", 0, use="baselines.controls.TrueLabels", info=info | {"control": False})
    assert collect_records(tmp_path)["control"].tolist() == [True, True, False, False]


def test_seconds_of_the_shared_pretraining(tmp_path):
    write_run(tmp_path, "ae", 0, kind="pretrained", seconds=7.0)
    write_run(tmp_path, "aecm", 0, pretrained={"autoencoder": "ae", "weights_sha256": None})
    records = collect_records(tmp_path)
    assert len(records) == 1
    assert records["pretrain_seconds"].tolist() == [7]
    assert records["run"].tolist() == ["runs/toy/aecm/0-1/0"]


def test_parameters_are_one_json_object_and_old_records_lack_them(tmp_path, truth):
    write_run(tmp_path, "aecm", 0, params={"alpha": [1, 2.5], "n_clusters": 2, "init": None})
    collect_records(tmp_path).to_csv(tmp_path / "records.csv", index=False)
    assert json.loads(read_records(tmp_path)["params"].iloc[0]) == {"alpha": [1, 2.5], "n_clusters": 2, "init": None}
    collect_records(tmp_path).drop(columns="params").to_csv(tmp_path / "records.csv", index=False)
    assert "params" not in read_records(tmp_path)


def test_a_seed_in_two_blocks_is_an_error(tmp_path):
    write_run(tmp_path, "aecm", 0)
    write_run(tmp_path, "aecm", 0, block="0")
    with pytest.raises(
        ValueError, match=r"seed 0 of aecm on toy was run twice: runs/toy/aecm/0/0, runs/toy/aecm/0-1/0"
    ):
        collect_records(tmp_path)
    assert collect_records(tmp_path, ["0-1"])["run"].tolist() == ["runs/toy/aecm/0-1/0"]


def test_half_written_blocks_are_not_seen(tmp_path):
    write_run(tmp_path, "aecm", 0)
    write_run(tmp_path, "aecm", 0, block="0-1.tmp.77")
    assert len(collect_records(tmp_path)) == 1


def test_errors_name_the_folder(tmp_path, truth):
    folder = write_run(tmp_path, "aecm", 0, labels={"labels": LABELS[:-1]})
    with pytest.raises(ValueError, match=r"aecm/0-1/0 \(own labels\): y and labels differ in length: 6 and 5"):
        evaluate([folder], truth)
    with pytest.raises(ValueError, match=r"nothing holds no run\.json"):
        evaluate([tmp_path / "nothing"], truth)


def test_round_trip_through_csv_keeps_method_names_as_text(tmp_path, truth):
    for method in ("true", "01"):
        write_run(tmp_path, method, 0, labels={"labels": LABELS})
        (tmp_path / "scores/toy").mkdir(parents=True, exist_ok=True)
        evaluate([tmp_path / "runs/toy" / method], truth).to_csv(tmp_path / f"scores/toy/{method}.csv", index=False)
    write_run(tmp_path, "lost", 0, status="failed")
    evaluate([tmp_path / "runs/toy/lost"], truth).to_csv(tmp_path / "scores/toy/lost.csv", index=False)
    collect_scores(tmp_path).to_csv(tmp_path / "scores.csv", index=False)
    collect_records(tmp_path).to_csv(tmp_path / "records.csv", index=False)
    scores, records = read_results(tmp_path)
    assert set(scores["method"]) == {"true", "01"}
    assert records["method"].tolist() == ["01", "lost", "true"]
    assert scores["value"].dtype == "float64"


def test_nothing_there_gives_empty_tables_with_columns(tmp_path):
    assert list(collect_scores(tmp_path).columns) == ["dataset", "method", "seed", "labels", "metric", "value"]
    records = collect_records(tmp_path)
    assert records.empty
    assert {"status", "control", "run"} <= set(records.columns)


def test_arrays_are_read_without_pickle(tmp_path, truth):
    folder = write_run(tmp_path, "aecm", 0)
    np.savez(folder / "labels.npz", labels=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        evaluate([folder], truth)
