"""Adam and SGD for a block of seeds: one fused kernel call moves every parameter of every active seed.

torch.optim would do the arithmetic as well (the tests compare with it), but constructing one of its optimisers imports
torch's compiler, which takes longer than many of the trainings here, and it keeps one step of bookkeeping per seed.
On a CPU each seed's slice of a parameter is a tensor of its own for the kernel: what it gets cannot depend on its
neighbours, down to the last bit. On a GPU, where an element's arithmetic does not depend on its place, whole stacks
move at once. Everything a step reads lies in tensors, so that a CUDA graph can replay it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

NAMES = ("adam", "adamw", "sgd")
EPS_PLACEMENTS = ("after", "before")
SETTLED = 2.0**30
"""So many steps leave no bias to correct: what a kernel is told that shall not do it."""


@dataclass(frozen=True)
class Optimiser:
    """How parameters move.

    Attributes
    ----------
    name : {"adam", "adamw", "sgd"}
    learning_rate : float
    momentum : float
        SGD only.
    betas : tuple of float
        Adam only.
    eps : float
        Adam only; added to the root of the second moment.
    eps_placement : {"after", "before"}
        Whether `eps` is added after the second moment's bias is corrected (PyTorch), or before (TensorFlow, and the
        eps hat of Kingma and Ba, 2015): then it counts 1 / sqrt(1 - beta_2^t) times as much in step t. ``before`` is
        for Adam alone.
    weight_decay : float
    schedule : callable or None
        Maps the number of steps done in the phase to a factor on the learning rate.
    factors : dict of str to float
        Factor on the learning rate of the parameters whose name starts with the key.
    """

    name: str = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    eps_placement: str = "after"
    weight_decay: float = 0.0
    schedule: Callable[[int], float] | None = None
    factors: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"optimiser={self.name!r} is unknown; allowed are {list(NAMES)}")
        if self.eps_placement not in EPS_PLACEMENTS:
            raise ValueError(f"eps_placement={self.eps_placement!r} is unknown; allowed are {list(EPS_PLACEMENTS)}")
        if self.eps_placement == "before" and self.name != "adam":
            raise ValueError(f"eps_placement='before' is for optimiser='adam'; it is {self.name!r}")

    def rate(self, steps: int) -> float:
        """Learning rate after so many steps.

        With eps before the correction the rate carries the correction, as in Kingma and Ba, 2015, end of section 2.
        """
        rate = self.learning_rate * (self.schedule(steps) if self.schedule else 1.0)
        if self.eps_placement == "before":
            first, second = (1.0 - beta ** (steps + 1) for beta in self.betas)
            rate *= math.sqrt(second) / first
        return rate


class BlockOptimiser:
    """The moments of a block's parameters, and the step that moves them.

    Parameters
    ----------
    settings : Optimiser
    parameters : dict of str to Tensor
        Leaves with a leading seed axis.

    Attributes
    ----------
    moments : dict of str to Tensor
        ``first/<name>`` (Adam, and SGD with momentum) and ``second/<name>`` (Adam), shaped as the parameters.
    """

    def __init__(self, settings: Optimiser, parameters: dict[str, Tensor]):
        self.settings = settings
        if settings.name == "sgd":
            kinds = ("first",) if settings.momentum else ()
        else:
            kinds = ("first", "second")
        self.moments = {f"{kind}/{name}": torch.zeros_like(p) for kind in kinds for name, p in parameters.items()}
        device = next(iter(parameters.values())).device
        self._steps = torch.zeros((), dtype=torch.float32, device=device)
        self._told_steps = torch.full_like(self._steps, SETTLED) if settings.eps_placement == "before" else self._steps
        self._groups = []
        factors = {name: self._factor(name) for name in parameters}
        for factor in dict.fromkeys(factors.values()):
            names = [name for name in parameters if factors[name] == factor]
            stacks = [[parameters[name].detach() for name in names]]
            stacks += [[self.moments[f"{kind}/{name}"] for name in names] for kind in kinds]
            positions = [i for i, name in enumerate(parameters) if factors[name] == factor]
            # The kernels of a GPU read the rate from its memory, those of a CPU are told it.
            rate = torch.zeros((), dtype=torch.float32, device=device) if device.type == "cuda" else 0.0
            self._groups.append(_Group(factor, positions, stacks, rate))
        self.restore(0)
        self.select(range(len(next(iter(parameters.values())))))

    def _factor(self, name: str) -> float:
        return next((factor for prefix, factor in self.settings.factors.items() if name.startswith(prefix)), 1.0)

    def restore(self, steps: int) -> None:
        """Go on after so many steps."""
        self.steps = steps
        self._steps.fill_(steps)
        self._set_rates()

    def _set_rates(self) -> None:
        rate = self.settings.rate(self.steps)
        for group in self._groups:
            if isinstance(group.rate, Tensor):
                group.rate.fill_(rate * group.factor)
            else:
                group.rate = rate * group.factor

    def select(self, seeds: Sequence[int]) -> None:
        """Move only the seeds at these positions from now on."""
        for group in self._groups:
            self._seeds = list(seeds)
            self._whole = len(self._seeds) == len(group.stacks[0][0]) and (
                len(self._seeds) == 1 or group.stacks[0][0].device.type == "cuda"
            )
            group.slices = [self._cut(stack) for stack in group.stacks]

    def _cut(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The tensors as the kernel takes them: whole, or the slices of the selected seeds."""
        if self._whole:
            return list(tensors)
        return [part[s] for part in [tensor.unbind() for tensor in tensors] for s in self._seeds]

    def count(self) -> None:
        """Say that a step was done: the next one has the next learning rate."""
        self.steps += 1
        if self.settings.schedule is not None or self.settings.eps_placement == "before":
            self._set_rates()

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """Move the selected seeds along their gradients, in the order of the parameters; then `count`."""
        settings = self.settings
        self._steps += 1
        for group in self._groups:
            parameters, *moments = group.slices
            along = self._cut([gradients[i] for i in group.positions])
            if settings.name == "sgd":
                torch._fused_sgd_(
                    parameters,
                    along,
                    moments[0] if moments else [],
                    weight_decay=settings.weight_decay,
                    momentum=settings.momentum,
                    lr=group.rate,
                    dampening=0.0,
                    nesterov=False,
                    maximize=False,
                    is_first_step=False,  # the momentum starts at zero, which comes to the same
                )
                continue
            kernel = torch._fused_adam_ if settings.name == "adam" else torch._fused_adamw_
            kernel(
                parameters,
                along,
                *moments,
                [],
                [self._told_steps] * len(parameters),
                lr=group.rate,
                beta1=settings.betas[0],
                beta2=settings.betas[1],
                weight_decay=settings.weight_decay,
                eps=settings.eps,
                amsgrad=False,
                maximize=False,
            )


@dataclass
class _Group:
    """Parameters with the same learning rate."""

    factor: float
    positions: list[int]
    stacks: list[list[Tensor]]
    rate: float | Tensor
    slices: list[list[Tensor]] = field(default_factory=list)


def polynomial_decay(steps: int, end_factor: float = 0.1, power: float = 0.4) -> Callable[[int], float]:
    """Factor falling from 1 to `end_factor` as (1 - t / steps) ** power, constant after (AE-CM authors' code)."""
    return lambda step: (1.0 - end_factor) * (1.0 - min(step, steps) / steps) ** power + end_factor


def staircase_decay(steps: int, factor: float = 0.1) -> Callable[[int], float]:
    """Factor multiplied by `factor` after every `steps` steps."""
    return lambda step: factor ** (step // steps)
