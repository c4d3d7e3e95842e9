"""The tables of a finished run, made of its scores and records."""

from pathlib import Path

import pandas as pd

from jcae.scores.confidence import read_confidence
from jcae.scores.evaluation import KINDS, labelled, read_results
from jcae.statistics.peeking import read_score_curves
from jcae.tables.cells import MAIN_METRICS
from jcae.tables.confidence import confidence_table
from jcae.tables.cost import cost_table
from jcae.tables.failures import failures_table
from jcae.tables.mean_best import mean_best_table
from jcae.tables.notes import against_truth, data_note
from jcae.tables.peeking import peeking_table
from jcae.tables.rendering import Table, write_all
from jcae.tables.scores import full_table, scores_table
from jcae.tables.without_labels import without_labels_table

RUN_TABLES = (
    *(f"scores_{metric}{suffix}" for suffix in ("", "_refit") for metric in MAIN_METRICS),
    *(f"mean_best_{metric}" for metric in MAIN_METRICS),
    *("peeking", "confidence", "scores_without_labels", "scores_full", "failures", "cost"),
)
"""Names of the tables that `write_tables` writes."""


def write_tables(results_dir: str | Path, out_dir: str | Path) -> list[Path]:
    """Write the tables of `RUN_TABLES` as csv, md, tex and html.

    Parameters
    ----------
    results_dir : path
        Holds `scores.csv`, `records.csv` and, for the tables `peeking` and `confidence`, `gallery/`.
    out_dir : path
        Made if missing.

    Returns
    -------
    list of Path
        The files written.
    """
    scores, records = read_results(results_dir)
    tables = make_tables(scores, records, read_score_curves(results_dir), read_confidence(results_dir))
    return write_all(tables, out_dir)


def make_tables(scores: pd.DataFrame, records: pd.DataFrame, curves: pd.DataFrame, sure: pd.DataFrame) -> list[Table]:
    """Build the tables of `RUN_TABLES`; those of scores against the truth leave out the data sets that have none.

    `scores` and `records` as `jcae.scores.evaluation.read_results` gives them, `curves` as
    `jcae.statistics.peeking.read_score_curves`, `sure` as `jcae.scores.confidence.read_confidence`.
    """
    known = labelled(records)
    against = [
        scores_table(scores, known, metric, kind, sure if kind == "own" else None)
        for kind in KINDS
        for metric in MAIN_METRICS
    ]
    against += [mean_best_table(scores, known, metric) for metric in MAIN_METRICS]
    against.append(peeking_table(curves, known))
    others = [without_labels_table(scores, records), full_table(scores, records, sure), cost_table(records)]
    return [
        *(against_truth(table, records) for table in against),
        *(table.saying(data_note(records)) for table in others),
        confidence_table(sure, scores, records),
        failures_table(records),
    ]
