"""Tables of data sets without a truth, of skipped runs, and of data with points of their own to fit on."""

import numpy as np
import pandas as pd
import pytest

from jcae.scores.confidence import read_confidence
from jcae.scores.metrics import METRICS
from jcae.tables.comparison import COMPARISON_TABLES, write_comparison_tables
from jcae.tables.cost import cost_table
from jcae.tables.failures import failures_table, reliability_table
from jcae.tables.mean_best import mean_best_table
from jcae.tables.notes import against_truth, data_note
from jcae.tables.run import RUN_TABLES, make_tables, write_tables
from jcae.tables.scores import full_table, scores_table
from jcae.tables.without_labels import without_labels_table
from results import record, score

pytestmark = pytest.mark.slow

SKIP = "it cannot predict"
NO_CURVES = pd.DataFrame(columns=["dataset", "method", "seed", "phase", "update", "metric", "value"])
NONE_NEEDED = [name for name, metric in METRICS.items() if not metric.needs_truth]


def build(*datasets):
    """Records and scores of methods a, b and the control on data sets; `mine` has no truth, and there b is skipped."""
    records, scores = [], []
    for dataset in datasets:
        for method in ("a", "b", "random"):
            for seed in range(3):
                truth, skipped = dataset != "mine", (dataset, method) == ("mine", "b")
                facts = {"truth": truth, "objective": float(seed) if method == "a" else np.nan, "n": 30}
                facts |= {"n_fit": None if truth else 90, "n_score": None if truth else 30}
                facts |= {"split": None if truth else "two files", "block": "0-2", "run": "runs/x"}
                facts |= {"reason": SKIP} if skipped else {}
                records.append(record(method, seed, "skipped" if skipped else "ok", dataset=dataset, **facts))
                names = [] if skipped else METRICS if truth else NONE_NEEDED
                scores += [score(method, seed, 0.1 * (seed + 1), metric=name, dataset=dataset) for name in names]
    return pd.DataFrame(scores), pd.DataFrame(records)


SCORES, RECORDS = build("digits", "mine", "wine")


def tables(*datasets):
    return {table.name: table for table in make_tables(*build(*datasets), NO_CURVES, read_confidence("nowhere"))}


def test_tables_of_the_truth_leave_out_what_has_none_and_say_so():
    found = tables("digits", "mine", "wine")
    assert set(found) == set(RUN_TABLES)
    for name in ("scores_acc", "scores_nmi_refit", "mean_best_ari"):
        assert "mine" not in set(found[name].data["dataset"])
        assert "Without a truth, and so not in this table: mine;" in found[name].note
    assert found["scores_acc"].cells.columns.tolist() == ["method", "digits", "wine"]
    assert set(found["scores_full"].data["dataset"]) == {"digits", "mine", "wine"}
    assert "so without scores against it: mine." in found["scores_full"].note
    assert not any("truth" in table.note.replace("chosen with the truth", "") for table in tables("digits").values())


def test_without_labels_by_hand():
    table = without_labels_table(SCORES, RECORDS)
    row = table.cells.set_index(["data set", "method"]).loc[("mine", "A")]
    assert row["silhouette"] == "0.200 ± 0.100"
    assert row["stability"] == "20.0 (3 pairs)"
    assert row["sizes"] == "20.0 to 20.0 %"
    assert row["lowest objective"] == "0 (seed 0)"
    assert row["ok/all"] == "3/3"
    data = table.data.set_index(["dataset", "method", "metric"])
    assert data.loc[("mine", "a", "davies_bouldin"), ["mean", "lowest_objective", "objective"]].tolist() == [
        pytest.approx(0.2),
        pytest.approx(0.1),
        0,
    ]
    assert set(table.data["metric"].dropna()) == set(NONE_NEEDED)
    assert set(table.cells["data set"]) == {"digits", "mine", "wine"}
    assert "Stability: ARI in percent" in table.note


def test_without_labels_of_results_that_lack_these_scores():
    older = SCORES[SCORES["metric"].isin(["acc", "clusters"])]
    cells = without_labels_table(older, RECORDS.drop(columns=["truth", "n_fit"])).cells
    assert cells.loc[cells["method"] == "A", "clusters"].tolist() == ["0.2 (0.1 to 0.3)"] * 3
    assert set(cells["silhouette"]) | set(cells["stability"]) | set(cells["sizes"]) == {"–"}


def test_scores_on_a_graph_are_shown_only_where_there_are_some():
    on_a_graph = SCORES["metric"].isin(["modularity", "conductance"])
    with_graph = without_labels_table(SCORES[~on_a_graph | (SCORES["dataset"] == "wine")], RECORDS)
    row = with_graph.cells.set_index(["data set", "method"])
    assert row.loc[("wine", "A"), ["modularity", "conductance"]].tolist() == ["0.200 ± 0.100"] * 2
    assert row.loc[("mine", "A"), ["modularity", "conductance"]].tolist() == ["–"] * 2
    assert "Modularity: " in with_graph.note
    assert "Davies-Bouldin, conductance: lower is better." in with_graph.note

    table = without_labels_table(SCORES[~on_a_graph], RECORDS)
    assert not {"modularity", "conductance"} & set(table.cells.columns)
    assert not {"modularity", "conductance"} & set(table.data["metric"])
    assert "odularity" not in table.note
    assert "onductance" not in table.note


def test_skipped_is_no_failure_and_in_no_count():
    table = failures_table(RECORDS)
    lost = table.data.set_index(["dataset", "method"]).loc[("mine", "b")]
    assert lost[["ok", "failed", "skipped", "n_total"]].tolist() == [0, 0, 3, 0]
    assert lost["reasons"] == f"skipped: {SKIP} (seeds 0, 1, 2)"
    assert "skipped" not in failures_table(RECORDS[RECORDS["status"] == "ok"]).data
    often = reliability_table(RECORDS).data.set_index("method")
    assert often.loc["b", ["n_total", "rate"]].tolist() == [6, 0]
    assert cost_table(RECORDS).cells.set_index(["data set", "method"]).loc[("mine", "B"), "ok/all"] == "skipped"
    full = full_table(SCORES, RECORDS).cells.set_index(["data set", "method"])
    assert full.loc[("mine", "B"), ["score", "ok/all"]].tolist() == ["–", "skipped"]


def test_skipped_is_a_dash_and_not_run_is_blank():
    records = RECORDS.assign(truth=True)
    records = records[~((records["dataset"] == "wine") & (records["method"] == "b"))]
    cells = scores_table(SCORES, records, "acc").cells.set_index("method")
    assert cells.loc["B", ["digits", "mine", "wine"]].tolist() == ["20.0 ± 10.0", "–", ""]
    best = mean_best_table(SCORES, records, "acc").cells.set_index(["data set", "method"])
    assert best.loc[("mine", "B"), "random: mean ± sd"] == "–"


def test_notes_on_the_data():
    note = data_note(RECORDS)
    assert "mine: fitted on 90 points, scored on 30 others (two files)." in note
    assert f"Skipped, which is no failure and in no count: B on mine ({SKIP})." in note
    assert data_note(RECORDS[RECORDS["dataset"] == "wine"]) == ""
    assert data_note(RECORDS.drop(columns=["truth", "n_fit", "n_score", "split"])).startswith("Skipped")


def test_a_note_on_truth_names_the_records_of_the_whole_run():
    table = scores_table(SCORES, RECORDS[RECORDS["dataset"] == "wine"], "acc")
    wine = RECORDS[RECORDS["dataset"] == "wine"]
    assert against_truth(table, wine).note == table.note


@pytest.mark.parametrize("datasets", [["mine"], ["digits", "mine", "wine"]])
def test_every_table_is_written(tmp_path, datasets):
    scores, records = build(*datasets)
    scores.to_csv(tmp_path / "scores.csv", index=False)
    records.to_csv(tmp_path / "records.csv", index=False)
    write_tables(tmp_path, tmp_path / "tables")
    write_comparison_tables(tmp_path, tmp_path / "tables", reference="a")
    for name in (*RUN_TABLES, *COMPARISON_TABLES):
        for suffix in ("csv", "md", "tex", "html"):
            assert (tmp_path / f"tables/{name}.{suffix}").stat().st_size, name
        data = pd.read_csv(tmp_path / f"tables/{name}.csv")
        text = (tmp_path / f"tables/{name}.md").read_text()
        if name.rpartition("_")[0] in ("scores", "mean_best", "claim", "comparison", "ranks", "selection") and (
            name not in ("scores_full", "scores_without_labels")
        ):
            assert "mine" not in set(data.get("dataset", []))
            assert len(data) == 0 or datasets != ["mine"]
            said = "No data set of this run has a truth (mine)" if datasets == ["mine"] else "Without a truth, and so"
            assert said in text, name
    assert "| mine | A | 0.200 ± 0.100 |" in (tmp_path / "tables/scores_without_labels.md").read_text()


def test_a_method_that_skips_a_labelled_data_set_is_not_ranked(tmp_path):
    scores, records = build("digits", "mine", "wine")
    records["truth"] = True
    scores.to_csv(tmp_path / "scores.csv", index=False)
    records.to_csv(tmp_path / "records.csv", index=False)
    write_comparison_tables(tmp_path, tmp_path / "tables", reference="a")
    pairs = pd.read_csv(tmp_path / "tables/comparison_acc.csv").set_index(["dataset", "method"])
    assert ("mine", "b") not in pairs.index
    assert ("digits", "b") in pairs.index
    text = (tmp_path / "tables/comparison_acc.md").read_text()
    assert f"Skipped, which is no failure and in no count: B on mine ({SKIP})." in text


def test_clusters_are_told_with_those_asked_for_where_some_are_empty():
    def found(filled, empty):
        values = {"clusters": filled, "empty_clusters": empty}
        rows = [score("a", seed, v, metric=name) for name, vs in values.items() for seed, v in enumerate(vs)]
        records = pd.DataFrame([record("a", seed) for seed in range(len(filled))])
        return without_labels_table(pd.DataFrame(rows), records).cells["clusters"].item()

    assert found([5, 5], [0, 0]) == "5"
    assert found([5, 4], [0, 1]) == "4.5 of 5"
    assert found([4, 4], [1, 1]) == "4 of 5"
    # none is missing where a method finds their number
    assert found([5, 4, 7], [0, 0, 0]) == "5.3 (4 to 7)"
