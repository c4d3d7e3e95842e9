"""Over data sets: ranks of the methods, every method against the reference, and what so few data sets can show.

Pure functions on the tables that `jcae.scores.evaluation.read_results` gives; the rules are those of
`jcae.statistics.shared`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from jcae.statistics.improvement import improvements
from jcae.statistics.pairs import holm, signed_rank
from jcae.statistics.shared import DIGITS, LEVEL, RANDOM_STATE, compared, count, direction, seeds_by_method

ROPE = 0.01
"""Region of practical equivalence: differences of up to one point of a score that runs to 1 do not matter."""
POSTERIOR_SAMPLES = 20_000


@dataclass(frozen=True)
class Power:
    """What tests over N data sets could find at best.

    Attributes
    ----------
    n_datasets, n_comparisons : int
    level : float
    smallest_p : float
        Of a signed-rank test over the data sets.
    smallest_p_holm : float
        The same after Holm's correction for all comparisons.
    datasets_needed : int
        From so many data sets on, winning on all of them is significant after the correction.
    """

    n_datasets: int
    n_comparisons: int
    level: float
    smallest_p: float
    smallest_p_holm: float
    datasets_needed: int

    def __str__(self) -> str:
        able = "can" if self.smallest_p_holm < self.level else "cannot"
        return (
            f"Power: over {count(self.n_datasets, 'data set')} the smallest p of a signed-rank test is "
            f"{self.smallest_p:.2g}, after Holm's correction for {count(self.n_comparisons, 'comparison')} "
            f"{self.smallest_p_holm:.2g}: winning on every data set {able} be significant at {self.level:g} "
            f"(it needs {self.datasets_needed})."
        )


def means(
    scores: pd.DataFrame, records: pd.DataFrame, metric: str, kind: str = "own"
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Mean score over the ok seeds of every method on every data set, for the methods that have one everywhere.

    Leaving out a data set on which a method failed would reward the method for failing, so the method is left out.

    Returns
    -------
    means : DataFrame
        Data sets by methods, no NaN.
    left_out : dict of str to str
        Method -> why it is not in `means`.
    """
    values = seeds_by_method(scores, records, metric, kind)
    records = compared(records)
    methods, datasets = list(dict.fromkeys(records["method"])), sorted(records["dataset"].unique())
    frame = pd.DataFrame(
        [[values[d, m].mean() if (d, m) in values else np.nan for m in methods] for d in datasets],
        index=pd.Index(datasets, name="dataset"),
        columns=methods,
        dtype=float,
    )
    left_out = {m: f"no score on {', '.join(frame.index[frame[m].isna()])}" for m in methods if frame[m].isna().any()}
    return frame.drop(columns=list(left_out)), left_out


def average_ranks(table: pd.DataFrame, metric: str) -> pd.Series:
    """Mean over the data sets of each method's rank, 1 the best; equal means share their ranks."""
    return _ranked(table, metric).mean()


def friedman(table: pd.DataFrame) -> tuple[float, float]:
    """Statistic and p of Friedman's test that all methods rank alike; NaN with fewer than 3 methods or 2 data sets."""
    if table.shape[1] < 3 or table.shape[0] < 2:
        return np.nan, np.nan
    if (_ranked(table, None).nunique(axis=1) == 1).all():
        return 0.0, 1.0
    result = stats.friedmanchisquare(*table.round(DIGITS).to_numpy().T)
    return float(result.statistic), float(result.pvalue)


def nemenyi(table: pd.DataFrame) -> pd.DataFrame:
    """p values of Nemenyi's test for every two methods; all NaN with fewer than 2 methods or data sets."""
    if min(table.shape) < 2:
        return pd.DataFrame(np.nan, index=table.columns, columns=table.columns)
    from scikit_posthocs import posthoc_nemenyi_friedman

    p_values = posthoc_nemenyi_friedman(table.round(DIGITS).to_numpy())
    return pd.DataFrame(p_values.to_numpy(), index=table.columns, columns=table.columns)


def critical_difference(n_datasets: int, n_methods: int, level: float = LEVEL) -> float:
    """Difference of average ranks from which on Nemenyi's test calls two methods different (Demsar, 2006)."""
    quantile = stats.studentized_range.ppf(1 - level, n_methods, np.inf) / np.sqrt(2)
    return float(quantile * np.sqrt(n_methods * (n_methods + 1) / (6 * n_datasets)))


def power(n_datasets: int, n_comparisons: int, level: float = LEVEL) -> Power:
    """Say what signed-rank tests over the data sets could find at best (see `Power`)."""
    smallest = min(1.0, 2.0 ** (1 - n_datasets))
    needed = int(np.floor(1 + np.log2(max(n_comparisons, 1) / level))) + 1
    return Power(n_datasets, n_comparisons, level, smallest, min(1.0, smallest * n_comparisons), needed)


def bayesian_signed_rank(differences: ArrayLike, rope: float = ROPE) -> tuple[float, float, float]:
    """Probabilities of worse, practically equivalent and better on a further data set of the kind.

    Bayesian signed-rank test (Benavoli et al., 2014, 2017), by `baycomp`; NaN with fewer than 2 data sets.

    Parameters
    ----------
    differences : array-like, (N,)
        Method minus reference, one per data set.
    rope : float
        Largest difference that does not matter; above 0.
    """
    if not rope > 0:
        raise ValueError(f"rope={rope!r} is not allowed; it must be above 0")
    found = np.asarray(differences, dtype=np.float64)
    if len(found) < 2:
        return np.nan, np.nan, np.nan
    from baycomp import SignedRankTest

    # It judges second minus first.
    probabilities = SignedRankTest.probs(
        np.zeros(len(found)), found, rope, nsamples=POSTERIOR_SAMPLES, random_state=RANDOM_STATE
    )
    worse, equivalent, better = map(float, probabilities)
    return worse, equivalent, better


def over_datasets(
    scores: pd.DataFrame,
    records: pd.DataFrame,
    metric: str,
    reference: str | None,
    kind: str = "own",
    level: float = LEVEL,
    rope: float = ROPE,
) -> pd.DataFrame:
    """Rank the methods over the data sets and compare each with the reference.

    Returns
    -------
    DataFrame
        One row per method by average rank, controls left out: `method, average_rank, n_datasets`, then against the
        reference over the means of the data sets `difference` (mean), `wins, ties, losses` (data sets), `p, p_holm`
        (signed rank), `p_nemenyi`, `p_worse, p_equivalent, p_better` (posterior), `probability_of_improvement,
        improvement_low, improvement_high`, then `n_ok, n_total` (runs) and `left_out` (why it is not ranked).
    """
    table, left_out = means(scores, records, metric, kind)
    ranks, nemenyi_p = average_ranks(table, metric), nemenyi(table)
    chances = improvements(scores, records, metric, reference, kind, level).set_index("method")
    records, sign, rows = compared(records), direction(metric), []
    for method in dict.fromkeys(records["method"]):
        runs = records[records["method"] == method]
        row = {"method": method, "average_rank": ranks.get(method, np.nan), "n_datasets": len(table)}
        if method in table and reference in table and method != reference:
            differences = sign * (table[method] - table[reference]).round(DIGITS)
            test, posterior = signed_rank(differences), bayesian_signed_rank(differences, rope)
            signs = [int((np.sign(differences) == s).sum()) for s in (1, 0, -1)]
            row |= {"difference": differences.mean(), "p": test.p, "p_nemenyi": nemenyi_p.loc[method, reference]}
            row |= dict(zip(("wins", "ties", "losses"), signs, strict=True))
            row |= dict(zip(("p_worse", "p_equivalent", "p_better"), posterior, strict=True))
            chance = chances.loc[method]
            row |= {"probability_of_improvement": chance["probability"]}
            row |= {"improvement_low": chance["low"], "improvement_high": chance["high"]}
        row |= {"n_ok": int((runs["status"] == "ok").sum()), "n_total": len(runs), "left_out": left_out.get(method)}
        rows.append(row)
    columns = ["method", "average_rank", "n_datasets", "difference", "wins", "ties", "losses", "p", "p_holm"]
    columns += ["p_nemenyi", "p_worse", "p_equivalent", "p_better", "probability_of_improvement"]
    columns += ["improvement_low", "improvement_high", "n_ok", "n_total", "left_out"]
    data = pd.DataFrame(rows, columns=columns)
    data["p_holm"] = holm(data["p"].astype(float))
    counts = ["wins", "ties", "losses"]
    data[counts] = data[counts].astype("Int64")
    return data.sort_values("average_rank", kind="stable", ignore_index=True)


def _ranked(table: pd.DataFrame, metric: str | None) -> pd.DataFrame:
    values = table.round(DIGITS).to_numpy()
    sign = 1 if metric is None else direction(metric)
    ranks = stats.rankdata(-sign * values, axis=1) if values.size else values
    return pd.DataFrame(ranks, index=table.index, columns=table.columns)
