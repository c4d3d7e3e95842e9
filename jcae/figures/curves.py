"""Learning curves: every term of the loss over the updates, all seeds thin, their median thick."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from jcae.figures import style
from jcae.figures.sources import curves_of

COLUMNS = ["method", "name", "seed", "status", "phase", "epoch", "update", "term", "value"]
PER_ROW = 3


def curves(results: Path, dataset: str) -> tuple[Figure, pd.DataFrame]:
    """Draw the history of every method that has one, a panel per term, phases shaded.

    Reads `records.csv` and the gallery; runs that are not ok are drawn too (dashed).
    """
    data = curves_of(results, dataset, "curves")
    if data.empty:
        return style.empty(f"no run on {dataset} has a learning curve", COLUMNS)
    panels = list(dict.fromkeys(zip(data["name"], data["term"], strict=True)))
    names = list(dict.fromkeys(data["name"]))
    rows = [-(-sum(n == name for n, _ in panels) // PER_ROW) for name in names]
    figure = style.new(style.PAGE, 1.28 * sum(rows) + 0.17 * len(names) + 0.5)
    blocks = figure.subfigures(len(names), 1, height_ratios=[1.28 * r + 0.17 for r in rows], squeeze=False)[:, 0]
    for name, block, n_rows in zip(names, blocks, rows, strict=True):
        block.suptitle(name, x=0.01, ha="left", fontsize=8.5, fontweight="bold")
        terms = [term for n, term in panels if n == name]
        axes = block.subplots(n_rows, PER_ROW, squeeze=False, sharex=True).flat
        for i, ax in enumerate(axes):
            if i >= len(terms):
                ax.remove()
                continue
            mine = data[(data["name"] == name) & (data["term"] == terms[i])]
            _panel(ax, mine, data[data["name"] == name], label_phases=i == 0)
            ax.set_title(terms[i].replace("_", " "), fontsize=8, loc="left", pad=3)
            if i + PER_ROW >= len(terms):
                ax.tick_params(labelbottom=True)
                ax.set_xlabel("updates", labelpad=1)
    style.caption(
        blocks[-1].figure,
        f"{dataset}: mean of each loss term over an epoch's mini-batches. Thin: one seed (dashed: not ok); thick: "
        "median of the ok seeds. Shaded: every other training phase.",
    )
    return figure, data[COLUMNS]


def _panel(ax: Axes, data: pd.DataFrame, whole: pd.DataFrame, label_phases: bool) -> None:
    for (_, status), one in data.groupby(["seed", "status"]):
        ax.plot(
            one["update"], one["value"], lw=0.5, alpha=0.5, color=style.OKABE_ITO[0], ls="-" if status == "ok" else "--"
        )
    median = data[data["status"] == "ok"].groupby("update")["value"].median()
    ax.plot(median.index, median, lw=1.4, color=style.OKABE_ITO[0])
    style.shade_phases(ax, whole, named=label_phases)
    _scale(ax, data["value"])
    ax.tick_params(labelsize=7)
    ax.locator_params(axis="x", nbins=4)


def _scale(ax: Axes, values: pd.Series) -> None:
    """Logarithmic where the values span more than a factor of 30, symmetric logarithmic where they also change sign."""
    values = values[np.isfinite(values)]
    sizes = values.abs()[values != 0]
    if sizes.empty or sizes.max() < 30 * sizes.min():
        return
    if (values > 0).all():
        ax.set_yscale("log")
    else:
        ax.set_yscale("symlog", linthresh=_power_below(sizes.median()))
        # The default ticks pile up around zero.
        ends = [sign * _power_below((sign * values).max()) for sign in (-1, 1) if (sign * values).max() > 0]
        ax.set_yticks([0, *ends] if len(ends) == 2 else ends)
        ax.yaxis.set_minor_locator(NullLocator())


def _power_below(value: float) -> float:
    return 10.0 ** np.floor(np.log10(value))
