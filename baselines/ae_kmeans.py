"""k-means on the code of an autoencoder: what every deep clustering method has to beat."""

from typing import ClassVar

import torch
from torch import Tensor

from jcae.models.info import Info
from jcae.models.pretrained import PretrainedClusterer, kmeans_on_code
from jcae.nn.distances import squared_distances
from jcae.nn.networks import CentroidNetwork
from jcae.training.block import CHUNK, Block
from jcae.training.phase import Loss, Phase


class AEKMeans(PretrainedClusterer):
    """Pretrained autoencoder, then k-means (20 restarts) on its code; there is no clustering loss."""

    info: ClassVar[Info] = Info(
        label="AE+KM",
        summary="k-means on the code of an autoencoder that was trained on reconstruction alone.",
        reference="arXiv:1511.06335",
        deviations=("The recipe of the autoencoder is the one all pretrained methods of the run share.",),
    )
    k_after_training: ClassVar[bool] = True  # nothing that is trained knows the number of clusters

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
