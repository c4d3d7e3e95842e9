"""The tables of a finished run, made of its scores and records."""

from pathlib import Path

import pandas as pd

from jcae.scores.evaluation import KINDS, read_results
from jcae.tables.cells import MAIN_METRICS
from jcae.tables.cost import cost_table
from jcae.tables.failures import failures_table
from jcae.tables.mean_best import mean_best_table
from jcae.tables.rendering import Table, write_all
from jcae.tables.scores import full_table, scores_table


def write_tables(results_dir: str | Path, out_dir: str | Path) -> list[Path]:
    """Write every table of a results folder as csv, md, tex and html.

    Parameters
    ----------
    results_dir : path
        Holds `scores.csv` and `records.csv`.
    out_dir : path
        Made if missing.

    Returns
    -------
    list of Path
        The files written.
    """
    scores, records = read_results(results_dir)
    return write_all(make_tables(scores, records), out_dir)


def make_tables(scores: pd.DataFrame, records: pd.DataFrame) -> list[Table]:
    """Build `scores_<metric>` (own labels, `_refit`), `mean_best_<metric>`, `scores_full`, `failures` and `cost`.

    `scores` and `records` as `jcae.scores.evaluation.read_results` gives them.
    """
    main = [scores_table(scores, records, metric, kind) for kind in KINDS for metric in MAIN_METRICS]
    main += [mean_best_table(scores, records, metric) for metric in MAIN_METRICS]
    return [*main, full_table(scores, records), failures_table(records), cost_table(records)]
