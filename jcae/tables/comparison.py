"""The tables of the comparison: against the reference, over data sets, by the choice of run, and with publications."""

from collections.abc import Mapping
from pathlib import Path

from jcae.scores.evaluation import attempted, labelled, read_results
from jcae.statistics.ledger import MARGIN, read_published
from jcae.statistics.pairs import paired
from jcae.statistics.peeking import peeking, read_score_curves
from jcae.statistics.ranks import ROPE
from jcae.statistics.shared import LEVEL
from jcae.tables.cells import MAIN_METRICS
from jcae.tables.failures import reliability_table
from jcae.tables.ledger import ledger_table
from jcae.tables.notes import against_truth
from jcae.tables.pairs import claim_table, comparison_table, variants_table
from jcae.tables.ranks import ranks_table
from jcae.tables.rendering import write_all
from jcae.tables.selection import selection_table

COMPARISON_TABLES = (
    *(f"{name}_{metric}" for name in ("claim", "comparison", "ranks", "selection") for metric in MAIN_METRICS),
    "reliability",
    "ledger",
)
"""Names of the tables that `write_comparison_tables` writes,"""

VARIANTS_TABLES = tuple(f"variants_{metric}" for metric in MAIN_METRICS)
"""and of those that it writes where there are variants."""


def write_comparison_tables(
    results_dir: str | Path,
    out_dir: str | Path,
    *,
    reference: str | None = None,
    variants: Mapping[str, str] | None = None,
    level: float = LEVEL,
    rope: float = ROPE,
    published: str | Path | None = None,
    margin: float = MARGIN,
    length: str = "unknown",
) -> list[Path]:
    """Write the tables of `COMPARISON_TABLES`, and where there are variants of `VARIANTS_TABLES`: csv, md, tex, html.

    Parameters
    ----------
    results_dir : path
        Holds `scores.csv`, `records.csv` and, for what a choice by labels adds, `gallery/`.
    out_dir : path
        Made if missing.
    reference : str, optional
        Method with which all others are compared.
    variants : mapping of str to str, optional
        Methods, each with the one that it is a variant of.
    level, rope : float
        As in `jcae.statistics.shared` and `jcae.statistics.ranks`.
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
    tried = attempted(records)
    known = labelled(tried)
    tables = []
    for metric in MAIN_METRICS:
        pairs = paired(scores, known, metric, reference, level=level)
        against = (
            claim_table(pairs, known, metric, reference, level),
            comparison_table(pairs, known, metric, reference, level),
            ranks_table(scores, known, metric, reference, level, rope),
            selection_table(scores, known, metric),
        )
        if variants:
            own = paired(scores, known, metric, variants, level=level)
            against += (variants_table(own, known, metric, variants, level),)
        tables += [against_truth(table, records) for table in against]
    tables.append(reliability_table(records, level))
    numbers = read_published(published) if published is not None else None
    gains = peeking(read_score_curves(results_dir), known, level)
    tables.append(ledger_table(numbers, scores, tried, margin=margin, length=length, level=level, gains=gains))
    return write_all(tables, out_dir)
