"""Single runs over data sets: how likely one beats one of the reference, and what share of them scores how much.

Pure functions on the tables that `jcae.scores.evaluation.read_results` gives; the rules are those of
`jcae.statistics.shared`.
"""

import warnings

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from jcae.statistics.shared import DIGITS, LEVEL, RANDOM_STATE, Interval, compared, direction, seeds_by_method


def probability_of_improvement(
    pairs: list[tuple[ArrayLike, ArrayLike]], level: float = LEVEL
) -> tuple[float, Interval]:
    """Probability that a run of the first beats one of the second on a data set drawn at random; ties count half.

    Parameters
    ----------
    pairs : list of (scores of the first, scores of the second)
        Over the seeds, one entry per data set; higher is better.
    level : float

    Returns
    -------
    float, Interval
        Mean of the Mann-Whitney probabilities of the data sets, and the interval from resampling seeds within each
        data set; the data sets themselves are taken as given.
    """
    samples = [np.asarray(side, dtype=np.float64).round(DIGITS) for pair in pairs for side in pair]
    if not samples or any(len(sample) == 0 for sample in samples):
        return np.nan, Interval(np.nan, np.nan, "no runs")

    def probability(*sides: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        wins = [
            stats.mannwhitneyu(x, y, axis=axis, method="asymptotic").statistic / (x.shape[axis] * y.shape[axis])
            for x, y in zip(sides[::2], sides[1::2], strict=True)
        ]
        return np.mean(wins, axis=0)

    value = float(probability(*samples))
    if any(len(sample) < 3 for sample in samples):
        return value, Interval(np.nan, np.nan, "no interval from fewer than 3 runs")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the p value of tied samples, which nobody reads
        result = stats.bootstrap(
            samples,
            probability,
            confidence_level=1 - level,
            n_resamples=1999,
            batch=500,
            vectorized=True,
            method="percentile",
            rng=RANDOM_STATE,
        ).confidence_interval
    return value, Interval(float(result.low), float(result.high), "percentile")


def improvements(
    scores: pd.DataFrame,
    records: pd.DataFrame,
    metric: str,
    reference: str | None,
    kind: str = "own",
    level: float = LEVEL,
) -> pd.DataFrame:
    """Probability of improvement of every method over the reference.

    Returns
    -------
    DataFrame
        `method, probability, low, high, interval, n_datasets`: over the data sets on which both have ok runs.
    """
    values = seeds_by_method(scores, records, metric, kind)
    records = compared(records)
    sign, rows = direction(metric), []
    for method in dict.fromkeys(records["method"]):
        if method == reference:
            continue
        both = [d for d in sorted(records["dataset"].unique()) if {(d, method), (d, reference)} <= values.keys()]
        pairs = [(sign * values[d, method].to_numpy(), sign * values[d, reference].to_numpy()) for d in both]
        value, interval = probability_of_improvement(pairs, level)
        rows.append((method, value, interval.low, interval.high, interval.how, len(both)))
    return pd.DataFrame(rows, columns=["method", "probability", "low", "high", "interval", "n_datasets"])


def profiles(
    scores: pd.DataFrame, records: pd.DataFrame, metric: str, thresholds: ArrayLike, kind: str = "own"
) -> pd.DataFrame:
    """Performance profiles: the share of runs that score more than a threshold, data sets weighing the same.

    Returns
    -------
    DataFrame
        `method, threshold, share, n_datasets`; of the ok runs, on the data sets on which a method has some.
    """
    values = seeds_by_method(scores, records, metric, kind)
    thresholds = np.asarray(thresholds, dtype=np.float64)
    frames = []
    for method in dict.fromkeys(compared(records)["method"]):
        mine = [series.to_numpy().round(DIGITS) for (_, name), series in values.items() if name == method]
        if mine:
            share = np.mean([stats.ecdf(sample).sf.evaluate(thresholds) for sample in mine], axis=0)
            facts = {"method": method, "threshold": thresholds, "share": share, "n_datasets": len(mine)}
            frames.append(pd.DataFrame(facts))
    columns = ["method", "threshold", "share", "n_datasets"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
