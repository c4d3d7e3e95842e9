"""A graph from somebody's own file: a list of edges as text, Matrix Market, or arrays."""

import math
import re
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from scipy import sparse

from jcae.data.formats import DataError, DataFormatError, read_arrays
from jcae.data.graphs.graph import clean, from_arrays

# ASCII digits only: int() and float() also take those of other scripts, and underscores.
_NODE = re.compile(r"[0-9]{1,18}")
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_MATRIX_MARKET = re.compile(r"%%matrixmarket matrix coordinate (integer|real|pattern) (general|symmetric)")

_Lines = Iterator[tuple[int, list[str]]]


def read_edges(path: str | Path, n: int) -> sparse.csr_array:
    """Read the graph of n points.

    Parameters
    ----------
    path : path
        By its ending:

        ``.txt``, ``.tsv``, ``.csv``: one edge per line, two node numbers from 0 and, in all lines or in none, a weight
        greater than 0; divided by white space, tabs, commas. The first line may be a head of names. Lines that begin
        with ``#`` are passed over.

        ``.mtx``: Matrix Market, coordinates.

        ``.npz``: as `jcae.data.graphs.graph.save`, or ``scipy.sparse.save_npz`` for csr and csc, write it.
    n : int
        Points of the data set.

    Returns
    -------
    csr_array, shape (n, n), float32
        See `jcae.data.graphs.graph.clean`: an edge may be in the file in one direction or in both; loops are dropped.

    Raises
    ------
    DataError
        No such file, another ending, or no edge at all.
    DataFormatError
        Names the file, the line, what stands there and what may.
    """
    path = Path(path)
    if path.suffix.lower() not in _READERS:
        raise DataError(f"{path}: a graph in a file of kind {path.suffix!r} (allowed: {', '.join(_READERS)})")
    try:
        entries = _READERS[path.suffix.lower()](path, n)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    A = clean(entries, str(path))
    if A.nnz == 0:
        raise DataError(f"{path}: a graph without edges between different nodes")
    return A


def _text(path: Path, n: int) -> sparse.coo_array:
    delimiter = {".csv": ",", ".tsv": "\t", ".txt": None}[path.suffix.lower()]
    lines = _lines(path, "#", delimiter)
    first = next(lines, None)
    if first is None:
        raise DataFormatError(f"{path}: an empty file")
    number, fields = first
    if len(fields) not in (2, 3):
        raise DataFormatError(f"{path}: line {number} has {len(fields)} columns (allowed: 2, or 3 with weights)")
    is_head = not any(_NUMBER.fullmatch(field) for field in fields)
    return _entries(path, lines if is_head else chain([first], lines), len(fields), n, lowest=0)


def _matrix_market(path: Path, n: int) -> sparse.coo_array:
    with open(path, encoding="utf-8", errors="replace") as file:
        head = _MATRIX_MARKET.fullmatch(" ".join(file.readline(200).lower().split()))
    if not head:
        raise DataFormatError(
            f"{path}: line 1 does not say '%%MatrixMarket matrix coordinate', then integer, real or pattern, then "
            "general or symmetric"
        )
    lines = _lines(path, "%", None)
    number, sizes = next(lines, (1, []))
    if len(sizes) != 3 or not all(map(_NODE.fullmatch, sizes)) or [int(size) for size in sizes[:2]] != [n, n]:
        raise DataFormatError(
            f"{path}: line {number} has sizes {_short(' '.join(sizes))} (needed: {n} {n} and the number of entries)"
        )
    entries = _entries(path, lines, 2 if head[1] == "pattern" else 3, n, lowest=1)
    if entries.nnz != int(sizes[2]):
        raise DataFormatError(f"{path}: {entries.nnz} entries, but line {number} announces {_short(sizes[2])}")
    return entries


def _arrays(path: Path, n: int) -> sparse.csr_array:
    arrays = read_arrays(path, "indptr", "indices", "data", "shape")
    # Where edges have no direction, the arrays of columns mean what those of rows mean. Our own files have one format.
    kind = arrays["format"].tolist() if "format" in arrays else b"csr"
    if kind not in (b"csr", b"csc"):
        raise DataFormatError(f"{path}: a matrix in the format {_short(str(kind))} (allowed: csr, csc)")
    if not np.array_equal(arrays["shape"], (n, n)):
        raise DataFormatError(f"{path}: a matrix of shape {arrays['shape']} for {n} points (needed: {n} x {n})")
    return from_arrays(arrays["indptr"], arrays["indices"], arrays["data"], arrays["shape"], str(path))


def _lines(path: Path, comment: str, delimiter: str | None) -> _Lines:
    """Numbers, from 1, and fields of the lines that hold something."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip() and not line.startswith(comment):
                    yield number, [field.strip() for field in line.strip().split(delimiter)]
    except UnicodeDecodeError as error:
        raise DataFormatError(f"{path}: not text ({error})") from None


def _entries(path: Path, lines: _Lines, columns: int, n: int, lowest: int) -> sparse.coo_array:
    """Edges of lines whose node numbers begin at `lowest`."""
    ends: list[int] = []
    weights: list[float] = []
    for number, fields in lines:
        if len(fields) != columns:
            raise DataFormatError(f"{path}: line {number} has {len(fields)} columns instead of {columns}")
        for field in fields[:2]:
            if not _NODE.fullmatch(field) or not lowest <= int(field) < n + lowest:
                raise DataFormatError(
                    f"{path}: line {number} has the node {_short(field)} (allowed: {lowest} to {n + lowest - 1})"
                )
            ends.append(int(field) - lowest)
        for field in fields[2:]:
            if not _NUMBER.fullmatch(field) or not 0 < float(field) < math.inf:
                raise DataFormatError(
                    f"{path}: line {number} has the weight {_short(field)} (allowed: finite numbers greater than 0)"
                )
            weights.append(float(field))
    pairs = np.array(ends, dtype=np.int64).reshape(-1, 2).T
    return sparse.coo_array((weights if columns == 3 else np.ones(pairs.shape[1]), tuple(pairs)), shape=(n, n))


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "...")


_READERS: dict[str, Callable[[Path, int], sparse.sparray]] = {
    ".txt": _text,
    ".tsv": _text,
    ".csv": _text,
    ".mtx": _matrix_market,
    ".npz": _arrays,
}
