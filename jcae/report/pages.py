"""The pages of a report, and what stands on each."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from jcae.figures import FIGURES, OF_COMPARISON, OF_EQUIVALENCE, OF_SWEEP, PER_DATASET
from jcae.publish.explain import describe_runs
from jcae.report import words
from jcae.report.source import ShownTable, Source
from jcae.scores.metrics import METRICS
from jcae.tables.cells import CONSENSUS, number
from jcae.tables.comparison import COMPARISON_TABLES, VARIANTS_TABLES
from jcae.tables.how_many import HOW_MANY_TABLES
from jcae.tables.run import RUN_TABLES

FIGURE_TITLES = {
    "scores_acc": "ACC of every run",
    "scores_nmi": "NMI of every run",
    "scores_ari": "ARI of every run",
    "scores_silhouette": "Silhouette of every run",
    "scores_stability": "How alike the labels of two seeds are",
    "cost": "What a run costs",
    "peeking": "What a choice of the update by labels adds",
    "glance": "At a glance",
    "curves": "Losses over the training",
    "score_curves": "Scores over the training",
    "maps": "Maps of the codes",
    "centroids": "Centroids as images",
    "interpolations": "From one centroid to another",
    "atoms": "Atoms of dictionaries, and points taken apart",
    "confusion": "Clusters against classes",
    "sizes": "Sizes of the clusters",
    "trees": "Clusters after every round of merges, and their purity",
    "examples": "Points near and far from their centroid",
    "confidence": "How sure the seeds are, and how often right",
    "doubtful": "Points on which the seeds agree least",
    "equivalence": "Clustering module against mixture",
    "algebra": "Errors of the identities",
    "critical_difference": "Average ranks",
    "performance_profiles": "Performance profiles",
    "improvement": "Probability of improvement",
    "effects_acc": "Differences to the reference, ACC",
    "effects_nmi": "Differences to the reference, NMI",
    "effects_ari": "Differences to the reference, ARI",
    "how_many": "What is measured at every number of clusters",
}
"""What the report calls a figure; one without a title is called by its name."""
OF_DATASET = (
    *("glance", "maps", "confusion", "sizes", "centroids", "examples", "confidence", "doubtful"),
    *("atoms", "trees", "interpolations", "score_curves", "curves"),
)
"""Figures of a data set, what says most first."""
FRONT = ("acc", "silhouette")
"""Scores whose figure may stand on the first page, the first that has something to show."""


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes
    ----------
    path : str
        Below the folder of the report.
    title : str
    template : str
    values : dict
        What the template fills in.
    """

    path: str
    title: str
    template: str
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> str:
        """From the page to the folder of the report."""
        return "../" * self.path.count("/")


class Cell(NamedTuple):
    """Text of a cell, whether it is bold, and the page behind it, below the folder of the report."""

    text: str
    bold: bool = False
    href: str | None = None


class Grid(NamedTuple):
    """Head, rows, and the rows before which a line is drawn."""

    head: list[str]
    rows: list[list[Cell]]
    rules: frozenset[int] = frozenset()


def grid(rows: list[dict[str, Cell]]) -> Grid:
    """Rows that need not have the same columns."""
    head = list(dict.fromkeys(name for row in rows for name in row))
    return Grid(head, [[row.get(name, Cell("–")) for name in head] for row in rows])


@dataclass(frozen=True)
class Report:
    """All pages of a run, and the figures that they show.

    Attributes
    ----------
    source : Source
    """

    source: Source

    def pages(self) -> Iterator[Page]:
        """Every page, the first one first."""
        source = self.source
        yield self._front()
        for dataset in source.datasets:
            yield self._dataset(dataset)
        for method in source.methods:
            yield self._method(method)
        for (dataset, method), runs in source.records.groupby(["dataset", "method"]):
            yield self._runs(dataset, method, runs)
        tables = self._tables([*VARIANTS_TABLES, *COMPARISON_TABLES])
        comparison = tables, self._figures([*OF_COMPARISON, "scores_nmi", "scores_ari"])
        missing = source.not_made("all_data_sets")
        yield self._gathering("comparison.html", "Comparison of methods", *comparison, not_made=missing)
        yield from self._sure()
        choice = self._tables(["peeking"]), self._figures(["peeking"])
        if choice[0]:
            yield self._gathering("peeking.html", "What peeking buys", *choice, words.what_peeking_buys(source))
        identities = self._tables(OF_EQUIVALENCE), self._figures(OF_EQUIVALENCE)
        if any(identities):
            said = words.the_equivalence(source)
            yield self._gathering("equivalence.html", "Module against mixture", *identities, said)
        drawn = self._figures(f"{dataset}/{name}" for dataset in source.datasets for name in OF_SWEEP)
        swept = self._tables(HOW_MANY_TABLES[::-1]), drawn
        if any(swept):
            yield self._gathering("how_many.html", "How many clusters", *swept, words.how_often_right(source))
        shown = {"confidence", "peeking", *(table.name for table in (*comparison[0], *identities[0]))}
        rest = self._tables(name for name in RUN_TABLES if name not in shown)
        yield self._gathering("tables.html", "All tables", rest, self._figures(["cost"]))
        yield self._provenance()

    def figures(self) -> dict[str, Path]:
        """Every figure with something to show, by its place in the report."""
        found = {name: self.source.figure(name) for name in self._figure_names()}
        return {f"figures/{name}{path.suffix}": path for name, path in found.items() if path is not None}

    def _figure_names(self) -> Iterator[str]:
        yield from (name for name in FIGURES if name not in PER_DATASET + OF_SWEEP)
        yield from (f"{dataset}/{name}" for dataset in self.source.datasets for name in PER_DATASET + OF_SWEEP)

    # ------------------------------------------------------------------ the pages

    def _front(self) -> Page:
        source = self.source
        main = next(iter(self._tables(("scores_acc", "scores_without_labels"))), None)
        scores = [name for name in (f"scores_{metric}" for metric in FRONT) if source.figure(name)][:1]
        labelled = source.data("scores_acc").get("dataset", pd.Series(dtype=str)).unique()
        sizes = source.records[source.records["dataset"].isin(labelled)].groupby("dataset")["n"].max()
        maps = [f"{sizes.idxmax()}/maps"] if len(sizes) else []
        third = "equivalence" if source.figure("equivalence") else "critical_difference"
        values = {
            "ran": words.what_ran(source),
            "found": [*words.what_came_out(source), *words.the_claim(source), *words.the_equivalence(source)],
            "failed": words.what_failed(source),
            "main": main,
            "figures": self._figures([*scores, *maps, third]),
        }
        return Page("index.html", "What came out", "front.html", values)

    def _dataset(self, dataset: str) -> Page:
        source, runs = self.source, self.source.records[self.source.records["dataset"] == dataset]
        first = runs.iloc[0]
        facts = {"points": first["n"], "features": first["d"], "clusters": first["n_clusters"]}
        record = next((source.full_records[run] for run in runs["run"] if run in source.full_records), None)
        if record:
            facts |= {"sha256 of the features": record["data"].get("features_sha256")}
        rows = []
        for method, label in source.methods.items():
            if (dataset, method) in self._pairs:
                of_method = runs[runs["method"] == method]
                rows.append({"method": Cell(label, href=f"methods/{method}.html")} | self._summary(of_method))
        values = {
            "facts": {name: _shown(value) for name, value in facts.items() if pd.notna(value)},
            "grid": grid(rows),
            "figures": self._figures(
                f"{dataset}/{name}" for name in (*OF_DATASET, *sorted({*PER_DATASET} - {*OF_DATASET}))
            ),
            "not_made": source.not_made(dataset),
        }
        return Page(f"datasets/{dataset}.html", dataset, "dataset.html", values)

    def _method(self, method: str) -> Page:
        source, runs = self.source, self.source.records[self.source.records["method"] == method]
        record = source.record(method)
        rows = [
            {"data set": Cell(dataset, href=f"datasets/{dataset}.html")} | self._summary(group)
            for dataset, group in runs.groupby("dataset")
        ]
        values = {
            "info": (record or {}).get("info") or {},
            "use": runs["use"].iloc[0],
            "tuned": list(dict.fromkeys(runs["tuned_with"].dropna())),
            "grid": grid(rows),
            "parameters": _parameters(runs),
        }
        return Page(f"methods/{method}.html", source.methods[method], "method.html", values)

    def _runs(self, dataset: str, method: str, runs: pd.DataFrame) -> Page:
        source = self.source
        here = source.own_scores.get((dataset, method), source.scores.iloc[:0])
        values = here.pivot_table(index="seed", columns="metric", values="value", aggfunc="first", sort=False)
        records = {run.seed: source.full_records.get(run.run) for run in runs.itertuples()}
        rows = []
        for run in runs.sort_values("seed").itertuples():
            cells = {"seed": str(run.seed), "status": run.status, "objective": _shown(run.objective)}
            if run.seed in values.index:
                cells |= {METRICS[m].label: number(v, m) for m, v in values.loc[run.seed].items() if m in METRICS}
            if isinstance(run.reason, str):
                cells["reason"] = run.reason
            rows.append({name: Cell(text) for name, text in cells.items()})
        told = describe_runs(source.results, dataset, method, runs.sort_values("seed"), records, None, "own")
        shown = {"dataset": dataset, "method": method, "grid": grid(rows), "told": "\n".join(told)}
        title = f"{source.methods[method]} on {dataset}"
        return Page(f"runs/{dataset}/{method}.html", title, "runs.html", shown)

    def _summary(self, runs: pd.DataFrame) -> dict[str, Cell]:
        """How the runs of a method on a data set ended, and their mean scores."""
        dataset, method = runs[["dataset", "method"]].iloc[0]
        href = f"runs/{dataset}/{method}.html"
        cells = {"runs": words.runs_and_endings(runs)} | dict(words.of_method_on(self.source, dataset, method))
        return {name: Cell(text, href=href) for name, text in cells.items()}

    def _gathering(
        self,
        path: str,
        title: str,
        tables: list[ShownTable],
        figures: list[dict[str, str]],
        said: Iterable[str] = (),
        not_made: Iterable[str] = (),
    ) -> Page:
        values = {"tables": tables, "figures": figures, "said": list(said), "not_made": list(not_made)}
        return Page(path, title, "gathering.html", values)

    def _sure(self) -> Iterator[Page]:
        """The page of confidence, where it could be said of a method."""
        tables = self._tables(["confidence"])
        figures = self._figures(
            f"{dataset}/{name}" for dataset in self.source.datasets for name in ("confidence", "doubtful")
        )
        if tables:
            said = words.how_sure(self.source)
            yield self._gathering("confidence.html", "How sure is a cluster", tables, figures, said)

    def _provenance(self) -> Page:
        records = self.source.records
        facts = {
            "git commits": records["git_commit"],
            "with uncommitted changes": records["dirty"],
            "devices": records["device_name"],
            "precisions": records["precision"],
            "threads": records["threads"],
            "started": records["started"].dropna().sort_values().iloc[[0, -1]],
        }
        versions = {}
        for record in self.source.full_records.values():
            for name, version in record["versions"].items():
                versions.setdefault(name, set()).add(str(version))
        shown = {name: ", ".join(dict.fromkeys(map(_shown, values.dropna()))) for name, values in facts.items()}
        values = {
            "facts": shown | {name: ", ".join(sorted(found)) for name, found in versions.items()},
            "tables": self._tables(("failures", "reliability")),
            "results": str(self.source.results),
        }
        return Page("provenance.html", "Provenance", "provenance.html", values)

    # ------------------------------------------------------------------ parts of pages

    def linked(self, table: ShownTable) -> Grid:
        """A table whose cells lead to the runs behind them."""
        rows = [
            [Cell(text, bold, self.link(table, i, j)) for j, (text, bold) in enumerate(row)]
            for i, row in enumerate(table.rows)
        ]
        return Grid(table.head, rows, table.rules)

    def _tables(self, names: Iterable[str]) -> list[ShownTable]:
        return [table for table in map(self.source.table, names) if table is not None and table.rows]

    def _figures(self, names: Iterable[str]) -> list[dict[str, str]]:
        """Address below the report and title of every figure of these that has something to show."""
        found = []
        for name in names:
            if self.source.figure(name):
                dataset, _, kind = name.rpartition("/")
                title = FIGURE_TITLES.get(kind, kind)
                title += f", {dataset}" if dataset else ""
                found.append({"src": f"figures/{name}.svg", "title": title})
        return found

    @cached_property
    def _methods_by_label(self) -> dict[str, str]:
        return {label: method for method, label in self.source.methods.items()}

    @cached_property
    def _pairs(self) -> set[tuple[str, str]]:
        return set(self.source.records[["dataset", "method"]].itertuples(index=False, name=None))

    def link(self, table: ShownTable, row: int, column: int) -> str | None:
        """Page behind a cell: of the runs, of the method or of the data set; None for one that is about neither."""
        cells = dict(zip(table.head, (text for text, _ in table.rows[row]), strict=True))
        method = self._methods_by_label.get(cells.get("method", "").removesuffix(f", {CONSENSUS}"))
        head, dataset = table.head[column], cells.get("data set")
        if head == "method":
            return f"methods/{method}.html" if method else None
        if head == "data set":
            return f"datasets/{dataset}.html" if dataset in self.source.datasets else None
        if table.name in HOW_MANY_TABLES:  # runs over numbers of clusters have no pages
            return None
        # The claim's columns are headed by the method that they are about.
        method = method or self._methods_by_label.get(head)
        dataset = dataset or head
        if (dataset, method) in self._pairs:
            return f"runs/{dataset}/{method}.html"
        return f"methods/{method}.html" if method else None


def _parameters(runs: pd.DataFrame) -> list[tuple[str, str]]:
    """Parameters of a method with their values, by data set where these differ."""
    by_dataset = {
        dataset: json.loads(group["params"].iloc[0]) for dataset, group in runs.groupby("dataset") if len(group)
    }
    names = dict.fromkeys(name for params in by_dataset.values() for name in params if name != "random_state")
    shown = []
    for name in names:
        values = {dataset: json.dumps(params.get(name)) for dataset, params in by_dataset.items()}
        if len(set(values.values())) == 1:
            shown.append((name, next(iter(values.values()))))
        else:
            shown.append((name, ", ".join(f"{dataset}: {value}" for dataset, value in values.items())))
    return shown


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() else f"{value:.6g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
