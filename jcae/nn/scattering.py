"""The scattering transform of images: moduli of wavelets, and of their wavelets, averaged over neighbourhoods.

Bruna and Mallat, "Invariant scattering convolution networks", IEEE TPAMI 2013, with the Morlet wavelets, padding and
order of channels of kymatio (Andreux et al., JMLR 2020).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

N_SCALES, N_ANGLES = 3, 8


class Filters(NamedTuple):
    """Fourier transforms of the filters, which are real.

    Attributes
    ----------
    wavelets : Tensor, (J, L, P, Q)
        By scale and angle.
    average : Tensor, (P, Q)
    """

    wavelets: Tensor
    average: Tensor


def filters(height: int, width: int, n_scales: int, n_angles: int) -> Filters:
    """Morlet wavelets of centre frequency 3 pi / 2^(j + 2) and width 0.8 2^j, and a Gaussian, periodic on a P x Q grid.

    Returns
    -------
    Filters
        In float64.
    """
    size, slant = (height, width), 4.0 / n_angles
    wavelets = torch.empty(n_scales, n_angles, *size, dtype=torch.float64)
    for j in range(n_scales):
        frequency, spread = 0.75 * math.pi / 2**j, 0.8 * 2**j
        for a in range(n_angles):
            angle = (n_angles - n_angles // 2 - 1 - a) * math.pi / n_angles
            wave, envelope = (_gabor(size, spread, angle, f, slant) for f in (frequency, 0.0))
            # Less as much of its envelope as leaves a mean of zero.
            wavelets[j, a] = torch.fft.fft2(wave - wave.sum() / envelope.sum() * envelope).real
    return Filters(wavelets, torch.fft.fft2(_gabor(size, 0.8 * 2 ** (n_scales - 1), 0.0, 0.0, 1.0)).real)


def _gabor(size: tuple[int, int], spread: float, angle: float, frequency: float, slant: float) -> Tensor:
    """A plane wave under a Gaussian that is 1 / `slant` times as wide across the wave; complex, of sum 1 without it."""
    total = torch.zeros(size, dtype=torch.complex128)
    cos, sin = math.cos(angle), math.sin(angle)
    for shift_x in range(-2, 3):
        for shift_y in range(-2, 3):
            x = (torch.arange(size[0], dtype=torch.float64) + shift_x * size[0])[:, None]
            y = (torch.arange(size[1], dtype=torch.float64) + shift_y * size[1])[None, :]
            along, across = cos * x + sin * y, cos * y - sin * x
            decay = (along.square() + (slant * across).square()) / (2.0 * spread**2)
            total += torch.exp(torch.complex(-decay, frequency * along))
    return total * slant / (2.0 * math.pi * spread**2)


def scattering(images: Tensor, n_scales: int = N_SCALES, n_angles: int = N_ANGLES) -> Tensor:
    """Scattering coefficients of order 0, 1 and 2.

    Parameters
    ----------
    images : Tensor, (n, h, w)
    n_scales : int
        J; coefficients are averages over some 2^J pixels, and sampled as far apart.
    n_angles : int
        L.

    Returns
    -------
    Tensor, (n, 1 + J L + L^2 J (J - 1) / 2, h // 2^J, w // 2^J)
        Channels: the average, then by scale and angle, then by both of the first wavelet and both of the second.

    Raises
    ------
    ValueError
        The images are smaller than 2^J x 2^J.
    """
    step, (height, width) = 2**n_scales, images.shape[-2:]
    if min(height, width) < step:
        raise ValueError(f"images of {height} x {width} pixels are too small to scatter; {step} x {step} are needed")
    padded = _reflected(_reflected(images, step, -2), step, -1)
    psi, phi = (part.to(images) for part in filters(*padded.shape[-2:], n_scales, n_angles))

    def averaged(spectrum: Tensor, scale: int) -> Tensor:
        """What is sampled every 2^scale pixels, averaged and sampled every 2^J; without the border."""
        blurred = _subsampled(spectrum * _coarse(phi, 2**scale), 2 ** (n_scales - scale))
        return torch.fft.ifft2(blurred).real[..., 1:-1, 1:-1]

    def modulus(spectrum: Tensor, scale: int, j: int, angle: int) -> Tensor:
        """Spectrum of the modulus of a wavelet of scale j, sampled every 2^j pixels."""
        waves = _subsampled(spectrum * _coarse(psi[j, angle], 2**scale), 2 ** (j - scale))
        return torch.fft.fft2(torch.fft.ifft2(waves).abs())

    spectrum = torch.fft.fft2(padded)
    first, second = [], []
    for j in range(n_scales):
        for angle in range(n_angles):
            inner = modulus(spectrum, 0, j, angle)
            first.append(averaged(inner, j))
            second += [
                averaged(modulus(inner, j, k, other), k) for k in range(j + 1, n_scales) for other in range(n_angles)
            ]
    return torch.stack([averaged(spectrum, 0), *first, *second], dim=1)


def _reflected(images: Tensor, step: int, dim: int) -> Tensor:
    """Continued over both borders by reflection, to a multiple of `step` that leaves one step to drop on each side."""
    n = images.shape[dim]
    size = (n // step + 2) * step
    period = max(1, 2 * (n - 1))
    place = torch.arange(size, device=images.device).sub((size - n) // 2).remainder(period)
    return images.index_select(dim, torch.minimum(place, period - place))


def _subsampled(spectrum: Tensor, factor: int) -> Tensor:
    """Spectrum (..., P, Q) of every factor-th sample: the mean of its aliases."""
    height, width = spectrum.shape[-2:]
    folded = spectrum.unflatten(-1, (factor, width // factor)).mean(-2)
    return folded.unflatten(-2, (factor, height // factor)).mean(-3)


def _coarse(filter_: Tensor, factor: int) -> Tensor:
    """The filter on a grid that is coarser by the factor: its low frequencies."""
    for dim in (-2, -1):
        n = filter_.shape[dim]
        low = n // (2 * factor)
        high = n // factor - low
        filter_ = torch.cat([filter_.narrow(dim, 0, low), filter_.narrow(dim, n - high, high)], dim)
    return filter_
