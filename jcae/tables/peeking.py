"""Table of what a choice of the update by labels would have printed."""

from pathlib import Path

import pandas as pd

from jcae.scores.evaluation import RUN, display_names
from jcae.tables.cells import MAIN_METRICS, NONE, frame, in_order, number, signed_number
from jcae.tables.notes import direction_note, joined, origin_note, seeds_note, tuning_note
from jcae.tables.rendering import Table

WHAT = ("last", "best_by_labels")
COLUMNS = ["dataset", "method", "n_ok", *(f"{metric}_{what}" for metric in MAIN_METRICS for what in WHAT)]


def read_score_curves(results: str | Path) -> pd.DataFrame:
    """Scores through the training, of all data sets whose gallery has them.

    Returns
    -------
    DataFrame
        Columns dataset, method, seed, phase, update, metric, value; without rows where there is no gallery.
    """
    files = sorted(Path(results).glob("gallery/*/score_curves.csv.gz"))
    curves = [pd.read_csv(file, dtype={"method": "str"}).assign(dataset=file.parent.name) for file in files]
    curves = [rows for rows in curves if len(rows)]
    columns = [*RUN, "phase", "update", "metric", "value"]
    return pd.concat(curves, ignore_index=True)[columns] if curves else pd.DataFrame(columns=columns)


def peeking_table(curves: pd.DataFrame, records: pd.DataFrame) -> Table:
    """Each method's scores at its last update, and at the update that is best by labels, for each score another one.

    Parameters
    ----------
    curves : DataFrame
        As `read_score_curves` gives it.
    records : DataFrame
    """
    names = display_names(records)
    data = in_order(_best_and_last(curves, records), names)
    rows = []
    for row in data.itertuples():
        cells = {"data set": row.dataset, "method": names[row.method]}
        for metric in MAIN_METRICS:
            last, best = (getattr(row, f"{metric}_{what}") for what in WHAT)
            cells[metric.upper()] = number(last, metric)
            cells[f"{metric.upper()}: best*"] = f"({number(best, metric)}, {signed_number(best - last, metric, True)})"
        rows.append(cells | {"seeds": str(row.n_ok)})
    note = [
        seeds_note(records),
        "Means over the ok seeds, own labels, of at most 2,048 points of each data set, which are looked at some fifty "
        "times in every phase of the training: so they differ a little from the scores of all points. Without a mark: "
        "after the last update, as everywhere else. *Best: after the update with the best score, chosen with the "
        "truth for every seed and score by itself, and how much that adds; no result, but what codes print that look "
        "at labels in every epoch.",
        "" if rows else "No curves: the run keeps none, or no method trains.",
        direction_note(MAIN_METRICS),
        tuning_note(records, names),
        origin_note(records),
    ]
    caption = f"What a choice of the update by labels adds{'' if rows else f' ({NONE})'}"
    return Table("peeking", caption, joined(note), data, frame(rows))


def _best_and_last(curves: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    able = records.loc[(records["status"] == "ok") & ~records["control"].astype(bool), RUN]
    curves = curves[curves["metric"].isin(MAIN_METRICS)].merge(able, on=RUN)
    if curves.empty:
        return pd.DataFrame(columns=COLUMNS)
    runs = curves.groupby([*RUN, "metric"], sort=False)["value"].agg(last="last", best_by_labels="max").reset_index()
    methods = runs.groupby(["dataset", "method", "metric"])[list(WHAT)].mean().unstack("metric")
    methods.columns = [f"{metric}_{what}" for what, metric in methods.columns]
    counts = runs.groupby(["dataset", "method"])["seed"].nunique().rename("n_ok")
    return methods.join(counts).reset_index()[COLUMNS]
