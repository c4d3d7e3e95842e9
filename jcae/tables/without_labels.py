"""Table of the scores that need no labels: what a user sees whose data have none."""

import pandas as pd
from pandas.api.typing import DataFrameGroupBy

from jcae.scores.evaluation import display_names, lowest_objective, ok_scores
from jcae.scores.metrics import METRICS, SILHOUETTE_SAMPLE
from jcae.tables.cells import NONE, mean_sd, number, ok_of_all
from jcae.tables.notes import direction_note, origin_note, seeds_note, tuning_note
from jcae.tables.rendering import Table
from jcae.tables.scores import statistics

SHOWN = ("silhouette_features", "calinski_harabasz", "davies_bouldin", "silhouette")
"""Shown as mean and deviation; clusters, sizes and stability follow in their own form."""
ON_A_GRAPH = ("modularity", "conductance")
"""Shown in the same form, where a data set has a graph."""
_GRAPH_NOTE = (
    "Modularity: share of the weight of a graph's edges that lies within clusters, less what nodes with as many edges "
    "joined at random would have there. Conductance: of a cluster, the weight of the edges that leave it over all that "
    "end in it, or in the others, whichever is less; mean over the clusters, those that no edge reaches left out. Both "
    "know the graph alone, and not which partition is meant; a method that was given the graph has seen it. "
)


def without_labels_table(scores: pd.DataFrame, records: pd.DataFrame) -> Table:
    """Scores of the own labels that need no truth, of all data sets, and the run that would be kept.

    `scores` and `records` as `jcae.scores.evaluation.read_results` gives them. The csv has a row per score, with what
    `jcae.tables.scores.statistics` says of it, and `objective`, the lowest of the ok runs.
    """
    names = display_names(records)
    needs_none = [name for name, metric in METRICS.items() if not metric.needs_truth]
    own = scores[(scores["labels"] == "own") & scores["metric"].isin(needs_none)]
    data = statistics(own, records).drop(columns=["best_by_labels", "best_by_labels_seed"])
    shown = SHOWN + (ON_A_GRAPH if own["metric"].isin(ON_A_GRAPH).any() else ())
    kept = lowest_objective(records).set_index(["dataset", "method"])
    data["objective"] = [kept["objective"].get((row.dataset, row.method)) for row in data.itertuples()]
    counts = ok_scores(own[own["metric"] == "clusters"], records).groupby(["dataset", "method"])["value"]
    rows = []
    for (dataset, method), here in data.groupby(["dataset", "method"], sort=False):
        found = {row.metric: row for row in here.itertuples()}
        runs = records[(records["dataset"] == dataset) & (records["method"] == method)]
        rows.append(
            {
                "data set": dataset,
                "method": names[method],
                **{METRICS[name].label: _mean(found.get(name)) for name in shown},
                "clusters": _clusters(found, counts),
                "sizes": _sizes(found),
                METRICS["stability"].label: _stability(found.get("stability")),
                "lowest objective": _objective(kept, dataset, method),
                "ok/all": ok_of_all((runs["status"] == "ok").sum(), here["n_total"].iloc[0]),
            }
        )
    columns = ["data set", "method", *(METRICS[name].label for name in shown)]
    columns += ["clusters", "sizes", METRICS["stability"].label, "lowest objective", "ok/all"]
    note = [
        seeds_note(records),
        "The methods' own labels; mean ± sample sd over all ok seeds, no run selected. Silhouette (of at most "
        f"{SILHOUETTE_SAMPLE:,} points), Calinski-Harabasz and Davies-Bouldin set the distances within clusters "
        "against those between them, among the features, which are the same for every method. They favour round "
        "clusters, as k-means makes them, and do not know which partition is meant. Silhouette of the code: the "
        "same in a method's own code, which may just have pulled its clusters together; not comparable between "
        f"methods. {_GRAPH_NOTE if shown != SHOWN else ''}"
        "Clusters: those with points, of how many where some are empty; mean over the seeds, and the range "
        "where a method finds the number by itself. Sizes: share of the points in the smallest and in the largest "
        "cluster, mean over the seeds. "
        "Stability: ARI in percent of the labels of two seeds, mean over all pairs of ok seeds, their number in "
        "brackets; a poor partition can be stable. Lowest objective: of the run that a user without labels would "
        f"keep; objectives of different methods cannot be compared. {NONE}: not defined, or not computed.",
        direction_note([*shown, "stability"]),
        tuning_note(records, names),
        origin_note(records),
    ]
    cells = pd.DataFrame(rows, columns=columns)
    return Table("scores_without_labels", "Scores that need no labels", " ".join(note), data, cells)


def _mean(row: tuple | None) -> str:
    return NONE if row is None else mean_sd(row.mean, row.sd, row.metric)


def _clusters(found: dict[str, tuple], counts: DataFrameGroupBy) -> str:
    if "clusters" not in found:
        return NONE
    row = found["clusters"]
    filled, values = row.mean, counts.get_group((row.dataset, row.method))
    empty = found["empty_clusters"].mean if "empty_clusters" in found else 0.0
    shown = f"{filled:.0f}" if filled % 1 == 0 else f"{filled:.1f}"
    if empty:
        return f"{shown} of {filled + empty:.0f}"
    return shown if values.nunique() == 1 else f"{shown} ({values.min():g} to {values.max():g})"


def _sizes(found: dict[str, tuple]) -> str:
    if "smallest_share" not in found:
        return NONE
    return f"{100 * found['smallest_share'].mean:.1f} to {100 * found['largest_share'].mean:.1f} %"


def _stability(row: tuple | None) -> str:
    if row is None:
        return NONE
    pairs = row.n_ok * (row.n_ok - 1) // 2
    return f"{number(row.mean, 'stability')} ({pairs} pair{'s' * (pairs != 1)})"


def _objective(kept: pd.DataFrame, dataset: str, method: str) -> str:
    if (dataset, method) not in kept.index:
        return NONE
    row = kept.loc[(dataset, method)]
    return f"{row['objective']:.4g} (seed {row['seed']})"
