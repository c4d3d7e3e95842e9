"""Table of the run that a user without labels would keep."""

import pandas as pd

from jcae.scores.evaluation import display_names
from jcae.scores.metrics import METRICS
from jcae.statistics.selection import selection
from jcae.tables.cells import NONE, frame, in_order, mean_sd, number
from jcae.tables.notes import direction_note, joined, origin_note, seeds_note, tuning_note
from jcae.tables.rendering import Table


def selection_table(scores: pd.DataFrame, records: pd.DataFrame, metric: str) -> Table:
    """The run that a user without labels would keep, beside the mean and the best run."""
    names = display_names(records)
    data = in_order(selection(scores, records, metric), names)
    rows = [
        {
            "data set": row.dataset,
            "method": names[row.method],
            "mean ± sd": mean_sd(row.mean, row.sd, metric),
            "lowest objective": number(row.lowest_objective, metric),
            "needs labels: best*": f"({number(row.best_by_labels, metric)})" if row.n_ok else NONE,
            "best - lowest": number(row.regret, metric),
            "rank correlation": NONE if pd.isna(row.rank_correlation) else f"{row.rank_correlation:+.2f}",
            "ok/all": f"{row.n_ok}/{row.n_total}",
        }
        for row in data.itertuples()
    ]
    note = [
        seeds_note(records),
        "Mean and sample sd over all ok seeds. Lowest objective: the ok run with the lowest training objective, which "
        f"is what a user without labels would keep ({NONE}: the method has no objective). *Best: the ok run with the "
        "best score, chosen with the truth; an upper bound, not a result. Rank correlation: Spearman's, of objective "
        "and score over the ok seeds; near -1 the objective chooses well, near 0 it chooses blindly, above 0 badly. "
        "Controls are left out; the methods' own labels.",
        direction_note([metric]),
        tuning_note(records, names),
        origin_note(records),
    ]
    caption = f"{METRICS[metric].label} of the run chosen without labels"
    return Table(f"selection_{metric}", caption, joined(note), data, frame(rows))
