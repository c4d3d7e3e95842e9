"""The seeds that are trained together: their networks, the data they see, and what a method keeps beside them."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from jcae.augmentation.augmentation import DRAWS, Augmentation
from jcae.nn.graph import Nodes
from jcae.randomness import noise
from jcae.randomness.seeds import stream

CHUNK = 2048
"""Rows of the data that one pass without gradients takes at a time, for every seed of the block."""


class Block:
    """Seeds side by side; every tensor of a block carries a leading seed axis S and nothing ever mixes seeds.

    Parameters
    ----------
    network : nn.Module
        Every parameter and buffer has a leading axis of length S. Its device is the block's.
    x : Tensor, (n, d)
        On the block's device, or in host memory (pinned, or mapped from a file) where it does not fit there: batches
        are then gathered by the processor while the device works. The results are the same.
    seeds : sequence of int
    nodes : Nodes or None
        The rows as the nodes of their graph, for a method that takes one.
    augmentation : Augmentation or None
        How the images are changed that a step trains on; everything else sees the rows of x.

    Attributes
    ----------
    device : torch.device
    active : Tensor of bool, (S,)
        False for a seed that has finished or diverged.
    state : dict of str to Tensor
        The method's own tensors (target distribution, last labels ...), leading axis S; part of every checkpoint.
    history : list of dict
        One row per (phase, epoch, term): keys ``phase, epoch, step, term, values`` with S means over the epoch's
        batches, None for a seed that took no step in it.
    problems : dict of int to str
        Position of a diverged seed -> what happened.
    updates : list of int
        Optimiser steps done, per seed.
    assign : callable or None
        Clusters int64 (S, m) of the rows (m,) at the present parameters, for `snapshots`.
    snapshots : list of tuple of (str, int)
        Phase and updates done in it when the clusters of `watched` were written down.
    assigned : list of Tensor of int16, (S, m)
        What was found then, in host memory; -1 for a seed that had stopped.
    """

    def __init__(
        self,
        network: nn.Module,
        x: Tensor,
        seeds: Sequence[int],
        nodes: Nodes | None = None,
        augmentation: Augmentation | None = None,
    ):
        self.network = network
        self.nodes = nodes
        self.augmentation = augmentation
        self.x = x
        self.seeds = list(seeds)
        self.device = next(network.parameters()).device
        self.state: dict[str, Tensor] = {}
        self.history: list[dict[str, Any]] = []
        self.problems: dict[int, str] = {}
        self.updates = [0] * len(self.seeds)
        self.assign: Callable[[Tensor], Tensor] | None = None
        self.snapshots: list[tuple[str, int]] = []
        self.assigned: list[Tensor] = []
        self.active = torch.ones(len(self.seeds), dtype=torch.bool, device=self.device)
        self.set_clock("", 0)

    # ------------------------------------------------------------------ data

    def epoch_steps(self, batch_size: int | None) -> int:
        """Updates in one pass over the data; the last batch may be smaller."""
        return 1 if batch_size is None else math.ceil(len(self.x) / batch_size)

    def whole(self) -> Tensor:
        """All rows in their order, (S, n, d), without a copy per seed."""
        return self.x.to(self.device).expand(len(self.seeds), -1, -1)

    def batches(self, order: Tensor, batch_size: int | None) -> Iterator[tuple[Tensor, Tensor]]:
        """The data in the order of the row numbers, int64 (S, m) in host memory; without a batch size, all as they lie.

        Yields
        ------
        x : Tensor, (S, B, d)
        rows : Tensor of int64, (S, B)
            Both on the block's device; the last batch may be smaller.
        """
        if batch_size is None:
            yield self.whole(), order.to(self.device)
            return
        on_device = order.to(self.device, non_blocking=True).split(batch_size, dim=1)
        if self.x.device == self.device:
            for rows in on_device:
                yield self.rows_of(self.x, rows), rows
            return
        # Two buffers: the device still reads one while the processor fills the other.
        buffers = [torch.empty(0, dtype=self.x.dtype, pin_memory=True) for _ in range(2)]
        copied = [torch.cuda.Event(), torch.cuda.Event()]
        for i, (rows, gathered) in enumerate(zip(on_device, order.split(batch_size, dim=1), strict=True)):
            copied[i % 2].synchronize()
            buffer = buffers[i % 2].resize_(gathered.numel(), self.x.shape[1])
            torch.index_select(self.x, 0, gathered.reshape(-1), out=buffer)
            x = buffer.to(self.device, non_blocking=True)
            copied[i % 2].record()
            yield x.view(*rows.shape, -1), rows

    @staticmethod
    def rows_of(column: Tensor, rows: Tensor) -> Tensor:
        """The entries of a column (n, ...) that belong to the rows (S, B) of a batch: (S, B, ...)."""
        return column.index_select(0, rows.reshape(-1)).view(*rows.shape, *column.shape[1:])

    def chunks(self) -> Iterator[Tensor]:
        """The data in order, (S, CHUNK, d), without a copy per seed."""
        for part in self.x.split(CHUNK):
            yield part.to(self.device, non_blocking=True).expand(len(self.seeds), -1, -1)

    @torch.no_grad()
    def map(self, function: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply `function` (S, m, d) -> (S, m, ...) to all rows: (S, n, ...)."""
        return torch.cat([function(part) for part in self.chunks()], dim=1)

    def watched(self) -> Tensor:
        """Row numbers, at most `CHUNK` and evenly spaced, whose clusters are followed through the training, (m,)."""
        n = len(self.x)
        return torch.arange(min(n, CHUNK)) * n // min(n, CHUNK)

    @torch.no_grad()
    def take_snapshot(self, phase: str, step: int, stopped: Sequence[bool]) -> None:
        """Write down the clusters of the watched rows, if `assign` says how."""
        if self.assign is None:
            return
        found = self.assign(self.watched()).to(torch.int16).cpu()
        found[list(stopped)] = -1
        self.snapshots.append((phase, step))
        self.assigned.append(found)

    def keep(self, name: str, value: Tensor) -> None:
        """Set ``state[name]``; one that exists keeps its memory, which a captured step reads."""
        if name in self.state:
            self.state[name].copy_(value)
        else:
            self.state[name] = value.clone()

    def mean(self) -> Tensor:
        """Mean of the data, (d,), summed in float64."""
        return (sum(part[0].double().sum(0) for part in self.chunks()) / len(self.x)).to(self.x.dtype)

    # ------------------------------------------------------------------ random numbers of a step

    def set_clock(self, phase: str, step: int, epoch_steps: int = 1) -> None:
        """Say which step of which phase, with how many in an epoch, draws the random numbers from here on."""
        self._phase, self._epoch_steps = phase, epoch_steps
        self._keys: dict[str, Tensor] = {}
        self.clock = torch.tensor(step, device=self.device)

    def uniform(self, name: str, *shape: int) -> Tensor:
        """Numbers between 0 and 1, (S, ``*shape``), anew in every step; `name` tells the draws of one step apart."""
        return noise.uniform(self._stream(name), self.clock, shape, self.x.dtype)

    def normal(self, name: str, *shape: int) -> Tensor:
        """Standard normal numbers, (S, ``*shape``); as `uniform`."""
        return noise.normal(self._stream(name), self.clock, shape, self.x.dtype)

    def augmented(self, x: Tensor, rows: Tensor) -> Tensor:
        """What a step trains on in place of the rows of a batch, both (S, B, d); `rows` are their numbers, (S, B)."""
        if self.augmentation is None:
            return x
        copies = self.augmentation.recipe.copies
        if copies == 0:
            return self.augmentation(x, self.uniform("augmentation", rows.shape[1], len(DRAWS)))
        # A copy is a function of the seed, the row and its own number, so it need not be kept. An epoch sees every row
        # once, in one of its versions, and the next epoch in the next one: 1 + copies epochs are a pass over all.
        first, keys = (
            self._stream(name, "").unsqueeze(1).expand_as(rows).reshape(-1) for name in ("first version", "copies")
        )
        begin = (noise.bits(first, rows.reshape(-1), (1,)) >> 1).view_as(rows)
        version = (begin + self.clock // self._epoch_steps) % (copies + 1)
        places = (rows * (copies + 1) + version).reshape(-1)
        numbers = noise.uniform(keys, places, (len(DRAWS),), x.dtype).view(*rows.shape, -1)
        return torch.where(version.unsqueeze(-1) == 0, x, self.augmentation(x, numbers))

    def _stream(self, name: str, phase: str | None = None) -> Tensor:
        if name not in self._keys:
            keys = [stream(seed, "noise", self._phase if phase is None else phase, name) for seed in self.seeds]
            self._keys[name] = torch.tensor(keys, device=self.device)
        return self._keys[name]
