"""SDCN: structural deep clustering network. Bo, Wang, Shi, Zhu, Lu and Cui, WWW 2020, arXiv 2002.01633."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from baselines.dec import kl_divergence, log_soft_assignment, target_distribution
from jcae.models.autoencoder import squared_error
from jcae.models.graph_clusterer import GraphClusterer
from jcae.models.info import Info
from jcae.models.parameters import check_number
from jcae.nn.graph import activations, graph_convolution
from jcae.nn.networks import CentroidNetwork
from jcae.training.block import Block
from jcae.training.phase import Loss


class SDCNNetwork(CentroidNetwork):
    """S autoencoders with centroids, and graph convolutions as wide as their encoders."""

    def __init__(self, centroids: CentroidNetwork, graph: Sequence[nn.Module]):
        super().__init__(centroids.autoencoder, centroids.centroids.shape[1])
        self.graph = nn.ModuleList(graph)


class Outputs(NamedTuple):
    """Of all nodes: reconstruction (S, n, d), log Q and log Z (S, n, K)."""

    reconstruction: Tensor
    log_q: Tensor
    log_z: Tensor


class DualSupervision(GraphClusterer, ABC):
    """Two soft assignments, Q of the code by distance to the centroids and Z of the last graph layer, and one target.

    Labels are those of Z. A subclass implements `build_network` and `outputs`.

    Parameters
    ----------
    clustering_weight, graph_weight : float
        Of KL(P || Q) and KL(P || Z) beside the squared error, averaged over nodes and features. P is the sharpened Q.
    """

    clustering_weight: float = 0.1
    graph_weight: float = 0.01

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        super().check_parameters(n_samples, n_features)
        for name in ("clustering_weight", "graph_weight"):
            check_number(self, name, minimum=0)

    @abstractmethod
    def outputs(self, network: nn.Module, block: Block) -> Outputs:
        """One pass over all nodes."""

    def loss(self, network: nn.Module, block: Block) -> Loss:
        """See `GraphClusterer`."""
        x, found = block.whole(), self.outputs(network, block)
        target = target_distribution(found.log_q.detach().exp())
        return Loss(
            {
                "reconstruction": squared_error(x, found.reconstruction) / (x.shape[-2] * x.shape[-1]),
                "clustering": self.clustering_weight * kl_divergence(target, found.log_q),
                "graph": self.graph_weight * kl_divergence(target, found.log_z),
            }
        )

    def log_assignment(self, network: nn.Module, block: Block) -> Tensor:
        """log Z, (S, n, K)."""
        return self.outputs(network, block).log_z


class SDCN(DualSupervision):
    """Structural deep clustering: graph convolutions mixed, layer by layer, with an autoencoder's activations.

    Parameters
    ----------
    mix : float
        Share of the autoencoder in what goes into each graph layer but the first.
    """

    info: ClassVar[Info] = Info(
        label="SDCN",
        summary="Graph convolutions mixed with an autoencoder's layers; two assignments, one sharpened target.",
        reference="arXiv:2002.01633",
        deviations=(
            "The adjacency is D^-1 (A + I) as in the public code; the paper's D^-1/2 (A + I) D^-1/2 is "
            "normalisation='symmetric'.",
            "The squared error is averaged over nodes and features, as in the public code; the paper has half its sum "
            "over features, which alpha and beta do not belong to.",
            "200 updates for all graphs, as in the public code; the paper has 50 for given graphs. Labels are those "
            "after the last one; the public code prints scores with labels before every update.",
            "Every seed has an autoencoder of its own; the public runs share one per data set.",
        ),
        presets={
            name: {"learning_rate": rate, "n_neighbors": neighbours}
            for name, rate, neighbours in (
                ("usps", 1e-3, 3),
                ("har", 1e-3, 5),
                ("reuters10k", 1e-4, 3),
                ("acm", 1e-3, 3),
                ("dblp", 1e-3, 3),
                ("citeseer", 1e-4, 3),
            )
        },
    )

    mix: float = 0.5

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        super().check_parameters(n_samples, n_features)
        check_number(self, "mix", minimum=0)

    def build_network(self, n_features: int, seeds: Sequence[int]) -> SDCNNetwork:
        """See `DeepEstimator`."""
        widths = [n_features, *self.hidden, self.code_dim, self.n_clusters]
        layers = [
            graph_convolution(*step, seeds=seeds, name=f"graph.{i}", precision=self.precision)
            for i, step in enumerate(pairwise(widths))
        ]
        return SDCNNetwork(super().build_network(n_features, seeds), layers)

    def outputs(self, network: SDCNNetwork, block: Block) -> Outputs:
        """One pass over all nodes."""
        first, *middle, last = network.graph
        *hidden, code = activations(network.autoencoder, block.nodes)
        g = first.of_features(block.nodes, 0.0)
        for layer, h in zip(middle, hidden, strict=True):
            g = layer((1.0 - self.mix) * g + self.mix * h, block.nodes, 0.0)
        logits = last((1.0 - self.mix) * g + self.mix * code, block.nodes)
        return Outputs(
            network.autoencoder.decode(code), log_soft_assignment(code, network.centroids), logits.log_softmax(-1)
        )
