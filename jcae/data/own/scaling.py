"""Features in one range of values. Computed in float64, whatever the file holds."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from jcae.data.formats import DataError
from jcae.data.own.loaded import column_blocks, room, row_blocks


@dataclass(frozen=True)
class Scaling:
    """How values become features: less `shift`, then divided by `divisor`; so new points are scaled as the others were.

    Attributes
    ----------
    kind : {"none", "minmax", "standard", "max"}
        None; each feature to [0, 1]; each feature to mean 0 and standard deviation 1; all divided by the largest
        absolute value. A constant feature becomes 0 by the second and the third.
    shift, divisor : ndarray, shape (d,) or (), float64
    """

    kind: str
    shift: np.ndarray
    divisor: np.ndarray

    def apply(self, values: np.ndarray, where: str) -> np.ndarray:
        """Scale values.

        Parameters
        ----------
        values : ndarray, shape (n, d)
            Finite numbers of any type; may be mapped from a file, and is read a part at a time.
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
        if self.kind == "none":
            return np.ascontiguousarray(values, dtype=np.float32)
        X = room(*values.shape, np.float32, where)
        with np.errstate(all="ignore"):
            for rows in row_blocks(*values.shape):
                X[rows] = (_float64(values[rows]) - self.shift) / self.divisor
        bad = ~np.isfinite(X)
        if bad.any():
            column = int(bad.any(axis=0).argmax())
            raise DataError(
                f"{where}: the values of feature {column} lie too close to each other for scale: {self.kind}"
            )
        return X

    def as_json(self) -> dict[str, Any]:
        """What the card keeps of it."""
        return {"kind": self.kind, "shift": self.shift.tolist(), "divisor": self.divisor.tolist()}

    @classmethod
    def of_json(cls, kept: dict[str, Any]) -> "Scaling":
        """The scaling of which the card keeps `as_json`."""
        return cls(kept["kind"], np.array(kept["shift"], np.float64), np.array(kept["divisor"], np.float64))


def measure(values: np.ndarray, kind: str) -> Scaling:
    """Find the scaling of features.

    Parameters
    ----------
    values : ndarray, shape (n, d)
        Finite numbers of any type; may be mapped from a file, and is read a part at a time.
    kind : {"none", "minmax", "standard", "max"}
        See `Scaling`.

    Returns
    -------
    Scaling
    """
    n, d = values.shape
    if kind == "none":
        return Scaling(kind, np.zeros(()), np.ones(()))
    if kind == "max":
        largest = max(float(np.abs(_float64(values[rows])).max()) for rows in row_blocks(n, d))
        return Scaling(kind, np.zeros(()), np.array(largest or 1.0))
    shift, divisor = np.empty(d), np.empty(d)
    with np.errstate(all="ignore"):
        for columns in column_blocks(n, d):
            shift[columns], divisor[columns] = _MEASURES[kind](_float64(values[:, columns]))
    return Scaling(kind, shift, divisor)


def _float64(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=np.float64)


def _minmax(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = values.min(axis=0), values.max(axis=0)
    return low, np.where(low == high, 1, high - low)


def _standard(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # fsum: exact sums, so that the result does not hang on the order in which a processor adds.
    mean = np.array([math.fsum(column) for column in values.T]) / len(values)
    spread = np.sqrt(np.array([math.fsum(column) for column in ((values - mean) ** 2).T]) / len(values))
    # Asked of the values: rounding may leave a constant feature a spread of 1e-17.
    constant = values.min(axis=0) == values.max(axis=0)
    return np.where(constant, values[0], mean), np.where(constant, 1, spread)


_MEASURES: dict[str, Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]] = {"minmax": _minmax, "standard": _standard}
