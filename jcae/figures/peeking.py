"""What a choice of the update by labels would add to the scores of each method."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from jcae.figures import style
from jcae.figures.sources import against_truth, looks, records_of
from jcae.scores.metrics import METRICS
from jcae.statistics.peeking import peeking as gains
from jcae.statistics.peeking import read_score_curves
from jcae.statistics.shared import LEVEL

COLUMNS = ["dataset", "method", "name", "metric", "last", "best_by_labels", "gain", "low", "high", "interval", "n_ok"]
COLUMNS += ["n_total"]
SCORES = {"acc": -0.22, "nmi": 0.0, "ari": 0.22}
"""Scores, and how far from the middle of a line they are drawn."""


def peeking(
    results: Path, dataset: str | None = None, *, reference: str | None = None
) -> tuple[Figure | str, pd.DataFrame]:
    """Draw a panel per data set: best score on the way by labels minus the last one, mean over the seeds.

    Reads `records.csv` and the score curves of the gallery.
    """
    records, left_out = against_truth(records_of(results, dataset, reference))
    if records.empty:
        return style.empty("no data set has a truth, and so no labels to choose by", COLUMNS)
    data = gains(read_score_curves(results), records)
    data = data[data["metric"].isin(SCORES)]
    if data.empty:
        return style.empty("no ok run that trains has scores on its way: nothing to choose by labels", COLUMNS)
    totals = records.groupby(["dataset", "method", "name"]).size().rename("n_total").reset_index()
    data = data.merge(totals, on=["dataset", "method"])[COLUMNS]
    panels = list(data.groupby("dataset"))
    lines = max(group["name"].nunique() for _, group in panels)
    columns = min(len(panels), 2)
    figure, axes = style.grid(len(panels), 2, 0.2 * lines + 0.45, extra=0.75)
    colours = dict(zip(SCORES, style.OKABE_ITO, strict=False))
    for ax, (name, group) in zip(axes, panels, strict=True):
        _panel(ax, group, looks(records), colours)
        ax.set_title(name, loc="left")
    for ax in axes[-columns:]:
        ax.set_xlabel("points added by the choice")
    handles = [Line2D([], [], ls="", marker="o", ms=4, color=colours[metric]) for metric in SCORES]
    labels = [METRICS[metric].label for metric in SCORES]
    figure.legend(handles, labels, loc="outside upper center", ncols=len(handles))
    style.caption(
        figure,
        "Best score on the way, chosen by labels for every seed and score by itself, minus the score after the last "
        "update: no result, but what codes add that print their best epoch. Some fifty looks in every phase at no more "
        f"than 2,048 points; mean over the ok seeds. Line: {100 * (1 - LEVEL):g} % bootstrap interval over seeds (none "
        f"from fewer than 3). In brackets: ok/all runs, where not all are ok.{left_out}",
    )
    return figure, data


def _panel(ax: Axes, data: pd.DataFrame, methods: Iterable[str], colours: dict[str, str]) -> None:
    order = [name for name in methods if name in set(data["name"])][::-1]
    for i, name in enumerate(order):
        ax.axhline(i, color="#E6E6E6", lw=0.5, zorder=0)
        for row in data[data["name"] == name].itertuples():
            y, colour = i - SCORES[row.metric], colours[row.metric]
            ax.plot([100 * row.low, 100 * row.high], [y, y], color=colour, lw=1.2, alpha=0.6, zorder=2)
            ax.plot(100 * row.gain, y, ls="", marker="o", ms=3.5, color=colour, zorder=3)
    counts = data.drop_duplicates("name").set_index("name")
    ticks = [f"{n} ({counts.n_ok[n]}/{counts.n_total[n]})" if counts.n_ok[n] < counts.n_total[n] else n for n in order]
    ax.set_yticks(range(len(order)), ticks)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.6, len(order) - 0.4)
    most = max(1.0, 100 * np.nanmax(data[["gain", "high"]].to_numpy()))
    ax.set_xlim(-0.03 * most, 1.05 * most)
