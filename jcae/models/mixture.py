"""Isotropic Gaussian mixture with one shared variance and a Dirichlet prior on the weights, fitted by EM (float64).

The model that the clustering module is compared with. The functions take the parameters openly, so that any centroids,
whoever found them, can be scored under the same mixture:

    p(x) = sum_k phi_k N(x; mu_k, s^2 I),    phi ~ Dirichlet(alpha, ..., alpha)
"""

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, xlogy
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted

from jcae.models.info import Info
from jcae.models.inputs import checked_data
from jcae.randomness.seeds import numpy_generator, sklearn_seed

INITS = ("kmeans++", "random")
VARIANCE = 0.5
"""Covariance of the mixture behind CM's loss: with s^2 = 1/2 the squared distance is the negative log-density."""
Array = NDArray[np.float64]


def squared_distances(X: ArrayLike, means: ArrayLike) -> Array:
    """Squared Euclidean distances between points and centroids.

    Both are moved to the mean of the centroids first: the expanded form ||x||^2 - 2 x.mu + ||mu||^2 costs one matrix
    product but cancels for data far from the origin, and the distance does not depend on the origin.

    Parameters
    ----------
    X : array-like, (n, d)
    means : array-like, (K, d)

    Returns
    -------
    ndarray of float64, (n, K)
    """
    means = np.asarray(means, dtype=np.float64)
    origin = means.mean(axis=0)
    X, means = np.asarray(X, dtype=np.float64) - origin, means - origin
    squares = np.einsum("nd,nd->n", X, X)[:, None] + np.einsum("kd,kd->k", means, means)
    return np.maximum(squares - 2.0 * (X @ means.T), 0.0)


def log_joint(X: ArrayLike, weights: ArrayLike, means: ArrayLike, variance: float) -> Array:
    """log phi_k + log N(x_i; mu_k, variance * I).

    Parameters
    ----------
    X : array-like, (n, d)
    weights : array-like, (K,)
        Nonnegative, summing to one; a component of weight 0 gets -inf.
    means : array-like, (K, d)
    variance : float
        Variance s^2 per coordinate, in squared units of the data.

    Returns
    -------
    ndarray of float64, (n, K)
    """
    return _log_joint(squared_distances(X, means), np.asarray(weights, dtype=np.float64), variance, np.shape(X)[1])


def _log_joint(squares: Array, weights: Array, variance: float, n_features: int) -> Array:
    with np.errstate(divide="ignore"):
        log_weights = np.log(weights)
    return log_weights - 0.5 * squares / variance - 0.5 * n_features * np.log(2.0 * np.pi * variance)


def _responsibilities(joint: Array) -> tuple[Array, Array]:
    """Log-density of each point (n,) and its responsibilities (n, K), which share one pass of exp."""
    highest = joint.max(axis=1)
    shares = np.exp(joint - highest[:, None])
    total = shares.sum(axis=1)
    return highest + np.log(total), shares / total[:, None]


def map_weights(counts: ArrayLike, alpha: float | ArrayLike = 1.0) -> Array:
    """MAP weights (N_k + alpha_k - 1) / (n + sum_l alpha_l - K) of the soft counts N_k = sum_i gamma_ik.

    With alpha < 1 the numerator of a small component is negative and the posterior has no interior maximum there: the
    weight is then 0 and the component leaves the mixture (Figueiredo and Jain, 2002).

    Parameters
    ----------
    counts : array-like, (K,)
        Soft counts, nonnegative; their sum is n.
    alpha : float or array-like, (K,)
        Dirichlet concentrations.

    Returns
    -------
    ndarray of float64, (K,)

    Raises
    ------
    ValueError
        If the prior removes every component.
    """
    mass = np.maximum(np.asarray(counts, dtype=np.float64) + np.asarray(alpha, dtype=np.float64) - 1.0, 0.0)
    if not mass.sum() > 0.0:
        raise ValueError(f"alpha={alpha!r} removes all {mass.size} components (counts {counts!r}); use a larger alpha")
    return mass / mass.sum()


def map_objective(
    X: ArrayLike, weights: ArrayLike, means: ArrayLike, variance: float, alpha: float | ArrayLike = 1.0
) -> float:
    """Log-likelihood plus log prior per point: (sum_i log p(x_i) + sum_k (alpha_k - 1) log phi_k) / n.

    The prior's normalising constant is left out; components of weight 0 have left the mixture and its prior.

    Parameters
    ----------
    X, weights, means, variance
        As in `log_joint`.
    alpha : float or array-like, (K,)
        Dirichlet concentrations; 1 gives the mean log-likelihood.

    Returns
    -------
    float
        In nats per point.
    """
    points = logsumexp(log_joint(X, weights, means, variance), axis=1)
    return float(points.mean() + _log_prior(np.asarray(weights, dtype=np.float64), alpha) / len(points))


def _log_prior(weights: Array, alpha: float | ArrayLike) -> float:
    live = weights > 0.0
    concentration = np.broadcast_to(np.asarray(alpha, dtype=np.float64), weights.shape)
    return float(xlogy(concentration[live] - 1.0, weights[live]).sum())


def best_variance(
    X: ArrayLike, weights: ArrayLike, means: ArrayLike, *, max_iter: int = 500, rtol: float = 1e-10
) -> float:
    """The shared variance that maximises the likelihood while weights and centroids stay as given (EM in s^2 alone).

    Parameters
    ----------
    X, weights, means
        As in `log_joint`.
    max_iter : int
        Upper limit of EM steps.
    rtol : float
        Stop when the variance changes by less than this, relatively.

    Returns
    -------
    float
    """
    X = np.asarray(X, dtype=np.float64)
    weights = np.asarray(weights, dtype=np.float64)
    squares, floor = squared_distances(X, means), variance_floor(X)
    variance = max(float(squares[:, weights > 0.0].min(axis=1).mean()) / X.shape[1], floor)
    for _ in range(max_iter):
        joint = _log_joint(squares, weights, variance, X.shape[1])
        gamma = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
        before, variance = variance, max(float((gamma * squares).sum()) / X.size, floor)
        if abs(variance - before) <= rtol * before:
            break
    return variance


def variance_floor(X: Array) -> float:
    """Smallest shared variance allowed: 1e-10 of the data's own, so that K = n points do not end in a division by 0."""
    return max(1e-10 * float(np.var(X, axis=0).mean()), np.finfo(np.float64).tiny ** 0.5)


class IsotropicMixture(ClusterMixin, BaseEstimator):
    """Gaussian mixture with covariance s^2 I shared by all components, fitted by EM to a maximum a posteriori.

    Parameters
    ----------
    n_clusters : int
        Number of components K.
    variance : float or None
        Shared variance s^2 in squared units of the data; it is not estimated, so it is a statement about the scale of
        X. 0.5 is the mixture behind the clustering module's loss. None estimates one shared variance.
    alpha : float
        Concentration of the symmetric Dirichlet prior on the weights; 1 is no prior, and gives maximum likelihood.
    init : {"kmeans++", "random"} or array-like, (K, d)
        Starting centroids: k-means++ seeding and one Lloyd iteration (`kmeans_start`); K distinct points; or given.
        The weights start equal; an estimated variance starts at the mean squared distance to the nearest centroid,
        per coordinate.
    n_init : int
        Number of starts; the one with the highest `lower_bound_` is kept. A given `init` is used once.
    max_iter : int
        Upper limit of EM steps per start.
    tol : float
        Stop when a step raises the objective by less than this, in nats per point.
    random_state : int, RandomState or None
        Seeds the starts.

    Attributes
    ----------
    weights_ : ndarray of float64, (K,)
    cluster_centers_ : ndarray of float64, (K, d)
    variance_ : float
    labels_ : ndarray of int32, (n,)
        Component of the highest posterior.
    lower_bound_ : float
        `map_objective` of the result, in nats per point. No step lowers it (alpha >= 1).
    history_ : list of float
        The objective at the start and after every EM step.
    converged_ : bool
    n_iter_ : int
    n_features_in_ : int

    Notes
    -----
    A component with no responsibility at all keeps its centroid; its weight is (alpha - 1) / (n + K (alpha - 1)), so 0
    for alpha = 1. With alpha < 1 a component whose soft count falls to 1 - alpha or below leaves (`map_weights`), and
    the objective may then jump, because the prior of that component leaves too.
    """

    info = Info(
        label="GMM (isotropic)",
        summary="Gaussian mixture with one shared spherical covariance, fitted by EM with a Dirichlet prior.",
        reference="doi:10.1111/j.2517-6161.1977.tb01600.x",
        deviations=("The prior's MAP weights replace the maximum-likelihood weights when alpha differs from 1.",),
    )

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        variance: float | None = 0.5,
        alpha: float = 1.0,
        init: str | ArrayLike = "kmeans++",
        n_init: int = 1,
        max_iter: int = 1000,
        tol: float = 1e-8,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.n_clusters = n_clusters
        self.variance = variance
        self.alpha = alpha
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: None = None) -> "IsotropicMixture":
        """Fit by EM.

        Parameters
        ----------
        X : array-like, (n, d)
            Computed in float64 whatever comes in.
        y : None
            Ignored.

        Returns
        -------
        IsotropicMixture
            Itself.

        Raises
        ------
        ValueError
            For a parameter out of range, or fewer points than components.
        """
        X = checked_data(self, X, dtype=np.float64)
        self._check_parameters(X)
        # EM runs on centred data: an offset costs digits and changes nothing else.
        origin = X.mean(axis=0)
        centred = X - origin
        n_starts = self.n_init if isinstance(self.init, str) else 1
        runs = [self._run(centred, self._start(X, seed) - origin) for seed in self._seeds()[:n_starts]]
        best = max(runs, key=lambda run: run["history_"][-1])
        for name, value in best.items():
            setattr(self, name, value)
        self.cluster_centers_ = self.cluster_centers_ + origin
        self.lower_bound_ = self.history_[-1]
        return self

    def _check_parameters(self, X: Array) -> None:
        if not (isinstance(self.n_clusters, Integral) and self.n_clusters >= 1):
            raise ValueError(f"n_clusters={self.n_clusters!r} is not allowed; allowed are integers from 1")
        if len(X) < self.n_clusters:
            raise ValueError(f"n_samples={len(X)} should be >= n_clusters={self.n_clusters}")
        if self.variance is not None and not 0.0 < self.variance < np.inf:
            raise ValueError(f"variance={self.variance!r} is not allowed; allowed are positive numbers and None")
        if not 0.0 < self.alpha < np.inf:
            raise ValueError(f"alpha={self.alpha!r} is not allowed; allowed are positive numbers")
        for name in ("n_init", "max_iter"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)!r} is not allowed; allowed are integers from 1")
        if isinstance(self.init, str) and self.init not in INITS:
            raise ValueError(f"init={self.init!r} is unknown; allowed are {list(INITS)} and an array (K, d)")

    def _seeds(self) -> list[int]:
        """One seed per start; the first is random_state itself, so that its start is the clustering module's."""
        first = self.random_state
        if not isinstance(first, Integral):
            first = check_random_state(first).randint(2**31)
        return [int(first), *(sklearn_seed(int(first), "start", i) for i in range(1, self.n_init))]

    def _start(self, X: Array, seed: int) -> Array:
        if not isinstance(self.init, str):
            means = check_array(self.init, dtype=np.float64, input_name="init")
            if means.shape != (self.n_clusters, X.shape[1]):
                raise ValueError(f"init has shape {means.shape}; allowed is (K, d) = {(self.n_clusters, X.shape[1])}")
            return means
        if self.init == "random":
            return X[numpy_generator(seed, "start").choice(len(X), self.n_clusters, replace=False)]
        import torch  # nothing else here needs it, and it takes longer to import than many a fit

        from jcae.training.kmeans import kmeans_start

        return kmeans_start(torch.tensor(X), self.n_clusters, [seed])[0].numpy()

    def _run(self, X: Array, means: Array) -> dict:
        """EM from one start; the fitted attributes by name."""
        n, d = X.shape
        weights = np.full(self.n_clusters, 1.0 / self.n_clusters)
        squares, floor = squared_distances(X, means), variance_floor(X)
        variance = self.variance
        if variance is None:
            variance = max(float(squares.min(axis=1).mean()) / d, floor)

        history, converged = [], False
        for step in range(self.max_iter + 1):
            joint = _log_joint(squares, weights, variance, d)
            evidence, gamma = _responsibilities(joint)
            history.append(float(evidence.mean()) + _log_prior(weights, self.alpha) / n)
            converged = step > 0 and history[-1] - history[-2] < self.tol
            if converged or step == self.max_iter:
                break
            counts = gamma.sum(axis=0)
            weights = map_weights(counts, self.alpha)
            used = counts > 0.0
            means = np.where(used[:, None], (gamma.T @ X) / np.where(used, counts, 1.0)[:, None], means)
            squares = squared_distances(X, means)
            if self.variance is None:
                variance = max(float((gamma * squares).sum()) / X.size, floor)
        return {
            "weights_": weights,
            "cluster_centers_": means,
            "variance_": float(variance),
            "labels_": joint.argmax(axis=1).astype(np.int32),
            "history_": history,
            "converged_": bool(converged),
            "n_iter_": step,
        }

    def _log_joint(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        X = checked_data(self, X, dtype=np.float64, reset=False)
        return log_joint(X, self.weights_, self.cluster_centers_, self.variance_)

    def predict(self, X: ArrayLike) -> NDArray[np.int32]:
        """Component of the highest posterior: (n, d) -> (n,)."""
        return self._log_joint(X).argmax(axis=1).astype(np.int32)

    def predict_proba(self, X: ArrayLike) -> Array:
        """Responsibilities gamma_ik: (n, d) -> (n, K), rows sum to one."""
        return _responsibilities(self._log_joint(X))[1]

    def score_samples(self, X: ArrayLike) -> Array:
        """Log-likelihood of each point, in nats, without the prior: (n, d) -> (n,)."""
        return logsumexp(self._log_joint(X), axis=1)

    def score(self, X: ArrayLike, y: None = None) -> float:
        """Mean log-likelihood per point, in nats, without the prior; y is ignored."""
        return float(self.score_samples(X).mean())


def unit_variance(X: ArrayLike, n_clusters: int, *, seed: int = 0) -> Array:
    """Centre the data and multiply them by one number, so that the fixed covariance 0.5 fits them.

    The number makes the shared variance that EM estimates (`IsotropicMixture` with ``variance=None``) equal to 0.5. It
    changes no partition of k-means and uses no truth; without it, a covariance of 0.5 is a statement about units.

    Parameters
    ----------
    X : array-like, (n, d)
    n_clusters : int
    seed : int
        Start of that EM.

    Returns
    -------
    ndarray of float64, (n, d)
    """
    X = np.asarray(X, dtype=np.float64)
    X = X - X.mean(axis=0)
    found = IsotropicMixture(n_clusters, variance=None, random_state=seed).fit(X).variance_
    return X * np.sqrt(VARIANCE / found)
