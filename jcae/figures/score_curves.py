"""Learning curves of the scores: ACC, NMI and ARI of the own labels over the updates."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from jcae.figures import style
from jcae.figures.sources import curves_of, truth
from jcae.scores.metrics import METRICS

COLUMNS = ["method", "name", "seed", "status", "phase", "update", "metric", "value"]
PER_ROW = 4


def score_curves(results: Path, dataset: str, *, reference: str | None = None) -> tuple[Figure | str, pd.DataFrame]:
    """Draw the scores of every method that trains, a panel per method, phases shaded.

    Reads `records.csv` and the gallery; runs that are not ok are drawn too (dashed). Scores are those of at most 2,048
    points; training does not see them.
    """
    data = curves_of(results, dataset, "score_curves", reference)
    if truth(results, dataset) is None:
        return style.empty(f"{dataset} has no truth: there are no scores to follow", COLUMNS)
    if data.empty:
        return style.empty(f"no run on {dataset} has snapshots of its labels", COLUMNS)
    names = list(dict.fromkeys(data["name"]))
    metrics = list(dict.fromkeys(data["metric"]))
    colour = dict(zip(metrics, style.OKABE_ITO, strict=False))
    figure, axes = style.grid(len(names), PER_ROW, 1.3, extra=0.6, sharey=True)
    handles = [Line2D([], [], color=colour[m], label=METRICS[m].label) for m in metrics]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(metrics))
    for i, (ax, name) in enumerate(zip(axes, names, strict=True)):
        mine = data[data["name"] == name]
        for (metric, _, status), one in mine.groupby(["metric", "seed", "status"]):
            line = "-" if status == "ok" else "--"
            ax.plot(
                one["update"],
                100 * one["value"],
                lw=0.5,
                alpha=0.35,
                ls=line,
                color=colour[metric],
                rasterized=True,
                zorder=1.5,
            )
        ok = mine[mine["status"] == "ok"]
        for metric, one in ok.groupby("metric"):
            median = one.groupby("update")["value"].median()
            ax.plot(median.index, 100 * median, lw=1.2, color=colour[metric])
        style.shade_phases(ax, mine)
        ax.set_ylim(0, 100)
        ax.set_title(name, loc="left")
        if i % PER_ROW == 0:
            ax.set_ylabel("score (%)")
        ax.locator_params(axis="x", nbins=4)
        if i >= len(names) - PER_ROW:
            ax.set_xlabel("updates", labelpad=1)
    style.caption(
        figure,
        f"{dataset}: scores of the own labels on at most 2,048 points on the way. Thin: one seed (dashed: not ok); "
        "thick: median of the ok seeds. Shaded: every other training phase.",
    )
    return figure, data[COLUMNS]
