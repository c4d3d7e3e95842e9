"""Clustering module and isotropic Gaussian mixture, fitted side by side (docs/equivalence.md).

The identities behind the claim are in `jcae.equivalence.algebra`. Here are the fits: `fixed_point`, what training does
to a clustering module that starts at the mixture's own EM solution, and `fit_all`, clustering module, EM and k-means
from the same starts, whose scores `judge` compares by equivalence tests.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.special import xlogy
from sklearn.cluster import KMeans

from jcae.models.clustering_module import (
    ClusteringModule,
)
from jcae.models.mixture import (
    VARIANCE,
    IsotropicMixture,
    best_variance,
    map_objective,
    map_weights,
    squared_distances,
)
from jcae.scores import metrics
from jcae.statistics.tost import Tost, tost
from jcae.training.kmeans import kmeans_start

SCORES = {"acc": metrics.accuracy, "nmi": metrics.nmi, "ari": metrics.ari}
METHODS = ("cm", "gmm", "kmeans")
UPDATES, MIN_EPOCHS = 2000, 10
"""Default length of training: so many optimiser steps, but at least so many passes over the data."""

Array = NDArray[np.float64]


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
        return {**vars(self), "epochs": epochs, "precision": "float64"}

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
        start = kmeans_start(torch.tensor(X), n_clusters, [seed])[0].numpy()
        lloyd = KMeans(n_clusters, init=start, n_init=1).fit(X)
        fits["kmeans"].append(
            _mixture_fit(lloyd.labels_, lloyd.cluster_centers_, np.eye(n_clusters)[lloyd.labels_], alpha=1.0)
        )
    return fits


DIAGNOSTICS = ("log_likelihood", "best_variance", "distortion", "entropy", "clusters")
SCORE_COLUMNS = ("dataset", "seed", "method", "status", "score", "value")
TEST_KEYS = ("dataset", "score", "first", "second", "margin", "level")
AGREEMENT_COLUMNS = ("dataset", "seed", "first", "second", "ari", "centroid_distance")


def scores(
    X: ArrayLike, y: ArrayLike | None, dataset: str, seeds: Sequence[int], fits: Mapping[str, Sequence[Fit]]
) -> pd.DataFrame:
    """Score fits under the mixture, and against the truth where there is one.

    Parameters
    ----------
    X : array-like, (n, d)
        What the fits have seen.
    y : array-like of int, (n,), or None
        Truth; None leaves out its scores.
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
    against = SCORES if y is not None else {}
    for method, seed, fit in ((m, s, f) for m in fits for s, f in zip(seeds, fits[m], strict=True)):
        values = dict.fromkeys((*against, *DIAGNOSTICS), float("nan"))
        if fit.status != "diverged":
            variance = best_variance(X, fit.weights, fit.means)
            distortion = (fit.gamma * squared_distances(X, fit.means)).sum() / len(X)
            values = {name: score(y, fit.labels) for name, score in against.items()}
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
        A data set without a truth has no scores of this kind, and no row.
    """
    rows = []
    truth = table[table["score"].isin(SCORES)]
    for (dataset, score), part in truth.groupby(["dataset", "score"], sort=False):
        wide = part.pivot(index="seed", columns="method", values="value")
        for second in ("gmm", "kmeans"):
            result = tost(wide["cm"] - wide[second], margin=margin, level=level)
            key = {"dataset": dataset, "score": score, "first": "cm", "second": second}
            rows.append({**key, "margin": margin, "level": level, **vars(result)})
    return pd.DataFrame(rows, columns=[*TEST_KEYS, *(each.name for each in fields(Tost))])
