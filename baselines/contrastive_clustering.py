"""Contrastive clustering: Li, Hu, Liu, Peng, Zhou and Peng, AAAI 2021, arXiv 2009.09687."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import TransformerMixin
from torch import Tensor, nn

from jcae.augmentation.augmentation import DRAWS, Augmentation
from jcae.augmentation.recipe import Recipe, check_image, read_recipe
from jcae.models.clusterer import DeepClusterer
from jcae.models.fields import Parameterised
from jcae.models.info import Info
from jcae.models.parameters import check_image_shape, check_integers, check_number, check_pixels
from jcae.nn.convolution import Image
from jcae.nn.networks import linear
from jcae.nn.products import matmul
from jcae.nn.residual import ResNet, halved_images
from jcae.training.block import Block
from jcae.training.memory import Demand
from jcae.training.optimisers import Optimiser
from jcae.training.phase import Loss, Phase

LAYERS = ("backbone", "instance", "cluster")
"""Whose features can be looked at: the residual network, the code that the instance loss compares (as it comes, not of
length 1), and the hidden layer of the cluster head."""
_KEPT_PAIRS = 4
"""Numbers of a pair of rows that the instance loss has at a time: cosine, logit, logarithm, gradient."""
_RESNET_34 = {"widths": (64, 128, 256, 512), "depths": (3, 4, 6, 3)}


def contrast(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """How well each vector finds its partner among all others, by inner products: mean cross-entropy.

    Parameters
    ----------
    a, b : Tensor, (S, m, d)
        Row i of one is the partner of row i of the other.
    temperature : float
        The products are divided by it.

    Returns
    -------
    Tensor, (S,)
    """
    both = torch.cat([a, b], dim=-2)
    n = both.shape[-2]
    itself = torch.eye(n, dtype=torch.bool, device=both.device)
    logits = (matmul(both, both.mT) / temperature).masked_fill(itself, -math.inf)
    partner = torch.arange(n, device=both.device).roll(n // 2)
    own = torch.log_softmax(logits, dim=-1).gather(-1, partner.expand(len(both), -1).unsqueeze(-1))
    return -own.squeeze(-1).mean(-1)


def cluster_contrast(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """`contrast` of clusters: a cluster is its column, scaled to length 1, of soft assignments a and b (S, B, K)."""
    return contrast(nn.functional.normalize(a.mT, dim=-1), nn.functional.normalize(b.mT, dim=-1), temperature)


def imbalance(assignment: Tensor) -> Tensor:
    """log K less the entropy of the clusters' shares, (S,): 0 where K clusters are of one size; of (S, B, K)."""
    sums = assignment.sum(-2)
    shares = sums / sums.sum(-1, keepdim=True)
    return math.log(shares.shape[-1]) + (shares * shares.clamp_min(1e-8).log()).sum(-1)


class ContrastiveNetwork(nn.Module):
    """S residual networks with two heads: one for points, one for clusters.

    Parameters
    ----------
    backbone : nn.Module
        ``backbone(x, training=...)`` gives features (S, B, `width`).
    width, feature_dim, n_clusters : int
        Of the features and the heads' hidden layers, of what the instance head puts out, and K.
    seeds, precision
        As in `jcae.nn.networks.linear`.
    """

    def __init__(
        self,
        backbone: nn.Module,
        width: int,
        feature_dim: int,
        n_clusters: int,
        *,
        seeds: Sequence[int],
        precision: str,
    ):
        super().__init__()
        self.backbone = backbone
        settings = {"initialiser": "torch", "seeds": seeds, "precision": precision}
        for head, n_out in (("instance", feature_dim), ("cluster", n_clusters)):
            sizes = enumerate([(width, width), (width, n_out)])
            layers = nn.ModuleList(linear(*size, name=f"{head}.{i}", **settings) for i, size in sizes)
            setattr(self, head, layers)

    def layers(self, x: Tensor, *, training: bool = False) -> dict[str, Tensor]:
        """The features of all `LAYERS`, and the cluster head's ``logits`` (S, B, K), of images (S, B, d)."""
        h = self.backbone(x, training=training)
        hidden = self.cluster[0](h, 0.0)
        found = {
            "backbone": h,
            "instance": self.instance[1](self.instance[0](h, 0.0)),
            "cluster": hidden,
            "logits": self.cluster[1](hidden),
        }
        return {name: features.to(h.dtype) for name, features in found.items()}


class ContrastiveMixin(Parameterised, TransformerMixin):
    """A network that is trained to know an image, and its cluster, in two changed forms of it.

    Parameters
    ----------
    image_shape : sequence of int
        (height, width) or (height, width, channels) of a row of X, which is needed: the pixels lie row by row, the
        channels of a pixel side by side.
    augment : str, dict or None
        How both forms are changed: a recipe of `jcae.augmentation.recipe`, by its name or its settings. None: for three
        channels ``contrastive``, else ``contrastive_grey``. Labels see the images as they are.
    widths : sequence of int
        Channels of the stages of the residual network; each stage but the first halves height and width.
    depths : sequence of int
        Blocks of the stages.
    pooled_stem : bool
        The first layers, 7 x 7 and then the largest of 3 x 3 values, halve the image twice; else 3 x 3 keep its size.
    feature_dim : int
        Numbers of a point that the instance loss compares.
    instance_temperature, cluster_temperature : float
        What cosines are divided by in the two losses.
    """

    image_shape: Sequence[int] | None = None
    augment: str | Mapping[str, Any] | None = None
    widths: Sequence[int] = (16, 32, 64)
    depths: Sequence[int] = (1, 1, 1)
    pooled_stem: bool = False
    feature_dim: int = 128
    instance_temperature: float = 0.5
    cluster_temperature: float = 1.0
    learning_rate: float = 3e-4
    epochs: int = 200
    batch_size: int = 256

    needs_images: ClassVar[bool] = True

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        name = type(self).__name__
        if self.image_shape is None:
            raise ValueError(
                f"{name}: image_shape=None is not allowed, as there is nothing to crop in rows that are no images; it "
                f"must be (height, width) or (height, width, channels) of the {n_features} features"
            )
        check_image_shape(self, n_features)
        for what in ("widths", "depths"):
            check_integers(self, what, "one number per stage")
        if not len(self.widths) == len(self.depths) > 0:
            raise ValueError(
                f"{name}: widths={self.widths!r} and depths={self.depths!r} must have one number per stage"
            )
        for large in halved_images(self.image_shape, len(self.widths), pooled_stem=self.pooled_stem):
            if min(large.height, large.width) < 2:
                raise ValueError(
                    f"{name}: image_shape={self.image_shape!r} is too small for widths={self.widths!r} and "
                    f"pooled_stem={self.pooled_stem!r}: {large.height} x {large.width} pixels would be halved; it "
                    "needs 2 x 2"
                )
        check_number(self, "feature_dim", minimum=1, integer=True)
        for what in ("instance_temperature", "cluster_temperature"):
            check_number(self, what, minimum=0, exclusive=True)
        check_number(self, "batch_size", minimum=2, integer=True)
        if n_samples % self.batch_size == 1:
            raise ValueError(
                f"{name}: batch_size={self.batch_size} leaves a single row of {n_samples} over, and a batch under "
                f"batch normalisation needs 2; batch_size={_fitting(n_samples, self.batch_size)} is allowed"
            )
        self._check_views()

    def _check_views(self) -> None:
        name, recipe = type(self).__name__, self.recipe()
        if recipe is None:
            raise ValueError(f"{name}: augment={self.augment!r} changes nothing; two forms of an image must differ")
        if recipe.copies:
            raise ValueError(
                f"{name}: augment={self.augment!r} asks for copies={recipe.copies}; allowed is 0, as both forms are "
                "new in every update"
            )
        try:
            check_image(recipe, Image(*self.image_shape))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None

    def recipe(self) -> Recipe | None:
        """How images are changed."""
        colour = Image(*self.image_shape).channels == 3
        default = "contrastive" if colour else "contrastive_grey"
        return read_recipe(default if self.augment is None else self.augment)

    def augmentation(self, X: np.ndarray) -> None:
        """See `DeepEstimator`: none that the loop makes, since the loss makes two; pixels must suit them."""
        check_pixels(self, self.recipe(), X)

    def build_network(self, n_features: int, seeds: Sequence[int]) -> ContrastiveNetwork:
        """See `DeepEstimator`."""
        settings = {"seeds": seeds, "precision": self.precision}
        backbone = ResNet(
            self.image_shape,
            self.widths,
            self.depths,
            stem_kernel=7 if self.pooled_stem else 3,
            pooled_stem=self.pooled_stem,
            name="backbone",
            **settings,
        )
        return ContrastiveNetwork(backbone, self.widths[-1], self.feature_dim, self.n_clusters, **settings)

    def rows_of_step(self, n_samples: int) -> int:
        """See `DeepEstimator`: two forms of each image."""
        return 2 * min(self.batch_size, n_samples)

    def demand(self, network: ContrastiveNetwork, n_samples: int, n_features: int) -> Demand:
        """See `DeepEstimator`; beside the layers there are the cosines of all pairs of a batch, and features."""
        need = super().demand(network, n_samples, n_features)
        more = _KEPT_PAIRS * self.rows_of_step(n_samples) ** 2 + n_samples * self.widths[-1]
        return need._replace(per_seed=need.per_seed + self._array_dtype().itemsize * more)

    def training_phases(self, block: Block) -> list[Phase]:
        """See `DeepEstimator`."""
        network: ContrastiveNetwork = block.network
        change = Augmentation(self.recipe(), self.image_shape)

        def form(x: Tensor, name: str) -> tuple[Tensor, Tensor]:
            numbers = block.uniform(name, x.shape[1], len(DRAWS))
            found = network.layers(change(x, numbers), training=True)
            return nn.functional.normalize(found["instance"], dim=-1), torch.softmax(found["logits"], dim=-1)

        def loss(x: Tensor, rows: Tensor) -> Loss:
            (z_a, c_a), (z_b, c_b) = form(x, "first form"), form(x, "second form")
            return Loss(
                {
                    "instance": contrast(z_a, z_b, self.instance_temperature),
                    "cluster": cluster_contrast(c_a, c_b, self.cluster_temperature),
                    "balance": imbalance(c_a) + imbalance(c_b),
                }
            )

        steps = self.epochs * block.epoch_steps(self.batch_size)
        return [Phase("contrastive", loss, steps, self.batch_size, Optimiser("adam", self.learning_rate))]

    def soft_assignment(self, network: ContrastiveNetwork, x: Tensor) -> Tensor:
        """The softmax of the cluster head, (S, m, K), of x (S, m, d)."""
        return torch.softmax(network.layers(x)["logits"], dim=-1)

    @staticmethod
    def encode(network: ContrastiveNetwork, x: Tensor) -> Tensor:
        """Features (S, m, widths[-1]) of the residual network, for x (S, m, d)."""
        return network.backbone(x)

    def transform(self, X: Any) -> np.ndarray:
        """Features (n_samples, widths[-1]) of the residual network, for X (n_samples, n_features)."""
        return self._apply(self.encode, X)

    def set_results(self, block: Block, fits: Sequence[Any]) -> None:
        """See `TransductiveClusterer`."""
        for labels, fit in zip(self.clusters(block).cpu().numpy(), fits, strict=True):
            fit.labels_ = labels.astype(np.int32)
        self.set_centroids(block, fits)
        self.complete(block, fits)

    def set_centroids(self, block: Block, fits: Sequence[Any]) -> None:
        """The mean features of each seed's clusters; of all points for a cluster without any."""
        features = block.map(lambda x: self.encode(block.network, x)).cpu().numpy()
        for one, fit in zip(features, fits, strict=True):
            members = [one[fit.labels_ == k] for k in range(self.n_clusters)]
            fit.cluster_centers_ = np.stack([(m if len(m) else one).mean(0) for m in members])


class ContrastiveClustering(ContrastiveMixin, DeepClusterer):
    """Contrastive clustering: one head of a residual network tells images apart, another one puts them into clusters.

    Attributes
    ----------
    labels_ : ndarray of int32, (n_samples,)
        The cluster head's.
    cluster_centers_ : ndarray, (n_clusters, widths[-1])
        Mean features of each cluster; of all points for a cluster without any.
    """

    info: ClassVar[Info] = Info(
        label="contrastive clustering",
        summary="A residual network whose heads must agree on two changed forms of an image, about the image and about "
        "its cluster.",
        reference="arXiv:2009.09687",
        deviations=(
            "Images keep their size, where the publication brings all to 224 x 224 pixels, and the default network is "
            "a small one, trained for 200 epochs; the preset resnet34 is the published network, with its 1000 epochs, "
            "and resnet34_small the same with a first layer of 3 x 3 that does not shrink the image.",
            "Grey images are not turned into colour ones: changes of colour are left out for them, they are not "
            "flipped, and no crop is below half of the area.",
            "Images are changed by one map and read once: crops are not rounded to pixels, and the steps of the jitter "
            "come in one order; the blur that the publication has for large images is left to augment.",
            "The last, smaller batch of an epoch is kept.",
        ),
        presets={
            "resnet34": {**_RESNET_34, "pooled_stem": True, "epochs": 1000},
            "resnet34_small": {**_RESNET_34, "epochs": 1000},
        },
    )


def _fitting(n_samples: int, batch_size: int) -> int:
    """The largest batch up to `batch_size` that leaves no single row over, or all rows."""
    sizes = (size for size in range(batch_size, 1, -1) if n_samples % size != 1)
    return next(sizes, n_samples)
