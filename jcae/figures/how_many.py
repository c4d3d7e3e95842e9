"""How many clusters: what is measured at every number of clusters, and which number each rule would choose."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from jcae.figures import style
from jcae.figures.order import looks_of
from jcae.scores.evaluation import read_results
from jcae.scores.metrics import METRICS
from jcae.scores.sweep import SWEEP_RUN, read_sweep
from jcae.statistics.how_many import CURVE_COLUMNS, MEASURES, RULES, choices, curves

PER_ROW = 4
ORDER = ("silhouette_features", "silhouette", "stability", "objective", "bic", "acc", "nmi", "ari")
SCALED = {"objective": "objective, scaled", "bic": "BIC, scaled"}
CHOSEN = {rule: f"chosen_by_{rule}" for rule in RULES}
COLUMNS = ["dataset", "method", "name", *CURVE_COLUMNS[2:], *CHOSEN.values()]


def how_many(results: Path, dataset: str, *, reference: str | None = None) -> tuple[Figure | str, pd.DataFrame]:
    """Draw every measure against the number of clusters, a panel per measure and a line per method.

    Reads `sweep_scores.csv` and `sweep_records.csv`. The csv has the means, and the choices of the rules.

    Raises
    ------
    ValueError
        No method ran over numbers of clusters on this data set; the message lists those on which one did.
    """
    scores, records = read_sweep(results)
    if dataset not in set(records["dataset"]):
        known = ", ".join(sorted(records["dataset"].unique()))
        raise ValueError(f"{results} has no runs over numbers of clusters on {dataset!r}; data sets with some: {known}")
    scores, records = (table[table["dataset"] == dataset] for table in (scores, records))
    found = curves(scores, records)
    chosen = choices(found, records)
    shown = [measure for measure in ORDER if found[measure].notna().any()]
    if not shown:
        return style.empty(f"no run over numbers of clusters on {dataset} is ok", COLUMNS)
    look = looks_of(*read_results(results)[::-1], reference)
    methods = [method for method in look if method in set(found["method"])]
    names = {method: look[method].name for method in methods}
    looks = {method: (look[method].colour, look[method].marker) for method in methods}
    figure, axes = style.grid(len(shown), PER_ROW, 1.75, extra=0.75)
    runs = _runs(scores, records)
    for i, (ax, measure) in enumerate(zip(axes, shown, strict=True)):
        for method in methods:
            _line(ax, measure, *(table[table["method"] == method] for table in (found, runs, chosen)), looks[method])
        classes = chosen["classes"].iloc[0]
        if pd.notna(classes):
            ax.axvline(classes, color=style.GREY, lw=0.8, ls=":", zorder=0)
        label = SCALED.get(measure) or METRICS[measure].label + (" (%)" if METRICS[measure].percent else "")
        ax.set_title(label)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        if i >= len(shown) - PER_ROW:
            ax.set_xlabel("clusters", labelpad=1)
    handles = [
        Line2D([], [], color=c, marker=m, ms=4, label=names[method]) for method in methods for c, m in [looks[method]]
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=min(4, len(methods)))
    truth = f" Dotted: the {classes:.0f} classes." if pd.notna(classes) else " Nobody knows the number of classes."
    style.caption(
        figure,
        f"{dataset}: lines are means over the ok seeds, bands reach from the lowest to the highest seed. Mark: the "
        "number that the panel's rule chooses (highest silhouette or stability, elbow of the objective, lowest BIC); "
        f"ACC, NMI and ARI need labels and choose nothing. Scaled: from 0 to 1 over the means of each method.{truth}",
    )
    data = found.assign(name=found["method"].map(names)).merge(
        chosen[["dataset", "method", *RULES]].rename(columns=CHOSEN)
    )
    return figure, data[COLUMNS].sort_values(["method", "k"], ignore_index=True)


def _runs(scores: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """One row per ok run, a column per measure."""
    own = scores[(scores["labels"] == "own") & scores["metric"].isin(MEASURES)]
    wide = own.pivot_table(index=SWEEP_RUN, columns="metric", values="value").reset_index()
    ok = records.loc[records["status"] == "ok", [*SWEEP_RUN, "objective", "bic"]]
    ok = ok.astype({"objective": float, "bic": float})
    return ok.merge(wide, how="left").reindex(columns=[*SWEEP_RUN, *MEASURES])


def _line(
    ax: Axes, measure: str, curve: pd.DataFrame, runs: pd.DataFrame, chosen: pd.DataFrame, look: tuple[str, str]
) -> None:
    colour, marker = look
    curve = curve.dropna(subset=measure)
    if curve.empty:
        return
    mean = curve.set_index("k")[measure]
    ends = runs.groupby("k")[measure].agg(["min", "max"]).loc[mean.index]
    shift, factor = 0.0, 1.0
    if measure in SCALED:  # each method minimises something of its own
        shift, factor = mean.min(), 1 / ((mean.max() - mean.min()) or 1.0)
    elif METRICS[measure].percent:
        factor = 100.0
    mean, ends = (mean - shift) * factor, (ends - shift) * factor
    ax.fill_between(mean.index, ends["min"], ends["max"], color=colour, alpha=0.15, lw=0)
    ax.plot(mean.index, mean, color=colour, lw=1)
    for name, rule in RULES.items():
        k = chosen[name].iloc[0]
        if rule.measure == measure and pd.notna(k):
            ax.plot(k, mean.loc[int(k)], marker=marker, color=colour, ms=5, mec="black", mew=0.5)
