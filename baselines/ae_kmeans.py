"""k-means on the code of an autoencoder: what every deep clustering method has to beat."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from jcae.models.autoencoder import Autoencoder, autoencoder_network, own_recipe
from jcae.models.clustering_module import squared_distances
from jcae.models.estimator import (
    DeepClusterer,
    EmbeddingMixin,
    check_clusters,
    check_network_parameters,
    kmeans_on_code,
)
from jcae.models.info import Info
from jcae.nn.networks import CentroidNetwork
from jcae.training.block import CHUNK, Block
from jcae.training.loop import Loss, Phase


class AEKMeans(EmbeddingMixin, DeepClusterer):
    """Pretrained autoencoder, then k-means (20 restarts) on its code; there is no clustering loss.

    Parameters
    ----------
    n_clusters : int
        K.
    hidden, code_dim, channels, image_shape, negative_slope
        Of the autoencoder, see `jcae.Autoencoder`.
    autoencoder : Autoencoder or None
        Recipe of the pretraining when no pretrained weights are given; the architecture is this method's own.
    device, precision, random_state
        See `jcae.ClusteringModule`.
    """

    info: ClassVar[Info] = Info(
        label="AE+KM",
        summary="k-means on the code of an autoencoder that was trained on reconstruction alone.",
        reference="arXiv:1511.06335",
        deviations=("The recipe of the autoencoder is the one all pretrained methods of the run share.",),
    )

    def __init__(
        self,
        n_clusters: int = 10,
        *,
        hidden: Sequence[int] = (500, 500, 2000),
        code_dim: int = 10,
        channels: Sequence[int] | None = None,
        image_shape: Sequence[int] | None = None,
        negative_slope: float = 0.2,
        autoencoder: Autoencoder | None = None,
        device: str = "auto",
        precision: str = "float32",
        random_state: Any = None,
    ):
        self.n_clusters = n_clusters
        self.hidden = hidden
        self.code_dim = code_dim
        self.channels = channels
        self.image_shape = image_shape
        self.negative_slope = negative_slope
        self.autoencoder = autoencoder
        self.device = device
        self.precision = precision
        self.random_state = random_state

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        check_clusters(self, n_samples)
        check_network_parameters(self, n_features)

    def pretraining(self) -> Autoencoder:
        """See `DeepEstimator`."""
        return own_recipe(self)

    def build_network(self, n_features: int, seeds: Sequence[int]) -> CentroidNetwork:
        """See `DeepEstimator`."""
        return CentroidNetwork(autoencoder_network(self, n_features, seeds), self.n_clusters)

    def training_phases(self, block: Block) -> list[Phase]:
        """One phase without a step: k-means sets the centroids, and the distortion of the code is the objective."""
        network: CentroidNetwork = block.network

        def start() -> None:
            with torch.no_grad():
                network.centroids.copy_(kmeans_on_code(block, self.n_clusters)[1])

        def loss(x: Tensor, rows: Tensor) -> Loss:
            distances = squared_distances(network.autoencoder.encode(x), network.centroids)
            return Loss({"distortion": distances.amin(-1).sum(-1)})

        return [Phase("kmeans", loss, steps=0, batch_size=CHUNK, before=start)]

    def soft_assignment(self, network: nn.Module, x: Tensor) -> Tensor:
        """One-hot assignment to the nearest centroid, (S, m, K)."""
        nearest = squared_distances(network.autoencoder.encode(x), network.centroids).argmin(-1)
        return nn.functional.one_hot(nearest, self.n_clusters).to(x.dtype)

    def centroids(self, network: nn.Module) -> Tensor:
        """See `DeepClusterer`."""
        return network.centroids.detach()
