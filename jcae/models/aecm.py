"""AE-CM: the clustering module inside an autoencoder, both trained jointly by one loss.

Boubekki, Kampffmeyer, Jenssen and Brefeld, arXiv 2012.03740.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from jcae.models.adam import adam
from jcae.models.autoencoder import Autoencoder, autoencoder_network, squared_error
from jcae.models.by_size import PUBLISHED_NETWORK, SizedClusterer
from jcae.models.clustering_module import alpha_tensor, check_alpha, check_loss, joint_phase
from jcae.models.info import Info
from jcae.models.module_losses import dirichlet_prior, expected_distortion, reconstruction_error, three_terms
from jcae.models.module_network import ClusteringModuleNetwork
from jcae.models.parameters import check_choice, check_number
from jcae.models.pretrained import kmeans_on_code
from jcae.nn.networks import INITIALISERS, AutoencoderNetwork
from jcae.nn.precision import storage_dtype
from jcae.nn.products import matmul
from jcae.training.block import Block
from jcae.training.phase import Loss, Phase


def assignment_sparsity(gamma: Tensor) -> Tensor:
    """E2 with unit centroids: sum_ik gamma_ik (1 - gamma_ik), (...), for gamma (..., n, K)."""
    return (gamma * (1.0 - gamma)).sum((-2, -1))


def orthonormality(M: Tensor, *, squared: bool = False) -> Tensor:
    """``sum_kl |M M^T - I|_kl``, or of its squares, (...), for centroids M (..., K, p)."""
    gap = matmul(M, M.mT) - torch.eye(M.shape[-2], dtype=M.dtype, device=M.device)
    return (gap.square() if squared else gap.abs()).sum((-2, -1))


class AECMNetwork(nn.Module):
    """An autoencoder and a clustering module on its code."""

    def __init__(self, autoencoder: AutoencoderNetwork, module: ClusteringModuleNetwork):
        super().__init__()
        self.autoencoder = autoencoder
        self.module = module


def _published(layers: Mapping[str, Any], code_dim: int, beta: float, alpha: float, batch_size: int) -> dict[str, Any]:
    """A preset: the layers, the values that the authors give for a data set, and those that hold for all of them."""
    return {
        **layers,
        "code_dim": code_dim,
        "beta": beta,
        "alpha": alpha,
        "batch_size": batch_size,
        "epochs": 1000,
        "orthonormality": 1.0,
        "adam_eps_placement": "before",
    }


class AECM(SizedClusterer):
    """Joint clustering autoencoder: embedding, assignment and centroids learned by one loss and one optimiser.

    Summed over a mini-batch, with code z, responsibilities gamma, zbar = gamma M + c::

        beta ||x - xhat||^2 + distortion * ||z - zbar||^2 + sparsity * sum_k gamma_k (1 - gamma_k)
        + orthonormality * sum_kl |mu mu^T - I|_kl + sum_k (1 - alpha_k) log(gbar_k + 1e-10)

    Only `n_clusters` has to be said. What is None follows from the numbers of points n, of features d and of clusters K
    by the rule that stands beside it; labels are never looked at. `published` has the values of the paper instead, and
    the runs of a config have those of ``AECM.published()`` where nothing else is said. Bring the features to one scale
    before.

    Parameters
    ----------
    code_dim : int or None
        Width p of the code; at least K as long as the centroids are to be orthonormal. None: K; below
        n = 1000 it is 64, or K where that is more.
    init : {"random", "pretrained"}
        ``random``: Glorot. ``pretrained``: autoencoder first, k-means (20 restarts) on its code gives U, M = U,
        W = pinv(U), b = c = 0, then `module_epochs` on the clustering-module loss with the encoder frozen.
    alpha : float or sequence of K floats, or None
        Dirichlet concentration; above 1 it balances the clusters. It acts per batch: tune it with `batch_size`. None:
        1 + 6 batch_size / 64, about the middle of the published values when they are scaled with the batch.
    beta : float
        Weight of the reconstruction; it belongs to data of unit scale.
    orthonormality : float
        Weight lambda of the centroids' distance from orthonormality.
    distortion, sparsity : float
        Weights of the second and third term of this joint loss, 1 in the paper; 0 takes a term away (for ablations).
    loss : {"paper", "normalised"}
        ``normalised`` (the authors' later variant): reconstruction averaged over points and features, E1 and E2 divided
        by batch size times p, squared instead of absolute orthonormality, no biases in the module, AdamW.
    initialiser : {"glorot", "fan_in", "torch"}
        Of the layers' weights before any training: ``glorot`` uniform kernels and normal biases, ``fan_in`` uniform
        kernels scaled by the inputs, ``torch`` as PyTorch's layers.
    averaging_epoch : bool
        One more epoch at the end; the result is the mean of the parameters after each of its steps.
    module_epochs : int or None
        Of the clustering module alone, for ``init="pretrained"``. None: as `epochs` by the rule.

    Attributes
    ----------
    cluster_centers_ : ndarray, (n_clusters, code_dim)
        Centroids in the code space; ``inverse_transform`` turns them into points.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from jcae import AECM
    >>> X = load_digits().data / 16
    >>> short = AECM(10, init="random", epochs=2, random_state=0).fit(X)
    >>> short.inverse_transform(short.cluster_centers_).shape
    (10, 64)
    >>> short.by_rule_["hidden"], short.by_rule_["batch_size"], short.by_rule_["alpha"]
    ((128, 128, 256), 64, 7.0)
    """

    info: ClassVar[Info] = Info(
        label="AE-CM",
        summary="Joint clustering autoencoder: a clustering module on the code, trained with the autoencoder.",
        reference="arXiv:2012.03740",
        deviations=(
            "By default Adam's eps is added after bias correction (PyTorch); the presets have it before, as the "
            "authors (adam_eps_placement), whose first steps are shorter.",
            "Glorot-normal biases are drawn from the plain normal distribution, not the truncated one.",
            "The orthonormality and the unit-centroid terms act on the centroids mu = M + c; the paper's M and mu "
            "coincide where c = 0.",
            "In the normalised loss E1 and E2 are divided by batch size times the code's width, and the prior and the "
            "orthonormality term are not divided; AdamW has PyTorch's default weight decay of 0.01.",
            "The layers of the paper's convolutional variant are not known to us: the presets that end in "
            "_convolutional have those of DCEC (Guo et al., 2017), three convolutions of 32, 64 and 128 channels.",
        ),
        presets={
            name: _published({"hidden": (500, 500, 2000)}, *values)
            for name, *values in (
                ("mnist", 10, 5, 230, 500),
                ("fashion_mnist", 10, 47, 13, 175),
                ("20newsgroups", 100, 232, 10, 300),
                ("10x_73k", 10, 15, 7, 40),
                ("cifar10", 10, 1, 64, 256),
                ("reuters10k", 75, 2.3, 1.7, 250),
                ("usps", 30, 0.04, 3, 45),
                ("pendigits", 70, 0.5, 13, 80),
            )
        }
        | {
            f"{name}_convolutional": _published(
                {"channels": (32, 64, 128), "image_shape": image_shape, "hidden": ()}, *values
            )
            for name, image_shape, *values in (
                ("mnist", (28, 28), 40, 0.2, 15, 100),
                ("fashion_mnist", (28, 28), 71, 0.08, 4, 55),
                ("cifar10", (32, 32, 3), 90, 0.4, 6, 65),
                ("usps", (16, 16), 40, 0.3, 15, 200),
            )
        }
        | {
            "mnist_normalised": {
                "loss": "normalised",
                "initialiser": "torch",
                **PUBLISHED_NETWORK,
                "beta": 100,
                "alpha": 1.1,
                "batch_size": 256,
                "orthonormality": 0.1,
            }
        },
        fixed={
            **PUBLISHED_NETWORK,
            "init": "random",
            "alpha": 10.0,
            "beta": 1.0,
            "epochs": 1000,
            "module_epochs": 100,
            "batch_size": 256,
        },
    )

    init: str = "pretrained"
    alpha: float | Sequence[float] | None = None
    beta: float = 0.5
    orthonormality: float = 1.0
    distortion: float = 1.0
    sparsity: float = 1.0
    loss: str = "paper"
    initialiser: str = "glorot"
    learning_rate: float = 1e-3
    adam_eps: float = 1e-3
    adam_eps_placement: str = "after"
    decay_epochs: int | None = None
    averaging_epoch: bool = True
    module_epochs: int | None = None

    def rule(self, n_samples: int, n_features: int) -> dict[str, Any]:
        """See `DeepEstimator`."""
        found = super().rule(n_samples, n_features)
        return {
            **found,
            "alpha": 1.0 + 6.0 * found["batch_size"] / 64.0,
            "module_epochs": found["epochs"],
        }

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        check_choice(self, "init", ["random", "pretrained"])
        check_alpha(self)
        check_loss(self)
        check_choice(self, "initialiser", INITIALISERS)
        check_number(self, "beta", minimum=0)
        for weight in ("orthonormality", "distortion", "sparsity"):
            check_number(self, weight, minimum=0)
        check_number(self, "module_epochs", minimum=0, integer=True)
        if self.orthonormality == 0:
            warnings.warn("orthonormality=0: nothing stops the code from shrinking to a point", stacklevel=4)
        elif self.code_dim < self.n_clusters:
            raise ValueError(
                f"code_dim={self.code_dim} is below n_clusters={self.n_clusters}: so many centroids cannot be "
                "orthonormal in the code space. Widen the code, or set orthonormality=0"
            )

    def pretraining(self) -> Autoencoder | None:
        """See `DeepEstimator`."""
        return super().pretraining() if self.init == "pretrained" else None

    def build_network(self, n_features: int, seeds: Sequence[int]) -> AECMNetwork:
        """See `DeepEstimator`."""
        dtype = storage_dtype(self.precision)
        module = ClusteringModuleNetwork.random(
            self.code_dim,
            self.n_clusters,
            seeds=seeds,
            biases=self.loss == "paper",
            dtype=dtype,
            initialiser=self.initialiser,
        )
        return AECMNetwork(autoencoder_network(self, n_features, seeds, self.initialiser), module)

    def training_phases(self, block: Block) -> list[Phase]:
        """See `DeepEstimator`."""
        network: AECMNetwork = block.network
        module = network.module
        alpha = alpha_tensor(self.alpha, module.W)
        normalised = self.loss == "normalised"

        def joint_loss(x: Tensor, rows: Tensor) -> Loss:
            z = network.autoencoder.encode(x)
            gamma, M = module.assign(z), module.centroids()
            data_scale = 1.0 / (x.shape[-2] * x.shape[-1]) if normalised else 1.0
            code_scale = 1.0 / (z.shape[-2] * z.shape[-1]) if normalised else 1.0
            return Loss(
                {
                    "reconstruction": self.beta * data_scale * squared_error(x, network.autoencoder.decode(z)),
                    "code_distortion": self.distortion * code_scale * reconstruction_error(z, gamma, M),
                    "sparsity": self.sparsity * code_scale * assignment_sparsity(gamma),
                    "orthonormality": self.orthonormality * orthonormality(M, squared=normalised),
                    "prior": dirichlet_prior(gamma, alpha),
                }
            )

        def module_loss(x: Tensor, rows: Tensor) -> Loss:
            z = network.autoencoder.encode(x)
            gamma, M = module.assign(z), module.centroids()
            scale = 1.0 / (z.shape[-2] * z.shape[-1]) if normalised else 1.0
            distortion = expected_distortion(z, gamma, M)
            return Loss({"distortion": scale * distortion, "prior": dirichlet_prior(gamma, alpha)})

        def module_monitor(x: Tensor) -> dict[str, Tensor]:
            z = network.autoencoder.encode(x)
            scale = 1.0 / (self.batch_size * z.shape[-1]) if normalised else 1.0
            return three_terms(z, module.assign(z), module.centroids(), self.batch_size, scale)

        def kmeans_start() -> None:
            for s, centers in enumerate(kmeans_on_code(block, self.n_clusters)[1]):
                module.start_at(s, centers)

        joint = joint_phase(self, block, "joint", joint_loss)
        if normalised:
            joint.trainable = lambda name: name not in ("module.b", "module.c")
        if self.init == "random":
            return [joint]
        if self.module_epochs == 0:
            joint.before = kmeans_start
            return [joint]
        warm_up = Phase(
            "module",
            module_loss,
            steps=self.module_epochs * block.epoch_steps(self.batch_size),
            batch_size=self.batch_size,
            optimiser=replace(adam(self, block), schedule=None),
            trainable=lambda name: name.startswith("module.") and (joint.trainable is None or joint.trainable(name)),
            before=kmeans_start,
            monitor=module_monitor,
        )
        return [warm_up, joint]

    def soft_assignment(self, network: nn.Module, x: Tensor) -> Tensor:
        """See `DeepClusterer`."""
        return network.module.assign(network.autoencoder.encode(x))

    def centroids(self, network: nn.Module) -> Tensor:
        """See `DeepClusterer`."""
        return network.module.centroids()
