"""Loader of single-cell counts: one archive of 10x Genomics per cell type."""

import io
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jcae.data.formats import DataError, DataFormatError, read_tar

_ORDER_SEED = 0
_FILES = ("barcodes.tsv", "genes.tsv", "matrix.mtx")
# SciPy passes over what follows a number on its line, and crashes where that is the end of the file. `++` goes on
# without remembering where it could have stopped: there are millions of lines.
_COUNTS = re.compile(
    rb"%%MatrixMarket matrix coordinate integer general\s*\n(?:%[^\n]*\n)*+"
    rb"(?:[0-9]{1,10} [0-9]{1,10} [0-9]{1,10}(?:\r?\n|\Z))++"
)


def cells(files: Sequence[Path], genes: int = 720) -> tuple[np.ndarray, np.ndarray]:
    """Cells of all types, the genes of highest variance, log2(1 + count) divided by its maximum."""
    from scipy import sparse

    parts, names = [], None
    for file in files:
        counts, found = read_cells(file)
        if names is not None and found != names:
            raise DataFormatError(f"{file}: other genes than in {files[0]}")
        names = found
        parts.append(counts)
    if len(names) < genes:
        raise DataError(f"{files[0]}: {len(names)} genes, fewer than {genes}")
    y = np.repeat(np.arange(len(parts)), [part.shape[0] for part in parts])
    chosen = most_variable(parts, genes)
    counts = sparse.vstack([part[:, chosen] for part in parts])
    # By a table: the same digits whatever the processor's vector instructions. Zeros stay zeros: nothing dense yet.
    largest = int(counts.data.max(initial=0))
    if largest == 0:
        raise DataError(f"{files[0]}: all counts are zero")
    levels = np.array([math.log2(1 + count) / math.log2(1 + largest) for count in range(largest + 1)], np.float32)
    counts.data = levels[counts.data]
    X = counts.toarray()
    order = np.random.RandomState(_ORDER_SEED).permutation(len(y))
    return X[order], y[order]


def read_cells(file: Path) -> tuple[Any, list[str]]:
    """Read the counts of one archive.

    Parameters
    ----------
    file : Path
        A gzipped tar archive with, in one folder, `matrix.mtx` (genes x cells, Matrix Market), `genes.tsv` and
        `barcodes.tsv`.

    Returns
    -------
    counts : csc_array, shape (cells, genes)
    genes : list of str
        Identifiers.

    Raises
    ------
    DataFormatError
        A file is missing or there twice, is not in its format, or does not fit the others.
    """
    from scipy import io as scipy_io

    contents = {}
    for name, content in read_tar(file, lambda name: name.rpartition("/")[2] in _FILES):
        base = name.rpartition("/")[2]
        if base in contents:
            raise DataFormatError(f"{file}: the archive holds {base} twice")
        contents[base] = content
    if missing := [name for name in _FILES if name not in contents]:
        raise DataFormatError(f"{file}: the archive holds no {', '.join(missing)}")
    genes = [line.split("\t")[0] for line in contents["genes.tsv"].decode("utf-8", "replace").splitlines()]
    n_cells = len(contents["barcodes.tsv"].splitlines())
    try:
        matrix = contents.pop("matrix.mtx")
        if not _COUNTS.fullmatch(matrix):
            raise ValueError("not a matrix of counts in the Matrix Market format")
        n_rows, n_columns, n_entries, *_ = scipy_io.mminfo(io.BytesIO(matrix))
        if (n_rows, n_columns) != (len(genes), n_cells) or n_entries > n_rows * n_columns:
            raise ValueError(f"{n_rows} x {n_columns} with {n_entries} entries")
        counts = scipy_io.mmread(io.BytesIO(matrix), spmatrix=False)
    except (ValueError, OverflowError, OSError, EOFError) as error:
        raise DataFormatError(
            f"{file}: matrix.mtx is no sparse matrix of {len(genes)} genes and {n_cells} cells ({error})"
        ) from None
    if counts.data.max(initial=0) > np.iinfo(np.int32).max:
        raise DataFormatError(f"{file}: matrix.mtx holds the count {counts.data.max()}")
    return counts.astype(np.int32).T.tocsc(), genes


def most_variable(parts: Sequence[Any], genes: int) -> np.ndarray:
    """Choose columns by their variance over all rows of all parts.

    Parameters
    ----------
    parts : sequence of sparse arrays, shape (cells, genes), integer
    genes : int
        Number of columns.

    Returns
    -------
    ndarray, shape (genes,), int64
        Ascending. Of columns with equal variance, the first is taken.
    """
    n = sum(part.shape[0] for part in parts)
    # Integers: exact, hence the same choice on every processor.
    total = sum(part.sum(axis=0, dtype=np.int64) for part in parts)
    squares = sum((part.astype(np.int64) ** 2).sum(axis=0) for part in parts)
    variance = n * np.asarray(squares) - np.asarray(total) ** 2
    return np.sort(np.argsort(-variance, kind="stable")[:genes])
