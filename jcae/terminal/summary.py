"""The end of a run in a few lines: the ACC table, how many runs are ok and which are not, where the report is."""

import shutil
from pathlib import Path

import pandas as pd

from jcae.data.formats import DataError
from jcae.scores.evaluation import ENDS, SKIPPED
from jcae.statistics.shared import count, endings
from jcae.tables.cells import NONE, mean_cell, own_rows

LINES = 20
"""Lines of the table, its title and names of columns included."""
NAMED = 10
"""Pairs of data set and method whose runs are not ok that are named; the table of failures has all."""


def summarise(results: Path, width: int | None = None) -> str:
    """What came out of a run.

    Parameters
    ----------
    results : Path
        Folder of the run, with its ``tables/``.
    width : int, optional
        Characters of a line; that of the terminal where it is left out. Data sets that do not fit are counted.

    Raises
    ------
    DataError
        The folder has no tables.
    """
    tables = results / "tables"
    for name in ("scores_acc.csv", "failures.csv"):
        if not (tables / name).exists():
            raise DataError(f"{tables / name} is not there: give the folder of a run whose tables are made")
    scores = own_rows(pd.read_csv(tables / "scores_acc.csv"))
    failures = pd.read_csv(tables / "failures.csv", keep_default_na=False)
    lines = _acc(scores, tables / "scores_acc.md", width or shutil.get_terminal_size().columns)
    return "\n".join([*lines, "", *_runs(failures, tables / "failures.md"), _place(results)])


def _acc(scores: pd.DataFrame, file: Path, width: int) -> list[str]:
    scores = scores[scores.groupby("dataset")["mean"].transform("count") > 0]  # without classes there is no ACC
    if scores.empty:
        return ["No ACC: there are no classes, or no run came to an end."]
    cells = {(row.method, row.dataset): mean_cell(row, "acc") for row in scores.itertuples()}
    methods, datasets = (list(dict.fromkeys(scores[key])) for key in ("method", "dataset"))
    first = max(len(method) for method in ["", *methods])
    shown, used = [], first
    for dataset in datasets:
        column = [dataset, *(cells.get((method, dataset), NONE) for method in methods)]
        size = max(map(len, column))
        if shown and used + 2 + size > width:
            break
        shown.append([text.rjust(size) for text in column])
        used += 2 + size
    names = ["", *methods]
    rows = ["  ".join([name.ljust(first), *texts]).rstrip() for name, *texts in zip(names, *shown, strict=True)]
    left_out = [count(len(datasets) - len(shown), "data set")] if len(shown) < len(datasets) else []
    if len(rows) > LINES - 1:
        left_out.append(count(len(rows) - (LINES - 1), "method"))
        rows = rows[: LINES - 1]
    more = f"; {' and '.join(left_out)} more: {file}" if left_out else ""
    return [f"ACC in percent, own labels, mean ± sd over the seeds{more}", *rows]


def _runs(failures: pd.DataFrame, file: Path) -> list[str]:
    counts = {status: int(failures[status].sum()) for status in (*ENDS, SKIPPED) if status in failures}
    total, skipped = int(failures["n_total"].sum()), counts.get(SKIPPED, 0)
    text = f"{count(total, 'run')}: {endings(counts)}"
    lines = [text + (f"; {skipped} skipped, which cannot be run on these data" if skipped else "")]
    not_ok = failures[failures["reasons"] != ""]
    lines += [
        f"  {row.dataset}/{row.method}: {' '.join(row.reasons.split())}" for row in not_ok.head(NAMED).itertuples()
    ]
    return lines + ([f"  and {len(not_ok) - NAMED} more pairs: {file}"] if len(not_ok) > NAMED else [])


def _place(results: Path) -> str:
    report = results / "report" / "index.html"
    if report.exists():
        return f"Report: {report}"
    return f"Tables: {results / 'tables'}, figures: {results / 'figures'}"
