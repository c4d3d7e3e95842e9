"""The Adam that the parameters of a method describe."""

from typing import Any

from jcae.training.block import Block
from jcae.training.optimisers import Optimiser, polynomial_decay


def adam(owner: Any, block: Block, **more: Any) -> Optimiser:
    """From ``learning_rate``, ``adam_eps``, ``adam_eps_placement`` and ``decay_epochs`` of `owner`, and `more`."""
    decay = owner.decay_epochs and polynomial_decay(owner.decay_epochs * block.epoch_steps(owner.batch_size))
    given = {"name": "adam", "eps": owner.adam_eps, "eps_placement": owner.adam_eps_placement, "schedule": decay}
    return Optimiser(learning_rate=owner.learning_rate, **given | more)
