"""An autoencoder, fully connected or convolutional: the start that all pretrained methods of a seed share."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from jcae.models.embedding import EmbeddingMixin
from jcae.models.estimator import DeepEstimator
from jcae.models.info import Info
from jcae.models.inputs import checked_data
from jcae.models.parameters import check_choice
from jcae.nn.networks import INITIALISERS, AutoencoderNetwork
from jcae.training.block import Block
from jcae.training.optimisers import Optimiser, staircase_decay
from jcae.training.phase import Loss, Phase


class _SquaredError(torch.autograd.Function):
    """Value and gradient have the bits of the plain expression; of its five tensors as large as x only two are made."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, reconstruction: Tensor) -> Tensor:
        difference = reconstruction - x
        ctx.save_for_backward(difference)
        return difference.square().sum((-2, -1))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (difference,) = ctx.saved_tensors
        found = difference * (2.0 * grad)[..., None, None]
        return (-found if ctx.needs_input_grad[0] else None, found if ctx.needs_input_grad[1] else None)


def squared_error(x: Tensor, reconstruction: Tensor) -> Tensor:
    """sum_i ||x_i - xhat_i||^2 over the batch, (...), for x and xhat (..., B, d)."""
    return _SquaredError.apply(x, reconstruction)


REDUCTIONS = ("mean", "sum", "sum_over_points")


class Autoencoder(EmbeddingMixin, DeepEstimator):
    """Autoencoder d -> channels, hidden -> code_dim -> the same reversed -> d, trained on the reconstruction error.

    Parameters
    ----------
    initialiser : {"glorot", "fan_in", "torch"}
        See `jcae.nn.networks.initial_layer`.
    reduction : {"mean", "sum", "sum_over_points"}
        Squared error averaged over points and features (``mean``), summed over features and averaged over points
        (``sum``), or averaged over features and summed over the points of a batch (``sum_over_points``). With SGD the
        learning rate belongs to the reduction.
    freeze_first_kernel : bool
        Leave the kernel of the first layer, not its bias, as it was drawn (the AE-CM authors' public code).
    optimiser : {"adam", "sgd"}
    decay_epochs : int or None
        The learning rate falls to a tenth after every so many epochs; None keeps it.

    """

    info: ClassVar[Info] = Info(
        label="AE",
        summary="Autoencoder trained on the reconstruction error alone.",
        reference="arXiv:1511.06335",
        deviations=(
            "The aecm presets: biases are drawn from the plain normal distribution, not the truncated one. The frozen "
            "first kernel is that of the AE-CM authors' public code; so is the constant rate, where a decay to a tenth "
            "after every 33 epochs (decay_epochs=33) was intended and never acts.",
        ),
        presets={
            # Pretraining of the AE-CM authors' code; the learning rate and momentum depend on the data set.
            name: {
                "hidden": (500, 500, 2000),
                "code_dim": code_dim,
                "optimiser": "sgd",
                "learning_rate": rate,
                "momentum": momentum,
                "reduction": "sum_over_points",
                "freeze_first_kernel": True,
                "epochs": 100,
                "batch_size": 256,
            }
            for name, code_dim, rate, momentum in (
                ("aecm_mnist", 10, 1e-2, 0.9),
                ("aecm_fashion_mnist", 10, 1e-2, 0.0),
                ("aecm_cifar10", 10, 1e-3, 0.9),
                ("aecm_reuters10k", 75, 1e-2, 0.9),
                ("aecm_20newsgroups", 100, 1.0, 0.9),
                ("aecm_usps", 30, 1e-2, 0.9),
                ("aecm_10x_73k", 10, 1e-2, 0.9),
                ("aecm_pendigits", 70, 1e-3, 0.9),
            )
        }
        | {
            # Convolutions and pretraining of DCEC (Guo et al., ICONIP 2017); code, slope and image are left open.
            "dcec": {
                "channels": (32, 64, 128),
                "hidden": (),
                "optimiser": "adam",
                "learning_rate": 1e-3,
                "epochs": 200,
                "batch_size": 256,
            },
            # Pretraining of the DKM authors' code (AEKM); code and slope are left open.
            "dkm": {
                "hidden": (500, 500, 2000),
                "optimiser": "adam",
                "learning_rate": 1e-3,
                "reduction": "sum",
                "epochs": 50,
                "batch_size": 256,
            },
            # Pretraining of the SDCN authors' code, which AGCN and DAGC share.
            "sdcn": {
                "hidden": (500, 500, 2000),
                "code_dim": 10,
                "negative_slope": 0.0,
                "initialiser": "torch",
                "optimiser": "adam",
                "learning_rate": 1e-3,
                "epochs": 30,
                "batch_size": 256,
            },
            "dec_keras": {
                "hidden": (500, 500, 2000),
                "code_dim": 10,
                "negative_slope": 0.0,
                "initialiser": "fan_in",
                "optimiser": "sgd",
                "learning_rate": 1.0,
                "momentum": 0.9,
                "epochs": 300,
                "batch_size": 256,
            },
        },
    )

    initialiser: str = "glorot"
    reduction: str = "mean"
    freeze_first_kernel: bool = False
    optimiser: str = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    epochs: int = 100
    batch_size: int = 256
    decay_epochs: int | None = None

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        check_choice(self, "initialiser", INITIALISERS)
        check_choice(self, "reduction", REDUCTIONS)
        check_choice(self, "optimiser", ["adam", "sgd"])

    def build_network(self, n_features: int, seeds: Sequence[int]) -> AutoencoderNetwork:
        """See `DeepEstimator`."""
        return autoencoder_network(self, n_features, seeds, self.initialiser)

    def training_phases(self, block: Block) -> list[Phase]:
        """See `DeepEstimator`."""
        network: AutoencoderNetwork = block.network

        def loss(x: Tensor, rows: Tensor) -> Loss:
            error = squared_error(x, network.decode(network.encode(x)))
            return Loss({"reconstruction": error / self._divisor(*x.shape[-2:])})

        epoch_steps = block.epoch_steps(self.batch_size)
        schedule = staircase_decay(self.decay_epochs * epoch_steps) if self.decay_epochs else None
        optimiser = Optimiser(self.optimiser, self.learning_rate, momentum=self.momentum, schedule=schedule)
        trainable = (lambda name: name != "encoder.0.weight") if self.freeze_first_kernel else None
        return [Phase("autoencoder", loss, self.epochs * epoch_steps, self.batch_size, optimiser, trainable)]

    def score(self, X: Any, y: Any = None) -> float:
        """Minus the squared error of a row of X, summed over features and averaged over rows; `y` is ignored."""
        decoded = self.inverse_transform(np.asarray(self.transform(X)))
        X = checked_data(self, X, dtype=np.float64, reset=False)
        return -float(np.square(X - decoded).sum(1).mean())

    def _divisor(self, n_points: int, n_features: int) -> int:
        """What the squared error of a batch is divided by."""
        return {"mean": n_points * n_features, "sum": n_points, "sum_over_points": n_features}[self.reduction]

    @staticmethod
    def encode(network: AutoencoderNetwork, x: Tensor) -> Tensor:
        """Code (S, m, p) of x (S, m, d)."""
        return network.encode(x)

    @staticmethod
    def decode(network: AutoencoderNetwork, z: Tensor) -> Tensor:
        """Reconstruction (S, m, d) of z (S, m, p)."""
        return network.decode(z)


def autoencoder_network(
    owner: Any, n_features: int, seeds: Sequence[int], initialiser: str = "glorot"
) -> AutoencoderNetwork:
    """The autoencoder that the parameters of a method describe."""
    return AutoencoderNetwork(
        n_features,
        owner.hidden,
        owner.code_dim,
        channels=owner.channels,
        image_shape=owner.image_shape,
        negative_slope=owner.negative_slope,
        seeds=seeds,
        initialiser=initialiser,
        precision=owner.precision,
    )
