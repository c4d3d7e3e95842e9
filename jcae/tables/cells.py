"""How numbers are written in the cells of tables."""

from typing import Any

import pandas as pd

from jcae.scores.metrics import METRICS

MAIN_METRICS = ("acc", "nmi", "ari")
NONE = "–"
CONSENSUS = "consensus†"
"""Marks what the seeds of a method agree on, which is no run of it."""


def number(value: float, metric: str) -> str:
    """Write a score as tables show it, in percent where papers do."""
    if pd.isna(value):
        return NONE
    if METRICS[metric].percent:
        return f"{100 * value:z.1f}"  # z: no -0.0
    return f"{value:z.{METRICS[metric].decimals}f}"


def mean_sd(mean: float, sd: float, metric: str) -> str:
    """Write a mean and its deviation, if there is one."""
    return number(mean, metric) + ("" if pd.isna(sd) else f" ± {number(sd, metric)}")


def mean_cell(row: tuple, metric: str) -> str:
    """Write a mean, its deviation and, where not all runs were ok, the fraction that was."""
    return mean_sd(row.mean, row.sd, metric) + ("" if row.n_ok == row.n_total else f" ({row.n_ok}/{row.n_total})")


def ok_of_all(n_ok: int, n_total: int) -> str:
    """Write how many of all runs were ok, or that they were skipped."""
    return f"{n_ok}/{n_total}" if n_total else "skipped"


def best_methods(data: pd.DataFrame, metric: str) -> list[str]:
    """Methods with the best mean as it is shown: what rounds to the same number is equally bold."""
    data = data[data["n_ok"] > 0]
    if data.empty or METRICS[metric].higher_is_better is None:
        return []
    best = data["mean"].max() if METRICS[metric].higher_is_better else data["mean"].min()
    shown = data["mean"].map(lambda mean: number(mean, metric))
    return data.loc[shown == number(best, metric), "method"].tolist()


def significant(value: float) -> str:
    """Write three digits, or all before the point."""
    return NONE if pd.isna(value) else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def thousands(value: float) -> str:
    """Write a whole number with commas."""
    return NONE if pd.isna(value) else f"{value:,.0f}"


def in_order(data: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Sort by data set, then as every table lists the methods."""
    order = {method: i for i, method in enumerate(names)}
    keys = [key for key in ("dataset",) if key in data]
    data = data.assign(order=data["method"].map(order)).sort_values([*keys, "order"], kind="stable")
    return data.drop(columns="order").reset_index(drop=True)


def own_rows(data: pd.DataFrame) -> pd.DataFrame:
    """Leave out the rows of a table of scores that are of a consensus."""
    return data[data["labels"] != "consensus"] if "labels" in data else data


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a table, which has a column of methods even without a row."""
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=["method"])


def signed_number(value: float, metric: str, signed: bool = False) -> str:
    """Write a score, or with its sign a difference of two."""
    text = number(value, metric)
    return f"+{text}" if signed and pd.notna(value) and value > 0 else text


def with_interval(value: float, low: float, high: float, metric: str, signed: bool = False) -> str:
    """Write a score or a difference and its interval, if there is one."""
    text = signed_number(value, metric, signed)
    if pd.isna(low):
        return text
    return f"{text} [{signed_number(low, metric, signed)}, {signed_number(high, metric, signed)}]"


def names_of(joined: str, names: dict[str, str]) -> str:
    """Write the methods of a list joined by commas by the names that tables show."""
    return ", ".join(names[name] for name in joined.split(",") if name) or "none"


def p_value(value: float) -> str:
    """Write a p value."""
    return NONE if pd.isna(value) else "<0.001" if value < 0.001 else f"{value:.3f}"


def points(value: float) -> str:
    """Write a difference of scores in points."""
    return "1 point" if 100 * value == 1 else f"{100 * value:g} points"
