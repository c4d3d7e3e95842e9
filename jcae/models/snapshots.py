"""The clusters of some points through the training of one seed."""

from typing import NamedTuple

import numpy as np

from jcae.training.block import Block


class Snapshots(NamedTuple):
    """The clusters of some points through the training.

    Attributes
    ----------
    rows : ndarray of int64, (m,)
        The points: at most 2,048, evenly spaced.
    phases : ndarray of str, (T,)
    steps : ndarray of int64, (T,)
        Updates done in the phase.
    labels : ndarray of int16, (T, m)
    """

    rows: np.ndarray
    phases: np.ndarray
    steps: np.ndarray
    labels: np.ndarray

    @classmethod
    def of_seed(cls, block: Block, s: int) -> "Snapshots":
        """Those of the seed at position `s`, until it stopped."""
        taken = [
            (phase, step, assigned[s].numpy())
            for (phase, step), assigned in zip(block.snapshots, block.assigned, strict=True)
            if int(assigned[s, 0]) >= 0
        ]
        rows = block.watched().numpy()
        labels = np.array([labels for *_, labels in taken], dtype=np.int16).reshape(-1, len(rows))
        steps = np.array([step for _, step, _ in taken], dtype=np.int64)
        return cls(rows, np.array([phase for phase, *_ in taken], dtype=str), steps, labels)
