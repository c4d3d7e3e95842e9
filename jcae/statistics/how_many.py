"""How many clusters: what is measured at every number, which one each rule would choose, and how often rightly."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from jcae.scores.evaluation import SKIPPED, labelled

MEASURES = ("silhouette_features", "silhouette", "stability", "objective", "bic", "acc", "nmi", "ari")
"""What is measured, as the mean over the ok seeds of a number of clusters."""
CURVE_COLUMNS = ["dataset", "method", "k", "n_ok", "n_total", *MEASURES]
BEST = "best_ari"
"""What a choice with the truth would be; no rule."""


def highest(ks: np.ndarray, values: np.ndarray) -> float:
    """The number with the highest value; of several, the smallest. Values that agree to 12 digits are equal."""
    return float(ks[np.flatnonzero(values >= values.max() - 1e-12 * max(1.0, np.abs(values).max()))[0]])


def lowest(ks: np.ndarray, values: np.ndarray) -> float:
    """The number with the lowest value; of several, the smallest."""
    return highest(ks, -values)


def elbow(ks: np.ndarray, values: np.ndarray) -> float:
    """The number at which a falling curve lies farthest below the straight line from its first to its last point.

    NaN where it has fewer than 3 points, ends no lower than it starts, or never lies below that line.
    """
    if len(ks) < 3 or not values[-1] < values[0]:
        return np.nan
    line = values[0] + (values[-1] - values[0]) * (ks - ks[0]) / (ks[-1] - ks[0])
    below = line - values
    return highest(ks, below) if below.max() > 1e-12 * np.abs(values).max() else np.nan


@dataclass(frozen=True)
class Rule:
    """A rule that chooses a number of clusters without labels.

    Attributes
    ----------
    label : str
        Name in tables and figures.
    measure : str
        Of `MEASURES`.
    choose : callable
        ``f(ks, values)``, both of shape (n,), ascending in the numbers; NaN where it chooses none.
    """

    label: str
    measure: str
    choose: Callable[[np.ndarray, np.ndarray], float]


RULES = {
    "silhouette": Rule("silhouette", "silhouette_features", highest),
    "silhouette_code": Rule("silhouette of the code", "silhouette", highest),
    "stability": Rule("most stable", "stability", highest),
    "elbow": Rule("elbow of the objective", "objective", elbow),
    "bic": Rule("lowest BIC", "bic", lowest),
}


def curves(scores: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Mean of every measure over the ok seeds, per data set, method and number of clusters.

    Parameters
    ----------
    scores, records : DataFrame
        As `jcae.scores.sweep.read_sweep` gives them.

    Returns
    -------
    DataFrame
        Columns `CURVE_COLUMNS`; NaN where a measure is not defined.
    """
    key = CURVE_COLUMNS[:3]
    own = scores[(scores["labels"] == "own") & scores["metric"].isin(MEASURES)]
    means = own.groupby([*key, "metric"])["value"].mean().unstack("metric")
    ok = records[records["status"] == "ok"].astype({"objective": float, "bic": float})
    found = ok.groupby(key)[["objective", "bic"]].mean().join(means)
    tried = records.assign(n_ok=records["status"] == "ok", n_total=records["status"] != SKIPPED)
    counts = tried.groupby(key)[["n_ok", "n_total"]].sum()
    return counts.join(found).reset_index().reindex(columns=CURVE_COLUMNS)


def choices(found: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """The number of clusters that each rule would choose, per data set and method.

    Parameters
    ----------
    found : DataFrame
        As `curves` gives it.
    records : DataFrame

    Returns
    -------
    DataFrame
        Columns dataset, method, control; classes (NaN where nobody knows them); low and high, the ends of the range;
        n_ok and n_total of the runs; one per rule; `best_ari`, the number with the highest ARI, which needs the truth.
        NaN: no choice, for want of at least two numbers with a value.
    """
    rows, known = [], set(labelled(records)["dataset"])
    for (dataset, method), curve in found.groupby(["dataset", "method"]):
        first = records[(records["dataset"] == dataset) & (records["method"] == method)].iloc[0]
        row = {"dataset": dataset, "method": method, "control": bool(first["control"])}
        row["classes"] = float(first["n_clusters"]) if dataset in known else np.nan
        row |= {"low": curve["k"].min(), "high": curve["k"].max()}
        row |= {name: curve[name].sum() for name in ("n_ok", "n_total")}
        row |= {name: _choice(curve, rule.measure, rule.choose) for name, rule in RULES.items()}
        rows.append(row | {BEST: _choice(curve, "ari", highest)})
    columns = ["dataset", "method", "control", "classes", "low", "high", "n_ok", "n_total", *RULES, BEST]
    return pd.DataFrame(rows, columns=columns)


def _choice(curve: pd.DataFrame, measure: str, choose: Callable[[np.ndarray, np.ndarray], float]) -> float:
    curve = curve.sort_values("k").dropna(subset=measure)
    return choose(curve["k"].to_numpy(float), curve[measure].to_numpy(float)) if len(curve) > 1 else np.nan


def hits(chosen: pd.DataFrame) -> pd.DataFrame:
    """How often each rule is right, per method and over all methods; controls are left out.

    Counted are the data sets whose number of classes is known and in the range, and on which the rule chooses.

    Parameters
    ----------
    chosen : DataFrame
        As `choices` gives it.

    Returns
    -------
    DataFrame
        Columns method (empty: all methods), rule, n_right, n, mean_gap: mean distance from the number of classes.
    """
    chosen = chosen[~chosen["control"] & chosen["classes"].between(chosen["low"], chosen["high"])]
    rows = []
    for method in [*sorted(chosen["method"].unique()), ""]:
        mine = chosen if method == "" else chosen[chosen["method"] == method]
        for rule in RULES:
            gap = (mine[rule] - mine["classes"]).abs().dropna()
            rows.append((method, rule, int((gap == 0).sum()), len(gap), gap.mean()))
    return pd.DataFrame(rows, columns=["method", "rule", "n_right", "n", "mean_gap"])
