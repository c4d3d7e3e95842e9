"""Where a training stands, told once a second to whoever waits for it in another process, by a file.

It lies beside the checkpoint and goes with it. Losses come from the history, which is on the host already, so that
nothing waits for the device; writing takes no part in the training, and a full disk does not end it.
"""

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from jcae.training.block import Block
from jcae.training.phase import Phase

NAME = "heartbeat.json"
SECONDS = 1.0
"""Between two beats, at least."""


class PhaseRun(Protocol):
    """What is asked of a phase in progress (`jcae.training.loop`)."""

    block: Block
    epoch: int
    epochs: int
    step: int
    terms: list[str]


@dataclass(frozen=True)
class Beat:
    """Where a training stands.

    Attributes
    ----------
    phase : str
    epoch, epochs : int
        Epochs of the phase that are done, and all of them.
    loss : float or None
        Sum of the loss's terms in the last epoch, mean over the seeds that were updated in it.
    share : float
        Updates that are done, of those of all phases; a phase that stops early makes it jump.
    """

    phase: str
    epoch: int
    epochs: int
    loss: float | None
    share: float


def beat(checkpoint: Path | None, phases: Sequence[Phase], number: int, run: PhaseRun) -> None:
    """Write down where phase `number` stands, beside the checkpoint; without one, or too soon, do nothing."""
    if checkpoint is None:
        return
    file = checkpoint.with_name(NAME)
    with suppress(OSError):
        if file.exists() and time.time() - file.stat().st_mtime < SECONDS:
            return
        done = sum(phase.steps for phase in phases[:number]) + run.step
        share = min(1.0, done / max(1, sum(phase.steps for phase in phases)))
        state = Beat(phases[number].name, run.epoch, run.epochs, _last_loss(run), share)
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(".tmp")
        temporary.write_text(json.dumps(asdict(state)), encoding="utf-8")
        os.replace(temporary, file)


def _last_loss(run: PhaseRun) -> float | None:
    history = run.block.history
    if not history or not run.terms:
        return None
    last = history[-1]["phase"], history[-1]["epoch"]
    total = 0.0
    for row in reversed(history):
        if (row["phase"], row["epoch"]) != last:
            break
        if row["term"] in run.terms:  # and nothing that is only monitored
            values = [value for value in row["values"] if value is not None]
            total += sum(values) / len(values)
    return total


def read_beat(folder: Path, since: float) -> Beat | None:
    """The last beat in a folder of checkpoints; None where there is none of this process, which began at `since`."""
    file = folder / NAME
    try:
        if file.stat().st_mtime < since:
            return None
        return Beat(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):  # not written yet, or the block has just been finished
        return None
