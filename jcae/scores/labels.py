"""Labels as scores take them."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def as_labels(values: ArrayLike, name: str) -> NDArray[np.integer]:
    """Check labels.

    Parameters
    ----------
    values : array-like of int, shape (n,)
    name : str
        What they are, for messages.

    Returns
    -------
    ndarray of int, shape (n,)

    Raises
    ------
    ValueError
        Empty, more than one dimension, NaN, or no integers.
    """
    values = np.asarray(values)
    if values.ndim != 1:
        raise ValueError(f"{name} must have one dimension, got shape {values.shape}")
    if values.size == 0:
        raise ValueError(f"{name} is empty")
    if values.dtype.kind == "f" and np.isnan(values).any():
        raise ValueError(f"{name} holds NaN")
    if values.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers, got dtype {values.dtype}")
    return values
