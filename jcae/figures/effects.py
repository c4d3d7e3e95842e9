"""Effects of parameters: the score of a method over one of its parameters, everything else as in the reference."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from jcae.figures import style
from jcae.figures.sources import against_truth, records_of
from jcae.scores.evaluation import read_results
from jcae.scores.metrics import METRICS
from jcae.statistics.shared import LEVEL, bootstrap_mean

COLUMNS = ["panel", "dataset", "value", "x", "method", "name", "is_reference", "metric"]
COLUMNS += ["mean", "low", "high", "interval", "n_ok", "n_total"]
PER_ROW = 3
SCALED = {frozenset({"alpha", "batch_size"}): "batch_size"}
"""Parameters that count as one where they change by the same factor, and the one on the axis: priors act per batch."""
COUNTS = ("n_clusters", "n_components")
"""Shown relative to the number of classes, which differs from data set to data set."""
WIDE = 10
"""From this ratio of the largest to the smallest value on, the axis is logarithmic."""


def effects(
    results: Path,
    dataset: str | None = None,
    *,
    metric: str = "acc",
    reference: str | None = None,
    level: float = LEVEL,
) -> tuple[Figure | str, pd.DataFrame]:
    """Draw one panel per parameter: mean score of the ok seeds over its values, one line per data set.

    Shown are the runs of the reference's class and start whose parameters differ from the reference's on the same data
    set in exactly one number or truth value (or in those that `SCALED` counts as one). Reads `scores.csv` and
    `records.csv`.
    """
    values, _ = read_results(results)
    records, left_out = against_truth(records_of(results, dataset, reference))
    if records.empty:
        return style.empty("no data set has a truth, hence no scores against it", COLUMNS)
    if reference is None or reference not in set(records["method"]):
        what = "no reference is named" if reference is None else f"the reference {reference!r} is not part of this run"
        return style.empty(f"{what}, so there is nothing whose parameters vary", COLUMNS)
    if "params" not in records:
        return style.empty("records.csv is of an older version, without parameters: collect the runs again", COLUMNS)
    values = values[(values["metric"] == metric) & (values["labels"] == "own")].sort_values("seed")
    rows = []
    for panel, axis, run in _variations(records, reference):
        value = _settings(run)[axis]
        x = value / run["n_clusters"] if axis in COUNTS else float(value)
        here = (values["dataset"] == run["dataset"]) & (values["method"] == run["method"])
        found = values.loc[here, "value"].astype(float)
        interval = bootstrap_mean(found, level)
        row = [panel, run["dataset"], value, x, run["method"], run["name"], run["method"] == reference, metric]
        row += [found.mean(), interval.low, interval.high, interval.how, len(found)]
        rows.append([*row, ((records[["dataset", "method"]] == run[["dataset", "method"]]).all(axis=1)).sum()])
    name = records.loc[records["method"] == reference, "name"].iloc[0]
    if not rows:
        return style.empty(f"no method of this run is {name} with one parameter changed", COLUMNS)
    # Two methods that ask for the same value are the same run twice.
    data = pd.DataFrame(rows, columns=COLUMNS).drop_duplicates(["panel", "dataset", "x"])
    data = data.groupby("panel", sort=False, group_keys=False)[COLUMNS].apply(lambda p: p.sort_values(["dataset", "x"]))
    data = data.reset_index(drop=True)
    if data["mean"].isna().all():
        return style.empty(f"no ok run of {name} and its variations has this score", COLUMNS)
    return _draw(data, name, metric, level, left_out), data


def _variations(records: pd.DataFrame, reference: str) -> list[tuple[str, str, pd.Series]]:
    """Panel, parameter on its axis and a record, for every variation and, once per panel, the reference itself."""
    found, order = [], {}
    for _, here in records.drop_duplicates(["dataset", "method"]).groupby("dataset"):
        for _, base in here[here["method"] == reference].iterrows():
            settings = _settings(base)
            differing = [(_only_difference(settings, _settings(run)), run) for _, run in here.iterrows()]
            varied = {difference: None for difference, _ in differing if difference is not None}
            found += [(*difference, base) for difference in varied]
            found += [(*difference, run) for difference, run in differing if difference is not None]
            order |= {panel: (list(settings).index(axis), panel) for panel, axis in varied}
    return sorted(found, key=lambda entry: order[entry[0]])


def _settings(run: pd.Series) -> dict[str, Any]:
    """Return what two runs of the same data set and seed can differ in, apart from code and machine."""
    settings = json.loads(run["params"]) | {"use": run["use"], "start": str(run["autoencoder"])}
    return {name: value for name, value in settings.items() if name != "random_state"}


def _only_difference(base: Mapping[str, Any], run: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the title of the panel and the parameter on its axis where only one number or truth value differs."""
    changed = [name for name in {**base, **run} if base.get(name) != run.get(name)]
    if not changed or not all(isinstance(side.get(name), int | float) for name in changed for side in (base, run)):
        return None
    if len(changed) == 1:
        name = changed[0]
        return name.replace("_", " ") + (" / classes" if name in COUNTS else ""), name
    axis = SCALED.get(frozenset(changed))
    first, second = changed[:2]
    if axis is None or not np.isclose(run[first] * base[second], base[first] * run[second]):
        return None
    other = second if axis == first else first
    return f"{axis.replace('_', ' ')}, {other.replace('_', ' ')} in proportion", axis


def _draw(data: pd.DataFrame, name: str, metric: str, level: float, left_out: str) -> Figure:
    factor = 100 if METRICS[metric].percent else 1
    data = data.assign(**{column: data[column] * factor for column in ("mean", "low", "high")})
    panels, datasets = list(dict.fromkeys(data["panel"])), sorted(data["dataset"].unique())
    palette = dict(zip(datasets, style.colours(len(datasets)), strict=True))
    figure, axes = style.grid(len(panels), PER_ROW, 1.4, extra=0.8)
    low, high = data[["mean", "low"]].min(axis=None), data[["mean", "high"]].max(axis=None)
    for i, (ax, panel) in enumerate(zip(axes, panels, strict=True)):
        here = data[data["panel"] == panel]
        _axis(ax, here)
        highest = here.groupby("x")["mean"].transform("max") == here["mean"]
        for position, dataset in enumerate(datasets):
            _line(ax, here.assign(highest=highest)[here["dataset"] == dataset], palette[dataset], position)
        ax.set_ylim(low - 0.08 * (high - low) - 0.5, high + 0.08 * (high - low) + 0.5)
        ax.set_title(panel, loc="left")
        if i % PER_ROW == 0:
            ax.set_ylabel(METRICS[metric].label + (" (%)" if METRICS[metric].percent else ""))
    handles = [Line2D([], [], marker="o", ms=3.5, color=palette[dataset]) for dataset in datasets]
    handles += [Line2D([], [], ls="", marker="o", ms=6.5, mfc="none", mec="black", mew=0.8)]
    handles += [Line2D([], [], ls="", marker="x", ms=5, color="black")]
    labels = [*datasets, name, "no ok run"]
    columns = style.legend_columns(figure, labels, len(labels))
    figure.legend(handles, labels, loc="outside upper center", ncols=columns)
    style.caption(
        figure,
        f"Mean over the ok seeds, own labels; upright: {100 * (1 - level):g} % bootstrap interval over seeds (none "
        f"from fewer than 3). Everything else is as in {name}. A fraction counts the ok runs of all, where not all are "
        f"ok. Axes over wide ranges are logarithmic, with 0 set beside them.{left_out}",
    )
    return figure


def _line(ax: Axes, data: pd.DataFrame, colour: str, position: int) -> None:
    """Draw one data set; a value without an ok run leaves a gap, marked below, where the position keeps marks apart."""
    ax.plot(data["x"], data["mean"], color=colour, marker="o", ms=3.5, lw=1)
    ax.vlines(data["x"], data["low"], data["high"], color=colour, lw=1.4, alpha=0.6)
    own = data[data["is_reference"]]
    ax.plot(own["x"], own["mean"], ls="", marker="o", ms=6.5, mfc="none", mec="black", mew=0.8)
    for row in data[data["n_ok"] < data["n_total"]].itertuples():
        if row.n_ok:
            place = {"xytext": (0, 4), "va": "bottom"} if row.highest else {"xytext": (0, -4), "va": "top"}
            place |= {"textcoords": "offset points", "ha": "center", "fontsize": style.SMALL}
            ax.annotate(f"{row.n_ok}/{row.n_total}", (row.x, row.mean), color=colour, **place)
        else:
            height = 0.05 + 0.08 * position
            ax.plot(row.x, height, ls="", marker="x", ms=5, color=colour, transform=ax.get_xaxis_transform())


def _axis(ax: Axes, data: pd.DataFrame) -> None:
    """Scale the axis to the values, and tick them."""
    if all(isinstance(value, bool) for value in data["value"]):
        ax.set_xticks([0, 1], ["off", "on"])
        ax.set_xlim(-0.5, 1.5)
        return
    x = np.unique(data["x"])
    positive = x[x > 0]
    if len(x) == 2:
        ax.set_xlim(x[0] - 0.5 * np.ptp(x), x[1] + 0.5 * np.ptp(x))
    elif (x >= 0).all() and len(positive) and positive[-1] >= WIDE * positive[0]:
        # Linear below the smallest value, where only 0 can be.
        ax.set_xscale("symlog", linthresh=positive[0], linscale=0.6)
        ax.set_xlim(-0.4 * positive[0] if x[0] == 0 else positive[0] / 1.4, 1.4 * positive[-1])
    ax.set_xticks(x, [f"{value:g}" for value in x])
    ax.xaxis.set_minor_locator(NullLocator())
