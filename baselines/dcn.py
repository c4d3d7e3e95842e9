"""DCN: deep clustering network. Yang, Fu, Sidiropoulos and Hong, ICML 2017, arXiv 1610.04794."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from baselines.dec import AECM_ADAM
from jcae.models.adam import adam
from jcae.models.autoencoder import squared_error
from jcae.models.by_size import PUBLISHED_NETWORK, SizedClusterer
from jcae.models.info import Info
from jcae.models.parameters import check_choice, check_number
from jcae.models.pretrained import kmeans_on_code
from jcae.nn.distances import nearest
from jcae.nn.networks import CentroidNetwork
from jcae.nn.products import matmul
from jcae.training.block import Block
from jcae.training.phase import Loss, Phase


def running_means(centroids: Tensor, counts: Tensor, z: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Centroids after each code has pulled its own by 1/count, one code after the other, in closed form.

    Parameters
    ----------
    centroids : Tensor, (S, K, p)
    counts : Tensor of float64, (S, K)
        Codes that each centroid is the mean of so far; with 0 its first codes replace it.
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
    return centroids + pull / totals.clamp(min=1.0).unsqueeze(-1).to(z.dtype), totals


class DCN(SizedClusterer):
    """Deep clustering network: reconstruction plus the distance of each code to its centroid, a running mean.

    After every update of the network the codes of its batch are assigned anew, and each pulls its centroid towards it
    by one over the number of codes that the centroid has seen; or all codes do so once per epoch. Assignments and
    centroids get no gradient.

    Parameters
    ----------
    weight : float
        lambda of the paper: half of it times the squared distance of the code joins the squared error of a point,
        summed over features.
    reduction : {"mean", "sum"}
        Of the loss over the points of a batch.
    assign_every : {"batch", "epoch"}
        When codes are assigned, and centroids follow them. ``epoch``: all codes at once, with counts that begin anew.
    initial_count : int
        Codes that a centroid counts as the mean of at the start: the larger, the slower it moves. 0 makes it the mean
        of its codes alone.
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
            "In the AE-CM authors' public code the loss keeps the first centroids, as its graph is traced once; their "
            "preset moves them to the means of their codes after every epoch, which that code asks for. frozen=True "
            "gives what it does.",
        ),
        presets={
            "pendigits": {"weight": 4.0, "batch_size": 20},
            "20newsgroups": {"weight": 0.2, "batch_size": 20},
            "rcv1": {"weight": 20.0, "batch_size": 256},
            "aecm_paper": {
                **AECM_ADAM,
                "learning_rate": 1e-3,
                "weight": 1.0,
                "reduction": "sum",
                "assign_every": "epoch",
                "initial_count": 0,
            },
        },
        fixed={
            **PUBLISHED_NETWORK,
            "negative_slope": 0.0,
            "weight": 40.0,
            "learning_rate": 1e-4,
            "batch_size": 128,
            "epochs": 50,
        },
    )

    weight: float = 1.0
    reduction: str = "mean"
    assign_every: str = "batch"
    initial_count: int = 100
    frozen: bool = False
    learning_rate: float = 1e-3
    adam_eps: float = 1e-8
    adam_eps_placement: str = "after"
    decay_epochs: int | None = None

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        check_number(self, "weight", minimum=0)
        check_number(self, "initial_count", minimum=0, integer=True)
        check_choice(self, "reduction", ["mean", "sum"])
        check_choice(self, "assign_every", ["batch", "epoch"])

    def training_phases(self, block: Block) -> list[Phase]:
        """See `DeepEstimator`."""
        network: CentroidNetwork = block.network

        def initial_counts() -> Tensor:
            return network.centroids.new_full(network.centroids.shape[:2], self.initial_count, dtype=torch.float64)

        def start() -> None:
            labels, centers = kmeans_on_code(block, self.n_clusters)
            network.centroids.copy_(centers)
            block.keep("labels", labels)
            block.keep("counts", initial_counts())

        def loss(x: Tensor, rows: Tensor) -> Loss:
            z = network.autoencoder.encode(x)
            labels = block.state["labels"].gather(1, rows)
            own = network.centroids.gather(1, labels.unsqueeze(-1).expand_as(z))
            scale = 1.0 if self.reduction == "sum" else 1.0 / x.shape[-2]
            return Loss(
                {
                    "reconstruction": scale * squared_error(x, network.autoencoder.decode(z)),
                    "distance": 0.5 * self.weight * scale * squared_error(z, own),
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

        def follow_all(step: int) -> None:
            if step == 0:
                return
            z = block.map(network.autoencoder.encode)
            labels = nearest(z, network.centroids)
            block.keep("labels", torch.where(block.active.unsqueeze(-1), labels, block.state["labels"]))
            if not self.frozen:
                centroids, _ = running_means(network.centroids, initial_counts(), z, labels)
                network.centroids.copy_(torch.where(block.active[:, None, None], centroids, network.centroids))

        epoch_steps = block.epoch_steps(self.batch_size)
        by_batch = self.assign_every == "batch"
        return [
            Phase(
                "clustering",
                loss,
                steps=self.epochs * epoch_steps,
                batch_size=self.batch_size,
                optimiser=adam(self, block),
                trainable=lambda name: name != "centroids",
                before=start,
                after=follow if by_batch else None,
                refresh=None if by_batch else follow_all,
                refresh_every=epoch_steps,
            )
        ]
