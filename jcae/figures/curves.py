"""Learning curves: every term of the loss over the updates, all seeds thin, their median thick."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from jcae.figures import style
from jcae.figures.sources import curves_of

COLUMNS = ["method", "name", "seed", "status", "phase", "epoch", "update", "term", "value"]
PER_ROW = 6
LINE = 1.12
"""Height of a line of panels in inches; less where a page would not hold them all."""


def curves(results: Path, dataset: str, *, reference: str | None = None) -> tuple[Figure | str, pd.DataFrame]:
    """Draw the history of every method that has one on one page, a panel per term, phases shaded.

    Methods with few terms share a line. Reads `records.csv` and the gallery; runs that are not ok are drawn too
    (dashed).
    """
    data = curves_of(results, dataset, "curves", reference)
    if data.empty:
        return style.empty(f"no run on {dataset} has a learning curve", COLUMNS)
    terms = {name: list(dict.fromkeys(mine["term"])) for name, mine in data.groupby("name", sort=False)}
    lines = _lines({name: len(found) for name, found in terms.items()})
    figure = style.new(style.PAGE, LINE * len(lines) + 0.5)
    axes = figure.subplots(len(lines), PER_ROW, squeeze=False)
    for row, line in zip(axes, lines, strict=True):
        places = iter(row)
        for name, first, n in line:
            whole = data[data["name"] == name]
            for k, term in enumerate(terms[name][first : first + n]):
                ax = next(places)
                _panel(ax, whole[whole["term"] == term], whole)
                # The name of the method stands above its first panel, and may reach over the next ones.
                ax.set_title("\n" + term.replace("_", " "), loc="left")
                if k == 0:
                    placed = {"xycoords": "axes fraction", "xytext": (0, 11), "textcoords": "offset points"}
                    ax.annotate(name, (0, 1), fontweight="bold", **placed).set_in_layout(False)
        for ax in places:
            ax.remove()
    style.caption(
        figure,
        f"{dataset}: mean of each loss term over an epoch's mini-batches, over the updates. Thin: one seed (dashed: "
        "not ok); thick: median of the ok seeds. Shaded: every other training phase.",
    )
    return figure, data[COLUMNS]


def _lines(counts: dict[str, int]) -> list[list[tuple[str, int, int]]]:
    """Lines of (method, its first term there, number of terms), at most `PER_ROW` panels each, methods in order."""
    lines: list[list[tuple[str, int, int]]] = []
    for name, count in counts.items():
        for first in range(0, count, PER_ROW):
            n = min(PER_ROW, count - first)
            if lines and sum(used for *_, used in lines[-1]) + n <= PER_ROW:
                lines[-1].append((name, first, n))
            else:
                lines.append([(name, first, n)])
    return lines


def _panel(ax: Axes, data: pd.DataFrame, whole: pd.DataFrame) -> None:
    colour = whole["colour"].iloc[0]
    for (_, status), one in data.groupby(["seed", "status"]):
        line = "-" if status == "ok" else "--"
        # Pixels: thousands of updates, of which a vector file would keep each.
        ax.plot(one["update"], one["value"], lw=0.4, alpha=0.45, color=colour, ls=line, rasterized=True, zorder=1.5)
    median = data[data["status"] == "ok"].groupby("update")["value"].median()
    ax.plot(median.index, median, lw=1.1, color=colour)
    style.shade_phases(ax, whole, named=False)
    ax.locator_params(nbins=3)
    ax.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value / 1000:g}k" if value >= 1000 else f"{value:g}")
    )
    _scale(ax, data["value"])


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
