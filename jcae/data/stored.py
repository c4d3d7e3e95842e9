"""Prepared data as they lie on disk: features, truth and card, read with checks."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from jcae.data.formats import DataError, read_arrays
from jcae.data.points import check_finite


def load_features(path: Path) -> np.ndarray:
    """Read features.npz.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ndarray, shape (n, d), float32

    Raises
    ------
    DataError
        Not such a file, or values that are not finite.
    """
    X = _load(path, "X")["X"]
    if X.ndim != 2 or X.dtype != np.float32:
        raise DataError(f"{path}: X is {X.dtype} of shape {X.shape} instead of float32 (points, features)")
    check_finite(X, str(path))
    return X


def read_features(path: Path) -> np.ndarray:
    """Read the points that a method is fitted on or scored on, whoever wrote them.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ndarray, shape (n, d), float32 or float64

    Raises
    ------
    FileNotFoundError
        No such file.
    DataError
        Not a file of features as `jcae prepare` writes it, or no table of floating-point numbers.
    """
    if path.suffix != ".npz":
        raise DataError(
            f"{path}: not features.npz, as `jcae prepare` writes it; of a file of your own it is made by "
            f'`jcae prepare NAME --entry \'{{"file": "{path}", ...}}\' --out FOLDER`'
        )
    X = read_arrays(path, "X")["X"]
    if X.ndim != 2 or 0 in X.shape or X.dtype.kind != "f":
        raise DataError(
            f"{path}: X is {X.dtype} of shape {X.shape} (needed: floating-point numbers, points x features)"
        )
    return X


def load_truth(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read truth.npz.

    Parameters
    ----------
    path : Path

    Returns
    -------
    y : ndarray, shape (n,), int64
    class_names : ndarray, shape (C,), unicode

    Raises
    ------
    DataError
        Not such a file, or labels out of range.
    """
    arrays = _load(path, "y", "class_names")
    y, class_names = arrays["y"], arrays["class_names"]
    if y.ndim != 1 or y.dtype != np.int64:
        raise DataError(f"{path}: y is {y.dtype} of shape {y.shape} instead of int64 (points,)")
    if len(y) and not 0 <= y.min() <= y.max() < len(class_names):
        raise DataError(f"{path}: labels from {y.min()} to {y.max()} for {len(class_names)} class names")
    return y, class_names


def load_card(path: Path) -> dict[str, Any]:
    """Read card.json.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict

    Raises
    ------
    DataError
        Not such a file.
    """
    try:
        card = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise DataError(f"{path}: not JSON ({error})") from None
    if not isinstance(card, dict) or not isinstance(card.get("n_clusters"), int):
        raise DataError(f"{path}: not the card of a data set, it states no n_clusters")
    return card


def _load(path: Path, *keys: str) -> dict[str, np.ndarray]:
    try:
        return read_arrays(path, *keys)
    except FileNotFoundError as error:
        raise DataError(f"{path}: not a file of arrays ({error.strerror})") from None
