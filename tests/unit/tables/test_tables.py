"""Numbers of the tables by hand, and what is shown of runs that did not end well."""

import numpy as np
import pandas as pd
import pytest

from jcae.scores.evaluation import display_names
from jcae.tables.cells import number
from jcae.tables.cost import cost_table
from jcae.tables.failures import failures_table
from jcae.tables.mean_best import mean_best_table
from jcae.tables.rendering import LONG, escape_latex, to_html, to_latex, to_markdown
from jcae.tables.run import RUN_TABLES, write_tables
from jcae.tables.scores import full_table, scores_table
from results import record, score

# Method a: three ok runs and one that diverged, whose stale score 0.99 must not count. Method b never ended well.
RECORDS = pd.DataFrame(
    [
        record("a", 0, objective=3.0, seconds=2.0, updates=100.0, tuned_with="labels"),
        record("a", 1, objective=1.0, seconds=4.0, updates=100.0, tuned_with="labels", peak_memory_mb=300.0),
        record("a", 2, objective=2.0, seconds=6.0, updates=100.0, tuned_with="labels"),
        record("a", 3, "diverged", objective=0.0, seconds=99.0, peak_memory_mb=999.0, tuned_with="labels"),
        record("b", 0, "failed"),
        record("b", 1, "failed"),
        record("b", 2, "collapsed"),
        record("c", 0),
        record("random", 0),
    ]
)
SCORES = pd.DataFrame(
    [
        *[score("a", seed, value) for seed, value in enumerate([0.5, 0.6, 0.9, 0.99])],
        *[score("a", seed, value, labels="refit") for seed, value in enumerate([0.7, 0.7, 0.7, 0.99])],
        *[score("a", seed, value, metric="silhouette") for seed, value in enumerate([0.1, 0.2, 0.3])],
        score("c", 0, 0.6),
        score("random", 0, 0.95),
    ]
)


def cell(table, method, column="digits"):
    cells = table.cells.set_index("method")
    return cells.loc[method, column]


def test_mean_and_sd_by_hand():
    table = scores_table(SCORES, RECORDS, "acc")
    row = table.data.set_index("method").loc["a"]
    # (0.5 + 0.6 + 0.9) / 3 = 2/3; deviations -1/6, -1/15, 7/30: squares 1/36 + 1/225 + 49/900 = 78/900, over 2.
    assert row["mean"] == pytest.approx(2 / 3)
    assert row["sd"] == pytest.approx(np.sqrt(78 / 900 / 2))
    assert (row["n_ok"], row["n_total"]) == (3, 4)
    assert cell(table, "A") == "66.7 ± 20.8 (3/4)"


def test_single_seed_has_no_sd_and_none_has_a_dash():
    table = scores_table(SCORES, RECORDS, "acc")
    assert cell(table, "C") == "60.0"
    assert np.isnan(table.data.set_index("method").loc["c", "sd"])
    assert cell(table, "B") == "– (0/3)"
    assert np.isnan(table.data.set_index("method").loc["b", "mean"])


def test_what_rounds_to_zero_has_no_sign():
    assert [number(value, "ari") for value in (-0.0004, -0.0, -0.001)] == ["0.0", "0.0", "-0.1"]
    assert number(-0.0001, "silhouette") == "0.000"


def test_method_not_run_on_a_data_set_is_blank():
    records = pd.concat([RECORDS, pd.DataFrame([record("c", 0, dataset="wine")])])
    table = scores_table(SCORES, records, "acc")
    assert cell(table, "A", "wine") == ""
    assert cell(table, "C", "wine") == "– (0/1)"  # ok, but without a score


def test_bold_is_the_best_mean_but_never_a_control():
    table = scores_table(SCORES, RECORDS, "acc")
    assert table.cells["method"].tolist() == ["A", "B", "C", "RANDOM"]
    assert table.bold == {(0, 1)}
    assert "**66.7 ± 20.8 (3/4)**" in to_markdown(table)
    assert r"\textbf{66.7 $\pm$ 20.8 (3/4)}" in to_latex(table)
    assert "**95.0**" not in to_markdown(table)
    assert table.rule_before == 3


def test_equal_as_shown_is_equally_bold():
    scores = pd.concat([SCORES[SCORES["method"] != "c"], pd.DataFrame([score("c", 0, 0.66665)])])
    assert scores_table(scores, RECORDS, "acc").bold == {(0, 1), (2, 1)}


def test_own_and_refit_labels_stay_apart():
    table = scores_table(SCORES, RECORDS, "acc", "refit")
    assert table.name == "scores_acc_refit"
    assert table.cells["method"].tolist() == ["A"]
    assert cell(table, "A") == "70.0 ± 0.0 (3/4)"
    assert "k-means on the code" in table.caption


# One class from both starts: side by side; the same class under another name: a row of its own.
STARTS = pd.DataFrame(
    [
        *[record("m_random", seed, label="M (random)", params='{"init": "random"}') for seed in range(3)],
        *[record("m_pre", seed, label="M (pretrained)", autoencoder="shared") for seed in range(2)],
        record("m_pre", 2, "failed", label="M (pretrained)", autoencoder="shared"),
        record("m_kmeans", 0, label="N", params='{"init": "kmeans"}'),
        record("random", 0, label="random labels"),
        record("m_random", 0, "collapsed", label="M (random)", dataset="wine"),
    ]
)
START_SCORES = pd.DataFrame(
    [
        *[score("m_random", seed, value) for seed, value in enumerate([0.5, 0.9, 0.7])],
        *[score("m_pre", seed, value) for seed, value in enumerate([0.8, 0.6, 0.99])],
        score("m_kmeans", 0, 0.7),
        score("random", 0, 1.0),
        score("m_random", 0, 0.99, labels="refit"),
    ]
)


def test_mean_and_best_with_both_starts_side_by_side():
    table = mean_best_table(START_SCORES, STARTS, "acc")
    assert table.cells.to_numpy().tolist() == [
        ["digits", "M", "70.0 ± 20.0", "(90.0)", "70.0 ± 14.1 (2/3)", "(80.0)"],
        ["digits", "N", "", "", "70.0", "(70.0)"],
        ["wine", "M", "– (0/1)", "–", "", ""],
    ]
    assert table.bold == {(0, 2), (0, 4), (1, 4)}  # means, never the best by labels
    assert "chosen by labels; an upper bound" in table.note
    data = table.data.set_index(["dataset", "method"])
    assert data.loc[("digits", "m_random"), "best_by_labels_seed"] == 1
    assert pd.isna(data.loc[("wine", "m_random"), "best_by_labels_seed"])
    assert data.loc[("digits", "m_pre"), ["start", "n_ok", "n_total"]].tolist() == ["pretrained", 2, 3]


def test_starts_of_one_kind_keep_their_own_rows():
    records = STARTS[STARTS["method"] == "m_random"]
    other = records.assign(method="m_other", label="M (other)")
    table = mean_best_table(START_SCORES, pd.concat([records, other]), "acc")
    assert table.cells["method"].tolist() == ["M (other)", "M (random)"] * 2
    assert not table.cells["pretrained: mean ± sd"].any()
    older = STARTS.drop(columns="params")
    table = mean_best_table(START_SCORES, older, "acc")
    assert table.cells["method"].tolist() == ["M", "N", "M"]
    assert table.cells["random: mean ± sd"].tolist() == ["70.0 ± 20.0", "70.0", "– (0/1)"]
    assert "a start from k-means counts as random" in table.note


def test_full_table_by_hand():
    table = full_table(SCORES, RECORDS)
    row = table.data.set_index(["method", "labels", "metric"]).loc[("a", "own", "acc")]
    assert row["median"] == pytest.approx(0.6)
    assert (row["lowest_objective_seed"], row["lowest_objective"]) == (1, 0.6)  # seed 3 has 0.0, but diverged
    assert (row["best_by_labels_seed"], row["best_by_labels"]) == (2, 0.9)
    assert (row["n_ok"], row["n_total"]) == (3, 4)
    lost = table.data[table.data["method"] == "b"].iloc[0]
    assert (lost["n_ok"], lost["n_total"]) == (0, 3)
    assert "chosen with the truth" in table.note


def test_full_table_without_objective_or_truth():
    data = full_table(SCORES, RECORDS).data.set_index(["method", "metric"])
    assert np.isnan(data.loc[("c", "acc"), "lowest_objective"])
    assert np.isnan(data.loc[("a", "silhouette"), "best_by_labels"])


def test_failures_are_counted_with_their_reasons():
    data = failures_table(RECORDS).data.set_index("method")
    assert data.loc["b", ["ok", "failed", "diverged", "collapsed", "n_total"]].tolist() == [0, 2, 0, 1, 3]
    assert "failed: failed & 100% sure_of it (seeds 0, 1)" in data.loc["b", "reasons"]
    assert "collapsed: collapsed & 100% sure_of it (seed 2)" in data.loc["b", "reasons"]
    assert data.loc["a", ["ok", "diverged", "n_total"]].tolist() == [3, 1, 4]
    assert data.loc["c", "reasons"] == ""


def test_unknown_status_is_an_error():
    with pytest.raises(ValueError, match="'lost'; known: ok, failed"):
        failures_table(RECORDS.assign(status="lost"))


def test_cost_is_of_ok_runs():
    data = cost_table(RECORDS).data.set_index("method")
    assert data.loc["a", "seconds"] == pytest.approx(4)
    assert data.loc["a", "peak_memory_mb"] == 300
    assert np.isnan(data.loc["b", "seconds"])
    assert cell(cost_table(RECORDS), "B", "seconds") == "–"


def test_note_says_seeds_selection_direction_tuning_and_origin():
    note = scores_table(SCORES, RECORDS, "acc").note
    for part in (
        "Seeds 0-3.",
        "no run selected",
        "ACC: higher is better",
        "chosen with labels (A); all others not tuned on these data, fixed in the config",
        "commit 0123456",
        "cpu Example",
        "2026-01-02",
    ):
        assert part in note
    assert "uncommitted" not in note
    assert "uncommitted" in scores_table(SCORES, RECORDS.assign(dirty=True), "acc").note


def test_variants_of_a_method_are_told_apart():
    records = RECORDS.assign(label=["AE-CM"] * 7 + ["C", "R"])
    assert display_names(records) == {"a": "AE-CM (a)", "b": "AE-CM (b)", "c": "C", "random": "R"}


def test_latex_escapes():
    assert escape_latex(r"50% & $x_1$ #2 {a}") == r"50\% \& \$x\_1\$ \#2 \{a\}"
    assert escape_latex("\\ ~ ^") == r"\textbackslash{} \textasciitilde{} \textasciicircum{}"
    assert escape_latex("a < b\n± –") == r"a \textless{} b $\pm$ --"
    assert r"failed \& 100\% sure\_of it" in to_latex(failures_table(RECORDS))


def test_latex_minus_is_no_hyphen():
    assert escape_latex("-2.3 [-3.7, +0.7]") == "$-$2.3 [$-$3.7, +0.7]"
    assert escape_latex("seeds 0-3, k-means, 2026-01-02, (a)-1") == "seeds 0-3, k-means, 2026-01-02, (a)-1"


def test_wide_and_long_tables_fit_the_page():
    assert "resizebox" not in to_latex(scores_table(SCORES, RECORDS, "acc"))
    assert r"\resizebox{\linewidth}{!}{%" in to_latex(cost_table(RECORDS))
    many = pd.concat([RECORDS.assign(dataset=f"set_{i:02}") for i in range(15)])
    assert r"\begin{landscape}" in to_latex(cost_table(many))
    long = many[many["dataset"] < "set_06"].assign(reason="a/b " * 150)  # 24 rows, more lines
    assert len(failures_table(long).cells) < LONG
    assert r"\begin{longtable}" in to_latex(failures_table(long))
    assert r"a/\allowbreak{}b" in to_latex(failures_table(long))


def test_rules_between_data_sets_and_before_the_controls():
    two = pd.concat([RECORDS, RECORDS.assign(dataset="wine")])
    assert to_html(failures_table(two)).count('<tr class="rule">') == 1
    assert to_latex(failures_table(two)).count(r"\midrule") == 2
    assert to_html(scores_table(SCORES, RECORDS, "acc")).count('<tr class="rule">') == 1
    assert '<td class="text">failed: ' in to_html(failures_table(two))


def test_markdown_escapes_what_would_break_a_row():
    records = RECORDS.assign(label=["a|b\nc"] * 4 + ["B"] * 3 + ["C", "R"])
    rows = [line for line in to_markdown(scores_table(SCORES, records, "acc")).splitlines() if line.startswith("| a")]
    assert rows == [r"| a\|b c | **66.7 ± 20.8 (3/4)** |"]


def test_long_table_breaks_over_pages():
    many = pd.concat([RECORDS.assign(dataset=f"set_{i:02}") for i in range(11)])
    assert r"\begin{longtable}" in to_latex(failures_table(many))
    assert r"\begin{tabular}" in to_latex(failures_table(RECORDS))


def test_writes_every_table_four_ways(tmp_path):
    # Method "true": read back as text, not as a truth value.
    records = RECORDS.replace({"method": {"c": "true"}}).assign(use="x.Y", block="0", autoencoder=None, run="runs/x")
    records.to_csv(tmp_path / "records.csv", index=False)
    SCORES.replace({"method": {"c": "true"}}).to_csv(tmp_path / "scores.csv", index=False)
    written = write_tables(tmp_path, tmp_path / "tables")
    assert {path.name for path in written} == {
        f"{name}.{suffix}" for name in RUN_TABLES for suffix in ("csv", "md", "tex", "html")
    }
    data = pd.read_csv(tmp_path / "tables/scores_acc.csv", dtype={"method": "str"}).set_index("method")
    assert data.loc["a", "mean"] == pytest.approx(2 / 3)
    assert data.loc["true", "mean"] == 0.6
    page = (tmp_path / "tables/scores_acc.html").read_text()
    assert "<b>" in page
    assert "http" not in page, "the page loads something from outside"


def test_no_score_at_all_still_gives_tables(tmp_path):
    failed = RECORDS[RECORDS["method"] == "b"].assign(use="x.Y", block="0", autoencoder=None, run="runs/x")
    failed.to_csv(tmp_path / "records.csv", index=False)
    SCORES.iloc[:0].to_csv(tmp_path / "scores.csv", index=False)
    write_tables(tmp_path, tmp_path / "tables")
    assert "– (0/3)" in (tmp_path / "tables/scores_acc.md").read_text()
