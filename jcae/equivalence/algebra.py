"""The identities that make the clustering module an isotropic Gaussian mixture, evaluated in float64.

`algebra` evaluates them on random data, on a data set, and far from the origin, each with a relative error and a
tolerance; `verify` raises on a failure. Statements and proofs: docs/equivalence.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.spatial.distance import cdist
from scipy.special import softmax, xlogy
from sklearn.mixture import GaussianMixture

from jcae.models.clustering_module import ClusteringModule
from jcae.models.mixture import VARIANCE, map_objective, map_weights, unit_variance
from jcae.models.module_losses import (
    dirichlet_prior,
    expected_distortion,
    reconstruction_error,
    responsibilities,
    separation,
    sparsity,
)
from jcae.randomness.seeds import numpy_generator
from jcae.training.kmeans import kmeans_start

Array = NDArray[np.float64]


class EquivalenceError(AssertionError):
    """An identity of the algebra does not hold; the message names every row that failed."""


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
    """The same gradient at the EM update, where it is zero, over the sum of the terms ``2 gamma |mu - x|``."""
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
