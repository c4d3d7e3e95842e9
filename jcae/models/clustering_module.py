"""The clustering module (CM): an isotropic Gaussian mixture written as an autoencoder with one hidden layer.

Boubekki, Kampffmeyer, Jenssen and Brefeld, "Joint optimization of an autoencoder for clustering and embedding",
Machine Learning 110 (2021), arXiv 2012.03740.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from jcae.models.adam import adam
from jcae.models.clusterer import DeepClusterer
from jcae.models.info import Info
from jcae.models.module_losses import dirichlet_prior, three_terms
from jcae.models.module_network import ClusteringModuleNetwork
from jcae.models.parameters import check_choice
from jcae.nn.distances import squared_distances
from jcae.nn.precision import storage_dtype
from jcae.training.block import Block
from jcae.training.kmeans import kmeans_start
from jcae.training.phase import Loss, Phase


def check_mixture(weights: Any, means: Any, variance: Any) -> tuple[np.ndarray, np.ndarray, float]:
    """Validate an isotropic mixture: weights (K,) on the simplex, means (K, d), variance > 0; returned in float64."""
    weights, means = np.asarray(weights, dtype=np.float64), np.asarray(means, dtype=np.float64)
    if means.ndim != 2 or weights.shape != means.shape[:1]:
        raise ValueError(f"a mixture needs weights (K,) and means (K, d); got {weights.shape} and {means.shape}")
    if not (np.isfinite(means).all() and (weights > 0).all() and np.isclose(weights.sum(), 1.0)):
        raise ValueError(f"mixture weights must be positive and sum to 1, means finite; got weights {weights}")
    if not (np.isscalar(variance) and np.isfinite(variance) and variance > 0):
        raise ValueError(f"variance={variance!r} is not allowed; it must be a number above 0")
    return weights, means, float(variance)


def check_alpha(owner: Any) -> None:
    """Check ``alpha``: a number of at least 0, or one per cluster."""
    alpha = np.asarray(owner.alpha, dtype=np.float64)
    if alpha.shape not in ((), (owner.n_clusters,)) or not (np.isfinite(alpha) & (alpha >= 0)).all():
        raise ValueError(
            f"{type(owner).__name__}: alpha={owner.alpha!r} is not allowed; it must be a number of at least 0, or "
            f"n_clusters={owner.n_clusters} of them"
        )


def check_loss(owner: Any) -> None:
    """Check ``loss``, and that the optimiser which belongs to it has its eps where it can."""
    check_choice(owner, "loss", ["paper", "normalised"])
    if owner.loss == "normalised" and owner.adam_eps_placement == "before":
        raise ValueError(
            f"{type(owner).__name__}: adam_eps_placement='before' is not for loss='normalised', which is trained by "
            "AdamW; allowed is 'after'"
        )


class ClusteringModule(DeepClusterer):
    """The clustering module: assignment by a linear map and a softmax, reconstruction by the centroids.

    Minimises, summed over a mini-batch, the expected distortion E1 + E2 + E3 plus the Dirichlet prior E4.

    Parameters
    ----------
    init : {"random", "kmeans"} or dict
        ``random``: Glorot-uniform kernels, Glorot-normal biases. ``kmeans``: k-means++ seeding and one Lloyd iteration
        give U (K, d); then M = U, W = pinv(U), b = c = 0. A dict with ``weights``, ``means`` and ``variance`` starts at
        that isotropic mixture.
    alpha : float or sequence of K floats
        Dirichlet concentration; above 1 it balances the clusters. It acts per batch: tune it with `batch_size`.
    loss : {"paper", "normalised"}
        ``normalised``: the distortion is divided by batch size times d and the module has no biases b and c.
    averaging_epoch : bool
        One more epoch at the end; the result is the mean of the parameters after each of its steps.

    Attributes
    ----------
    cluster_centers_ : ndarray, (n_clusters, n_features)
        Centroids in the data space.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from jcae import ClusteringModule
    >>> X, _ = make_blobs(300, centers=3, random_state=0)
    >>> ClusteringModule(3, init="kmeans", alpha=3, epochs=5, random_state=0).fit(X).labels_.shape
    (300,)
    """

    info: ClassVar[Info] = Info(
        label="CM",
        summary="Clustering module: an isotropic Gaussian mixture trained as a one-hidden-layer autoencoder.",
        reference="arXiv:2012.03740",
        deviations=(
            "E1 + E2 + E3 is minimised as the expected distortion, to which it is equal, because the three terms "
            "cancel in float32 for data far from the origin; the three terms are still recorded.",
            "By default Adam's eps is added after bias correction (PyTorch); the presets have it before, as the "
            "authors (adam_eps_placement), whose first steps are shorter.",
            "Glorot-normal biases are drawn from the plain normal distribution, not the truncated one.",
            "The pseudo-inverse of the k-means start drops singular values below 1e-5 of the largest: on centred data "
            "the centroids are linearly dependent, and the inverse of their rounding would saturate the softmax.",
        ),
        presets={
            name: {"alpha": alpha, "batch_size": batch, "adam_eps_placement": "before"}
            for name, alpha, batch in (
                ("mnist", 177, 111),
                ("fashion_mnist", 80, 35),
                ("cifar10", 164, 350),
                ("reuters10k", 10, 400),
                ("20newsgroups", 100, 600),
                ("usps", 40, 150),
                ("10x_73k", 1000, 500),
                ("pendigits", 13, 80),
            )
        },
    )

    n_clusters: int = field(default=8, kw_only=False)
    init: str | Mapping[str, Any] = "random"
    alpha: float | Sequence[float] = 10.0
    loss: str = "paper"
    epochs: int = 150
    batch_size: int = 256
    learning_rate: float = 1e-3
    adam_eps: float = 1e-3
    adam_eps_placement: str = "after"
    decay_epochs: int | None = None
    averaging_epoch: bool = True

    @classmethod
    def from_mixture(cls, weights: Any, means: Any, variance: float, **params: Any) -> Self:
        """The module whose responsibilities are the posterior of an isotropic Gaussian mixture.

        Parameters
        ----------
        weights : array-like, (K,)
            Mixture weights phi, positive, sum 1.
        means : array-like, (K, d)
        variance : float
            s^2, shared by all components and directions.
        **params
            Constructor parameters; ``precision`` is float64 unless given.

        Returns
        -------
        ClusteringModule
            Ready to predict. Its ``init`` is the mixture, so that `fit` starts training there.
        """
        weights, means, variance = check_mixture(weights, means, variance)
        init = {"weights": weights, "means": means, "variance": variance}
        one = cls(len(weights), init=init, **{"precision": "float64", **params})
        one.network_ = one.build_network(means.shape[1], [0]).requires_grad_(False)
        one.cluster_centers_ = one.centroids(one.network_)[0].numpy()
        one.n_features_in_ = means.shape[1]
        return one

    def to_mixture(self, variance: float | None = None) -> tuple[np.ndarray, np.ndarray, float]:
        """The isotropic mixture with exactly this module's responsibilities that lies closest to its centroids.

        For every variance s^2 and every common shift v the means s^2 W_k + v, with weights proportional to
        exp(b_k + ||mean_k||^2 / (2 s^2) - ...), have the posterior softmax(x W + b). The shift puts the mean of the
        means on the mean of the centroids; s^2 is the least-squares fit of the centred means to the centred centroids
        unless given.

        Parameters
        ----------
        variance : float, optional
            Fix s^2 instead of fitting it (needed for K = 1 or identical columns of W).

        Returns
        -------
        weights : ndarray, (K,)
        means : ndarray, (K, d)
        variance : float

        Raises
        ------
        ValueError
            No positive variance fits: the encoder points away from the centroids.
        """
        W = self.weights_["W"].astype(np.float64).T
        b = self.weights_["b"].astype(np.float64)
        M = np.asarray(self.cluster_centers_, dtype=np.float64)
        W_centred, M_centred = W - W.mean(0), M - M.mean(0)
        if variance is None:
            power = (W_centred**2).sum()
            variance = float((W_centred * M_centred).sum() / power) if power > 0 else np.nan
            if not variance > 0:
                raise ValueError(f"the encoder fits no isotropic mixture (variance {variance}); give `variance`")
        means = variance * W_centred + M.mean(0)
        # Moving all means by v adds x.v / s^2 to every logit alike; only the weights have to follow ||mean||^2.
        logits = b + (means**2).sum(1) / (2.0 * variance)
        logits -= logits.max()
        weights = np.exp(logits)
        return weights / weights.sum(), means, variance

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        if isinstance(self.init, Mapping):
            if set(self.init) != {"weights", "means", "variance"}:
                raise ValueError(f"init has the keys {sorted(self.init)}; a mixture has means, variance, weights")
            _, means, _ = check_mixture(**self.init)
            if means.shape != (self.n_clusters, n_features):
                raise ValueError(
                    f"init has means {means.shape}; n_clusters and X ask for {(self.n_clusters, n_features)}"
                )
        else:
            check_choice(self, "init", ["random", "kmeans"])
        check_alpha(self)
        check_loss(self)

    def build_network(self, n_features: int, seeds: Sequence[int]) -> ClusteringModuleNetwork:
        """See `DeepEstimator`."""
        network = ClusteringModuleNetwork.random(
            n_features, self.n_clusters, seeds=seeds, biases=self.loss == "paper", dtype=storage_dtype(self.precision)
        )
        if isinstance(self.init, Mapping):
            network.start_at_mixture(*check_mixture(**self.init))
        return network

    def training_phases(self, block: Block) -> list[Phase]:
        """See `DeepEstimator`."""
        network: ClusteringModuleNetwork = block.network
        alpha = alpha_tensor(self.alpha, network.W)
        origin = block.mean()
        squared_norms = block.map(lambda x: (x[:1] - origin).square().sum(-1))[0]

        def loss(x: Tensor, rows: Tensor) -> Loss:
            x = x - origin
            gamma, M = network.assign(x, origin), network.centroids()
            scale = 1.0 / (x.shape[-2] * x.shape[-1]) if self.loss == "normalised" else 1.0
            distortion = (gamma * squared_distances(x, M - origin, None, block.rows_of(squared_norms, rows))).sum(
                (-2, -1)
            )
            return Loss({"distortion": scale * distortion, "prior": dirichlet_prior(gamma, alpha)})

        def monitor(x: Tensor) -> dict[str, Tensor]:
            scale = 1.0 / (self.batch_size * x.shape[-1]) if self.loss == "normalised" else 1.0
            return three_terms(x, network.assign(x), network.centroids(), self.batch_size, scale)

        def start() -> None:
            if self.init == "kmeans":
                for s, centroids in enumerate(kmeans_start(block.x, self.n_clusters, block.seeds)):
                    network.start_at(s, centroids)

        phase = joint_phase(self, block, "module", loss, before=start, monitor=monitor)
        # A mixture start keeps its biases under either loss: without them it would be another mixture.
        if self.loss == "normalised" and not isinstance(self.init, Mapping):
            phase.trainable = lambda name: name not in ("b", "c")
        return [phase]

    def soft_assignment(self, network: nn.Module, x: Tensor) -> Tensor:
        """See `DeepClusterer`."""
        return network.assign(x)

    def centroids(self, network: nn.Module) -> Tensor:
        """See `DeepClusterer`."""
        return network.centroids()


def alpha_tensor(alpha: float | Sequence[float], like: Tensor) -> float | Tensor:
    """A number stays one; K numbers become a Tensor on the device and in the precision of `like`."""
    return torch.as_tensor(alpha, dtype=like.dtype, device=like.device) if np.ndim(alpha) else float(alpha)


def joint_phase(owner: Any, block: Block, name: str, loss: Any, **more: Any) -> Phase:
    """The training the paper uses for CM and AE-CM: Adam, optional polynomial decay, a last averaging epoch."""
    # The published PyTorch code of the normalised loss uses AdamW; the paper's TensorFlow code Adam.
    kind = {"name": "adamw", "weight_decay": 0.01} if owner.loss == "normalised" else {}
    return Phase(
        name,
        loss,
        steps=owner.epochs * block.epoch_steps(owner.batch_size),
        batch_size=owner.batch_size,
        optimiser=adam(owner, block, **kind),
        averaging_epoch=owner.averaging_epoch,
        **more,
    )
