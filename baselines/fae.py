"""FAE: deep clustering with a fusion autoencoder. Chang, arXiv 2201.04727; a reconstruction, see `FAE.info`."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from jcae.models.autoencoder import squared_error
from jcae.models.clusterer import DeepClusterer
from jcae.models.embedding import EmbeddingMixin
from jcae.models.info import Info
from jcae.models.parameters import check_integers, check_number
from jcae.nn.convolution import Image
from jcae.nn.distances import nearest
from jcae.nn.neighbours import neighbour_loss, neighbours
from jcae.nn.networks import linear
from jcae.nn.preactivation import Discriminator, ResidualEncoder, ResidualGenerator, ladder
from jcae.nn.precision import storage_dtype
from jcae.nn.spectral import iterate
from jcae.training.block import Block
from jcae.training.kmeans import kmeans
from jcae.training.optimisers import Optimiser
from jcae.training.phase import Loss, Phase, Turn

BETAS = (0.5, 0.999)
"""Of Adam for the adversaries."""
USED = 0.01
"""A dimension of the code is used if its mean divergence from the prior is above this."""
PREVIEWS = 3
"""Restarts of the k-means that shows what the clusters would be on the way."""


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(m, e^s) || N(0, 1)) of every dimension, (..., p), of m and s (..., p)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance)


def mean_log_sigmoid(logits: Tensor) -> Tensor:
    """Mean logarithm of the probability of a yes, (...), of logits (..., B)."""
    return nn.functional.logsigmoid(logits).mean(-1)


class FAENetwork(nn.Module):
    """S fusion autoencoders: encoder, generator, discriminator, the dense embedding of their codes, centroids in that.

    Attributes
    ----------
    low, span : Tensor, (S,)
        Smallest value of the data, and how much the largest is above it.
    centroids : Parameter, (S, K, p)
        In the embedding.
    """

    def __init__(self, method: "FAE", n_features: int, seeds: Sequence[int]):
        super().__init__()
        image = Image(*method.image_shape) if method.channels else Image(1, 1, n_features)
        steps = ladder(image, method.stem, method.channels or (), method.hidden)
        layers = {"negative_slope": method.negative_slope, "seeds": seeds, "precision": method.precision}
        self.encoder = ResidualEncoder(image, steps, method.code_dim, **layers)
        self.generator = ResidualGenerator(image, steps, method.code_dim, **layers)
        self.discriminator = Discriminator(image, steps, method.feature_block or math.ceil(len(steps) / 2), **layers)
        widths = (method.code_dim, *method.embedding_hidden, method.code_dim)
        self.embedding = nn.ModuleList(
            linear(*pair, seeds=seeds, name=f"embedding.{i}", initialiser="glorot", precision=method.precision)
            for i, pair in enumerate(pairwise(widths))
        )
        zeros = torch.zeros(len(seeds), method.n_clusters, method.code_dim, dtype=storage_dtype(method.precision))
        self.centroids = nn.Parameter(zeros)
        self.register_buffer("low", zeros.new_zeros(len(seeds)))
        self.register_buffer("span", zeros.new_ones(len(seeds)))

    def scaled(self, x: Tensor) -> Tensor:
        """Points (S, B, d) between -1 and 1."""
        return (x - self.low[:, None, None]) / self.span[:, None, None] * 2.0 - 1.0

    def encode(self, x: Tensor) -> Tensor:
        """Mean (S, B, p) of the code of x (S, B, d)."""
        return self.encoder(self.scaled(x))[0]

    def decode(self, z: Tensor) -> Tensor:
        """Points (S, B, d) of codes (S, B, p)."""
        return (self.generator(z) + 1.0) / 2.0 * self.span[:, None, None] + self.low[:, None, None]

    def embed(self, z: Tensor) -> Tensor:
        """Embedding (S, B, p) of codes (S, B, p)."""
        for layer in self.embedding[:-1]:
            z = layer(z, 0.0)
        return self.embedding[-1](z).to(self.centroids.dtype)


class FAE(EmbeddingMixin, DeepClusterer):
    """Fusion autoencoder: a variational autoencoder whose decoder also deceives a discriminator; then k-means.

    Three stages: autoencoder and discriminator in turn; a dense network that maps the codes so that near ones come
    nearer; k-means (20 restarts) on what it puts out.

    Parameters
    ----------
    hidden : sequence of int
        Widths of residual blocks of features after those of images.
    channels : sequence of int or None
        Channels of residual blocks, each of which halves the image, rounded up; the generator mirrors them. None: the
        points are no images, and all blocks are those of `hidden`.
    stem : int
        Channels, or features, of the convolution before the first block.
    negative_slope : float
        Of the leaky ReLU in encoder, generator and discriminator; 0 gives a ReLU.
    feature_block : int or None
        Number, from 1, of the discriminator's block whose results are compared; None takes the one in the middle.
    feature_weight : float
        Of the squared distance of a point and its reconstruction in these features, which is brought to the size of
        the squared error.
    adversarial_weight : float
        Of deceiving the discriminator, which reaches the generator alone. With both weights 0 it is a variational
        autoencoder.
    divergence_weight : float
        Of the code's divergence from a standard normal distribution.
    warmup_epochs : int
        Epochs in which that weight grows from 0.
    embedding_hidden : sequence of int
        Widths of the hidden layers between code and embedding.
    code_alpha, embedding_alpha : float
        Degrees of freedom of the neighbours (`jcae.nn.neighbours`) among the codes and in the embedding.
    embedding_epochs, embedding_batch_size, embedding_learning_rate : int, int, float
        Of the second stage. A batch is its own neighbourhood: below a hundred points neighbours mean little.

    Attributes
    ----------
    labels_ : ndarray of int32, (n_samples,)
        k-means on the embedding.
    embedding_ : ndarray, (n_samples, code_dim)
        Of the codes.
    cluster_centers_ : ndarray, (n_clusters, code_dim)
        Mean code of each cluster; of all points for a cluster without any.
    refit_labels_, refit_centers_
        k-means on the code, without the second stage.
    loss_ : float
        That of the second stage.
    """

    info: ClassVar[Info] = Info(
        label="FAE (reconstructed)",
        summary="Reconstructed, as no code was published and the formulas were not seen: a residual autoencoder, "
        "variational and adversarial, a dense network that sharpens its code, and k-means.",
        reference="arXiv:2201.04727",
        deviations=(
            "Everything but the idea is a reconstruction: the abstract names the parts (variational autoencoder and "
            "adversarial network fused, residual blocks, a separate dense network, k-means), its formulas, networks, "
            "weights, schedule, data sets and numbers were not seen.",
            "The fusion is that of VAE/GAN (Larsen et al., 2016), quoted from memory: the features of the "
            "discriminator are an error beside the squared one and not in its place.",
            "Encoder and generator are stepped together, in one turn after the discriminator's; the adversarial loss "
            "is computed on a code that is held constant.",
            "The dense network is trained by the loss of DCRN (Dahal, 2018) on fixed codes; there it also moves the "
            "encoder, its first layers start as identities, and the epoch is chosen by labels.",
            "Sizes, spectral normalisation of the discriminator, and the block whose features count are ours.",
            "Images keep their size; halves are rounded up.",
        ),
        presets={
            "vae": {"feature_weight": 0.0, "adversarial_weight": 0.0},
            "large": {
                "stem": 64,
                "channels": (128, 256, 256),
                "embedding_hidden": (2000, 500, 500, 500),
                "learning_rate": 2e-4,
                "epochs": 150,
            },
        },
    )

    hidden: Sequence[int] = ()
    channels: Sequence[int] | None = (16, 32)
    stem: int = 8
    negative_slope: float = 0.0
    feature_block: int | None = None
    feature_weight: float = 1.0
    adversarial_weight: float = 1.0
    divergence_weight: float = 1.0
    warmup_epochs: int = 10
    learning_rate: float = 1e-3
    epochs: int = 100
    batch_size: int = 128
    embedding_hidden: Sequence[int] = (500, 250)
    code_alpha: float = 20.0
    embedding_alpha: float = 1.0
    embedding_epochs: int = 50
    embedding_batch_size: int = 200
    embedding_learning_rate: float = 1e-3

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        check_integers(self, "embedding_hidden", "layer widths")
        for name in ("stem", "embedding_epochs", "embedding_batch_size"):
            check_number(self, name, minimum=1, integer=True)
        check_number(self, "warmup_epochs", minimum=0, integer=True)
        for name in ("feature_weight", "adversarial_weight", "divergence_weight"):
            check_number(self, name, minimum=0)
        for name in ("code_alpha", "embedding_alpha", "embedding_learning_rate"):
            check_number(self, name, minimum=0, exclusive=True)
        n_blocks = len(self.channels or ()) + len(self.hidden)
        if n_blocks == 0:
            raise ValueError("FAE: channels=None and hidden=() leave no residual block; at least one is needed")
        if self.feature_block is not None:
            check_number(self, "feature_block", minimum=1, integer=True)
            if self.feature_block > n_blocks:
                raise ValueError(f"FAE: feature_block={self.feature_block} is not there; allowed are 1 to {n_blocks}")
        if 1 in (self.batch_size, n_samples % self.batch_size):
            raise ValueError(
                f"FAE: batch_size={self.batch_size} gives one of {n_samples} points a batch of its own, on which batch "
                "normalisation cannot be trained; take another one"
            )

    def build_network(self, n_features: int, seeds: Sequence[int]) -> FAENetwork:
        """See `DeepEstimator`."""
        return FAENetwork(self, n_features, seeds)

    def rows_of_step(self, n_samples: int) -> int:
        """See `DeepEstimator`: three images are generated for a point, and judged beside it."""
        return self.batch_size * (4 if self.fused else 1)

    def training_phases(self, block: Block) -> list[Phase]:
        """See `DeepEstimator`."""
        return [self.fusion(block), *self.sharpening(block)]

    def fusion(self, block: Block) -> Phase:
        """The first stage: the discriminator's turn, then that of encoder and generator."""
        network: FAENetwork = block.network
        judge = network.discriminator
        epoch_steps = block.epoch_steps(self.batch_size)
        warm_steps = self.warmup_epochs * epoch_steps

        def scale() -> None:
            low, high = block.x.amin(), block.x.amax()
            network.low.copy_(low)
            network.span.copy_(torch.where(high > low, high - low, 1.0))

        def drawn(mean: Tensor, log_variance: Tensor) -> Tensor:
            return mean + (0.5 * log_variance).exp() * block.normal("code", *mean.shape[1:])

        def fakes(z: Tensor) -> list[Tensor]:
            codes = (z.detach(), block.normal("prior", *z.shape[1:]))
            return [network.generator(code, training=True) for code in codes]

        def discriminate(x: Tensor, rows: Tensor) -> Loss:
            x = network.scaled(x)
            z = drawn(*network.encoder(x, training=True))
            told = sum(mean_log_sigmoid(-judge(fake)) for fake in fakes(z))
            return Loss({"real": -mean_log_sigmoid(judge(x)), "fake": -0.5 * told})

        def fuse(x: Tensor, rows: Tensor) -> Loss:
            x, n_points = network.scaled(x), x.shape[-2]
            mean, log_variance = network.encoder(x, training=True)
            z = drawn(mean, log_variance)
            again = network.generator(z, training=True)
            error = squared_error(x, again) / n_points
            spread = divergence(mean, log_variance).sum((-2, -1)) / n_points
            warm = ((block.clock + 1).to(x.dtype) / warm_steps).clamp(max=1.0) if warm_steps else 1.0
            terms = {"reconstruction": error, "divergence": self.divergence_weight * warm * spread}
            if self.feature_weight:
                with torch.no_grad():
                    real = judge.features(x)
                features = squared_error(real, judge.features(again)) / n_points
                ratio = (error / features.clamp_min(torch.finfo(x.dtype).tiny)).detach()
                terms["features"] = self.feature_weight * ratio * features
            if self.adversarial_weight:
                deceived = sum(mean_log_sigmoid(judge(fake)) for fake in fakes(z))
                terms["adversary"] = -0.5 * self.adversarial_weight * deceived
            return Loss(terms)

        def monitor(x: Tensor) -> dict[str, Tensor]:
            used = divergence(*network.encoder(network.scaled(x))).mean(-2) > USED
            return {"used_dimensions": used.sum(-1)}

        adam = Optimiser("adam", self.learning_rate, betas=BETAS)
        turns = [Turn(fuse, adam, lambda name: name.startswith(("encoder.", "generator.")))]
        if self.fused:
            turns.insert(0, Turn(discriminate, adam, lambda name: name.startswith("discriminator.")))
        first, *rest = turns
        return Phase(
            "fusion",
            first.loss,
            steps=self.epochs * epoch_steps,
            batch_size=self.batch_size,
            optimiser=first.optimiser,
            trainable=first.trainable,
            before=scale,
            after=(lambda x, rows: iterate(judge, block.active)) if self.fused else None,
            monitor=monitor,
            then=rest,
        )

    def sharpening(self, block: Block) -> list[Phase]:
        """The second stage, on codes that stay, and k-means on what comes of it."""
        network: FAENetwork = block.network

        def keep_codes() -> None:
            block.keep("codes", block.map(network.encode))

        def loss(x: Tensor, rows: Tensor) -> Loss:
            z = block.state["codes"].gather(1, rows.unsqueeze(-1).expand(-1, -1, self.code_dim))
            target, found = neighbours(z, self.code_alpha), neighbours(network.embed(z), self.embedding_alpha)
            return Loss({"neighbours": neighbour_loss(target, found) / x.shape[-2]})

        def cluster() -> None:
            sound = [s for s in range(len(block.seeds)) if s not in block.problems]
            embedding = block.map(lambda x: network.embed(network.encode(x)))[sound]
            network.centroids[sound] = kmeans(embedding, self.n_clusters, [block.seeds[s] for s in sound]).centers

        size = self.embedding_batch_size
        adam = Optimiser("adam", self.embedding_learning_rate)
        steps = self.embedding_epochs * block.epoch_steps(size)
        return [
            Phase("embedding", loss, steps, size, adam, lambda name: name.startswith("embedding."), before=keep_codes),
            Phase("clusters", loss, 0, size, before=cluster),
        ]

    @property
    def fused(self) -> bool:
        """Whether there is a discriminator to train."""
        return self.feature_weight > 0 or self.adversarial_weight > 0

    def soft_assignment(self, network: nn.Module, x: Tensor) -> Tensor:
        """One-hot assignment to the nearest centroid in the embedding, (S, m, K)."""
        own = nearest(network.embed(network.encode(x)), network.centroids)
        return nn.functional.one_hot(own, self.n_clusters).to(x.dtype)

    def clusters(self, block: Block, rows: Tensor | None = None) -> Tensor:
        """See `TransductiveClusterer`; of some rows, on the way, what k-means on their codes or embeddings would be."""
        if rows is None:
            return super().clusters(block)
        z = block.network.encode(block.x[rows.to(block.x.device)].to(block.device).expand(len(block.seeds), -1, -1))
        if "codes" in block.state:
            z = block.network.embed(z)
        return kmeans(z.nan_to_num(), self.n_clusters, block.seeds, purpose="preview", n_init=PREVIEWS).labels

    def set_results(self, block: Block, fits: "Sequence[FAE]") -> None:
        """Labels and embedding, the mean code of each cluster, and what `complete` adds."""
        codes = block.map(block.network.encode).cpu().numpy()
        embedding = block.map(lambda x: block.network.embed(block.network.encode(x))).cpu().numpy()
        labels = self.clusters(block).cpu().numpy().astype(np.int32)
        for s, fit in enumerate(fits):
            fit.labels_, fit.embedding_ = labels[s], embedding[s]
            members = [codes[s, labels[s] == k] for k in range(self.n_clusters)]
            fit.cluster_centers_ = np.stack([(m if len(m) else codes[s]).mean(0) for m in members])
        self.complete(block, fits)

    @staticmethod
    def encode(network: nn.Module, x: Tensor) -> Tensor:
        """Mean code (S, m, p) of x (S, m, d)."""
        return network.encode(x)

    @staticmethod
    def decode(network: nn.Module, z: Tensor) -> Tensor:
        """Decoded points (S, m, d) of z (S, m, p)."""
        return network.decode(z)
