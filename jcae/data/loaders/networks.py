"""Loaders of graphs that are published as arrays: air traffic (BAT, EAT) and purchases (AMAP). Nothing is unpickled."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jcae.data.formats import LARGEST_CONTENT, DataFormatError
from jcae.data.own.arrays import map_array, npz_array, open_npz


def airports(files: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
    """BAT and EAT: an array of rows of 0 and 1, and one of labels; a third one is the graph's."""
    file, label_file, _ = files
    X = map_array(file)
    if X.ndim != 2 or X.dtype.kind not in "biuf":
        raise DataFormatError(f"{file}: {X.dtype} of shape {X.shape} instead of numbers of shape (points, features)")
    if not np.isin(X, (0, 1)).all():
        row, column = (int(i) for i in np.argwhere(~np.isin(X, (0, 1)))[0])
        raise DataFormatError(f"{file}: row {row} has the value {X[row, column]:g} (allowed: 0, 1)")
    return X.astype(np.float32), _labels(map_array(label_file), len(X), str(label_file))


def airports_graph(files: Sequence[Path]) -> Any:
    """BAT and EAT: an array of 0 and 1, with loops, which are dropped."""
    from jcae.data.graphs.graph import clean

    *_, file = files
    return clean(map_array(file), str(file))


def amazon(files: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
    """AMAP: words by the arrays of a sparse matrix, 1 for those that occur, and an array of labels, in one file."""
    (file,) = files
    words = _matrix(file, "attr")
    if 4 * math.prod(words.shape) > LARGEST_CONTENT:
        raise DataFormatError(f"{file}: words of shape {words.shape} are over {LARGEST_CONTENT} bytes")
    if not (words.data >= 0).all():
        raise DataFormatError(f"{file}: attr_data has a value that is negative or NaN (allowed: 0 and above)")
    X = (words.toarray() > 0).astype(np.float32)
    with open_npz(file) as archive:
        return X, _labels(npz_array(archive, "labels", str(file)), len(X), f"{file}: labels")


def amazon_graph(files: Sequence[Path]) -> Any:
    """AMAP: edges by the arrays of a sparse matrix, some in one direction only; weights, if any, are not taken."""
    from jcae.data.graphs.graph import clean

    (file,) = files
    edges = _matrix(file, "adj")
    edges.data = np.ones(edges.nnz)
    return clean(edges, str(file))


def _matrix(file: Path, name: str) -> Any:
    """The sparse matrix whose four arrays begin with a name. Others in the file may be objects and are not touched."""
    from jcae.data.graphs.graph import from_arrays

    with open_npz(file) as archive:
        parts = [npz_array(archive, f"{name}_{part}", str(file)) for part in ("indptr", "indices", "data", "shape")]
    return from_arrays(*parts, f"{file}: {name}")


def _labels(labels: np.ndarray, n: int, where: str) -> np.ndarray:
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        raise DataFormatError(f"{where}: {labels.dtype} of shape {labels.shape} instead of {n} whole numbers")
    return labels.astype(np.int64)
