"""AGCN: attention-driven graph clustering network. Peng, Liu, Jia and Hou, ACM MM 2021, arXiv 2108.05499."""

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import nn

from baselines.dec import log_soft_assignment
from baselines.sdcn import DualSupervision, Outputs
from jcae.models.info import Info
from jcae.nn.graph import activations, attention, graph_convolution
from jcae.nn.networks import CentroidNetwork, linear
from jcae.training.block import Block

SLOPE = 0.2
"""Of the leaky ReLU after each graph layer."""

DEVIATIONS = (
    "The adjacency is D^-1 (A + I) as in the public code; the paper's D^-1/2 (A + I) D^-1/2 is "
    "normalisation='symmetric'.",
    "Labels and scores are those after the last update; the public code keeps the best of 200 epochs by labels, each "
    "score from an epoch of its own.",
    "Every seed has an autoencoder of its own; the public runs share one per data set.",
)
# Weights of the losses by data set: grid searched by the authors, for whom labels chose the epoch.
PUBLISHED = {
    "usps": ({"n_neighbors": 3}, 1000, 1000, 1e-3),
    "har": ({"n_neighbors": 5}, 1, 0.1, 1e-3),
    "reuters10k": ({"n_neighbors": 3}, 10, 10, 1e-4),
    "acm": ({}, 0.1, 0.01, 1e-3),
    "dblp": ({}, 0.1, 0.01, 1e-3),
    "citeseer": ({}, 0.1, 0.01, 1e-4),
}


class AttentionNetwork(CentroidNetwork):
    """S autoencoders with centroids, graph convolutions as wide as their encoders, and what weighs the two.

    Parameters
    ----------
    centroids : CentroidNetwork
    n_features : int
    seeds, precision
        As in `jcae.nn.networks.linear`.
    """

    def __init__(self, centroids: CentroidNetwork, n_features: int, *, seeds: Sequence[int], precision: str):
        n_clusters = centroids.centroids.shape[1]
        super().__init__(centroids.autoencoder, n_clusters)
        hidden = [layer.n_out for layer in self.autoencoder.encoder]  # the code last
        everything = sum(hidden) + hidden[-1]
        settings = {"seeds": seeds, "precision": precision}
        self.graph = nn.ModuleList(
            graph_convolution(*step, name=f"graph.{i}", **settings)
            for i, step in enumerate(pairwise([n_features, *hidden]))
        )
        self.layerwise = nn.ModuleList(
            linear(2 * width, 2, name=f"layerwise.{i}", initialiser="torch", **settings)
            for i, width in enumerate(hidden[:-1])
        )
        self.scalewise = linear(everything, len(hidden) + 1, name="scalewise", initialiser="torch", **settings)
        self.assign = graph_convolution(everything, n_clusters, name="graph.assign", **settings)


def attended(network: AttentionNetwork, block: Block) -> Outputs:
    """One pass over all nodes: attention between the two activations of a layer, then among the layers."""
    *hidden, code = activations(network.autoencoder, block.nodes)
    first, *deeper = network.graph
    g = first.of_features(block.nodes, SLOPE)
    scales = [g]
    for h, layer, weigh in zip(hidden, deeper, network.layerwise, strict=True):
        m = attention(weigh, [h, g])  # of [H || G]; yet its first column weighs G
        g = layer(m[..., :1] * g + m[..., 1:] * h, block.nodes, SLOPE)
        scales.append(g)
    scales.append(code)
    u = attention(network.scalewise, scales)
    weighted = torch.cat([u[..., i : i + 1] * scale for i, scale in enumerate(scales)], dim=-1)
    logits = network.assign(weighted, block.nodes)
    return Outputs(
        network.autoencoder.decode(code), log_soft_assignment(code, network.centroids), logits.log_softmax(-1)
    )


class AGCN(DualSupervision):
    """Attention-driven graph clustering: attention mixes the two activations of each layer, and then all layers.

    The mix of a layer (AGCN-H) and of the layers (AGCN-S) are weights of a node, of 2-norm 1.
    """

    info: ClassVar[Info] = Info(
        label="AGCN",
        summary="SDCN whose fixed mix is replaced by attention, within each layer and over all layers.",
        reference="arXiv:2108.05499",
        deviations=DEVIATIONS,
        presets={
            name: {"clustering_weight": soft, "graph_weight": graph, "learning_rate": rate, **more}
            for name, (more, soft, graph, rate) in PUBLISHED.items()
        },
    )

    def build_network(self, n_features: int, seeds: Sequence[int]) -> AttentionNetwork:
        """See `DeepEstimator`."""
        return AttentionNetwork(
            super().build_network(n_features, seeds), n_features, seeds=seeds, precision=self.precision
        )

    def outputs(self, network: AttentionNetwork, block: Block) -> Outputs:
        """One pass over all nodes."""
        return attended(network, block)
