"""Loaders of tables of measurements. Each takes its files in the order of the catalogue and gives X and y."""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jcae.data.formats import DataFormatError, codes, read_table, read_zip, within

Arrays = tuple[np.ndarray, np.ndarray]

# Shared by the equal-variance Gaussians; nearest neighbours are 3.2 standard deviations apart.
_FIVE_CENTRES = np.array([[0.0, 0.0], [3.0, 1.0], [-1.0, 3.2], [-3.2, -0.8], [1.2, -3.0]])


def five_gaussians(files: Sequence[Path]) -> Arrays:
    """Drawn from a fixed seed."""
    # RandomState and not Generator: numpy promises its stream for ever.
    random = np.random.RandomState(0)
    y = random.permutation(np.repeat(np.arange(5), 400))
    return (_FIVE_CENTRES[y] + random.standard_normal((2000, 2))).astype(np.float32), y.astype(np.int64)


def four_gaussians(files: Sequence[Path]) -> Arrays:
    """Drawn from a fixed seed; each mean lies on an axis of its own."""
    return _on_axes(0, moved=0.0)


def four_gaussians_moved(files: Sequence[Path]) -> Arrays:
    """The same with each mean moved by 0.4 of the way to the next one, and other points."""
    return _on_axes(1, moved=0.4)


def _on_axes(seed: int, moved: float) -> Arrays:
    means = 6.0 * np.eye(8)[:4]
    means += moved * (np.roll(means, -1, axis=0) - means)
    random = np.random.RandomState(seed)
    y = random.permutation(np.repeat(np.arange(4), 500))
    return (means[y] + random.standard_normal((2000, 8))).astype(np.float32), y.astype(np.int64)


def iris(files: Sequence[Path]) -> Arrays:
    """As bundled with scikit-learn."""
    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True)
    return standardise(X), y


def wine(files: Sequence[Path]) -> Arrays:
    """As bundled with scikit-learn."""
    from sklearn.datasets import load_wine

    X, y = load_wine(return_X_y=True)
    return standardise(X), y


def breast_cancer(files: Sequence[Path]) -> Arrays:
    """As bundled with scikit-learn."""
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    return standardise(X), y


def pendigits(files: Sequence[Path]) -> Arrays:
    """16 coordinates 0 to 100 and a label per line."""
    tables = [(str(file), read_table(file.read_bytes(), str(file), columns=17, delimiter=",")) for file in files]
    X = np.concatenate([within(table[:, :-1], 0, 100, where) for where, table in tables])
    y = np.concatenate([codes(table[:, -1], range(10), where) for where, table in tables])
    return (X / 100).astype(np.float32), y


def satimage(files: Sequence[Path]) -> Arrays:
    """36 values 0 to 255 and a label per line; the label 6 is in the format, but on no line."""
    tables = [(str(file), read_table(file.read_bytes(), str(file), columns=37)) for file in files]
    X = np.concatenate([within(table[:, :-1], 0, 255, where) for where, table in tables])
    y = np.concatenate([codes(table[:, -1], (1, 2, 3, 4, 5, 7), where) for where, table in tables])
    return (X / 255).astype(np.float32), y


def letter(files: Sequence[Path]) -> Arrays:
    """A capital letter and 16 values 0 to 15 per line."""
    (file,) = files
    names, values = read_named_table(file, columns=16)
    return (within(values, 0, 15, str(file)) / 15).astype(np.float32), names


def segment(files: Sequence[Path]) -> Arrays:
    """A few lines of explanation, then a class name and 19 values per line."""
    tables = [read_named_table(file, columns=19, preamble=True) for file in files]
    return standardise(np.concatenate([values for _, values in tables])), np.concatenate([names for names, _ in tables])


def keywords(files: Sequence[Path]) -> Arrays:
    """ACM and DBLP: a file of rows of 0 and 1, and a file of one label per row; a third one is the graph's."""
    file, label_file = files[:2]
    where, label_where = str(file), str(label_file)
    first, _, _ = file.read_bytes().partition(b"\n")
    X = read_table(file.read_bytes(), where, columns=len(first.split()))
    labels = read_table(label_file.read_bytes(), label_where, columns=1)[:, 0]
    if len(labels) != len(X):
        raise DataFormatError(f"{label_where}: {len(labels)} labels for {len(X)} rows of {where}")
    if not np.isin(X, (0, 1)).all():
        row, column = (int(i) for i in np.argwhere(~np.isin(X, (0, 1)))[0])
        raise DataFormatError(f"{where}: line {row + 1} has the value {X[row, column]:g} (allowed: 0, 1)")
    return X.astype(np.float32), codes(labels, range(100), label_where)


def keywords_graph(files: Sequence[Path]) -> Any:
    """ACM and DBLP: a file of one edge per line, here read for as many nodes as there are labels."""
    from jcae.data.graphs.edges import read_edges

    _, label_file, file = files
    return read_edges(file, len(read_table(label_file.read_bytes(), str(label_file), columns=1)))


def har(files: Sequence[Path]) -> Arrays:
    """561 values in [-1, 1] per line, and the labels 1 to 6 in files of their own; all in one zip archive."""
    (file,) = files
    names = [f"UCI HAR Dataset/{part}/{kind}_{part}.txt" for part in ("train", "test") for kind in "Xy"]
    contents = read_zip(_inner_zip(file, "UCI HAR Dataset.zip"), str(file), names)
    parts, labels = [], []
    for i in range(0, len(names), 2):
        where, label_where = (f"{file}: {name}" for name in names[i : i + 2])
        parts.append(within(read_table(contents[i], where, columns=561), -1, 1, where).astype(np.float32))
        labels.append(codes(read_table(contents[i + 1], label_where, columns=1)[:, 0], range(1, 7), label_where))
        if len(parts[-1]) != len(labels[-1]):
            raise DataFormatError(f"{label_where}: {len(labels[-1])} labels for {len(parts[-1])} rows of {where}")
    return np.concatenate(parts), np.concatenate(labels)


def _inner_zip(file: Path, name: str) -> Path | io.BytesIO:
    """The archive of this name that an archive wraps, or the archive itself."""
    try:
        return io.BytesIO(read_zip(file, str(file), [name])[0])
    except DataFormatError:
        return file  # it wraps none; if it is no archive at all, the next to read it says so


def read_named_table(file: Path, columns: int, preamble: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Read lines of a class name and numbers, separated by commas.

    Parameters
    ----------
    file : Path
    columns : int
        Numbers per line, without the name.
    preamble : bool
        Pass over lines before the first one that has so many fields.

    Returns
    -------
    names : ndarray, shape (n,), unicode
    values : ndarray, shape (n, columns), float64

    Raises
    ------
    DataFormatError
        Not text, no lines, another number of fields, or something else than numbers.
    """
    try:
        lines = [line for line in file.read_bytes().decode("ascii").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise DataFormatError(f"{file}: not a table of names and numbers ({error})") from None
    names, rows = [], []
    for line in lines:
        name, *fields = line.split(",")
        if preamble and not rows and len(fields) != columns:
            continue
        if len(fields) != columns:
            raise DataFormatError(f"{file}: {len(fields)} numbers after the name instead of {columns}: {line[:80]!r}")
        try:
            rows.append([float(field) for field in fields])
        except ValueError as error:
            raise DataFormatError(f"{file}: not a table of names and numbers ({error})") from None
        names.append(name.strip())
    if not rows:
        raise DataFormatError(f"{file}: not a table of names and numbers (no lines)")
    return np.array(names), np.array(rows)


def standardise(X: np.ndarray) -> np.ndarray:
    """Take the mean from each feature and divide by the standard deviation (of the n points, not n - 1).

    Parameters
    ----------
    X : ndarray, shape (n, d)

    Returns
    -------
    ndarray, shape (n, d), float32
        A constant feature becomes 0.
    """
    X = np.asarray(X, dtype=np.float64)
    # fsum: exact sums, so that the checksum of the result does not hang on the order in which a processor adds.
    centred = X - np.array([math.fsum(column) for column in X.T]) / len(X)
    spread = np.sqrt(np.array([math.fsum(column) for column in (centred**2).T]) / len(X))
    # Asked of the values: rounding may leave a constant feature a spread of 1e-17.
    constant = X.min(axis=0) == X.max(axis=0)
    return np.where(constant, 0, centred / np.where(constant, 1, spread)).astype(np.float32)
