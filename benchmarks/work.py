"""What does a training consist of? Updates and floating-point operations, told by the method itself, without training.

A method says how many updates its phases take from the number of points alone. The operations of one update are counted
by torch on a few made-up points: the products of matrices in a forward and backward pass, and of a pass without
gradients over all points where a phase looks at them at intervals (the target distribution of DEC).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from jcae.models.estimator import DeepEstimator
from jcae.training.block import Block
from jcae.training.phase import Phase

POINTS = 128
"""Made-up points on which operations are counted; what a point costs does not depend on their number."""


class Work(NamedTuple):
    """A training, or a part of one, of one seed.

    Attributes
    ----------
    updates : int
        Optimiser steps planned; a stopping rule may end a training earlier.
    gflop : float
        Floating-point operations of the matrix products, in 10^9; a multiply-add is two.
    tensors : float
        Tensors of parameters that the optimiser moves, over all updates: a measure of what is called in an update.
    numbers : float
        Numbers in them, in 10^9.
    """

    updates: float
    gflop: float
    tensors: float
    numbers: float

    def __add__(self, other: "Work") -> "Work":
        return Work(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def times(self, factor: float) -> "Work":
        """So many times the work."""
        return Work(*(part * factor for part in self))


NOTHING = Work(0.0, 0.0, 0.0, 0.0)


def work_of(method: DeepEstimator, n_points: int, n_features: int) -> Work:
    """Work of training one seed of a method, its pretraining not counted.

    Parameters
    ----------
    method : DeepEstimator
        It knows its number of clusters; it is not fitted.
    n_points, n_features : int
        Of the data that it would be fitted on.

    Returns
    -------
    Work
    """
    method = method.settled(n_points, n_features)
    rng = torch.Generator().manual_seed(0)
    few = torch.rand(max(POINTS, 2 * getattr(method, "n_clusters", 1)), n_features, generator=rng)
    planned = method.training_phases(_block(method, torch.zeros(1, 1).expand(n_points, n_features)))
    block = _block(method, few)
    total = NOTHING
    for plan, phase in zip(planned, method.training_phases(block), strict=True):
        total += _phase_work(plan, phase, block, n_points)
    return total


def _block(method: DeepEstimator, x: torch.Tensor) -> Block:
    return Block(method.build_network(x.shape[1], [0]), x, [0])


def _phase_work(plan: Phase, phase: Phase, block: Block, n_points: int) -> Work:
    """Work of a phase: its length as planned for all points, its operations counted on the few of the block."""
    few = len(block.x)
    if phase.before is not None:
        with torch.no_grad():
            phase.before()
    epoch_steps = 1 if plan.batch_size is None else -(-n_points // plan.batch_size)
    updates = plan.steps + (epoch_steps if plan.averaging_epoch else 0)
    if not updates:
        return NOTHING
    block.set_clock(phase.name, 0, epoch_steps)
    looks = 0.0
    if phase.refresh is not None:
        looks = _counted(lambda: phase.refresh(0)) / few * n_points * (updates / plan.refresh_every)
    x, rows = block.x.unsqueeze(0), torch.arange(few).unsqueeze(0)
    per_point, moved = 0.0, []
    for turn in phase.turns():
        for name, parameter in block.network.named_parameters():
            parameter.requires_grad_(turn.trainable is None or turn.trainable(name))
        per_point += _counted(lambda turn=turn: turn.loss(x, rows).total().sum().backward()) / few
        moved += [parameter.numel() for parameter in block.network.parameters() if parameter.grad is not None]
        block.network.zero_grad()
    block.network.requires_grad_(False)
    seen = updates * n_points / epoch_steps  # the last batch of an epoch may be smaller
    gflop = (per_point * seen + looks) / 1e9
    return Work(float(updates), gflop, float(updates * len(moved)), updates * sum(moved) / 1e9)


def _counted(run: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()
