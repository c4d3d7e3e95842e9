"""Random numbers of a training step, drawn on the device that trains.

Each number is a function of (the seed's key, the step, its place in the array): splitmix64, evaluated in integer
arithmetic. There is no state to carry, so a seed draws the same whichever seeds are beside it, a resumed training
draws what an uninterrupted one draws, and a captured graph replays with the step as its only input.
"""

import math

import torch
from torch import Tensor

_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB


def _signed(value: int) -> int:
    """The int64 with the bits of the unsigned `value`."""
    return value - 2**64 if value >= 2**63 else value


def _xor_shift(z: Tensor, bits: int) -> Tensor:
    """Z ^ (z >> bits) with a logical shift: torch has no unsigned one."""
    return z ^ ((z >> bits) & ((1 << (64 - bits)) - 1))


def mix(z: Tensor) -> Tensor:
    """Finaliser of splitmix64 (Steele, Lea and Flood, 2014), elementwise on int64 taken as unsigned."""
    z = _xor_shift(z, 30) * _signed(_FIRST)
    z = _xor_shift(z, 27) * _signed(_SECOND)
    return _xor_shift(z, 31)


def bits(keys: Tensor, step: Tensor, shape: tuple[int, ...]) -> Tensor:
    """64 random bits per element.

    Parameters
    ----------
    keys : Tensor of int64, (S,)
        One per seed, from `jcae.randomness.seeds.stream`.
    step : Tensor of int64, ()
        Number of the step.
    shape : tuple of int
        Of one seed's array.

    Returns
    -------
    Tensor of int64, (S, ``*shape``)
    """
    golden = _signed(_GOLDEN)
    places = torch.arange(1, math.prod(shape) + 1, device=keys.device) * golden
    base = mix(keys + (step + 1) * golden)
    return mix(base.unsqueeze(-1) + places).reshape(len(keys), *shape)


def uniform(keys: Tensor, step: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Numbers strictly between 0 and 1, (S, ``*shape``), with 23 random bits (float32) or 52 (float64)."""
    digits = 52 if dtype == torch.float64 else 23
    high = (bits(keys, step, shape) >> (64 - digits)) & ((1 << digits) - 1)
    # Odd multiples of half a unit: exact in `dtype`, and never 0 or 1.
    return (2 * high + 1).to(dtype) * 2.0 ** -(digits + 1)


def normal(keys: Tensor, step: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Standard normal numbers, (S, ``*shape``), by Box and Muller's transformation."""
    pairs = uniform(keys, step, (2, (math.prod(shape) + 1) // 2), dtype)
    radius, angle = (-2.0 * pairs[:, 0].log()).sqrt(), 2.0 * math.pi * pairs[:, 1]
    both = torch.cat([radius * angle.cos(), radius * angle.sin()], dim=1)
    return both[:, : math.prod(shape)].reshape(len(keys), *shape)
