"""Independent random streams, one per (seed, purpose): nothing is shared between seeds, purposes, phases or epochs."""

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def stream(seed: int, *purpose: str | int) -> int:
    """Derive the 63-bit seed of one stream.

    Parameters
    ----------
    seed : int
        Seed of the run, 0 <= seed < 2**32 (scikit-learn's range).
    *purpose : str or int
        What the stream is for, from the general to the particular: ``"batches", "joint", 12``.

    Returns
    -------
    int
        The same for the same arguments on every machine and in every version of Python.
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed {seed!r} is out of range; allowed are 0 to {2**32 - 1}")
    digest = hashlib.sha256("\x1f".join([str(int(seed)), *map(str, purpose)]).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator(seed: int, *purpose: str | int) -> "torch.Generator":
    """Torch generator of one stream, on the CPU: the same numbers whatever device trains (arguments as `stream`)."""
    import torch

    return torch.Generator().manual_seed(stream(seed, *purpose))


def sklearn_seed(seed: int, *purpose: str | int) -> int:
    """A ``random_state`` for scikit-learn drawn from the stream (arguments as `stream`)."""
    return stream(seed, *purpose) % 2**32


def numpy_generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """Numpy generator of one stream (arguments as `stream`)."""
    return np.random.default_rng(stream(seed, *purpose))
