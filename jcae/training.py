"""The training loop: every deep method, every phase, all seeds of a block at once.

A method describes its training as phases (what is minimised, for how long, by which optimiser, which parameters); the
loop does the rest. Tensors of a block carry a leading seed axis S and nothing ever mixes seeds: the forward pass is
stacked, the optimiser runs on each seed's slice of the parameters. So a seed gets the same numbers whichever seeds are
beside it, and a seed that has converged or diverged is left alone while the others go on.

Randomness is drawn per (seed, phase, epoch) and never carried over, hence the state at the end of an epoch is the
parameters, the optimiser's moments and the method's own tensors; a checkpoint of those resumes exactly.
"""

import json
import logging
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from tqdm import tqdm

from jcae.checkpoint import load_checkpoint, save_checkpoint
from jcae.optimisers import BlockOptimiser, Optimiser
from jcae.seeds import generator

log = logging.getLogger(__name__)

CHUNK = 2048
"""Rows of the data that one pass without gradients takes at a time, for every seed of the block."""


class Loss(NamedTuple):
    """Loss of a batch, one value per seed.

    Attributes
    ----------
    terms : dict of str to Tensor, (S,)
        What is minimised is their sum.
    monitored : dict of str to Tensor, (S,)
        Written to the history beside them, not minimised.
    """

    terms: dict[str, Tensor]
    monitored: dict[str, Tensor] = {}  # noqa: RUF012 - never modified

    def total(self) -> Tensor:
        """Sum of the terms, (S,)."""
        return torch.stack(list(self.terms.values())).sum(0)


@dataclass
class Phase:
    """A stretch of training with one loss and one optimiser.

    Attributes
    ----------
    name : str
        Appears in the history and seeds the batch order.
    loss : callable
        ``loss(x, rows)`` with a batch x (S, B, d) and its row numbers (S, B), int64, returns a `Loss`.
    steps : int
        Updates; an epoch is one pass over the data in an order of its own for every seed.
    batch_size : int
    optimiser : Optimiser
    trainable : callable or None
        Tells by its name whether a parameter is trained; None trains all.
    before : callable or None
        Run once before the first step (an initialisation by k-means, say).
    refresh : callable or None
        ``refresh(step)`` is run before step 0, `refresh_every`, 2 `refresh_every` ... and may return a bool Tensor (S,)
        that marks seeds as finished: their parameters stay as they are from then on.
    averaging_epoch : bool
        Train one more epoch and return the mean of the parameters after each of its steps.
    """

    name: str
    loss: Callable[[Tensor, Tensor], Loss]
    steps: int
    batch_size: int
    optimiser: Optimiser = field(default_factory=Optimiser)
    trainable: Callable[[str], bool] | None = None
    before: Callable[[], None] | None = None
    refresh: Callable[[int], Tensor | None] | None = None
    refresh_every: int = 1
    averaging_epoch: bool = False


@dataclass(frozen=True)
class Runtime:
    """How a block is run; nothing here changes its result.

    Attributes
    ----------
    checkpoint : Path or None
        File that holds the state of an unfinished training.
    checkpoint_every : int
        Epochs between checkpoints; 0 writes none.
    progress : bool
        Show progress bars when standard error is a terminal.
    label : str
        Text before the bars.
    """

    checkpoint: Path | None = None
    checkpoint_every: int = 0
    progress: bool = False
    label: str = ""


class Block:
    """The seeds that are trained together: their networks, the data they see, and what the method keeps beside them.

    Parameters
    ----------
    network : nn.Module
        Every parameter has a leading axis of length S.
    x : Tensor, (n, d)
        Data on the training device.
    seeds : sequence of int

    Attributes
    ----------
    state : dict of str to Tensor
        The method's own tensors (target distribution, last labels ...); checkpointed.
    history : list of dict
        One row per (phase, epoch, term): keys ``phase, epoch, step, term, values`` with S means over the epoch's
        batches, None for a seed that took no step in it.
    problems : dict of int to str
        Position of a diverged seed -> what happened.
    updates : list of int
        Optimiser steps done, per seed.
    """

    def __init__(self, network: nn.Module, x: Tensor, seeds: Sequence[int]):
        self.network = network
        self.x = x
        self.seeds = list(seeds)
        self.state: dict[str, Tensor] = {}
        self.history: list[dict[str, Any]] = []
        self.problems: dict[int, str] = {}
        self.updates = [0] * len(self.seeds)

    def epoch_steps(self, batch_size: int) -> int:
        """Updates in one pass over the data; the last batch may be smaller."""
        return math.ceil(len(self.x) / batch_size)

    def chunks(self) -> Iterator[Tensor]:
        """The data in order, as views (S, CHUNK, d) without copies."""
        for part in self.x.split(CHUNK):
            yield part.expand(len(self.seeds), -1, -1)

    @torch.no_grad()
    def map(self, function: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply `function` (S, m, d) -> (S, m, ...) to all rows: (S, n, ...)."""
        return torch.cat([function(part) for part in self.chunks()], dim=1)

    @torch.no_grad()
    def full_loss(self, phase: Phase) -> Tensor:
        """Mean over the batches, in the order of the rows, of the loss at the present parameters, (S,)."""
        rows = torch.arange(len(self.x), device=self.x.device).split(phase.batch_size)
        totals = [phase.loss(*self._batch(r.expand(len(self.seeds), -1))).total().double() for r in rows]
        return sum(totals) / len(totals)  # one after the other: a reduction's order depends on the number of seeds

    def _batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return self.x[rows], rows


class _PhaseRun:
    """One phase in progress: the optimiser, which seeds are still active, counters, the averaged parameters."""

    def __init__(self, block: Block, phase: Phase):
        self.block, self.phase = block, phase
        self.n_seeds = len(block.seeds)
        self.epoch_steps = block.epoch_steps(phase.batch_size)
        self.total_steps = phase.steps + (self.epoch_steps if phase.averaging_epoch else 0)
        self.epochs = math.ceil(self.total_steps / self.epoch_steps)
        self.epoch = self.step = 0
        self.active = [i not in block.problems for i in range(self.n_seeds)]
        self.mean: dict[str, Tensor] = {}
        self.mean_count = 0
        self.parameters = {
            name: p for name, p in block.network.named_parameters() if phase.trainable is None or phase.trainable(name)
        }
        for name, p in block.network.named_parameters():
            p.requires_grad_(name in self.parameters)
            p.grad = torch.zeros_like(p) if name in self.parameters else None
        self.grads = [p.grad for p in self.parameters.values()]
        self.optimiser = BlockOptimiser(phase.optimiser, self.parameters)
        self._select_active()

    def _select_active(self) -> None:
        self.active_seeds = [s for s in range(self.n_seeds) if self.active[s]]
        self.weight = torch.tensor(self.active, device=self.block.x.device)
        self.optimiser.select(self.active_seeds)

    def finished(self) -> bool:
        return self.step >= self.total_steps or not any(self.active)

    def run_epoch(self, bar: tqdm) -> None:
        """One pass over the data, or what is left of the steps."""
        block, phase = self.block, self.phase
        order = torch.stack(
            [
                torch.randperm(len(block.x), generator=generator(seed, "batches", phase.name, self.epoch))
                for seed in block.seeds
            ]
        ).to(block.x.device)
        sums: dict[str, Tensor] = {}
        counts = [0] * self.n_seeds
        for rows in order.split(phase.batch_size, dim=1):
            if phase.refresh is not None and self.step % phase.refresh_every == 0:
                done = phase.refresh(self.step)
                if done is not None:
                    self.active = [a and not d for a, d in zip(self.active, done.tolist(), strict=True)]
                    self._select_active()
            if self.finished():
                break
            x, rows = block._batch(rows)
            loss = phase.loss(x, rows)
            torch._foreach_zero_(self.grads)
            loss.total().sum().backward()
            self._update()
            for s in self.active_seeds:
                counts[s] += 1
            for name, value in {**loss.terms, **loss.monitored}.items():
                # A finished seed's loss is not its training any more: drop it, and a NaN with it.
                value = torch.where(self.weight, value.detach().double(), 0.0)
                sums[name] = sums[name] + value if name in sums else value
            bar.update()
        if sums:
            self._record(sums, counts)
        self.epoch += 1

    def _update(self) -> None:
        self.optimiser.step()
        for s in self.active_seeds:
            self.block.updates[s] += 1
        self.step += 1
        if self.phase.averaging_epoch and self.step > self.phase.steps:
            self.mean_count += 1
            for name, p in self.parameters.items():
                if name not in self.mean:
                    self.mean[name] = p.detach().clone()
                else:
                    self.mean[name].lerp_(p.detach(), 1.0 / self.mean_count)

    def _record(self, sums: dict[str, Tensor], counts: list[int]) -> None:
        """Append the epoch's means to the history and set diverged seeds aside."""
        for name, total in sums.items():
            values = [value / count if count else None for value, count in zip(total.tolist(), counts, strict=True)]
            row = {"phase": self.phase.name, "epoch": self.epoch, "step": self.step, "term": name, "values": values}
            self.block.history.append(row)
            for s, value in enumerate(values):
                if self.active[s] and value is not None and not math.isfinite(value):
                    self.active[s] = False
                    self.block.problems[s] = (
                        f"loss term {name!r} became {value} in epoch {self.epoch} of phase {self.phase.name!r}"
                    )
        self._select_active()

    def finish(self) -> None:
        """Put the averaged parameters in place of the last ones and drop the gradients."""
        with torch.no_grad():
            for name, mean in self.mean.items():
                for s in range(self.n_seeds):
                    if self.active[s]:
                        self.parameters[name][s] = mean[s]
        for p in self.block.network.parameters():
            p.requires_grad_(False)
            p.grad = None

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint needs of this phase."""
        mean = {f"mean/{name}": value for name, value in self.mean.items()}
        return mean | {f"moments/{name}": value for name, value in self.optimiser.moments.items()}

    def counters(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "step": self.step, "active": self.active, "mean_count": self.mean_count}

    def restore(self, tensors: dict[str, Tensor], counters: dict[str, Any]) -> None:
        self.epoch, self.step = counters["epoch"], counters["step"]
        self.active, self.mean_count = counters["active"], counters["mean_count"]
        self.optimiser.steps = self.step
        for key, value in tensors.items():
            kind, _, name = key.partition("/")
            if kind == "mean":
                self.mean[name] = value.to(self.block.x.device)
            elif kind == "moments":
                self.optimiser.moments[name].copy_(value)
        self._select_active()


def train(block: Block, phases: Sequence[Phase], runtime: Runtime, fingerprint: str) -> None:
    """Run the phases in turn on all seeds of the block.

    Parameters
    ----------
    block : Block
        Its network is trained in place; history, problems and updates are filled.
    phases : sequence of Phase
    runtime : Runtime
    fingerprint : str
        Identifies data, parameters and seeds: a checkpoint with another one is not resumed.
    """
    first, saved = 0, None
    if runtime.checkpoint is not None:
        saved = load_checkpoint(runtime.checkpoint, fingerprint)
    if saved is not None:
        tensors, facts = saved
        first = facts["phase"]
        block.history, block.updates = facts["history"], facts["updates"]
        block.problems = {int(s): text for s, text in facts["problems"].items()}
        device = block.x.device
        block.state.update({k[6:]: v.to(device) for k, v in tensors.items() if k.startswith("state/")})
        block.network.load_state_dict({k[8:]: v for k, v in tensors.items() if k.startswith("network/")})
        log.info("resuming %s from %s", runtime.label, runtime.checkpoint)

    quiet = not (runtime.progress and sys.stderr.isatty())
    for number, phase in enumerate(phases):
        if number < first:
            continue
        if saved is None and phase.before is not None and len(block.problems) < len(block.seeds):
            phase.before()
        run = _PhaseRun(block, phase)
        if saved is not None:
            run.restore(tensors, facts["counters"])
            saved = None
        title = f"{runtime.label} {phase.name}".strip()
        with tqdm(total=run.epochs, initial=run.epoch, desc=title, unit="epoch", disable=quiet) as bar:
            while not run.finished():
                with tqdm(total=run.epoch_steps, unit="batch", leave=False, disable=quiet) as inner:
                    run.run_epoch(inner)
                bar.update()
                if runtime.checkpoint and runtime.checkpoint_every and run.epoch % runtime.checkpoint_every == 0:
                    _save(runtime.checkpoint, fingerprint, block, number, run)
        run.finish()


def _save(path: Path, fingerprint: str, block: Block, phase: int, run: _PhaseRun) -> None:
    tensors = {f"network/{k}": v for k, v in block.network.state_dict().items()}
    tensors |= {f"state/{k}": v for k, v in block.state.items()}
    facts = {
        "phase": phase,
        "counters": run.counters(),
        "history": block.history,
        "updates": block.updates,
        "problems": block.problems,
    }
    save_checkpoint(path, fingerprint, tensors | run.tensors(), json.loads(json.dumps(facts)))
