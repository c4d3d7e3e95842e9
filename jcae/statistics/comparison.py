"""Statistics of a comparison: what the scores of several seeds and data sets say about methods, and what they cannot.

Pure functions on the tables that `jcae.scores.evaluation.read_results` gives. Three rules hold throughout. Only ok runs
have a score: the others are counted, never averaged. Controls take no part. Scores enter with their direction, so that
a positive difference always means better than the reference.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from jcae.jobs.records import STATUSES
from jcae.scores.evaluation import lowest_objective, ok_scores
from jcae.scores.metrics import METRICS

LEVEL = 0.05
"""Level of every test; intervals cover 1 - LEVEL."""
ROPE = 0.01
"""Region of practical equivalence: differences of up to one point of a score that runs to 1 do not matter."""
RESAMPLES = 9999
RANDOM_STATE = 0
"""Of every bootstrap and every sampled posterior: the same scores give the same numbers."""
POSTERIOR_SAMPLES = 20_000
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


def count(n: int, what: str) -> str:
    """Write a number and its noun: `1 pair`, `2 pairs`."""
    return f"{n} {what}" + "s" * (n != 1)


# --- one method on one data set ---------------------------------------------------------------------------------------


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
    values = _seeds_by_method(scores, records, metric, kind)
    records = _compared(records)
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
    pairs = pd.Series(dtype=float) if is_reference else (_direction(metric) * (mine - theirs)).dropna()
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


# --- over data sets ---------------------------------------------------------------------------------------------------


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
    values = _seeds_by_method(scores, records, metric, kind)
    records = _compared(records)
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
    values = _seeds_by_method(scores, records, metric, kind)
    records = _compared(records)
    sign, rows = _direction(metric), []
    for method in dict.fromkeys(records["method"]):
        if method == reference:
            continue
        both = [d for d in sorted(records["dataset"].unique()) if {(d, method), (d, reference)} <= values.keys()]
        pairs = [(sign * values[d, method].to_numpy(), sign * values[d, reference].to_numpy()) for d in both]
        value, interval = probability_of_improvement(pairs, level)
        rows.append((method, value, interval.low, interval.high, interval.how, len(both)))
    return pd.DataFrame(rows, columns=["method", "probability", "low", "high", "interval", "n_datasets"])


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
    records, sign, rows = _compared(records), _direction(metric), []
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


def profiles(
    scores: pd.DataFrame, records: pd.DataFrame, metric: str, thresholds: ArrayLike, kind: str = "own"
) -> pd.DataFrame:
    """Performance profiles: the share of runs that score more than a threshold, data sets weighing the same.

    Returns
    -------
    DataFrame
        `method, threshold, share, n_datasets`; of the ok runs, on the data sets on which a method has some.
    """
    values = _seeds_by_method(scores, records, metric, kind)
    thresholds = np.asarray(thresholds, dtype=np.float64)
    frames = []
    for method in dict.fromkeys(_compared(records)["method"]):
        mine = [series.to_numpy().round(DIGITS) for (_, name), series in values.items() if name == method]
        if mine:
            share = np.mean([stats.ecdf(sample).sf.evaluate(thresholds) for sample in mine], axis=0)
            facts = {"method": method, "threshold": thresholds, "share": share, "n_datasets": len(mine)}
            frames.append(pd.DataFrame(facts))
    columns = ["method", "threshold", "share", "n_datasets"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


# --- which run, and how many ------------------------------------------------------------------------------------------


def selection(scores: pd.DataFrame, records: pd.DataFrame, metric: str, kind: str = "own") -> pd.DataFrame:
    """What a user without labels would get: the run with the lowest objective, beside the mean and the best run.

    Returns
    -------
    DataFrame
        `dataset, method, mean, sd, lowest_objective, lowest_objective_seed, best_by_labels, best_by_labels_seed`,
        `regret` (best minus lowest objective, never negative), `rank_correlation` (Spearman's, of objective and score
        over the ok seeds: negative where a lower objective goes with a better score), `n_ok, n_total`.
    """
    values = _seeds_by_method(scores, records, metric, kind)
    records = _compared(records)
    sign = _direction(metric)
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


def reliability(records: pd.DataFrame, level: float = LEVEL) -> pd.DataFrame:
    """Rates of failed, diverged and collapsed runs per method over all data sets, controls included.

    Returns
    -------
    DataFrame
        `method, n_total`, per status its count, and `rate, low, high` of the runs that are not ok (Wilson interval).
    """
    rows = []
    for method, runs in records.groupby("method", sort=False):
        counts = {status: int((runs["status"] == status).sum()) for status in STATUSES}
        bad, n = len(runs) - counts["ok"], len(runs)
        interval = stats.binomtest(bad, n).proportion_ci(1 - level, method="wilson")
        low, high = float(interval.low), float(interval.high)
        rows.append({"method": method, "n_total": n, **counts, "rate": bad / n, "low": low, "high": high})
    return pd.DataFrame(rows, columns=["method", "n_total", *STATUSES, "rate", "low", "high"])


# --- shared -----------------------------------------------------------------------------------------------------------


def _compared(records: pd.DataFrame) -> pd.DataFrame:
    return records[~records["control"].astype(bool)]


def _seeds_by_method(
    scores: pd.DataFrame, records: pd.DataFrame, metric: str, kind: str
) -> dict[tuple[str, str], pd.Series]:
    """Score by seed of every data set and method that has an ok run."""
    scores = ok_scores(scores, _compared(records))
    scores = scores[(scores["metric"] == metric) & (scores["labels"] == kind)].sort_values("seed")
    groups = scores.groupby(["dataset", "method"])
    return {key: group.set_index("seed")["value"].astype(float) for key, group in groups}


def _direction(metric: str) -> int:
    higher = METRICS[metric].higher_is_better
    if higher is None:
        raise ValueError(f"{METRICS[metric].label} has no better direction, methods cannot be compared by it")
    return 1 if higher else -1


def _ranked(table: pd.DataFrame, metric: str | None) -> pd.DataFrame:
    values = table.round(DIGITS).to_numpy()
    sign = 1 if metric is None else _direction(metric)
    ranks = stats.rankdata(-sign * values, axis=1) if values.size else values
    return pd.DataFrame(ranks, index=table.index, columns=table.columns)


def _spearman(x: pd.Series, y: pd.Series) -> float:
    both = x.notna() & y.notna() & np.isfinite(x)
    x, y = x[both], y[both].round(DIGITS)
    if len(x) < 3 or x.nunique() < 2 or y.nunique() < 2:
        return np.nan
    return float(stats.spearmanr(x, y).statistic)
