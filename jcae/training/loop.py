"""The training loop: every deep method, every phase, all seeds of a block at once.

A method describes its training as phases (what is minimised, for how long, by which optimiser, which parameters); the
loop does the rest. Tensors of a block carry a leading seed axis S and nothing ever mixes seeds: the forward pass is
stacked, the optimiser moves each seed's slice of the parameters. So a seed gets the same numbers whichever seeds are
beside it, and a seed that has converged or diverged is left alone while the others go on.

Randomness is drawn per (seed, phase, epoch or step) and never carried over, hence the state between two steps is the
parameters, the optimiser's moments, the method's own tensors and the sums of the epoch so far. A checkpoint of those
resumes exactly; and a block that outgrows its device is cut into smaller ones that carry on from the same step.

Within an epoch the host waits for the device only where a refresh may finish a seed.
"""

import json
import logging
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from jcae.randomness.seeds import generator
from jcae.training.block import Block
from jcae.training.capture import CapturedStep
from jcae.training.checkpoint import load_checkpoint, save_checkpoint
from jcae.training.heartbeat import beat
from jcae.training.optimisers import BlockOptimiser
from jcae.training.phase import Loss, Phase, Runtime

log = logging.getLogger(__name__)

SNAPSHOTS = 50
"""Times in a phase, evenly spaced, that the clusters of some points are written down (`Block.take_snapshot`)."""

CAPTURE_FROM = 50
"""Updates that a phase must have before its step is captured: a capture costs about as much as some tens of them."""


@dataclass
class State:
    """Where the training of a block stands between two steps, in host memory.

    Attributes
    ----------
    tensors : dict of str to Tensor
        Leading axis S, all of them: ``network/``, ``state/``, ``moments/``, ``mean/``, ``assigned`` and ``sums``.
    facts : dict
        What JSON can say: the phase, its counters, history, snapshots, updates, problems.
    """

    tensors: dict[str, Tensor]
    facts: dict[str, Any]

    def select(self, positions: Sequence[int]) -> "State":
        """The state of the seeds at these positions."""
        at = list(positions)
        facts = json.loads(json.dumps(self.facts))
        facts["updates"] = [facts["updates"][i] for i in at]
        facts["problems"] = {str(at.index(int(i))): text for i, text in facts["problems"].items() if int(i) in at}
        for row in facts["history"]:
            row["values"] = [row["values"][i] for i in at]
        for key in ("active", "counts"):
            if facts["counters"] is not None:
                facts["counters"][key] = [facts["counters"][key][i] for i in at]
        return State({name: tensor[at] for name, tensor in self.tensors.items()}, facts)


class BlockTooLargeError(Exception):
    """The device has too little memory for the block; `state` is where it stands, None if nothing was done."""

    def __init__(self, state: State | None):
        super().__init__("the block does not fit on its device")
        self.state = state


class _PhaseRun:
    """One phase in progress: the optimiser, which seeds are still active, counters, the averaged parameters."""

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
        self.refreshed = -1  # step of the last refresh
        self.counts = [0] * self.n_seeds  # updates of the epoch
        self.active = [i not in block.problems for i in range(self.n_seeds)]
        self.terms: list[str] = []
        self.sums: Tensor | None = None  # (S, terms)
        self.order: tuple[int, Tensor] | None = None
        self.parameters = {
            name: p for name, p in block.network.named_parameters() if phase.trainable is None or phase.trainable(name)
        }
        for name, p in block.network.named_parameters():
            p.requires_grad_(name in self.parameters)
        self.leaves = list(self.parameters.values())
        self.optimiser = BlockOptimiser(phase.optimiser, self.parameters)
        self.mean = [torch.zeros_like(p) for p in self.leaves] if phase.averaging_epoch else []
        block.set_clock(phase.name, 0, self.epoch_steps)
        block.active = torch.ones(self.n_seeds, dtype=torch.bool, device=block.device)
        worthwhile = block.device.type == "cuda" and self.total_steps >= CAPTURE_FROM
        self._take_step = CapturedStep(self._step) if capture and worthwhile else self._step
        self._select_active()

    def _select_active(self) -> None:
        self.active_seeds = [s for s in range(self.n_seeds) if self.active[s]]
        self.block.active.copy_(torch.tensor(self.active))
        self.optimiser.select(self.active_seeds)
        self._forget_capture()

    def _forget_capture(self) -> None:
        if isinstance(self._take_step, CapturedStep):
            self._take_step.forget()

    def finished(self) -> bool:
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

    def run_epoch(self, bar: tqdm) -> None:
        """One pass over the data, or what is left of it or of the steps."""
        phase = self.phase
        epoch, order = self.order or (self.epoch, self._draw(self.epoch))
        for x, rows in self.block.batches(order[:, self.batch * (phase.batch_size or 0) :], phase.batch_size):
            if phase.refresh is not None and self.step % phase.refresh_every == 0 and self.refreshed < self.step:
                self._refresh()
            if self.finished():
                break
            self._take_step(x, rows)
            self._count_step()
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

    def _step(self, x: Tensor, rows: Tensor) -> None:
        """One update. It reads and writes tensors alone, so that it can be replayed."""
        loss = self.phase.loss(self.block.augmented(x, rows), rows)
        if self.sums is None:
            self._check_terms(loss)
        gradients = torch.autograd.grad(loss.total().sum(), self.leaves, allow_unused=True, materialize_grads=True)
        self.optimiser.step([g.contiguous() for g in gradients])
        with torch.no_grad():
            if self.phase.after is not None:
                self.phase.after(x, rows)
            if self.averaging():
                torch._foreach_add_(self.mean, self.leaves)
            values = torch.stack(list(loss.terms.values()), dim=1)
            if self.sums is None:
                self.terms = list(loss.terms)
                self.sums = torch.zeros_like(values, dtype=torch.float64)
            # A finished seed's loss is not its training any more: drop it, and a NaN with it.
            self.sums += torch.where(self.block.active.unsqueeze(1), values, 0.0)
            self.block.clock += 1

    def _check_terms(self, loss: Loss) -> None:
        """Refuse a loss that is not one value per seed: broadcast, it would mix the seeds."""
        due = tuple(self.block.active.shape)
        for name, value in loss.terms.items():
            if tuple(value.shape) != due:
                raise ValueError(
                    f"phase {self.phase.name!r}: the loss term {name!r} has the shape {tuple(value.shape)}, where one "
                    f"value per seed, {due}, is due: reduce over the last axes and never the first (mean(-1), "
                    "sum((-2, -1)))"
                )

    def _count_step(self) -> None:
        """What the host has to know about the step that was just asked for."""
        for s in self.active_seeds:
            self.counts[s] += 1
            self.block.updates[s] += 1
        self.optimiser.count()
        self.step += 1
        self.batch += 1
        if self.step == self.phase.steps:
            self._forget_capture()  # from here on the step averages

    def _record(self) -> None:
        """Append the epoch's means to the history and set diverged seeds aside."""
        if not any(self.counts):
            return
        sums = self.sums.tolist()
        means = {
            name: [row[i] / count if count else None for row, count in zip(sums, self.counts, strict=True)]
            for i, name in enumerate(self.terms)
        }
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
        self.sums.zero_()
        self.counts = [0] * self.n_seeds
        if diverged:
            self._select_active()

    def finish(self) -> None:
        """Put the averaged parameters in place of the last ones."""
        averaged = self.step - self.phase.steps
        with torch.no_grad():
            for p, total in zip(self.leaves, self.mean, strict=bool(self.mean)) if averaged > 0 else ():
                for s in self.active_seeds:
                    p[s] = total[s] / averaged
        self.block.network.requires_grad_(False)
        self.block.set_clock("", 0)

    def tensors(self) -> dict[str, Tensor]:
        """What the state of the block needs of this phase."""
        found = {f"mean/{name}": value for name, value in zip(self.parameters, self.mean, strict=False)}
        found |= {f"moments/{name}": value for name, value in self.optimiser.moments.items()}
        return found | ({} if self.sums is None else {"sums": self.sums})

    def counters(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _COUNTERS}

    def restore(self, state: State) -> None:
        for name in _COUNTERS:
            setattr(self, name, state.facts["counters"][name])
        self.optimiser.restore(self.step)
        self.block.clock.fill_(self.step)
        for name, value in zip(self.parameters, self.mean, strict=False):
            value.copy_(state.tensors[f"mean/{name}"])
        for name, value in self.optimiser.moments.items():
            value.copy_(state.tensors[f"moments/{name}"])
        if "sums" in state.tensors:
            self.sums = state.tensors["sums"].to(self.block.device)
        self._select_active()


_COUNTERS = ("epoch", "step", "batch", "refreshed", "counts", "active", "terms")


def train(
    block: Block, phases: Sequence[Phase], runtime: Runtime, fingerprint: str = "", state: State | None = None
) -> None:
    """Run the phases in turn on all seeds of the block.

    Parameters
    ----------
    block : Block
        Its network is trained in place; history, problems and updates are filled.
    phases : sequence of Phase
    runtime : Runtime
    fingerprint : str
        Identifies data, parameters and seeds: a checkpoint with another one is not resumed.
    state : State, optional
        Go on from here; None looks for a checkpoint.

    Raises
    ------
    BlockTooLargeError
        The device ran out of memory. The exception holds the state after the last whole step.
    """
    if state is None and runtime.checkpoint is not None and (saved := load_checkpoint(runtime.checkpoint, fingerprint)):
        state = State(*saved)
        log.info("resuming %s from %s", runtime.label, runtime.checkpoint)
    first = 0
    if state is not None:
        first = state.facts["phase"]
        _restore(block, state)

    quiet = not (runtime.progress and sys.stderr.isatty())
    for number, phase in enumerate(phases):
        if number < first:
            continue
        run = None
        try:
            begun = state is not None and state.facts["counters"] is not None
            if not begun and phase.before is not None and len(block.problems) < len(block.seeds):
                with torch.no_grad():
                    phase.before()
            run = _PhaseRun(block, phase, runtime.capture)
            if begun:
                run.restore(state)
            elif run.total_steps:
                block.take_snapshot(phase.name, 0, [not a for a in run.active])
            state = None
            title = f"{runtime.label} {phase.name}".strip()
            with tqdm(total=run.epochs, initial=run.epoch, desc=title, unit="epoch", disable=quiet) as bar:
                while not run.finished():
                    with tqdm(total=run.epoch_steps, unit="batch", leave=False, disable=quiet) as inner:
                        run.run_epoch(inner)
                    bar.update()
                    beat(runtime.checkpoint, phases, number, run)
                    if runtime.checkpoint and runtime.checkpoint_every and run.epoch % runtime.checkpoint_every == 0:
                        _save(runtime.checkpoint, fingerprint, block, number, run)
            run.finish()
        except torch.OutOfMemoryError:
            raise BlockTooLargeError(block_state(block, number, run)) from None
    block.network.requires_grad_(False)
    if runtime.checkpoint and runtime.checkpoint_every:
        _save(runtime.checkpoint, fingerprint, block, len(phases), None)


def _restore(block: Block, state: State) -> None:
    """Put the block where the state says."""
    facts = state.facts
    block.history, block.updates = facts["history"], facts["updates"]
    block.problems = {int(s): text for s, text in facts["problems"].items()}
    block.snapshots = [tuple(when) for when in facts["snapshots"]]
    block.assigned = list(state.tensors["assigned"].unbind(1)) if block.snapshots else []
    block.state.update({k[6:]: v.to(block.device) for k, v in state.tensors.items() if k.startswith("state/")})
    block.network.load_state_dict({k[8:]: v for k, v in state.tensors.items() if k.startswith("network/")})


def block_state(block: Block, phase: int, run: _PhaseRun | None = None) -> State:
    """Where a block stands: in a phase, or (without `run`) before it; the number of phases means that all is done."""
    tensors = {f"network/{k}": v for k, v in block.network.state_dict().items()}
    tensors |= {f"state/{k}": v for k, v in block.state.items()}
    if block.assigned:
        tensors["assigned"] = torch.stack(block.assigned, dim=1)
    if run is not None:
        tensors |= run.tensors()
    facts = {
        "phase": phase,
        "counters": None if run is None else run.counters(),
        "history": block.history,
        "snapshots": block.snapshots,
        "updates": block.updates,
        "problems": block.problems,
    }
    return State({k: v.detach().cpu() for k, v in tensors.items()}, json.loads(json.dumps(facts)))


def _save(path: Path, fingerprint: str, block: Block, phase: int, run: _PhaseRun | None) -> None:
    state = block_state(block, phase, run)
    save_checkpoint(path, fingerprint, state.tensors, state.facts)


@torch.no_grad()
def full_loss(block: Block, phase: Phase) -> Tensor:
    """Mean over the batches, in the order of the rows, of a phase's loss at the present parameters, (S,)."""
    order = torch.arange(len(block.x)).expand(len(block.seeds), -1)
    block.set_clock("final", 0)
    totals = [phase.loss(x, rows).total().double() for x, rows in block.batches(order, phase.batch_size)]
    return sum(totals) / len(totals)  # one after the other: a reduction's order depends on the number of seeds
