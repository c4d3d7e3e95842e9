"""Table over data sets: average ranks, and every method against the reference."""

import numpy as np
import pandas as pd

from jcae.scores.evaluation import display_names
from jcae.scores.metrics import METRICS
from jcae.statistics.ranks import ROPE, critical_difference, friedman, means, over_datasets, power
from jcae.statistics.shared import LEVEL, count
from jcae.tables.cells import NONE, frame, p_value, points, signed_number
from jcae.tables.notes import direction_note, joined, origin_note, reference_note, seeds_note, tuning_note
from jcae.tables.rendering import Table


def ranks_table(
    scores: pd.DataFrame,
    records: pd.DataFrame,
    metric: str,
    reference: str | None,
    level: float = LEVEL,
    rope: float = ROPE,
) -> Table:
    """Average ranks over the data sets, and every method against the reference over the data sets."""
    names = display_names(records)
    data = over_datasets(scores, records, metric, reference, level=level, rope=rope)
    table, left_out = means(scores, records, metric)
    statistic, p = friedman(table)
    n, k = table.shape
    difference = critical_difference(n, k, level) if n > 1 and k > 1 else np.nan
    tests = power(max(n, 1), max(int(data["p"].notna().sum()), 1), level)
    constants = {"friedman": statistic, "friedman_p": p, "critical_difference": difference}
    data = data.assign(**constants, smallest_p=tests.smallest_p, smallest_p_holm=tests.smallest_p_holm)
    data.insert(1, "reference", reference)
    rows = []
    for row in data.itertuples():
        compared = pd.notna(row.wins)
        odds = [row.p_worse, row.p_equivalent, row.p_better]
        chance = f"{row.probability_of_improvement:.2f}" if compared else NONE
        if compared and pd.notna(row.improvement_low):
            chance += f" [{row.improvement_low:.2f}, {row.improvement_high:.2f}]"
        rows.append(
            {
                "method": names[row.method],
                "average rank": NONE if pd.isna(row.average_rank) else f"{row.average_rank:.2f}",
                "difference": signed_number(row.difference, metric, signed=True),
                "won/tied/lost": f"{row.wins}/{row.ties}/{row.losses}" if compared else NONE,
                "p": p_value(row.p),
                "p (Holm)": p_value(row.p_holm),
                "p (Nemenyi)": p_value(row.p_nemenyi),
                "worse/same/better": NONE if pd.isna(odds).any() else " / ".join(f"{odd:.2f}" for odd in odds),
                "P(improvement)": chance,
                "ok/all": f"{row.n_ok}/{row.n_total}",
            }
        )
    gone = [f"{names[method]} ({why})" for method, why in left_out.items()]
    if n > 1:
        overall = f"Friedman's test over {count(n, 'data set')} and {count(k, 'method')}: "
        probability = f"p {p_value(p)}" if p < 0.001 else f"p = {p_value(p)}"
        overall += f"chi-squared {statistic:.2f}, {probability}. " if np.isfinite(statistic) else "not possible. "
        overall += (
            f"Nemenyi's critical difference of average ranks: {difference:.2f} of at most {k - 1}. " if k > 1 else ""
        )
        overall += str(tests) if data["p"].notna().any() else ""
    else:
        overall = f"{count(n, 'data set').capitalize()}: ranks are shown, but no test over data sets is possible."
    note = [
        seeds_note(records),
        overall,
        reference_note(reference, names, "No comparisons"),
        "Average rank: of the means over ok seeds, 1 is best. Difference: mean over the data sets, method minus "
        "reference, above 0 is better. p: two-sided Wilcoxon signed-rank test over the data sets, Holm over the "
        "methods. Worse/same/better: posterior of the Bayesian signed-rank test with a region of practical equivalence "
        f"of ±{points(rope)}. P(improvement): probability that a run of the method beats a run of the reference on "
        "the same data set, ties half, with a bootstrap interval over seeds.",
        f"Left out of the ranks, since a method is ranked on all data sets or not at all: {'; '.join(gone)}."
        if gone
        else "",
        "Controls are left out; the methods' own labels.",
        direction_note([metric]),
        tuning_note(records, names),
        origin_note(records),
    ]
    caption = f"{METRICS[metric].label} over {count(n, 'data set')}"
    return Table(f"ranks_{metric}", caption, joined(note), data, frame(rows))
