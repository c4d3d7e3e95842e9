"""Tables and figure of how many clusters there are, from numbers made by hand."""

import numpy as np
import pandas as pd
import pytest

from jcae.figures import draw
from jcae.scores.sweep import read_sweep
from jcae.statistics.how_many import choices, curves
from jcae.tables.how_many import HOW_MANY_TABLES, choices_table, rules_table, write_how_many_tables
from results import record, score

SILHOUETTES = {("a", "digits"): 3, ("a", "wine"): 2, ("b", "digits"): 4, ("b", "own"): 3}


@pytest.fixture
def results(tmp_path):
    """Numbers 2 to 4 of two methods on three data sets of 3 classes, two seeds; nobody knows those of one."""
    scores, records = [], []
    for (method, dataset), best in SILHOUETTES.items():
        for k in (2, 3, 4):
            for seed in (0, 1):
                known = dataset != "own"
                facts = {"k": k, "n_clusters": 3, "truth": known, "bic": np.nan, "objective": [9.0, 2, 1][k - 2]}
                failed = (method, dataset, k, seed) == ("b", "digits", 2, 1)
                records.append(record(method, seed, "failed" if failed else "ok", dataset, **facts))
                values = {"silhouette_features": 0.9 if k == best else 0.1 * seed, "stability": k / 10}
                values |= {"ari": k / 10, "acc": k / 10, "nmi": k / 10} if known else {}
                scores += (
                    [] if failed else [score(method, seed, v, m, dataset=dataset) | {"k": k} for m, v in values.items()]
                )
    pd.DataFrame(scores).to_csv(tmp_path / "sweep_scores.csv", index=False)
    pd.DataFrame(records).to_csv(tmp_path / "sweep_records.csv", index=False)
    # The runs with the number of classes, which say how a method looks in all figures.
    whole = pd.DataFrame(records).query("k == 3").drop(columns="k")
    whole.assign(status="ok", run="runs/x").to_csv(tmp_path / "records.csv", index=False)
    pd.DataFrame(scores).query("k == 3").drop(columns="k").to_csv(tmp_path / "scores.csv", index=False)
    return tmp_path


def made(results, table):
    scores, records = read_sweep(results)
    return table(choices(curves(scores, records), records), records)


def test_choices(results):
    table = made(results, choices_table)
    shown = ["data set", "method", "classes", "silhouette", "most stable", "elbow of the objective", "lowest BIC"]
    assert table.cells[[*shown, "needs labels: best ARI*", "range", "ok/all"]].to_numpy().tolist() == [
        ["digits", "A", "3", "3", "4", "3", "–", "(4)", "2 to 4", "6/6"],
        ["digits", "B", "3", "4", "4", "3", "–", "(4)", "2 to 4", "5/6"],
        ["own", "B", "–", "3", "4", "3", "–", "–", "2 to 4", "6/6"],
        ["wine", "A", "3", "2", "4", "3", "–", "(4)", "2 to 4", "6/6"],
    ]
    at = {name: i for i, name in enumerate(table.cells)}
    elbows = {(row, at["elbow of the objective"]) for row in (0, 1, 3)}  # nobody knows whether that of `own` is right
    assert table.bold == elbows | {(0, at["silhouette"])}


def test_how_often_each_rule_is_right(results):
    table = made(results, rules_table)
    assert table.cells[
        ["method", "silhouette", "most stable", "elbow of the objective", "lowest BIC"]
    ].to_numpy().tolist() == [
        ["A", "1 of 2 (0.5)", "0 of 2 (1.0)", "2 of 2 (0.0)", "–"],
        ["B", "0 of 1 (1.0)", "0 of 1 (1.0)", "1 of 1 (0.0)", "–"],
        ["all methods", "1 of 3 (0.7)", "0 of 3 (1.0)", "3 of 3 (0.0)", "–"],
    ]
    assert "Data sets: digits, wine;" in table.note


def test_files(results):
    written = write_how_many_tables(results, results / "tables")
    assert {path.name for path in written} == {
        f"{name}.{suffix}" for name in HOW_MANY_TABLES for suffix in ("csv", "md", "tex", "html")
    }


@pytest.mark.slow
def test_figure_has_the_means_and_the_choices(results):
    first = draw("how_many", results, results / "figures/digits/how_many", "digits")
    again = draw("how_many", results, results / "again/how_many", "digits")
    assert [one.read_bytes() for one in first] == [two.read_bytes() for two in again]
    data = pd.read_csv(results / "figures/digits/how_many.csv")
    row = data[(data["method"] == "b") & (data["k"] == 3)].iloc[0]
    assert row[["silhouette_features", "stability", "objective"]].tolist() == pytest.approx([0.05, 0.3, 2.0])
    assert row[["chosen_by_silhouette", "chosen_by_elbow"]].tolist() == [4, 3]
    assert (row["n_ok"], row["n_total"], row["name"]) == (2, 2, "B")
    svg = (results / "figures/digits/how_many.svg").read_text(encoding="utf-8")
    assert "the 3 classes" in svg


def test_figure_without_a_truth(results):
    draw("how_many", results, results / "how_many", "own")
    svg = (results / "how_many.svg").read_text(encoding="utf-8")
    assert "Nobody knows the number of classes" in svg
    assert "NMI (%)" not in svg


def test_figure_of_failures_alone_says_so(results):
    records = pd.read_csv(results / "sweep_records.csv").assign(status="failed", objective=np.nan)
    records.to_csv(results / "sweep_records.csv", index=False)
    said = draw("how_many", results, results / "how_many", "digits")
    assert said == "no run over numbers of clusters on digits is ok"
    assert not (results / "how_many.svg").exists()
    table = made(results, choices_table)
    assert set(table.cells["ok/all"]) == {"0/6"}
    assert not table.bold


def test_errors_name_what_there_is(results):
    with pytest.raises(ValueError, match="shows one data set"):
        draw("how_many", results, results / "how_many")
    with pytest.raises(
        ValueError, match=r"no runs over numbers of clusters on 'iris'; data sets with some: digits, own, wine"
    ):
        draw("how_many", results, results / "how_many", "iris")
