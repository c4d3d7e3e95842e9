"""DKM: deep k-means. Moradi Fard, Thonet and Gaussier, Pattern Recognition Letters 2020, arXiv 1806.10069."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from baselines.ae_kmeans import AEKMeans
from baselines.dec import AECM_PAPER
from jcae.models.autoencoder import Autoencoder, own_recipe, squared_error
from jcae.models.clustering_module import squared_distances
from jcae.models.estimator import check_choice, check_number, kmeans_on_code
from jcae.models.info import Info
from jcae.nn.networks import CentroidNetwork
from jcae.randomness.seeds import generator
from jcae.training.block import Block
from jcae.training.loop import Loss, Phase
from jcae.training.optimisers import Optimiser, polynomial_decay

AECM_ADAM = {name: AECM_PAPER[name] for name in ("learning_rate", "adam_eps", "epochs", "batch_size")}
ANNEALED = {"variant": "annealed", "epochs": 200}


def annealed_hardness(n_values: int = 40) -> list[float]:
    """alpha_1 = 0.1 and alpha_i = alpha_(i-1) * 2^(1 / (ln i)^2)."""
    values = [0.1]
    for i in range(2, n_values + 1):
        values.append(values[-1] * 2.0 ** (1.0 / math.log(i) ** 2))
    return values


def distances(z: Tensor, centroids: Tensor) -> Tensor:
    """||z_i - r_k||^2, (S, B, K); centred on the centroids, so that the expanded square does not cancel."""
    return squared_distances(z, centroids, centroids.detach().mean(-2, keepdim=True))


def soft_distance(distances: Tensor, hardness: Tensor) -> Tensor:
    """Mean over the batch of sum_k softmax_k(-alpha D_ik) D_ik, (S,), for D (S, B, K) and alpha (S,)."""
    weights = torch.softmax(-hardness[:, None, None] * distances, dim=-1)
    return (weights * distances).sum((-2, -1)) / distances.shape[-2]


class DKM(AEKMeans):
    """Deep k-means: the nearest centroid is a softmax of distances, so that codes and centroids follow one gradient.

    Parameters
    ----------
    n_clusters : int
        K.
    hidden, code_dim, channels, image_shape, negative_slope
        Of the autoencoder, see `jcae.Autoencoder`; the paper has ReLU and code_dim = n_clusters.
    variant : {"pretrained", "annealed"}
        ``pretrained`` (DKM-p): from a pretrained autoencoder and k-means on its code, with the hardness alpha = 1000.
        ``annealed`` (DKM-a): from random weights, and centroids uniform between -1 and 1; alpha takes 40 values from
        0.1 to 28, each for as many epochs.
    weight : float
        lambda: weight of the soft distance beside the squared error, summed over features. For MNIST and USPS the paper
        has 1 (pretrained) and 0.1 (annealed).
    learning_rate, adam_eps : float
        Of Adam.
    epochs, batch_size : int
        The paper trains for 100 epochs (pretrained) or 200 (annealed).
    decay_epochs : int or None
        Polynomial decay of the learning rate to a tenth over that many epochs (the AE-CM authors' setting).
    autoencoder : Autoencoder or None
        Recipe of the pretraining when no pretrained weights are given; the architecture is this method's own.
    device, precision, random_state
        See `jcae.ClusteringModule`.
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
            "That the AE-CM authors' random start is the annealed variant is an assumption.",
        ),
        presets={
            "annealed": {**ANNEALED, "weight": 0.1},
            "annealed_text": {**ANNEALED, "weight": 1e-4},
            "20newsgroups": {"weight": 0.1},
            "rcv1": {"weight": 0.01},
            # 10x_73k and Pendigits share the values of Reuters-10k; USPS and CIFAR-10 have weight 1 and the decay.
            "aecm_paper": {**AECM_ADAM, "weight": 1.0},
            "aecm_paper_annealed": {**AECM_ADAM, "variant": "annealed", "weight": 0.1},
            "aecm_20newsgroups": {**AECM_ADAM, "weight": 0.1},
            "aecm_reuters10k": {**AECM_ADAM, "weight": 0.01, "decay_epochs": 150},
            "aecm_reuters10k_annealed": {**AECM_ADAM, "variant": "annealed", "weight": 1e-4, "decay_epochs": 150},
        },
    )

    def __init__(
        self,
        n_clusters: int = 10,
        *,
        hidden: Sequence[int] = (500, 500, 2000),
        code_dim: int = 10,
        channels: Sequence[int] | None = None,
        image_shape: Sequence[int] | None = None,
        negative_slope: float = 0.0,
        variant: str = "pretrained",
        weight: float = 1.0,
        learning_rate: float = 1e-3,
        adam_eps: float = 1e-8,
        epochs: int = 100,
        batch_size: int = 256,
        decay_epochs: int | None = None,
        autoencoder: Autoencoder | None = None,
        device: str = "auto",
        precision: str = "float32",
        random_state: Any = None,
    ):
        super().__init__(
            n_clusters,
            hidden=hidden,
            code_dim=code_dim,
            channels=channels,
            image_shape=image_shape,
            negative_slope=negative_slope,
            autoencoder=autoencoder,
            device=device,
            precision=precision,
            random_state=random_state,
        )
        self.variant = variant
        self.weight = weight
        self.learning_rate = learning_rate
        self.adam_eps = adam_eps
        self.epochs = epochs
        self.batch_size = batch_size
        self.decay_epochs = decay_epochs

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        super().check_parameters(n_samples, n_features)
        check_choice(self, "variant", ["pretrained", "annealed"])
        check_number(self, "weight", minimum=0)
        for name in ("learning_rate", "adam_eps"):
            check_number(self, name, minimum=0, exclusive=True)
        for name in ("epochs", "batch_size") + (("decay_epochs",) if self.decay_epochs is not None else ()):
            check_number(self, name, minimum=1, integer=True)

    def pretraining(self) -> Autoencoder | None:
        """See `DeepEstimator`."""
        return own_recipe(self) if self.variant == "pretrained" else None

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
        """alpha in an epoch: constant, or the 40 values spread evenly over the epochs."""
        if self.variant == "pretrained":
            return 1000.0
        values = annealed_hardness()
        return values[epoch * len(values) // self.epochs]

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
                    "distance": self.weight * soft_distance(distances(z, network.centroids), block.state["hardness"]),
                }
            )

        return [
            Phase(
                "clustering",
                loss,
                steps=self.epochs * epoch_steps,
                batch_size=self.batch_size,
                optimiser=Optimiser(
                    learning_rate=self.learning_rate,
                    eps=self.adam_eps,
                    schedule=polynomial_decay(self.decay_epochs * epoch_steps) if self.decay_epochs else None,
                ),
                before=start,
                refresh=harden,
                refresh_every=epoch_steps,
            )
        ]

    def soft_assignment(self, network: nn.Module, x: Tensor) -> Tensor:
        """The softmax at the last hardness, (S, m, K)."""
        squares = distances(network.autoencoder.encode(x), network.centroids)
        return torch.softmax(-self.hardness(self.epochs - 1) * squares, dim=-1)
