"""A warning where data lie so far from zero that float32 and the first layer of a network suffer."""

import warnings
from typing import Any

import numpy as np

FAR = 100.0
"""Distance of the data's mean from zero, in root mean squared distances of the points from that mean, from which
`FarFromZeroWarning` is given: float32 then has five of its seven digits left for what tells points apart."""
LOOK_AT = 2048
"""Rows, evenly spaced, that the two are estimated from."""


class FarFromZeroWarning(UserWarning):
    """The data's mean lies much farther from zero than the points from their mean: centre or standardise them."""


def warn_far_from_zero(owner: Any, X: np.ndarray) -> None:
    """Give a `FarFromZeroWarning` if X (n, d) lies `FAR` from zero; data that are all the same are not meant."""
    some = X[:: -(-len(X) // LOOK_AT)].astype(np.float64)
    mean = some.mean(0)
    spread = np.sqrt(np.square(some - mean).sum(1).mean())
    distance = np.linalg.norm(mean)
    if distance > FAR * spread and np.ptp(some, axis=0).any():
        warnings.warn(
            f"{type(owner).__name__}: the data's mean lies {distance:.3g} from zero, {distance / spread:.0f} times as "
            f"far as the points lie from it (more than {FAR:.0f} is far): digits are lost, and training is slow. "
            "Centre or standardise the data first, own data in a config by `scale: standard`",
            FarFromZeroWarning,
            stacklevel=5,
        )
