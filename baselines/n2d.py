"""N2D: (not too) deep clustering. McConville, Santos-Rodriguez, Piechocki and Craddock, ICPR 2020, arXiv 1908.05968."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn import metrics
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture
from sklearn.utils.validation import check_is_fitted

from jcae.extras import extra
from jcae.models.autoencoder import Autoencoder
from jcae.models.info import Info
from jcae.models.parameters import check_number
from jcae.models.pretrained import FixedCodeMixin, PretrainedClusterer
from jcae.randomness.seeds import sklearn_seed
from jcae.training.block import Block
from jcae.training.isolation import unchanged_process


@unchanged_process()
def umap_class() -> type:
    """UMAP, which takes seconds to import and is needed for this method alone; compiled once per machine.

    Raises
    ------
    MissingExtraError
        It is not installed.
    """
    with extra("n2d", "N2D"):
        from numba.core.dispatcher import Dispatcher
        from umap import UMAP, layouts, umap_, utils
    umap_.pairwise_distances = pairwise_distances
    # Compiling takes longer than fitting. Numba keeps what a function says that it may keep, and these do not say it.
    for module in (layouts, umap_, utils):
        for function in vars(module).values():
            if isinstance(function, Dispatcher):
                function.enable_caching()
    return UMAP


def pairwise_distances(X: np.ndarray, Y: np.ndarray | None = None, *, metric: Any, **options: Any) -> np.ndarray:
    """scikit-learn's, and the same numbers sooner where UMAP's own Euclidean metric is asked for.

    UMAP asks for the distances of all pairs where there are fewer than 4,096 points. scikit-learn calls a metric that
    is a function from Python, pair by pair, which was half of a fit of 2,000 points.

    Parameters
    ----------
    X, Y : ndarray of float32, (n, p) and (m, p)
        Y is X where it is not given.
    metric : str or callable
        As scikit-learn's, like all other options.

    Returns
    -------
    ndarray of float32, (n, m)
    """
    from umap.distances import euclidean

    if metric is not euclidean or options:
        return metrics.pairwise_distances(X, Y, metric=metric, **options)
    others = X if Y is None else Y
    found = np.empty((len(X), len(others)), np.float32)
    for row, point in zip(found, X, strict=True):  # as UMAP's: float32 differences and squares, added up in float64
        row[:] = np.sqrt(np.sum(np.square(others - point), axis=1, dtype=np.float64))
    return found


class N2D(FixedCodeMixin, PretrainedClusterer):
    """Pretrained autoencoder, UMAP of its code, and a Gaussian mixture on that: three stages, no joint training.

    The paper has ReLU and code_dim = n_clusters.

    The paper labels the points it is fitted on, which keep these labels in `labels_`. `predict` is ours: UMAP's
    ``transform`` of the code, then the mixture. It places points anew, a little differently with others beside them, so
    that `predict` of some fitted points may differ from their `labels_`. UMAP is not part of `weights_`: it takes
    the fitted estimator itself to predict.

    Parameters
    ----------
    manifold_dim : int or None
        Dimension that UMAP reduces the code to; None takes n_clusters, as the paper.
    n_neighbors : int
        Neighbours of a point in UMAP's graph.
    min_dist : float
        Smallest distance that UMAP aims at.
    autoencoder : Autoencoder or None
        Recipe of the pretraining when no pretrained weights are given, None for 1000 epochs; the architecture is this
        method's own.

    Attributes
    ----------
    labels_ : ndarray of int32, (n_samples,)
        Most probable component of the mixture.
    embedding_ : ndarray, (n_samples, manifold_dim)
        UMAP of the code.
    reduction_ : umap.UMAP
    mixture_ : sklearn.mixture.GaussianMixture
        Of `embedding_`.
    cluster_centers_ : ndarray, (n_clusters, code_dim)
        Mean code of each cluster; of all points for a cluster without any.
    refit_labels_, refit_centers_
        k-means on the code, see `jcae.models.clusterer`.
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

    negative_slope: float = 0.0
    manifold_dim: int | None = None
    n_neighbors: int = 20
    min_dist: float = 0.0

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
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
        recipe = super().pretraining()
        return recipe if self.autoencoder is not None else recipe.set_params(epochs=1000)

    def set_results(self, block: Block, fits: "Sequence[N2D]") -> None:
        """UMAP and mixture, seed by seed, and what `DeepClusterer.complete` adds."""
        codes = block.map(block.network.autoencoder.encode).cpu().numpy()
        for seed, code, fit in zip(block.seeds, codes, fits, strict=True):
            fit.labels_ = np.zeros(len(code), dtype=np.int32)
            if fit.status_ == "ok":
                fit.fit_stages(code, seed)
            members = [code[fit.labels_ == k] for k in range(self.n_clusters)]
            fit.cluster_centers_ = np.stack([(m if len(m) else code).mean(0) for m in members])
        self.complete(block, fits)

    @unchanged_process()
    def fit_stages(self, code: np.ndarray, seed: int) -> None:
        """UMAP of a code (n, p), the mixture of that, and the labels."""
        self.reduction_ = umap_class()(
            n_components=self.manifold_dim or self.n_clusters,
            n_neighbors=self.n_neighbors,
            min_dist=self.min_dist,
            random_state=sklearn_seed(seed, "umap"),
            n_jobs=1,  # what a seed makes of it in any case
        )
        self.embedding_ = self.reduction_.fit_transform(code)
        self.mixture_ = GaussianMixture(self.n_clusters, random_state=sklearn_seed(seed, "mixture"))
        self.labels_ = self.mixture_.fit_predict(self.embedding_.astype(np.float64)).astype(np.int32)

    @unchanged_process()
    def predict(self, X: Any) -> np.ndarray:
        """Cluster of each row of X (n_samples, n_features) by the mixture at UMAP's ``transform`` of its code: int32.

        Raises
        ------
        NotFittedError
            It has no UMAP: it was not fitted, or has only the weights of a stored run.
        """
        check_is_fitted(self, "network_")
        if not hasattr(self, "mixture_"):
            raise NotFittedError(
                "N2D: the weights of a run hold the autoencoder alone, and labels take UMAP and the mixture; fit it"
            )
        embedded = self.reduction_.transform(self.transform(X))
        return self.mixture_.predict(embedded.astype(np.float64)).astype(np.int32)

    @property
    def predict_proba(self) -> Any:
        """There is none: UMAP places a point a little differently with others beside it, which moves probabilities."""
        raise AttributeError("N2D has no predict_proba")
