"""Methods that start from a pretrained autoencoder: the recipe of their own, k-means on the code, their base class."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from torch import Tensor, nn

from jcae.models.autoencoder import Autoencoder, autoencoder_network
from jcae.models.clusterer import DeepClusterer
from jcae.models.embedding import EmbeddingMixin
from jcae.nn.distances import nearest
from jcae.nn.networks import CentroidNetwork
from jcae.training.block import Block
from jcae.training.kmeans import kmeans


def own_recipe(owner: Any, default: Autoencoder | None = None) -> Autoencoder:
    """The autoencoder a method trains for itself when none is handed to it.

    Its parameter ``autoencoder`` is the recipe, or else `default`; the architecture, device and precision are always
    the method's own.
    """
    recipe = owner.autoencoder if owner.autoencoder is not None else default or Autoencoder()
    if not isinstance(recipe, Autoencoder):
        raise ValueError(f"{type(owner).__name__}: autoencoder={recipe!r} must be a jcae.Autoencoder or None")
    shared = [field.name for field in fields(EmbeddingMixin)] + ["device", "precision"]
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
        Recipe of the pretraining when no pretrained weights are given; the architecture is this method's own.
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


class PretrainedClusterer(PretrainedMixin, DeepClusterer):
    """A method that starts from an autoencoder and labels points by the nearest of K centroids in its code space.

    A subclass implements `training_phases`; one whose network or labels are others overrides what builds them here.
    """

    def soft_assignment(self, network: nn.Module, x: Tensor) -> Tensor:
        """One-hot assignment to the nearest centroid, (S, m, K)."""
        own = nearest(network.autoencoder.encode(x), network.centroids)
        return nn.functional.one_hot(own, self.n_clusters).to(x.dtype)
