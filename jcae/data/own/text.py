"""Tables as text, csv and tsv, plain or gzipped: read in chunks, with the line of whatever is wrong."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pandas as pd

from jcae.data.formats import DataError, DataFormatError, unpacked
from jcae.data.own.loaded import check_distinct

_CHUNK = 1 << 21
"""Cells that are parsed together."""
_MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "-nan", "null", "NULL", "None")
"""How tables write that a number is missing."""


class TextTable:
    """A csv or tsv file with a head.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    columns : tuple of str
        Names in the head, without white space around them.
    rows_at_most : int
        As many rows as the file can hold; it may hold fewer.

    Raises
    ------
    DataError
        Cannot be read, empty, not UTF-8, not text, without a head, or columns of the same name.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._where = path, str(path)
        self._delimiter = "\t" if ".tsv" in path.name.lower() else ","
        self.rows_at_most = self._count_lines()
        head = next(self._records(), None)
        if head is None:
            raise DataFormatError(f"{path}: empty")
        self.columns = tuple(name.strip() for name in head[1])
        self._check_head()
        self._whole = False
        if odd := self._odd_line(among=2):  # pandas would take what the first row has too much for names of rows
            raise DataFormatError(f"{path}: {odd}")

    def chunks(self, text: str | None = None) -> Iterator[pd.DataFrame]:
        """Read the table.

        Parameters
        ----------
        text : str, optional
            A column that is taken as it is written: NA is a name in it, and 01 is not 1.

        Yields
        ------
        DataFrame
            The next rows; a column is text where one of its cells in these rows is no number.

        Raises
        ------
        DataFormatError
            Cut off, or rows of different length: with the line.
        """
        names = list(self.columns)
        missing = {name: list(_MISSING) for name in names if name != text}
        with self._open() as file:
            try:
                chunks = pd.read_csv(
                    file,
                    sep=self._delimiter,
                    header=0,
                    names=names,
                    chunksize=max(_CHUNK // len(names), 1),
                    encoding="utf-8",
                    low_memory=False,
                    dtype=None if text is None else {text: str},
                    keep_default_na=False,
                    na_values=missing,
                )
                for chunk in chunks:
                    self._check_ends(chunk.iloc[:, -1])
                    yield chunk
            except DataFormatError:
                raise
            except (ValueError, OverflowError) as error:  # ParserError and EmptyDataError are ValueErrors
                raise DataFormatError(f"{self.path}: {self._odd_line() or f'not a table ({error})'}") from None

    def place(self, row: int) -> str:
        """Say in which line a row is, counted from 0 below the head."""
        line, _ = next(islice(self._records(), row + 1, None), (None, None))
        return f"row {row}" if line is None else f"line {line}"

    def _check_ends(self, last: pd.Series) -> None:
        """Complain where rows are too short: pandas fills them up, so that the last column has a gap."""
        if not self._whole and (last.isna() | (last == "")).any():
            if odd := self._odd_line():
                raise DataFormatError(f"{self.path}: {odd}")
            self._whole = True

    def _odd_line(self, among: int | None = None) -> str | None:
        """Say what is wrong with the first line that has too few or too many fields."""
        for line, fields in islice(self._records(), among):
            if len(fields) != len(self.columns):
                return f"line {line} has {len(fields)} fields, the head {len(self.columns)}"
        return None

    def _check_head(self) -> None:
        numbers = [name for name in self.columns if re.fullmatch(r"[-+]?\d*\.?\d+(e[-+]?\d+)?", name, re.IGNORECASE)]
        counted = all(name.isdecimal() for name in numbers) and [int(name) for name in numbers] in (
            list(range(len(numbers))),
            list(range(1, len(numbers) + 1)),
        )
        if len(numbers) == len(self.columns) and not counted:
            raise DataFormatError(
                f"{self.path}: the first line holds numbers where the names of the columns should be "
                f"({', '.join(numbers[:4])}, ...)"
            )
        check_distinct(self.columns, self._where)

    def _open(self) -> io.BufferedReader:
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read ({error.strerror})") from None
        if file.peek(2)[:2] == b"\x1f\x8b":
            return unpacked(file, self._where)
        return file

    def _count_lines(self) -> int:
        """Count lines, or rather what may end one, and see that all of it is text."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        lines = 1
        with self._open() as file:
            while block := file.read(1 << 20):
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    raise DataFormatError(
                        f"{self.path}: a byte near line {lines} is not UTF-8; save the file as UTF-8"
                    ) from None
                if (at := block.find(b"\0")) >= 0:
                    raise DataFormatError(
                        f"{self.path}: a zero byte in line {lines + block[:at].count(10)}; not a text in UTF-8"
                    )
                lines += block.count(b"\n") + block.count(b"\r")
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            raise DataFormatError(f"{self.path}: cut off, the last byte is not UTF-8") from None
        return lines

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """The lines in which records begin, and their fields; lines without content are passed over, as by pandas."""
        with self._open() as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text, delimiter=self._delimiter)
            line = 1
            try:
                for fields in reader:
                    if fields and not (len(fields) == 1 and not fields[0].strip(" \t")):
                        yield line, fields
                    line = reader.line_num + 1
            except (csv.Error, UnicodeDecodeError) as error:
                raise DataFormatError(f"{self.path}: line {line}: {error}") from None
