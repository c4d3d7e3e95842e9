"""What unequal classes and features of noise cost: the score of every method over the strength of either."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from jcae.figures import style
from jcae.figures.sources import against_truth, looks, records_of
from jcae.scores.evaluation import read_results
from jcae.scores.metrics import METRICS
from jcae.statistics.shared import LEVEL, bootstrap_mean

COLUMNS = ["panel", "dataset", "kind", "x", "method", "name", "control", "metric"]
COLUMNS += ["mean", "low", "high", "interval", "n_ok", "n_total"]
KINDS = {"imbalance": "largest class over smallest", "noise_features": "features of noise"}
PER_ROW = 2


def variants(
    results: Path, dataset: str | None = None, *, metric: str = "acc", reference: str | None = None
) -> tuple[Figure | str, pd.DataFrame]:
    """Draw one panel per data set and kind of variant: mean score of the ok seeds, one line per method.

    Shown are the data sets that a config asks for with `imbalance`, or with `noise_features`, in at least two
    strengths; the plain data set, where it is part of the run, counts as no feature of noise. Reads `scores.csv` and
    `records.csv`.
    """
    values, _ = read_results(results)
    records, left_out = against_truth(records_of(results, dataset, reference))
    if records.empty:
        return style.empty(f"no data set has a truth, hence no {METRICS[metric].label}", COLUMNS)
    places = _places(records)
    if places.empty:
        return style.empty("no data set of this run is there in two degrees of imbalance, or of noise", COLUMNS)
    values = values[(values["metric"] == metric) & (values["labels"] == "own")]
    rows = []
    for place in places.itertuples(index=False):
        for method, runs in records[records["dataset"] == place.dataset].groupby("method", sort=False):
            here = (values["dataset"] == place.dataset) & (values["method"] == method)
            found = values.loc[here].sort_values("seed")["value"].astype(float)
            interval = bootstrap_mean(found, LEVEL)
            row = [*place, method, runs["name"].iloc[0], bool(runs["control"].iloc[0]), metric]
            rows.append([*row, found.mean(), interval.low, interval.high, interval.how, len(found), len(runs)])
    data = pd.DataFrame(rows, columns=COLUMNS).sort_values(["panel", "method", "x"], ignore_index=True)
    if data["mean"].isna().all():
        return style.empty(f"no ok run of the variants has the score {METRICS[metric].label!r}", COLUMNS)
    return _draw(data, looks(records), metric, left_out), data


def _places(records: pd.DataFrame) -> pd.DataFrame:
    """Panel, data set, kind and strength of what is drawn: only where something else varies are two kinds apart."""
    columns = ["panel", "dataset", "kind", "x"]
    if "variant_of" not in records or records["variant_of"].isna().all():
        return pd.DataFrame(columns=columns)
    sets = records.drop_duplicates("dataset")
    found = []
    for of, here in sets[sets["variant_of"].notna()].groupby("variant_of"):
        for kind, label in KINDS.items():
            other = next(name for name in KINDS if name != kind)
            for fixed, part in here[here[kind].notna()].groupby(here[other].fillna(0)):
                rows = [[row.dataset, float(getattr(row, kind))] for row in part.itertuples()]
                if kind == "noise_features" and not fixed and of in set(sets["dataset"]):
                    rows.append([of, 0.0])
                if len({x for _, x in rows}) > 1:
                    also = f", {KINDS[other]}: {fixed:g}" if fixed else ""
                    found += [[f"{of}: {label}{also}", name, kind, x] for name, x in rows]
    return pd.DataFrame(found, columns=columns)


def _draw(data: pd.DataFrame, methods: dict[str, pd.Series], metric: str, left_out: str) -> Figure:
    factor = 100 if METRICS[metric].percent else 1
    data = data.assign(**{column: data[column] * factor for column in ("mean", "low", "high")})
    methods = {name: look for name, look in methods.items() if name in set(data["name"])}
    panels = list(dict.fromkeys(data["panel"]))
    figure, axes = style.grid(len(panels), PER_ROW, 1.9, extra=0.9)
    for i, (ax, panel) in enumerate(zip(axes, panels, strict=True)):
        here = data[data["panel"] == panel]
        for name, line in here.groupby("name", sort=False):
            colour, marker = methods[name]["colour"], methods[name]["marker"]
            ax.fill_between(line["x"], line["low"], line["high"], color=colour, alpha=0.12, lw=0)
            ax.plot(line["x"], line["mean"], color=colour, marker=marker, ms=3, lw=1)
        _axis(ax, here)
        ax.set_title(panel, loc="left")
        if i % PER_ROW == 0:
            ax.set_ylabel(METRICS[metric].label + (" (%)" if METRICS[metric].percent else ""))
    handles = [Line2D([], [], color=look["colour"], marker=look["marker"], ms=3.5) for look in methods.values()]
    columns = style.legend_columns(figure, methods, 5)
    figure.legend(handles, list(methods), loc="outside upper center", ncols=columns)
    failed = data[data["n_ok"] < data["n_total"]]
    dead = ", ".join(f"{row.name} on {row.dataset} {row.n_ok}/{row.n_total}" for row in failed.itertuples(index=False))
    failures = f"Not all runs are ok: {dead}. " if dead else ""
    style.caption(
        figure,
        f"Mean over the ok seeds, own labels; shaded: {100 * (1 - LEVEL):g} % bootstrap interval over seeds (none from "
        f"fewer than 3). Grey: control. {failures}{left_out}",
    )
    return figure


def _axis(ax: Axes, data: pd.DataFrame) -> None:
    x = np.unique(data["x"])
    if x[0] > 0:
        ax.set_xscale("log")
    else:  # linear below the smallest strength, where only 0 can be
        ax.set_xscale("symlog", linthresh=x[1], linscale=0.6)
    ax.set_xticks(x, [f"{value:g}" for value in x])
    ax.xaxis.set_minor_locator(NullLocator())
