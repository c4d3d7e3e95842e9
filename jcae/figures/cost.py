"""What a point of accuracy costs: seconds against ACC, and which methods nothing beats in both."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from jcae.figures import style
from jcae.figures.sources import against_truth, looks, records_of
from jcae.scores.evaluation import read_results

COLUMNS = ["dataset", "method", "name", "control", "seed", "seconds", "peak_memory_mb", "peak_gpu_memory_mb"]
COLUMNS += ["acc", "front"]
PER_ROW = 2


def cost(
    results: Path, dataset: str | None = None, *, reference: str | None = None
) -> tuple[Figure | str, pd.DataFrame]:
    """Draw mean ACC of the own labels against mean wall time per seed, a panel per data set, the front joined.

    On the front are the methods that no other is both faster and better than. Small dots are seeds, large marks their
    means. Controls are left out. Reads `scores.csv` and `records.csv`.
    """
    scores, _ = read_results(results)
    acc = scores[(scores["metric"] == "acc") & (scores["labels"] == "own")].rename(columns={"value": "acc"})
    records, left_out = against_truth(records_of(results, dataset, reference))
    data = records.merge(acc[["dataset", "method", "seed", "acc"]])
    data = data[~data["control"].astype(bool)].reset_index(drop=True)
    if data.empty:
        return style.empty(f"no ok run has an accuracy.{left_out}", COLUMNS)
    means = data.groupby(["dataset", "name"], as_index=False)[["seconds", "acc"]].mean()
    means = pd.concat([part.assign(front=on_front(part)) for _, part in means.groupby("dataset")])
    data = data.merge(means[["dataset", "name", "front"]])
    methods, datasets = looks(data), sorted(data["dataset"].unique())
    figure, axes = style.grid(len(datasets), PER_ROW, 1.75, extra=0.5 + 0.14 * -(-len(methods) // 5))
    for ax, here in zip(axes, datasets, strict=True):
        _panel(ax, data[data["dataset"] == here], means[means["dataset"] == here], methods)
        ax.set_title(here, loc="left")
    for ax in axes[::PER_ROW]:
        ax.set_ylabel("ACC (%)")
    for ax in axes[-PER_ROW:]:
        ax.set_xlabel("seconds per seed")
    handles = [Line2D([], [], **style.mean_mark(look["colour"], look["marker"])) for look in methods.values()]
    handles.append(Line2D([], [], color="#606060", lw=0.8))
    names = [*methods, "Pareto front"]
    figure.legend(
        handles, names, loc="outside upper center", ncols=style.legend_columns(figure, names, 5), handletextpad=0.2
    )
    style.caption(
        figure,
        "Small: one ok seed; large: mean. Own labels. The line joins the methods that no other is both faster and "
        "better than, by the means. Seconds: wall time of a block over its seeds, without shared pretraining; "
        f"compare on the same device only.{left_out}",
    )
    return figure, data[COLUMNS]


def on_front(means: pd.DataFrame) -> pd.Series:
    """Whether no other method takes at most the seconds and has at least the ACC, and one of the two truly.

    Parameters
    ----------
    means : DataFrame
        Columns seconds, acc: a row per method.
    """
    seconds, acc = (means[column].to_numpy() for column in ("seconds", "acc"))
    weakly = (seconds[None] <= seconds[:, None]) & (acc[None] >= acc[:, None])
    truly = (seconds[None] < seconds[:, None]) | (acc[None] > acc[:, None])
    return pd.Series(~(weakly & truly).any(axis=1), index=means.index)


def _panel(ax: Axes, data: pd.DataFrame, means: pd.DataFrame, methods: dict[str, pd.Series]) -> None:
    front = means[means["front"]].sort_values("seconds")
    ax.step(front["seconds"], 100 * front["acc"], where="post", color="#606060", lw=0.8, zorder=1)
    ax.scatter(data["seconds"], 100 * data["acc"], c=data["colour"], s=3, lw=0, alpha=0.5, rasterized=True)
    for row in means.itertuples():
        look = methods[row.name]
        ax.plot(row.seconds, 100 * row.acc, **style.mean_mark(look["colour"], look["marker"]), zorder=3)
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 30 else (1,)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.grid(color="#EBEBEB", lw=0.5)
    ax.locator_params(axis="y", nbins=5)
    ax.set_axisbelow(True)
