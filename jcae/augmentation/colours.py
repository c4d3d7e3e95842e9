"""Colours and sharpness of images, changed by a factor of its own for each: values between 0 and 1 stay there.

The operations are those of torchvision's ``transforms.v2.functional`` of the same names.
"""

import torch
from torch import Tensor, nn

LUMA = (0.2989, 0.587, 0.114)
"""Weights of red, green and blue in the brightness of a pixel (ITU-R 601, as torchvision rounds them)."""


def grey(images: Tensor) -> Tensor:
    """Brightness of every pixel, (N, 1, h, w), of images (N, c, h, w)."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.unbind(1)
    return (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue).unsqueeze(1)


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Images (N, c, h, w) times factors (N,)."""
    return (images * _wide(factor)).clamp(0, 1)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Distances from the mean brightness of the image times factors (N,)."""
    return _blend(images, grey(images).mean((1, 2, 3), keepdim=True), factor)


def saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Distances from the brightness of the pixel times factors (N,)."""
    return _blend(images, grey(images), factor)


def hue(images: Tensor, turn: Tensor) -> Tensor:
    """Turn the hue of colour images (N, 3, h, w) by parts (N,) of the whole circle."""
    red, green, blue = images.unbind(1)
    value, least = images.amax(1), images.amin(1)
    spread = value - least
    safe = torch.where(spread > 0, spread, 1)
    sixth = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    turned = sixth + 6 * turn[:, None, None]
    # HSV to RGB without cases: channel n is value - spread max(0, min(k, 4 - k, 1)), k = n + sixth modulo 6.
    parts = [(n + turned).remainder(6) for n in (5, 3, 1)]
    return torch.stack([value - spread * torch.minimum(k, 4 - k).clamp(0, 1) for k in parts], dim=1)


def blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur of images (N, c, h, w), at least 2 x 2, with standard deviations (N,) in pixels.

    The kernel is a tenth of the smaller side, odd and at least 3 pixels; around the image lies its mirror image.
    """
    half = blur_size(*images.shape[2:]) // 2
    places = torch.arange(-half, half + 1, dtype=images.dtype, device=images.device)
    weights = (-0.5 * (places / sigma.unsqueeze(-1)).square()).exp()
    weights = (weights / weights.sum(-1, keepdim=True)).unbind(-1)
    for dim in (2, 3):
        padded = nn.functional.pad(images, (0, 0, half, half) if dim == 2 else (half, half, 0, 0), mode="reflect")
        shifted = [padded.narrow(dim, i, images.shape[dim]) * _wide(w) for i, w in enumerate(weights)]
        images = sum(shifted[1:], shifted[0])
    return images


def blur_size(height: int, width: int) -> int:
    """Pixels of the kernel of `blur`."""
    return 2 * max(1, round(0.05 * min(height, width))) + 1


def _blend(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    return (_wide(factor) * images + _wide(1 - factor) * other).clamp(0, 1)


def _wide(factor: Tensor) -> Tensor:
    return factor[:, None, None, None]
