"""IDEC: improved deep embedded clustering. Guo, Gao, Liu and Yin, IJCAI 2017."""

from typing import ClassVar

from torch import Tensor

from baselines.dec import AECM_PAPER, DEC, PUBLISHED, kl_divergence, log_soft_assignment
from jcae.models.autoencoder import squared_error
from jcae.models.info import Info
from jcae.models.parameters import check_number
from jcae.nn.networks import CentroidNetwork
from jcae.training.phase import Loss


class IDEC(DEC):
    """DEC that keeps its decoder: reconstruction plus `gamma` times the clustering loss.

    Parameters
    ----------
    gamma : float
        Weight of the clustering loss. It belongs to a reconstruction averaged over points and features.
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
        fixed=PUBLISHED,
    )

    gamma: float = 0.1
    optimiser: str = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.99

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
