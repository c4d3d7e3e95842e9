"""The named precisions: what numbers are stored as, and what matrix products are computed in."""

import warnings

import torch

PRECISIONS = ("float64", "float32", "tf32", "bf16")
"""``float64`` and ``float32`` are plain. ``tf32`` and ``bf16`` store float32 and round the operands of the layers'
matrix products and convolutions: to 10 bits of mantissa inside the product on a GPU (tf32), or to bfloat16, activations
between layers included. Codes, distances, assignments, losses, gradients of the parameters and the optimiser stay
float32."""


def storage_dtype(precision: str) -> torch.dtype:
    """What parameters and data are stored as."""
    return torch.float64 if precision == "float64" else torch.float32


class SlowPrecisionWarning(UserWarning):
    """The device has no instructions for the precision, and imitates it."""


def warn_if_slow(precision: str, device: torch.device) -> None:
    """Give a `SlowPrecisionWarning` for bf16 on a CPU that computes it in software, 30 times slower than float32."""
    if precision == "bf16" and device.type == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        warnings.warn(
            "precision='bf16': this CPU has no instructions for it and takes about 30 times as long as for 'float32'; "
            "take that one",
            SlowPrecisionWarning,
            stacklevel=4,
        )
