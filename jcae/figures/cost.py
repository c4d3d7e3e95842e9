"""What a point of accuracy costs: seconds and memory against ACC."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from jcae.figures import style
from jcae.figures.sources import against_truth, records_of
from jcae.scores.evaluation import read_results

AXES = {
    "seconds": "seconds per seed",
    "peak_memory_mb": "peak memory (MiB)",
    "peak_gpu_memory_mb": "peak GPU memory (MiB)",
}
COLUMNS = ["dataset", "method", "name", "control", "seed", *AXES, "acc"]


def cost(results: Path, dataset: str | None = None) -> tuple[Figure, pd.DataFrame]:
    """Draw ACC of the own labels against wall time per seed and against peak memory, a row per data set.

    Small dots are seeds, large marks their means. Reads `scores.csv` and `records.csv`.
    """
    scores, _ = read_results(results)
    acc = scores[(scores["metric"] == "acc") & (scores["labels"] == "own")].rename(columns={"value": "acc"})
    records, left_out = against_truth(records_of(results, dataset))
    data = records.merge(acc[["dataset", "method", "seed", "acc"]])[COLUMNS]
    data = data[~data["control"].astype(bool)].reset_index(drop=True)
    if data.empty:
        return style.empty(f"no ok run has an accuracy.{left_out}", COLUMNS)
    names = list(dict.fromkeys(data["name"]))
    palette = style.colours(len(names))
    datasets = sorted(data["dataset"].unique())
    columns = [column for column in AXES if data[column].notna().any()]
    figure = style.new(style.PAGE, 2.0 * len(datasets) + 0.6 + 0.16 * (len(names) // 4))
    axes = figure.subplots(len(datasets), len(columns), squeeze=False, sharey="row", sharex="col")
    for row, here in zip(axes, datasets, strict=True):
        for ax, column in zip(row, columns, strict=True):
            for i, name in enumerate(names):
                mine = data[(data["dataset"] == here) & (data["name"] == name)]
                style_of = {"ls": "", "marker": style.MARKERS[i % len(style.MARKERS)], "color": palette[i]}
                ax.plot(mine[column], 100 * mine["acc"], ms=2.5, alpha=0.45, mew=0, **style_of)
                ax.plot(mine[column].mean(), 100 * mine["acc"].mean(), ms=6, mec="white", mew=0.6, **style_of)
            ax.set_xscale("log")
            _plain_ticks(ax)
            ax.grid(color="#EBEBEB", lw=0.5)
        row[0].set_ylabel("ACC (%)")
        low = 100 * data.loc[data["dataset"] == here, "acc"].min()
        row[0].set_ylim(max(0, low - 5), 102)
        row[0].set_title(here, loc="left")
    for ax, column in zip(axes[-1], columns, strict=True):
        ax.set_xlabel(AXES[column])
    handles = [
        Line2D([], [], ls="", marker=style.MARKERS[i % len(style.MARKERS)], color=palette[i], ms=5)
        for i in range(len(names))
    ]
    figure.legend(handles, names, loc="outside upper center", ncols=min(5, len(names)), handletextpad=0.2)
    style.caption(
        figure,
        "Small: one ok seed; large: mean. Own labels. Seconds: wall time of a block over its seeds, without shared "
        f"pretraining. Memory: peak of the process on the host. Compare on the same device only.{left_out}",
    )
    return figure, data


def _plain_ticks(ax: Axes) -> None:
    """Ticks at 1, 2 and 5 times powers of ten, or at the powers alone where these are many, as plain numbers."""
    low, high = ax.get_xlim()
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 100 else (1,)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
