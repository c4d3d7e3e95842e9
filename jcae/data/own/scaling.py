"""Features in one range of values. Computed in float64, whatever the file holds."""

import numpy as np

from jcae.data.formats import DataError
from jcae.data.own.loaded import column_blocks, room, row_blocks
from jcae.data.tables import standardise


def scale(values: np.ndarray, kind: str, where: str) -> np.ndarray:
    """Scale features.

    Parameters
    ----------
    values : ndarray, shape (n, d)
        Finite numbers of any type; may be mapped from a file, and is read a part at a time.
    kind : {"none", "minmax", "standard", "max"}
        None; each feature to [0, 1]; each feature to mean 0 and standard deviation 1; all divided by the largest
        absolute value. A constant feature becomes 0 by the second and the third.
    where : str
        Name of the file, for messages.

    Returns
    -------
    ndarray, shape (n, d), float32

    Raises
    ------
    DataError
        A feature whose values are so close to each other that their spread is no number.
    """
    if kind == "none":
        return np.ascontiguousarray(values, dtype=np.float32)
    n, d = values.shape
    X = room(n, d, np.float32, where)
    with np.errstate(all="ignore"):
        if kind == "max":
            largest = max(_largest(_float64(values[rows])) for rows in row_blocks(n, d))
            for rows in row_blocks(n, d):
                X[rows] = _float64(values[rows]) / (largest or 1)
        else:
            each = {"minmax": _minmax, "standard": standardise}[kind]
            for columns in column_blocks(n, d):
                X[:, columns] = each(_float64(values[:, columns]))
    bad = ~np.isfinite(X)
    if bad.any():
        column = int(bad.any(axis=0).argmax())
        raise DataError(f"{where}: the values of feature {column} lie too close to each other for scale: {kind}")
    return X


def _float64(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=np.float64)


def _largest(values: np.ndarray) -> float:
    return float(np.abs(values).max())


def _minmax(values: np.ndarray) -> np.ndarray:
    low, high = values.min(axis=0), values.max(axis=0)
    return (values - low) / np.where(low == high, 1, high - low)
