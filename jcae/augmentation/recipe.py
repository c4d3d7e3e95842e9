"""What is changed in an image, and how much: recipes, by name or by their settings."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from numbers import Integral, Real
from typing import Any

from jcae.augmentation.warps import BORDERS
from jcae.nn.convolution import Image


@dataclass(frozen=True)
class Recipe:
    """How far an image may be changed; the defaults change nothing.

    Everything is drawn uniformly, anew for each image. The order is that of the attributes.

    Attributes
    ----------
    rotate, shear : float
        Degrees in either direction, around the centre; a shear moves rows sideways.
    shift : float
        Part of width and of height, in either direction.
    scale : (float, float)
        Smallest and largest factor of both sides.
    crop : (float, float)
        Smallest and largest part of the area that is cut out, at a random place, and brought back to the whole size;
        its sides' ratio is 3/4 to 4/3 times that of the image.
    flip : float
        Probability of left and right being exchanged.
    jitter : float
        Probability that brightness, contrast, saturation and hue are changed.
    brightness, contrast, saturation : float
        Greatest distance of their factors from 1. Saturation and hue need colour.
    hue : float
        Greatest turn of the hue, 0.5 is half a circle.
    grey : float
        Probability that the colours are taken away.
    blur : float
        Probability of a Gaussian blur, of 0.1 to 2 pixels' standard deviation, by a kernel of a tenth of the image.
    border : {"edge", "reflect", "zeros"}
        What lies around the image: its edge, its mirror image (the edge itself once), or nothing.
    copies : int
        0: every update sees every image in a new form (online). Above: so many fixed forms of every image lie beside
        it, and training takes them and the image itself in turn (expand).
    """

    rotate: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    crop: tuple[float, float] = (1.0, 1.0)
    flip: float = 0.0
    jitter: float = 1.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    grey: float = 0.0
    blur: float = 0.0
    border: str = "edge"
    copies: int = 0

    @property
    def moves(self) -> bool:
        """Whether pixels change their places."""
        return self.scale != (1, 1) or self.crop != (1, 1) or any((self.rotate, self.shift, self.shear, self.flip))

    @property
    def recolours(self) -> bool:
        """Whether brightness or colours change: pixels have to lie between 0 and 1 then."""
        return bool(self.grey or (self.jitter and any((self.brightness, self.contrast, self.saturation, self.hue))))

    @property
    def changes(self) -> bool:
        """Whether anything is done at all."""
        return self.moves or self.recolours or self.blur > 0


RECIPES: dict[str, Recipe] = {
    # Kudari et al., arXiv 2107.03852: the kinds of change; how far is ours.
    "heritage": Recipe(rotate=20, shear=10, scale=(0.8, 1.2), copies=3),
    # DEC-DA: Guo et al., ACML 2018.
    "dec_da": Recipe(rotate=10, shift=0.1),
    # DMAE's public code: 0.3 radians, two of 28 pixels.
    "dmae": Recipe(rotate=math.degrees(0.3), shift=2 / 28, border="zeros"),
    # Contrastive clustering: Li et al., AAAI 2021, without the blur of its large images.
    "contrastive": Recipe(
        crop=(0.08, 1), flip=0.5, jitter=0.8, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, grey=0.2
    ),
    # The same for grey images, which bear no flip where they show signs; how far is ours.
    "contrastive_grey": Recipe(rotate=10, crop=(0.5, 1), jitter=0.8, brightness=0.4, contrast=0.4),
}

_LIMITS = {
    "rotate": (0, 180),
    "shift": (0, 1),
    "shear": (0, 80),
    "scale": (0.1, 10),
    "crop": (0.01, 1),
    "hue": (0, 0.5),
    **dict.fromkeys(("flip", "jitter", "brightness", "contrast", "saturation", "grey", "blur"), (0, 1)),
}
_PAIRS = ("scale", "crop")
_COLOURS = ("saturation", "hue", "grey")


def read_recipe(value: Any) -> Recipe | None:
    """The recipe that a parameter ``augment`` asks for; None where it changes nothing.

    Parameters
    ----------
    value : str, mapping or None
        A key of `RECIPES`; or attributes of `Recipe`, where ``recipe`` may name one of `RECIPES` to start from.

    Raises
    ------
    ValueError
        An unknown name or a value out of range; the message names what is allowed.
    """
    if value is None:
        return None
    if isinstance(value, str):
        value = {"recipe": value}
    if not isinstance(value, Mapping):
        raise ValueError(
            f"augment={value!r} is not allowed; it must be the name of a recipe, {sorted(RECIPES)}, a mapping of "
            "settings, or None"
        )
    settings = dict(value)
    start = settings.pop("recipe", None)
    if start is not None and (not isinstance(start, str) or start not in RECIPES):
        raise ValueError(f"augment: recipe={start!r} is unknown; allowed are {sorted(RECIPES)}")
    known = [field.name for field in fields(Recipe)]
    for name in settings:
        if name not in known:
            raise ValueError(f"augment: {name!r} is unknown; allowed are {['recipe', *known]}")
    named = asdict(RECIPES[start]) if start else {}
    recipe = Recipe(**{**named, **{name: _read(name, setting) for name, setting in settings.items()}})
    return recipe if recipe.changes else None


def check_image(recipe: Recipe, image: Image) -> None:
    """Raise ValueError unless images of this shape can be changed as the recipe says."""
    for name in _COLOURS:
        if getattr(recipe, name) and image.channels != 3:
            raise ValueError(
                f"augment: {name}={getattr(recipe, name)!r} needs images of 3 channels; these have {image.channels}"
            )
    if recipe.contrast and image.channels not in (1, 3):
        raise ValueError(
            f"augment: contrast={recipe.contrast!r} needs images of 1 or 3 channels; these have {image.channels}"
        )
    if min(image[:2]) < 2:
        raise ValueError(f"augment needs images of at least 2 x 2 pixels; these have {image.height} x {image.width}")


def _read(name: str, setting: Any) -> Any:
    """A setting, checked."""
    if name == "border":
        if not isinstance(setting, str) or setting not in BORDERS:
            raise ValueError(f"augment: border={setting!r} is unknown; allowed are {list(BORDERS)}")
        return setting
    if name == "copies":
        if not isinstance(setting, Integral) or isinstance(setting, bool) or setting < 0:
            raise ValueError(f"augment: copies={setting!r} is not allowed; it must be an integer of at least 0")
        return int(setting)
    low, high = _LIMITS[name]
    if name not in _PAIRS:
        if not _is_number(setting) or not low <= setting <= high:
            raise ValueError(f"augment: {name}={setting!r} is not allowed; it must be a number from {low} to {high}")
        return float(setting)
    pair = isinstance(setting, Sequence) and len(setting) == 2 and all(map(_is_number, setting))
    if not pair or not low <= setting[0] <= setting[1] <= high:
        raise ValueError(
            f"augment: {name}={setting!r} is not allowed; it must be two numbers from {low} to {high}, in order"
        )
    return float(setting[0]), float(setting[1])


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
