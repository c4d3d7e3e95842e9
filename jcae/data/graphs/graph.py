"""What a graph is here: symmetric, without loops, with positive weights; and its file, its facts, its control.

A graph on n points is a ``scipy.sparse.csr_array`` of shape (n, n), float32, with sorted rows. One without weights has
weights 1. Entry (i, j) equals entry (j, i); there is no entry (i, i), and none is stored that is 0.
"""

from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from jcae.data.arrays import array_sha256, save_arrays
from jcae.data.formats import DataError, DataFormatError, read_arrays
from jcae.files import replacing


def clean(A: Any, where: str) -> sparse.csr_array:
    """Make a graph of a matrix of weights.

    Parameters
    ----------
    A : array-like or sparse matrix, shape (n, n)
        Weights, 0 where there is no edge. An edge may be given in one direction, in both, or several times: the largest
        of its weights is taken (union). Entries on the diagonal are dropped.
    where : str
        Name of the graph, for messages.

    Returns
    -------
    csr_array, shape (n, n), float32

    Raises
    ------
    DataError
        Not a square matrix of numbers, or a weight that is negative, NaN, or infinite in float32.
    """
    try:
        # Not by way of csr, which would add up an edge that is there twice.
        entries = sparse.coo_array(A)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: not a matrix of weights ({error})") from None
    shape = entries.shape
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 0:
        raise DataError(f"{where}: a graph of shape {shape} (allowed: as many columns as rows, at least 1)")
    if entries.dtype.kind not in "biuf":
        raise DataError(f"{where}: weights of type {entries.dtype} (allowed: numbers)")
    rows, columns = (index.astype(np.int64) for index in entries.coords)
    with np.errstate(over="ignore"):
        weights = entries.data.astype(np.float32)
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        at = int(bad.argmax())
        raise DataError(
            f"{where}: weight {entries.data[at]} at row {rows[at]}, column {columns[at]} (allowed: finite, at least 0)"
        )
    edges = (rows != columns) & (weights > 0)
    rows, columns, weights = rows[edges], columns[edges], weights[edges]
    rows, columns = np.concatenate([rows, columns]), np.concatenate([columns, rows])
    weights = np.concatenate([weights, weights])
    order = np.lexsort((weights, columns, rows))
    rows, columns, weights = rows[order], columns[order], weights[order]
    # The last entry of an edge is the one with its largest weight.
    last = np.ones(len(rows), dtype=bool)
    last[:-1] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows[last], minlength=shape[0]))])
    # Where 32 bits are enough: solvers of linear systems take no others.
    index = np.int32 if max(shape[0], starts[-1]) <= np.iinfo(np.int32).max else np.int64
    return sparse.csr_array((weights[last], columns[last].astype(index), starts.astype(index)), shape=shape)


def facts(A: sparse.csr_array, y: np.ndarray | None = None) -> dict[str, Any]:
    """Say of a graph what its card says.

    Parameters
    ----------
    A : csr_array, shape (n, n)
        As `clean` gives it.
    y : ndarray, shape (n,), optional
        Classes.

    Returns
    -------
    dict
        ``nodes``; ``edges``, undirected; ``weighted``; ``components``, isolated nodes among them; ``isolated`` nodes;
        ``largest_degree``, in neighbours; ``homophily``, the share of edges that join points of one class, None without
        `y` or without edges; ``sha256`` of the arrays, for comparison between machines.
    """
    degrees = np.diff(A.indptr)
    rows = np.repeat(np.arange(len(degrees)), degrees)
    known = y is not None and A.nnz > 0
    return {
        "nodes": A.shape[0],
        "edges": A.nnz // 2,
        "weighted": bool((A.data != 1).any()),
        "components": int(connected_components(A, directed=False, return_labels=False)),
        "isolated": int((degrees == 0).sum()),
        "largest_degree": int(degrees.max()),
        "homophily": round(float((y[rows] == y[A.indices]).mean()), 6) if known else None,
        "sha256": array_sha256(*_arrays(A).values()),
    }


def save(path: Path, A: sparse.csr_array) -> None:
    """Write a graph to a file of plain arrays; the same graph gives the same bytes.

    Parameters
    ----------
    path : Path
        Replaced when it is there.
    A : csr_array, shape (n, n)
        As `clean` gives it.
    """
    with replacing(path) as part:
        save_arrays(part, **_arrays(A))


def load(path: Path) -> sparse.csr_array:
    """Read a graph that `save` wrote.

    Parameters
    ----------
    path : Path

    Returns
    -------
    csr_array, shape (n, n), float32

    Raises
    ------
    DataError
        No such file.
    DataFormatError
        Not such a file, or not a graph as `clean` gives it.
    """
    try:
        arrays = read_arrays(path, "indptr", "indices", "data", "shape")
    except FileNotFoundError as error:
        raise DataError(f"{path}: not a graph ({error.strerror})") from None
    A = from_arrays(arrays["indptr"], arrays["indices"], arrays["data"], arrays["shape"], str(path))
    graph = clean(A, str(path))
    if A.dtype != np.float32 or not all(map(np.array_equal, _parts(A), _parts(graph))):
        raise DataFormatError(
            f"{path}: a matrix of {A.dtype}, but not a graph (needed: float32, symmetric, nothing on the diagonal, "
            "sorted rows, every edge once)"
        )
    return graph


def from_arrays(indptr: Any, indices: Any, data: Any, shape: Any, where: str) -> sparse.csr_array:
    """Make a sparse matrix of its arrays, which nobody has checked.

    Parameters
    ----------
    indptr : ndarray, shape (rows + 1,), integer
        Where each row begins.
    indices : ndarray, shape (entries,), integer
        Columns.
    data : ndarray, shape (entries,)
        Numbers.
    shape : sequence of two int
    where : str
        Name of the file, for messages.

    Returns
    -------
    csr_array
        As the arrays say: rows need not be sorted, and may have an entry twice.

    Raises
    ------
    DataFormatError
        Arrays that do not fit together, or columns out of range.
    """
    shape = np.asarray(shape)
    if shape.shape != (2,) or shape.dtype.kind not in "iu" or not (shape > 0).all():
        raise DataFormatError(f"{where}: shape {shape} (allowed: two positive integers)")
    n_rows, n_columns = map(int, shape)
    for name, array, kinds in (("indptr", indptr, "iu"), ("indices", indices, "iu"), ("data", data, "biuf")):
        if array.ndim != 1 or array.dtype.kind not in kinds:
            raise DataFormatError(
                f"{where}: {name} is {array.dtype} of shape {array.shape} instead of a row of numbers"
            )
    if len(indptr) != n_rows + 1 or len(indices) != len(data):
        raise DataFormatError(
            f"{where}: {len(indptr)} starts of rows, {len(indices)} columns and {len(data)} values for {n_rows} rows"
        )
    if indptr[0] != 0 or indptr[-1] != len(indices) or (indptr[1:] < indptr[:-1]).any():
        raise DataFormatError(f"{where}: starts of rows that do not ascend from 0 to {len(indices)}")
    if len(indices) and not 0 <= indices.min() <= indices.max() < n_columns:
        bad = indices[(indices < 0) | (indices >= n_columns)][0]
        raise DataFormatError(f"{where}: column {bad} (allowed: 0 to {n_columns - 1})")
    return sparse.csr_array((data, indices.astype(np.int64), indptr.astype(np.int64)), shape=(n_rows, n_columns))


def shuffled(A: sparse.csr_array, seed: int) -> sparse.csr_array:
    """Control: the same graph, laid over the points at random.

    The numbers of the nodes are permuted. All that is a matter of the graph alone stays (degrees, components,
    communities); what it says about the points is lost, so that edges join equal classes as often as chance has it.

    Parameters
    ----------
    A : csr_array, shape (n, n)
        As `clean` gives it.
    seed : int

    Returns
    -------
    csr_array, shape (n, n)
    """
    # RandomState and not Generator: numpy promises its stream for ever.
    order = np.random.RandomState(seed).permutation(A.shape[0])
    permuted = A[order][:, order]
    permuted.sort_indices()
    return permuted


def _arrays(A: sparse.csr_array) -> dict[str, np.ndarray]:
    """The arrays of a graph, in types that hang neither on its size nor on the machine."""
    indptr, indices, data = _parts(A)
    return {
        "indptr": indptr.astype("<i8"),
        "indices": indices.astype("<i8"),
        "data": data.astype("<f4"),
        "shape": np.array(A.shape, dtype="<i8"),
    }


def _parts(A: sparse.csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return A.indptr, A.indices, A.data
