"""Where methods stand: one page over many runs and submissions, apart by what their labels are."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from jcae.publish.export import exported_records
from jcae.publish.submission import PROTOCOLS
from jcae.report.pages import Cell, Grid, grid
from jcae.report.templating import environment, write_pages
from jcae.scores.evaluation import RUN, display_names, read_results
from jcae.statistics.peeking import read_score_curves
from jcae.statistics.shared import bootstrap_mean, endings
from jcae.tables.cells import MAIN_METRICS, with_interval

SECTIONS = {
    "last": ("Own labels, after the last update", "Nothing was chosen with labels."),
    "refit": ("k-means on the code", "The code is the method's, the labels are not."),
    "transfer": ("Points that were not trained on", "A split, or another data set."),
    "best-by-labels": (
        "The update that is best by labels",
        "Chosen with the truth for every seed and score by itself, of those that were watched, on at most 2,048 points."
        " An upper end and no result, but what much code prints.",
    ),
    "unknown": ("Not stated how the labels came about", ""),
}
"""Protocols, by their name in `jcae.publish.submission.PROTOCOLS`: heading, and what it means."""


@dataclass(frozen=True)
class BoardSection:
    """All results of one protocol.

    Attributes
    ----------
    name, title, note : str
    tables : dict of str to Grid
        By data set, the best ACC first.
    """

    name: str
    title: str
    note: str
    tables: dict[str, Grid]


def write_board(folders: Sequence[str | Path], out: str | Path) -> Path:
    """Write a page that sets runs and submissions side by side.

    Parameters
    ----------
    folders : sequence of path
        Exports of runs, and of labels that were handed in (`jcae.publish.submission.submit`).
    out : path
        Folder of the page; what an earlier one left in it is removed.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ValueError
        Two folders of one name, or one without records.
    """
    folders = [Path(folder) for folder in folders]
    for folder in folders:
        if not (folder / "records.csv").is_file():
            raise ValueError(f"{folder} holds no records.csv; give exports of runs, as jcae export writes them")
    names = [folder.resolve().name for folder in folders]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two folders are called {min(twice)}; their results could not be told apart")
    page = environment().get_template("board.html").render(sections=list(sections(folders)), folders=folders)
    return write_pages(Path(out), {"index.html": page})


def results(folder: Path, scores: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Say of every score what its labels are.

    Parameters
    ----------
    folder : Path
        Of a run or a submission.
    scores, records : DataFrame
        What it holds.

    Returns
    -------
    DataFrame
        One row per run (seed), protocol and score: dataset, method, seed, protocol, metric, value, name; controls are
        left out, runs that are not ok have no row.
    """
    records = records[~records["control"].astype(bool)]
    names = display_names(records)
    records = records.assign(handed_in=[_handed_in(params) for params in records["params"]])
    scores = scores[scores["metric"].isin(MAIN_METRICS) & scores["labels"].isin(["own", "refit"])]
    known = [*RUN, "handed_in", *({"split"} & set(records))]
    scores = scores.merge(records[known])
    scores = scores.assign(protocol=[_protocol(row) for row in scores.itertuples()])
    curves = read_score_curves(folder).merge(records.loc[records["status"] == "ok", RUN])
    curves = curves[curves["metric"].isin(MAIN_METRICS)]
    best = curves.groupby([*RUN, "metric"], as_index=False)["value"].max().assign(protocol="best-by-labels")
    both = pd.concat([scores, best], ignore_index=True) if len(best) else scores
    return both[[*RUN, "protocol", "metric", "value"]].assign(name=both["method"].map(names))


def _handed_in(params: Any) -> str | None:
    """The protocol of labels that somebody handed in; None of a run of our own."""
    stated = json.loads(params).get("protocol") if isinstance(params, str) else None
    return stated if stated in PROTOCOLS else None


def _protocol(row: tuple) -> str:
    """What the labels of a score are: a key of `SECTIONS`."""
    if isinstance(row.handed_in, str):
        return row.handed_in
    if isinstance(getattr(row, "split", None), str):
        return "transfer"
    return "last" if row.labels == "own" else "refit"


def sections(folders: Sequence[Path]) -> Iterator[BoardSection]:
    """Read all folders, and yield the protocols that have a result."""
    found, records = {}, {}
    for folder in folders:
        scores, runs = read_results(folder)
        found[folder.resolve().name] = results(folder, scores, runs)
        records[folder.resolve().name] = _described(folder, runs)
    for name, (title, note) in SECTIONS.items():
        rows: dict[str, list[tuple[float, dict[str, Cell]]]] = {}
        for run, values in found.items():
            for (dataset, method), here in values[values["protocol"] == name].groupby(["dataset", "method"]):
                row = {"method": Cell(here["name"].iloc[0])}
                for metric in MAIN_METRICS:
                    seeds = here.loc[here["metric"] == metric].sort_values("seed")["value"]
                    interval = bootstrap_mean(seeds)
                    shown = with_interval(seeds.mean(), interval.low, interval.high, metric)
                    row[f"{metric.upper()} [95 %]"] = Cell(shown)
                mean = here.loc[here["metric"] == "acc", "value"].mean()
                facts = records[run].get((dataset, method), {})
                rows.setdefault(dataset, []).append((mean, row | {"run": Cell(run)} | facts))
        if rows:
            tables = {dataset: _ranked(rows[dataset]) for dataset in sorted(rows)}
            yield BoardSection(name, title, note, tables)


def _ranked(rows: list[tuple[float, dict[str, Cell]]]) -> Grid:
    """Rows by their ACC; the data are told apart where not all are the same."""
    ranked = [row for _, row in sorted(rows, key=lambda row: -row[0])]
    if len({row["data"] for row in ranked}) == 1:
        ranked = [{name: cell for name, cell in row.items() if name != "data"} for row in ranked]
    return grid(ranked)


def _described(folder: Path, records: pd.DataFrame) -> dict[tuple[str, str], dict[str, Cell]]:
    """What is said of the runs of a method on a data set, beside their scores."""
    full = exported_records(folder)
    found = {}
    for (dataset, method), runs in records.groupby(["dataset", "method"]):
        digests = {full[run]["data"].get("features_sha256", "")[:8] for run in runs["run"] if run in full}
        hardware = dict.fromkeys(_told(runs["device_name"]))
        found[dataset, method] = {
            "runs": Cell(f"{len(runs)}, {endings(runs['status'].value_counts())}"),
            "precision": Cell(", ".join(dict.fromkeys(_told(runs["precision"])))),
            "hardware": Cell(", ".join(hardware)),
            "date": Cell(max(_told(runs["finished"]), default="–")[:10]),
            "commit": Cell(", ".join(dict.fromkeys(commit[:7] for commit in _told(runs["git_commit"])))),
            "data": Cell(", ".join(sorted(digests))),
        }
    return found


def _told(values: pd.Series) -> list[str]:
    return [str(value) for value in values.dropna()]
