"""One phase of a training in progress: which seeds still move, the turns of its losses, counters, history."""

import math
from typing import Any

import torch
from torch import Tensor

from jcae.nn.normalisation import running_statistics
from jcae.randomness.seeds import generator
from jcae.training.block import Block
from jcae.training.capture import CapturedStep
from jcae.training.forecast import Watched
from jcae.training.phase import Phase
from jcae.training.state import State
from jcae.training.turn import TurnRun

SNAPSHOTS = 50
"""Times in a phase, evenly spaced, that the clusters of some points are written down (`Block.take_snapshot`)."""

CAPTURE_FROM = 50
"""Updates that a phase must have before its step is captured: a capture costs about as much as some tens of them."""


class PhaseRun:
    """One phase in progress: the turns of its losses, which seeds are still active, counters, averaged parameters."""

    def __init__(self, block: Block, phase: Phase, capture: bool):
        self.block, self.phase = block, phase
        self.n_seeds = len(block.seeds)
        self.epoch_steps = block.epoch_steps(phase.batch_size)
        self.total_steps = phase.steps + (self.epoch_steps if phase.averaging_epoch else 0)
        self.epochs = math.ceil(self.total_steps / self.epoch_steps)
        spaced = torch.linspace(0, self.epochs - 1, min(self.epochs, SNAPSHOTS), dtype=torch.float64)
        self.snapshots = set(spaced.round().int().tolist())
        self.epoch = self.step = 0
        self.batch = 0  # of the epoch
        self.turn = 0  # of the update
        self.refreshed = -1  # step of the last refresh
        self.counts = [0] * self.n_seeds  # updates of the epoch
        self.active = [i not in block.problems for i in range(self.n_seeds)]
        self.order: tuple[int, Tensor] | None = None
        self.turns: list[TurnRun] = []
        for _ in phase.turns():
            self.turns.append(TurnRun(block, phase, before=self.turns[:]))
        self.turns[0].select_parameters()
        self.averaged = self._averaged() if phase.averaging_epoch else {}
        self.mean = [torch.zeros_like(value) for value in self.averaged.values()]
        block.set_clock(phase.name, 0, self.epoch_steps)
        block.active = torch.ones(self.n_seeds, dtype=torch.bool, device=block.device)
        worthwhile = block.device.type == "cuda" and self.total_steps >= CAPTURE_FROM
        self._take_turn = CapturedStep(self._turn) if capture and worthwhile else self._turn
        self._select_active()

    def _averaged(self) -> dict[str, Tensor]:
        """What the averaging epoch takes the mean of: what is trained, and the running statistics that belong to it."""
        trained = {name for turn in self.turns for name in turn.parameters}
        parameters = {name: p for name, p in self.block.network.named_parameters() if name in trained}
        return parameters | running_statistics(self.block.network)

    def _select_active(self) -> None:
        self.active_seeds = [s for s in range(self.n_seeds) if self.active[s]]
        self.block.active.copy_(torch.tensor(self.active))
        for turn in self.turns:
            turn.optimiser.select(self.active_seeds)
        self._forget_capture()

    def _forget_capture(self) -> None:
        if isinstance(self._take_turn, CapturedStep):
            self._take_turn.forget()

    @property
    def terms(self) -> list[str]:
        """Names of the terms of its losses, once they have been computed."""
        return [name for turn in self.turns for name in turn.terms]

    def finished(self) -> bool:
        """Whether no step is left, or no seed to take it."""
        return self.step >= self.total_steps or not any(self.active)

    def averaging(self) -> bool:
        """Whether the next step belongs to the averaging epoch."""
        return self.step >= self.phase.steps

    def _draw(self, epoch: int) -> Tensor:
        """Order of the rows in an epoch, (S, n)."""
        n, pinned = len(self.block.x), self.block.device.type == "cuda"
        if self.phase.batch_size is None:
            return torch.arange(n).expand(self.n_seeds, n)
        order = torch.empty(self.n_seeds, n, dtype=torch.int64, pin_memory=pinned)
        for s, seed in enumerate(self.block.seeds):
            torch.randperm(n, generator=generator(seed, "batches", self.phase.name, epoch), out=order[s])
        return order

    def run_epoch(self, bar: Watched) -> None:
        """One pass over the data, or what is left of it or of the steps."""
        phase = self.phase
        epoch, order = self.order or (self.epoch, self._draw(self.epoch))
        for x, rows in self.block.batches(order[:, self.batch * (phase.batch_size or 0) :], phase.batch_size):
            if phase.refresh is not None and self.step % phase.refresh_every == 0 and self.refreshed < self.step:
                self._refresh()
            if self.finished():
                break
            self._update(x, rows)
            bar.update()
        if self.epoch + 1 < self.epochs:  # drawn now, while the device still works
            self.order = (epoch + 1, self._draw(epoch + 1))
        self._record()
        self.epoch, self.batch = self.epoch + 1, 0

    @torch.no_grad()
    def _refresh(self) -> None:
        done = self.phase.refresh(self.step)
        self.refreshed = self.step
        if done is not None:
            active = [a and not d for a, d in zip(self.active, done.tolist(), strict=True)]
            if active != self.active:
                self.active = active
                self._select_active()

    def _update(self, x: Tensor, rows: Tensor) -> None:
        """The losses in turn. Between two turns the state is whole, too, and training can go on from there."""
        for number in range(self.turn, len(self.turns)):
            self._take_turn(number, x, rows)
            self.turns[number].optimiser.count()
            self.turn = number + 1
        self.turn = 0
        self._count_step()

    def _turn(self, number: int, x: Tensor, rows: Tensor) -> None:
        """One turn of an update. It reads and writes tensors alone, so that it can be replayed."""
        turn = self.turns[number]
        if len(self.turns) > 1:
            turn.select_parameters()
        turn.step(x, rows)
        if turn is self.turns[-1]:
            with torch.no_grad():
                if self.phase.after is not None:
                    self.phase.after(x, rows)
                if self.averaging():
                    torch._foreach_add_(self.mean, list(self.averaged.values()))
                self.block.clock += 1

    def _count_step(self) -> None:
        """What the host has to know about the step that was just asked for."""
        for s in self.active_seeds:
            self.counts[s] += 1
            self.block.updates[s] += 1
        self.step += 1
        self.batch += 1
        if self.step == self.phase.steps:
            self._forget_capture()  # from here on the step averages

    def _record(self) -> None:
        """Append the epoch's means to the history and set diverged seeds aside."""
        if not any(self.counts):
            return
        means: dict[str, list[float | None]] = {}
        for turn in self.turns:
            means |= turn.means(self.counts)
        if self.phase.monitor is not None:
            with torch.no_grad():
                monitored = self.phase.monitor(next(self.block.chunks()))
            for name, values in monitored.items():
                means[name] = [v if n else None for v, n in zip(values.tolist(), self.counts, strict=True)]
        diverged = False
        for name, values in means.items():
            row = {"phase": self.phase.name, "epoch": self.epoch, "step": self.step, "term": name, "values": values}
            self.block.history.append(row)
            for s, value in enumerate(values):
                if self.active[s] and value is not None and not math.isfinite(value):
                    self.active[s], diverged = False, True
                    self.block.problems[s] = (
                        f"loss term {name!r} became {value} in epoch {self.epoch} of phase {self.phase.name!r}"
                    )
        if self.epoch in self.snapshots:
            stopped = [not n for n in self.counts]
            self.block.take_snapshot(self.phase.name, self.step, stopped)
        for turn in self.turns:
            turn.sums.zero_()
        self.counts = [0] * self.n_seeds
        if diverged:
            self._select_active()

    def finish(self) -> None:
        """Put the averaged parameters in place of the last ones."""
        averaged = self.step - self.phase.steps
        with torch.no_grad():
            for value, total in zip(self.averaged.values(), self.mean, strict=True) if averaged > 0 else ():
                for s in self.active_seeds:
                    value[s] = total[s] / averaged
        self.block.network.requires_grad_(False)
        self.block.set_clock("", 0)

    def tensors(self) -> dict[str, Tensor]:
        """What the state of the block needs of this phase."""
        found = {f"mean/{name}": value for name, value in zip(self.averaged, self.mean, strict=True)}
        for turn in self.turns:
            found |= turn.tensors()
        return found

    def counters(self) -> dict[str, Any]:
        """What JSON can say of it."""
        found = {name: getattr(self, name) for name in _COUNTERS}
        for turn in self.turns:
            found |= turn.counters()
        return found

    def restore(self, state: State) -> None:
        """Go on from a state."""
        counters = state.facts["counters"]
        for name in _COUNTERS:
            setattr(self, name, counters.get(name, getattr(self, name)))  # states once had no turn
        for number, turn in enumerate(self.turns):
            turn.restore(state, self.step + (number < self.turn))
        self.block.clock.fill_(self.step)
        for name, value in zip(self.averaged, self.mean, strict=True):
            value.copy_(state.tensors[f"mean/{name}"])
        self._select_active()


_COUNTERS = ("epoch", "step", "batch", "turn", "refreshed", "counts", "active")
