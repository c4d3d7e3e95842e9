"""How much memory a block takes, counted on paper, and what follows from it: how many seeds, and where the data lie."""

import re
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from jcae.nn.convolution import Convolution
from jcae.nn.graph import GraphConvolution
from jcae.nn.networks import Linear
from jcae.nn.normalisation import BatchNorm
from jcae.training.block import CHUNK
from jcae.training.kmeans import BUDGET

MARGIN = 1.3
"""What is really taken may be so many times what is counted: temporaries, fragments."""
MEMINFO = Path("/proc/meminfo")
"""Where Linux says how much memory the machine has left."""


class Demand(NamedTuple):
    """Bytes on the training device.

    Attributes
    ----------
    data : int
        The data set, once for all seeds.
    per_seed : int
        Parameters, gradients, two moments, averaged parameters; activations of a batch and of a chunk of the
        evaluation; batch order and code of the whole data.
    """

    data: int
    per_seed: int

    def total(self, n_seeds: int) -> int:
        """Bytes of a block with its data."""
        return self.data + n_seeds * self.per_seed


class Placement(NamedTuple):
    """How many seeds are trained at once, and whether the data lie on their device."""

    n_seeds: int
    resident: bool


def demand(network: nn.Module, n_samples: int, n_features: int, batch_size: int) -> Demand:
    """Count the bytes of a block.

    Parameters
    ----------
    network : nn.Module
        Of a single seed.
    n_samples, n_features, batch_size : int
    """
    parameters = list(network.parameters())
    size = parameters[0].element_size()
    layers = [m for m in network.modules() if isinstance(m, Linear | Convolution | GraphConvolution | BatchNorm)]
    widths = [m.n_out for m in layers] or [parameters[0].shape[-1]]
    # A layer keeps its result for the way back, where one gradient of the widest comes and one goes. The convolution of
    # a block lays out anew what goes in and what comes out.
    passing = 4 if any(isinstance(m, Convolution) for m in layers) else 2
    kept = sum(widths)
    if any(isinstance(m, GraphConvolution) for m in layers):
        # Between the layers stand mixes and attention, whose parts are kept, too: about as much as goes into the layers
        # (SDCN, AGCN and DAGC took 0.9 to 1.0 of what is counted with one seed, 0.8 to 0.9 with two).
        kept += sum(m.weight.shape[-2] for m in layers)
    batch = batch_size * (2 * n_features + kept + passing * max(widths))
    chunk = CHUNK * passing * max(n_features, *widths)
    code = n_samples * min(n_features, *widths)
    return Demand(
        data=n_samples * n_features * size,
        per_seed=5 * size * sum(p.numel() for p in parameters) + size * (max(batch, chunk) + code) + 8 * n_samples,
    )


def place(need: Demand, free: int, n_seeds: int) -> Placement:
    """Share out `free` bytes of a device: the data first, unless they leave too little for one seed.

    At least one seed is placed: whether it really fits only trying tells.
    """
    free = int((free - 3 * 4 * BUDGET) / MARGIN)  # k-means has about three arrays of its budget at a time
    resident = need.total(1) <= free
    room = free - need.data if resident else free
    return Placement(max(1, min(n_seeds, room // max(need.per_seed, 1))), resident)


def free_memory(device: torch.device) -> int | None:
    """Free bytes of a GPU, with what torch holds but does not use; None for a CPU: see `host_memory`."""
    if device.type != "cuda":
        return None
    idle = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + idle


def host_memory() -> int | None:
    """Bytes that new work finds in host memory without swapping; None on systems that do not say so."""
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB$", MEMINFO.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return 1024 * int(found[1]) if found else None
