"""Tables of scores: one score of all methods and data sets, and every score of every method."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from jcae.scores.evaluation import KINDS, count_runs, display_names, lowest_objective, ok_scores, unlabelled
from jcae.scores.metrics import METRICS
from jcae.tables.cells import CONSENSUS, NONE, best_methods, in_order, mean_cell, mean_sd, number, ok_of_all
from jcae.tables.notes import direction_note, joined, origin_note, seeds_note, tuning_note
from jcae.tables.rendering import Table

CONSENSUS_NOTE = (
    f"{CONSENSUS}: the partition that the ok seeds agree on most (k-means on their memberships), one for all of them, "
    "found without labels; no run of the method, and in no mean, rank or comparison."
)


def scores_table(
    scores: pd.DataFrame,
    records: pd.DataFrame,
    metric: str,
    kind: str = "own",
    sure: pd.DataFrame | None = None,
) -> Table:
    """One score: methods by data sets, mean ± sd over the ok seeds.

    Parameters
    ----------
    scores, records : DataFrame
        As `jcae.scores.evaluation.read_results` gives them.
    metric : str
        Key of `jcae.scores.metrics.METRICS`.
    kind : {"own", "refit"}
        The method's own labels, or k-means on its code.
    sure : DataFrame, optional
        As `jcae.scores.confidence.read_confidence` gives it: each method that is there gets a second row, for the
        consensus of its seeds.
    """
    names, totals = display_names(records), count_runs(records)
    scores = ok_scores(scores, records)
    scores = scores[(scores["metric"] == metric) & (scores["labels"] == kind)]
    # Refit labels exist for methods with a code only; such a method stays listed where all its seeds failed.
    methods = [m for m in names if kind == "own" or m in set(scores["method"])]
    datasets = sorted(records["dataset"].unique())

    rows = []
    for method in methods:
        for dataset in datasets:
            values = scores.loc[(scores["method"] == method) & (scores["dataset"] == dataset), "value"]
            n_total = int(totals.get((dataset, method), 0))
            rows.append((method, dataset, values.mean(), values.std(), len(values), n_total))
    data = pd.DataFrame(rows, columns=["method", "dataset", "mean", "sd", "n_ok", "n_total"])
    agreed = _consensus_rows(sure, records[records["method"].isin(methods)], [metric])
    agreed = agreed[agreed["dataset"].isin(datasets)]
    lines = [(m, mark) for m in methods for mark in ("", CONSENSUS) if not mark or m in set(agreed["method"])]

    cells = pd.DataFrame("", index=range(len(lines)), columns=["method", *datasets])
    cells["method"] = [", ".join(filter(None, (names[m], mark))) for m, mark in lines]
    for rows, mark in ((data, ""), (agreed, CONSENSUS)):
        for row in rows.itertuples():
            if (row.dataset, row.method) in totals:
                cells.loc[lines.index((row.method, mark)), row.dataset] = mean_cell(row, metric)
    controls = set(records.loc[records["control"].astype(bool), "method"])
    bold = frozenset(
        (lines.index((m, "")), 1 + j)
        for j, dataset in enumerate(datasets)
        for m in best_methods(data[(data["dataset"] == dataset) & ~data["method"].isin(controls)], metric)
    )
    label = METRICS[metric].label
    whose = "the methods' own labels" if kind == "own" else "k-means on the code (not the methods' own labels)"
    note = [
        seeds_note(records[records["method"].isin(methods)]),
        "Mean ± sample sd over all ok seeds, no run selected. A fraction in brackets counts the ok runs of all, where "
        f"not all were ok; {NONE}: none was.",
        direction_note([metric]),
        f"Bold: best mean of the column, controls{' and consensus' if len(agreed) else ''} aside.",
        *([CONSENSUS_NOTE] if len(agreed) else []),
        tuning_note(records[records["method"].isin(methods)], names),
        origin_note(records),
    ]
    is_control = [m in controls for m, _ in lines]
    if len(agreed):
        data = pd.concat([data.assign(labels="own"), agreed[data.columns].assign(labels="consensus")])
    return Table(
        name=f"scores_{metric}" + ("" if kind == "own" else f"_{kind}"),
        caption=f"{label}{' in percent' if METRICS[metric].percent else ''}, {whose}",
        note=" ".join(note),
        data=data,
        cells=cells,
        bold=bold,
        rule_before=is_control.index(True) if any(is_control) and not all(is_control) else None,
    )


def _consensus_rows(sure: pd.DataFrame | None, records: pd.DataFrame, measures: Iterable[str]) -> pd.DataFrame:
    """Scores of the consensus in the columns of the tables: one value, which has no spread."""
    columns = ["dataset", "method", "metric", "mean", "n_ok", "n_total", "sd"]
    if sure is None:
        return pd.DataFrame(columns=columns)
    totals = count_runs(records).rename("n_total").reset_index()
    found = sure[sure["measure"].isin(list(measures))].rename(columns={"measure": "metric", "value": "mean"})
    return found.merge(totals, on=["dataset", "method"]).assign(sd=np.nan)[columns]


def statistics(scores: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """What is said of the ok runs of every data set, method, kind of labels and score: spread and two single runs.

    The single runs are the one with the lowest objective and the best by this score. `n_ok` counts the ok runs that
    have the score. A method without any has one row per data set, without a score; skipped runs are not counted.
    """
    scores = ok_scores(scores, records)
    totals = count_runs(records)
    chosen = lowest_objective(records).set_index(["dataset", "method"])["seed"]
    groups = dict(list(scores.groupby(["dataset", "method", "labels", "metric"])))

    rows = []
    for (dataset, method), n_total in totals.items():
        found = [(kind, metric) for kind in KINDS for metric in METRICS if (dataset, method, kind, metric) in groups]
        for kind, metric in found:
            values = groups[dataset, method, kind, metric].sort_values("seed").set_index("seed")["value"]
            selected_seed = chosen.get((dataset, method))
            selected = values.get(selected_seed, np.nan)
            best_seed = None
            if METRICS[metric].needs_truth:
                best_seed = values.idxmax() if METRICS[metric].higher_is_better else values.idxmin()
            best = np.nan if best_seed is None else values[best_seed]
            spread = (values.mean(), values.std(), values.median())
            rows.append(
                (dataset, method, kind, metric, *spread, selected, selected_seed, best, best_seed, len(values), n_total)
            )
        if not found:
            rows.append((dataset, method, None, None, *[np.nan] * 4, None, np.nan, None, 0, n_total))
    columns = ["dataset", "method", "labels", "metric", "mean", "sd", "median", "lowest_objective"]
    columns += ["lowest_objective_seed", "best_by_labels", "best_by_labels_seed", "n_ok", "n_total"]
    data = pd.DataFrame(rows, columns=columns)
    seed_columns = ["lowest_objective_seed", "best_by_labels_seed"]
    data[seed_columns] = data[seed_columns].astype("Int64")
    order = {method: i for i, method in enumerate(display_names(records))}
    data = data.assign(order=data["method"].map(order)).sort_values(["dataset", "order"], kind="stable")
    return data.drop(columns="order").reset_index(drop=True)


def full_table(scores: pd.DataFrame, records: pd.DataFrame, sure: pd.DataFrame | None = None) -> Table:
    """Every score of every data set, method and kind of labels, with its spread and two single runs.

    The single runs are the one with the lowest objective, which needs no labels, and the best by this score, which
    does and so is no result that a user could obtain. `n_ok` counts the ok runs that have the score. A method without
    an ok run keeps one row per data set, without a score. `sure` as in `scores_table`.
    """
    names, without = display_names(records), unlabelled(records)
    data = statistics(scores, records)
    agreed = _consensus_rows(sure, records, METRICS)
    if len(agreed):
        data = in_order(pd.concat([data, agreed.assign(labels="consensus")], ignore_index=True), names)
    cells = pd.DataFrame(
        [
            {
                "data set": row.dataset,
                "method": names[row.method],
                "labels": {"consensus": CONSENSUS}.get(row.labels, row.labels) if row.n_ok else NONE,
                "score": METRICS[row.metric].label if row.n_ok else NONE,
                "mean ± sd": mean_sd(row.mean, row.sd, row.metric),
                "median": number(row.median, row.metric),
                "lowest objective": number(row.lowest_objective, row.metric),
                "best by labels*": number(row.best_by_labels, row.metric),
                "ok/all": ok_of_all(row.n_ok, row.n_total),
            }
            for row in data.itertuples()
        ]
    )
    note = [
        seeds_note(records),
        "Mean, sample sd and median over all ok seeds. Lowest objective: the ok run with the lowest training "
        "objective, chosen without labels. *Best by labels: the best ok run by this very score, chosen with the truth; "
        "an upper bound, not a result.",
        CONSENSUS_NOTE if len(agreed) else "",
        direction_note([m for m in METRICS if m in set(data["metric"])]),
        tuning_note(records, names),
        origin_note(records),
        f"Without a truth, and so without scores against it: {', '.join(without)}." if without else "",
    ]
    return Table("scores_full", "Every score of every method", joined(note), data, cells)
