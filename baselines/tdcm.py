"""TDCM: transferable deep clustering model. Zhang and Zhao, arXiv 2310.04946; reconstructed, see `TDCM.info`."""

import copy
import math
from typing import Any, ClassVar, Self

import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from jcae.models.autoencoder import autoencoder_network, squared_error
from jcae.models.fitted import resolve_device
from jcae.models.info import Info
from jcae.models.inputs import checked_data
from jcae.models.parameters import check_number
from jcae.models.pretrained import PretrainedClusterer, kmeans_on_code
from jcae.nn.distances import squared_distances
from jcae.nn.networks import AutoencoderNetwork, CentroidNetwork
from jcae.nn.products import matmul
from jcae.training.block import CHUNK, Block
from jcae.training.optimisers import Optimiser
from jcae.training.phase import Loss, Phase

_EMPTY = 1e-8
"""Points that a centroid counts as beside its own ones: one without any stays where it is."""


class CentroidModule(CentroidNetwork):
    """Moves centroids towards the points that it is shown, by a similarity that is learnt.

    Attributes
    ----------
    centroids : Parameter, (S, K, p)
        C^0, from which every data set starts.
    similarity : Parameter, (S, p, p)
        W: points are compared with centroids as ||(z - c) W||^2; the identity at the start.
    temperature : Tensor, (S,)
        tau, by which these are divided.
    adapted : Tensor, (S, K, p)
        C^L of the data that the module was last shown whole: new points are assigned by these.
    """

    def __init__(self, autoencoder: AutoencoderNetwork, n_clusters: int, depth: int):
        super().__init__(autoencoder, n_clusters)
        self.depth = depth
        n_seeds, _, p = self.centroids.shape
        eye = torch.eye(p, dtype=self.centroids.dtype, device=self.centroids.device)
        self.similarity = nn.Parameter(eye.repeat(n_seeds, 1, 1))
        self.register_buffer("temperature", self.centroids.new_ones(n_seeds))
        self.register_buffer("adapted", torch.zeros_like(self.centroids))

    def scores(self, z: Tensor, centroids: Tensor) -> Tensor:
        """-||(z_i - c_j) W||^2 / tau, (S, n, K), of codes (S, n, p) and centroids (S, K, p)."""
        origin = centroids.detach().mean(-2, keepdim=True)
        z, centroids = (matmul(side - origin, self.similarity) for side in (z, centroids))
        return -squared_distances(z, centroids) / self.temperature[:, None, None]

    def moved(self, codes: Tensor) -> Tensor:
        """C^L, (S, K, p): after `depth` steps to the means of the codes (S, n, p), weighted by their assignments.

        Sums run over chunks of the codes, all of them before the next step, so n is not bounded by memory for (n, K).
        """
        centroids = self.centroids
        for _ in range(self.depth):
            origin = centroids.detach().mean(-2, keepdim=True)
            sums, counts = torch.zeros_like(centroids), centroids.new_zeros(centroids.shape[:2])
            for z in codes.split(CHUNK, dim=1):
                weights = torch.softmax(self.scores(z, centroids), dim=-1)
                sums = sums + matmul(weights.mT, z - origin)
                counts = counts + weights.sum(-2)
            shift = sums - counts.unsqueeze(-1) * (centroids - origin)
            centroids = centroids + shift / (counts + _EMPTY).unsqueeze(-1)
        return centroids


class TDCM(PretrainedClusterer):
    """Transferable deep clustering: a module, trained on a source, moves the centroids to the data that it is shown.

    `fit` trains on the source, `predict` labels points by the centroids of the source, and `adapt` shows the module a
    target, without training: what it returns labels by the centroids of the target, which keep their numbers.

    Parameters
    ----------
    depth : int
        L: steps of the centroids.
    temperature : float
        tau, in mean squared distances of a code to its nearest centroid at the start.
    balance : float
        beta: weight of the term that keeps clusters of one size.
    reconstruction : float
        lambda: weight of the squared error, summed over features.
    weight_decay : float
        Half of it times ||W||^2 joins the loss, because W could grow to lower the entropy for nothing.
    train : bool
        False leaves autoencoder, W and C^0 as they start: what the module does untrained, a control.
    """

    info: ClassVar[Info] = Info(
        label="TDCM (reconstructed)",
        summary="Centroids that a learnt module moves to the data at hand, so that a new domain needs no training.",
        reference="arXiv:2310.04946",
        deviations=(
            "Reconstructed: no code was published, and we had the abstract, the introduction and public reviews. Known "
            "are the weighted mean that makes a centroid, a learnable score with a symmetric matrix, L stacked steps, "
            "and a weight beta.",
            "The score is a distance, -||(z - c) W||^2 / tau, which is an inner product with W W^T; the loss, the "
            "temperature, L = 3, the autoencoder and its pretraining are ours.",
        ),
    )

    depth: int = 3
    temperature: float = 0.25
    balance: float = 1.0
    reconstruction: float = 1.0
    weight_decay: float = 1e-4
    train: bool = True
    learning_rate: float = 1e-4
    epochs: int = 60
    batch_size: int = 256

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        check_number(self, "depth", minimum=1, integer=True)
        check_number(self, "temperature", minimum=0, exclusive=True)
        for name in ("balance", "reconstruction", "weight_decay"):
            check_number(self, name, minimum=0)

    def build_network(self, n_features: int, seeds: Any) -> CentroidModule:
        """See `DeepEstimator`."""
        return CentroidModule(autoencoder_network(self, n_features, seeds), self.n_clusters, self.depth)

    def training_phases(self, block: Block) -> list[Phase]:
        """Training, and then the module is shown the whole source."""
        network: CentroidModule = block.network

        def start() -> None:
            centers = kmeans_on_code(block, self.n_clusters)[1]
            network.centroids.copy_(centers)
            nearest = block.map(lambda x: squared_distances(network.autoencoder.encode(x), centers).amin(-1))
            tau = self.temperature * nearest.mean(-1)
            network.temperature.copy_(tau.clamp_min(torch.finfo(tau.dtype).eps))

        def loss(x: Tensor, rows: Tensor) -> Loss:
            z = network.autoencoder.encode(x)
            log_q = torch.log_softmax(network.scores(z, network.moved(z)), dim=-1)
            log_mean = torch.logsumexp(log_q, -2) - math.log(x.shape[-2])
            error = squared_error(x, network.autoencoder.decode(z)) / x.shape[-2]
            return Loss(
                {
                    "entropy": -(log_q.exp() * log_q).sum((-2, -1)) / x.shape[-2],
                    "balance": self.balance * ((log_mean.exp() * log_mean).sum(-1) + math.log(self.n_clusters)),
                    "reconstruction": self.reconstruction * error,
                    "decay": self.weight_decay / 2 * network.similarity.square().sum((-2, -1)),
                }
            )

        steps = self.epochs * block.epoch_steps(self.batch_size) if self.train else 0
        return [
            Phase("module", loss, steps, self.batch_size, Optimiser("adam", self.learning_rate), before=start),
            Phase("source", loss, 0, self.batch_size, before=lambda: self.show(block)),
        ]

    @staticmethod
    @torch.no_grad()
    def show(block: Block) -> None:
        """Show the module all points of the block: its centroids move there from C^0."""
        network: CentroidModule = block.network
        network.adapted.copy_(network.moved(block.map(network.autoencoder.encode)))

    def adapt(self, X: Any) -> Self:
        """Show the module another data set, without training.

        Parameters
        ----------
        X : array-like, (n_samples, n_features)
            The target: as many features as the source, and clusters of the same meaning.

        Returns
        -------
        TDCM
            A fitted copy with the centroids of the target: `labels_`, `cluster_centers_` and `refit_labels_` are of its
            points, and `predict` labels new ones by them. This one stays as it is.

        Raises
        ------
        NotFittedError
            There was no source.
        ValueError
            Other features than the source has, or fewer points than clusters.
        """
        check_is_fitted(self, "network_")
        X = checked_data(self, X, dtype=self._array_dtype(), order="C", reset=False)
        if len(X) < self.n_clusters:
            raise ValueError(f"TDCM.adapt: {len(X)} points for n_clusters={self.n_clusters}; it needs as many at least")
        adapted = copy.copy(self)
        vars(adapted).pop("snapshots_", None)  # of points of the source
        device = resolve_device(self.device)
        block = Block(copy.deepcopy(self.network_).to(device), torch.tensor(X, device=device), [self._one_seed()])
        self.show(block)
        self.set_results(block, [adapted])
        adapted.network_ = block.network.cpu()
        return adapted

    def clusters(self, block: Block, rows: Tensor | None = None) -> Tensor:
        """See `TransductiveClusterer`; in training, by what the module would make of the source at this moment."""
        if rows is not None:
            self.show(block)
        return super().clusters(block, rows)

    def centroids(self, network: nn.Module) -> Tensor:
        """See `TransductiveClusterer`: C^L."""
        return network.adapted

    def soft_assignment(self, network: nn.Module, x: Tensor) -> Tensor:
        """The softmax of the scores with C^L, (S, m, K)."""
        return torch.softmax(network.scores(network.autoencoder.encode(x), network.adapted), dim=-1)
