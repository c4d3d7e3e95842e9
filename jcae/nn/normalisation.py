"""Batch normalisation of a block: every seed by the moments of its own batch, with running statistics of its own.

Rows (S, batch, n_out) are normalised feature by feature, and images (`jcae.nn.convolution`) channel by channel over all
their pixels: in a row the channels of a pixel lie side by side, so that both are the same computation.

Whether a pass is one of training is said by whoever makes it, ``layer(x, training=True)``, and by nothing else: the
loss of a phase says so, and what assigns or encodes points does not. Momentum, eps and the unbiased variance in the
running statistics are torch's (Ioffe and Szegedy, ICML 2015).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from jcae.nn.precision import storage_dtype
from jcae.nn.products import aligned

MOMENTUM = 0.1
"""Weight of a batch in the running statistics."""
EPS = 1e-5
"""Added to the variance."""


class BatchNorm(nn.Module):
    """S batch normalisations side by side: ``(x - mean) / sqrt(variance + EPS) * weight + bias``.

    Parameters
    ----------
    n_out : int
        Numbers of a point, a multiple of the channels.
    weight, bias : Tensor, (S, channels)

    Attributes
    ----------
    running_mean, running_var : Tensor, (S, channels)
        Buffers: each pass of training adds `MOMENTUM` of its batch's mean and unbiased variance; other passes
        normalise by them.
    """

    def __init__(self, n_out: int, weight: Tensor, bias: Tensor):
        super().__init__()
        self.n_out = n_out
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(bias)
        self.register_buffer("running_mean", torch.zeros_like(weight))
        self.register_buffer("running_var", torch.ones_like(weight))

    def forward(self, x: Tensor, *, training: bool = False) -> Tensor:
        """Normalise x (S, batch, n_out), in a pass of training by the moments of the batch.

        Raises
        ------
        ValueError
            The batch of a pass of training has one row, which has no variance.
        """
        if training and x.shape[1] == 1:
            raise ValueError(
                "batch normalisation cannot be trained on a batch of one row; at least 2 are allowed: take a "
                "batch_size that leaves no single row over"
            )
        pixels = x.unflatten(-1, (-1, self.weight.shape[-1])).flatten(1, 2)  # (S, batch * pixels, channels)
        normalise = _seed_by_seed if x.device.type == "cpu" else _in_one_call
        moments = (self.running_mean, self.running_var)
        return normalise(pixels, *moments, self.weight, self.bias, training=training).reshape(x.shape)


def _seed_by_seed(*parts: Tensor, training: bool) -> Tensor:
    """A call per seed, see `jcae.nn.products`: pixels (S, m, channels), running statistics, weights and biases."""
    alone = zip(*(part.unbind() for part in parts), strict=True)
    return torch.stack([_normalise(aligned(x), *rest, training=training) for x, *rest in alone])


def _in_one_call(*parts: Tensor, training: bool) -> Tensor:
    """The same where the channels of all seeds are those of one call."""
    pixels, *rest = parts
    result = _normalise(pixels.transpose(0, 1).flatten(1), *(part.view(-1) for part in rest), training=training)
    return result.unflatten(1, rest[0].shape).transpose(0, 1)


def _normalise(x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor, bias: Tensor, *, training: bool) -> Tensor:
    """Rows x (m, channels), normalised; in training the running mean and variance move, in place."""
    return nn.functional.batch_norm(x, mean, variance, weight, bias, training, MOMENTUM, EPS)


def batch_norm(n_out: int, channels: int, *, seeds: Sequence[int], precision: str) -> BatchNorm:
    """A batch normalisation for a block of seeds, weights 1 and biases 0; of rows `channels` is `n_out`."""
    if n_out % channels:
        raise ValueError(f"channels={channels} do not share out n_out={n_out} numbers; allowed are its divisors")
    ones = torch.ones(len(seeds), channels, dtype=storage_dtype(precision))
    return BatchNorm(n_out, ones, torch.zeros_like(ones))


def running_statistics(network: nn.Module) -> dict[str, Tensor]:
    """Running means and variances of all batch normalisations of a network, by name: the buffers themselves."""
    return {
        f"{name}.{kind}".removeprefix("."): getattr(layer, kind)
        for name, layer in network.named_modules()
        if isinstance(layer, BatchNorm)
        for kind in ("running_mean", "running_var")
    }
