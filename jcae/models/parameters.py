"""Checks of constructor parameters: an error names the bad value and what is allowed."""

import inspect
import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np

from jcae.augmentation.recipe import Recipe, check_image, read_recipe
from jcae.nn.convolution import Image, halvings
from jcae.training.optimisers import EPS_PLACEMENTS


class Number(NamedTuple):
    """A number that means the same in every method that has it: what docstrings say of it, and what is allowed."""

    kind: str
    meaning: str
    minimum: float
    integer: bool = False
    exclusive: bool = False


class Choice(NamedTuple):
    """A word out of a few that means the same in every method that has it."""

    allowed: tuple[str, ...]
    meaning: str

    @property
    def kind(self) -> str:
        """As numpydoc writes it."""
        return "{" + ", ".join(f'"{word}"' for word in self.allowed) + "}"


COMMON: dict[str, Number | Choice] = {
    "epochs": Number("int", "Passes over the data.", 1, integer=True),
    "batch_size": Number("int", "Points of an update.", 1, integer=True),
    "learning_rate": Number("float", "Of the optimiser.", 0, exclusive=True),
    "momentum": Number("float", "Of SGD.", 0),
    "adam_eps": Number("float", "Of Adam.", 0, exclusive=True),
    "adam_eps_placement": Choice(
        EPS_PLACEMENTS,
        "Whether Adam adds `adam_eps` after the bias of the second moment is corrected (PyTorch), or before\n"
        "    (TensorFlow): then the first steps are shorter.",
    ),
    "decay_epochs": Number(
        "int or None",
        "Polynomial decay of the learning rate to a tenth over that many epochs, power 0.4; None keeps it. The AE-CM\n"
        "    authors intended it on five data sets; in their public code it never acts.",
        1,
        integer=True,
    ),
}
"""Explained and checked here for all methods; a class gives the default. None is allowed where it is that."""


def check_shared(owner: Any, n_samples: int, n_features: int) -> None:
    """Check the parameters of `owner` that other methods have, too."""
    parameters = inspect.signature(type(owner)).parameters
    if "n_clusters" in parameters and not (parameters["n_clusters"].default is None and owner.n_clusters is None):
        check_clusters(owner, n_samples)
    if "hidden" in parameters:
        check_network_parameters(owner, n_features)
    if "augment" in parameters:
        check_augment(owner)
    for name, one in COMMON.items():
        if name not in parameters or (parameters[name].default is None and getattr(owner, name) is None):
            continue
        if isinstance(one, Choice):
            check_choice(owner, name, one.allowed)
        else:
            check_number(owner, name, minimum=one.minimum, integer=one.integer, exclusive=one.exclusive)


def check_number(owner: Any, name: str, *, minimum: float, integer: bool = False, exclusive: bool = False) -> None:
    """Raise a clear error unless the parameter `name` of `owner` is a number in range."""
    value = getattr(owner, name)
    kind = Integral if integer else Real
    fits = isinstance(value, kind) and not isinstance(value, bool)
    if not fits or not (value > minimum if exclusive else value >= minimum):
        what = "an integer" if integer else "a number"
        bound = f"above {minimum}" if exclusive else f"of at least {minimum}"
        raise ValueError(f"{type(owner).__name__}: {name}={value!r} is not allowed; it must be {what} {bound}")


def check_choice(owner: Any, name: str, allowed: Sequence[Any]) -> None:
    """Raise a clear error unless the parameter `name` of `owner` is one of `allowed`."""
    value = getattr(owner, name)
    if not (isinstance(value, str) or value is None) or value not in allowed:
        raise ValueError(f"{type(owner).__name__}: {name}={value!r} is unknown; allowed are {list(allowed)}")


def check_network_parameters(owner: Any, n_features: int) -> None:
    """Check what every method with an autoencoder has: its widths, slope, ``channels`` and ``image_shape``."""
    check_integers(owner, "hidden", "layer widths")
    check_number(owner, "code_dim", minimum=1, integer=True)
    check_number(owner, "negative_slope", minimum=0)  # below 0, gradients would be wrong (`jcae.nn.products`)
    check_image_shape(owner, n_features)
    name, channels, image_shape = type(owner).__name__, owner.channels, owner.image_shape
    if channels is not None:
        check_integers(owner, "channels", "channels of convolutions")
        if len(channels) == 0:
            raise ValueError(
                f"{name}: channels={channels!r} names no convolution; None makes the network fully connected"
            )
        if image_shape is None:
            raise ValueError(
                f"{name}: channels={channels!r} needs image_shape, (height, width) or (height, width, channels) of the "
                f"{n_features} features; it is None"
            )
        for number, step in enumerate(halvings(image_shape, channels), start=1):
            if min(step.large.height, step.large.width) < 2:
                raise ValueError(
                    f"{name}: channels={channels!r} are too many for image_shape={image_shape!r}: convolution {number} "
                    f"would halve {step.large.height} x {step.large.width} pixels; it needs 2 x 2"
                )


def check_image_shape(owner: Any, n_features: int) -> None:
    """Check ``image_shape``: None, or what `n_features` pixels fit in."""
    image_shape = owner.image_shape
    if image_shape is None:
        return
    check_integers(owner, "image_shape", "height, width and, for colour, channels")
    if len(image_shape) not in (2, 3) or math.prod(image_shape) != n_features:
        raise ValueError(
            f"{type(owner).__name__}: image_shape={image_shape!r} does not fit data with {n_features} features; "
            "allowed are (height, width) and (height, width, channels) whose product is that"
        )


def check_augment(owner: Any) -> None:
    """Check ``augment``: a recipe, and images that it can change."""
    name = type(owner).__name__
    try:
        recipe = read_recipe(owner.augment)
        if recipe is not None and owner.image_shape is not None:
            check_image(recipe, Image(*owner.image_shape))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if recipe is not None and owner.image_shape is None:
        raise ValueError(
            f"{name}: augment={owner.augment!r} needs image_shape, (height, width) or (height, width, channels) of the "
            "features; it is None"
        )


def check_pixels(owner: Any, recipe: Recipe, X: np.ndarray) -> None:
    """Check that the values of X lie where the recipe's changes of brightness and colours keep them."""
    if recipe.recolours and not (X.min() >= 0 and X.max() <= 1):
        raise ValueError(
            f"{type(owner).__name__}: augment={owner.augment!r} changes brightness or colours, which needs pixels "
            f"between 0 and 1; these are between {X.min():.6g} and {X.max():.6g}"
        )


def check_integers(owner: Any, name: str, what: str) -> None:
    """Check the parameter `name` of `owner`, a sequence of integers above 0: `what` says of which."""
    value = getattr(owner, name)
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError(f"{type(owner).__name__}: {name}={value!r} must be a sequence of {what}")
    if not all(isinstance(v, Integral) and not isinstance(v, bool) and v >= 1 for v in value):
        raise ValueError(f"{type(owner).__name__}: {name}={value!r} must hold integers of at least 1")


def check_clusters(owner: Any, n_samples: int) -> None:
    """Check ``n_clusters`` against the number of points."""
    check_number(owner, "n_clusters", minimum=1, integer=True)
    if owner.n_clusters > n_samples:
        raise ValueError(
            f"{type(owner).__name__}: n_samples={n_samples} should be at least n_clusters={owner.n_clusters}"
        )
