"""The rule by which a deep method chooses what it is not told: by the size of the data alone."""

import math

UPDATES = 1500
"""Of a pretraining, and of the training after it."""
PASSES = 10
"""Over the data, at least: large data take more than `UPDATES`."""
FEW = 1000
"""Points below which a network learns single points by heart: there it is shallow and wide, and keeps distances."""


def hidden(n: int, d: int) -> tuple[int, ...]:
    """Widths of the encoder for n points with d features: narrow ones, which train in minutes on a laptop.

    256 below `FEW` points; then 64-64-256; with 50 features or more 128-128-256; from 10000 points with 200 features on
    500-500-2000, the network of the publications.
    """
    if n < FEW:
        return (256,)
    if n >= 10000 and d >= 200:
        return (500, 500, 2000)
    return (128, 128, 256) if d >= 50 else (64, 64, 256)


def code_dim(n: int, n_clusters: int) -> int:
    """Width of the code: K; 64 below `FEW` points, or K where that is more."""
    return max(n_clusters, 64) if n < FEW else n_clusters


def batch_size(n: int) -> int:
    """A tenth of n points, down to a power of two, from 16 to 64, and to 256 from 10000 points on."""
    tenth = 1 << max(n // 10, 16).bit_length() - 1
    return min(tenth, 256 if n >= 10000 else 64)


def epochs(n: int, batch: int) -> int:
    """Passes over n points that make `UPDATES` updates: at least `PASSES`, and at most as many updates as points."""
    steps = math.ceil(n / batch)
    return max(PASSES, round(min(UPDATES, n) / steps))
