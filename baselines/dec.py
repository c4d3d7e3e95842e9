"""DEC: deep embedded clustering. Xie, Girshick and Farhadi, ICML 2016, arXiv 1511.06335."""

import math
from typing import Any, ClassVar

import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from jcae.models.adam import adam
from jcae.models.by_size import PUBLISHED_NETWORK, SizedClusterer
from jcae.models.info import Info
from jcae.models.parameters import check_choice, check_number
from jcae.models.pretrained import kmeans_on_code
from jcae.nn.distances import squared_distances
from jcae.nn.networks import CentroidNetwork
from jcae.training.block import Block
from jcae.training.optimisers import Optimiser
from jcae.training.phase import Loss, Phase

# How the AE-CM authors ran their competitors; the target was refreshed every 140 steps on MNIST, Fashion-MNIST and
# CIFAR-10, every 30 on USPS and every 20 elsewhere. Their decay of the rate never acts in the public code.
AECM_ADAM = {"adam_eps": 1e-3, "adam_eps_placement": "before", "epochs": 1000, "batch_size": 256}
AECM_PAPER = {**AECM_ADAM, "learning_rate": 1e-3, "optimiser": "adam", "tol": 0.0}
# The published values for MNIST: what `DEC.published()` and the runs of a config have.
PUBLISHED = {
    **PUBLISHED_NETWORK,
    "negative_slope": 0.0,
    "batch_size": 256,
    "max_iter": 20000,
    "update_interval": 140,
}


def log_soft_assignment(z: Tensor, centroids: Tensor) -> Tensor:
    """Log of the Student-t similarity q, one degree of freedom, (..., n, K), of z (..., n, p) to centroids (..., K, p).

    In logarithms, so that far points neither underflow nor divide by zero.
    """
    return torch.log_softmax(-torch.log1p(squared_distances(z, centroids)), dim=-1)


def target_distribution(q: Tensor) -> Tensor:
    """p_ik proportional to q_ik^2 / sum_i q_ik, (..., n, K); the sum runs over the whole data set."""
    weight = q.square() / q.sum(-2, keepdim=True)
    return weight / weight.sum(-1, keepdim=True)


def kl_divergence(target: Tensor, log_q: Tensor) -> Tensor:
    """Mean over the batch of KL(p_i || q_i), (...), for target and log q (..., B, K)."""
    return torch.special.entr(target).neg().sum((-2, -1)).sub((target * log_q).sum((-2, -1))) / target.shape[-2]


class DEC(SizedClusterer):
    """Deep embedded clustering: soft assignments are matched to a sharpened copy of themselves; the decoder is dropped.

    Parameters
    ----------
    optimiser : {"sgd", "adam"}
    max_iter : int or None
        Most updates. None: 1500, or n where that is less, but 10 passes over the data at least.
    epochs : int or None
        Passes over the data instead of `max_iter`.
    update_interval : int or None
        Updates between two refreshes of the target distribution. None: those of one pass over the data.
    tol : float
        Stop when at a refresh a smaller fraction of labels has changed since the one before; 0 never stops.
    """

    info: ClassVar[Info] = Info(
        label="DEC",
        summary="Deep embedded clustering: Student-t assignments sharpened towards their own target distribution.",
        reference="arXiv:1511.06335",
        deviations=(
            "The autoencoder is trained end to end, not greedily by denoising layers.",
            "Batches are drawn in a new order every epoch; the published codes keep the order of the file.",
            "The stopping rule needs two refreshes after the start before it may fire.",
        ),
        presets={"aecm_paper": AECM_PAPER},
        fixed=PUBLISHED,
    )

    optimiser: str = "sgd"
    learning_rate: float = 0.01
    momentum: float = 0.9
    adam_eps: float = 1e-8
    adam_eps_placement: str = "after"
    max_iter: int | None = None
    update_interval: int | None = None
    tol: float = 0.001
    decay_epochs: int | None = None

    def rule(self, n_samples: int, n_features: int) -> dict[str, Any]:
        """See `DeepEstimator`."""
        found = super().rule(n_samples, n_features)
        steps = math.ceil(n_samples / found["batch_size"])
        epochs = found.pop("epochs")
        return {**found, "max_iter": epochs * steps, "update_interval": steps}

    @property
    def length_by_rule(self) -> bool:
        """See `SizedClusterer`."""
        return self.max_iter is None and self.epochs is None

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        check_choice(self, "optimiser", ["sgd", "adam"])
        check_number(self, "tol", minimum=0)
        for name in ("max_iter", "update_interval"):
            check_number(self, name, minimum=1, integer=True)

    def batch_loss(self, network: CentroidNetwork, x: Tensor, target: Tensor) -> Loss:
        """Loss of a batch x (S, B, d) with its rows of the target distribution (S, B, K)."""
        log_q = log_soft_assignment(network.autoencoder.encode(x), network.centroids)
        return Loss({"clustering": kl_divergence(target, log_q)})

    def trained(self, name: str) -> bool:
        """Whether the parameter `name` is trained: DEC has no use for the decoder after pretraining."""
        return not name.startswith("autoencoder.decoder.")

    def training_phases(self, block: Block) -> list[Phase]:
        """See `DeepEstimator`."""
        network: CentroidNetwork = block.network
        n = len(block.x)

        def loss(x: Tensor, rows: Tensor) -> Loss:
            target = block.state["target"].gather(1, rows.unsqueeze(-1).expand(-1, -1, self.n_clusters))
            return self.batch_loss(network, x, target)

        def start() -> None:
            labels, centers = kmeans_on_code(block, self.n_clusters)
            block.keep("labels", labels)
            network.centroids.copy_(centers)

        def refresh(step: int) -> Tensor | None:
            q = block.map(lambda x: self.soft_assignment(network, x))
            labels = q.argmax(-1)
            changed = (labels != block.state["labels"]).sum(-1) / n
            block.keep("target", target_distribution(q))
            block.keep("labels", labels)
            # The first comparison is with k-means, the second with almost untrained weights: neither may stop the run.
            return changed < self.tol if self.tol > 0 and step >= 2 * self.update_interval else None

        optimiser = adam(self, block)
        if self.optimiser == "sgd":
            optimiser = Optimiser("sgd", self.learning_rate, momentum=self.momentum, schedule=optimiser.schedule)
        return [
            Phase(
                "clustering",
                loss,
                steps=self.epochs * block.epoch_steps(self.batch_size) if self.epochs else self.max_iter,
                batch_size=self.batch_size,
                optimiser=optimiser,
                trainable=self.trained,
                before=start,
                refresh=refresh,
                refresh_every=self.update_interval,
            )
        ]

    def soft_assignment(self, network: nn.Module, x: Tensor) -> Tensor:
        """The Student-t similarities, (S, m, K)."""
        return log_soft_assignment(network.autoencoder.encode(x), network.centroids).exp()

    @property
    def n_iter_(self) -> int:
        """Updates done, at most ``max_iter``."""
        check_is_fitted(self, "n_updates_")
        return self.n_updates_
