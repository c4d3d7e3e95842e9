"""What the columns of a file hold: types, ranges, gaps, and which of them look like classes or identifiers."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from jcae.data.own.loaded import Loaded, row_blocks
from jcae.data.own.tables import Table, number

MOST_DISTINCT = 1000
"""Different values of a column that are counted."""
_LARGEST = float(np.finfo(np.float32).max)
_CLASS_NAMES = frozenset(
    ("class", "classes", "label", "labels", "target", "truth", "y", "species", "category", "cluster", "cell_type")
)
_ID_NAMES = frozenset(("", "id", "ids", "index", "uuid", "key", "__index_level_0__"))
_MOST_NUMBERED_CLASSES = 50


@dataclass
class Column:
    """What is known of a column; grows while the file is read.

    Attributes
    ----------
    name : str or int
        As `drop` would call it.
    n : int
        Rows.
    text : bool
        Some cell is no number.
    missing : int
        Cells that are empty, NaN or infinite.
    low, high : float
        Least and greatest number.
    whole : bool
        All numbers are whole.
    counts : bool
        The numbers go up by one from row to row.
    values : set
        Different values; no more are added where there are more than `MOST_DISTINCT`.
    """

    name: str | int
    n: int = 0
    text: bool = False
    missing: int = 0
    low: float = np.inf
    high: float = -np.inf
    whole: bool = True
    counts: bool = True
    values: set = field(default_factory=set, repr=False)
    _last: float = np.nan

    def add(self, cells: np.ndarray) -> None:
        """Take in further cells: numbers, or objects of any kind."""
        if not len(cells):
            return
        if cells.dtype.kind not in "biuf":
            gaps = pd.isna(cells)
            numbers = np.array([number(cell) for cell in cells], dtype=np.float64)
            if (np.isnan(numbers) & ~gaps).any():
                self.text = True
                self.n += len(cells)
                self.missing += int(gaps.sum())
                self._remember({str(cell) for cell in cells[~gaps]})
                return
            cells = numbers
        cells = np.asarray(cells, dtype=np.float64)
        good = np.abs(cells) <= _LARGEST
        present = cells[good]
        self.n += len(cells)
        self.missing += len(cells) - len(present)
        self.counts = self.counts and good.all() and bool((np.diff(cells, prepend=self._first(cells)) == 1).all())
        if len(present):
            self._last = float(cells[-1])
            self.low, self.high = min(self.low, float(present.min())), max(self.high, float(present.max()))
            self.whole = self.whole and bool((present == np.floor(present)).all())
            if len(self.values) <= MOST_DISTINCT:
                self._remember(set(np.unique(present).tolist()))

    def _first(self, cells: np.ndarray) -> float:
        return cells[0] - 1 if np.isnan(self._last) else self._last

    def _remember(self, values: set) -> None:
        if len(self.values) <= MOST_DISTINCT:
            self.values |= values

    @property
    def distinct(self) -> str:
        """How many different values, in words."""
        return f"over {MOST_DISTINCT}" if len(self.values) > MOST_DISTINCT else str(len(self.values))

    @property
    def may_be_classes(self) -> bool:
        """Whether the column could be the truth: no gaps, and few values for many rows."""
        most = MOST_DISTINCT if self.text else _MOST_NUMBERED_CLASSES
        few = 2 <= len(self.values) <= min(most, self.n // 2)
        return few and not self.missing and (self.text or self.whole)

    @property
    def is_called_class(self) -> bool:
        """Whether it has a name that classes have."""
        return str(self.name).strip().lower() in _CLASS_NAMES

    @property
    def is_identifier(self) -> bool:
        """Whether it tells rows apart and says nothing else."""
        named = str(self.name).strip().lower() in _ID_NAMES and self.whole
        return not self.text and (named or (self.counts and self.n > 2))


def of_table(table: Table) -> list[Column]:
    """Look at every column of a table, a part of the rows at a time."""
    columns = [Column(name) for name in table.columns]
    for frame in table.chunks():
        for i, column in enumerate(columns):
            column.add(_cells(frame.iloc[:, i]))
    return columns


def _cells(series: pd.Series) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(series.dtype):
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    return series.to_numpy(dtype=object)


def of_array(loaded: Loaded) -> list[Column]:
    """Look at every column of an array; what has no name is called by its number."""
    n, d = loaded.values.shape
    columns = [Column(name) for name in loaded.columns or range(d)]
    for rows in row_blocks(n, d):
        for column, cells in zip(columns, np.asarray(loaded.values[rows]).T, strict=True):
            column.add(cells)
    return columns


def scale_for(columns: Iterable[Column]) -> tuple[str, str]:
    """Propose a scale for features.

    Parameters
    ----------
    columns : iterable of Column
        Features: numbers without gaps.

    Returns
    -------
    scale : str
        One of `jcae.data.own.source.SCALES`.
    reason : str
    """
    columns = list(columns)
    low, high = min(column.low for column in columns), max(column.high for column in columns)
    spreads = [column.high - column.low for column in columns if column.high > column.low]
    if low >= 0 and high <= 1:
        return "none", "all values lie in [0, 1]"
    if are_pixels(columns):
        return "max", f"whole numbers from {low:g} to {high:g}, as of pixels"
    if spreads and max(spreads) > 10 * min(spreads):
        return "standard", f"features range over {min(spreads):g} to {max(spreads):g}"
    return "none", f"features range over about as much; all values lie in [{low:g}, {high:g}]"


def are_pixels(columns: Iterable[Column]) -> bool:
    """Whether the features look like grey values of 8 bits."""
    columns = list(columns)
    bright = any(column.high > 127 for column in columns)
    return bright and len(columns) >= 16 and all(c.whole and c.low >= 0 and c.high <= 255 for c in columns)
