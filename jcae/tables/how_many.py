"""Tables of how many clusters there are: what each rule would choose, and how often that is the number of classes."""

from pathlib import Path

import pandas as pd

from jcae.scores.evaluation import display_names
from jcae.scores.sweep import read_sweep
from jcae.statistics.how_many import BEST, RULES, choices, curves, hits
from jcae.tables.cells import NONE, frame, in_order, ok_of_all
from jcae.tables.notes import joined, origin_note, seeds_note, tuning_note
from jcae.tables.rendering import Table, write_all

HOW_MANY_TABLES = ("how_many", "how_many_rules")
"""Names of the tables that `write_how_many_tables` writes."""

ALL = "all methods"

_RULES_NOTE = (
    "The rules, none of which looks at labels, on means over the ok seeds of each number of clusters: highest "
    "silhouette among the features; highest silhouette in the method's own code, which may be another one for every "
    "number; most stable: highest mean ARI of two seeds; elbow: where the objective, if it falls, lies farthest below "
    "the straight line between the ends of the range; lowest BIC, where the method has one. Of equal values the "
    "smallest number is taken."
)


def write_how_many_tables(results: str | Path, out: str | Path) -> list[Path]:
    """Write the tables of `HOW_MANY_TABLES` as csv, md, tex and html.

    Parameters
    ----------
    results : path
        Holds what `jcae.scores.sweep.read_sweep` reads.
    out : path
        Made if missing.

    Returns
    -------
    list of Path
        The files written.
    """
    scores, records = read_sweep(results)
    chosen = choices(curves(scores, records), records)
    return write_all([choices_table(chosen, records), rules_table(chosen, records)], out)


def choices_table(chosen: pd.DataFrame, records: pd.DataFrame) -> Table:
    """The number of clusters that each rule chooses, per data set and method; bold where it is the number of classes.

    Parameters
    ----------
    chosen : DataFrame
        As `jcae.statistics.how_many.choices` gives it.
    records : DataFrame
        As `jcae.scores.sweep.read_sweep` gives them.
    """
    names = display_names(records)
    data = in_order(chosen, names)
    rows, bold = [], set()
    for i, row in enumerate(data.to_dict("records")):
        cells = {"data set": row["dataset"], "method": names[row["method"]], "classes": _count(row["classes"])}
        for name, rule in RULES.items():
            if row[name] == row["classes"]:
                bold.add((i, len(cells)))
            cells[rule.label] = _count(row[name])
        best = f"({_count(row[BEST])})" if pd.notna(row[BEST]) else NONE
        cells |= {"needs labels: best ARI*": best, "range": f"{row['low']:g} to {row['high']:g}"}
        rows.append(cells | {"ok/all": ok_of_all(row["n_ok"], row["n_total"])})
    note = [
        seeds_note(records),
        _RULES_NOTE,
        f"Bold: the number of classes. *Best ARI: chosen with the truth; no result. {NONE}: no choice, or nobody knows "
        "the classes. That a rule misses the number of classes need not make it wrong: classes may consist of several "
        "clusters, or share one.",
        tuning_note(records, names),
        origin_note(records),
    ]
    caption = "Number of clusters that each rule chooses"
    return Table("how_many", caption, joined(note), data, frame(rows), frozenset(bold))


def rules_table(chosen: pd.DataFrame, records: pd.DataFrame) -> Table:
    """How often each rule chooses the number of classes, per method and over all; parameters as `choices_table`."""
    names, data = display_names(records), hits(chosen)
    rows = []
    for method in [*[m for m in names if m in set(data["method"])], ""]:
        mine = data[data["method"] == method].set_index("rule")
        cells = {"method": names[method] if method else ALL}
        for name, rule in RULES.items():
            n_right, n, gap = mine.loc[name, ["n_right", "n", "mean_gap"]]
            cells[rule.label] = f"{n_right:.0f} of {n:.0f} ({gap:.1f})" if n else NONE
        rows.append(cells)
    counted = chosen[~chosen["control"] & chosen["classes"].between(chosen["low"], chosen["high"])]
    sets = ", ".join(sorted(counted["dataset"].unique()))
    note = [
        seeds_note(records),
        f"In brackets: mean distance from the number of classes. Data sets: {sets or 'none'}; those without classes, "
        "or with a number of them outside of the range, are left out, and so are pairs without a choice.",
        _RULES_NOTE,
        origin_note(records),
    ]
    return Table("how_many_rules", "How often each rule chooses the number of classes", joined(note), data, frame(rows))


def _count(value: float) -> str:
    return NONE if pd.isna(value) else f"{value:.0f}"
