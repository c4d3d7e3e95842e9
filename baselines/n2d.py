"""N2D: (not too) deep clustering. McConville, Santos-Rodriguez, Piechocki and Craddock, ICPR 2020, arXiv 1908.05968."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import ClusterMixin
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn

from jcae.models.autoencoder import Autoencoder, autoencoder_network, own_recipe, squared_error
from jcae.models.estimator import DeepEstimator, EmbeddingMixin, check_clusters, check_network_parameters, check_number
from jcae.models.info import Info
from jcae.randomness.seeds import sklearn_seed
from jcae.training.block import CHUNK, Block
from jcae.training.kmeans import kmeans
from jcae.training.loop import Loss, Phase


def umap_class() -> type:
    """UMAP, which takes seconds to import and is needed for this method alone.

    Raises
    ------
    ImportError
        It is not installed.
    """
    try:
        from umap import UMAP
    except ImportError as error:
        raise ImportError("N2D needs UMAP: pip install umap-learn") from error
    return UMAP


class N2D(EmbeddingMixin, ClusterMixin, DeepEstimator):
    """Pretrained autoencoder, UMAP of its code, and a Gaussian mixture on that: three stages, no joint training.

    It labels the points it is fitted on and has no ``predict``: the paper does not say how to label others.

    Parameters
    ----------
    n_clusters : int
        K.
    hidden, code_dim, channels, image_shape, negative_slope
        Of the autoencoder, see `jcae.Autoencoder`; the paper has ReLU and code_dim = n_clusters.
    manifold_dim : int or None
        Dimension that UMAP reduces the code to; None takes n_clusters, as the paper.
    n_neighbors : int
        Neighbours of a point in UMAP's graph.
    min_dist : float
        Smallest distance that UMAP aims at.
    autoencoder : Autoencoder or None
        Recipe of the pretraining when no pretrained weights are given, None for 1000 epochs; the architecture is this
        method's own.
    device, precision, random_state
        See `jcae.ClusteringModule`.

    Attributes
    ----------
    labels_ : ndarray of int32, (n_samples,)
        Most probable component of the mixture.
    embedding_ : ndarray, (n_samples, manifold_dim)
        UMAP of the code.
    cluster_centers_ : ndarray, (n_clusters, code_dim)
        Mean code of each cluster; of all points for a cluster without any.
    refit_labels_ : ndarray of int32, (n_samples,)
        k-means on the code (20 restarts).
    loss_ : float
        The reconstruction error: UMAP's objective and the likelihood are in units of their own in every run.
    """

    info: ClassVar[Info] = Info(
        label="N2D",
        summary="UMAP of an autoencoder's code, clustered by a Gaussian mixture.",
        reference="arXiv:1908.05968",
        deviations=(
            "In a benchmark the autoencoder is the one all pretrained methods of the run share, with its number of "
            "epochs; the paper trains its own for 1000.",
            "Autoencoder, UMAP and mixture have a seed of their own in every run; the published numbers come from one "
            "autoencoder, and UMAP and mixture with the seed 0.",
            "UMAP is the installed version of umap-learn; the published numbers are of 0.4.6.",
        ),
    )

    def __init__(
        self,
        n_clusters: int = 10,
        *,
        hidden: Sequence[int] = (500, 500, 2000),
        code_dim: int = 10,
        channels: Sequence[int] | None = None,
        image_shape: Sequence[int] | None = None,
        negative_slope: float = 0.0,
        manifold_dim: int | None = None,
        n_neighbors: int = 20,
        min_dist: float = 0.0,
        autoencoder: Autoencoder | None = None,
        device: str = "auto",
        precision: str = "float32",
        random_state: Any = None,
    ):
        self.n_clusters = n_clusters
        self.hidden = hidden
        self.code_dim = code_dim
        self.channels = channels
        self.image_shape = image_shape
        self.negative_slope = negative_slope
        self.manifold_dim = manifold_dim
        self.n_neighbors = n_neighbors
        self.min_dist = min_dist
        self.autoencoder = autoencoder
        self.device = device
        self.precision = precision
        self.random_state = random_state

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        check_clusters(self, n_samples)
        check_network_parameters(self, n_features)
        if self.manifold_dim is not None:
            check_number(self, "manifold_dim", minimum=1, integer=True)
        check_number(self, "n_neighbors", minimum=2, integer=True)
        check_number(self, "min_dist", minimum=0)

    def fit_seeds(self, X: Any, seeds: Sequence[int], **settings: Any) -> "list[N2D]":
        """See `DeepEstimator`; a missing UMAP is named before anything is trained."""
        umap_class()
        return super().fit_seeds(X, seeds, **settings)

    def pretraining(self) -> Autoencoder:
        """See `DeepEstimator`."""
        recipe = own_recipe(self)
        return recipe if self.autoencoder is not None else recipe.set_params(epochs=1000)

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

    def set_results(self, block: Block, fits: "Sequence[N2D]") -> None:
        """UMAP and mixture, seed by seed."""
        codes = block.map(block.network.autoencoder.encode).cpu().numpy()
        for seed, code, fit in zip(block.seeds, codes, fits, strict=True):
            if fit.status_ != "ok":
                fit.labels_ = np.zeros(len(code), dtype=np.int32)
                continue
            reduction = umap_class()(
                n_components=self.manifold_dim or self.n_clusters,
                n_neighbors=self.n_neighbors,
                min_dist=self.min_dist,
                random_state=sklearn_seed(seed, "umap"),
                n_jobs=1,  # what a seed makes of it in any case
            )
            fit.embedding_ = reduction.fit_transform(code)
            mixture = GaussianMixture(self.n_clusters, random_state=sklearn_seed(seed, "mixture"))
            fit.labels_ = mixture.fit_predict(fit.embedding_.astype(np.float64)).astype(np.int32)
            members = [code[fit.labels_ == k] for k in range(self.n_clusters)]
            fit.cluster_centers_ = np.stack([(m if len(m) else code).mean(0) for m in members])
            refit = kmeans(torch.from_numpy(code), self.n_clusters, [seed], purpose="refit")
            fit.refit_labels_ = refit.labels[0].numpy().astype(np.int32)
            if self.n_clusters > 1 and len(np.unique(fit.labels_)) == 1:
                fit.status_ = "collapsed"
                fit.reason_ = f"all {len(code)} points are in one of {self.n_clusters} clusters"
