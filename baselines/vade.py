"""VaDE: variational deep embedding. Jiang, Zheng, Tan, Tang and Zhou, IJCAI 2017, arXiv 1611.05148."""

import math
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn

from jcae.models.autoencoder import autoencoder_network, squared_error
from jcae.models.by_size import PUBLISHED_NETWORK, SizedClusterer
from jcae.models.info import Info
from jcae.models.parameters import check_choice, check_number
from jcae.models.pretrained import kmeans_on_code
from jcae.nn.networks import AutoencoderNetwork, Linear, linear
from jcae.randomness.seeds import sklearn_seed
from jcae.training.block import Block
from jcae.training.optimisers import Optimiser, staircase_decay
from jcae.training.phase import Loss, Phase

MIXTURE_STARTS = 10
"""Runs of EM at the start; the likeliest is taken."""


class Mixture(NamedTuple):
    """Diagonal Gaussian mixture: logits of the weights (..., K), means and log-variances (..., K, p)."""

    logits: Tensor
    means: Tensor
    log_variances: Tensor


def log_joint(z: Tensor, mixture: Mixture) -> Tensor:
    """log pi_k + log N(z_i; mu_k, diag sigma_k^2), (..., B, K), of z (..., B, p)."""
    gaps = (z.unsqueeze(-2) - mixture.means.unsqueeze(-3)).square() * (-mixture.log_variances).exp().unsqueeze(-3)
    scale = (mixture.log_variances + math.log(2.0 * math.pi)).sum(-1).unsqueeze(-2)
    return torch.log_softmax(mixture.logits, dim=-1).unsqueeze(-2) - 0.5 * (gaps.sum(-1) + scale)


def divergence(z: Tensor, mean: Tensor, log_variance: Tensor, mixture: Mixture) -> tuple[Tensor, Tensor]:
    """Divergence of the posterior q(z, c | x) from the mixture, averaged over the batch, without its constants.

    Parameters
    ----------
    z, mean, log_variance : Tensor, (..., B, p)
        One draw of the code, and the normal distribution that it is drawn from.
    mixture : Mixture

    Returns
    -------
    code : Tensor, (...)
        Expected log-densities of the code: under the clusters, weighted by gamma, and under q.
    assignment : Tensor, (...)
        sum_k gamma_k (log gamma_k - log pi_k), with gamma the posterior of the clusters at z.
    """
    n_points = z.shape[-2]
    log_gamma = torch.log_softmax(log_joint(z, mixture), dim=-1)
    gamma = log_gamma.exp()
    spread = log_variance.exp().unsqueeze(-2) + (mean.unsqueeze(-2) - mixture.means.unsqueeze(-3)).square()
    scaled = (spread * (-mixture.log_variances).exp().unsqueeze(-3)).sum(-1)
    cross = 0.5 * (gamma * (mixture.log_variances.sum(-1).unsqueeze(-2) + scaled)).sum((-2, -1))
    entropy = 0.5 * (1.0 + log_variance).sum((-2, -1))
    assignment = (gamma * (log_gamma - torch.log_softmax(mixture.logits, dim=-1).unsqueeze(-2))).sum((-2, -1))
    return (cross - entropy) / n_points, assignment / n_points


class VaDENetwork(nn.Module):
    """S autoencoders whose code is the mean of a normal distribution, a head for its log-variances, and a mixture."""

    def __init__(self, autoencoder: AutoencoderNetwork, log_variance: Linear, n_clusters: int, likelihood: str):
        super().__init__()
        self.autoencoder = autoencoder
        self.log_variance = log_variance
        self.likelihood = likelihood
        weight = log_variance.weight
        means = weight.new_zeros(len(weight), n_clusters, weight.shape[-1])
        self.mixture_logits = nn.Parameter(means[..., 0].clone())
        self.mixture_means = nn.Parameter(means)
        self.mixture_log_variances = nn.Parameter(means.clone())

    def mixture(self) -> Mixture:
        """The prior of the code."""
        return Mixture(self.mixture_logits, self.mixture_means, self.mixture_log_variances)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (S, B, p) of the code of x (S, B, d)."""
        *hidden, mean = self.autoencoder.encoder
        for layer in hidden:
            x = nn.functional.leaky_relu(layer(x), self.autoencoder.negative_slope)
        return mean(x).to(mean.weight.dtype), self.log_variance(x).to(mean.weight.dtype)

    def logits(self, z: Tensor) -> Tensor:
        """Bernoulli logits (S, B, d): the line that touches the inverse sigmoid of the autoencoder's output at 1/2."""
        return 4.0 * (self.autoencoder.decode(z) - 0.5)

    def decode(self, z: Tensor) -> Tensor:
        """Expected point (S, B, d) of z (S, B, p)."""
        return torch.sigmoid(self.logits(z)) if self.likelihood == "bernoulli" else self.autoencoder.decode(z)

    def reconstruction_error(self, x: Tensor, z: Tensor) -> Tensor:
        """Cross-entropy or squared error, summed over features and averaged over the batch, (S,)."""
        if self.likelihood == "bernoulli":
            error = nn.functional.binary_cross_entropy_with_logits(self.logits(z), x, reduction="none").sum((-2, -1))
        else:
            error = squared_error(x, self.autoencoder.decode(z))
        return error / x.shape[-2]


class VaDE(SizedClusterer):
    """Variational deep embedding: a variational autoencoder whose prior is a Gaussian mixture, trained together.

    Parameters
    ----------
    likelihood : {"bernoulli", "gaussian"}
        Of the points: cross-entropy for data between 0 and 1 (the paper on MNIST), or the squared error (the paper
        elsewhere).
    reconstruction_weight : float
        Factor of the reconstruction, which is summed over features.
    start : {"mixture", "kmeans"}
        On the pretrained code: a diagonal Gaussian mixture, the likeliest of 10 runs of EM; or k-means with unit
        variances. The weights start equal.
    log_variance_start : float
        Bias at the start of the head of the code's log-variances. With the published 0 the noise has about unit
        variance: clusters of the pretrained code that are much narrower are lost in the first updates.
    log_variance_floor : float
        Smallest log-variance of a cluster.
    learning_rate, mixture_learning_rate : float
        Of Adam, for the networks and for the mixture.
    decay_epochs : int
        Both rates are multiplied by `decay_factor` after every so many epochs,
    decay_factor : float
        until that of the networks is
    min_learning_rate : float
        this one.
    """

    info: ClassVar[Info] = Info(
        label="VaDE",
        summary="Variational autoencoder whose prior is a Gaussian mixture; the posterior of its components clusters.",
        reference="arXiv:1611.05148",
        deviations=(
            "The autoencoder at the start is trained end to end, with a linear output; the published one is stacked.",
            "With the Bernoulli likelihood the logits are 4 (output - 1/2), so that an output trained on the squared "
            "error starts near its own values.",
            "Weights and variances of the mixture are trained as logits and log-variances; the published code trains "
            "them as they are, and they can leave their range.",
            "Log-variances of the clusters have a floor of -7.",
            "gamma is computed in logarithms; the published code adds 1e-10 to densities that may underflow.",
            "The mixture at the start is the likeliest of 10 runs of EM, not one run.",
            "Labels come from the mean of a point's code, not from a draw.",
            "The published code gives up a run on HHAR whose accuracy is low after an epoch; here labels are not seen.",
            "The last, smaller batch of an epoch is kept.",
        ),
        presets={
            "reuters10k": {
                "likelihood": "gaussian",
                "start": "kmeans",
                "epochs": 15,
                "decay_epochs": 5,
                "decay_factor": 0.5,
                "min_learning_rate": 0.0,
            },
            "hhar": {
                "likelihood": "gaussian",
                "reconstruction_weight": 5.0,
                "mixture_learning_rate": 2e-5,
                "epochs": 120,
                "min_learning_rate": 0.0,
            },
        },
        fixed={
            **PUBLISHED_NETWORK,
            "negative_slope": 0.0,
            "likelihood": "bernoulli",
            "reconstruction_weight": 1.0,
            "log_variance_start": 0.0,
            "batch_size": 100,
            "epochs": 3000,
        },
    )

    likelihood: str = "gaussian"
    reconstruction_weight: float = 5.0
    start: str = "mixture"
    log_variance_start: float = -5.0
    log_variance_floor: float = -7.0
    learning_rate: float = 2e-3
    mixture_learning_rate: float = 2e-3
    adam_eps: float = 1e-4
    decay_epochs: int = 10
    decay_factor: float = 0.9
    min_learning_rate: float = 2e-4

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        check_choice(self, "likelihood", ["bernoulli", "gaussian"])
        check_choice(self, "start", ["mixture", "kmeans"])
        for name in ("log_variance_start", "log_variance_floor"):
            check_number(self, name, minimum=-math.inf)
        for name in ("mixture_learning_rate", "decay_factor"):
            check_number(self, name, minimum=0, exclusive=True)
        for name in ("reconstruction_weight", "min_learning_rate"):
            check_number(self, name, minimum=0)

    def build_network(self, n_features: int, seeds: Sequence[int]) -> VaDENetwork:
        """See `DeepEstimator`."""
        autoencoder = autoencoder_network(self, n_features, seeds)
        n_in, n_out = autoencoder.encoder[-1].weight.shape[1:]
        head = linear(n_in, n_out, seeds=seeds, name="log_variance", initialiser="glorot", precision=self.precision)
        head.bias.data.fill_(self.log_variance_start)
        return VaDENetwork(autoencoder, head, self.n_clusters, self.likelihood)

    def starting_mixture(self, block: Block) -> Mixture:
        """Equal weights, and the clusters of the pretrained code."""
        if self.start == "kmeans":
            means = kmeans_on_code(block, self.n_clusters)[1]
            variances = torch.ones_like(means)
        else:
            code = block.map(block.network.autoencoder.encode).double().cpu().numpy()
            fits = [
                GaussianMixture(
                    self.n_clusters,
                    covariance_type="diag",
                    n_init=MIXTURE_STARTS,
                    random_state=sklearn_seed(seed, "start"),
                ).fit(z)
                for z, seed in zip(code, block.seeds, strict=True)
            ]
            means, variances = (
                torch.tensor(np.stack([getattr(fit, name) for fit in fits])) for name in ("means_", "covariances_")
            )
        return Mixture(torch.zeros(means.shape[:2]), means, variances.log().clamp_min(self.log_variance_floor))

    def training_phases(self, block: Block) -> list[Phase]:
        """See `DeepEstimator`."""
        network: VaDENetwork = block.network
        if self.likelihood == "bernoulli" and not (block.x.amin() >= 0 and block.x.amax() <= 1):
            raise ValueError("VaDE: likelihood='bernoulli' needs data between 0 and 1; allowed here is 'gaussian'")

        def start() -> None:
            for parameter, value in zip(network.mixture(), self.starting_mixture(block), strict=True):
                parameter.copy_(value)

        def loss(x: Tensor, rows: Tensor) -> Loss:
            mean, log_variance = network.posterior(x)
            z = mean + (0.5 * log_variance).exp() * block.normal("code", *mean.shape[1:])
            code, assignment = divergence(z, mean, log_variance, network.mixture())
            error = self.reconstruction_weight * network.reconstruction_error(x, z)
            return Loss({"reconstruction": error, "code": code, "assignment": assignment})

        def limit(x: Tensor, rows: Tensor) -> None:
            network.mixture_log_variances.clamp_(min=self.log_variance_floor)

        epoch_steps = block.epoch_steps(self.batch_size)
        decay = staircase_decay(self.decay_epochs * epoch_steps, self.decay_factor)
        floor = self.min_learning_rate / self.learning_rate
        return [
            Phase(
                "joint",
                loss,
                steps=self.epochs * epoch_steps,
                batch_size=self.batch_size,
                optimiser=Optimiser(
                    learning_rate=self.learning_rate,
                    eps=self.adam_eps,
                    schedule=lambda step: max(decay(step), floor),
                    factors={"mixture_": self.mixture_learning_rate / self.learning_rate},
                ),
                before=start,
                after=limit,
            )
        ]

    def soft_assignment(self, network: nn.Module, x: Tensor) -> Tensor:
        """Posterior of the clusters at the mean of the code, (S, m, K)."""
        return torch.softmax(log_joint(network.autoencoder.encode(x), network.mixture()), dim=-1)

    def centroids(self, network: nn.Module) -> Tensor:
        """See `DeepClusterer`."""
        return network.mixture_means.detach()

    @staticmethod
    def decode(network: nn.Module, z: Tensor) -> Tensor:
        """Expected points (S, m, d) of z (S, m, p)."""
        return network.decode(z)
