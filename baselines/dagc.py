"""DAGC: deep attention-guided graph clustering. Peng, Liu, Jia and Hou, IEEE TCSVT 2022, arXiv 2111.05548."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from baselines.agcn import DEVIATIONS, AttentionNetwork, attended
from baselines.dec import kl_divergence, target_distribution
from jcae.models.autoencoder import squared_error
from jcae.models.graph_clusterer import GraphClusterer
from jcae.models.info import Info
from jcae.models.parameters import check_number
from jcae.nn.graph import attention
from jcae.nn.networks import CentroidNetwork, linear
from jcae.training.block import Block
from jcae.training.phase import Loss

FLOOR = 1e-12
"""Added to an assignment before its logarithm is taken (public code)."""


class DAGCNetwork(AttentionNetwork):
    """The network of AGCN, and what weighs its two assignments."""

    def __init__(self, centroids: CentroidNetwork, n_features: int, *, seeds: Sequence[int], precision: str):
        super().__init__(centroids, n_features, seeds=seeds, precision=precision)
        width = 2 * centroids.centroids.shape[1]
        self.assignmentwise = linear(
            width, 2, name="assignmentwise", initialiser="torch", seeds=seeds, precision=precision
        )


def fused(network: DAGCNetwork, log_z: Tensor, log_q: Tensor) -> Tensor:
    """Assignment F, (S, n, K): softmax of the attention's sum of Z and Q; flat, as that sum is at most 1.42."""
    z, q = log_z.exp(), log_q.exp()
    v = attention(network.assignmentwise, [z, q])
    return torch.softmax(v[..., :1] * z + v[..., 1:] * q, dim=-1)


def confident_cross_entropy(f: Tensor, threshold: float) -> Tensor:
    """Cross-entropy of F against its own largest entry, where F of 2-norm 1 has one of at least `threshold`, (S,).

    Divided by n K, as in the public code, not by the number of such nodes. From 1/sqrt(2) on at most one entry of a row
    can pass, and it is the largest: so the largest alone counts.
    """
    largest = f.max(dim=-1).values
    confident = (largest / f.norm(dim=-1) >= threshold).detach()
    entropy = torch.where(confident, torch.log(largest + FLOOR), 0.0)
    return -entropy.sum(-1) / (f.shape[-2] * f.shape[-1])


class DAGC(GraphClusterer):
    """Deep attention-guided graph clustering: AGCN whose two assignments are fused, and supervised softly and hard.

    Parameters
    ----------
    target_weight : float
        lambda_1, of KL(P || Q) + KL(P || Z); the target P is the sharpened Z.
    agreement_weight : float
        lambda_2, of KL(Z || Q), which moves both.
    hard_weight : float
        lambda_3, of the cross-entropy of the fused assignment against its own confident labels.
    confidence : float
        A label is confident where the fused assignment, of 2-norm 1, is at least that; above 1/sqrt(2).
    """

    info: ClassVar[Info] = Info(
        label="DAGC",
        summary="AGCN with a third attention that fuses its two assignments, under soft and hard self-supervision.",
        reference="arXiv:2111.05548",
        deviations=(
            *DEVIATIONS,
            "The cross-entropy is divided by n K, all entries, as in the public code; with 11 clusters or more it is "
            "always 0, since F is too flat to pass the threshold.",
            "Without a graph the neighbours are Euclidean, as SDCN's; the authors' own files are of cosines "
            "(graph: {knn: 3, metric: cosine} of a data set gives those).",
        ),
        presets={
            name: {"target_weight": a, "agreement_weight": b, "hard_weight": c, "learning_rate": rate, **more}
            for name, a, b, c, rate, more in (
                ("usps", 0.1, 0.1, 0.001, 1e-3, {"n_neighbors": 3}),
                ("har", 0.1, 0.1, 0.01, 1e-3, {"n_neighbors": 5}),
                ("reuters10k", 10, 10, 100, 1e-4, {"n_neighbors": 3}),
                ("acm", 0.1, 0.1, 0.001, 1e-3, {}),
                ("dblp", 1, 1, 10, 1e-3, {}),
                ("citeseer", 100, 100, 0.001, 1e-4, {}),
                ("amap", 0.001, 1000, 0.01, 1e-4, {}),
                ("pubmed", 0.01, 0.01, 1, 1e-3, {}),
            )
        },
    )

    target_weight: float = 0.1
    agreement_weight: float = 0.1
    hard_weight: float = 0.001
    confidence: float = 0.8

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        super().check_parameters(n_samples, n_features)
        for name in ("target_weight", "agreement_weight", "hard_weight"):
            check_number(self, name, minimum=0)
        check_number(self, "confidence", minimum=0.5**0.5, exclusive=True)

    def build_network(self, n_features: int, seeds: Sequence[int]) -> DAGCNetwork:
        """See `DeepEstimator`."""
        return DAGCNetwork(super().build_network(n_features, seeds), n_features, seeds=seeds, precision=self.precision)

    def loss(self, network: DAGCNetwork, block: Block) -> Loss:
        """See `GraphClusterer`."""
        x, found = block.whole(), attended(network, block)
        log_q, log_z = found.log_q, found.log_z
        target = target_distribution(log_z.detach().exp())
        f = fused(network, log_z, log_q)
        agreement = (log_z.exp() * (log_z - log_q)).sum((-2, -1)) / x.shape[-2]
        return Loss(
            {
                "reconstruction": squared_error(x, found.reconstruction) / (x.shape[-2] * x.shape[-1]),
                "clustering": self.target_weight * kl_divergence(target, log_q),
                "graph": self.target_weight * kl_divergence(target, log_z),
                "agreement": self.agreement_weight * agreement,
                "hard": self.hard_weight * confident_cross_entropy(f, self.confidence),
            }
        )

    def log_assignment(self, network: DAGCNetwork, block: Block) -> Tensor:
        """log F, (S, n, K)."""
        found = attended(network, block)
        return fused(network, found.log_z, found.log_q).log()
