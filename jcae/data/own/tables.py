"""Tables with named columns, as text or parquet: the numbers go into one array, whatever else is there is named."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from jcae.data.formats import DataError, DataFormatError
from jcae.data.own.loaded import Loaded, check_distinct, kept, room, unknown
from jcae.data.own.source import OwnData, format_of
from jcae.data.own.text import TextTable
from jcae.data.own.truth import numbers_or_text, plain


class Table(Protocol):
    """What csv and parquet have in common."""

    columns: tuple[str, ...]
    rows_at_most: int
    place: Callable[[int], str]

    def chunks(self, text: str | None = None) -> Iterator[pd.DataFrame]:
        """Read the rows, some at a time."""


class ParquetTable:
    """A parquet file.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    columns : tuple of str
    rows_at_most : int
        As many as there are.

    Raises
    ------
    DataError
        Cannot be read, damaged, cut off, or columns of the same name.
    """

    def __init__(self, path: Path) -> None:
        from pyarrow.parquet import ParquetFile

        self.path = path
        try:
            with ParquetFile(path) as file:
                self.columns = tuple(file.schema_arrow.names)
                self.rows_at_most = file.metadata.num_rows
        except Exception as error:  # a damaged file makes arrow raise many kinds
            raise self._refusal(error) from None
        check_distinct(self.columns, str(path))
        if self.rows_at_most < 0 or not self.columns:
            raise DataFormatError(f"{path}: {self.rows_at_most} rows of {len(self.columns)} columns")

    def chunks(self, text: str | None = None) -> Iterator[pd.DataFrame]:
        """Read the rows, some at a time; `text` changes nothing, since the columns have types of their own.

        Raises
        ------
        DataFormatError
            Damaged or cut off.
        """
        from pyarrow.parquet import ParquetFile

        try:
            with ParquetFile(self.path) as file:
                for batch in file.iter_batches(batch_size=max((1 << 21) // len(self.columns), 1)):
                    batch.validate(full=True)  # texts that are not UTF-8 would fail later, and elsewhere
                    yield batch.to_pandas(ignore_metadata=True)
        except Exception as error:  # as above
            raise self._refusal(error) from None

    @staticmethod
    def place(row: int) -> str:
        """Say where a row is."""
        return f"row {row}"

    def _refusal(self, error: Exception) -> DataError:
        if isinstance(error, DataError):
            return error
        if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
            return DataError(f"{self.path}: cannot be read ({error})")
        return DataFormatError(f"{self.path}: not a parquet file, or damaged or cut off ({error})")


def open_table(path: Path) -> Table:
    """Open a csv, tsv or parquet file; the errors are those of `TextTable` and `ParquetTable`."""
    return ParquetTable(path) if format_of(path) == "parquet" else TextTable(path)


@dataclass(frozen=True)
class _Chunks:
    """Turns the rows of a table into numbers."""

    table: Table
    where: str
    columns: tuple[str, ...]

    def numbers(self, frame: pd.DataFrame, first: int) -> np.ndarray:
        """Features of some rows, of which the first has this number."""
        if all(isinstance(dtype, np.dtype) and dtype.kind in "biuf" for dtype in frame.dtypes):
            return frame.to_numpy(dtype=np.float64)
        return np.column_stack([self._column(frame.iloc[:, i], name, first) for i, name in enumerate(self.columns)])

    def _column(self, column: pd.Series, name: str, first: int) -> np.ndarray:
        if pd.api.types.is_numeric_dtype(column.dtype):
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        texts = column.astype(object)
        values = np.array([number(value) for value in texts], dtype=np.float64)
        bad = np.isnan(values) & ~column.isna().to_numpy()
        if bad.any():
            row = int(bad.argmax())
            place = f"{self.table.place(first + row)}, column {name!r}"
            raise DataFormatError(
                f"{self.where}: {place}: {_short(texts.iloc[row])} is no number; "
                "add the column to drop, or make it the truth"
            )
        return values


def number(value: object) -> float:
    """A cell as a number, NaN where it is none."""
    try:
        if isinstance(value, str):
            if value.lower() in ("true", "false"):  # as pandas does where a column holds nothing else
                return float(value.lower() == "true")
            if "_" in value:  # Python would read 1_000
                return np.nan
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return np.nan


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def read_table(source: OwnData) -> Loaded:
    """Read a csv, tsv or parquet file.

    Parameters
    ----------
    source : OwnData

    Returns
    -------
    Loaded
        The values are float32 where they need no scaling, else float64: scaling shall see every digit.

    Raises
    ------
    DataError
        Not such a file, no such column, or a column that is neither numbers, nor dropped, nor the truth.
    """
    where = str(source.file)
    table = open_table(source.file)
    truth = source.truth if source.truth_file is None else None
    if truth is not None and truth not in table.columns:
        raise DataError(f"{where}: {unknown(truth, table.columns, 'column')}")
    features = kept(table.columns, source.drop, truth, where)
    if not features:
        raise DataError(f"{where}: no features are left (columns: {', '.join(map(repr, table.columns))})")
    names = tuple(table.columns[i] for i in features)
    chunks = _Chunks(table, where, names)
    dtype = np.float32 if source.scale == "none" else np.float64
    # As large as the file allows; memory that is not written to is not taken.
    X = room(table.rows_at_most, len(features), dtype, where)
    labels, n = [], 0
    for frame in table.chunks(text=truth):
        if n + len(frame) > len(X):
            raise DataFormatError(f"{where}: more rows than the file announces")
        with np.errstate(over="ignore"):  # beyond float32 becomes infinite, which is refused later
            X[n : n + len(frame)] = chunks.numbers(frame.iloc[:, features], n)
        if truth is not None:
            labels.append(plain(frame[truth].to_numpy()))
        n += len(frame)
    y = None
    if labels:
        y = np.concatenate(labels)
        y = numbers_or_text(y) if isinstance(table, TextTable) else y
    return Loaded(X[:n], columns=names, labels=y, place=table.place)
