"""DMAE: dissimilarity mixture autoencoder. Lara and Gonzalez, arXiv 2006.08177."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from jcae.models.autoencoder import autoencoder_network, squared_error
from jcae.models.clusterer import DeepClusterer
from jcae.models.info import Info
from jcae.models.parameters import check_number
from jcae.models.pretrained import PretrainedMixin
from jcae.nn.dissimilarities import DISSIMILARITIES, Dissimilarity, log_softmin, mahalanobis, minkowski, to_centers
from jcae.nn.precision import storage_dtype
from jcae.nn.products import matmul
from jcae.randomness.seeds import generator
from jcae.training.block import Block
from jcae.training.kmeans import kmeans
from jcae.training.mixture_start import exchange_start, precision_factors
from jcae.training.optimisers import Optimiser
from jcae.training.phase import Loss, Phase

NAMES = (*DISSIMILARITIES, "minkowski", "mahalanobis")
FROM_KMEANS = ("euclidean", "squared_euclidean", "mahalanobis")
"""Dissimilarities whose centres start at those of k-means; the others start by exchange."""


class Selection(NamedTuple):
    """What a mixture answers to a batch of points.

    Attributes
    ----------
    centers : Tensor, (S, B, p)
        mu~_i = sum_k s_ik mu_k.
    dissimilarity : Tensor, (S, B)
        d(h_i, mu~_i); with Mahalanobis under the precision sum_k s_ik A_k A_k^T.
    log_weight : Tensor, (S, B)
        log pi~_i, with pi~_i = sum_k s_ik pi_k.
    """

    centers: Tensor
    dissimilarity: Tensor
    log_weight: Tensor


class MixtureNetwork(nn.Module):
    """S mixtures: centres (S, K, p), logarithms of the weights pi (S, K), and for Mahalanobis factors A (S, K, p, p).

    Parameters
    ----------
    dissimilarity : callable or None
        See `jcae.nn.dissimilarities`; None is Mahalanobis, whose precisions are parameters, too.
    n_seeds, n_clusters, width : int
        S, K and p.
    dtype : torch.dtype
    """

    def __init__(
        self, dissimilarity: Dissimilarity | None, n_seeds: int, n_clusters: int, width: int, dtype: torch.dtype
    ):
        super().__init__()
        self.dissimilarity = dissimilarity
        self.centroids = nn.Parameter(torch.zeros(n_seeds, n_clusters, width, dtype=dtype))
        self.log_mixers = nn.Parameter(torch.zeros(n_seeds, n_clusters, dtype=dtype))
        factors = None
        if dissimilarity is None:
            factors = nn.Parameter(torch.eye(width, dtype=dtype).repeat(n_seeds, n_clusters, 1, 1))
        self.register_parameter("factors", factors)

    def log_assignment(self, h: Tensor, alpha: float) -> Tensor:
        """Logarithm of the soft assignment s, (S, B, K), of points h (S, B, p)."""
        if self.dissimilarity is None:
            found = mahalanobis(h.unsqueeze(-3) - self.centroids.unsqueeze(-2), self.factors)
        else:
            found = to_centers(self.dissimilarity, h, self.centroids)
        return log_softmin(found, alpha, self.log_mixers)

    def select(self, h: Tensor, alpha: float) -> Selection:
        """The softly selected centre of every point h (S, B, p); gradients flow through all of it."""
        log_s = self.log_assignment(h, alpha)
        s = log_s.exp()
        centers = matmul(s, self.centroids)
        if self.dissimilarity is None:
            to_selected = (s * mahalanobis((h - centers).unsqueeze(-3), self.factors)).sum(-1)
        else:
            to_selected = self.dissimilarity(h, centers)
        return Selection(centers, to_selected, torch.logsumexp(log_s + self.log_mixers.unsqueeze(-2), dim=-1))


class DissimilarityMixture(DeepClusterer):
    """Mixture of dissimilarities on the points themselves: the shallow DMAE, without a network.

    Minimises, summed over a batch, d(x, mu~) - log(pi~) / alpha: the dissimilarity of a point to its softly selected
    centre.

    Parameters
    ----------
    dissimilarity : {"euclidean", "squared_euclidean", "cosine", "manhattan", "chebyshev", "minkowski", "mahalanobis"} \
or callable
        ``mahalanobis`` is squared, and learns a precision per cluster. A callable takes two tensors (..., p) that are
        broadcast against each other, and returns (...), differentiable in both.
    minkowski_order : float
        Of ``minkowski``, at least 1.
    alpha : float
        Inverse temperature of the soft assignment.
    trainable_mixers : bool
        Learn the weights pi of the clusters; else all are 1.
    adam_eps : float
        Of Adam, added before the second moment's bias is corrected.

    Attributes
    ----------
    cluster_centers_ : ndarray, (n_clusters, n_features)
        Centres in the data space.
    """

    info: ClassVar[Info] = Info(
        label="DMAE (shallow)",
        summary="Mixture over any differentiable dissimilarity, trained by gradients on the points themselves.",
        reference="arXiv:2006.08177",
        deviations=(
            "Rate, batch and epochs are those of the examples of the public code, on made data: 1e-4, 32, 40.",
            "The weights pi are stored as logarithms, which keeps them positive; the public code clips them in one "
            "place and takes their magnitude in another.",
            "1e-12 is added under the root of euclidean, whose slope is infinite at 0, and minkowski takes it for any "
            "smaller difference.",
            "A row of zeros is at cosine dissimilarity 1 from every centre, hence assigned by the weights alone.",
            "The start of Mahalanobis replaces singular covariances by the pooled one; the public code has no number "
            "for them.",
            "Toroidal distance, the Kullback-Leibler family and the correlation of 2020 are not offered by name; a "
            "function can be given.",
            "k-means at the start is the best of 20 restarts.",
            "The last, smaller batch of an epoch is kept.",
        ),
        presets={"mahalanobis": {"dissimilarity": "mahalanobis", "alpha": 0.5, "trainable_mixers": True}},
    )

    dissimilarity: str | Callable[[Tensor, Tensor], Tensor] = "euclidean"
    minkowski_order: float = 3.0
    alpha: float = 100.0
    trainable_mixers: bool = False
    learning_rate: float = 1e-4
    adam_eps: float = 1e-7
    epochs: int = 40
    batch_size: int = 32

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        name = type(self).__name__
        if callable(self.dissimilarity):
            found = to_centers(self.dissimilarity, torch.zeros(1, 2, n_features), torch.ones(1, 3, n_features))
            if found.shape != (1, 2, 3):
                raise ValueError(
                    f"{name}: dissimilarity={self.dissimilarity!r} gives {tuple(found.shape)} for tensors (1, 2, 1, p) "
                    "and (1, 1, 3, p); it must give (1, 2, 3), one number for each pair"
                )
        elif not (isinstance(self.dissimilarity, str) and self.dissimilarity in NAMES):
            raise ValueError(
                f"{name}: dissimilarity={self.dissimilarity!r} is unknown; allowed are {list(NAMES)} and a function of "
                "two tensors"
            )
        check_number(self, "minkowski_order", minimum=1)
        check_number(self, "alpha", minimum=0, exclusive=True)

    def _dissimilarity(self) -> Dissimilarity | None:
        """The function; None is Mahalanobis."""
        if callable(self.dissimilarity):
            return self.dissimilarity
        if self.dissimilarity == "minkowski":
            return partial(minkowski, order=self.minkowski_order)
        return DISSIMILARITIES.get(self.dissimilarity)

    def build_network(self, n_features: int, seeds: Sequence[int]) -> MixtureNetwork:
        """See `DeepEstimator`."""
        return self._mixture(n_features, seeds)

    def _mixture(self, width: int, seeds: Sequence[int]) -> MixtureNetwork:
        return MixtureNetwork(self._dissimilarity(), len(seeds), self.n_clusters, width, storage_dtype(self.precision))

    def points(self, network: MixtureNetwork, x: Tensor) -> Tensor:
        """What the mixture is on, (S, m, p), of x (S, m, d): x itself."""
        return x

    def all_points(self, block: Block) -> Tensor:
        """`points` of all rows, (S, n, p)."""
        return block.whole()

    def start(self, block: Block) -> None:
        """Centres, and precisions, where training begins."""
        network, points = block.network, self.all_points(block)
        if self.dissimilarity not in FROM_KMEANS:
            for s, seed in enumerate(block.seeds):
                rng = generator(seed, "start")
                network.centroids[s] = exchange_start(points[s], self.n_clusters, network.dissimilarity, rng)
            return
        found = kmeans(points, self.n_clusters, block.seeds)
        network.centroids.copy_(found.centers)
        if network.factors is not None:
            for s, labels in enumerate(found.labels.cpu().numpy()):
                factors = precision_factors(points[s].double().cpu().numpy(), labels, self.n_clusters)
                network.factors[s] = torch.tensor(factors)

    def batch_loss(self, network: MixtureNetwork, x: Tensor) -> Loss:
        """Loss of a batch x (S, B, d)."""
        return Loss(self._terms(network.select(x, self.alpha)))

    def _terms(self, chosen: Selection, weight: float = 1.0) -> dict[str, Tensor]:
        return {
            "dissimilarity": weight * chosen.dissimilarity.sum(-1),
            "mixers": -weight / self.alpha * chosen.log_weight.sum(-1),
        }

    def eps(self, n_features: int) -> float:
        """What Adam adds to the root of the second moment."""
        return self.adam_eps

    def training_phases(self, block: Block) -> list[Phase]:
        """See `DeepEstimator`."""
        return [
            Phase(
                "mixture",
                lambda x, rows: self.batch_loss(block.network, x),
                steps=self.epochs * block.epoch_steps(self.batch_size),
                batch_size=self.batch_size,
                optimiser=Optimiser(
                    learning_rate=self.learning_rate, eps=self.eps(block.x.shape[1]), eps_placement="before"
                ),
                trainable=lambda name: self.trainable_mixers or name != "log_mixers",
                before=lambda: self.start(block),
            )
        ]

    def soft_assignment(self, network: nn.Module, x: Tensor) -> Tensor:
        """Softmin of the dissimilarities, (S, m, K)."""
        return network.log_assignment(self.points(network, x), self.alpha).exp()

    def centroids(self, network: nn.Module) -> Tensor:
        """See `TransductiveClusterer`."""
        return network.centroids.detach()


class DMAE(PretrainedMixin, DissimilarityMixture):
    """Dissimilarity mixture autoencoder: the mixture lies on the code, and the decoder sees the selected centre.

    Minimises `clustering_weight` times the loss of the mixture, summed over a batch, plus `reconstruction_weight` times
    the squared error of the decoded centre, averaged over points and features. Defaults are those of the public package
    of 2021.

    Parameters
    ----------
    clustering_weight : float
        lambda_c. It multiplies a sum: with another batch size it is another weight.
    reconstruction_weight : float
        lambda_r.
    adam_eps : float
        Of Adam, added before the second moment's bias is corrected, and in the scale of the public code, whose applied
        gradient is batch size times features that of the loss: it is divided by them here.
    """

    info: ClassVar[Info] = Info(
        label="DMAE",
        summary="Autoencoder around a mixture over any differentiable dissimilarity, which decodes the chosen centre.",
        reference="arXiv:2006.08177",
        deviations=(
            "Images are augmented neither in pretraining nor in joint training; the public code of 2021 does both.",
            "The autoencoder is the one all pretrained methods of the run share; the published one is trained by SGD "
            "with rate 1, momentum 0.9 and batch 256 for 500 epochs (Reuters 100).",
            "The start is computed on the codes of the points as they are, not of augmented batches.",
            "Batches are drawn in a new order every epoch and the last, smaller one is kept; the public code keeps the "
            "order of the file and drops it, from the scores, too.",
            *DissimilarityMixture.info.deviations[1:-1],
        ),
        presets={
            "mahalanobis": {"dissimilarity": "mahalanobis", "trainable_mixers": True},
            # The authors' scripts of November 2020.
            "scripts_2020": {
                "alpha": 1000.0,
                "clustering_weight": 0.01,
                "reconstruction_weight": 1.0,
                "trainable_mixers": True,
            },
            "reuters10k": {"epochs": 100},
        },
    )

    negative_slope: float = 0.0
    clustering_weight: float = 1.0
    reconstruction_weight: float = 0.01
    learning_rate: float = 1e-5
    epochs: int = 300
    batch_size: int = 256

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        super().check_parameters(n_samples, self.code_dim)
        for name in ("clustering_weight", "reconstruction_weight"):
            check_number(self, name, minimum=0)

    def build_network(self, n_features: int, seeds: Sequence[int]) -> MixtureNetwork:
        """See `DeepEstimator`."""
        network = self._mixture(self.code_dim, seeds)
        network.autoencoder = autoencoder_network(self, n_features, seeds)
        return network

    def points(self, network: MixtureNetwork, x: Tensor) -> Tensor:
        """The code, (S, m, p), of x (S, m, d)."""
        return network.autoencoder.encode(x)

    def all_points(self, block: Block) -> Tensor:
        """See `DissimilarityMixture`."""
        return block.map(block.network.autoencoder.encode)

    def batch_loss(self, network: MixtureNetwork, x: Tensor) -> Loss:
        """Loss of a batch x (S, B, d)."""
        chosen = network.select(self.points(network, x), self.alpha)
        error = squared_error(x, network.autoencoder.decode(chosen.centers)) / (x.shape[-2] * x.shape[-1])
        terms = self._terms(chosen, self.clustering_weight)
        return Loss(terms | {"reconstruction": self.reconstruction_weight * error})

    def eps(self, n_features: int) -> float:
        """See `DissimilarityMixture`."""
        return self.adam_eps / (self.batch_size * n_features)
