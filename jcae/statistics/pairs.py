"""Pairs of runs of the same seed on one data set: which methods differ from the reference there.

Pure functions on the tables that `jcae.scores.evaluation.read_results` gives; the rules are those of
`jcae.statistics.shared`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from jcae.statistics.shared import DIGITS, LEVEL, bootstrap_mean, compared, direction, seeds_by_method


@dataclass(frozen=True)
class SignedRank:
    """Two-sided Wilcoxon signed-rank test of paired differences.

    Attributes
    ----------
    n_pairs, n_zero : int
        Pairs, and those without a difference; the test leaves these out.
    p : float
        1 where no pair differs, NaN without pairs.
    smallest_p : float
        What p would be if all pairs differed in the same direction; no p from so many pairs is smaller.
    rank_biserial : float
        Matched-pairs rank-biserial correlation: the share of the ranks that speaks for a positive difference minus the
        share against it, -1 to 1; 0 where no pair differs.
    """

    n_pairs: int
    n_zero: int
    p: float
    smallest_p: float
    rank_biserial: float


def signed_rank(differences: ArrayLike) -> SignedRank:
    """Test whether paired differences are symmetric around 0; exact wherever scipy can be (see `SignedRank`).

    NaN differences are no pairs.
    """
    found = np.asarray(differences, dtype=np.float64)
    found = found[~np.isnan(found)].round(DIGITS)
    n, moved = len(found), found[found != 0]
    smallest = min(1.0, 2.0 ** (1 - n)) if n else np.nan
    if not len(moved):
        return SignedRank(n, n, 1.0 if n else np.nan, smallest, 0.0 if n else np.nan)
    # The one-sided statistic is the sum of the ranks of the positive differences.
    positive = stats.wilcoxon(moved, alternative="greater").statistic
    total = len(moved) * (len(moved) + 1) / 2
    p = float(stats.wilcoxon(moved).pvalue)
    return SignedRank(n, n - len(moved), p, smallest, float(2 * positive / total - 1))


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Correct p values for each other (Holm, 1979); NaN is no test and stays NaN."""
    from statsmodels.stats.multitest import multipletests

    p_values = np.asarray(p_values, dtype=np.float64)
    corrected, tested = p_values.copy(), ~np.isnan(p_values)
    if tested.any():
        corrected[tested] = multipletests(p_values[tested], method="holm")[1]
    return corrected


def paired(
    scores: pd.DataFrame,
    records: pd.DataFrame,
    metric: str,
    reference: str | None,
    kind: str = "own",
    level: float = LEVEL,
) -> pd.DataFrame:
    """Compare every method with the reference, data set by data set, as pairs of runs of the same seed.

    A seed is a pair where both runs are ok and have the score. One that only one side has is left out of the test and
    counted in `n_unpaired`; the mean of each method is over all of its own ok runs.

    Parameters
    ----------
    scores, records : DataFrame
        As `jcae.scores.evaluation.read_results` gives them.
    metric : str
        Key of `jcae.scores.metrics.METRICS`, with a better direction.
    reference : str or None
        Method to compare with; None, or one that was not run, leaves the tests empty.
    kind : {"own", "refit"}
    level : float

    Returns
    -------
    DataFrame
        One row per data set and method, controls left out: `dataset, method, mean, low, high, interval` (over ok seeds,
        and how the interval was made), `n_ok, n_total`, then against the reference `difference, difference_low,
        difference_high, n_pairs, n_unpaired, n_zero, p, p_holm` (over the methods of the data set), `smallest_p_holm,
        rank_biserial, verdict` (`reference`, `better`, `worse`, `undecided`, `too few pairs`, `no pairs`).
    """
    values = seeds_by_method(scores, records, metric, kind)
    records = compared(records)
    rows = []
    for dataset in sorted(records["dataset"].unique()):
        here = records[records["dataset"] == dataset]
        theirs = values.get((dataset, reference), pd.Series(dtype=float))
        tests = []
        for method in dict.fromkeys(here["method"]):
            mine = values.get((dataset, method), pd.Series(dtype=float))
            n_total = int((here["method"] == method).sum())
            tests.append(_against(dataset, method, mine, theirs, n_total, method == reference, metric, level))
        frame = pd.DataFrame(tests)
        frame["p_holm"] = holm(frame["p"])
        # Holm multiplies the smallest p by the number of tests, and no larger p falls below that.
        bound = frame["smallest_p"].min() * frame["p"].notna().sum()
        frame["smallest_p_holm"] = frame["smallest_p"].clip(lower=bound).clip(upper=1)
        frame["verdict"] = [_verdict(row, reference, level) for row in frame.itertuples()]
        rows.append(frame)
    columns = ["dataset", "method", "mean", "low", "high", "interval", "n_ok", "n_total", "difference"]
    columns += ["difference_low", "difference_high", "n_pairs", "n_unpaired", "n_zero", "p", "p_holm"]
    columns += ["smallest_p_holm", "rank_biserial", "verdict"]
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)


def _against(
    dataset: str,
    method: str,
    mine: pd.Series,
    theirs: pd.Series,
    n_total: int,
    is_reference: bool,
    metric: str,
    level: float,
) -> dict[str, object]:
    own = bootstrap_mean(mine, level)
    row = {"dataset": dataset, "method": method, "mean": mine.mean(), "low": own.low, "high": own.high}
    row |= {"interval": own.how, "n_ok": len(mine), "n_total": n_total}
    pairs = pd.Series(dtype=float) if is_reference else (direction(metric) * (mine - theirs)).dropna()
    test, interval = signed_rank(pairs), bootstrap_mean(pairs, level)
    unpaired = 0 if is_reference else len(mine.index.union(theirs.index)) - len(pairs)
    row |= {"difference": pairs.mean(), "difference_low": interval.low, "difference_high": interval.high}
    row |= {"n_pairs": test.n_pairs, "n_unpaired": unpaired, "n_zero": test.n_zero, "p": test.p}
    return row | {"smallest_p": test.smallest_p, "rank_biserial": test.rank_biserial}


def _verdict(row: tuple, reference: str | None, level: float) -> str:
    if row.method == reference:
        return "reference"
    if not row.n_pairs:
        return "no pairs"
    if row.smallest_p_holm >= level:
        return "too few pairs"
    if row.p_holm >= level:
        return "undecided"
    return "better" if row.rank_biserial > 0 else "worse"
