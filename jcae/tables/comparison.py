"""Tables of the comparison: against the reference, over data sets, by the choice of run, and against publications."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jcae.jobs.records import STATUSES
from jcae.scores.evaluation import display_names, read_results
from jcae.scores.metrics import METRICS
from jcae.statistics.claim import UNTESTED, VERDICTS, claim
from jcae.statistics.comparison import (
    LEVEL,
    ROPE,
    count,
    critical_difference,
    friedman,
    means,
    over_datasets,
    paired,
    power,
    reliability,
    selection,
)
from jcae.statistics.ledger import MARGIN, PUBLISHED, ledger, read_published
from jcae.statistics.ledger import VERDICTS as LEDGER_VERDICTS
from jcae.tables.rendering import Table, write_all
from jcae.tables.scores import (
    MAIN_METRICS,
    NONE,
    direction_note,
    mean_sd,
    number,
    origin_note,
    seeds_note,
    tuning_note,
)

COMPARISON_TABLES = (
    *(f"{name}_{metric}" for name in ("claim", "comparison", "ranks", "selection") for metric in MAIN_METRICS),
    "reliability",
    "ledger",
)
"""Names of the tables that `write_comparison_tables` writes."""


def write_comparison_tables(
    results_dir: str | Path,
    out_dir: str | Path,
    *,
    reference: str | None = None,
    level: float = LEVEL,
    rope: float = ROPE,
    published: str | Path | None = None,
    margin: float = MARGIN,
    length: str = "unknown",
) -> list[Path]:
    """Write the tables of `COMPARISON_TABLES` as csv, md, tex and html.

    Parameters
    ----------
    results_dir : path
        Holds `scores.csv` and `records.csv`.
    out_dir : path
        Made if missing.
    reference : str, optional
        Method with which all others are compared.
    level, rope : float
        As in `jcae.statistics.comparison`.
    published : path, optional
        Published numbers for the ledger, csv.
    margin, length
        As in `jcae.statistics.ledger.ledger`.

    Returns
    -------
    list of Path
        The files written.
    """
    scores, records = read_results(results_dir)
    tables = []
    for metric in MAIN_METRICS:
        pairs = paired(scores, records, metric, reference, level=level)
        tables.append(claim_table(pairs, records, metric, reference, level))
        tables.append(comparison_table(pairs, records, metric, reference, level))
        tables.append(ranks_table(scores, records, metric, reference, level, rope))
        tables.append(selection_table(scores, records, metric))
    tables.append(reliability_table(records, level))
    numbers = read_published(published) if published is not None else None
    tables.append(ledger_table(numbers, scores, records, margin=margin, length=length, level=level))
    return write_all(tables, out_dir)


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
        difference = _with_interval(row.difference, row.difference_low, row.difference_high, metric, signed=True)
        rows.append(
            {
                "data set": row.dataset,
                label: number(row.mean, metric),
                "strongest rival": f"{names[row.reference]} ({number(row.reference_mean, metric)})" if tested else NONE,
                f"difference [{percent}]": difference,
                "pairs": str(row.n_pairs),
                "rivals not below": _names(row.not_below, names) if tested else NONE,
                "rivals without a pair": _names(row.no_pairs, names),
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
        else _reference_note(reference, names, "Nothing to test"),
        "Judged by mean differences over the pairs (seeds on which both are ok), whatever their interval; "
        f"comparison_{metric} has the tests. Strongest rival: the one with the smallest mean difference; in brackets "
        "its mean over all of its ok seeds. Difference: above 0 the rival lies below. The methods' own labels.",
        direction_note([metric]),
        tuning_note(records, names),
        origin_note(records),
    ]
    title = f"{METRICS[metric].label} of {label} and of its strongest rival" if reference else METRICS[metric].label
    return Table(f"claim_{metric}", title, _joined(note), data, _frame(rows))


def comparison_table(
    pairs: pd.DataFrame, records: pd.DataFrame, metric: str, reference: str | None, level: float = LEVEL
) -> Table:
    """Every method against the reference on every data set, as pairs of runs of the same seed."""
    names, percent = display_names(records), f"{100 * (1 - level):g} %"
    data = _in_order(pairs, names)
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
                f"mean [{percent}]": _with_interval(row.mean, row.low, row.high, metric) + fraction,
                f"difference [{percent}]": _with_interval(
                    row.difference, row.difference_low, row.difference_high, metric, signed=True
                ),
                "pairs": f"{row.n_pairs}{unpaired}" if row.method != reference else NONE,
                "p": _p(row.p),
                "p (Holm)": _p(row.p_holm),
                "effect": f"{row.rank_biserial:+.2f}" if tested else NONE,
                "verdict": row.verdict,
            }
        )
    tested = data[data["n_pairs"] > 0]
    note = [
        seeds_note(records),
        f"Intervals: {percent} bootstrap of the mean over seeds (BCa; none from fewer than 3 seeds, too narrow with "
        "few).",
        _reference_note(reference, names, "No tests"),
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
    return Table(f"comparison_{metric}", f"{title}, paired by seed", _joined(note), data, _frame(rows))


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
                "difference": _number(row.difference, metric, signed=True),
                "won/tied/lost": f"{row.wins}/{row.ties}/{row.losses}" if compared else NONE,
                "p": _p(row.p),
                "p (Holm)": _p(row.p_holm),
                "p (Nemenyi)": _p(row.p_nemenyi),
                "worse/same/better": NONE if pd.isna(odds).any() else " / ".join(f"{odd:.2f}" for odd in odds),
                "P(improvement)": chance,
                "ok/all": f"{row.n_ok}/{row.n_total}",
            }
        )
    gone = [f"{names[method]} ({why})" for method, why in left_out.items()]
    if n > 1:
        overall = f"Friedman's test over {count(n, 'data set')} and {count(k, 'method')}: "
        probability = f"p {_p(p)}" if p < 0.001 else f"p = {_p(p)}"
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
        _reference_note(reference, names, "No comparisons"),
        "Average rank: of the means over ok seeds, 1 is best. Difference: mean over the data sets, method minus "
        "reference, above 0 is better. p: two-sided Wilcoxon signed-rank test over the data sets, Holm over the "
        "methods. Worse/same/better: posterior of the Bayesian signed-rank test with a region of practical equivalence "
        f"of ±{_points(rope)}. P(improvement): probability that a run of the method beats a run of the reference on "
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
    return Table(f"ranks_{metric}", caption, _joined(note), data, _frame(rows))


def selection_table(scores: pd.DataFrame, records: pd.DataFrame, metric: str) -> Table:
    """The run that a user without labels would keep, beside the mean and the best run."""
    names = display_names(records)
    data = _in_order(selection(scores, records, metric), names)
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
    return Table(f"selection_{metric}", caption, _joined(note), data, _frame(rows))


def reliability_table(records: pd.DataFrame, level: float = LEVEL) -> Table:
    """How often each method fails, diverges or collapses, over all data sets."""
    names = display_names(records)
    data = _in_order(reliability(records, level), names)
    rows = [
        {
            "method": names[row.method],
            "runs": str(row.n_total),
            **{status: str(getattr(row, status)) for status in STATUSES},
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
    return Table("reliability", "Runs that did not end well", _joined(note), data, _frame(rows))


def ledger_table(
    published: pd.DataFrame | None,
    scores: pd.DataFrame,
    records: pd.DataFrame,
    *,
    margin: float = MARGIN,
    length: str = "unknown",
    level: float = LEVEL,
) -> Table:
    """Published numbers against ours; shown for the data sets of this run, the csv has all."""
    names, percent = display_names(records), f"{100 * (1 - level):g} %"
    given = published if published is not None else pd.DataFrame(columns=PUBLISHED)
    data = ledger(given, scores, records, margin=margin, length=length, level=level)
    order = {name: i for i, name in enumerate([*sorted(given["dataset"].unique()), *names, *METRICS])}
    shown = data[data["dataset"].isin(set(records["dataset"]))]
    shown = shown.sort_values(["dataset", "method", "metric"], key=lambda k: k.map(order), kind="stable")
    columns = ["data set", "method", "score", "published", f"ours [{percent}]", "ok/all", "same protocol"]
    columns += ["verdict", "why", "published protocol", "source"]
    rows = [
        {
            "data set": row.dataset,
            "method": names.get(row.method, row.method),
            "score": METRICS[row.metric].label,
            "published": number(row.value, row.metric) + ("*" if row.certainty == "recalled" else ""),
            f"ours [{percent}]": _with_interval(row.mean, row.low, row.high, row.metric),
            "ok/all": f"{row.n_ok}/{row.n_total}",
            "same protocol": row.match,
            "verdict": row.verdict,
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
        found = ", ".join(f"{verdicts[v]} {v}" for v in LEDGER_VERDICTS if v in verdicts)
        head = (
            f"{len(shown)} of {len(data)} published numbers are on the data sets of this run: {found}. The csv has all."
        )
    note = [
        seeds_note(records),
        head,
        f"Ours: mean over ok seeds, own labels, {percent} bootstrap interval. Verdict: reproduced where the published "
        f"value lies in our interval widened by {_points(margin)} on both sides, else whether ours is higher or lower; "
        "none where the protocols differ, we did not run it or have fewer than 3 ok runs. The protocol is judged "
        "before the numbers, and nothing is tuned to them. *: quoted from memory, not checked against the source.",
        f"Training of deep methods against the publications: {length}.",
        tuning_note(records, names),
        origin_note(records),
    ]
    cells = pd.DataFrame(rows, columns=columns)
    return Table("ledger", "Published numbers and ours", _joined(note), data, cells)


def _in_order(data: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Sort by data set, then as every table lists the methods."""
    order = {method: i for i, method in enumerate(names)}
    keys = [key for key in ("dataset",) if key in data]
    data = data.assign(order=data["method"].map(order)).sort_values([*keys, "order"], kind="stable")
    return data.drop(columns="order").reset_index(drop=True)


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=["method"])


def _number(value: float, metric: str, signed: bool = False) -> str:
    text = number(value, metric)
    return f"+{text}" if signed and pd.notna(value) and value > 0 else text


def _with_interval(value: float, low: float, high: float, metric: str, signed: bool = False) -> str:
    text = _number(value, metric, signed)
    if pd.isna(low):
        return text
    return f"{text} [{_number(low, metric, signed)}, {_number(high, metric, signed)}]"


def _names(joined: str, names: dict[str, str]) -> str:
    return ", ".join(names[name] for name in joined.split(",") if name) or "none"


def _p(value: float) -> str:
    return NONE if pd.isna(value) else "<0.001" if value < 0.001 else f"{value:.3f}"


def _points(value: float) -> str:
    return "1 point" if 100 * value == 1 else f"{100 * value:g} points"


def _reference_note(reference: str | None, names: dict[str, str], nothing: str) -> str:
    if reference is None:
        return f"{nothing}: the config names no reference."
    if reference not in names:
        return f"{nothing}: the reference {reference!r} is not part of this run."
    return f"Reference: {names[reference]}."


def _pairs_note(tested: pd.DataFrame, level: float) -> str:
    """State what so few pairs can show at best."""
    if tested.empty:
        return ""
    smallest, largest = tested["smallest_p_holm"].min(), tested["smallest_p_holm"].max()
    reach = f"{smallest:.2g}" if smallest == largest else f"{smallest:.2g} to {largest:.2g}"
    able = (tested["smallest_p_holm"] < level).any()
    text = f"Power: with these numbers of pairs and methods the smallest p after Holm's correction is {reach}"
    return f"{text}." if able else f"{text}: no difference can be significant at {level:g}, whatever its size."


def _joined(parts: Iterable[str]) -> str:
    return " ".join(part for part in parts if part)
