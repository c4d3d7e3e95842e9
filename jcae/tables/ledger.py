"""Table of published numbers beside ours."""

import pandas as pd

from jcae.scores.evaluation import display_names
from jcae.scores.metrics import METRICS
from jcae.statistics.ledger import MARGIN, PUBLISHED, VERDICTS, ledger
from jcae.statistics.shared import LEVEL
from jcae.tables.cells import number, points, signed_number, with_interval
from jcae.tables.notes import joined, origin_note, seeds_note, tuning_note
from jcae.tables.rendering import Table

PEEKED = "labels chose the epoch"


def ledger_table(
    published: pd.DataFrame | None,
    scores: pd.DataFrame,
    records: pd.DataFrame,
    *,
    margin: float = MARGIN,
    length: str = "unknown",
    level: float = LEVEL,
    gains: pd.DataFrame | None = None,
) -> Table:
    """Published numbers against ours; shown for the data sets of this run, the csv has all.

    Parameters as in `jcae.statistics.ledger.ledger`; no published numbers give a table without rows.
    """
    names, percent = display_names(records), f"{100 * (1 - level):g} %"
    apart = f"difference [{percent}]"
    given = published if published is not None else pd.DataFrame(columns=PUBLISHED)
    data = ledger(given, scores, records, margin=margin, length=length, level=level, gains=gains)
    order = {name: i for i, name in enumerate([*sorted(given["dataset"].unique()), *names, *METRICS])}
    shown = data[data["dataset"].isin(set(records["dataset"]))]
    shown = shown.sort_values(["dataset", "method", "metric"], key=lambda k: k.map(order), kind="stable")
    columns = ["data set", "method", "score", "published", f"ours [{percent}]"]
    columns += [apart] if shown["difference_low"].notna().any() else []
    columns += ["ok/all", "same protocol", "verdict"]
    columns += [PEEKED] if shown["peeks"].any() else []
    columns += ["why", "published protocol", "source"]
    rows = [
        {
            "data set": row.dataset,
            "method": names.get(row.method, row.method),
            "score": METRICS[row.metric].label,
            "published": number(row.value, row.metric) + ("*" if row.certainty == "recalled" else ""),
            f"ours [{percent}]": with_interval(row.mean, row.low, row.high, row.metric),
            apart: with_interval(row.difference, row.difference_low, row.difference_high, row.metric, signed=True),
            "ok/all": f"{row.n_ok}/{row.n_total}",
            "same protocol": row.match,
            "verdict": row.verdict,
            PEEKED: _peeked(row),
            "why": row.reason,
            "published protocol": row.protocol,
            "source": row.source,
        }
        for row in shown.itertuples()
    ]
    if published is None:
        head = "No published numbers were given."
    elif shown.empty:
        sets = ", ".join(sorted(records["dataset"].unique()))
        head = f"None of the {len(data)} published numbers is on a data set of this run ({sets}); the csv has all."
    else:
        verdicts = shown["verdict"].value_counts()
        found = ", ".join(f"{verdicts[v]} {v}" for v in VERDICTS if v in verdicts)
        head = (
            f"{len(shown)} of {len(data)} published numbers are on the data sets of this run: {found}. The csv has all."
        )
    note = [
        seeds_note(records),
        head,
        f"Ours: mean over ok seeds, own labels, {percent} bootstrap interval. Verdict: reproduced where the published "
        f"value lies in our interval widened by {points(margin)} on both sides, else whether ours is higher or lower; "
        "none where the protocols differ, we did not run it or have fewer than 3 ok runs. The protocol is judged "
        "before the numbers, and nothing is tuned to them. *: quoted from memory, not checked against the source.",
        "Difference: ours minus published, Welch's interval, where the spread of their runs is known."
        if apart in columns
        else None,
        "No number published: it is in the source, and we could not read it."
        if (shown["certainty"] == "unread").any()
        else None,
        "Labels chose the epoch: known of the published number, which is the best on the way by labels; in brackets "
        "what the same choice adds to our runs, where they kept their way (table peeking)."
        if PEEKED in columns
        else None,
        f"Training of deep methods against the publications: {length}.",
        tuning_note(records, names),
        origin_note(records),
    ]
    cells = pd.DataFrame(rows, columns=columns)
    return Table("ledger", "Published numbers and ours", joined(note), data, cells)


def _peeked(row: tuple) -> str:
    if not row.peeks:
        return ""
    return "yes" + (
        "" if pd.isna(row.peeking_gain) else f" ({signed_number(row.peeking_gain, row.metric, signed=True)})"
    )
