"""DCN: deep clustering network. Yang, Fu, Sidiropoulos and Hong, ICML 2017, arXiv 1610.04794."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from baselines.dec import AECM_ADAM
from jcae.models.autoencoder import squared_error
from jcae.models.info import Info
from jcae.models.parameters import check_number
from jcae.models.pretrained import PretrainedClusterer, kmeans_on_code
from jcae.nn.distances import nearest
from jcae.nn.networks import CentroidNetwork
from jcae.nn.products import matmul
from jcae.training.block import Block
from jcae.training.optimisers import Optimiser, polynomial_decay
from jcae.training.phase import Loss, Phase


def running_means(centroids: Tensor, counts: Tensor, z: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Centroids after each code has pulled its own by 1/count, one code after the other, in closed form.

    Parameters
    ----------
    centroids : Tensor, (S, K, p)
    counts : Tensor of float64, (S, K)
        Codes that each centroid is the mean of so far.
    z : Tensor, (S, B, p)
    labels : Tensor of int64, (S, B)

    Returns
    -------
    centroids, counts
        A centroid without a code in the batch stays where it is.
    """
    members = nn.functional.one_hot(labels, counts.shape[-1]).to(z.dtype)
    found = members.sum(-2)
    totals = counts + found
    pull = matmul(members.mT, z) - found.unsqueeze(-1) * centroids
    return centroids + pull / totals.unsqueeze(-1).to(z.dtype), totals


class DCN(PretrainedClusterer):
    """Deep clustering network: reconstruction plus the distance of each code to its centroid, a running mean.

    After every update of the network the codes of its batch are assigned anew, and each pulls its centroid towards it
    by one over the number of codes that the centroid has seen. Assignments and centroids get no gradient.

    Parameters
    ----------
    weight : float
        lambda of the paper: half of it times the squared distance of the code joins the squared error of a point,
        summed over features.
    initial_count : int
        Codes that a centroid counts as the mean of at the start: the larger, the slower it moves.
    frozen : bool
        Leave the centroids where k-means put them.
    """

    info: ClassVar[Info] = Info(
        label="DCN",
        summary="Autoencoder whose codes are pulled to k-means centroids, which follow them as running means.",
        reference="arXiv:1610.04794",
        deviations=(
            "The autoencoder is trained end to end, has a linear code and output, untied weights and no batch "
            "normalisation; the published one is trained layer by layer.",
            "The published code divides integers when it moves a centroid, so that none moves; frozen=True gives that.",
            "The published code weighs the reconstruction by lbd = 0.05 (MNIST) and the distance by 1, read as "
            "lambda = 2 / lbd.",
            "Adam with 1e-4 replaces SGD with Nesterov momentum, whose rates belong to the published network: they "
            "diverge on an autoencoder without its normalisation.",
            "Batches are drawn in a new order every epoch and the last, smaller one is kept.",
            "The final labels are those of one clean pass, not the ones stored during the last epoch.",
            "The AE-CM authors assigned points anew every 20 to 140 updates; their preset does so after every update, "
            "as the paper.",
        ),
        presets={
            "pendigits": {"weight": 4.0, "batch_size": 20},
            "20newsgroups": {"weight": 0.2, "batch_size": 20},
            "rcv1": {"weight": 20.0, "batch_size": 256},
            "aecm_paper": {**AECM_ADAM, "weight": 1.0},
            "aecm_paper_decay": {**AECM_ADAM, "weight": 1.0, "decay_epochs": 150},
        },
    )

    negative_slope: float = 0.0
    weight: float = 40.0
    initial_count: int = 100
    frozen: bool = False
    learning_rate: float = 1e-4
    adam_eps: float = 1e-8
    epochs: int = 50
    batch_size: int = 128
    decay_epochs: int | None = None

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        check_number(self, "weight", minimum=0)
        check_number(self, "initial_count", minimum=1, integer=True)

    def training_phases(self, block: Block) -> list[Phase]:
        """See `DeepEstimator`."""
        network: CentroidNetwork = block.network

        def start() -> None:
            labels, centers = kmeans_on_code(block, self.n_clusters)
            network.centroids.copy_(centers)
            block.keep("labels", labels)
            block.keep("counts", labels.new_full(centers.shape[:2], self.initial_count, dtype=torch.float64))

        def loss(x: Tensor, rows: Tensor) -> Loss:
            z = network.autoencoder.encode(x)
            labels = block.state["labels"].gather(1, rows)
            own = network.centroids.gather(1, labels.unsqueeze(-1).expand_as(z))
            return Loss(
                {
                    "reconstruction": squared_error(x, network.autoencoder.decode(z)) / x.shape[-2],
                    "distance": 0.5 * self.weight * squared_error(z, own) / x.shape[-2],
                }
            )

        def follow(x: Tensor, rows: Tensor) -> None:
            z = network.autoencoder.encode(x)
            old = block.state["labels"].gather(1, rows)
            labels = torch.where(block.active.unsqueeze(-1), nearest(z, network.centroids), old)
            block.state["labels"].scatter_(1, rows, labels)
            if not self.frozen:
                centroids, counts = running_means(network.centroids, block.state["counts"], z, labels)
                network.centroids.copy_(torch.where(block.active[:, None, None], centroids, network.centroids))
                block.keep("counts", torch.where(block.active[:, None], counts, block.state["counts"]))

        epoch_steps = block.epoch_steps(self.batch_size)
        schedule = polynomial_decay(self.decay_epochs * epoch_steps) if self.decay_epochs else None
        return [
            Phase(
                "clustering",
                loss,
                steps=self.epochs * epoch_steps,
                batch_size=self.batch_size,
                optimiser=Optimiser("adam", self.learning_rate, eps=self.adam_eps, schedule=schedule),
                trainable=lambda name: name != "centroids",
                before=start,
                after=follow,
            )
        ]
