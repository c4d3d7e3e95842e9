"""Table of what a choice of the update by labels would have printed."""

import pandas as pd

from jcae.scores.evaluation import display_names
from jcae.statistics.peeking import peeking
from jcae.statistics.shared import LEVEL
from jcae.tables.cells import MAIN_METRICS, NONE, frame, in_order, number, with_interval
from jcae.tables.notes import direction_note, joined, origin_note, seeds_note, tuning_note
from jcae.tables.rendering import Table

WHAT = ("last", "best_by_labels", "gain", "gain_low", "gain_high")
COLUMNS = ["dataset", "method", "n_ok", *(f"{metric}_{what}" for metric in MAIN_METRICS for what in WHAT)]


def peeking_table(curves: pd.DataFrame, records: pd.DataFrame) -> Table:
    """Each method's scores at its last update, and at the update that is best by labels, for each score another one.

    Parameters
    ----------
    curves : DataFrame
        As `jcae.statistics.peeking.read_score_curves` gives it.
    records : DataFrame
    """
    names = display_names(records)
    data = in_order(_wide(curves, records), names)
    rows = []
    for row in data.itertuples():
        cells = {"data set": row.dataset, "method": names[row.method]}
        for metric in MAIN_METRICS:
            last, best, *gain = (getattr(row, f"{metric}_{what}") for what in WHAT)
            cells[metric.upper()] = number(last, metric)
            gained = with_interval(*gain, metric, signed=True)
            cells[f"{metric.upper()}: best*"] = f"({number(best, metric)}, {gained})"
        rows.append(cells | {"seeds": str(row.n_ok)})
    note = [
        seeds_note(records),
        "Means over the ok seeds, own labels, of at most 2,048 points of each data set, which are looked at some fifty "
        "times in every phase of the training: so they differ a little from the scores of all points. Without a mark: "
        "after the last update, as everywhere else. *Best: after the update with the best score, chosen with the "
        "truth for every seed and score by itself, and how much that adds, with its "
        f"{100 * (1 - LEVEL):g} % bootstrap interval over seeds (none from fewer than 3); no result, but what codes "
        "print that look at labels in every epoch.",
        "" if rows else "No curves: the run keeps none, or no method trains.",
        direction_note(MAIN_METRICS),
        tuning_note(records, names),
        origin_note(records),
    ]
    caption = f"What a choice of the update by labels adds{'' if rows else f' ({NONE})'}"
    return Table("peeking", caption, joined(note), data, frame(rows))


def _wide(curves: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """A row per data set and method, the scores side by side."""
    found = peeking(curves[curves["metric"].isin(MAIN_METRICS)], records)
    if found.empty:
        return pd.DataFrame(columns=COLUMNS)
    found = found.rename(columns={"low": "gain_low", "high": "gain_high"})
    wide = found.set_index(["dataset", "method", "n_ok", "metric"])[list(WHAT)].unstack("metric")
    wide.columns = [f"{metric}_{what}" for what, metric in wide.columns]
    return wide.reset_index()[COLUMNS]
