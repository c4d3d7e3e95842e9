"""DEC: deep embedded clustering. Xie, Girshick and Farhadi, ICML 2016, arXiv 1511.06335."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from jcae.models.autoencoder import Autoencoder, autoencoder_network, own_recipe
from jcae.models.clustering_module import squared_distances
from jcae.models.estimator import (
    DeepClusterer,
    EmbeddingMixin,
    check_choice,
    check_clusters,
    check_network_parameters,
    check_number,
    kmeans_on_code,
)
from jcae.models.info import Info
from jcae.nn.networks import CentroidNetwork
from jcae.training.block import Block
from jcae.training.loop import Loss, Phase
from jcae.training.optimisers import Optimiser, polynomial_decay

AECM_PAPER = {
    # How the AE-CM authors ran their competitors; the target was refreshed every 140 steps on MNIST, Fashion-MNIST and
    # CIFAR-10, every 30 on USPS and every 20 elsewhere. The decay is theirs for CIFAR-10, 10x_73k, USPS, Pendigits and
    # Reuters-10k.
    "optimiser": "adam",
    "learning_rate": 1e-3,
    "adam_eps": 1e-3,
    "epochs": 1000,
    "batch_size": 256,
    "tol": 0.0,
}


def log_soft_assignment(z: Tensor, centroids: Tensor) -> Tensor:
    """Log of the Student-t similarity q, one degree of freedom, (..., n, K), of z (..., n, p) to centroids (..., K, p).

    In logarithms, so that far points neither underflow nor divide by zero.
    """
    # Both are centred on the centroids: the expanded square does not cancel when codes drift from the origin.
    origin = centroids.detach().mean(-2, keepdim=True)
    return torch.log_softmax(-torch.log1p(squared_distances(z, centroids, origin).clamp_min(0.0)), dim=-1)


def target_distribution(q: Tensor) -> Tensor:
    """p_ik proportional to q_ik^2 / sum_i q_ik, (..., n, K); the sum runs over the whole data set."""
    weight = q.square() / q.sum(-2, keepdim=True)
    return weight / weight.sum(-1, keepdim=True)


def kl_divergence(target: Tensor, log_q: Tensor) -> Tensor:
    """Mean over the batch of KL(p_i || q_i), (...), for target and log q (..., B, K)."""
    return torch.special.entr(target).neg().sum((-2, -1)).sub((target * log_q).sum((-2, -1))) / target.shape[-2]


class DEC(EmbeddingMixin, DeepClusterer):
    """Deep embedded clustering: soft assignments are matched to a sharpened copy of themselves; the decoder is dropped.

    Parameters
    ----------
    n_clusters : int
        K.
    hidden, code_dim, channels, image_shape, negative_slope
        Of the autoencoder, see `jcae.Autoencoder`; the paper has ReLU.
    optimiser : {"sgd", "adam"}
    learning_rate, momentum, adam_eps : float
        `momentum` is SGD's, `adam_eps` Adam's.
    batch_size : int
    max_iter : int
        Most updates.
    epochs : int or None
        Passes over the data instead of `max_iter`.
    update_interval : int
        Updates between two refreshes of the target distribution.
    tol : float
        Stop when at a refresh a smaller fraction of labels has changed since the one before; 0 never stops.
    decay_epochs : int or None
        Polynomial decay of the learning rate to a tenth over that many epochs (the AE-CM authors' setting).
    autoencoder : Autoencoder or None
        Recipe of the pretraining when no pretrained weights are given; the architecture is this method's own.
    device, precision, random_state
        See `jcae.ClusteringModule`.
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
        optimiser: str = "sgd",
        learning_rate: float = 0.01,
        momentum: float = 0.9,
        adam_eps: float = 1e-8,
        batch_size: int = 256,
        max_iter: int = 20000,
        epochs: int | None = None,
        update_interval: int = 140,
        tol: float = 0.001,
        decay_epochs: int | None = None,
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
        self.optimiser = optimiser
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.adam_eps = adam_eps
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.epochs = epochs
        self.update_interval = update_interval
        self.tol = tol
        self.decay_epochs = decay_epochs
        self.autoencoder = autoencoder
        self.device = device
        self.precision = precision
        self.random_state = random_state

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        check_clusters(self, n_samples)
        check_network_parameters(self, n_features)
        check_choice(self, "optimiser", ["sgd", "adam"])
        for name in ("learning_rate", "adam_eps"):
            check_number(self, name, minimum=0, exclusive=True)
        for name in ("momentum", "tol"):
            check_number(self, name, minimum=0)
        for name in ("batch_size", "max_iter", "update_interval"):
            check_number(self, name, minimum=1, integer=True)
        for name in ("epochs", "decay_epochs"):
            if getattr(self, name) is not None:
                check_number(self, name, minimum=1, integer=True)

    def pretraining(self) -> Autoencoder:
        """See `DeepEstimator`."""
        return own_recipe(self)

    def build_network(self, n_features: int, seeds: Sequence[int]) -> CentroidNetwork:
        """See `DeepEstimator`."""
        return CentroidNetwork(autoencoder_network(self, n_features, seeds), self.n_clusters)

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

        epoch_steps = block.epoch_steps(self.batch_size)
        return [
            Phase(
                "clustering",
                loss,
                steps=self.epochs * epoch_steps if self.epochs else self.max_iter,
                batch_size=self.batch_size,
                optimiser=Optimiser(
                    self.optimiser,
                    self.learning_rate,
                    momentum=self.momentum,
                    eps=self.adam_eps,
                    schedule=polynomial_decay(self.decay_epochs * epoch_steps) if self.decay_epochs else None,
                ),
                trainable=self.trained,
                before=start,
                refresh=refresh,
                refresh_every=self.update_interval,
            )
        ]

    def soft_assignment(self, network: nn.Module, x: Tensor) -> Tensor:
        """See `DeepClusterer`."""
        return log_soft_assignment(network.autoencoder.encode(x), network.centroids).exp()

    def centroids(self, network: nn.Module) -> Tensor:
        """See `DeepClusterer`."""
        return network.centroids.detach()

    @property
    def n_iter_(self) -> int:
        """Updates done, at most ``max_iter``."""
        check_is_fitted(self, "n_updates_")
        return self.n_updates_
