"""The end of a run in a few lines."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from jcae.data.formats import DataError
from jcae.terminal.summary import LINES, NAMED, summarise

REFERENCE = Path(__file__).parents[3] / "results/reference/default"


@pytest.fixture
def results(tmp_path):
    """Tables of the published default run, whose methods and data sets a test may change."""
    (tmp_path / "tables").mkdir()
    for name in ("scores_acc.csv", "failures.csv"):
        shutil.copy(REFERENCE / "tables" / name, tmp_path / "tables")
    return tmp_path


def change(results, name, function):
    table = pd.read_csv(results / "tables" / name, keep_default_na=name != "failures.csv")
    function(table).to_csv(results / "tables" / name, index=False)


def test_acc_of_all_methods_and_that_all_runs_are_ok(results):
    lines = summarise(results, width=100).splitlines()
    assert lines[0] == "ACC in percent, own labels, mean ± sd over the seeds"
    assert lines[1].split() == ["breast_cancer", "digits", "five_gaussians", "wine"]
    assert "aecm_pretrained     94.6 ± 0.4   80.7 ± 3.2      91.3 ± 0.4   95.6 ± 1.2" in lines
    assert lines[-3:-1] == ["", "320 runs: all ok"]
    assert len(lines) - 3 <= LINES


def test_narrow_terminal_and_many_methods_leave_out_what_does_not_fit_and_say_so(results):
    def more(table):
        return pd.concat([table, *(table.assign(method=table["method"] + str(i)) for i in range(3))])

    change(results, "scores_acc.csv", more)
    lines = summarise(results, width=50).splitlines()
    table = lines[: lines.index("")]
    assert len(table) == LINES
    assert all(len(line) <= 50 for line in table[1:])
    assert table[0].endswith(f"; 2 data sets and 46 methods more: {results / 'tables/scores_acc.md'}")


def test_runs_that_are_not_ok_are_counted_and_named(results):
    def broken(table):
        table.loc[0, ["ok", "failed", "reasons"]] = [3, 2, "failed: no solution (seeds 1, 4)"]
        table.loc[5, ["ok", "diverged", "reasons"]] = [4, 1, "diverged: loss nan (seed 0)"]
        table.loc[7, ["ok", "n_total", "reasons"]] = [0, 0, "skipped: no predict (seeds 0, 1, 2, 3, 4)"]
        return table.assign(skipped=[5 * (i == 7) for i in table.index])

    change(results, "failures.csv", broken)
    text = summarise(results, width=100)
    assert "315 runs: 312 ok, 2 failed, 1 diverged; 5 skipped, which cannot be run on these data\n" in text
    assert "\n  breast_cancer/ae_kmeans: failed: no solution (seeds 1, 4)\n" in text
    assert ": diverged: loss nan (seed 0)\n" in text


def test_many_failures_are_not_all_named(results):
    change(results, "failures.csv", lambda table: table.assign(ok=0, failed=5, reasons="failed: x"))
    lines = summarise(results, width=100).splitlines()
    assert lines[-NAMED - 3] == "320 runs: 0 ok, 320 failed"
    assert lines[-2] == f"  and 54 more pairs: {results / 'tables/failures.md'}"


def test_data_without_classes_have_no_acc(results):
    change(results, "scores_acc.csv", lambda table: table[table["dataset"] != "wine"])
    assert "wine" not in summarise(results, width=100)
    change(results, "scores_acc.csv", lambda table: table.assign(mean=None, sd=None, n_ok=0))
    assert summarise(results).startswith("No ACC: there are no classes, or no run came to an end.\n")


def test_last_line_says_where_to_look(results):
    def last():
        return summarise(results).splitlines()[-1]

    assert last() == f"Tables: {results / 'tables'}, figures: {results / 'figures'}"
    (results / "report").mkdir()
    (results / "report/index.html").touch()
    assert last() == f"Report: {results / 'report/index.html'}"


def test_folder_without_tables_is_named(tmp_path):
    with pytest.raises(DataError, match=r"scores_acc.csv is not there: give the folder of a run whose tables are made"):
        summarise(tmp_path)
