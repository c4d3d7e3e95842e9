"""Is the clustering module an isotropic Gaussian mixture? The algebra in float64, and the two fitted side by side.

Three questions, from exact to empirical (docs/equivalence.md):

1. `algebra`: the identities behind the claim, each with a relative error and a tolerance; `verify` raises on a failure.
2. `fixed_point`: what training does to a clustering module that starts at the mixture's own EM solution.
3. `empirics` and `judge`: clustering module, EM and k-means from the same starts, and two one-sided paired
   tests of whether the first two score the same.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.special import softmax, xlogy
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from jcae import metrics
from jcae.clustering_module import (
    ClusteringModule,
    dirichlet_prior,
    expected_distortion,
    reconstruction_error,
    responsibilities,
    separation,
    sparsity,
)
from jcae.mixture import IsotropicMixture, best_variance, kmeans_start, map_objective, map_weights, squared_distances
from jcae.records import atomic_write
from jcae.seeds import numpy_generator

VARIANCE = 0.5
"""Covariance of the mixture behind the loss: with s^2 = 1/2 the squared distance is the negative log-density."""

SCORES = {"acc": metrics.accuracy, "nmi": metrics.nmi, "ari": metrics.ari}
METHODS = ("cm", "gmm", "kmeans")
UPDATES, MIN_EPOCHS = 2000, 10
"""Default length of training: so many optimiser steps, but at least so many passes over the data."""

Array = NDArray[np.float64]


class EquivalenceError(AssertionError):
    """An identity of the algebra does not hold; the message names every row that failed."""


# --- the algebra ------------------------------------------------------------------------------------------------------


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
    means = kmeans_start(X, n_clusters, seed)
    shift = offset * X.std()
    return Case(dataset, offset, X + shift, means + shift, weights, gamma)


def _tensors(*arrays: ArrayLike) -> list[torch.Tensor]:
    return [torch.tensor(np.asarray(a), dtype=torch.float64) for a in arrays]


def _relative(found: ArrayLike, expected: ArrayLike, scale: float | None = None) -> float:
    """Largest deviation over `scale`, by default the largest expected magnitude; NaN where something is not finite."""
    found, expected = np.asarray(found, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    return float(np.abs(found - expected).max() / (np.abs(expected).max() if scale is None else scale))


def _three_terms(x: torch.Tensor, gamma: torch.Tensor, means: torch.Tensor) -> torch.Tensor:
    return reconstruction_error(x, gamma, means) + sparsity(gamma, means) + separation(gamma, means)


def identity_error(case: Case) -> float:
    """E1 + E2 + E3 against sum_ik gamma_ik ||x_i - mu_k||^2, at any gamma on the simplex."""
    x, gamma, means = _tensors(case.X, case.gamma, case.means)
    return _relative(_three_terms(x, gamma, means), (case.gamma * case.squared_distances()).sum())


def distance_form_error(case: Case) -> float:
    """The distance form used for training, which moves the origin, against the sum computed from the differences."""
    x, gamma, means, origin = _tensors(case.X, case.gamma, case.means, case.origin)
    return _relative(expected_distortion(x, gamma, means, origin), (case.gamma * case.squared_distances()).sum())


def encoder(weights: ArrayLike, means: ArrayLike, variance: float = VARIANCE) -> tuple[Array, Array]:
    """Encoder whose softmax is the mixture's posterior: W = M^T / s^2, b_k = log phi_k - ||mu_k||^2 / (2 s^2).

    Parameters
    ----------
    weights : array-like, (K,)
        Positive.
    means : array-like, (K, d)
    variance : float
        Shared variance s^2.

    Returns
    -------
    W : ndarray of float64, (d, K)
    b : ndarray of float64, (K,)
    """
    means = np.asarray(means, dtype=np.float64)
    return means.T / variance, np.log(weights) - 0.5 * (means**2).sum(axis=1) / variance


def _sklearn_posterior(case: Case, variance: float) -> Array:
    model = GaussianMixture(len(case.weights), covariance_type="spherical")
    model.weights_, model.means_ = case.weights, case.means
    model.covariances_ = np.full(len(case.weights), variance)
    model.precisions_cholesky_ = model.covariances_**-0.5
    return model.predict_proba(case.X)


def posterior_error(case: Case, variance: float) -> float:
    """softmax(xW + b) of `encoder` against scikit-learn's GaussianMixture with spherical covariance `variance`."""
    gamma = responsibilities(*_tensors(case.X, *encoder(case.weights, case.means, variance)))
    return _relative(gamma, _sklearn_posterior(case, variance))


def module_posterior_error(case: Case) -> float:
    """`ClusteringModule.from_mixture` against the posterior computed from the differences."""
    module = ClusteringModule.from_mixture(case.weights, case.means, VARIANCE, device="cpu")
    return _relative(module.predict_proba(case.X), case.posterior())


def round_trip_error(case: Case) -> float:
    """Mixture -> clustering module -> mixture: weights, centroids and variance."""
    weights, means, variance = ClusteringModule.from_mixture(case.weights, case.means, VARIANCE).to_mixture()
    return max(_relative(weights, case.weights), _relative(means, case.means), _relative(variance, VARIANCE))


def shift_error(case: Case) -> float:
    """The centred mixture's W serves the data where they lie: only b changes, to b - c W for the origin c."""
    W, b = encoder(case.weights, case.centred().means)
    gamma = responsibilities(*_tensors(case.X, W, b - case.origin @ W))
    return _relative(gamma, case.centred().posterior())


def _centroid_gradient(case: Case, means: Array) -> Array:
    x, gamma, M = _tensors(case.X, case.gamma, means)
    M.requires_grad_(True)
    _three_terms(x, gamma, M).sum().backward()
    return M.grad.numpy()


def gradient_error(case: Case) -> float:
    """Gradient of E1 + E2 + E3 in the centroids, by autograd, against 2 sum_i gamma_ik (mu_k - x_i)."""
    expected = 2.0 * np.einsum("nk,nkd->kd", case.gamma, case.means[None] - case.X[:, None])
    return _relative(_centroid_gradient(case, case.means), expected)


def m_step_error(case: Case) -> float:
    """The same gradient at the EM update, where it is zero, over the sum of the absolute terms 2 gamma |mu - x|."""
    update = case.gamma.T @ case.X / case.gamma.sum(axis=0)[:, None]
    terms = 2.0 * np.einsum("nk,nkd->kd", case.gamma, np.abs(update[None] - case.X[:, None]))
    return _relative(_centroid_gradient(case, update), np.zeros_like(update), scale=terms.max())


def map_weights_error(case: Case) -> float:
    """Gradient of the Lagrangian of the weights at the MAP weights, over its multiplier n + sum_l alpha_l - K."""
    alpha = 1.0 + np.arange(len(case.weights)) / 2.0
    counts = case.gamma.sum(axis=0)
    multiplier = len(case.X) + alpha.sum() - len(alpha)
    phi, mass = _tensors(map_weights(counts, alpha), counts + alpha - 1.0)
    phi.requires_grad_(True)
    ((mass * phi.log()).sum() - multiplier * (phi.sum() - 1.0)).backward()
    return _relative(phi.grad, np.zeros(len(alpha)), scale=multiplier)


def entropy_error(case: Case) -> float:
    """Distortion - sum gamma log phi - entropy, at the posterior, against -sum_i log sum_k phi_k exp(-d_ik)."""
    gamma = case.posterior()
    x, g, means = _tensors(case.X, gamma, case.means)
    free_energy = _three_terms(x, g, means).numpy() - xlogy(gamma, case.weights).sum() + xlogy(gamma, gamma).sum()
    # N(x; mu, 1/2) is pi^(-d/2) exp(-||x - mu||^2); its constant is on neither side.
    constant = 0.5 * case.X.shape[1] * np.log(np.pi)
    evidence = map_objective(case.X, case.weights, case.means, VARIANCE) + constant
    return _relative(free_energy, -len(case.X) * evidence)


def prior_error(case: Case) -> float:
    """E4 against the negative log-density of Dirichlet(alpha) at the mean assignment, up to its constant."""
    alpha = 3.0
    dirichlet, mean = stats.dirichlet(np.full(len(case.weights), alpha)), case.gamma.mean(axis=0)
    mode = np.full(len(mean), 1.0 / len(mean))
    expected = -(dirichlet.logpdf(mean / mean.sum()) - dirichlet.logpdf(mode))
    constant = dirichlet_prior(*_tensors(mode[None]), alpha)
    return _relative(dirichlet_prior(*_tensors(case.gamma), alpha) - constant, expected, scale=abs(float(constant)))


def sklearn_error(case: Case) -> float:
    """scikit-learn's own posterior against the one computed from the differences."""
    return _relative(_sklearn_posterior(case, VARIANCE), case.posterior())


@dataclass(frozen=True)
class Check:
    """One identity.

    Attributes
    ----------
    name : str
    measure : callable
        Case -> relative error.
    tolerance : float
    scope : {"centred", "anywhere", "reported"}
        Where it must hold: for data within `NEAR` of the origin, wherever the data lie, or nowhere (reported only).
    why : str
        Reason of the tolerance or of the scope, for the table.
    """

    name: str
    measure: Callable[[Case], float]
    tolerance: float = 1e-10
    scope: str = "centred"
    why: str = ""

    def gates(self, offset: float) -> bool:
        """Whether a failure on data at this offset counts."""
        return self.scope == "anywhere" or (self.scope == "centred" and offset <= NEAR)


NEAR = 1.0
"""Offset, in standard deviations of the data, up to which every formulation must hold."""

_EXPANDED = "expands ||x - mu||^2: loses (offset)^2 digits far from the origin; centred data keep them"
CHECKS = (
    Check("E1+E2+E3 = expected distortion", identity_error, why=_EXPANDED),
    Check("distance form = expected distortion", distance_form_error, scope="anywhere"),
    Check("posterior, covariance 0.05", lambda case: posterior_error(case, 0.05), why=_EXPANDED),
    Check("posterior, covariance 0.5", lambda case: posterior_error(case, 0.5), why=_EXPANDED),
    Check("posterior, covariance 2", lambda case: posterior_error(case, 2.0), why=_EXPANDED),
    Check("posterior of from_mixture", module_posterior_error, why=_EXPANDED),
    Check("mixture -> CM -> mixture", round_trip_error, why=_EXPANDED),
    Check("shift changes b only", shift_error, 1e-9, "anywhere", "xW + b cancels once, not twice, in the offset"),
    Check("gradient = 2 sum gamma (mu - x)", gradient_error, why=_EXPANDED),
    Check("gradient = 0 at the EM update", m_step_error, why=_EXPANDED),
    Check("MAP weights zero the Lagrangian", map_weights_error, scope="anywhere"),
    Check("distortion + entropy terms = -log-likelihood", entropy_error, why=_EXPANDED),
    Check("E4 = -log Dirichlet density", prior_error, scope="anywhere"),
    Check("scikit-learn's own posterior", sklearn_error, scope="reported", why=_EXPANDED),
)

ALGEBRA_COLUMNS = (
    "check", "dataset", "form", "offset", "n", "d", "K", "relative_error", "tolerance", "gating", "passed", "why",
)  # fmt: skip


def algebra(
    X: ArrayLike,
    dataset: str,
    *,
    n_clusters: int,
    offsets: Sequence[float] = (0.0, 1.0, 1e3, 1e4),
    max_samples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Evaluate every identity of `CHECKS` in float64, near the origin and far from it.

    Parameters
    ----------
    X : array-like, (n, d)
    dataset : str
        Name for the table.
    n_clusters : int
        K of the parameters that are drawn.
    offsets : sequence of float
        Offsets added to every coordinate, in standard deviations of the data.
    max_samples : int
        A random subset of this size is used of larger data.
    seed : int
        Seeds parameters and subset.

    Returns
    -------
    DataFrame
        One row per check, offset and form; columns `ALGEBRA_COLUMNS`. ``form``: ``as given``, or ``centred`` again (far
        data with their mean subtracted from points and centroids). ``gating`` rows must pass (`verify`); the others
        report what a formulation loses far from the origin.
    """
    X = np.asarray(X, dtype=np.float64)
    if len(X) > max_samples:
        X = X[numpy_generator(seed, "equivalence", "subset").choice(len(X), max_samples, replace=False)]
    rows = []
    for offset in offsets:
        case = make_case(X, dataset, n_clusters=n_clusters, offset=float(offset), seed=seed)
        forms = {"as given": case}
        if offset > NEAR:
            forms["centred"] = case.centred()
        for check, (form, placed) in product(CHECKS, forms.items()):
            if form == "centred" and check.scope != "centred":
                continue
            error = check.measure(placed)
            gating = check.gates(0.0 if form == "centred" else float(offset))
            rows.append((
                check.name, dataset, form, float(offset), *X.shape, n_clusters, error, check.tolerance, gating,
                bool(error <= check.tolerance), check.why,
            ))  # fmt: skip
    return pd.DataFrame(rows, columns=list(ALGEBRA_COLUMNS))


def verify(csv: str | Path) -> None:
    """Raise unless every gating row of a table of `algebra` holds.

    Parameters
    ----------
    csv : path
        Written by `write_algebra`. The verdict is taken from the numbers, not from the column ``passed``.

    Raises
    ------
    EquivalenceError
        Naming each failed row; also for a table without gating rows, which verifies nothing.
    """
    table = pd.read_csv(csv)
    missing = sorted({"check", "dataset", "form", "offset", "relative_error", "tolerance", "gating"} - set(table))
    if missing:
        raise EquivalenceError(f"{csv}: columns {missing} are missing")
    gating = table[table["gating"]]
    if gating.empty:
        raise EquivalenceError(f"{csv}: no row is gating, nothing was verified")
    failed = gating[~(gating["relative_error"] <= gating["tolerance"])]
    if not failed.empty:
        lines = [
            f"  {r.check} on {r.dataset} ({r.form}, offset {r.offset:g}): "
            f"relative error {r.relative_error:.3g} > {r.tolerance:.3g}"
            for r in failed.itertuples()
        ]
        raise EquivalenceError(f"{csv}: {len(failed)} of {len(gating)} identities fail\n" + "\n".join(lines))


# --- scale ------------------------------------------------------------------------------------------------------------


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


# --- fitted side by side ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fit:
    """What the comparison needs of a fitted method: a partition and the mixture it stands for."""

    labels: NDArray[np.int32]
    means: Array
    weights: Array
    gamma: Array
    status: str = "ok"


def matched_distance(means: ArrayLike, others: ArrayLike) -> float:
    """Mean distance between centroids matched one to one, over the mean distance between the centroids of the first.

    Parameters
    ----------
    means, others : array-like, (K, d)

    Returns
    -------
    float
        0 for equal sets in any order; NaN for K = 1.
    """
    between = cdist(means, others)
    rows, columns = linear_sum_assignment(between)
    own = cdist(means, means)[np.triu_indices(len(between), 1)]
    return float(between[rows, columns].mean() / own.mean()) if own.size else float("nan")


def mean_entropy(gamma: ArrayLike) -> float:
    """Mean entropy of the rows of gamma (n, K), in nats per point: 0 for one-hot rows, log K for uniform ones."""
    gamma = np.asarray(gamma, dtype=np.float64)
    return float(-xlogy(gamma, gamma).sum(axis=1).mean())


def mixture_alpha(alpha: float, n_samples: int, batch_size: int) -> float:
    """Dirichlet concentration of the whole data set that equals the clustering module's per batch.

    E4 enters the loss once per batch, so once per epoch and batch: alpha - 1 counts n / batch_size times.

    Parameters
    ----------
    alpha : float
        Concentration in the clustering module's loss.
    n_samples, batch_size : int

    Returns
    -------
    float
    """
    return 1.0 + (alpha - 1.0) * n_samples / min(batch_size, n_samples)


def _mixture_fit(labels: ArrayLike, means: ArrayLike, gamma: ArrayLike, alpha: float, status: str = "ok") -> Fit:
    gamma = np.asarray(gamma, dtype=np.float64)
    weights = map_weights(gamma.sum(axis=0), alpha)
    return Fit(np.asarray(labels, dtype=np.int32), np.asarray(means, dtype=np.float64), weights, gamma, status)


@dataclass(frozen=True)
class Training:
    """How the clustering module is trained for the comparison.

    The paper's learning rate of 1e-3 and 150 epochs leave small data sets far from converged (a few hundred steps); the
    defaults here were chosen by looking at the module's convergence on small data sets (docs/equivalence.md).

    Attributes
    ----------
    alpha : float
        Dirichlet concentration, per batch. 2 is one pseudo-count per cluster and batch.
    epochs : int or None
        None: enough for `UPDATES` steps, and at least `MIN_EPOCHS`.
    batch_size : int
    learning_rate : float
        Of Adam.
    device : str
    """

    alpha: float = 2.0
    epochs: int | None = None
    batch_size: int = 64
    learning_rate: float = 1e-2
    device: str = "cpu"

    def parameters(self, n_samples: int) -> dict[str, Any]:
        """Constructor parameters of the clustering module; float64, so that all methods start at the same numbers."""
        epochs = self.epochs
        if epochs is None:
            epochs = max(MIN_EPOCHS, math.ceil(UPDATES / math.ceil(n_samples / self.batch_size)))
        return {**vars(self), "epochs": epochs, "dtype": "float64"}

    def mixture_alpha(self, n_samples: int) -> float:
        """Concentration of `mixture_alpha` for data of this size."""
        return mixture_alpha(self.alpha, n_samples, self.batch_size)


def fit_all(X: ArrayLike, seeds: Sequence[int], *, n_clusters: int, training: Training) -> dict[str, list[Fit]]:
    """Fit clustering module, EM and k-means from the same start per seed; truth is not an argument.

    Parameters
    ----------
    X : array-like, (n, d)
        Scaled by `unit_variance`.
    seeds : sequence of int
        A start each: k-means++ seeding and one Lloyd iteration.
    n_clusters : int
    training : Training
        Of the clustering module. EM takes the concentration that `mixture_alpha` gives.

    Returns
    -------
    dict of str to list of Fit
        Method (`METHODS`) -> one fit per seed. Weights: MAP weights of the soft counts (k-means: of the hard ones,
        without prior).
    """
    X = np.asarray(X, dtype=np.float64)
    prior = training.mixture_alpha(len(X))
    module = ClusteringModule(n_clusters, init="kmeans", **training.parameters(len(X)))
    fits: dict[str, list[Fit]] = {method: [] for method in METHODS}
    for seed, cm in zip(seeds, module.fit_seeds(X, list(seeds)), strict=True):
        gamma = cm.predict_proba(X)
        fits["cm"].append(_mixture_fit(cm.labels_, cm.cluster_centers_, gamma, prior, cm.status_))
        em = IsotropicMixture(n_clusters, variance=VARIANCE, alpha=prior, random_state=seed).fit(X)
        fits["gmm"].append(_mixture_fit(em.labels_, em.cluster_centers_, em.predict_proba(X), prior))
        lloyd = KMeans(n_clusters, init=kmeans_start(X, n_clusters, seed), n_init=1).fit(X)
        fits["kmeans"].append(
            _mixture_fit(lloyd.labels_, lloyd.cluster_centers_, np.eye(n_clusters)[lloyd.labels_], alpha=1.0)
        )
    return fits


DIAGNOSTICS = ("log_likelihood", "best_variance", "distortion", "entropy", "clusters")
SCORE_COLUMNS = ("dataset", "seed", "method", "status", "score", "value")
AGREEMENT_COLUMNS = ("dataset", "seed", "first", "second", "ari", "centroid_distance")


def scores(
    X: ArrayLike, y: ArrayLike, dataset: str, seeds: Sequence[int], fits: Mapping[str, Sequence[Fit]]
) -> pd.DataFrame:
    """Score fits against the truth and under the mixture.

    Parameters
    ----------
    X : array-like, (n, d)
        What the fits have seen.
    y : array-like of int, (n,)
        Truth.
    dataset : str
    seeds : sequence of int
    fits : mapping of str to sequence of Fit
        Of `fit_all`.

    Returns
    -------
    DataFrame
        Tidy, columns `SCORE_COLUMNS`. ``acc``, ``nmi``, ``ari``: fractions. ``log_likelihood``: nats per point under
        the isotropic mixture of the method's centroids and weights, each method with its own ``best_variance``.
        ``distortion``: expected squared distance to the centroids at gamma, per point (for k-means the inertia).
        ``entropy``: of gamma, nats per point. ``clusters``: non-empty clusters. Values of a diverged fit are NaN.
    """
    rows = []
    for method, seed, fit in ((m, s, f) for m in fits for s, f in zip(seeds, fits[m], strict=True)):
        values = dict.fromkeys((*SCORES, *DIAGNOSTICS), float("nan"))
        if fit.status != "diverged":
            variance = best_variance(X, fit.weights, fit.means)
            distortion = (fit.gamma * squared_distances(X, fit.means)).sum() / len(X)
            values = {name: score(y, fit.labels) for name, score in SCORES.items()}
            values["log_likelihood"] = map_objective(X, fit.weights, fit.means, variance)
            values["best_variance"] = variance
            values["distortion"] = float(distortion)
            values["entropy"] = mean_entropy(fit.gamma)
            values["clusters"] = float(len(np.unique(fit.labels)))
        rows += [(dataset, seed, method, fit.status, name, value) for name, value in values.items()]
    return pd.DataFrame(rows, columns=list(SCORE_COLUMNS))


def agreement(dataset: str, seeds: Sequence[int], fits: Mapping[str, Sequence[Fit]]) -> pd.DataFrame:
    """How alike the methods are, seed by seed; arguments as in `scores`.

    Returns
    -------
    DataFrame
        Columns `AGREEMENT_COLUMNS`; ``ari`` between the two partitions, ``centroid_distance`` as in
        `matched_distance`. NaN where a fit has diverged.
    """
    rows = []
    for (first, second), (i, seed) in ((p, s) for p in combinations(fits, 2) for s in enumerate(seeds)):
        a, b = fits[first][i], fits[second][i]
        values = (float("nan"), float("nan"))
        if "diverged" not in (a.status, b.status):
            values = metrics.ari(a.labels, b.labels), matched_distance(a.means, b.means)
        rows.append((dataset, seed, first, second, *values))
    return pd.DataFrame(rows, columns=list(AGREEMENT_COLUMNS))


def fixed_point(
    X: ArrayLike,
    dataset: str,
    seeds: Sequence[int],
    *,
    n_clusters: int,
    training: Training,
) -> pd.DataFrame:
    """Start the clustering module at the EM solution, train it, and say what moved. Reported; nothing here gates.

    Parameters
    ----------
    X : array-like, (n, d)
        Scaled by `unit_variance`.
    dataset : str
    seeds : sequence of int
    n_clusters : int
    training : Training
        As in `fit_all`.

    Returns
    -------
    DataFrame
        One row per seed. ``start_gap``: largest difference between gamma at the start and the EM posterior (0 up to
        rounding). ``centroid_distance``: `matched_distance` from EM's centroids. ``partition_ari``, ``changed``:
        agreement with EM's partition, and the fraction of points that changed cluster. ``entropy_start``,
        ``entropy_end``: nats per point. ``objective_em``, ``objective_cm``: `map_objective` in nats per point, the
        latter of the trained centroids with the MAP weights of the trained gamma and the same variance;
        ``objective_gap``: what training has lost of it. ``reading``: what the row says, in words.
    """
    X = np.asarray(X, dtype=np.float64)
    prior = training.mixture_alpha(len(X))
    rows = []
    for seed in seeds:
        em = IsotropicMixture(n_clusters, variance=VARIANCE, alpha=prior, random_state=seed).fit(X)
        # A component that lost all weight has no finite bias; it starts with a weight that no point can feel.
        weights = np.maximum(em.weights_, 1e-300)
        module = ClusteringModule.from_mixture(
            weights / weights.sum(), em.cluster_centers_, VARIANCE, **training.parameters(len(X))
        )
        posterior, start = em.predict_proba(X), module.predict_proba(X)
        cm = module.fit_seeds(X, [seed])[0]
        row: dict[str, Any] = {"dataset": dataset, "seed": seed, "status": cm.status_}
        row["start_gap"] = float(np.abs(start - posterior).max())
        if cm.status_ != "diverged":
            end = cm.predict_proba(X)
            means = np.asarray(cm.cluster_centers_, dtype=np.float64)
            row["centroid_distance"] = matched_distance(em.cluster_centers_, means)
            row["partition_ari"] = metrics.ari(em.labels_, cm.labels_)
            row["changed"] = float((em.labels_ != cm.labels_).mean())
            row["entropy_start"], row["entropy_end"] = mean_entropy(start), mean_entropy(end)
            row["objective_em"] = em.lower_bound_
            row["objective_cm"] = map_objective(X, map_weights(end.sum(axis=0), prior), means, VARIANCE, prior)
            row["objective_gap"] = row["objective_em"] - row["objective_cm"]
        rows.append({**row, "reading": _reading(row)})
    return pd.DataFrame(rows)


def _reading(row: Mapping[str, Any]) -> str:
    if row["status"] == "diverged":
        return "training diverged"
    change = row["entropy_end"] - row["entropy_start"]
    return (
        f"gamma {'softer' if change > 0.0 else 'harder'} by {abs(change):.2g} nats per point (the loss has no entropy "
        f"term); {100 * row['changed']:.1f} % of the points change cluster"
    )


# --- two one-sided tests ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tost:
    """Two one-sided paired t-tests of |mean difference| < margin.

    Attributes
    ----------
    n_seeds : int
        Pairs without NaN.
    mean, low, high : float
        Mean difference and its two-sided 1 - 2 level confidence interval (90 % at level 0.05).
    p_lower, p_upper : float
        Of mean <= -margin, and of mean >= margin.
    p_wilcoxon : float
        Larger p of the two one-sided signed-rank tests of the differences shifted by the margin; exact where it can
        be. With n seeds it is at least 2^-n, so it needs 5 of them to go below 0.05.
    verdict : {"equivalent", "different", "undecided"}
        Both p below the level; interval wholly outside the margin; neither.
    """

    n_seeds: int
    mean: float
    low: float
    high: float
    p_lower: float
    p_upper: float
    p_wilcoxon: float
    verdict: str


def tost(differences: ArrayLike, *, margin: float, level: float = 0.05) -> Tost:
    """Judge paired differences by two one-sided t-tests (Schuirmann, 1987).

    Without any spread over the seeds the t statistic is 0 / 0 or infinite; the limit is taken: the interval is the
    point itself and p is 0 or 1, by the side of the margin on which it lies. One seed has no interval: undecided.

    Parameters
    ----------
    differences : array-like, (S,)
        One per seed; NaN (a diverged fit) is left out.
    margin : float
        Largest difference that counts as the same; above 0, in units of the score.
    level : float
        Level of each one-sided test.

    Returns
    -------
    Tost
    """
    if not margin > 0.0:
        raise ValueError(f"margin={margin!r} is not allowed; it must be above 0")
    if not 0.0 < level < 0.5:
        raise ValueError(f"level={level!r} is not allowed; it must lie between 0 and 0.5")
    found = np.asarray(differences, dtype=np.float64)
    found = found[~np.isnan(found)]
    n, nan = len(found), float("nan")
    if n < 2:
        return Tost(n, float(found.mean()) if n else nan, nan, nan, nan, nan, nan, "undecided")
    mean = float(found.mean())
    # Equal differences may have a mean that is off by one rounding, so the spread is judged by the differences.
    if np.ptp(found) == 0.0:
        mean = float(found[0])
        low = high = mean
        p_lower, p_upper = float(mean <= -margin), float(mean >= margin)
    else:
        reach = stats.t.ppf(1.0 - level, n - 1) * stats.sem(found)
        low, high = mean - reach, mean + reach
        p_lower = float(stats.ttest_1samp(found, -margin, alternative="greater").pvalue)
        p_upper = float(stats.ttest_1samp(found, margin, alternative="less").pvalue)
    if max(p_lower, p_upper) < level:
        verdict = "equivalent"
    elif low > margin or high < -margin:
        verdict = "different"
    else:
        verdict = "undecided"
    return Tost(n, mean, float(low), float(high), p_lower, p_upper, _shifted_wilcoxon(found, margin), verdict)


def _shifted_wilcoxon(differences: Array, margin: float) -> float:
    above, below = differences + margin, differences - margin
    p_lower = stats.wilcoxon(above, alternative="greater").pvalue if above.any() else 1.0
    p_upper = stats.wilcoxon(below, alternative="less").pvalue if below.any() else 1.0
    return float(max(p_lower, p_upper))


def judge(table: pd.DataFrame, *, margin: float = 0.02, level: float = 0.05) -> pd.DataFrame:
    """Test CM against the mixture, and against k-means for orientation, on each data set and score.

    Parameters
    ----------
    table : DataFrame
        Of `scores`, one or more data sets.
    margin : float
        Largest mean difference that counts as the same, as a fraction: 0.02 is two points.
    level : float
        Level of each one-sided test.

    Returns
    -------
    DataFrame
        ``dataset, score, first, second, margin, level`` and the fields of `Tost`; the difference is first - second.
    """
    rows = []
    truth = table[table["score"].isin(SCORES)]
    for (dataset, score), part in truth.groupby(["dataset", "score"], sort=False):
        wide = part.pivot(index="seed", columns="method", values="value")
        for second in ("gmm", "kmeans"):
            result = tost(wide["cm"] - wide[second], margin=margin, level=level)
            key = {"dataset": dataset, "score": score, "first": "cm", "second": second}
            rows.append({**key, "margin": margin, "level": level, **vars(result)})
    return pd.DataFrame(rows)


# --- files ------------------------------------------------------------------------------------------------------------


def _write_csv(table: pd.DataFrame, path: str | Path) -> None:
    atomic_write(path, lambda handle: table.to_csv(handle, index=False))


def _load(path: str | Path, name: str) -> NDArray[Any]:
    with np.load(path) as file:
        if name not in file:
            raise KeyError(f"{path} holds {sorted(file)}, not {name!r}")
        return file[name]


def _card_clusters(features_path: str | Path) -> int:
    return int(json.loads(Path(features_path).with_name("card.json").read_text(encoding="utf-8"))["n_clusters"])


def write_algebra(features_path: str | Path, name: str, out_csv: str | Path, *, n_clusters: int | None = None) -> None:
    """Write `algebra` of random data and of a data set as one csv file.

    Parameters
    ----------
    features_path : path
        ``features.npz`` with X (n, d).
    name : str
        Of the data set.
    out_csv : path
    n_clusters : int, optional
        K of the mixture drawn for the data set; by default that of the ``card.json`` beside the features.
    """
    n_clusters = n_clusters or _card_clusters(features_path)
    random = numpy_generator(0, "equivalence", "random").normal(size=(500, 20))
    tables = [
        algebra(random, "random", n_clusters=5),
        algebra(_load(features_path, "X"), name, n_clusters=n_clusters),
    ]
    _write_csv(pd.concat(tables, ignore_index=True), out_csv)


def write_empirics(
    features_path: str | Path,
    truth_path: str | Path,
    name: str,
    seeds: Sequence[int],
    out_dir: str | Path,
    *,
    n_clusters: int | None = None,
    margin: float = 0.02,
    level: float = 0.05,
    alpha_prior: float = Training.alpha,
    epochs: int | None = Training.epochs,
    batch_size: int = Training.batch_size,
    learning_rate: float = Training.learning_rate,
    device: str = Training.device,
) -> None:
    """Fit the three methods on a data set, compare them, and write one csv file per table.

    Parameters
    ----------
    features_path : path
        ``features.npz`` with X (n, d). All that the fits see.
    truth_path : path
        ``truth.npz`` with y (n,). Read after the fits, for the scores alone.
    name : str
        Of the data set.
    seeds : sequence of int
    out_dir : path
        Gets ``scores.csv``, ``agreement.csv``, ``tests.csv`` and ``fixed_point.csv``.
    n_clusters : int, optional
        K; by default that of the ``card.json`` beside the features.
    margin, level : float
        Of the tests, see `judge`.
    alpha_prior, epochs, batch_size, learning_rate, device
        `Training` of the clustering module.
    """
    n_clusters = n_clusters or _card_clusters(features_path)
    X = unit_variance(_load(features_path, "X"), n_clusters)
    training = Training(alpha_prior, epochs, batch_size, learning_rate, device)
    fits = fit_all(X, seeds, n_clusters=n_clusters, training=training)
    fixed = fixed_point(X, name, seeds, n_clusters=n_clusters, training=training)
    table = scores(X, _load(truth_path, "y"), name, seeds, fits)
    _write_csv(table, Path(out_dir) / "scores.csv")
    _write_csv(agreement(name, seeds, fits), Path(out_dir) / "agreement.csv")
    _write_csv(judge(table, margin=margin, level=level), Path(out_dir) / "tests.csv")
    _write_csv(fixed, Path(out_dir) / "fixed_point.csv")


TABLES = ("scores", "agreement", "tests", "fixed_point")


def summarise(equivalence_dir: str | Path) -> dict[str, pd.DataFrame]:
    """Read a run's ``equivalence`` folder into the frames that tables and figures show.

    Parameters
    ----------
    equivalence_dir : path
        Holds one folder per data set, and ``algebra.csv`` there or in each of them.

    Returns
    -------
    dict of str to DataFrame
        ``algebra`` (if there is one), ``scores``, ``agreement``, ``tests``, ``fixed_point``: the files, data sets
        together. ``summary``: one row per data set with ACC, NMI and ARI of each method (mean over seeds), the median
        agreement of CM with the mixture, the change under training, and the three verdicts.

    Raises
    ------
    FileNotFoundError
        If no data set is there.
    """
    folder = Path(equivalence_dir)
    names = sorted(path.parent.name for path in folder.glob("*/tests.csv"))
    if not names:
        raise FileNotFoundError(f"{folder}: no <dataset>/tests.csv is there")
    frames = {t: pd.concat([pd.read_csv(folder / n / f"{t}.csv") for n in names], ignore_index=True) for t in TABLES}
    found = sorted([*folder.glob("algebra.csv"), *folder.glob("*/algebra.csv")])
    if found:
        # Every file has the rows of the random data.
        frames["algebra"] = pd.concat([pd.read_csv(path) for path in found], ignore_index=True).drop_duplicates(
            ["check", "dataset", "form", "offset"], ignore_index=True
        )
    frames["summary"] = pd.DataFrame([_summary(name, frames) for name in names])
    return frames


def _summary(name: str, frames: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    part = {table: frame[frame["dataset"] == name] for table, frame in frames.items() if table in TABLES}
    against = part["tests"][part["tests"]["second"] == "gmm"].set_index("score")
    pair = part["agreement"][(part["agreement"]["first"] == "cm") & (part["agreement"]["second"] == "gmm")]
    means = part["scores"].groupby(["score", "method"])["value"].mean()
    row: dict[str, Any] = {"dataset": name, "n_seeds": int(against["n_seeds"].min())}
    row |= {f"{score}_{method}": means[score, method] for score in SCORES for method in METHODS}
    row["agreement_ari"] = pair["ari"].median()
    row["changed"] = part["fixed_point"]["changed"].mean()
    row |= {f"verdict_{score}": against.loc[score, "verdict"] for score in SCORES}
    return row
