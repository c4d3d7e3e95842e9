"""Table of how sure the clusters are: what the seeds of a method agree on, and how good that is."""

from pathlib import Path

import pandas as pd

from jcae.data.formats import DataError
from jcae.scores.confidence import DOUBT, LEAST, read_confidence
from jcae.scores.evaluation import count_runs, display_names, ok_scores, read_results, unlabelled
from jcae.scores.metrics import METRICS
from jcae.tables.cells import CONSENSUS, MAIN_METRICS, NONE, frame, in_order, number, ok_of_all, signed_number
from jcae.tables.notes import data_note, joined, origin_note, seeds_note
from jcae.tables.rendering import Table

OLDER = "what its seeds agree on was not gathered: its gallery is of an older version"
IN_SHORT = ["data set", "method", "agreement", "doubtful", "ACC", f"ACC, {CONSENSUS}", "AUC", "ok/all"]
"""Columns that a terminal has room for."""


def how_sure(results: str | Path) -> str:
    """Write the table in short, for a terminal, and say what is missing from it.

    Raises
    ------
    DataError
        The runs are there, but what their seeds agree on was never gathered.
    """
    scores, records = read_results(results)
    sure = read_confidence(results)
    if is_older(sure, records):
        raise DataError(f"{results}: {OLDER}; `snakemake figures` gathers it again from the folders of the runs")
    tried = records[~records["control"].astype(bool)]
    table, alone, without = confidence_table(sure, scores, records), single_runs(tried), unlabelled(tried)
    lines = []
    if len(table.cells):
        lines = [table.cells[IN_SHORT].to_string(index=False), ""]
        lines.append(
            "All in percent. Agreement of the seeds with their consensus, mean over the points; doubtful: points below "
            f"{100 * DOUBT:g} %; AUC: does agreement tell right from wrong (50: no)."
        )
    if len(alone):
        lines.append(f"Fewer than {LEAST} ok seeds: {alone_text(alone, display_names(records))}.")
    if without:
        lines.append(f"No truth, so agreement alone: {', '.join(without)}.")
    return "\n".join(lines)


def confidence_table(sure: pd.DataFrame, scores: pd.DataFrame, records: pd.DataFrame) -> Table:
    """How far the seeds of each method agree on the clusters of the points, and their consensus against their mean.

    Parameters
    ----------
    sure : DataFrame
        As `jcae.scores.confidence.read_confidence` gives it.
    scores, records : DataFrame
        Of all data sets, those without a truth, too.
    """
    records = records[~records["control"].astype(bool)]
    names, alone = display_names(records), single_runs(records)
    sure = sure[sure["method"].isin(names)]
    data = in_order(_numbers(sure, scores, records), names)
    rows = []
    for row in data.itertuples():
        cells = {"data set": row.dataset, "method": names[row.method]}
        cells |= {"agreement": number(row.agreement, "acc"), "doubtful": number(row.doubtful, "acc")}
        cells |= {"clusters": NONE if pd.isna(row.clusters) else f"{row.clusters:.0f}"}
        for metric in MAIN_METRICS:
            mean, own = getattr(row, metric), getattr(row, f"{metric}_consensus")
            label = METRICS[metric].label
            cells |= {label: number(mean, metric), f"{label}, {CONSENSUS}": _with_gain(own, own - mean, metric)}
        rows.append(cells | {"AUC": number(row.auc, "acc"), "ok/all": ok_of_all(row.n_ok, row.n_total)})
    without = unlabelled(records)
    note = [
        seeds_note(records),
        f"Not drawn from this run: {OLDER}." if is_older(sure, records) else "",
        "Own labels of the ok seeds of each method, and of their consensus: the partition that shares most with all of "
        "them, as many clusters as the median seed. Agreement of a point: mean over the seeds of the points that its "
        "clusters in the seed and in the consensus have in common, by the larger of both; in percent, mean over all "
        f"points. Doubtful: share of the points with less than {100 * DOUBT:g} %, in percent. AUC: chance, in percent, "
        "that a point in the cluster of its class has a greater agreement than one in another; at 50 agreement tells "
        "nothing about right and wrong. Beside each score of the consensus its difference to the mean of the seeds: it "
        "has seen all of them, and is no run of the method. Seeds can agree on what is wrong, and those of a method "
        "without chance always agree.",
        f"Fewer than {LEAST} ok seeds, so nothing to hold against each other: {alone_text(alone, names)}."
        if len(alone)
        else "",
        f"Without a truth, and so with agreement alone: {', '.join(without)}." if without else "",
        data_note(records),
        origin_note(records),
    ]
    caption = f"How far the seeds agree on the clusters, and their consensus{'' if rows else f' ({NONE})'}"
    return Table("confidence", caption, joined(note), data, frame(rows))


def single_runs(records: pd.DataFrame) -> pd.DataFrame:
    """Name the methods and data sets on which fewer than `LEAST` runs are ok: dataset, method, n_ok, n_total."""
    n_ok = (records["status"] == "ok").groupby([records["dataset"], records["method"]]).sum().rename("n_ok")
    counts = n_ok.to_frame().join(count_runs(records).rename("n_total")).reset_index()
    return counts[(counts["n_ok"] < LEAST) & (counts["n_total"] > 0)]


def is_older(sure: pd.DataFrame, records: pd.DataFrame) -> bool:
    """Whether there are seeds to hold against each other, and nobody did."""
    ok = records[(records["status"] == "ok") & ~records["control"].astype(bool)]
    return sure.empty and bool((ok.groupby(["dataset", "method"]).size() >= LEAST).any())


def alone_text(alone: pd.DataFrame, names: dict[str, str]) -> str:
    """Write which methods have too few ok seeds where, and how many."""
    return ", ".join(f"{names[r.method]} on {r.dataset} ({ok_of_all(r.n_ok, r.n_total)})" for r in alone.itertuples())


def _with_gain(value: float, gain: float, metric: str) -> str:
    return number(value, metric) + ("" if pd.isna(gain) else f" ({signed_number(gain, metric, signed=True)})")


def _numbers(sure: pd.DataFrame, scores: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    columns = ["dataset", "method", "n_ok", "n_total", "clusters", "agreement", "doubtful", "auc"]
    columns += [column for metric in MAIN_METRICS for column in (metric, f"{metric}_consensus")]
    keys = ["dataset", "method"]
    wide = sure.pivot_table(index=[*keys, "n_ok"], columns="measure", values="value", aggfunc="first").reset_index()
    wide = wide.rename(columns={metric: f"{metric}_consensus" for metric in MAIN_METRICS})
    own = ok_scores(scores, records)
    own = own[(own["labels"] == "own") & own["metric"].isin(MAIN_METRICS)]
    means = own.astype({"value": float}).pivot_table(index=keys, columns="metric", values="value").reset_index()
    totals = count_runs(records).rename("n_total").reset_index()
    return wide.merge(totals, on=keys).merge(means, on=keys, how="left").reindex(columns=columns)
