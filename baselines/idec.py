"""IDEC: improved deep embedded clustering. Guo, Gao, Liu and Yin, IJCAI 2017."""

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor

from baselines.dec import AECM_PAPER, DEC, kl_divergence, log_soft_assignment
from jcae.models.autoencoder import Autoencoder, squared_error
from jcae.models.estimator import check_number
from jcae.models.info import Info
from jcae.nn.networks import CentroidNetwork
from jcae.training.loop import Loss


class IDEC(DEC):
    """DEC that keeps its decoder: reconstruction plus `gamma` times the clustering loss.

    Parameters
    ----------
    gamma : float
        Weight of the clustering loss. It belongs to a reconstruction averaged over points and features.
    n_clusters, hidden, code_dim, channels, image_shape, negative_slope, optimiser, learning_rate, momentum, adam_eps, \
batch_size, max_iter, epochs, update_interval, tol, decay_epochs, autoencoder, device, precision, random_state
        See `baselines.dec.DEC`; the defaults are IDEC's published ones for MNIST.
    """

    info: ClassVar[Info] = Info(
        label="IDEC",
        summary="DEC with the reconstruction kept, so that the embedding preserves local structure.",
        reference="10.24963/ijcai.2017/243",
        deviations=(
            "The autoencoder is trained end to end, not greedily by denoising layers.",
            "Batches are drawn in a new order every epoch; the published code keeps the order of the file.",
            "The stopping rule needs two refreshes after the start before it may fire.",
        ),
        presets={
            "aecm_paper": {**AECM_PAPER, "gamma": 0.1},
            "usps": {"optimiser": "sgd", "learning_rate": 0.1, "momentum": 0.99, "update_interval": 30},
            "reuters10k": {"optimiser": "sgd", "learning_rate": 0.1, "momentum": 0.99, "update_interval": 3},
        },
    )

    def __init__(
        self,
        n_clusters: int = 10,
        *,
        gamma: float = 0.1,
        hidden: Sequence[int] = (500, 500, 2000),
        code_dim: int = 10,
        channels: Sequence[int] | None = None,
        image_shape: Sequence[int] | None = None,
        negative_slope: float = 0.0,
        optimiser: str = "adam",
        learning_rate: float = 1e-3,
        momentum: float = 0.99,
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
        super().__init__(
            n_clusters,
            hidden=hidden,
            code_dim=code_dim,
            channels=channels,
            image_shape=image_shape,
            negative_slope=negative_slope,
            optimiser=optimiser,
            learning_rate=learning_rate,
            momentum=momentum,
            adam_eps=adam_eps,
            batch_size=batch_size,
            max_iter=max_iter,
            epochs=epochs,
            update_interval=update_interval,
            tol=tol,
            decay_epochs=decay_epochs,
            autoencoder=autoencoder,
            device=device,
            precision=precision,
            random_state=random_state,
        )
        self.gamma = gamma

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        super().check_parameters(n_samples, n_features)
        check_number(self, "gamma", minimum=0)

    def batch_loss(self, network: CentroidNetwork, x: Tensor, target: Tensor) -> Loss:
        """Loss of a batch x (S, B, d) with its rows of the target distribution (S, B, K)."""
        z = network.autoencoder.encode(x)
        error = squared_error(x, network.autoencoder.decode(z)) / (x.shape[-2] * x.shape[-1])
        log_q = log_soft_assignment(z, network.centroids)
        return Loss({"reconstruction": error, "clustering": self.gamma * kl_divergence(target, log_q)})

    def trained(self, name: str) -> bool:
        """Everything is trained."""
        return True
