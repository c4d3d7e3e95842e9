"""DKM: deep k-means. Moradi Fard, Thonet and Gaussier, Pattern Recognition Letters 2020, arXiv 1806.10069."""

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from jcae.models.adam import adam
from jcae.models.autoencoder import Autoencoder, squared_error
from jcae.models.by_size import PUBLISHED_NETWORK, SizedClusterer
from jcae.models.info import Info
from jcae.models.parameters import check_choice, check_number
from jcae.models.pretrained import kmeans_on_code
from jcae.nn.distances import squared_distances
from jcae.nn.networks import CentroidNetwork
from jcae.randomness.seeds import generator
from jcae.training.block import Block
from jcae.training.phase import Loss, Phase

ANNEALED = {"variant": "annealed", "epochs": 200}
AECM = {"epochs": 1000, "batch_size": 256}
AECM_ANNEALED = {**AECM, "variant": "annealed", "hardness_values": 200, "negative_slope": 0.0}


def annealed_hardness(n_values: int) -> list[float]:
    """alpha_1 = 0.1 and alpha_i = alpha_(i-1) * 2^(1 / (ln i)^2)."""
    values = [0.1]
    for i in range(2, n_values + 1):
        values.append(values[-1] * 2.0 ** (1.0 / math.log(i) ** 2))
    return values


def soft_distance(distances: Tensor, hardness: Tensor) -> Tensor:
    """Mean over the batch of sum_k softmax_k(-alpha D_ik) D_ik, (S,), for D (S, B, K) and alpha (S,)."""
    weights = torch.softmax(-hardness[:, None, None] * distances, dim=-1)
    return (weights * distances).sum((-2, -1)) / distances.shape[-2]


class DKM(SizedClusterer):
    """Deep k-means: the nearest centroid is a softmax of distances, so that codes and centroids follow one gradient.

    The paper has ReLU (``negative_slope=0``) and code_dim = n_clusters.

    Parameters
    ----------
    variant : {"pretrained", "annealed"}
        ``pretrained`` (DKM-p): from a pretrained autoencoder and k-means on its code, with the hardness alpha = 1000.
        ``annealed`` (DKM-a): from random weights, and centroids uniform between -1 and 1; alpha grows from 0.1 on.
    hardness_values : int
        Values that alpha takes while it grows, each for as many epochs: 40 end at 28, 200 at 4849.
    weight : float
        lambda: weight of the soft distance beside the squared error, summed over features. For MNIST and USPS the paper
        has 1 (pretrained) and 0.1 (annealed).
    epochs : int or None
        Passes over the data. The paper trains for 100 epochs (pretrained) or 200 (annealed). None: as many as make 1500
        updates, or n where that is less, but 10 passes at least.
    """

    info: ClassVar[Info] = Info(
        label="DKM",
        summary="Deep k-means: a softmax of the distances makes codes and centroids trainable by one gradient.",
        reference="arXiv:1806.10069",
        deviations=(
            "An epoch is one pass over the data in a new order; the published code draws every batch from all points.",
            "Final labels and the codes for k-means come from a clean pass; the published code collects them while it "
            "trains.",
            "k-means at the start is the best of 20 restarts.",
            "The weights (lambda) were tuned by the authors with labels of a part of the data.",
            "The AE-CM authors have ReLU even where the autoencoder that it starts from has leaky ReLU; ours keeps the "
            "slope of the autoencoder.",
        ),
        presets={
            "annealed": {**ANNEALED, "weight": 0.1},
            "annealed_text": {**ANNEALED, "weight": 1e-4},
            "20newsgroups": {"weight": 0.1},
            "rcv1": {"weight": 0.01},
            # As the AE-CM authors ran it; 10x_73k and Pendigits share the values of Reuters-10k.
            "aecm_paper": {**AECM, "weight": 1.0},
            "aecm_20newsgroups": {**AECM, "weight": 0.1},
            "aecm_reuters10k": {**AECM, "weight": 0.01},
            "aecm_paper_annealed": {**AECM_ANNEALED, "weight": 0.1},
            "aecm_reuters10k_annealed": {**AECM_ANNEALED, "weight": 1e-4},
        },
        fixed={
            **PUBLISHED_NETWORK,
            "negative_slope": 0.0,
            "batch_size": 256,
            "epochs": 100,
        },
    )

    variant: str = "pretrained"
    hardness_values: int = 40
    weight: float = 1.0
    learning_rate: float = 1e-3
    adam_eps: float = 1e-8
    adam_eps_placement: str = "after"
    decay_epochs: int | None = None

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        check_choice(self, "variant", ["pretrained", "annealed"])
        check_number(self, "weight", minimum=0)
        check_number(self, "hardness_values", minimum=1, integer=True)

    def pretraining(self) -> Autoencoder | None:
        """See `DeepEstimator`."""
        return super().pretraining() if self.variant == "pretrained" else None

    def build_network(self, n_features: int, seeds: Sequence[int]) -> CentroidNetwork:
        """See `DeepEstimator`."""
        network = super().build_network(n_features, seeds)
        if self.variant == "annealed":
            shape = network.centroids.shape[1:]
            draws = [torch.rand(shape, generator=generator(s, "weights", "centroids")) for s in seeds]
            network.centroids.data.copy_(2.0 * torch.stack(draws) - 1.0)
            for layer in (*network.autoencoder.encoder, *network.autoencoder.decoder):
                layer.bias.data.zero_()  # as published
        return network

    def hardness(self, epoch: int) -> float:
        """alpha in an epoch: constant, or its values spread evenly over the epochs."""
        if self.variant == "pretrained":
            return 1000.0
        values = annealed_hardness(self.hardness_values)
        return values[epoch * len(values) // self.setting("epochs")]

    def training_phases(self, block: Block) -> list[Phase]:
        """See `DeepEstimator`."""
        network: CentroidNetwork = block.network
        epoch_steps = block.epoch_steps(self.batch_size)

        def start() -> None:
            if self.variant == "pretrained":
                network.centroids.copy_(kmeans_on_code(block, self.n_clusters)[1])

        def harden(step: int) -> None:
            block.keep("hardness", network.centroids.new_full((len(block.seeds),), self.hardness(step // epoch_steps)))

        def loss(x: Tensor, rows: Tensor) -> Loss:
            z = network.autoencoder.encode(x)
            return Loss(
                {
                    "reconstruction": squared_error(x, network.autoencoder.decode(z)) / x.shape[-2],
                    "distance": self.weight
                    * soft_distance(squared_distances(z, network.centroids), block.state["hardness"]),
                }
            )

        return [
            Phase(
                "clustering",
                loss,
                steps=self.epochs * epoch_steps,
                batch_size=self.batch_size,
                optimiser=adam(self, block),
                before=start,
                refresh=harden,
                refresh_every=epoch_steps,
            )
        ]

    def soft_assignment(self, network: nn.Module, x: Tensor) -> Tensor:
        """The softmax at the last hardness, (S, m, K)."""
        squares = squared_distances(network.autoencoder.encode(x), network.centroids)
        return torch.softmax(-self.hardness(self.setting("epochs") - 1) * squares, dim=-1)
