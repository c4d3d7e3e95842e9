"""Affine maps of images, one per image: where each pixel comes from, and what is read there.

Places are in pixels, (x, y) = (column, row), around the centre of the image. Everything but the sampling is arithmetic
element by element, so that an image is the same to the bit whichever others are beside it.
"""

import torch
from torch import Tensor, nn

_PADDING = {"edge": "border", "reflect": "reflection", "zeros": "zeros"}

BORDERS = tuple(_PADDING)
"""What lies around an image: its edge, its mirror image (numpy's ``reflect``), or zeros."""


def affine_source(
    angle: Tensor, scale: Tensor, shear_x: Tensor, shear_y: Tensor, shift_x: Tensor, shift_y: Tensor
) -> Tensor:
    """The inverse of v -> s A v + t, A a shear and then a rotation, as torchvision's ``affine`` has them.

    Parameters
    ----------
    angle, shear_x, shear_y : Tensor, (N,)
        Degrees; a positive angle turns clockwise on the screen, where y points down.
    scale : Tensor, (N,)
        s.
    shift_x, shift_y : Tensor, (N,)
        t, pixels.

    Returns
    -------
    Tensor, (N, 2, 3)
        M with source = M (x, y, 1); the identity without rounding where nothing is changed.
    """
    angle, shear_x, shear_y = (degrees.deg2rad() for degrees in (angle, shear_x, shear_y))
    a = (angle - shear_y).cos() / shear_y.cos()
    b = -a * shear_x.tan() - angle.sin()
    c = (angle - shear_y).sin() / shear_y.cos()
    d = -c * shear_x.tan() + angle.cos()
    # det A = cos(angle - shear_y) cos(angle) + sin(angle - shear_y) sin(angle), over cos(shear_y): it is 1.
    m = [d / scale, -b / scale, -c / scale, a / scale]
    rows = [m[0], m[1], -(m[0] * shift_x + m[1] * shift_y), m[2], m[3], -(m[2] * shift_x + m[3] * shift_y)]
    return torch.stack(rows, dim=-1).unflatten(-1, (2, 3))


def through_window(source: Tensor, width: Tensor, height: Tensor, centre_x: Tensor, centre_y: Tensor) -> Tensor:
    """What a map becomes when a window of its result is brought back to the whole size.

    Parameters
    ----------
    source : Tensor, (N, 2, 3)
        As `affine_source` gives it.
    width, height : Tensor, (N,)
        Of the window, as factors of the whole; a negative width exchanges left and right.
    centre_x, centre_y : Tensor, (N,)
        Of the window, pixels from the centre.

    Returns
    -------
    Tensor, (N, 2, 3)
    """
    x, y, offset = source.unbind(-1)
    moved = x * centre_x.unsqueeze(-1) + y * centre_y.unsqueeze(-1) + offset
    return torch.stack([x * width.unsqueeze(-1), y * height.unsqueeze(-1), moved], dim=-1)


def warp(images: Tensor, source: Tensor, border: str) -> Tensor:
    """Read each pixel of the result, bilinearly, where the map says.

    Parameters
    ----------
    images : Tensor, (N, c, h, w)
    source : Tensor, (N, 2, 3)
        As `affine_source` gives it. An image whose map is the identity is returned to the bit.
    border : str
        One of `BORDERS`. With ``zeros`` a pixel that is partly read outside is faded twice, as by torchvision's fill.

    Returns
    -------
    Tensor, (N, c, h, w)
    """
    height, width = images.shape[2:]
    x = torch.arange(width, dtype=images.dtype, device=images.device) - (width - 1) / 2
    y = torch.arange(height, dtype=images.dtype, device=images.device).unsqueeze(-1) - (height - 1) / 2
    from_x, from_y = (
        m[:, 0, None, None] * x + m[:, 1, None, None] * y + m[:, 2, None, None] for m in source.unbind(1)
    )  # (N, h, w)
    # grid_sample counts from -1 to 1 between the centres of the outer pixels: so "reflect" has the edge once.
    grid = torch.stack([from_x * (2 / (width - 1)), from_y * (2 / (height - 1))], dim=-1)
    found = _sample(images, grid, border)
    if border == "zeros":
        found = found * _sample(images.new_ones(1, 1, height, width).expand(len(images), -1, -1, -1), grid, border)
    identity = (source == torch.eye(2, 3, dtype=source.dtype, device=source.device)).flatten(1).all(-1)
    return torch.where(identity[:, None, None, None], images, found)


def _sample(images: Tensor, grid: Tensor, border: str) -> Tensor:
    return nn.functional.grid_sample(images, grid, "bilinear", _PADDING[border], align_corners=True)
