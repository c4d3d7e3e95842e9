"""Score distributions: every seed a dot, the mean a stroke, the same order of methods everywhere."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from jcae.figures import style
from jcae.figures.sources import against_truth, looks, records_of
from jcae.scores.evaluation import read_results
from jcae.scores.metrics import METRICS, SILHOUETTE_SAMPLE

PER_ROW = 4
COLUMNS = ["dataset", "method", "name", "control", "seed", "labels", "metric", "value"]
ABOUT = {
    "silhouette_features": f"Among the features, of at most {SILHOUETTE_SAMPLE:,} points. ",
    "stability": "Mean ARI of the labels of a seed with those of the other ok seeds. ",
}
REFIT = "D"
"""Marker of k-means on the code; the own labels have dots."""


def scores(
    results: Path, dataset: str | None = None, *, metric: str = "acc", reference: str | None = None
) -> tuple[Figure | str, pd.DataFrame]:
    """Draw the scores of all ok seeds, one panel per data set, a line per method.

    Controls stand last, and their scores where the axis ends: random labels would squeeze all others together. Reads
    `scores.csv` and `records.csv`.
    """
    values, _ = read_results(results)
    records, left_out = records_of(results, dataset, reference), ""
    values = values[values["metric"] == metric]
    if METRICS[metric].needs_truth:
        records, left_out = against_truth(records)
    elif values.empty:
        return style.empty(f"no ok run has the score {METRICS[metric].label!r}", COLUMNS)
    if records.empty:
        return style.empty(f"no run on data with a truth, hence no {METRICS[metric].label}", COLUMNS)
    data = records[["dataset", "method", "name", "control", "seed", "order", "colour"]].merge(values)
    if data.empty:
        return style.empty(f"no ok run has the score {METRICS[metric].label!r}.{left_out}", COLUMNS)
    datasets, methods = sorted(records["dataset"].unique()), looks(records)
    sharing = {"sharey": True} if len(datasets) > 1 else {}
    height = 0.135 * len(methods) + 0.45
    columns = (
        PER_ROW if len(datasets) <= PER_ROW else min(range(2, PER_ROW + 1), key=lambda c: (-len(datasets) % c, -c))
    )
    figure, axes = style.grid(len(datasets), columns, height, extra=0.55, **sharing)
    for ax, name in zip(axes, datasets, strict=True):
        draw_panel(ax, data[data["dataset"] == name], records[records["dataset"] == name], methods, metric)
        ax.set_title(name, loc="left")
    for ax in axes:
        ax.set_xlabel(METRICS[metric].label + (" (%)" if METRICS[metric].percent else ""))
    handles = [Line2D([], [], ls="", marker="o", color="black", ms=2.5)]
    handles += [Line2D([], [], ls="", marker=REFIT, mfc="none", color="black", ms=2.5, mew=0.6)]
    handles += [Line2D([], [], ls="", marker="|", color="black", ms=6, mew=1.2)]
    labels = ["own labels", "k-means on the code", "mean of the own labels"]
    kinds = data["labels"].unique()
    shown = [i for i, kind in enumerate(("own", "refit", "own")) if kind in kinds]
    labels = [labels[i] for i in shown]
    columns = style.legend_columns(figure, labels, 3)
    handles = [handles[i] for i in shown]
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, handletextpad=0.2)
    first = "the reference first, then " if reference in set(records["method"]) else ""
    style.caption(
        figure,
        f"One mark per ok seed; {first}by mean rank. {ABOUT.get(metric, '')}{_better(metric)} Grey: controls, their "
        f"mean where it lies beyond the axis. In brackets: ok/all runs, where not all are ok.{left_out}",
    )
    return figure, data[COLUMNS]


def draw_panel(ax: Axes, data: pd.DataFrame, records: pd.DataFrame, methods: dict[str, pd.Series], metric: str) -> None:
    """Draw the scores of one data set, a line per method.

    Parameters
    ----------
    ax : Axes
    data : DataFrame
        Columns name, control, colour, labels, value: a row per ok seed and kind of labels.
    records : DataFrame
        All runs on the data set.
    methods : dict of str to Series
        The lines from the top, as `jcae.figures.sources.looks` gives them.
    metric : str
    """
    factor = 100 if METRICS[metric].percent else 1
    place = {name: i for i, name in enumerate(methods)}
    data = data.assign(value=factor * data["value"], y=data["name"].map(place))
    low, high = _limits(data, metric)
    ax.hlines(range(len(methods)), 0, 1, transform=ax.get_yaxis_transform(), color="#E6E6E6", lw=0.5, zorder=0)
    own, refit = (data[data["labels"] == kind] for kind in ("own", "refit"))
    both = set(refit["name"])
    shift = own["name"].isin(both) * 0.16
    ax.scatter(own["value"], own["y"] - shift, c=own["colour"], s=6, lw=0, alpha=0.6, rasterized=True, zorder=2)
    ax.scatter(
        refit["value"], refit["y"] + 0.2, s=5, marker=REFIT, fc="none", ec=refit["colour"], lw=0.5, rasterized=True
    )
    means = own.groupby("name", as_index=False)[["value", "y"]].mean()
    means = means.assign(y=means["y"] - 0.16 * means["name"].isin(both))
    inside = means["value"].between(low, high)
    ax.plot(
        means.loc[inside, "value"], means.loc[inside, "y"], ls="", marker="|", ms=6, mew=1.2, color="black", zorder=3
    )
    for row in means[~inside].itertuples():
        left = row.value < low
        text = f"{row.value:.0f}" if METRICS[metric].percent else f"{row.value:.2g}"
        ax.annotate(
            f"◂ {text}" if left else f"{text} ▸",
            (0.01 if left else 0.99, row.y),
            xycoords=ax.get_yaxis_transform(),
            ha="left" if left else "right",
            va="center",
            color="#606060",
        )
    total, ok = records.groupby("name").size(), records[records["status"] == "ok"].groupby("name").size()
    wanting = {n: f"({ok.get(n, 0)}/{total[n]})" for n in total.index if ok.get(n, 0) < total[n]}
    for name, text in wanting.items():
        ax.text(
            1.0, place[name], text, transform=ax.get_yaxis_transform(), ha="right", va="center", fontsize=style.SMALL
        )
    ax.set_yticks(range(len(methods)), list(methods))
    for tick, look in zip(ax.get_yticklabels(), methods.values(), strict=False):  # a shared axis has none
        tick.set_color("#606060" if look["control"] else "black")
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(methods) - 0.4, -0.6)
    ax.set_xlim(low, high)
    ax.locator_params(axis="x", nbins=4)


def _limits(data: pd.DataFrame, metric: str) -> tuple[float, float]:
    """Ends of the axis: what the methods reach, controls set aside, with a little air."""
    mine = data[~data["control"].astype(bool)]
    values = (mine if len(mine) else data)["value"]
    low, high = values.min(), values.max()
    air = max(0.06 * (high - low), 1.0 if METRICS[metric].percent else 0.01)
    return low - air, min(high + air, 101.0) if METRICS[metric].percent else high + air


def _better(metric: str) -> str:
    higher = METRICS[metric].higher_is_better
    return "" if higher is None else "Higher is better." if higher else "Lower is better."
