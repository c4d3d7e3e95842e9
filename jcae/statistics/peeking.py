"""What a choice of the update by labels adds: the best score on the way against the last one, seed by seed."""

from pathlib import Path

import pandas as pd

from jcae.scores.evaluation import RUN
from jcae.statistics.shared import LEVEL, bootstrap_mean, compared

COLUMNS = ["dataset", "method", "metric", "last", "best_by_labels", "gain", "low", "high", "interval", "n_ok"]


def read_score_curves(results: str | Path) -> pd.DataFrame:
    """Scores through the training, of all data sets whose gallery has them.

    Returns
    -------
    DataFrame
        Columns dataset, method, seed, phase, update, metric, value; without rows where there is no gallery.
    """
    files = sorted(Path(results).glob("gallery/*/score_curves.csv.gz"))
    curves = [pd.read_csv(file, dtype={"method": "str"}).assign(dataset=file.parent.name) for file in files]
    curves = [rows for rows in curves if len(rows)]
    columns = [*RUN, "phase", "update", "metric", "value"]
    return pd.concat(curves, ignore_index=True)[columns] if curves else pd.DataFrame(columns=columns)


def peeking(curves: pd.DataFrame, records: pd.DataFrame, level: float = LEVEL) -> pd.DataFrame:
    """Compare for each seed the score after the last update with the best on the way, for each score another update.

    Parameters
    ----------
    curves : DataFrame
        As `read_score_curves` gives it.
    records : DataFrame
        Runs that are not ok, and controls, are left out.
    level : float
        Of the bootstrap interval over seeds.

    Returns
    -------
    DataFrame
        A row per data set, method and score: means over the ok seeds of `last` and `best_by_labels`, their difference
        `gain` with `low`, `high` and how the `interval` came about, and `n_ok`.
    """
    able = compared(records)
    able = able.loc[able["status"] == "ok", RUN]
    curves = curves.merge(able, on=RUN)
    if curves.empty:
        return pd.DataFrame(columns=COLUMNS)
    # The rows of a run are in the order of its updates.
    runs = curves.groupby([*RUN, "metric"], sort=False)["value"].agg(last="last", best_by_labels="max").reset_index()
    rows = []
    for keys, group in runs.sort_values("seed").groupby(["dataset", "method", "metric"]):
        interval = bootstrap_mean(group["best_by_labels"] - group["last"], level)
        means = group[["last", "best_by_labels"]].mean()
        rows.append([*keys, *means, means["best_by_labels"] - means["last"]])
        rows[-1] += [interval.low, interval.high, interval.how, len(group)]
    return pd.DataFrame(rows, columns=COLUMNS)
