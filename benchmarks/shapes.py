"""The shapes of the paper's experiments, and one way to train our methods on them and count the work."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from jcae import AECM, ClusteringModule
from jcae.models.estimator import DeepEstimator
from jcae.training.block import Block
from jcae.training.loop import train
from jcae.training.phase import Runtime

HIDDEN = (500, 500, 2000)


class Shape(NamedTuple):
    """Width of the data and of the code, clusters, batch."""

    name: str
    d: int
    code: int
    k: int
    batch: int


AECM_SHAPES = (
    Shape("mnist, batch 256", 784, 10, 10, 256),
    Shape("mnist, batch 500", 784, 10, 10, 500),
    Shape("pendigits, batch 80", 16, 70, 10, 80),
    Shape("usps, batch 45", 256, 30, 10, 45),
)
CM_SHAPES = (
    Shape("pendigits, batch 80", 16, 0, 10, 80),
    Shape("mnist, batch 111", 784, 0, 10, 111),
)


def data(shape: Shape, batches: int, device: str, clusters: int = 10) -> Tensor:
    """Points around as many centres, (batches * batch, d), float32."""
    rng = torch.Generator().manual_seed(0)
    centres = torch.rand(clusters, shape.d, generator=rng)
    n = batches * shape.batch
    x = centres[torch.randint(clusters, (n,), generator=rng)] + 0.1 * torch.randn(n, shape.d, generator=rng)
    return x.to(device)


def aecm(shape: Shape, precision: str = "float32", **params: object) -> AECM:
    """AE-CM from a random start, one epoch and no averaging."""
    settings = {"alpha": 20, "epochs": 1, "averaging_epoch": False, "batch_size": shape.batch} | params
    return AECM.published(n_clusters=shape.k, hidden=HIDDEN, code_dim=shape.code, precision=precision, **settings)


def module(shape: Shape, **params: object) -> ClusteringModule:
    """CM from a random start, one epoch and no averaging."""
    settings = {"alpha": 20, "epochs": 1, "averaging_epoch": False, "batch_size": shape.batch} | params
    return ClusteringModule(shape.k, **settings)


class Training:
    """A method's training on data, to be run again and again: each call is another training of `epochs` epochs.

    Parameters
    ----------
    method : DeepEstimator
    x : Tensor, (n, d)
        On the device that trains.
    seeds : sequence of int
    runtime : Runtime, optional
    """

    def __init__(self, method: DeepEstimator, x: Tensor, seeds: Sequence[int], runtime: Runtime | None = None):
        self.method, self.runtime = method, runtime or Runtime()
        network = method.build_network(x.shape[1], seeds).to(x.device)
        self.block = Block(network, x, seeds)
        self.phases = method.training_phases(self.block)

    def __call__(self) -> None:
        train(self.block, self.phases, self.runtime)


def multiply_adds(shape: Shape) -> int:
    """Multiply-adds of one point's pass through the autoencoder and back out, forward."""
    widths = (shape.d, *HIDDEN, shape.code)
    return 2 * sum(a * b for a, b in pairwise(widths))


def flop_per_point(shape: Shape) -> float:
    """Floating point operations of one point in a training step: forward, and twice as many backward."""
    widths = (shape.d, *HIDDEN, shape.code)
    return 6.0 * multiply_adds(shape) - 2.0 * widths[0] * widths[1]  # nobody asks for the gradient of the data
