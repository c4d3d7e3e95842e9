"""Methods that start from a pretrained autoencoder: the recipe of their own, k-means on the code, their base class."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from torch import Tensor, nn

from jcae.models.autoencoder import Autoencoder, autoencoder_network, squared_error
from jcae.models.clusterer import DeepClusterer
from jcae.models.embedding import EmbeddingMixin
from jcae.nn.distances import nearest
from jcae.nn.networks import CentroidNetwork
from jcae.training.block import CHUNK, Block
from jcae.training.kmeans import kmeans
from jcae.training.phase import Loss, Phase


def own_recipe(owner: Any, default: Autoencoder | None = None) -> Autoencoder:
    """The autoencoder a method trains for itself when none is handed to it.

    Its parameter ``autoencoder`` is the recipe, or else `default`; the architecture, device and precision are always
    the method's own. So is ``augment`` where there is no recipe that says it.
    """
    recipe = owner.autoencoder if owner.autoencoder is not None else default or Autoencoder(augment=owner.augment)
    if not isinstance(recipe, Autoencoder):
        raise ValueError(f"{type(owner).__name__}: autoencoder={recipe!r} must be a jcae.Autoencoder or None")
    shared = [field.name for field in fields(EmbeddingMixin) if field.name != "augment"] + ["device", "precision"]
    return Autoencoder(**{**recipe.get_params(deep=False), **{name: getattr(owner, name) for name in shared}})


def kmeans_on_code(block: Block, n_clusters: int) -> tuple[Tensor, Tensor]:
    """k-means (20 restarts) on the code of a block's autoencoders: where pretrained methods start.

    Parameters
    ----------
    block : Block
        Its network has an ``autoencoder``.
    n_clusters : int
        K.

    Returns
    -------
    labels : Tensor of int64, (S, n)
    centers : Tensor, (S, K, p)
        Both on the block's device.
    """
    found = kmeans(block.map(block.network.autoencoder.encode), n_clusters, block.seeds)
    return found.labels, found.centers


class PretrainedMixin(EmbeddingMixin):
    """What every method has that starts from an autoencoder, and has centroids in its code space.

    Parameters
    ----------
    autoencoder : Autoencoder or None
        Recipe of the pretraining when no pretrained weights are given; the architecture is this method's own. None:
        the usual one, on images changed as `augment` says.
    """

    autoencoder: Autoencoder | None = None

    def pretraining(self) -> Autoencoder | None:
        """See `DeepEstimator`."""
        return own_recipe(self)

    def build_network(self, n_features: int, seeds: Sequence[int]) -> nn.Module:
        """See `DeepEstimator`; the autoencoder is ``autoencoder`` in it, and the centroids start at zero."""
        return CentroidNetwork(autoencoder_network(self, n_features, seeds), self.n_clusters)

    def centroids(self, network: nn.Module) -> Tensor:
        """See `TransductiveClusterer`."""
        return network.centroids.detach()


class FixedCodeMixin(PretrainedMixin):
    """What every method has that clusters the code of an autoencoder as it comes: nothing else of it has a gradient."""

    def build_network(self, n_features: int, seeds: Sequence[int]) -> nn.ModuleDict:
        """See `DeepEstimator`."""
        return nn.ModuleDict({"autoencoder": autoencoder_network(self, n_features, seeds)})

    def training_phases(self, block: Block) -> list[Phase]:
        """One phase without a step: the autoencoder comes trained, and nothing else has a gradient."""
        autoencoder = block.network.autoencoder

        def loss(x: Tensor, rows: Tensor) -> Loss:
            error = squared_error(x, autoencoder.decode(autoencoder.encode(x)))
            return Loss({"reconstruction": error / (x.shape[-2] * x.shape[-1])})

        return [Phase("autoencoder", loss, steps=0, batch_size=CHUNK)]


class PretrainedClusterer(PretrainedMixin, DeepClusterer):
    """A method that starts from an autoencoder and labels points by the nearest of K centroids in its code space.

    A subclass implements `training_phases`; one whose network or labels are others overrides what builds them here.
    """

    def soft_assignment(self, network: nn.Module, x: Tensor) -> Tensor:
        """One-hot assignment to the nearest centroid, (S, m, K)."""
        own = nearest(network.autoencoder.encode(x), network.centroids)
        return nn.functional.one_hot(own, self.n_clusters).to(x.dtype)
