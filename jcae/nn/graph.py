"""Layers on a graph: propagation along its edges, graph convolutions, and attention over the parts of a sum.

The normalised adjacency is one sparse constant for all seeds of a block. Activations are (S, n, features).
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from jcae.nn.networks import AutoencoderNetwork, Linear, initial_kernel
from jcae.nn.precision import storage_dtype
from jcae.nn.products import affine
from jcae.randomness.seeds import generator

NORMALISATIONS = ("row", "symmetric")
SPARSE = 0.05
"""Features of which at most this share is not 0 are multiplied as a sparse matrix: measured on four citation graphs."""
ATTENTION_SLOPE = 0.01
"""Of the leaky ReLU inside `attention`."""


def normalised(A: Any, kind: str) -> sparse.csr_array:
    """A graph with loops of weight 1, normalised.

    Parameters
    ----------
    A : csr_array, (n, n)
        A graph as `jcae.data.graphs.graph.clean` gives it.
    kind : {"row", "symmetric"}
        ``row``: D^-1 (A + I), the mean over a node and its neighbours. ``symmetric``: D^-1/2 (A + I) D^-1/2 (Kipf and
        Welling, 2017). D are the row sums of A + I.

    Returns
    -------
    csr_array of float64, (n, n)
    """
    if kind not in NORMALISATIONS:
        raise ValueError(f"normalisation={kind!r} is unknown; allowed are {list(NORMALISATIONS)}")
    looped = sparse.csr_array(A, dtype=np.float64) + sparse.eye_array(A.shape[0], format="csr")
    degrees = looped.sum(axis=1)
    if kind == "row":
        return sparse.csr_array(sparse.diags_array(1.0 / degrees) @ looped)
    scale = sparse.diags_array(degrees**-0.5)
    return sparse.csr_array(scale @ looped @ scale)


def smoothed(X: np.ndarray, A: Any, power: int) -> np.ndarray:
    """Features averaged with those of near nodes: `power` times the symmetric `normalised` A (n, n) times X (n, d).

    In float64, and in the dtype of X in the end.
    """
    N, smooth = normalised(A, "symmetric"), X.astype(np.float64)
    for _ in range(power):
        smooth = N @ smooth
    return smooth.astype(X.dtype)


class SparseMap:
    """The linear map x -> C x for a constant sparse C (n, m) and x (S, m, p); the way back is C^T.

    Parameters
    ----------
    C : csr_array, (n, m)
    dtype : torch.dtype
    device : torch.device
    """

    def __init__(self, C: sparse.csr_array, dtype: torch.dtype, device: torch.device):
        self._there, self._back = (_on_device(part, dtype, device) for part in (C, sparse.csr_array(C.T)))

    def __call__(self, x: Tensor) -> Tensor:
        """C x, (S, n, p)."""
        return _Apply.apply(x, self._there, self._back)


def _on_device(C: sparse.csr_array, dtype: torch.dtype, device: torch.device) -> Tensor:
    C.sort_indices()
    parts = [torch.from_numpy(part.astype(np.int64)) for part in (C.indptr, C.indices)]
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # that the layout is in beta
        return torch.sparse_csr_tensor(*parts, torch.from_numpy(C.data).to(dtype), C.shape).to(device)


def _multiply(C: Tensor, x: Tensor) -> Tensor:
    """C x for every seed: on a GPU one product (n, m) x (m, S p), on a CPU one per seed, which spares two copies."""
    if x.device.type == "cpu":
        return torch.stack([C @ one for one in x])
    size, m, p = x.shape
    return (C @ x.transpose(0, 1).reshape(m, size * p)).view(-1, size, p).transpose(0, 1)


class _Apply(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, there: Tensor, back: Tensor) -> Tensor:
        ctx.back = back
        return _multiply(there, x)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None, None]:
        return _multiply(ctx.back, grad) if ctx.needs_input_grad[0] else None, None, None


class Nodes:
    """The nodes of a graph, features and edges: the same constants for all seeds.

    Parameters
    ----------
    x : Tensor, (n, d)
    N : csr_array, (n, n)
        As `normalised` gives it.

    Attributes
    ----------
    x : Tensor, (n, d)
    propagate : SparseMap
        x -> N x.
    """

    def __init__(self, x: Tensor, N: sparse.csr_array):
        self.x = x
        self.propagate = SparseMap(N, x.dtype, x.device)
        few = torch.count_nonzero(x).item() <= SPARSE * x.numel()
        self._features = SparseMap(sparse.csr_array(x.cpu().numpy()), x.dtype, x.device) if few else None

    def times(self, weight: Tensor, precision: str) -> Tensor:
        """The features times a kernel (S, d, p): (S, n, p)."""
        if self._features is not None:
            return self._features(weight)
        return affine(self.x.expand(len(weight), -1, -1), weight, None, precision)


class GraphConvolution(nn.Module):
    """S layers N x W without bias, side by side.

    Parameters
    ----------
    weight : Tensor, (S, n_in, n_out)
    precision : str
        Of the product with W; the sum over the neighbours is taken in the dtype of the weights.
    """

    def __init__(self, weight: Tensor, precision: str = "float32"):
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.precision = precision

    @property
    def n_out(self) -> int:
        """Numbers that come out for a node."""
        return self.weight.shape[-1]

    def forward(self, x: Tensor, nodes: Nodes, negative_slope: float | None = None) -> Tensor:
        """N x W, (S, n, n_out), and a leaky ReLU of it if a slope is given; the narrower side is propagated."""
        if x.shape[-1] <= self.n_out:
            result = affine(nodes.propagate(x), self.weight, None, self.precision, negative_slope)
            return result.to(self.weight.dtype)
        return self._propagated(affine(x, self.weight, None, self.precision), nodes, negative_slope)

    def of_features(self, nodes: Nodes, negative_slope: float | None = None) -> Tensor:
        """The same of the features of the nodes."""
        return self._propagated(nodes.times(self.weight, self.precision), nodes, negative_slope)

    def _propagated(self, product: Tensor, nodes: Nodes, negative_slope: float | None) -> Tensor:
        result = nodes.propagate(product.to(self.weight.dtype))
        return result if negative_slope is None else leaky_relu(result, negative_slope)


def activations(network: AutoencoderNetwork, nodes: Nodes) -> list[Tensor]:
    """What every layer of the encoder gives of the features, (S, n, width), the code last.

    The network has no convolutions.
    """
    first, *others = network.encoder
    slope = network.negative_slope if others else None
    x = nodes.times(first.weight, first.precision)
    x = x + first.bias.unsqueeze(1).to(x.dtype)
    found = [x if slope is None else leaky_relu(x, slope)]
    for layer in others:
        found.append(layer(found[-1], network.negative_slope if layer is not others[-1] else None))
    return [*found[:-1], found[-1].to(first.weight.dtype)]


def graph_convolution(n_in: int, n_out: int, *, seeds: Sequence[int], name: str, precision: str) -> GraphConvolution:
    """A layer for a block of seeds, Glorot uniform; seed s draws from its own stream ``("weights", name)``."""
    kernels = [initial_kernel((n_in, n_out), n_in, n_out, "glorot", generator(s, "weights", name)) for s in seeds]
    return GraphConvolution(torch.stack(kernels).to(storage_dtype(precision)), precision)


def attention(layer: Linear, parts: Sequence[Tensor]) -> Tensor:
    """Weight of each of m parts at every node, (S, n, m): rows have the 2-norm 1 (Peng et al., 2021).

    Parameters
    ----------
    layer : Linear
        From all parts side by side to m numbers.
    parts : sequence of Tensor, (S, n, p_i)
        In the order of the layer's rows.
    """
    weights = torch.softmax(layer(torch.cat(list(parts), dim=-1), ATTENTION_SLOPE).to(layer.weight.dtype), dim=-1)
    return weights / weights.norm(dim=-1, keepdim=True)
