"""One loss of a phase in progress: its gradient at a batch, and the step along it."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from jcae.nn.normalisation import running_statistics
from jcae.training.block import Block
from jcae.training.optimisers import BlockOptimiser
from jcae.training.phase import Loss, Phase
from jcae.training.state import State


class TurnRun:
    """A loss in progress: the parameters that it moves, their optimiser, the sums of its terms over the epoch.

    Parameters
    ----------
    block : Block
    phase : Phase
    before : sequence of TurnRun
        The turns before it in the phase.

    Attributes
    ----------
    parameters : dict of str to Tensor
        What it moves.
    terms : list of str
        Of the loss, once it has been computed.
    sums : Tensor of float64, (S, terms), or None
    """

    def __init__(self, block: Block, phase: Phase, before: "Sequence[TurnRun]"):
        self.block, self.phase, self.before = block, phase, before
        turn = phase.turns()[len(before)]
        self._loss = turn.loss
        self._suffix = f".{len(before)}" if before else ""
        self.terms: list[str] = []
        self.sums: Tensor | None = None
        self.parameters = {
            name: p for name, p in block.network.named_parameters() if turn.trainable is None or turn.trainable(name)
        }
        if not self.parameters:
            names = [name for name, _ in block.network.named_parameters()]
            raise ValueError(
                f"phase {phase.name!r}: loss {len(before)} has no parameter to train; `trainable` must allow some of "
                f"{names}"
            )
        self._leaves = list(self.parameters.values())
        self._running = list(running_statistics(block.network).values())
        self.optimiser = BlockOptimiser(turn.optimiser, self.parameters)

    def select_parameters(self) -> None:
        """Let its parameters alone have gradients."""
        self.block.network.requires_grad_(False)
        for p in self._leaves:
            p.requires_grad_()

    def step(self, x: Tensor, rows: Tensor) -> None:
        """Move along the gradient at a batch. It reads and writes tensors alone, so that it can be replayed."""
        kept = [statistics.clone() for statistics in self._running]
        try:
            loss = self._loss(self.block.augmented(x, rows), rows)
            if self.sums is None:
                self._check(loss)
            gradients = torch.autograd.grad(loss.total().sum(), self._leaves, allow_unused=True, materialize_grads=True)
        except torch.OutOfMemoryError:  # the step is done again elsewhere
            for statistics, value in zip(self._running, kept, strict=True):
                statistics.copy_(value)
            raise
        self.optimiser.step([g.contiguous() for g in gradients])
        with torch.no_grad():
            active = self.block.active.unsqueeze(1)
            for statistics, value in zip(self._running, kept, strict=True):
                statistics.copy_(torch.where(active, statistics, value))
            values = torch.stack(list(loss.terms.values()), dim=1)
            if self.sums is None:
                self.terms = list(loss.terms)
                self.sums = torch.zeros_like(values, dtype=torch.float64)
            # A finished seed's loss is not its training any more: drop it, and a NaN with it.
            self.sums += torch.where(active, values, 0.0)

    def _check(self, loss: Loss) -> None:
        """Refuse a loss that is not one value per seed (broadcast, it would mix the seeds), or a name that is taken."""
        due = tuple(self.block.active.shape)
        for name, value in loss.terms.items():
            if tuple(value.shape) != due:
                raise ValueError(
                    f"phase {self.phase.name!r}: the loss term {name!r} has the shape {tuple(value.shape)}, where one "
                    f"value per seed, {due}, is due: reduce over the last axes and never the first (mean(-1), "
                    "sum((-2, -1)))"
                )
            if any(name in turn.terms for turn in self.before):
                raise ValueError(
                    f"phase {self.phase.name!r}: two of its losses have a term {name!r}; in the history each term of a "
                    "phase needs a name of its own"
                )

    def means(self, counts: Sequence[int]) -> dict[str, list[float | None]]:
        """Mean of each term over so many updates of the epoch, None for a seed that had none."""
        sums = self.sums.tolist()
        return {
            name: [row[i] / count if count else None for row, count in zip(sums, counts, strict=True)]
            for i, name in enumerate(self.terms)
        }

    def tensors(self) -> dict[str, Tensor]:
        """What the state of the block needs of it."""
        found = {f"moments{self._suffix}/{name}": value for name, value in self.optimiser.moments.items()}
        return found | ({} if self.sums is None else {f"sums{self._suffix}": self.sums})

    def counters(self) -> dict[str, Any]:
        """What JSON can say of it."""
        return {f"terms{self._suffix}": self.terms}

    def restore(self, state: State, steps: int) -> None:
        """Go on from a state after so many steps of its own."""
        self.terms = state.facts["counters"][f"terms{self._suffix}"]
        self.optimiser.restore(steps)
        for name, value in self.optimiser.moments.items():
            value.copy_(state.tensors[f"moments{self._suffix}/{name}"])
        if f"sums{self._suffix}" in state.tensors:
            self.sums = state.tensors[f"sums{self._suffix}"].to(self.block.device)
