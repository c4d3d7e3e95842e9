"""CUDA graphs of a training step: one launch in place of the hundred that a small network's step takes."""

import logging
from collections import Counter
from collections.abc import Callable, Hashable
from typing import NamedTuple

import torch
from torch import Tensor

log = logging.getLogger(__name__)

WARM_UP = 3
"""Steps that run as they are before one is captured: libraries set themselves up in the first ones."""


class _Graph(NamedTuple):
    graph: "torch.cuda.CUDAGraph"
    x: Tensor
    rows: Tensor


class CapturedStep:
    """A training step on a GPU, replayed from a graph once it has run a few times.

    What the step does must depend on tensors alone (their memory stays in place): batch, row numbers, parameters,
    moments, learning rate, clock. Every turn of a step has a graph of its own for every shape of batch.

    Parameters
    ----------
    step : callable
        ``step(turn, x, rows)``, no result.
    """

    def __init__(self, step: Callable[[int, Tensor, Tensor], None]):
        self._step = step
        self._pool = torch.cuda.graph_pool_handle()
        self._side = torch.cuda.Stream()
        self.forget()

        self._plain = False

    def forget(self) -> None:
        """Capture anew: what the step does has changed."""
        self._graphs: dict[Hashable, _Graph] = {}
        self._calls: Counter[Hashable] = Counter()

    def __call__(self, turn: int, x: Tensor, rows: Tensor) -> None:
        """Do a turn of the step for the batch x (S, B, d) with its rows (S, B)."""
        if self._plain:
            return self._step(turn, x, rows)
        key = (turn, x.shape)
        self._calls[key] += 1
        if key not in self._graphs:
            if self._calls[key] <= WARM_UP:
                self._side.wait_stream(torch.cuda.current_stream())
                try:
                    with torch.cuda.stream(self._side):
                        self._step(turn, x, rows)
                finally:  # also when memory runs out: the state of the block is read then
                    torch.cuda.current_stream().wait_stream(self._side)
                return None
            try:
                self._graphs[key] = self._capture(turn, x, rows)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:  # the step does something that a graph cannot hold; it still can be run
                log.warning("the training step cannot be captured, which is slower but no less right: %s", error)
                self._plain = True
                return self._step(turn, x, rows)
        captured = self._graphs[key]
        captured.x.copy_(x)
        captured.rows.copy_(rows)
        captured.graph.replay()
        return None

    def _capture(self, turn: int, x: Tensor, rows: Tensor) -> _Graph:
        captured = _Graph(torch.cuda.CUDAGraph(), x.clone(), rows.contiguous().clone())
        with torch.cuda.graph(captured.graph, pool=self._pool):
            self._step(turn, captured.x, captured.rows)
        return captured
