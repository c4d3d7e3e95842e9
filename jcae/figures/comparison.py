"""Methods over all data sets: average ranks, shares of runs above a score, and chances against the reference."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from jcae.figures import style
from jcae.figures.labels import spread
from jcae.figures.sources import against_truth, looks, records_of
from jcae.scores.evaluation import read_results
from jcae.scores.metrics import METRICS
from jcae.statistics.improvement import improvements, profiles
from jcae.statistics.ranks import average_ranks, critical_difference, friedman, means, nemenyi, power
from jcae.statistics.shared import LEVEL, count

SCORES = ("acc", "nmi", "ari")
RANK_COLUMNS = ["metric", "method", "name", "average_rank", "n_datasets", "critical_difference", "friedman_p"]
PROFILE_COLUMNS = ["metric", "method", "name", "threshold", "share", "n_datasets", "n_ok", "n_total"]
CHANCE_COLUMNS = ["metric", "method", "name", "reference", "probability", "low", "high", "interval", "n_datasets"]


def critical_differences(
    results: Path,
    dataset: str | None = None,
    *,
    reference: str | None = None,
    level: float = LEVEL,
) -> tuple[Figure | str, pd.DataFrame]:
    """Draw the critical-difference diagram of every main score: average ranks, joined where a test sees no difference.

    Reads `scores.csv` and `records.csv`.
    """
    values, records, names, without = _read(results, dataset, reference)
    tables = {metric: means(values, records, metric)[0] for metric in SCORES}
    n, k = (min(table.shape[axis] for table in tables.values()) for axis in (0, 1))
    if n < 2 or k < 2:
        return style.empty(
            f"average ranks need two data sets and two methods; here: {count(n, 'data set')}, {count(k, 'method')} "
            f"with a score on all.{without}",
            RANK_COLUMNS,
        )
    from scikit_posthocs import critical_difference_diagram

    figure, rows, lines = style.new(style.PAGE, 1), [], 0
    for ax, (metric, table) in zip(figure.subplots(len(SCORES), 1), tables.items(), strict=True):
        found = average_ranks(table, metric).rename(names)
        p_values = nemenyi(table).rename(index=names, columns=names)
        difference, (_, p) = critical_difference(*table.shape, level), friedman(table)
        artists = critical_difference_diagram(
            found,
            p_values,
            alpha=level,
            ax=ax,
            color_palette=dict.fromkeys(found.index, "black"),
            label_fmt_left="{label}  {rank:.2f} ",
            label_fmt_right=" {rank:.2f}  {label}",
            label_props={"fontsize": style.TEXT},
            marker_props={"s": 9},
            elbow_props={"linewidth": 0.6},
            crossbar_props={"linewidth": 2.2, "color": style.GREY, "solid_capstyle": "round"},
            text_h_margin=0.02 * len(found),
        )
        for label, elbow, marker in zip(artists["labels"], artists["elbows"], artists["markers"], strict=True):
            if reference in names and names[reference] in label.get_text().strip().split("  "):
                for artist in (label, elbow, marker):
                    artist.set_color(style.OKABE_ITO[0])
            label.set_in_layout(False)
        # The names stand outside of the ranks: room for the longest on both sides.
        last = table.shape[1]
        room = 0.062 * max(len(label.get_text()) for label in artists["labels"]) + 0.1
        room *= (last - 1) / (style.PAGE - 2 * room)
        ax.set_xlim(1 - room, last + room)
        ax.spines["top"].set_visible(True)
        ax.spines["top"].set_bounds(1, last)
        ax.set_xticks(range(1, last + 1))
        lowest = min(label.get_position()[1] for label in artists["labels"])
        ax.set_ylim(lowest - 0.6, 0.2)
        lines = max(lines, -lowest)
        ax.tick_params(axis="x", pad=1)
        ax.set_title(
            f"{METRICS[metric].label}: Friedman p = {'–' if np.isnan(p) else f'{p:.2g}'}, "
            f"critical difference {difference:.2f}",
            loc="left",
            pad=14,
        )
        facts = {"n_datasets": len(table), "critical_difference": difference, "friedman_p": p}
        rows += [
            {"metric": metric, "method": m, "name": names[m], "average_rank": found[names[m]], **facts} for m in table
        ]
    figure.set_figheight(len(SCORES) * (0.15 * lines + 0.6) + 0.75)
    style.caption(
        figure,
        f"Average ranks over {count(n, 'data set')} of the means over ok seeds, own labels; 1 is best. A bar joins "
        f"methods that Nemenyi's test does not tell apart at level {level:g}. {power(n, max(k - 1, 1), level)}"
        f"{_left_out(values, records, names)}{_blue(reference, names)}{without}",
    )
    return figure, pd.DataFrame(rows, columns=RANK_COLUMNS)


def performance_profiles(
    results: Path,
    dataset: str | None = None,
    *,
    reference: str | None = None,
    level: float = LEVEL,
) -> tuple[Figure | str, pd.DataFrame]:
    """Draw for every main score which share of its runs a method brings above each threshold.

    Reads `scores.csv` and `records.csv`. `level` is not used.
    """
    values, records, names, without = _read(results, dataset, reference)
    counts = records.groupby("method")["status"].agg(n_ok=lambda s: int((s == "ok").sum()), n_total="size")
    frames = []
    for metric in SCORES:
        own = (values["metric"] == metric) & (values["labels"] == "own") & values["method"].isin(set(names))
        low = np.floor(20 * values.loc[own, "value"].min()) / 20 if own.any() else 0.0
        frame = profiles(values, records, metric, np.round(np.arange(min(low, 0.95), 1.0001, 0.0025), 4))
        frames.append(frame.assign(metric=metric, name=frame["method"].map(names)).join(counts, on="method"))
    data = pd.concat(frames, ignore_index=True)[PROFILE_COLUMNS]
    if data.empty:
        return style.empty(f"no ok run has a score against a truth.{without}", PROFILE_COLUMNS)
    curves = data.groupby(["metric", "method"])["share"]
    # Only where a curve steps, and its ends.
    data = data[(curves.diff() != 0) | (curves.cumcount(ascending=False) == 0)].reset_index(drop=True)
    looks_by_method = {look["method"]: look for look in looks(records).values()}
    shown = {m: _counted(names[m], *counts.loc[m, ["n_ok", "n_total"]]) for m in names if m in set(data["method"])}
    line, widest = 1.15 * style.TEXT / 72, 0.72 * style.TEXT / 72 * max(map(len, shown.values()))
    height = max(line * len(shown), 1.3)
    figure = style.new(style.PAGE, len(SCORES) * (height + 0.25) + 0.6)
    # Every name stands beside the end of its curve, in a margin that the panel has for it.
    panels = figure.subplots(len(SCORES), 2, width_ratios=[style.PAGE - widest - 0.6, widest], sharex="col")
    for (ax, margin), metric in zip(panels, SCORES, strict=True):
        here = data[data["metric"] == metric]
        low = 100 * here["threshold"].min()
        for method in shown:
            mine, look = here[here["method"] == method], looks_by_method[method]
            width = 2.0 if method == reference else 0.9
            ax.step(100 * mine["share"], 100 * mine["threshold"], where="pre", color=look["colour"], lw=width)
        ax.set(ylabel=f"{METRICS[metric].label} (%)", xlim=(0, 100), ylim=(low, 100))
        ax.grid(color="#EBEBEB", lw=0.5)
        margin.set(xlim=(0, 1), ylim=(low, 100))
        style.hide_frame(margin)
        ends = {m: 100 * here.loc[(here["method"] == m) & (here["share"] < 1), "threshold"].min() for m in shown}
        places = spread(np.array([*ends.values()]), line / height * (100 - low), low, 100)
        for (method, end), place in zip(ends.items(), places, strict=True):
            colour = looks_by_method[method]["colour"]
            margin.plot([0, 0.12, 0.16], [end, place, place], color=colour, lw=0.9, clip_on=False)
            weight = "bold" if method == reference else "normal"
            margin.text(0.18, place, shown[method], va="center", fontweight=weight).set_in_layout(False)
    panels[-1, 0].set_xlabel("runs that score more (%)")
    n = records["dataset"].nunique()
    style.caption(
        figure,
        f"Own labels, ok seeds of {count(n, 'data set')}, every data set weighing the same: the score that a share of "
        "the runs exceeds, at the right the lowest; a higher curve is better. In brackets: ok/all runs, where not all "
        "are ok; runs that are not ok are in no curve."
        f"{without}",
    )
    return figure, data


def improvement(
    results: Path,
    dataset: str | None = None,
    *,
    reference: str | None = None,
    level: float = LEVEL,
) -> tuple[Figure | str, pd.DataFrame]:
    """Draw the probability that a run of a method beats a run of the reference on the same data set.

    Reads `scores.csv` and `records.csv`.
    """
    values, records, names, without = _read(results, dataset, reference)
    if not names:
        return style.empty(f"no run has a score against a truth.{without}", CHANCE_COLUMNS)
    if reference is None or reference not in names:
        what = "no reference is named" if reference is None else f"the reference {reference!r} is not part of this run"
        return style.empty(f"{what}, so there is nothing to improve on", CHANCE_COLUMNS)
    frames = []
    for metric in SCORES:
        frame = improvements(values, records, metric, reference, level=level)
        frames.append(frame.assign(metric=metric, reference=reference, name=frame["method"].map(names)))
    data = pd.concat(frames, ignore_index=True)[CHANCE_COLUMNS]
    data = data[data["probability"].notna()].reset_index(drop=True)
    if data.empty:
        return style.empty("no method shares a data set with ok runs with the reference", CHANCE_COLUMNS)
    order = [method for method in names if method in set(data["method"])]
    colours = {look["method"]: look["colour"] for look in looks(records).values()}
    figure = style.new(style.PAGE, 0.15 * len(order) + 1.1)
    for ax, metric in zip(figure.subplots(1, len(SCORES), sharey=True), SCORES, strict=True):
        here = data[data["metric"] == metric].set_index("method")
        ax.axvline(50, color="black", lw=0.6, ls=(0, (4, 3)), zorder=1)
        for i, method in enumerate(order):
            ax.axhline(i, color="#E6E6E6", lw=0.5, zorder=0)
            if method in here.index:
                row = here.loc[method]
                ax.plot([100 * row["low"], 100 * row["high"]], [i, i], color=colours[method], lw=1.4, zorder=2)
                ax.plot(100 * row["probability"], i, ls="", marker="o", ms=4, color=colours[method], zorder=3)
        ax.set_title(METRICS[metric].label, loc="left")
        ax.set_xlim(-3, 103)
        ax.set_xticks([0, 25, 50, 75, 100])
        ax.set_ylim(len(order) - 0.4, -0.6)
        ax.tick_params(axis="y", length=0)
    figure.axes[0].set_yticks(range(len(order)), [names[method] for method in order])
    figure.axes[1].set_xlabel(f"probability (%) that a run beats one of {names[reference]}")
    n = sorted({int(number) for number in data["n_datasets"]})
    over = count(n[0], "data set") if len(n) == 1 else f"{n[0]} to {n[-1]} data sets (those with ok runs of both)"
    style.caption(
        figure,
        f"Mean over {over}, own labels, ok seeds; ties count half. Dashed: as good as the reference; to the right: "
        f"better. Line: {100 * (1 - level):g} % bootstrap interval over seeds, the data sets taken as given (none from "
        f"fewer than 3 seeds).{without}",
    )
    return figure, data


def _read(
    results: Path, dataset: str | None, reference: str | None
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str], str]:
    """Scores, records and names of the methods to compare, controls left out; and what the caption says of the data."""
    values, _ = read_results(results)
    records, without = against_truth(records_of(results, dataset, reference))
    records = records[~records["control"].astype(bool)]
    names = dict(records.sort_values("order")[["method", "name"]].drop_duplicates().itertuples(index=False))
    return values, records, names, without


def _counted(name: str, n_ok: int, n_total: int) -> str:
    return name if n_ok == n_total else f"{name} ({n_ok}/{n_total})"


def _left_out(values: pd.DataFrame, records: pd.DataFrame, names: dict[str, str]) -> str:
    gone = means(values, records, SCORES[0])[1]
    text = "; ".join(f"{names[method]}, {why}" for method, why in gone.items())
    return f" Not ranked: {text}." if gone else ""


def _blue(reference: str | None, names: dict[str, str]) -> str:
    return f" Blue: {names[reference]}." if reference in names else ""
