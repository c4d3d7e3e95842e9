"""What a method says of its training (phases and losses), and what is said of how it is run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from jcae.training.optimisers import Optimiser


class Loss(NamedTuple):
    """Loss of a batch, one value per seed.

    Attributes
    ----------
    terms : dict of str to Tensor, (S,)
        What is minimised is their sum.
    """

    terms: dict[str, Tensor]

    def total(self) -> Tensor:
        """Sum of the terms, (S,), one after the other: a reduction's order depends on the number of seeds."""
        first, *rest = self.terms.values()
        return sum(rest, first)


@dataclass
class Turn:
    """A loss with an optimiser of its own, stepped in turn with others: see `Phase`, where all three are explained."""

    loss: Callable[[Tensor, Tensor], Loss]
    optimiser: Optimiser = field(default_factory=Optimiser)
    trainable: Callable[[str], bool] | None = None


@dataclass
class Phase:
    """A stretch of training with one loss and one optimiser, or with several that take turns in every update.

    Attributes
    ----------
    name : str
        Appears in the history and seeds the batch order.
    loss : callable
        ``loss(x, rows)`` with a batch x (S, B, d), augmented where the method asks for it, and its row numbers (S, B),
        int64, returns a `Loss`. It must not make
        the host wait for the device (no ``item``, no branch on a tensor's value), and must find its tensors in place
        (change `Block.state` in `before`, `refresh` and `after` alone, and there by ``copy_`` once they exist). A pass
        through batch normalisations says ``training=True`` here, and only here.
    steps : int
        Updates; an epoch is one pass over the data in an order of its own for every seed.
    batch_size : int or None
        None: every update sees all rows, in their order, without a copy for each seed.
    optimiser : Optimiser
    trainable : callable or None
        Tells by its name whether a parameter is trained; None trains all.
    before : callable or None
        Run once before the first step (an initialisation by k-means, say).
    after : callable or None
        ``after(x, rows)`` is run after every update with its batch, never augmented, and without gradients (a running
        mean, say). It must do
        nothing to a seed for which `Block.active` is False.
    refresh : callable or None
        ``refresh(step)`` is run before step 0, `refresh_every`, 2 `refresh_every` ... and may return a bool Tensor (S,)
        that marks seeds as finished: their parameters stay as they are from then on.
    monitor : callable or None
        ``monitor(x)`` with the first `CHUNK` rows of the data (S, m, d) returns values (S,) by name, which are written
        to the history after every epoch beside the terms of the loss; nothing is minimised.
    averaging_epoch : bool
        Train one more epoch and return the mean of the parameters, and of the running statistics, after each of its
        steps.
    then : sequence of Turn
        Losses that are stepped after `loss` in the same update, one after the other, on the same batch (of a GAN: the
        discriminator's `loss`, then the generator's). Each moves the parameters that its own `trainable` names, the
        others have no gradient meanwhile; it finds what the turns before it left, and draws the same random numbers
        as they do under the same name (`Block.normal`). All terms need names of their own; `after` and `monitor` come
        after the last turn.
    """

    name: str
    loss: Callable[[Tensor, Tensor], Loss]
    steps: int
    batch_size: int | None
    optimiser: Optimiser = field(default_factory=Optimiser)
    trainable: Callable[[str], bool] | None = None
    before: Callable[[], None] | None = None
    after: Callable[[Tensor, Tensor], None] | None = None
    refresh: Callable[[int], Tensor | None] | None = None
    refresh_every: int = 1
    monitor: Callable[[Tensor], dict[str, Tensor]] | None = None
    averaging_epoch: bool = False
    then: Sequence[Turn] = ()

    def turns(self) -> list[Turn]:
        """All its losses, in the order in which they are stepped."""
        return [Turn(self.loss, self.optimiser, self.trainable), *self.then]


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
        Show progress bars.
    terminal : bool
        Show them when standard error is a terminal, and not elsewhere, where every turn of a bar is a line.
    label : str
        Text before the bars.
    later : int
        Updates of trainings that follow this one: the forecast of its duration counts them.
    capture : bool
        Replay steps from CUDA graphs on a GPU. The arithmetic is the same; False is for measuring what it brings.
    """

    checkpoint: Path | None = None
    checkpoint_every: int = 0
    progress: bool = False
    terminal: bool = True
    later: int = 0
    label: str = ""
    capture: bool = True
