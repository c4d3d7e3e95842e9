"""The ledger: every published number of a method that we have, beside ours, with a verdict or the reason for none.

A published number and ours are two numbers of one quantity only if both were made in the same way: what is known of
that is judged first, from the text of the published protocol and from our records, and never from the numbers.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from jcae.data.catalogue import CATALOGUE
from jcae.scores.evaluation import ok_scores
from jcae.scores.metrics import METRICS
from jcae.statistics.shared import LEVEL, bootstrap_mean, count

PUBLISHED = ["method", "dataset", "metric", "value", "protocol", "source", "certainty"]
CERTAINTIES = ("read", "recalled", "unread")
"""Read in the source that is named; quoted from memory and not checked against it; or known to be there, and not seen:
such a row has no value."""
MARGIN = 0.01
"""By how much our interval is widened on both sides."""
LENGTHS = ("published", "shorter", "unknown")
"""How long the deep methods of a run train, against their publications."""
VERDICTS = ("reproduced", "higher", "lower", "not comparable")

# What the text of a protocol gives away, the first group a reason against comparing it with a mean over seeds.
_DIFFERS = {
    r"\bby labels\b": "published: labels chose the epoch, ours: the last one",
    r"\bbest\b(?! epoch)": "published: best of several runs or settings, ours: mean",
    r"\bsplit\b|\bsubset\b|\bpoints only\b": "published: scored on a part of the data",
    r"\bfaulty\b|\bport\b": "published: another implementation, with known differences",
}
_UNCLEAR = {
    r"\bsingle\b": "published: a single value, of unknown spread",
    r"\bas quoted\b|\bnot stated\b": "published: number of runs not stated",
    r"\brerun\b": "published: somebody else's rerun, number of runs not stated",
}
_PEEKS = re.compile(r"\bepoch\b[^;]*\bby labels\b")
"""The words of a protocol that say so."""
_MEAN = r"\bmean of \d+ runs\b"
_SPREAD = re.compile(r"\bmean of (\d+) runs, sd ([\d.]+)\b")
"""Number of runs, and the standard deviation of single runs in the unit of the value."""


def read_published(path: str | Path) -> pd.DataFrame:
    """Read published numbers; `value` is turned from percent into the unit of our scores, and is missing if `unread`.

    Raises
    ------
    ValueError
        A column is missing; a row has an unknown score or certainty or a value that is no percentage, or stands twice.
    """
    text = {name: "str" for name in PUBLISHED if name != "value"}
    published = pd.read_csv(path, dtype=text, keep_default_na=False)
    missing = [name for name in PUBLISHED if name not in published]
    if missing:
        raise ValueError(f"{path}: the column {missing[0]!r} is missing; expected {', '.join(PUBLISHED)}")
    published["value"] = pd.to_numeric(published["value"], errors="coerce") / 100
    for line, row in enumerate(published.itertuples(), start=2):
        if row.metric not in METRICS or METRICS[row.metric].needs != "truth":
            raise ValueError(f"{path}, line {line}: {row.metric!r} is no score against the truth")
        if row.certainty not in CERTAINTIES:
            raise ValueError(f"{path}, line {line}: certainty {row.certainty!r}; allowed: {', '.join(CERTAINTIES)}")
        if row.certainty == "unread" and not np.isnan(row.value):
            raise ValueError(f"{path}, line {line}: a value of {100 * row.value:g} that is called unread")
        if row.certainty != "unread" and not -1 <= row.value <= 1:
            raise ValueError(f"{path}, line {line}: the value is no percentage")
    if (again := published.duplicated(PUBLISHED)).any():
        raise ValueError(f"{path}, line {2 + int(again.argmax())}: the same row stands above")
    return published[PUBLISHED]


def match_protocol(protocol: str) -> tuple[str, str]:
    """Judge from its text whether a published number is a mean over seeds on all points, as ours are.

    Returns
    -------
    match : {"yes", "no", "unknown"}
    reason : str
        Empty for "yes".
    """
    differs = [reason for pattern, reason in _DIFFERS.items() if re.search(pattern, protocol)]
    if differs:
        return "no", "; ".join(differs)
    unclear = [reason for pattern, reason in _UNCLEAR.items() if re.search(pattern, protocol)]
    if not unclear and re.search(_MEAN, protocol):
        return "yes", ""
    return "unknown", "; ".join(unclear) or "published: protocol not stated"


def peeks(protocol: str) -> bool:
    """Whether labels are known to have chosen the epoch of a published number."""
    return bool(_PEEKS.search(protocol))


def match_runs(runs: pd.DataFrame, length: str = "unknown") -> tuple[str, str]:
    """Judge from the records of one method on one data set whether our runs are what a publication would run.

    Parameters
    ----------
    runs : DataFrame
        Rows of the records; without any, nothing is known.
    length : {"published", "shorter", "unknown"}
        How long the run's config trains deep methods. A method without updates and autoencoder has no length.

    Returns
    -------
    match, reason
        As `match_protocol`.
    """
    if runs.empty:
        return "unknown", "ours: not run"
    dataset, points = runs["dataset"].iloc[0], runs["n"].max()
    differs, unclear = [], []
    if dataset in CATALOGUE and points < CATALOGUE[dataset].n:
        differs.append(f"ours: {points:.0f} of {CATALOGUE[dataset].n} points")
    if runs["updates"].notna().any() or runs["autoencoder"].notna().any():
        if length == "shorter":
            differs.append("ours: shorter training than published")
        elif length == "unknown":
            unclear.append("ours: length of training not compared")
    if differs:
        return "no", "; ".join(differs)
    return ("unknown", "; ".join(unclear)) if unclear else ("yes", "")


def ledger(
    published: pd.DataFrame,
    scores: pd.DataFrame,
    records: pd.DataFrame,
    *,
    margin: float = MARGIN,
    length: str = "unknown",
    level: float = LEVEL,
    gains: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Join published numbers with our runs of the same method, data set and score (the methods' own labels).

    Parameters
    ----------
    published : DataFrame
        As `read_published` gives it.
    scores, records : DataFrame
        As `jcae.scores.evaluation.read_results` gives them.
    margin : float
        By how much our interval is widened on both sides before the published value must lie in it.
    length : {"published", "shorter", "unknown"}
    level : float
    gains : DataFrame, optional
        As `jcae.statistics.peeking.peeking` gives it: what a choice of the epoch by labels adds to our runs.

    Returns
    -------
    DataFrame
        The published columns, then `mean, low, high, interval, n_ok, n_total` of ours, `difference` (ours minus
        published) with the bounds of Welch's interval where the protocol says "mean of N runs, sd S", `match` (`yes`,
        `no`, `unknown`), `reason`, and `verdict`: `reproduced`, `higher` or `lower` (ours against published), or
        `not comparable` where the protocols differ, the number is unread or we have fewer than 3 ok runs. `peeks`:
        labels are known to have chosen the published epoch; `peeking_gain`: what that adds to our runs, where known.

    Raises
    ------
    ValueError
        Unknown `length`, or a negative margin.
    """
    if length not in LENGTHS:
        raise ValueError(f"length={length!r} is not allowed; allowed: {', '.join(LENGTHS)}")
    if margin < 0:
        raise ValueError(f"margin={margin!r} is not allowed; it must not be below 0")
    scores = ok_scores(scores, records)
    scores = scores[scores["labels"] == "own"].sort_values("seed")
    added = {} if gains is None else gains.set_index(["dataset", "method", "metric"])["gain"].to_dict()
    rows = []
    for number in published.to_dict("records"):
        here = (records["dataset"] == number["dataset"]) & (records["method"] == number["method"])
        same = (scores["dataset"] == number["dataset"]) & (scores["method"] == number["method"])
        values = scores.loc[same & (scores["metric"] == number["metric"]), "value"].astype(float)
        interval = bootstrap_mean(values, level)
        ours = {"mean": values.mean(), "low": interval.low, "high": interval.high, "interval": interval.how}
        ours |= {"n_ok": len(values), "n_total": int(here.sum()), "difference": values.mean() - number["value"]}
        ours |= _welch(values, number["value"], number["protocol"], level)
        match, reasons = _join(match_protocol(number["protocol"]), match_runs(records[here], length))
        verdict = "not comparable"
        if number["certainty"] == "unread":
            reasons.insert(0, "published: not read by us")
        if any(here) and not len(values):
            reasons.append("ours: no ok run with this score")
        elif 0 < len(values) < 3:
            reasons.append(f"ours: {interval.how}")
        elif len(values) and match != "no" and number["certainty"] != "unread":
            verdict = _verdict(number["value"], interval.low - margin, interval.high + margin)
        if 0 < len(values) < here.sum():
            reasons.append(f"ours: {count(int(here.sum()) - len(values), 'run')} of {here.sum()} not ok")
        ours |= {"match": match, "reason": "; ".join(reasons), "verdict": verdict, "peeks": peeks(number["protocol"])}
        key = number["dataset"], number["method"], number["metric"]
        rows.append(number | ours | {"peeking_gain": added.get(key, np.nan)})
    columns = [*PUBLISHED, "mean", "low", "high", "interval", "n_ok", "n_total", "difference"]
    columns += ["difference_low", "difference_high", "match", "reason"]
    return pd.DataFrame(rows, columns=[*columns, "verdict", "peeks", "peeking_gain"])


def _join(*judged: tuple[str, str]) -> tuple[str, list[str]]:
    """The worse of the judgements, with all their reasons."""
    match = next(match for match in ("no", "unknown", "yes") if match in [entry[0] for entry in judged])
    return match, [reason for _, reason in judged if reason]


def _welch(values: pd.Series, mean: float, protocol: str, level: float) -> dict[str, float]:
    """Bounds of the difference of two means, each of runs with a spread of their own; NaN where theirs is not known."""
    spread = _SPREAD.search(protocol)
    if spread is None or len(values) < 2:
        return {"difference_low": np.nan, "difference_high": np.nan}
    n, sd = int(spread[1]), float(spread[2]) / 100
    ours, theirs = values.var(ddof=1) / len(values), sd**2 / n
    freedom = (ours + theirs) ** 2 / (ours**2 / (len(values) - 1) + theirs**2 / (n - 1))
    half = stats.t.ppf(1 - level / 2, freedom) * np.sqrt(ours + theirs)
    difference = values.mean() - mean
    return {"difference_low": difference - half, "difference_high": difference + half}


def _verdict(published: float, low: float, high: float) -> str:
    if np.round(low, 12) <= np.round(published, 12) <= np.round(high, 12):
        return "reproduced"
    return "higher" if published < low else "lower"
