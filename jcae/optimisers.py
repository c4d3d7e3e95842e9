"""Adam and SGD for a block of seeds: one fused kernel call moves every parameter of every active seed.

torch.optim would do the arithmetic as well (the tests compare with it), but constructing one of its optimisers imports
torch's compiler, which takes longer than many of the trainings here, and it keeps one step of bookkeeping per seed.
Each seed's slice of a parameter is a tensor of its own for the kernel: what it gets cannot depend on its neighbours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

NAMES = ("adam", "adamw", "sgd")


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
        Adam only; added to the root of the bias-corrected second moment.
    weight_decay : float
    schedule : callable or None
        Maps the number of steps done in the phase to a factor on the learning rate.
    """

    name: str = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    schedule: Callable[[int], float] | None = None

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"optimiser={self.name!r} is unknown; allowed are {list(NAMES)}")


class BlockOptimiser:
    """The moments of a block's parameters, and the step that moves them.

    Parameters
    ----------
    settings : Optimiser
    parameters : dict of str to Tensor
        Leaves with a leading seed axis and their gradients in place; the gradients must stay the same tensors.

    Attributes
    ----------
    moments : dict of str to Tensor
        ``first/<name>`` (Adam, and SGD with momentum) and ``second/<name>`` (Adam), shaped as the parameters.
    steps : int
        Steps done.
    """

    def __init__(self, settings: Optimiser, parameters: dict[str, Tensor]):
        self.settings = settings
        self.steps = 0
        if settings.name == "sgd":
            kinds = ("first",) if settings.momentum else ()
        else:
            kinds = ("first", "second")
        self.moments = {f"{kind}/{name}": torch.zeros_like(p) for kind in kinds for name, p in parameters.items()}
        self._stacks = [[p.detach() for p in parameters.values()], [p.grad for p in parameters.values()]]
        self._stacks += [[self.moments[f"{kind}/{name}"] for name in parameters] for kind in kinds]
        first = next(iter(parameters.values()))
        self._count = torch.zeros((), dtype=torch.float32, device=first.device)
        self.select(range(len(first)))

    def select(self, seeds: Sequence[int]) -> None:
        """Move only the seeds at these positions from now on."""
        self._slices = [[stack[s] for s in seeds for stack in stacks] for stacks in self._stacks]

    @torch.no_grad()
    def step(self) -> None:
        """Move the selected seeds along their gradients."""
        settings = self.settings
        rate = settings.learning_rate * (settings.schedule(self.steps) if settings.schedule else 1.0)
        self.steps += 1
        if settings.name == "sgd":
            parameters, gradients, *momenta = self._slices
            torch._fused_sgd_(
                parameters,
                gradients,
                momenta[0] if momenta else [],
                weight_decay=settings.weight_decay,
                momentum=settings.momentum,
                lr=rate,
                dampening=0.0,
                nesterov=False,
                maximize=False,
                is_first_step=self.steps == 1,
            )
            return
        self._count.fill_(self.steps)
        kernel = torch._fused_adam_ if settings.name == "adam" else torch._fused_adamw_
        kernel(
            *self._slices,
            [],
            [self._count] * len(self._slices[0]),
            lr=rate,
            beta1=settings.betas[0],
            beta2=settings.betas[1],
            weight_decay=settings.weight_decay,
            eps=settings.eps,
            amsgrad=False,
            maximize=False,
        )


def polynomial_decay(steps: int, end_factor: float = 0.1, power: float = 0.4) -> Callable[[int], float]:
    """Factor falling from 1 to `end_factor` as (1 - t / steps) ** power, constant after (AE-CM authors' code)."""
    return lambda step: (1.0 - end_factor) * (1.0 - min(step, steps) / steps) ** power + end_factor


def staircase_decay(steps: int, factor: float = 0.1) -> Callable[[int], float]:
    """Factor multiplied by `factor` after every `steps` steps."""
    return lambda step: factor ** (step // steps)
