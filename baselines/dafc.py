"""DAFC: deep adaptive fuzzy clustering. Tan, Huang, Peng, Zhong and Mahalec, arXiv 2103.17086; a reconstruction."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from jcae.models.adam import adam
from jcae.models.autoencoder import Autoencoder, squared_error
from jcae.models.info import Info
from jcae.models.parameters import check_choice, check_number
from jcae.models.pretrained import PretrainedClusterer, kmeans_on_code, own_recipe
from jcae.nn.distances import nearest, squared_distances
from jcae.nn.fuzzy import (
    adaptive_squares,
    adaptive_weights,
    distances,
    entropic_memberships,
    fuzzy_memberships,
    weighted_means,
)
from jcae.nn.networks import CentroidNetwork, linear
from jcae.training.block import Block
from jcae.training.phase import Loss, Phase

DRAWS = 100
"""Codes that the verification draws for each cluster."""


class DAFCNetwork(CentroidNetwork):
    """Autoencoders, centroids in their code, and a linear classifier of the code."""

    def __init__(self, centroids: CentroidNetwork, *, seeds: Sequence[int], precision: str):
        n_clusters, width = centroids.centroids.shape[1:]
        super().__init__(centroids.autoencoder, n_clusters)
        self.classifier = linear(
            width, n_clusters, name="classifier", initialiser="torch", seeds=seeds, precision=precision
        )


def weighted_entropy(log_u: Tensor, weights: Tensor) -> Tensor:
    """Mean over the batch of a_i H(u_i), (S,), for log u (S, B, K) and a (S, B)."""
    return -(weights * (log_u.exp() * log_u).sum(-1)).mean(-1)


def pseudo_label_loss(logits: Tensor, u: Tensor, confidence: float) -> Tensor:
    """Cross-entropy of the classifier against the largest membership, mean of the points where that is > confidence.

    Parameters
    ----------
    logits : Tensor, (S, B, K)
    u : Tensor, (S, B, K)
        Memberships, taken as they are: no gradient is asked of them.
    confidence : float

    Returns
    -------
    Tensor, (S,)
        0 where no point of the batch is confident.
    """
    largest, labels = u.max(-1)
    confident = largest > confidence
    own = torch.log_softmax(logits, dim=-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    return -(confident * own).sum(-1) / confident.sum(-1).clamp_min(1)


def resampled_agreement(network: CentroidNetwork, z: Tensor, weights: Tensor, noise: Tensor) -> Tensor:
    """How many codes drawn for a cluster are nearest to its centroid again once they are decoded and encoded, (S,).

    A cluster's codes are drawn from a normal distribution with the weighted means and variances of its points.

    Parameters
    ----------
    network : CentroidNetwork
    z : Tensor, (S, m, p)
    weights : Tensor, (S, m, K)
    noise : Tensor, (S, K, draws, p)
        Standard normal.

    Returns
    -------
    Tensor, (S,)
        A share, between 0 and 1.
    """
    origin = z.mean(-2, keepdim=True)  # far from zero, squares would swallow the variance
    means = weighted_means(weights, z - origin, network.centroids - origin)
    squares = weighted_means(weights, (z - origin).square(), means.square())
    deviations = (squares - means.square()).clamp_min(0.0).sqrt()
    drawn = (origin + means).unsqueeze(-2) + deviations.unsqueeze(-2) * noise
    again = network.autoencoder.encode(network.autoencoder.decode(drawn.flatten(1, 2)))
    found = nearest(again, network.centroids).unflatten(-1, noise.shape[1:3])
    own = torch.arange(noise.shape[1], device=z.device).unsqueeze(-1)
    return (found == own).to(z.dtype).mean((-2, -1))


class DAFC(PretrainedClusterer):
    """Fuzzy c-means in the code of an autoencoder, trained with it.

    Once per epoch, on all points, each centroid becomes the mean of the codes weighted by their memberships to the
    power m, and the memberships follow in closed form. In between the network is trained on the reconstruction and,
    with centroids and memberships held constant, on the fuzzy distances, a weighted entropy of the memberships that
    its codes would have now, and a classifier's cross-entropy against the labels of confident points.

    Parameters
    ----------
    membership : {"fuzzifier", "entropy"}
        ``fuzzifier``: those of fuzzy c-means, see `jcae.nn.fuzzy.fuzzy_memberships`. ``entropy``: those of deep fuzzy
        k-means, a softmax of the distances (not squared, unless `sigma` is given), and no power.
    fuzzifier : float
        m, above 1: 1.2 is nearly k-means, 2 draws all centroids together in ten dimensions.
    temperature : float
        With ``entropy``: what the distances are divided by, in units of the code. Too high, clusters fall together.
    sigma : float or None
        Distances beyond it, in units of the code, count plainly and not squared in the loss, so that outliers pull
        less (`jcae.nn.fuzzy.adaptive_squares`); with ``entropy`` also in memberships and centroids. None squares all.
    fuzzy_weight : float
        Of the mean fuzzy distance, beside the squared error summed over features.
    entropy_weight : float
        Of the mean entropy of the memberships, in which a point counts by its largest one.
    label_weight : float
        Of the classifier's cross-entropy.
    norm_weight : float
        Of the squared norm of all weights and biases of the autoencoder, divided by the points of the batch.
    confidence : float
        A point is labelled for the classifier if its largest membership is above it.
    rounds : int
        Fuzzy c-means on the code before the training: updates of centroids and memberships, after k-means.
    """

    info: ClassVar[Info] = Info(
        label="DAFC (reconstructed)",
        summary="Reconstructed, as no code was published and the formulas were not seen: fuzzy c-means in the code of "
        "an autoencoder, trained together with it.",
        reference="arXiv:2103.17086",
        deviations=(
            "Everything but the idea is a reconstruction: the paper's abstract and introduction name its parts "
            "(reconstruction, fuzzy memberships, weighted adaptive entropy, pseudo-labels, verification by "
            "re-sampling), its formulas, weights, network and schedule were not seen.",
            "The fuzzifier is 1.5, because 2 loses clusters in ten dimensions; the weights of the loss are ours.",
            "The verification is written to the history after every epoch, and neither stops the training nor chooses "
            "an epoch: the labels are those of the last one.",
            "The paper's networks are convolutional; ours are so where the data set says channels.",
            "Images are not augmented.",
            "The preset dfkm is deep fuzzy k-means as its public code has it, twice its loss, on the shared "
            "autoencoder: theirs has tanh in every layer, code and output included, widths 512-300, and was trained "
            "layer by layer; their centroids start at random points.",
            "In the adaptive loss (sigma) the gradient, and the centroids of deep fuzzy k-means, have the derivative "
            "of that loss as their weight; the public code of deep fuzzy k-means lacks a square in it, and leaves it "
            "off by default.",
        ),
        presets={
            "dfkm": {
                "membership": "entropy",
                "fuzzy_weight": 0.1,
                "entropy_weight": 0.0,
                "label_weight": 0.0,
                "norm_weight": 2e-5,
                "epochs": 30,
                "batch_size": 512,
            }
        },
    )

    membership: str = "fuzzifier"
    fuzzifier: float = 1.5
    temperature: float = 1.0
    sigma: float | None = None
    fuzzy_weight: float = 0.1
    entropy_weight: float = 0.01
    label_weight: float = 0.1
    norm_weight: float = 0.0
    confidence: float = 0.8
    rounds: int = 50
    learning_rate: float = 1e-4
    adam_eps: float = 1e-8
    adam_eps_placement: str = "after"
    epochs: int = 100
    batch_size: int = 256
    decay_epochs: int | None = None

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        check_choice(self, "membership", ["fuzzifier", "entropy"])
        check_number(self, "fuzzifier", minimum=1, exclusive=True)
        check_number(self, "temperature", minimum=0, exclusive=True)
        if self.sigma is not None:
            check_number(self, "sigma", minimum=0, exclusive=True)
        for name in ("fuzzy_weight", "entropy_weight", "label_weight", "norm_weight", "confidence"):
            check_number(self, name, minimum=0)
        check_number(self, "rounds", minimum=0, integer=True)

    def pretraining(self) -> Autoencoder:
        """See `DeepEstimator`."""
        return own_recipe(self, Autoencoder(epochs=200))

    def build_network(self, n_features: int, seeds: Sequence[int]) -> DAFCNetwork:
        """See `DeepEstimator`."""
        return DAFCNetwork(super().build_network(n_features, seeds), seeds=seeds, precision=self.precision)

    def log_memberships(self, squares: Tensor) -> Tensor:
        """log u, (S, n, K), for squared distances (S, n, K)."""
        if self.membership == "fuzzifier":
            return fuzzy_memberships(squares, self.fuzzifier)
        found = distances(squares) if self.sigma is None else adaptive_squares(squares, self.sigma)
        return entropic_memberships(found, self.temperature)

    def powers(self, u: Tensor) -> Tensor:
        """What a membership counts in sums over the points: u^m, or u."""
        return u.pow(self.fuzzifier) if self.membership == "fuzzifier" else u

    def training_phases(self, block: Block) -> list[Phase]:
        """See `DeepEstimator`."""
        network: DAFCNetwork = block.network

        def assign(z: Tensor) -> None:
            u = self.log_memberships(squared_distances(z, network.centroids)).exp()
            block.keep("memberships", u)
            block.keep("mean_largest", u.amax(-1).mean(-1))

        def alternate(z: Tensor) -> None:
            weights = self.powers(block.state["memberships"])
            if self.membership == "entropy":
                weights = weights * adaptive_weights(squared_distances(z, network.centroids), self.sigma)
            network.centroids.copy_(weighted_means(weights, z, network.centroids))
            assign(z)

        def start() -> None:
            network.centroids.copy_(kmeans_on_code(block, self.n_clusters)[1])
            z = block.map(network.autoencoder.encode)
            assign(z)
            for _ in range(self.rounds):
                alternate(z)

        def loss(x: Tensor, rows: Tensor) -> Loss:
            z = network.autoencoder.encode(x)
            u = block.state["memberships"].gather(1, rows.unsqueeze(-1).expand(-1, -1, self.n_clusters))
            squares = squared_distances(z, network.centroids)
            fuzzy = (self.powers(u) * adaptive_squares(squares, self.sigma)).sum((-2, -1)) / x.shape[-2]
            surer = u.amax(-1) / block.state["mean_largest"].unsqueeze(-1)
            labels = pseudo_label_loss(network.classifier(z).to(z.dtype), u, self.confidence)
            terms = {
                "reconstruction": squared_error(x, network.autoencoder.decode(z)) / x.shape[-2],
                "fuzzy": self.fuzzy_weight * fuzzy,
                "entropy": self.entropy_weight * weighted_entropy(self.log_memberships(squares), surer),
                "labels": self.label_weight * labels,
            }
            if self.norm_weight:
                terms["norms"] = self.norm_weight * squared_norm(network.autoencoder) / x.shape[-2]
            return Loss(terms)

        def monitor(x: Tensor) -> dict[str, Tensor]:
            # The first rows may be of few clusters; these are of all.
            x = block.x[block.watched().to(block.x.device)].to(block.device).expand(len(block.seeds), -1, -1)
            z = network.autoencoder.encode(x)
            u = self.soft_assignment(network, x)
            noise = block.normal("verification", self.n_clusters, DRAWS, z.shape[-1])
            sizes = nn.functional.one_hot(u.argmax(-1), self.n_clusters).sum(-2)
            return {
                "verification": resampled_agreement(network, z, self.powers(u), noise),
                "largest_membership": u.amax(-1).mean(-1),
                "smallest_cluster": sizes.amin(-1) / x.shape[-2],
            }

        epoch_steps = block.epoch_steps(self.batch_size)
        return [
            Phase(
                "clustering",
                loss,
                steps=self.epochs * epoch_steps,
                batch_size=self.batch_size,
                optimiser=adam(self, block),
                trainable=lambda name: name != "centroids",
                before=start,
                refresh=lambda step: alternate(block.map(network.autoencoder.encode)),
                refresh_every=epoch_steps,
                monitor=monitor,
            )
        ]

    def soft_assignment(self, network: nn.Module, x: Tensor) -> Tensor:
        """The memberships, (S, m, K)."""
        return self.log_memberships(squared_distances(network.autoencoder.encode(x), network.centroids)).exp()


def squared_norm(module: nn.Module) -> Tensor:
    """Sum of the squares of all parameters, (S,)."""
    return sum(parameter.square().flatten(1).sum(-1) for parameter in module.parameters())
