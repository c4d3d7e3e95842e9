"""What all statistics of a comparison share: which runs count, the direction of a score, intervals of means.

Three rules hold throughout. Only ok runs have a score: the others are counted, never averaged. Controls take no part.
Scores enter with their direction, so that a positive difference always means better than the reference.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from jcae.scores.evaluation import ENDS, ok_scores
from jcae.scores.metrics import METRICS

LEVEL = 0.05
"""Level of every test; intervals cover 1 - LEVEL."""
RESAMPLES = 9999
RANDOM_STATE = 0
"""Of every bootstrap and every sampled posterior: the same scores give the same numbers."""
DIGITS = 12
"""Scores are fractions of counts: what differs only behind this digit is rounding, and a tie."""


@dataclass(frozen=True)
class Interval:
    """A bootstrap interval.

    Attributes
    ----------
    low, high : float
        NaN where there is none.
    how : str
        `BCa`, `percentile`, or why there is no resampling behind it.
    """

    low: float
    high: float
    how: str


def count(n: int, what: str) -> str:
    """Write a number and its noun: `1 pair`, `2 pairs`."""
    return f"{n} {what}" + "s" * (n != 1)


def endings(counts: Mapping[str, int]) -> str:
    """Say how runs ended, by their number of each status: `all ok`, or `17 ok, 1 diverged`."""
    others = [f"{counts[status]} {status}" for status in ENDS if status != "ok" and counts.get(status, 0)]
    return ", ".join([f"{counts.get('ok', 0)} ok", *others]) if others else "all ok"


def bootstrap_mean(values: ArrayLike, level: float = LEVEL) -> Interval:
    """Interval of the mean over seeds by the bootstrap (bias-corrected and accelerated).

    Fewer than 3 values give no interval; equal values give the value itself, since resampling them can show no spread.
    With few seeds the interval is too narrow, as every bootstrap's.
    """
    found = np.asarray(values, dtype=np.float64)
    found = found[np.isfinite(found)]
    if len(found) < 3:
        return Interval(np.nan, np.nan, f"no interval from {count(len(found), 'value')}")
    if np.ptp(found.round(DIGITS)) == 0:
        return Interval(float(found[0]), float(found[0]), "all values equal")
    for how in ("BCa", "percentile"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", stats.DegenerateDataWarning)
            result = stats.bootstrap(
                (found,), np.mean, confidence_level=1 - level, n_resamples=RESAMPLES, method=how, rng=RANDOM_STATE
            ).confidence_interval
        if np.isfinite([result.low, result.high]).all():
            break
    return Interval(float(result.low), float(result.high), how)


def compared(records: pd.DataFrame) -> pd.DataFrame:
    """Leave out the controls."""
    return records[~records["control"].astype(bool)]


def seeds_by_method(
    scores: pd.DataFrame, records: pd.DataFrame, metric: str, kind: str
) -> dict[tuple[str, str], pd.Series]:
    """Score by seed of every data set and method that has an ok run."""
    scores = ok_scores(scores, compared(records))
    scores = scores[(scores["metric"] == metric) & (scores["labels"] == kind)].sort_values("seed")
    groups = scores.groupby(["dataset", "method"])
    return {key: group.set_index("seed")["value"].astype(float) for key, group in groups}


def direction(metric: str) -> int:
    """Return 1 where a higher score is better, -1 where a lower one is; a score without direction is an error."""
    higher = METRICS[metric].higher_is_better
    if higher is None:
        raise ValueError(f"{METRICS[metric].label} has no better direction, methods cannot be compared by it")
    return 1 if higher else -1
