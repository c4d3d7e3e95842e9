"""What the seeds of a method agree on: gathered from runs, in tables, and on the command line."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from jcae.cli import app
from jcae.data.formats import DataError
from jcae.publish.explain import explain
from jcae.scores.confidence import Confidence, confidence, measures, read_confidence
from jcae.tables.confidence import confidence_table, how_sure
from jcae.tables.run import write_tables
from jcae.tables.scores import full_table, scores_table
from jcae.terminal.summary import summarise
from results import record, score

Y = np.array([0, 0, 0, 0, 1, 1, 1, 1])
GOOD = np.array([1, 1, 1, 1, 0, 0, 0, 0])
ONE_OFF = np.array([0, 0, 0, 1, 1, 1, 1, 1])


def row(method, seed, status="ok", dataset="digits", **changes):
    facts = {"run": f"runs/{dataset}/{method}/0-2/{seed}", "block": "0-2", "truth": True, "n": 8}
    return record(method, seed, status, dataset, **facts | {"code_digest": "c0de", "precision": "float32"} | changes)


def folder_of(tmp_path, records, scores=(), sure=()):
    """A results folder with these records, scores and measures by data set."""
    pd.DataFrame(records).to_csv(tmp_path / "records.csv", index=False)
    columns = ["dataset", "method", "seed", "labels", "metric", "value"]
    pd.DataFrame(scores, columns=columns).to_csv(tmp_path / "scores.csv", index=False)
    for dataset in {r["dataset"] for r in records}:
        place = tmp_path / "gallery" / dataset
        (place / "confidence").mkdir(parents=True)
        rows = [(m, n, measure, value) for d, m, n, values in sure if d == dataset for measure, value in values.items()]
        found = pd.DataFrame(rows, columns=["method", "n_ok", "measure", "value"])
        found.to_csv(place / "confidence.csv.gz", index=False)
        for method in set(found["method"]):
            np.savez(place / "confidence" / f"{method}.npz", labels=Y, agreement=np.full(8, 0.75, np.float32))
    return tmp_path


VALUES = {"agreement": 0.9, "doubtful": 0.125, "auc": 0.8, "acc": 0.7, "nmi": 0.6, "ari": 0.5, "clusters": 2}
RECORDS = [row("a", s) for s in range(2)] + [row("a", 2, "failed"), row("b", 0), row("b", 1, "diverged")]
RECORDS += [row("random", s) for s in range(2)]
SCORES = [score(m, s, 0.4 + s / 5, metric) for m in "ab" for s in (0, 1) for metric in ("acc", "nmi", "ari")]
SURE = [("digits", "a", 2, VALUES)]


@pytest.fixture
def results(tmp_path):
    return folder_of(tmp_path, RECORDS, SCORES, SURE)


def runs_with(tmp_path, partitions, status=()):
    records = pd.DataFrame([row("a", s, dict(status).get(s, "ok")) for s in range(len(partitions))])
    for run, labels in zip(records["run"], partitions, strict=True):
        (tmp_path / run).mkdir(parents=True)
        np.savez(tmp_path / run / "labels.npz", labels=labels)
    return records


def test_only_ok_seeds_are_held_against_each_other(tmp_path):
    records = runs_with(tmp_path, [GOOD, np.zeros(8, int), ONE_OFF], {1: "collapsed"})
    found = confidence(records, tmp_path)
    assert found.n_ok == 2
    assert sorted(np.bincount(found.labels)) in ([4, 4], [3, 5])
    alone = records.assign(status=["ok", "collapsed", "failed"])
    assert confidence(alone, tmp_path) is None


def test_measures_by_hand():
    sure = np.array([1, 1, 1, 0.4, 1, 1, 1, 1], np.float32)
    found = measures(Confidence(ONE_OFF, sure, 3), np.arange(16.0).reshape(8, 2), Y)
    assert found["agreement"] == pytest.approx(7.4 / 8)
    assert (found["doubtful"], found["acc"], found["auc"], found["clusters"]) == (1 / 8, 7 / 8, 1, 2)
    assert np.isnan(measures(Confidence(GOOD, sure, 3), np.eye(8), Y)["auc"])  # nothing is wrong
    without = measures(Confidence(ONE_OFF, sure, 3), np.eye(8))
    assert not {"auc", "acc"} & set(without)
    assert "silhouette_features" in without


def test_table_counts_failures_and_names_who_stands_alone(results):
    scores, records = pd.DataFrame(SCORES), pd.DataFrame(RECORDS)
    table = confidence_table(read_confidence(results), scores, records)
    (cells,) = table.cells.to_dict("records")
    assert (cells["agreement"], cells["doubtful"], cells["AUC"], cells["ok/all"]) == ("90.0", "12.5", "80.0", "2/3")
    assert (cells["ACC"], cells["ACC, consensus†"]) == ("50.0", "70.0 (+20.0)")
    assert "Fewer than 2 ok seeds, so nothing to hold against each other: B on digits (1/2)." in table.note
    assert "RANDOM" not in table.note


def test_consensus_is_a_marked_row_of_the_tables(results):
    scores, records, sure = pd.DataFrame(SCORES), pd.DataFrame(RECORDS), read_confidence(results)
    table = scores_table(scores, records, "acc", sure=sure)
    assert table.cells.to_numpy().tolist() == [
        ["A", "50.0 ± 14.1 (2/3)"],
        ["A, consensus†", "70.0 (2/3)"],
        ["B", "40.0 (1/2)"],
        ["RANDOM", "– (0/2)"],
    ]
    assert table.bold == {(0, 1)}  # no run of the method
    assert table.rule_before == 3
    assert "in no mean, rank or comparison" in table.note
    assert table.data["labels"].tolist() == ["own", "own", "own", "consensus"]
    assert "labels" not in scores_table(scores, records, "acc").data
    full = full_table(scores, records, sure)
    agreed = full.cells[full.cells["labels"] == "consensus†"]
    assert agreed["score"].tolist() == ["ACC", "NMI", "ARI", "non-empty clusters"]


def test_numbers_of_a_consensus_are_explained_and_stay_apart(results):
    write_tables(results, results / "tables")
    table = results / "tables/scores_acc.csv"
    assert "mean = 0.5\n2 runs: the ok runs\n" in explain(table, "digits/a", "mean")
    assert "2 runs: the ok runs, of whose labels it is the consensus\n" in explain(table, "digits/a/consensus", "mean")
    assert "50.0" in summarise(results)
    assert "70.0" not in summarise(results)


def test_one_seed_no_truth_and_an_older_gallery_are_said(tmp_path):
    records = [row("a", 0), row("c", 0, dataset="mine", truth=False), row("c", 1, dataset="mine", truth=False)]
    without = {"agreement": 0.9, "doubtful": 0.0, "clusters": 2}
    results = folder_of(tmp_path, records, [score("a", 0, 0.5)], [("mine", "c", 2, without)])
    text = how_sure(results)
    assert "Fewer than 2 ok seeds: A on digits (1/1)." in text
    assert "No truth, so agreement alone: mine." in text
    (tmp_path / "gallery/mine/confidence.csv.gz").unlink()
    with pytest.raises(DataError, match="older version"):
        how_sure(results)
    write_tables(results, results / "tables")
    assert "gallery is of an older version" in (results / "tables/confidence.md").read_text()


def test_verb_tells_and_writes_the_points(results, tmp_path):
    found = CliRunner().invoke(app, ["confidence", str(results), "--out", str(tmp_path / "points")])
    assert found.exit_code == 0
    assert "70.0 (+20.0)" in found.stdout
    points = pd.read_csv(tmp_path / "points/digits/a.csv")
    assert points.columns.tolist() == ["id", "consensus", "agreement"]
    assert points["consensus"].tolist() == Y.tolist()
    (results / "gallery/digits/confidence.csv.gz").unlink()
    refused = CliRunner().invoke(app, ["confidence", str(results)])
    assert refused.exit_code == 2
    assert "older version" in refused.output
