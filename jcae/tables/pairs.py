"""Tables of pairs of runs of the same seed: the claim, and every method against the reference."""

import pandas as pd

from jcae.scores.evaluation import display_names
from jcae.scores.metrics import METRICS
from jcae.statistics.claim import UNTESTED, VERDICTS, claim
from jcae.statistics.shared import LEVEL, count
from jcae.tables.cells import NONE, frame, in_order, names_of, number, p_value, with_interval
from jcae.tables.notes import direction_note, joined, origin_note, reference_note, seeds_note, tuning_note
from jcae.tables.rendering import Table


def claim_table(
    pairs: pd.DataFrame, records: pd.DataFrame, metric: str, reference: str | None, level: float = LEVEL
) -> Table:
    """On which data sets the reference lies above every method that starts from the same autoencoders.

    `pairs` is what `paired` gives for this metric, reference and level; `comparison_table` takes the same.
    """
    names, percent = display_names(records), f"{100 * (1 - level):g} %"
    data = claim(pairs, records, reference)
    label = names.get(reference, reference)
    rows = []
    for row in data.itertuples():
        tested = row.verdict != UNTESTED
        difference = with_interval(row.difference, row.difference_low, row.difference_high, metric, signed=True)
        rows.append(
            {
                "data set": row.dataset,
                label: number(row.mean, metric),
                "strongest rival": f"{names[row.reference]} ({number(row.reference_mean, metric)})" if tested else NONE,
                f"difference [{percent}]": difference,
                "pairs": str(row.n_pairs),
                "rivals not below": names_of(row.not_below, names) if tested else NONE,
                "rivals without a pair": names_of(row.no_pairs, names),
                "claim": row.verdict,
            }
        )
    verdicts = data["verdict"].value_counts()
    found = [f"{each} on {count(int(verdicts[each]), 'data set')}" for each in VERDICTS if each in verdicts]
    note = [
        seeds_note(records),
        f"The claim: {label} scores above every method that starts from the same autoencoders, its rivals. "
        f"It {', '.join(found)}."
        if found
        else reference_note(reference, names, "Nothing to test"),
        "Judged by mean differences over the pairs (seeds on which both are ok), whatever their interval; "
        f"comparison_{metric} has the tests. Strongest rival: the one with the smallest mean difference; in brackets "
        "its mean over all of its ok seeds. Difference: above 0 the rival lies below. The methods' own labels.",
        direction_note([metric]),
        tuning_note(records, names),
        origin_note(records),
    ]
    title = f"{METRICS[metric].label} of {label} and of its strongest rival" if reference else METRICS[metric].label
    return Table(f"claim_{metric}", title, joined(note), data, frame(rows))


def comparison_table(
    pairs: pd.DataFrame, records: pd.DataFrame, metric: str, reference: str | None, level: float = LEVEL
) -> Table:
    """Every method against the reference on every data set, as pairs of runs of the same seed."""
    names, percent = display_names(records), f"{100 * (1 - level):g} %"
    data = in_order(pairs, names)
    data.insert(2, "reference", reference)
    rows = []
    for row in data.itertuples():
        fraction = "" if row.n_ok == row.n_total else f" ({row.n_ok}/{row.n_total})"
        unpaired = f" ({row.n_unpaired} unpaired)" if row.n_unpaired else ""
        tested = row.n_pairs > 0
        rows.append(
            {
                "data set": row.dataset,
                "method": names[row.method],
                f"mean [{percent}]": with_interval(row.mean, row.low, row.high, metric) + fraction,
                f"difference [{percent}]": with_interval(
                    row.difference, row.difference_low, row.difference_high, metric, signed=True
                ),
                "pairs": f"{row.n_pairs}{unpaired}" if row.method != reference else NONE,
                "p": p_value(row.p),
                "p (Holm)": p_value(row.p_holm),
                "effect": f"{row.rank_biserial:+.2f}" if tested else NONE,
                "verdict": row.verdict,
            }
        )
    tested = data[data["n_pairs"] > 0]
    note = [
        seeds_note(records),
        f"Intervals: {percent} bootstrap of the mean over seeds (BCa; none from fewer than 3 seeds, too narrow with "
        "few).",
        reference_note(reference, names, "No tests"),
        "Difference: method minus reference over the pairs, in the direction of the score, so that above 0 is better. "
        "A pair is a seed on which both runs are ok; unpaired seeds are counted and left out of difference and test. "
        "p: two-sided Wilcoxon signed-rank test; Holm over the methods of a data set. Effect: matched-pairs "
        "rank-biserial correlation (-1 to 1).",
        _pairs_note(tested, level),
        "Controls are left out; the methods' own labels.",
        direction_note([metric]),
        tuning_note(records, names),
        origin_note(records),
    ]
    title = f"{METRICS[metric].label} against {names.get(reference, reference)}" if reference else METRICS[metric].label
    return Table(f"comparison_{metric}", f"{title}, paired by seed", joined(note), data, frame(rows))


def _pairs_note(tested: pd.DataFrame, level: float) -> str:
    """State what so few pairs can show at best."""
    if tested.empty:
        return ""
    smallest, largest = tested["smallest_p_holm"].min(), tested["smallest_p_holm"].max()
    reach = f"{smallest:.2g}" if smallest == largest else f"{smallest:.2g} to {largest:.2g}"
    able = (tested["smallest_p_holm"] < level).any()
    text = f"Power: with these numbers of pairs and methods the smallest p after Holm's correction is {reach}"
    return f"{text}." if able else f"{text}: no difference can be significant at {level:g}, whatever its size."
