"""What every deep method has that clusters the nodes of a graph, all at once."""

from typing import Any, Self

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from jcae.data.graphs.neighbours import graph_of
from jcae.models.autoencoder import Autoencoder
from jcae.models.clusterer import TransductiveClusterer
from jcae.models.parameters import check_choice, check_number
from jcae.models.pretrained import PretrainedMixin, kmeans_on_code, own_recipe
from jcae.nn.graph import NORMALISATIONS, Nodes, normalised
from jcae.training.block import Block
from jcae.training.memory import Demand, Placement, free_memory, host_memory, place
from jcae.training.optimisers import Optimiser
from jcae.training.phase import Loss, Phase

LARGE = 32 * 2**20
"""Bytes of a seed from which on a CPU takes one at a time: tensors of several are then mapped and cleared anew in every
update, which costs up to a quarter of it and spares nothing (`benchmarks.against_graph_loop`)."""


class NodeClusterer(TransductiveClusterer):
    """A method that clusters the nodes of a graph by features and edges.

    Every update sees all nodes. New nodes cannot be assigned: there is no ``predict``.

    Parameters
    ----------
    n_neighbors : int
        Without a graph: Euclidean neighbours that each point is joined with.
    epochs : int
        Updates.
    """

    n_neighbors: int = 3
    epochs: int = 200
    learning_rate: float = 1e-3

    def fit(self, X: Any, y: Any = None, graph: Any = None) -> Self:
        """Train with the seed ``random_state``.

        Parameters
        ----------
        X : array-like, (n_samples, n_features)
        y
            Ignored.
        graph : array-like or sparse matrix, (n_samples, n_samples), optional
            Weights of edges, see `jcae.data.graphs.graph.clean`. Default: 1 between nearest neighbours.
        """
        return self._fit_one(X, graph)

    def graph_of(self, X: np.ndarray, graph: Any) -> sparse.csr_array:
        """See `DeepEstimator`."""
        return graph_of(X, graph, self.n_neighbors)

    def rows_of_step(self, n_samples: int) -> int:
        """See `DeepEstimator`."""
        return n_samples

    def placement(self, need: Demand, graph: sparse.csr_array | None, device: torch.device, n_seeds: int) -> Placement:
        """See `DeepEstimator`; on a CPU as many seeds as its memory holds, or one after the other where one is `LARGE`.

        Raises
        ------
        MemoryError
            Even one seed is more than there is: nothing smaller than all nodes can be tried, unlike a batch.
        """
        if device.type == "cpu":
            free, n_seeds = host_memory(), 1 if need.per_seed > LARGE else n_seeds
        else:
            free = free_memory(device)
        if free is None:
            return Placement(n_seeds, True)
        # The normalised adjacency with its loops, there and back: a weight and a column per entry, a start per row.
        size = self._array_dtype().itemsize
        edges = 2 * ((graph.nnz + graph.shape[0]) * (size + 8) + 8 * (graph.shape[0] + 1))
        need = need._replace(data=need.data + edges)
        if need.total(1) > free:
            raise MemoryError(
                f"{type(self).__name__}: a graph of {graph.shape[0]} nodes and {graph.nnz // 2} edges takes about "
                f"{need.total(1) / 2**20:.0f} MiB for even one seed, as every update sees all nodes, and {device} has "
                f"{free / 2**20:.0f} MiB left. Take a smaller hidden, or another device"
            )
        return place(need, free, n_seeds)

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        check_number(self, "n_neighbors", minimum=1, integer=True)


class GraphClusterer(PretrainedMixin, NodeClusterer):
    """A `NodeClusterer` that starts from an autoencoder, and whose layers propagate along the edges.

    A subclass implements `build_network`, `loss` and `log_assignment`.

    Parameters
    ----------
    normalisation : {"row", "symmetric"}
        Of the adjacency with loops, see `jcae.nn.graph.normalised`.
    """

    negative_slope: float = 0.0
    normalisation: str = "row"

    def loss(self, network: nn.Module, block: Block) -> Loss:
        """Of all nodes at once."""
        raise NotImplementedError

    def log_assignment(self, network: nn.Module, block: Block) -> Tensor:
        """Log of the soft assignment that the labels are read from, (S, n, K)."""
        raise NotImplementedError

    def pretraining(self) -> Autoencoder:
        """See `DeepEstimator`; the autoencoder of SDCN unless another is asked for."""
        return own_recipe(self, Autoencoder(**Autoencoder.info.presets["sdcn"]))

    def nodes(self, x: Tensor, graph: sparse.csr_array | None, device: torch.device) -> Nodes:
        """See `DeepEstimator`."""
        return Nodes(x.to(device), normalised(graph, self.normalisation))

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        super().check_parameters(n_samples, n_features)
        check_choice(self, "normalisation", NORMALISATIONS)
        if self.augment is not None:
            raise ValueError(
                f"{type(self).__name__}: augment={self.augment!r} is not allowed: every update sees all nodes as they "
                "are. Its autoencoder can be trained on changed images: autoencoder=Autoencoder(augment=...)"
            )

    def training_phases(self, block: Block) -> list[Phase]:
        """See `DeepEstimator`."""

        def start() -> None:
            block.network.centroids.copy_(kmeans_on_code(block, self.n_clusters)[1])

        def loss(x: Tensor, rows: Tensor) -> Loss:
            return self.loss(block.network, block)

        optimiser = Optimiser("adam", self.learning_rate)
        return [Phase("clustering", loss, self.epochs, None, optimiser, before=start)]

    @torch.no_grad()
    def clusters(self, block: Block, rows: Tensor | None = None) -> Tensor:
        """See `TransductiveClusterer`."""
        found = self.log_assignment(block.network, block).argmax(-1)
        return found if rows is None else found[:, rows.to(block.device)]
