"""Table of mean and best of the runs, random and pretrained start side by side."""

import json

import pandas as pd

from jcae.scores.evaluation import display_names
from jcae.scores.metrics import METRICS
from jcae.tables.cells import NONE, best_methods, mean_cell, number
from jcae.tables.notes import direction_note, origin_note, seeds_note, tuning_note
from jcae.tables.rendering import Table
from jcae.tables.scores import statistics

STARTS = ("random", "pretrained")
_SIDES = [f"{start}: {what}" for start in STARTS for what in ("mean ± sd", "best*")]


def mean_best_table(scores: pd.DataFrame, records: pd.DataFrame, metric: str) -> Table:
    """Mean and best of the runs as the AE-CM paper prints them: random and pretrained start of a method side by side.

    Two methods share a row where their class and their label up to the bracket are the same, and their start is not.
    `params` of the records may be missing: the start is then read from the autoencoder alone.
    """
    names = display_names(records)
    records = records[~records["control"].astype(bool)]
    starts, families = _starts(records, names)
    own = scores[(scores["metric"] == metric) & (scores["labels"] == "own")]
    columns = ["dataset", "method", "start", "mean", "sd", "best_by_labels", "best_by_labels_seed", "n_ok", "n_total"]
    data = statistics(own, records).assign(start=lambda rows: rows["method"].map(starts))[columns]

    lines: dict[tuple[str, str], dict[str, str]] = {}
    places = {}
    for row in data.itertuples():
        key = (row.dataset, families[row.method])
        line = lines.setdefault(key, {"data set": key[0], "method": key[1], **dict.fromkeys(_SIDES, "")})
        line[f"{row.start}: mean ± sd"] = mean_cell(row, metric)
        line[f"{row.start}: best*"] = f"({number(row.best_by_labels, metric)})" if row.n_ok else NONE
        places[row.dataset, row.method] = list(lines).index(key), list(line).index(f"{row.start}: mean ± sd")
    bold = frozenset(
        places[dataset, method] for dataset, here in data.groupby("dataset") for method in best_methods(here, metric)
    )
    note = [
        seeds_note(records),
        "Mean ± sample sd over all ok seeds, own labels. A fraction in brackets counts the ok runs of all, where not "
        f"all were ok; {NONE}: none was; empty: not run. *Best: the ok run with the best score, chosen by labels; an "
        "upper bound, not a result. Pretrained: from a shared autoencoder, or from k-means where there is none to "
        "pretrain (CM); random: every other start. Controls are left out.",
        "" if "params" in records else "The records are of an older version: a start from k-means counts as random.",
        direction_note([metric]),
        "Bold: best mean of the data set.",
        tuning_note(records, names),
        origin_note(records),
    ]
    caption = f"{METRICS[metric].label}{' in percent' if METRICS[metric].percent else ''}, mean and best of the runs"
    cells = pd.DataFrame(list(lines.values()), columns=["data set", "method", *_SIDES])
    return Table(f"mean_best_{metric}", caption, " ".join(filter(None, note)), data, cells, bold)


def _starts(records: pd.DataFrame, names: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Per method its start, and the name of the row that it shares with the other start of the same method."""
    starts, rows = {}, {}
    for method, runs in records.groupby("method"):
        run = runs.iloc[0]
        init = json.loads(run["params"]).get("init") if "params" in run and pd.notna(run["params"]) else None
        starts[method] = STARTS[bool(pd.notna(run["autoencoder"]) or init in ("pretrained", "kmeans"))]
        rows[method] = (run["use"], names[method].partition(" (")[0])
    shown = dict(names)
    for method, row in rows.items():
        if sorted(starts[other] for other in rows if rows[other] == row) == sorted(STARTS):
            shown[method] = row[1]
    return starts, shown
