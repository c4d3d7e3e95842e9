"""Tables of the runs that did not end well: one by one with their reasons, and how often."""

from textwrap import shorten

import pandas as pd

from jcae.scores.evaluation import ENDS, RUN, SKIPPED, display_names
from jcae.statistics.selection import reliability
from jcae.statistics.shared import LEVEL, count
from jcae.tables.cells import frame, in_order
from jcae.tables.notes import joined, origin_note, seeds_note, tuning_note
from jcae.tables.rendering import Table


def failures_table(records: pd.DataFrame) -> Table:
    """Count the runs of each status per data set and method, with the reasons of those that are not ok."""
    names = display_names(records)
    unknown = sorted(set(records["status"]) - {*ENDS, SKIPPED})
    if unknown:
        raise ValueError(f"records hold status {unknown[0]!r}; known: {', '.join((*ENDS, SKIPPED))}")
    any_skipped = (records["status"] == SKIPPED).any()
    statuses = [*ENDS, *([SKIPPED] if any_skipped else [])]
    rows = []
    for dataset in sorted(records["dataset"].unique()):
        for method in names:
            runs = records[(records["dataset"] == dataset) & (records["method"] == method)]
            if len(runs):
                counts = [int((runs["status"] == status).sum()) for status in statuses]
                n_total = sum(counts[: len(ENDS)])
                rows.append((dataset, method, *counts, n_total, _reasons(runs[runs["status"] != "ok"])))
    data = pd.DataFrame(rows, columns=["dataset", "method", *statuses, "n_total", "reasons"])
    cells = data.astype(str).rename(columns={"dataset": "data set", "n_total": "all"})
    cells["method"] = data["method"].map(names)
    cells["reasons"] = data["reasons"].map(lambda text: shorten(text, 150, placeholder=" ..."))
    note = [
        seeds_note(records),
        "Only ok runs enter the means of the other tables. Lower counts of failed, diverged and collapsed runs are "
        "better. No run selected. Long reasons are cut here, whole in the csv.",
        "Skipped: the method cannot be run on these data: no failure, and not among all." if any_skipped else "",
        tuning_note(records, names),
        origin_note(records),
    ]
    return Table("failures", "Status of every run", joined(note), data, cells)


def _reasons(runs: pd.DataFrame) -> str:
    """Reasons, each once, with the seeds it befell."""
    reasons = runs.assign(reason=runs["status"] + ": " + runs["reason"].fillna("no reason recorded").astype(str))
    groups = reasons.sort_values(RUN).groupby("reason", sort=False)["seed"]
    return "; ".join(
        f"{' '.join(reason.split())} (seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))})"
        for reason, seeds in groups
    )


def reliability_table(records: pd.DataFrame, level: float = LEVEL) -> Table:
    """How often each method fails, diverges or collapses, over all data sets."""
    names = display_names(records)
    data = in_order(reliability(records, level), names)
    rows = [
        {
            "method": names[row.method],
            "runs": str(row.n_total),
            **{status: str(getattr(row, status)) for status in ENDS},
            f"not ok [{100 * (1 - level):g} %]": f"{100 * row.rate:.0f} % [{100 * row.low:.0f}, {100 * row.high:.0f}]",
        }
        for row in data.itertuples()
    ]
    note = [
        seeds_note(records),
        f"All runs on {count(records['dataset'].nunique(), 'data set')}, no run selected. Not ok: share of failed, "
        "diverged and collapsed runs with its Wilson interval, which takes the runs as independent. Lower is better.",
        tuning_note(records, names),
        origin_note(records),
    ]
    return Table("reliability", "Runs that did not end well", joined(note), data, frame(rows))
