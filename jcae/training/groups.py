"""The seeds of a job, shared out into blocks that fit on the device."""

import gc
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from jcae.training.memory import Placement
from jcae.training.state import State


@dataclass(frozen=True)
class Group:
    """Seeds that are trained as one block.

    Attributes
    ----------
    seeds : tuple of int
    resident : bool
        The data lie on the device that trains.
    checkpoint : Path or None
        File of this group alone.
    state : State or None
        Where a larger block stood when it was cut.
    """

    seeds: tuple[int, ...]
    resident: bool
    checkpoint: Path | None
    state: State | None = None

    def smaller(self, state: State | None) -> "list[Group]":
        """What to try when this group does not fit: its halves, then the data in host memory; at last nothing."""
        if len(self.seeds) > 1:
            middle = (len(self.seeds) + 1) // 2
            parts = [range(middle), range(middle, len(self.seeds))]
            name = None if self.checkpoint is None else _whole(self.checkpoint)
            return [
                Group(
                    tuple(self.seeds[i] for i in part),
                    self.resident,
                    name and _file(name, [self.seeds[i] for i in part]),
                    state and state.select(part),
                )
                for part in parts
            ]
        return [replace(self, resident=False, state=state)] if self.resident else []


def first_groups(seeds: Sequence[int], place: Placement, checkpoint: Path | None) -> list[Group]:
    """Share out the seeds of a job.

    Parameters
    ----------
    seeds : sequence of int
    place : Placement
        How many fit at once, and where the data lie.
    checkpoint : Path or None
        Groups that an interrupted job left behind in files beside this one are taken up again as they were.
    """
    left, groups = list(seeds), []
    if checkpoint is not None and checkpoint.exists():
        return [Group(tuple(seeds), place.resident, checkpoint)]
    if checkpoint is not None:
        for file in sorted(checkpoint.parent.glob(f"{checkpoint.name}.seeds-*")):
            found = [int(seed) for seed in file.name.rpartition("-")[2].split(",") if seed.isdigit()]
            if found and set(found) <= set(left):
                groups.append(Group(tuple(found), place.resident, file))
                left = [seed for seed in left if seed not in found]
    for i in range(0, len(left), place.n_seeds):
        part = left[i : i + place.n_seeds]
        file = checkpoint if len(part) == len(seeds) else checkpoint and _file(checkpoint, part)
        groups.append(Group(tuple(part), place.resident, file))
    return groups


def _file(checkpoint: Path, seeds: Sequence[int]) -> Path:
    return checkpoint.with_name(f"{checkpoint.name}.seeds-{','.join(map(str, seeds))}")


def _whole(checkpoint: Path) -> Path:
    return checkpoint.with_name(checkpoint.name.partition(".seeds-")[0])


def release() -> None:
    """Give the memory of a block that is gone back to the device."""
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
