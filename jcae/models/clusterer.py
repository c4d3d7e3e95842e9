"""What every deep method has that assigns points to clusters."""

from collections.abc import Sequence
from dataclasses import field
from typing import Any

import numpy as np
from sklearn.base import ClusterMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from jcae.models.estimator import DeepEstimator
from jcae.models.inputs import checked_data
from jcae.training.block import Block
from jcae.training.kmeans import kmeans


class TransductiveClusterer(ClusterMixin, DeepEstimator):
    """A deep method that assigns the points that it was fitted on to clusters, and no others.

    Beside what `DeepEstimator` asks for, a subclass implements `clusters` and `centroids`.

    Parameters
    ----------
    n_clusters : int
        K.

    Attributes
    ----------
    labels_ : ndarray of int32, (n_samples,)
        The method's own labels: the largest soft assignment.
    cluster_centers_ : ndarray, (n_clusters, p)
        Centroids in the code space (in the data space for a method without an encoder).
    refit_labels_ : ndarray of int32, (n_samples,)
        k-means on the code (20 restarts); only for methods with an encoder. Never mixed with `labels_`.
    refit_centers_ : ndarray, (n_clusters, p)
        Its centroids: the nearest to the code of a new point gives that a refit label.
    snapshots_ : Snapshots
        `labels_` of some points on the way there, some fifty times in each phase; only for methods that train.
    """

    n_clusters: int = field(default=10, kw_only=False)

    def clusters(self, block: Block, rows: Tensor | None = None) -> Tensor:
        """Clusters of all points, or of the rows (m,), at the present parameters: int64, (S, n) or (S, m)."""
        raise NotImplementedError

    def centroids(self, network: nn.Module) -> Tensor:
        """Centroids (S, K, p)."""
        raise NotImplementedError

    def set_results(self, block: Block, fits: "Sequence[TransductiveClusterer]") -> None:
        """Labels and centroids, and what `complete` adds."""
        labels = self.clusters(block).cpu().numpy().astype(np.int32)
        centers = self.centroids(block.network).cpu().numpy()
        for s, fit in enumerate(fits):
            fit.labels_, fit.cluster_centers_ = labels[s], centers[s]
        self.complete(block, fits)

    def complete(self, block: Block, fits: "Sequence[TransductiveClusterer]") -> None:
        """What follows from `labels_` and `cluster_centers_`: k-means on the code beside them, a collapse."""
        if hasattr(self, "encode"):
            self._refit(block, fits)
        for fit in fits:
            asked = len(fit.cluster_centers_)
            if fit.status_ == "ok" and asked > 1 and len(np.unique(fit.labels_)) == 1:
                fit.status_ = "collapsed"
                fit.reason_ = f"all {len(fit.labels_)} points are in one of {asked} clusters"

    def _refit(self, block: Block, fits: "Sequence[TransductiveClusterer]") -> None:
        """k-means on the code of every seed; one that diverged has no code, and keeps its own labels and centroids."""
        sound = [s for s, fit in enumerate(fits) if fit.status_ == "ok"]
        for fit in fits:
            fit.refit_labels_, fit.refit_centers_ = fit.labels_, fit.cluster_centers_
        if sound:
            code = block.map(lambda x: self.encode(block.network, x))[sound]
            found = kmeans(code, self.n_clusters, [block.seeds[s] for s in sound], purpose="refit")
            for s, labels, centers in zip(sound, found.labels.cpu().numpy(), found.centers.cpu().numpy(), strict=True):
                fits[s].refit_labels_, fits[s].refit_centers_ = labels.astype(np.int32), centers


def _shows_centroids(owner: Any) -> bool:
    """Whether the centroids are points of the data's space, or can be decoded."""
    return hasattr(owner, "inverse_transform") or not hasattr(owner, "encode")


class DeepClusterer(TransductiveClusterer):
    """A deep method that assigns points to clusters, new ones too.

    Beside what `DeepEstimator` asks for, a subclass implements `soft_assignment` and `centroids`.
    """

    def soft_assignment(self, network: nn.Module, x: Tensor) -> Tensor:
        """Soft assignment (S, m, K), rows on the simplex, of x (S, m, d)."""
        raise NotImplementedError

    def clusters(self, block: Block, rows: Tensor | None = None) -> Tensor:
        """See `TransductiveClusterer`: the largest soft assignment."""
        if rows is None:
            return block.map(lambda x: self.soft_assignment(block.network, x).argmax(-1))
        x = block.x[rows.to(block.x.device)].to(block.device).expand(len(block.seeds), -1, -1)
        return self.soft_assignment(block.network, x).argmax(-1)

    def predict(self, X: Any) -> np.ndarray:
        """Cluster of each row of X (n_samples, n_features): int32, (n_samples,)."""
        return self.predict_proba(X).argmax(1).astype(np.int32)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Soft assignment (n_samples, n_clusters) of X (n_samples, n_features)."""
        return self._apply(self.soft_assignment, X)

    @available_if(_shows_centroids)
    def score(self, X: Any, y: Any = None) -> float:
        """Minus the mean squared distance of a row of X from the centroid of its cluster, decoded if there is a code.

        It looks at no label (`y` is ignored), is higher where it is better, and is k-means' own score divided by the
        number of rows: fits with other codes or weights of the loss can be compared by it, on the same data.
        """
        check_is_fitted(self, "cluster_centers_")
        centers = self.cluster_centers_
        if hasattr(self, "inverse_transform"):
            centers = self.inverse_transform(centers)
        labels = self.predict(X)
        X = checked_data(self, X, dtype=np.float64, reset=False)
        return -float(np.square(X - centers[labels]).sum(1).mean())
