"""What the reader of a format gives: values before they are checked and scaled."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

import numpy as np

from jcae.data.formats import DataError, DataFormatError

_BLOCK = 1 << 22
"""Values that are looked at together: enough for numpy to be fast, few enough to take little memory."""


def _row(row: int) -> str:
    return f"row {row}"


@dataclass(frozen=True)
class Loaded:
    """The content of a file.

    Attributes
    ----------
    values : ndarray, shape (n, d), integer, bool or float
        May be mapped from the file.
    columns : tuple of str or None
        Names of the features.
    labels : ndarray, shape (n,), or None
        The truth, where it lies in the same file.
    image_shape : tuple of int or None
        Where the file itself says so.
    place : callable
        Given the number of a row from 0, says where it is in the file.
    """

    values: np.ndarray
    columns: tuple[str, ...] | None = None
    labels: np.ndarray | None = None
    image_shape: tuple[int, ...] | None = None
    place: Callable[[int], str] = field(default=_row)


def row_blocks(n: int, d: int) -> Iterator[slice]:
    """Slices of the rows of an (n, d) array that have few values each."""
    step = max(_BLOCK // max(d, 1), 1)
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def column_blocks(n: int, d: int) -> Iterator[slice]:
    """Slices of the columns of an (n, d) array that have few values each."""
    return row_blocks(d, n)


def room(n: int, d: int, dtype: type, where: str) -> np.ndarray:
    """Make an (n, d) array without content, or say that memory does not hold it."""
    try:
        return np.empty((n, d), dtype)
    except (MemoryError, ValueError, OverflowError):
        raise DataError(f"{where}: {n} rows with {d} features do not fit into memory") from None


def check_values(loaded: Loaded, where: str, least: int = 2) -> None:
    """Refuse values that no method can work with.

    Parameters
    ----------
    loaded : Loaded
    where : str
        Name of the file, for messages.
    least : int
        Rows that are needed.

    Raises
    ------
    DataError
        Fewer rows than that, no features, values of another kind than numbers, empty, infinite, or beyond float32.
    """
    values = loaded.values
    if values.dtype.kind not in "biuf":
        raise DataFormatError(f"{where}: values of type {values.dtype} (allowed: integers, floats)")
    n, d = values.shape
    if d == 0:
        raise DataError(f"{where}: no features are left")
    if n < least:
        raise DataError(f"{where}: {n} row{'s' * (n != 1)} (needed: at least {least})")
    if values.dtype.kind != "f":
        return
    largest = np.finfo(np.float32).max
    for rows in row_blocks(n, d):
        block = np.asarray(values[rows])
        bad = ~(np.abs(block) <= largest)
        if bad.any():
            row, column = (int(i) for i in np.argwhere(bad)[0])
            value = block[row, column]
            raise DataError(
                f"{where}: {loaded.place(rows.start + row)}, {_column(loaded, column)}: {_complaint(value)}"
            )


def _column(loaded: Loaded, column: int) -> str:
    return f"column {column}" if loaded.columns is None else f"column {loaded.columns[column]!r}"


def _complaint(value: float) -> str:
    if np.isnan(value):
        return "empty or NaN; fill it, take the row out, or add the column to drop"
    return f"{value:g} is infinite or beyond what float32 holds"


def unknown(name: str, known: Sequence[str], what: str) -> str:
    """Say that there is nothing of a name, and which names come near.

    Parameters
    ----------
    name : str
    known : sequence of str
    what : str
        Such as "column".

    Returns
    -------
    str
    """
    near = get_close_matches(name, known, n=3) or list(known[:12])
    rest = ", ..." if len(near) == 12 < len(known) else ""
    return f"no {what} {name!r} (there are: {', '.join(map(repr, near))}{rest})"


def kept(columns: Sequence[str], drop: Sequence[str | int], truth: str | None, where: str) -> list[int]:
    """Find the columns that are features.

    Parameters
    ----------
    columns : sequence of str
        All columns.
    drop : sequence of str or int
        Columns to leave out; a number is the name that is written so.
    truth : str or None
        Another one to leave out.
    where : str
        Name of the file, for messages.

    Returns
    -------
    list of int
        Positions, ascending.

    Raises
    ------
    DataError
        A column that is not there.
    """
    out = {*map(str, drop), *([truth] if truth is not None else [])}
    for name in sorted(out - set(columns)):
        raise DataError(f"{where}: {unknown(name, columns, 'column')}")
    return [i for i, name in enumerate(columns) if name not in out]


def check_distinct(columns: Sequence[str], where: str) -> None:
    """Refuse columns of the same name."""
    seen: set[str] = set()
    for name in columns:
        if name in seen:
            raise DataFormatError(f"{where}: two columns have the name {name!r}")
        seen.add(name)
