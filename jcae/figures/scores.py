"""Score distributions: every seed a dot, the mean a stroke, methods sorted by their median."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from jcae.figures import style
from jcae.figures.sources import against_truth, records_of
from jcae.scores.evaluation import read_results
from jcae.scores.metrics import METRICS, SILHOUETTE_SAMPLE

COLUMNS = ["dataset", "method", "name", "control", "seed", "labels", "metric", "value"]
ABOUT = {
    "silhouette_features": f"Among the features, of at most {SILHOUETTE_SAMPLE:,} points. ",
    "stability": "Mean ARI of the labels of a seed with those of the other ok seeds. ",
}
LOOK = {"own": ("o", style.OKABE_ITO[0], 0.18), "refit": ("D", style.OKABE_ITO[3], -0.18)}


def scores(results: Path, dataset: str | None = None, *, metric: str = "acc") -> tuple[Figure, pd.DataFrame]:
    """Draw the scores of all ok seeds, one panel per data set.

    Reads `scores.csv` and `records.csv`.
    """
    values, _ = read_results(results)
    records, left_out = records_of(results, dataset), ""
    values = values[values["metric"] == metric]
    if METRICS[metric].needs_truth:
        records, left_out = against_truth(records)
    elif values.empty:
        return style.empty(f"no ok run has the score {METRICS[metric].label!r}", COLUMNS)
    if records.empty:
        return style.empty(f"no run on data with a truth, hence no {METRICS[metric].label}", COLUMNS)
    data = records[["dataset", "method", "name", "control", "seed", "order"]].merge(values)
    datasets = sorted(records["dataset"].unique())
    n_rows = records.groupby("dataset")["method"].nunique().max()
    wide = len(datasets) > 1
    figure, axes = style.grid(len(datasets), 2, (style.COLUMN if wide else 4.6, 0.25 * n_rows + 0.45), extra=0.75)
    for ax, name in zip(axes, datasets, strict=True):
        _panel(ax, data[data["dataset"] == name], records[records["dataset"] == name], metric)
        ax.set_title(name, loc="left")
    for ax in axes[-2:]:
        ax.set_xlabel(METRICS[metric].label + (" (%)" if METRICS[metric].percent else ""))
    handles = [Line2D([], [], ls="", marker=m, color=c, ms=4) for m, c, _ in LOOK.values()]
    handles += [Line2D([], [], ls="", marker="|", color="black", ms=8, mew=1.4)]
    handles += [Line2D([], [], ls="", marker="o", color=style.GREY, ms=4)]
    labels = ["own labels", "k-means on the code", "mean", "control"]
    figure.legend(handles, labels, loc="outside upper center", ncols=4 if wide else 2, handletextpad=0.2)
    style.caption(
        figure,
        f"One dot per ok seed; sorted by the median of the own labels. {ABOUT.get(metric, '')}{_better(metric)} "
        f"In brackets: ok/all runs, where not all are ok.{left_out}",
    )
    return figure, data[COLUMNS]


def _panel(ax: Axes, data: pd.DataFrame, records: pd.DataFrame, metric: str) -> None:
    factor = 100 if METRICS[metric].percent else 1
    medians = data[data["labels"] == "own"].groupby("name")["value"].median()
    names = list(dict.fromkeys(records["name"]))
    names.sort(key=lambda name: medians.get(name, -np.inf))
    controls = set(records.loc[records["control"].astype(bool), "name"])
    for i, name in enumerate(names):
        ax.axhline(i, color="#E6E6E6", lw=0.5, zorder=0)
        mine = data[data["name"] == name]
        both = mine["labels"].nunique() > 1
        for kind, (marker, colour, offset) in LOOK.items():
            values = mine.loc[mine["labels"] == kind, "value"] * factor
            if values.empty:
                continue
            y = i + (offset if both else 0)
            colour = style.GREY if name in controls else colour
            ax.plot(values, [y] * len(values), ls="", marker=marker, ms=3, color=colour, alpha=0.65, mew=0, zorder=2)
            ax.plot(values.mean(), y, ls="", marker="|", ms=8, mew=1.4, color="black", zorder=3)
    total, ok = records.groupby("name").size(), records[records["status"] == "ok"].groupby("name").size()
    ticks = [n if ok.get(n, 0) == total[n] else f"{n} ({ok.get(n, 0)}/{total[n]})" for n in names]
    ax.set_yticks(range(len(names)), ticks)
    for tick, name in zip(ax.get_yticklabels(), names, strict=True):
        tick.set_color(style.GREY if name in controls else "black")
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.6, len(names) - 0.4)
    low = min(0, factor * data["value"].min()) if len(data) else 0
    # The scale of a percentage is known; where the others would end says nothing.
    ax.set_xlim(low - 0.02 * factor, 102 if METRICS[metric].percent else None)


def _better(metric: str) -> str:
    higher = METRICS[metric].higher_is_better
    return "" if higher is None else "Higher is better." if higher else "Lower is better."
