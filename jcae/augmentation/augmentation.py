"""A recipe at work: rows of pixels and random numbers go in, changed rows come out."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from jcae.augmentation import colours
from jcae.augmentation.recipe import Recipe, check_image
from jcae.augmentation.warps import affine_source, through_window, warp
from jcae.nn.convolution import Image

DRAWS = (
    *("rotate", "shift_x", "shift_y", "shear", "scale", "flip", "crop_area", "crop_ratio", "crop_x", "crop_y"),
    *("jitter", "brightness", "contrast", "saturation", "hue", "grey", "blur", "sigma"),
)
"""What the random numbers of an image are for. All are drawn for every recipe, so that what one of them says of the
rotation, say, is the same with and without a crop."""

_LOG_RATIO = math.log(4 / 3)
_SIGMA = (0.1, 2.0)


class Augmentation:
    """Changes images as a recipe says.

    Parameters
    ----------
    recipe : Recipe
    image_shape : sequence of int
        (height, width) or (height, width, channels) of a row.

    Raises
    ------
    ValueError
        The recipe is not for images of this shape.
    """

    def __init__(self, recipe: Recipe, image_shape: Sequence[int]):
        self.recipe, self.image = recipe, Image(*image_shape)
        check_image(recipe, self.image)

    def __call__(self, x: Tensor, numbers: Tensor) -> Tensor:
        """Change the rows x.

        Parameters
        ----------
        x : Tensor, (S, B, height * width * channels)
            Pixels row by row, the channels of a pixel side by side.
        numbers : Tensor, (S, B, len(DRAWS))
            Between 0 and 1.

        Returns
        -------
        Tensor, (S, B, height * width * channels)
            An image that a change would leave empty, all its pixels alike, is as it was.
        """
        images = x.reshape(-1, *self.image).permute(0, 3, 1, 2)
        draws = dict(zip(DRAWS, numbers.flatten(0, 1).unbind(-1), strict=True))
        changed = warp(images, self._source(draws), self.recipe.border) if self.recipe.moves else images
        if self.recipe.recolours:
            changed = self._recoloured(changed, draws)
        if self.recipe.blur:
            low, high = _SIGMA
            blurred = colours.blur(changed, low + (high - low) * draws["sigma"])
            changed = _where(draws["blur"] < self.recipe.blur, blurred, changed)
        empty = changed.amax((1, 2, 3)) == changed.amin((1, 2, 3))
        return _where(empty, images, changed).permute(0, 2, 3, 1).reshape(x.shape)

    def _source(self, draws: dict[str, Tensor]) -> Tensor:
        """Where the pixels of the images come from, (N, 2, 3)."""
        recipe, (height, width, _) = self.recipe, self.image
        either = {name: 2 * draw - 1 for name, draw in draws.items()}  # between -1 and 1
        source = affine_source(
            recipe.rotate * either["rotate"],
            _between(recipe.scale, draws["scale"]),
            recipe.shear * either["shear"],
            torch.zeros_like(draws["shear"]),
            recipe.shift * width * either["shift_x"],
            recipe.shift * height * either["shift_y"],
        )
        window_width = window_height = torch.ones_like(draws["crop_area"])
        if recipe.crop != (1, 1):
            area = _between(recipe.crop, draws["crop_area"])
            # On a CPU the last bits of a power depend on where in memory a number lies; those of exp do not.
            ratio = (_LOG_RATIO * either["crop_ratio"]).exp()
            window_width, window_height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
        centre_x = either["crop_x"] * (1 - window_width) * (width / 2)
        centre_y = either["crop_y"] * (1 - window_height) * (height / 2)
        turned = torch.where(draws["flip"] < recipe.flip, -window_width, window_width)
        return through_window(source, turned, window_height, centre_x, centre_y)

    def _recoloured(self, images: Tensor, draws: dict[str, Tensor]) -> Tensor:
        recipe, changed = self.recipe, images
        for name in ("brightness", "contrast", "saturation"):
            if most := getattr(recipe, name):
                changed = getattr(colours, name)(changed, 1 + most * (2 * draws[name] - 1))
        if recipe.hue:
            changed = colours.hue(changed, recipe.hue * (2 * draws["hue"] - 1))
        changed = _where(draws["jitter"] < recipe.jitter, changed, images)
        return _where(draws["grey"] < recipe.grey, colours.grey(changed), changed) if recipe.grey else changed


def _between(pair: tuple[float, float], draw: Tensor) -> Tensor:
    return pair[0] + (pair[1] - pair[0]) * draw


def _where(which: Tensor, images: Tensor, others: Tensor) -> Tensor:
    return torch.where(which[:, None, None, None], images, others)
