"""Which run a user would keep, and how many runs end well.

Pure functions on the tables that `jcae.scores.evaluation.read_results` gives; the rules are those of
`jcae.statistics.shared`.
"""

import numpy as np
import pandas as pd
from scipy import stats

from jcae.scores.evaluation import ENDS, attempted, lowest_objective
from jcae.statistics.shared import DIGITS, LEVEL, compared, direction, seeds_by_method


def selection(scores: pd.DataFrame, records: pd.DataFrame, metric: str, kind: str = "own") -> pd.DataFrame:
    """What a user without labels would get: the run with the lowest objective, beside the mean and the best run.

    Returns
    -------
    DataFrame
        `dataset, method, mean, sd, lowest_objective, lowest_objective_seed, best_by_labels, best_by_labels_seed`,
        `regret` (best minus lowest objective, never negative), `rank_correlation` (Spearman's, of objective and score
        over the ok seeds: negative where a lower objective goes with a better score), `n_ok, n_total`.
    """
    values = seeds_by_method(scores, records, metric, kind)
    records = compared(records)
    sign = direction(metric)
    chosen = lowest_objective(records).set_index(["dataset", "method"])["seed"]
    rows = []
    for (dataset, method), runs in records.groupby(["dataset", "method"], sort=False):
        mine = values.get((dataset, method), pd.Series(dtype=float))
        seed = chosen.get((dataset, method))
        seed = seed if seed in mine.index else None
        best = (sign * mine).idxmax() if len(mine) else None
        selected = mine.get(seed, np.nan)
        top = np.nan if best is None else mine[best]
        # Objectives that agree to 9 digits are equal: their order would be that of rounding.
        objective = runs.set_index("seed")["objective"].astype(float).reindex(mine.index).map("{:.9g}".format)
        agreement = _spearman(objective.astype(float), sign * mine)
        chosen_runs = (selected, seed, top, best, sign * (top - selected), agreement)
        rows.append((dataset, method, mine.mean(), mine.std(), *chosen_runs, len(mine), len(runs)))
    columns = ["dataset", "method", "mean", "sd", "lowest_objective", "lowest_objective_seed", "best_by_labels"]
    columns += ["best_by_labels_seed", "regret", "rank_correlation", "n_ok", "n_total"]
    data = pd.DataFrame(rows, columns=columns)
    seeds = ["lowest_objective_seed", "best_by_labels_seed"]
    data[seeds] = data[seeds].astype("Int64")
    return data.sort_values("dataset", kind="stable", ignore_index=True)


def _spearman(x: pd.Series, y: pd.Series) -> float:
    both = x.notna() & y.notna() & np.isfinite(x)
    x, y = x[both], y[both].round(DIGITS)
    if len(x) < 3 or x.nunique() < 2 or y.nunique() < 2:
        return np.nan
    return float(stats.spearmanr(x, y).statistic)


def reliability(records: pd.DataFrame, level: float = LEVEL) -> pd.DataFrame:
    """Rates of failed, diverged and collapsed runs per method over all data sets, controls included, skipped runs not.

    Returns
    -------
    DataFrame
        `method, n_total`, per status its count, and `rate, low, high` of the runs that are not ok (Wilson interval).
    """
    rows = []
    for method, runs in attempted(records).groupby("method", sort=False):
        counts = {status: int((runs["status"] == status).sum()) for status in ENDS}
        bad, n = len(runs) - counts["ok"], len(runs)
        interval = stats.binomtest(bad, n).proportion_ci(1 - level, method="wilson")
        low, high = float(interval.low), float(interval.high)
        rows.append({"method": method, "n_total": n, **counts, "rate": bad / n, "low": low, "high": high})
    return pd.DataFrame(rows, columns=["method", "n_total", *ENDS, "rate", "low", "high"])
