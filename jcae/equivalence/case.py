"""What the identities are evaluated at: data with the parameters of a mixture, near the origin or far from it."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist
from scipy.special import softmax

from jcae.models.mixture import VARIANCE, unit_variance
from jcae.randomness.seeds import numpy_generator
from jcae.training.kmeans import kmeans_start

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """A data set with mixture parameters and soft assignments at which the identities are evaluated.

    Attributes
    ----------
    dataset : str
    offset : float
        Distance of the data's mean from the origin, per coordinate, in standard deviations of the data.
    X : ndarray of float64, (n, d)
    means : ndarray of float64, (K, d)
    weights : ndarray of float64, (K,)
    gamma : ndarray of float64, (n, K)
        Any point of the simplex per row; not the posterior.
    """

    dataset: str
    offset: float
    X: Array
    means: Array
    weights: Array
    gamma: Array

    @property
    def origin(self) -> Array:
        """Mean of the data, (d,)."""
        return self.X.mean(axis=0)

    def centred(self) -> "Case":
        """The same case with `origin` subtracted from points and centroids."""
        return replace(self, X=self.X - self.origin, means=self.means - self.origin)

    def squared_distances(self) -> Array:
        """Squared distances (n, K) from the differences themselves: the reference, exact wherever the data lie."""
        return cdist(self.X, self.means, "sqeuclidean")

    def posterior(self, variance: float = VARIANCE) -> Array:
        """Posterior (n, K) from `squared_distances`."""
        return softmax(np.log(self.weights) - 0.5 * self.squared_distances() / variance, axis=1)


def make_case(X: ArrayLike, dataset: str, *, n_clusters: int, offset: float = 0.0, seed: int = 0) -> Case:
    """Scale and centre the data (`unit_variance`), draw parameters for them, and move both by the offset.

    Parameters
    ----------
    X : array-like, (n, d)
    dataset : str
    n_clusters : int
    offset : float
        Added to every coordinate, in standard deviations of the data.
    seed : int
        Seeds centroids (k-means++ and one Lloyd iteration), weights and gamma (uniform on the simplex).

    Returns
    -------
    Case
    """
    X = unit_variance(X, n_clusters)
    rng = numpy_generator(seed, "equivalence", "algebra")
    weights = rng.dirichlet(np.full(n_clusters, 5.0))
    gamma = rng.dirichlet(np.ones(n_clusters), size=len(X))
    means = kmeans_start(torch.tensor(X), n_clusters, [seed])[0].numpy()
    shift = offset * X.std()
    return Case(dataset, offset, X + shift, means + shift, weights, gamma)
