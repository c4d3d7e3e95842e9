"""Labels that came with the data: from a column or a file of their own, and whether they can be classes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jcae.data.formats import DataError, DataFormatError, read_idx, unpacked
from jcae.data.own.arrays import content_of, map_array
from jcae.data.own.source import FORMATS


def read_labels(path: Path, n: int | None) -> np.ndarray:
    """Read a file that holds nothing but labels.

    Parameters
    ----------
    path : Path
        npy, IDX, or text with a label per line; one line more than there are points is the head of the column.
    n : int or None
        Points; None where any number of them will do.

    Returns
    -------
    ndarray, shape (n,)
        Numbers, or text.

    Raises
    ------
    DataError
        No such file, not in its format, or with another number of labels.
    """
    where = str(path)
    if FORMATS["npy"].search(path.name):
        labels = np.array(map_array(path))
        labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    elif FORMATS["idx"].search(path.name):
        labels = read_idx(content_of(path), where)
    else:
        labels = _lines(path)
        labels = labels[1:] if n is not None and len(labels) == n + 1 else labels
        labels = numbers_or_text(labels)
    if labels.ndim != 1:
        raise DataFormatError(f"{where}: labels of shape {labels.shape} instead of one per point")
    if n is not None and len(labels) != n:
        raise DataError(f"{where}: {len(labels)} labels for {n} points")
    return labels


def _lines(path: Path) -> np.ndarray:
    content = content_of(path)
    if content.startswith(b"\x1f\x8b"):
        with path.open("rb") as packed:
            content = unpacked(packed, str(path)).read()
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataFormatError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    labels = [line.strip().strip('"').strip() for line in lines]
    while labels and not labels[-1]:
        labels.pop()
    for number, label in enumerate(labels, 1):
        if "," in label or "\t" in label:
            raise DataFormatError(f"{path}: line {number} has several columns (needed: one label per line)")
    return np.array(labels, dtype=np.str_)


def numbers_or_text(labels: np.ndarray) -> np.ndarray:
    """Take labels that were written as text for numbers where all of them are, so that 2 comes before 10.

    Parameters
    ----------
    labels : ndarray of str, shape (n,)

    Returns
    -------
    ndarray, shape (n,), int64, float64 or unicode
    """
    text = np.char.strip(plain(labels))
    if not len(text):
        return text
    names, places = np.unique(text, return_inverse=True)
    for kind in (np.int64, np.float64):
        try:
            return np.array([kind(name) for name in names])[places]
        except (ValueError, OverflowError):
            continue
    return text


def plain(labels: Any) -> np.ndarray:
    """Labels as an array of numbers or of text; what is missing becomes an empty text, or stays NaN among numbers.

    Parameters
    ----------
    labels : array-like, shape (n,)

    Returns
    -------
    ndarray, shape (n,)
    """
    labels = np.asarray(labels)
    if labels.dtype.kind == "S":
        return np.array([name.decode("utf-8", "replace") for name in labels.tolist()], dtype=np.str_)
    if labels.dtype.kind in "OT":
        missing = [value is None or value != value for value in labels.tolist()]
        names = ["" if gone else _name(value) for value, gone in zip(labels.tolist(), missing, strict=True)]
        return np.array(names, dtype=np.str_)
    return labels


def _name(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def check_labels(
    labels: np.ndarray, where: str, place: Callable[[int], str], n_clusters: int | None = None
) -> np.ndarray:
    """Refuse labels that cannot be classes.

    Parameters
    ----------
    labels : ndarray, shape (n,)
    where : str
        Name of the file and the column, for messages.
    place : callable
        Given the number of a row from 0, says where it is in the file.
    n_clusters : int, optional
        How many classes the config says that there are.

    Returns
    -------
    ndarray, shape (n,)
        The labels; whole numbers as integers, even if they were floats.

    Raises
    ------
    DataError
        Missing labels, one class only, fractions, more classes than half the points, or another number than n_clusters.
    """
    if labels.dtype.kind not in "biufU":
        raise DataError(f"{where}: labels of type {labels.dtype} (allowed: whole numbers, text)")
    missing = np.isnan(labels) if labels.dtype.kind == "f" else labels == "" if labels.dtype.kind == "U" else None
    if missing is not None and missing.any():
        raise DataError(f"{where}: {place(int(missing.argmax()))} has no label ({int(missing.sum())} have none)")
    if labels.dtype.kind == "f":
        broken = (labels != np.floor(labels)) | (np.abs(labels) >= 2**53)
        if broken.any():
            row = int(broken.argmax())
            raise DataError(
                f"{where}: {place(row)} has the label {labels[row]:g}; a quantity to predict is no class "
                "(allowed: whole numbers, text)"
            )
        labels = labels.astype(np.int64)
    n_classes = len(np.unique(labels))
    if n_classes == 1:
        raise DataError(f"{where}: all points have the label {labels[0]!s} (needed: at least 2 classes)")
    if n_classes > len(labels) / 2:
        raise DataError(
            f"{where}: {n_classes} classes for {len(labels)} points; an identifier or a quantity is no class"
        )
    if n_clusters not in (None, n_classes):
        raise DataError(f"{where}: {n_classes} classes, but n_clusters is {n_clusters}; leave n_clusters out")
    return labels
