"""What the report is made of: the records of a run, and its tables and figures as they were written."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd

from jcae.figures import NOT_MADE, OF_EQUIVALENCE, OF_SWEEP
from jcae.publish.export import exported_records
from jcae.scores.evaluation import display_names, read_results

_PAGE = re.compile(r"<h1>(.*?)</h1>\s*(<table>.*?</table>)\s*<p>(.*?)</p>", re.DOTALL)


@dataclass(frozen=True)
class ShownTable:
    """A table as its page shows it.

    Attributes
    ----------
    name, caption, note : str
    head : list of str
    rows : list of list of (str, bool)
        Text of each cell, and whether it is bold.
    rules : frozenset of int
        Rows before which a line is drawn.
    """

    name: str
    caption: str
    note: str
    head: list[str]
    rows: list[list[tuple[str, bool]]]
    rules: frozenset[int]


@dataclass(frozen=True)
class Source:
    """A finished run.

    Attributes
    ----------
    results : Path
        Holds `scores.csv` and `records.csv`: the folder of the run, or an export of one.
    shown : Path
        Holds `tables/` and `figures/`: the folder of the run.
    """

    results: Path
    shown: Path

    @cached_property
    def _read(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        return read_results(self.results)

    @property
    def records(self) -> pd.DataFrame:
        """One row per run."""
        return self._read[1]

    @property
    def scores(self) -> pd.DataFrame:
        """Scores of the ok runs."""
        return self._read[0]

    @cached_property
    def own_scores(self) -> dict[tuple[str, str], pd.DataFrame]:
        """Those of the methods' own labels, by data set and method."""
        return dict(iter(self.scores[self.scores["labels"] == "own"].groupby(["dataset", "method"])))

    @cached_property
    def datasets(self) -> list[str]:
        """Names of the data sets, sorted."""
        return sorted(self.records["dataset"].unique())

    @cached_property
    def methods(self) -> dict[str, str]:
        """Label of every method, in the order of the tables."""
        return display_names(self.records)

    @cached_property
    def full_records(self) -> dict[str, dict[str, Any]]:
        """All that was recorded of each run, by its folder."""
        found = exported_records(self.results)
        for run in self.records["run"]:
            path = self.results / run / "run.json"
            if path.is_file():
                found[run] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def record(self, method: str) -> dict[str, Any] | None:
        """All that was recorded of some run of a method; None where only the row of the table is left."""
        runs = self.records.loc[self.records["method"] == method, "run"]
        return next((self.full_records[run] for run in runs if run in self.full_records), None)

    def data(self, table: str) -> pd.DataFrame:
        """Numbers of a table; no row where it was not made."""
        path = self.shown / "tables" / f"{table}.csv"
        try:
            return pd.read_csv(path, dtype=dict.fromkeys(("dataset", "method", "reference"), "str"))
        except (FileNotFoundError, pd.errors.EmptyDataError):
            return pd.DataFrame()

    def table(self, name: str) -> ShownTable | None:
        """A table as its page shows it; None where it was not made."""
        path = self.shown / "tables" / f"{name}.html"
        if not path.is_file():
            return None
        caption, table, note = _PAGE.search(path.read_text(encoding="utf-8")).groups()
        head, body = ElementTree.fromstring(table)
        rows = [[("".join(cell.itertext()), cell.find("b") is not None) for cell in row] for row in body]
        rules = frozenset(i for i, row in enumerate(body) if row.get("class") == "rule")
        return ShownTable(
            name, unescape(caption), unescape(note), ["".join(c.itertext()) for c in head[0]], rows, rules
        )

    def figure(self, name: str) -> Path | None:
        """The svg of a figure, ``maps`` or ``digits/maps``; None where it was not made."""
        path = self.shown / "figures" / f"{self._place(name)}.svg"
        return path if path.is_file() else None

    def not_made(self, folder: str) -> list[str]:
        """Which figures of a folder, ``all_data_sets`` or ``digits``, have nothing to show, and why."""
        path = self.shown / "figures" / folder / NOT_MADE
        return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []

    @staticmethod
    def _place(name: str) -> str:
        if "/" in name:
            return f"how_many/{name}" if name.rpartition("/")[2] in OF_SWEEP else name
        return f"equivalence/{name}" if name in OF_EQUIVALENCE else f"all_data_sets/{name}"
