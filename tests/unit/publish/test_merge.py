"""Exports of one grid that was run in pieces, put together."""

import json

import numpy as np
import pandas as pd
import pytest

from jcae.publish.explain import explain
from jcae.publish.export import SWEEPS, export, exported_records
from jcae.publish.merge import merge
from jcae.scores.confidence import read_confidence
from jcae.scores.evaluation import read_results
from jcae.scores.sweep import read_sweep
from jcae.tables.run import write_tables
from results import record, score


def exported(folder, runs, *, points="f00d", epochs=7):
    """Export of these runs: (method, seed, ACC or None, objective)."""
    results = folder / "results"
    records, scores = [], []
    for method, seed, value, objective in runs:
        run = f"runs/digits/{method}/{seed}/{seed}"
        status = "ok" if value is not None else "diverged"
        facts = {"use": "x.Y", "run": run, "n": 9, "objective_name": "loss_", "objective": objective}
        records.append(record(method, seed, status, **facts))
        if value is not None:
            scores += [score(method, seed, value), score(method, seed, 0.5, metric="stability")]
        (results / run).mkdir(parents=True)
        data, params = {"n": 9, "features_sha256": points}, {"epochs": epochs, "random_state": seed}
        facts = {"dataset": "digits", "method": method, "seed": seed, "params": params, "data": data}
        facts |= {"code": {"digest": "abc", "git_commit": "0123", "dirty": False}, "versions": {"python": "3.11"}}
        facts |= {"device": {"type": "cpu", "name": "Example"}, "pretrained": None, "tuned_with": None}
        facts |= {"command": "jcae train --seeds 0 --out x"}
        (results / run / "run.json").write_text(json.dumps(facts))
    gallery = results / "gallery" / "digits"
    (gallery / "methods").mkdir(parents=True)
    np.savez(gallery / "data.npz", points=np.arange(3))
    for method, seed, *_ in sorted((run for run in runs if run[2] is not None), key=lambda run: -run[3]):
        np.savez(gallery / "methods" / f"{method}.npz", seed=seed)  # the last one, of the lowest objective, stays
    curves = [(method, seed, "p", 0, 1, "loss", 0.5) for method, seed, *_ in runs]
    columns = ["method", "seed", "phase", "epoch", "update", "term", "value"]
    pd.DataFrame(curves, columns=columns).to_csv(gallery / "curves.csv.gz", index=False)
    methods = sorted({method for method, *_ in runs})
    (gallery / "confidence").mkdir()
    for method in methods:
        np.savez(gallery / "confidence" / f"{method}.npz", n_ok=2)
    sure = [(method, 2, "agreement", 0.5) for method in methods]
    columns = ["method", "n_ok", "measure", "value"]
    pd.DataFrame(sure, columns=columns).to_csv(gallery / "confidence.csv.gz", index=False)
    pd.DataFrame(records).to_csv(results / "records.csv", index=False)
    pd.DataFrame(scores).to_csv(results / "scores.csv", index=False)
    export(results, folder / "export")
    return folder / "export"


def test_seeds_and_methods_of_two_parts(tmp_path):
    one = exported(tmp_path / "one", [("a", 0, 0.5, 3.0), ("b", 0, 0.7, 1.0), ("b", 1, 0.8, 2.0)])
    two = exported(tmp_path / "two", [("a", 1, 0.9, 2.0), ("a", 2, None, None), ("c", 0, 0.1, 5.0)])
    merge([one, two], tmp_path / "both")
    scores, records = read_results(tmp_path / "both")
    assert records[["method", "seed", "status"]].to_numpy().tolist() == [
        ["a", 0, "ok"],
        ["a", 1, "ok"],
        ["a", 2, "diverged"],
        ["b", 0, "ok"],
        ["b", 1, "ok"],
        ["c", 0, "ok"],
    ]
    found = scores[scores["metric"] == "acc"]
    assert dict(zip(found["method"] + found["seed"].astype(str), found["value"], strict=True)) == {
        **{"a0": 0.5, "a1": 0.9, "b0": 0.7, "b1": 0.8, "c0": 0.1}
    }
    # The seeds of a were never compared with each other.
    assert set(scores.loc[scores["metric"] == "stability", "method"]) == {"b", "c"}
    assert len(exported_records(tmp_path / "both")) == 6
    gallery = tmp_path / "both" / "gallery" / "digits"
    chosen = {file.stem: int(np.load(file)["seed"]) for file in (gallery / "methods").iterdir()}
    assert chosen == {"a": 1, "b": 0, "c": 0}  # the lowest objective
    assert pd.read_csv(gallery / "curves.csv.gz")["method"].tolist() == ["a", "a", "a", "b", "b", "c"]
    assert sorted(file.stem for file in (gallery / "confidence").iterdir()) == ["b", "c"]
    assert read_confidence(tmp_path / "both")["method"].tolist() == ["b", "c"]
    write_tables(tmp_path / "both", tmp_path / "both" / "tables")
    text = explain(str(tmp_path / "both" / "tables" / "scores_acc.csv"), "digits/a", "mean")
    assert "runs/digits/a/0/0" in text
    assert "runs/digits/a/1/1" in text


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"runs": [("a", 0, 0.5, 1.0)]}, "seed 0 of a on digits is in .*one.* and .*two.*; keep one"),
        ({"runs": [("b", 0, 0.5, 1.0)], "points": "beef"}, "digits: other points in .*one.* and .*two"),
        ({"runs": [("a", 1, 0.5, 1.0)], "epochs": 8}, "a on digits: epochs is 7 in .*one.* and 8 in .*two"),
    ],
)
def test_what_does_not_belong_together_is_refused(tmp_path, second, message):
    one = exported(tmp_path / "one", [("a", 0, 0.5, 3.0)])
    two = exported(tmp_path / "two", second.pop("runs"), **second)
    with pytest.raises(ValueError, match=message):
        merge([one, two], tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_a_folder_that_is_no_export_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"has no runs\.jsonl\.gz; expected a folder that `jcae export` wrote"):
        merge([tmp_path], tmp_path / "both")


def with_sweep(folder, seed, params=None):
    """Export with runs of `a` over 2 and 3 clusters, too."""
    results = folder / "results"
    exported(folder, [("a", seed, 0.5, 1.0)])
    records, scores = [], []
    for k in (2, 3):
        run = f"sweeps/digits/a/2-3/{seed}/{k}/{seed}"
        (results / run).mkdir(parents=True)
        facts = json.loads((results / f"runs/digits/a/{seed}/{seed}/run.json").read_text())
        facts["params"] = {"epochs": 7, "n_clusters": k, **(params or {})}
        (results / run / "run.json").write_text(json.dumps(facts))
        records.append(record("a", seed, k=k, run=run, n_clusters=2, truth=True, bic=1.5))
        scores += [score("a", seed, v, metric) | {"k": k} for metric, v in (("acc", k / 10), ("stability", 0.5))]
    pd.DataFrame(records).to_csv(results / "sweep_records.csv", index=False)
    pd.DataFrame(scores).to_csv(results / "sweep_scores.csv", index=False)
    export(results, folder / "export")
    return folder / "export"


def test_runs_over_numbers_of_clusters_come_along(tmp_path):
    one, two = with_sweep(tmp_path / "one", 0), with_sweep(tmp_path / "two", 1)
    three = exported(tmp_path / "three", [("b", 0, 0.5, 1.0)])
    merge([one, two, three], tmp_path / "all")
    scores, records = read_sweep(tmp_path / "all")
    assert records[["k", "seed"]].to_numpy().tolist() == [[2, 0], [2, 1], [3, 0], [3, 1]]
    assert scores[["k", "seed", "metric", "value"]].to_numpy().tolist() == [
        [2, 0, "acc", 0.2],
        [2, 1, "acc", 0.2],
        [3, 0, "acc", 0.3],
        [3, 1, "acc", 0.3],
    ]
    assert set(exported_records(tmp_path / "all", SWEEPS)) == set(records["run"])
    assert len(read_results(tmp_path / "all")[1]) == 3  # apart from the other runs
    with pytest.raises(ValueError, match="seed 0 of a on digits is in"):
        merge([one, one], tmp_path / "twice")


def test_runs_over_numbers_of_clusters_with_other_parameters_are_refused(tmp_path):
    one, two = with_sweep(tmp_path / "one", 0), with_sweep(tmp_path / "two", 1, {"epochs": 8})
    with pytest.raises(ValueError, match=r"a on digits: epochs is 7 in .* and 8 in"):
        merge([one, two], tmp_path / "both")
