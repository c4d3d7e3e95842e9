"""Two one-sided paired tests: are two methods' scores the same up to a margin that was stated beforehand?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Tost:
    """Two one-sided paired t-tests of ``|mean difference| < margin``.

    Attributes
    ----------
    n_seeds : int
        Pairs without NaN.
    mean, low, high : float
        Mean difference and its two-sided 1 - 2 level confidence interval (90 % at level 0.05).
    p_lower, p_upper : float
        Of mean <= -margin, and of mean >= margin.
    p_wilcoxon : float
        Larger p of the two one-sided signed-rank tests of the differences shifted by the margin; exact where it can
        be. With n seeds it is at least 2^-n, so it needs 5 of them to go below 0.05.
    verdict : {"equivalent", "different", "undecided"}
        Both p below the level; interval wholly outside the margin; neither.
    """

    n_seeds: int
    mean: float
    low: float
    high: float
    p_lower: float
    p_upper: float
    p_wilcoxon: float
    verdict: str


def tost(differences: ArrayLike, *, margin: float, level: float = 0.05) -> Tost:
    """Judge paired differences by two one-sided t-tests (Schuirmann, 1987).

    Without any spread over the seeds the t statistic is 0 / 0 or infinite; the limit is taken: the interval is the
    point itself and p is 0 or 1, by the side of the margin on which it lies. One seed has no interval: undecided.

    Parameters
    ----------
    differences : array-like, (S,)
        One per seed; NaN (a diverged fit) is left out.
    margin : float
        Largest difference that counts as the same; above 0, in units of the score.
    level : float
        Level of each one-sided test.

    Returns
    -------
    Tost
    """
    if not margin > 0.0:
        raise ValueError(f"margin={margin!r} is not allowed; it must be above 0")
    if not 0.0 < level < 0.5:
        raise ValueError(f"level={level!r} is not allowed; it must lie between 0 and 0.5")
    found = np.asarray(differences, dtype=np.float64)
    found = found[~np.isnan(found)]
    n, nan = len(found), float("nan")
    if n < 2:
        return Tost(n, float(found.mean()) if n else nan, nan, nan, nan, nan, nan, "undecided")
    mean = float(found.mean())
    # Equal differences may have a mean that is off by one rounding, so the spread is judged by the differences.
    if np.ptp(found) == 0.0:
        mean = float(found[0])
        low = high = mean
        p_lower, p_upper = float(mean <= -margin), float(mean >= margin)
    else:
        reach = stats.t.ppf(1.0 - level, n - 1) * stats.sem(found)
        low, high = mean - reach, mean + reach
        p_lower = float(stats.ttest_1samp(found, -margin, alternative="greater").pvalue)
        p_upper = float(stats.ttest_1samp(found, margin, alternative="less").pvalue)
    if max(p_lower, p_upper) < level:
        verdict = "equivalent"
    elif low > margin or high < -margin:
        verdict = "different"
    else:
        verdict = "undecided"
    return Tost(n, mean, float(low), float(high), p_lower, p_upper, _shifted_wilcoxon(found, margin), verdict)


def _shifted_wilcoxon(differences: Array, margin: float) -> float:
    above, below = differences + margin, differences - margin
    p_lower = stats.wilcoxon(above, alternative="greater").pvalue if above.any() else 1.0
    p_upper = stats.wilcoxon(below, alternative="less").pvalue if below.any() else 1.0
    return float(max(p_lower, p_upper))
