"""The training loop: every deep method, every phase, all seeds of a block at once.

A method describes its training as phases (what is minimised, for how long, by which optimiser, which parameters; or
several losses that take turns); the loop does the rest. Tensors of a block carry a leading seed axis S and nothing ever
mixes seeds: the forward pass is stacked, the optimiser moves each seed's slice of the parameters. So a seed gets the
same numbers whichever seeds are beside it, and a seed that has converged or diverged is left alone while the others go
on.

Randomness is drawn per (seed, phase, epoch or step) and never carried over, hence the state between two steps is the
parameters and running statistics, the optimisers' moments, the method's own tensors and the sums of the epoch so far. A
checkpoint of those resumes exactly; and a block that outgrows its device is cut into smaller ones that carry on from
the same step.

Within an epoch the host waits for the device only where a refresh may finish a seed.
"""

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from jcae.nn.normalisation import running_statistics
from jcae.training.block import Block
from jcae.training.checkpoint import load_checkpoint, save_checkpoint
from jcae.training.forecast import Forecast, Watched
from jcae.training.heartbeat import beat
from jcae.training.phase import Phase, Runtime
from jcae.training.phase_run import PhaseRun
from jcae.training.state import State

log = logging.getLogger(__name__)


class BlockTooLargeError(Exception):
    """The device has too little memory for the block; `state` is where it stands, None if nothing was done."""

    def __init__(self, state: State | None):
        super().__init__("the block does not fit on its device")
        self.state = state


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

    on_terminal = sys.stderr.isatty()
    quiet = not (runtime.progress and (on_terminal or not runtime.terminal))
    ahead = runtime.later + sum(phase.steps for phase in phases[first:])
    forecast = None if quiet else Forecast(runtime.label, ahead)
    for number, phase in enumerate(phases):
        if number < first:
            continue
        run = None
        try:
            begun = state is not None and state.facts["counters"] is not None
            if not begun and phase.before is not None and len(block.problems) < len(block.seeds):
                with torch.no_grad():
                    phase.before()
            run = PhaseRun(block, phase, runtime.capture)
            if begun:
                run.restore(state)
            elif run.total_steps:
                block.take_snapshot(phase.name, 0, [not a for a in run.active])
            state = None
            title = f"{runtime.label} {phase.name}".strip()
            with tqdm(total=run.epochs, initial=run.epoch, desc=title, unit="epoch", disable=quiet) as bar:
                while not run.finished():
                    # Elsewhere than on a terminal every turn of a bar is a line: one per epoch will do.
                    still = quiet or not on_terminal
                    with tqdm(total=run.epoch_steps, unit="batch", leave=False, disable=still) as inner:
                        run.run_epoch(Watched(inner, forecast))
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


def block_state(block: Block, phase: int, run: PhaseRun | None = None) -> State:
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


def _save(path: Path, fingerprint: str, block: Block, phase: int, run: PhaseRun | None) -> None:
    state = block_state(block, phase, run)
    save_checkpoint(path, fingerprint, state.tensors, state.facts)


@torch.no_grad()
def full_loss(block: Block, phase: Phase) -> Tensor:
    """Mean over the batches, in the order of the rows, of a phase's loss at the present parameters, (S,).

    Of several losses it is the sum. They are computed as in training; running statistics stay where they are.
    """
    order = torch.arange(len(block.x)).expand(len(block.seeds), -1)
    block.set_clock("final", 0)
    running = running_statistics(block.network).values()
    kept = [statistics.clone() for statistics in running]
    turns, totals = phase.turns(), []
    try:
        for x, rows in block.batches(order, phase.batch_size):
            totals += [sum(turn.loss(x, rows).total().double() for turn in turns)]
    finally:  # also when memory runs out: the block is cut as it is
        for statistics, value in zip(running, kept, strict=True):
            statistics.copy_(value)
    return sum(totals) / len(totals)  # one after the other: a reduction's order depends on the number of seeds
