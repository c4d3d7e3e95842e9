"""Arrays as this project keeps them: in files whose bytes hang on the arrays alone, and known by a checksum."""

import hashlib
from pathlib import Path

import numpy as np


def array_sha256(*arrays: np.ndarray) -> str:
    """Checksum of arrays: dtype, shape and contents of each, and not of the file that holds them.

    Parameters
    ----------
    *arrays : ndarray

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def save_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write a compressed npz under exactly this name (numpy appends .npz to a path, not to an open file).

    Parameters
    ----------
    path : Path
        Replaced when it is there; to have it whole or not at all, use `jcae.files.replacing`.
    **arrays : ndarray
        `jcae.data.formats.read_arrays` gives them back.
    """
    with open(path, "wb") as file:
        np.savez_compressed(file, **arrays)
