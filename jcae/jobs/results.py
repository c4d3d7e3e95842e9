"""What a fit left behind: its labels, code, centroids and objective, checked and brought into one form."""

import errno
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np

from jcae.jobs import records
from jcae.jobs.block_job import BlockJob
from jcae.jobs.exits import one_line
from jcae.jobs.transfer import meet
from jcae.trees.tree import Tree

INTERPOLATION_STEPS = 9

# The machine's fault, not the method's: no space, quota, input/output error, stale handle, read-only file system.
_INFRASTRUCTURE = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EROFS}


class ResultError(ValueError):
    """A fit that returned, but left no usable result."""


@dataclass
class Result:
    """What one seed left behind; arrays are None where the method has nothing of the kind.

    `labels` are of the points that are scored; where these are not those of the fit, `fit_labels` are of the latter.
    """

    status: str = "ok"
    reason: str | None = None
    traceback: str | None = None
    labels: np.ndarray | None = None
    refit_labels: np.ndarray | None = None
    fit_labels: np.ndarray | None = None
    fit_refit_labels: np.ndarray | None = None
    code: np.ndarray | None = None
    embedding: np.ndarray | None = None
    centroids: np.ndarray | None = None
    interpolations: np.ndarray | None = None
    snapshots: Mapping[str, np.ndarray] | None = None
    atoms: Mapping[str, np.ndarray] | None = None
    tree: Mapping[str, np.ndarray] | None = None
    history: list[Mapping[str, Any]] = field(default_factory=list)
    by_rule: Mapping[str, Any] | None = None
    weights: Mapping[str, np.ndarray] | None = None
    objective: dict[str, Any] | None = None
    bic: float | None = None
    updates: int | None = None
    seconds: float = 0.0
    started: str = ""
    finished: str = ""


def describe_failure(error: BaseException) -> dict[str, Any]:
    """Status, reason and traceback of what a method raised; the user's interrupt and the machine's faults go on."""
    if isinstance(error, KeyboardInterrupt) or (isinstance(error, OSError) and error.errno in _INFRASTRUCTURE):
        raise error
    return {"status": "failed", "reason": one_line(error), "traceback": "".join(traceback.format_exception(error))}


def fitted_labels(estimator: Any, X: np.ndarray, y: np.ndarray | None = None, **given: Any) -> Any:
    """Fit by scikit-learn's conventions and return the labels, wherever the class keeps them.

    Parameters
    ----------
    estimator : object
        With ``fit`` or ``fit_predict``.
    X : ndarray, (n_samples, n_features)
    y : ndarray, (n_samples,), optional
        Classes, for a control method only.

    Raises
    ------
    ResultError
        There are no labels.
    """
    if not hasattr(estimator, "fit"):
        return estimator.fit_predict(X)
    estimator.fit(X, *([] if y is None else [y]), **given)
    if hasattr(estimator, "labels_"):
        return estimator.labels_
    if hasattr(estimator, "predict"):
        return estimator.predict(X)
    if hasattr(estimator, "fit_predict"):
        return estimator.fit_predict(X)
    raise ResultError(f"{type(estimator).__name__} has neither labels_ nor predict nor fit_predict")


def collect(estimator: Any, job: BlockJob, labels: Any) -> Result:
    """What a fitted estimator holds.

    Raises
    ------
    ResultError
        It has no proper labels, or numbers that are not finite, and does not say so.
    """
    result = Result(
        history=_history(estimator),
        objective=fitted_objective(estimator),
        bic=_bic(estimator, job.X),
        updates=int(estimator.n_updates_) if hasattr(estimator, "n_updates_") else None,
        by_rule=getattr(estimator, "by_rule_", None) if job.deep else None,
    )
    _read_state(result, estimator)
    status = result.status
    if not job.clusters:
        return result
    if job.deep and hasattr(estimator, "snapshots_") and job.scored is None:  # theirs are points of the fit
        result.snapshots = estimator.snapshots_._asdict()
    if job.deep and hasattr(estimator, "atoms_"):
        result.atoms = estimator.atoms_._asdict()
    try:
        _collect_clusters(result, estimator, job, labels)
    except BaseException as error:
        if status == "ok" or isinstance(error, KeyboardInterrupt):
            raise
        # A diverged run need not have labels or a code: its status already says what happened.
    if status == "ok" and not hasattr(estimator, "status_"):
        _mark_collapse(result, job)
    return result


def _read_state(result: Result, estimator: Any) -> None:
    """How the fit ended, and its weights."""
    result.status = status = getattr(estimator, "status_", "ok")
    if status not in records.STATUSES:
        raise ResultError(f"status_ is {status!r}, allowed are {records.STATUSES}")
    reason = getattr(estimator, "reason_", None)
    result.reason = None if status == "ok" else reason or f"the method says {status} and gives no reason"
    weights = getattr(estimator, "weights_", None)
    result.weights = weights if isinstance(weights, Mapping) else None  # a mixture's weights_ are no network


def _history(estimator: Any) -> list[Mapping[str, Any]]:
    """Return the rows of ``history_``, where it holds such rows: other packages call other things so."""
    history = getattr(estimator, "history_", None)
    if isinstance(history, list) and all(isinstance(row, Mapping) for row in history):
        return history
    return []


def fitted_objective(estimator: Any) -> dict[str, Any] | None:
    """Name and value of what a fit minimised, None where it does not say; the value is None where it is not finite."""
    for attribute, sign in (("loss_", 1.0), ("inertia_", 1.0), ("lower_bound_", -1.0)):
        value = getattr(estimator, attribute, None)
        if isinstance(value, Real):
            name = attribute if sign > 0 else f"-{attribute}"
            return {"name": name, "value": sign * float(value) if np.isfinite(value) else None}
    return None


def _bic(estimator: Any, X: np.ndarray) -> float | None:
    """Bayesian information criterion of the points of the fit, where a method has a `bic` as scikit-learn's mixture."""
    if not hasattr(estimator, "bic"):
        return None
    value = float(estimator.bic(X))
    return value if np.isfinite(value) else None


def _collect_clusters(result: Result, estimator: Any, job: BlockJob, labels: Any) -> None:
    tree = getattr(estimator, "tree_", None)
    if isinstance(tree, Tree) and job.scored is None:  # others call other things so; its points are those of the fit
        result.tree = tree._asdict()
    # Without a decoder, transform is something else: scikit-learn's KMeans gives distances there.
    coded = hasattr(estimator, "transform") and (hasattr(estimator, "inverse_transform") or result.weights is not None)
    of_fit, refit_of_fit, centers = labels, getattr(estimator, "refit_labels_", None), None
    if job.scored is not None:
        encode = estimator.transform if coded else None
        estimator, labels, centers = meet(estimator, job.scored, job.way, encode)
        _read_state(result, estimator)
    if centers is None:
        centers = getattr(estimator, "cluster_centers_", None)
    if centers is not None:
        centers = _finite("cluster_centers_", centers)
    decode = getattr(estimator, "inverse_transform", None)
    if coded:
        result.code = _finite("transform(X)", estimator.transform(job.points)).astype(np.float32)
    refit = refit_of_fit
    if job.scored is not None:
        refit = _nearest(result.code, getattr(estimator, "refit_centers_", None))
    n_centers = None if centers is None else len(centers)
    result.fit_labels, result.labels = _clean_both("labels", of_fit, labels, job, n_centers)
    if refit is not None:
        result.fit_refit_labels, result.refit_labels = _clean_both("refit_labels_", refit_of_fit, refit, job, None)
    embedding = getattr(estimator, "embedding_", None)
    if embedding is not None and np.shape(embedding)[:1] == (len(job.points),) and job.scored is None:
        result.embedding = _finite("embedding_", embedding).astype(np.float32)
    if centers is None or not len(centers):
        return
    if decode is None and centers.shape[1] == job.X.shape[1] and result.code is None and embedding is None:
        decode = np.asarray  # the centers lie in the space of the data
    if decode is not None:
        result.centroids = _finite("decoded centers", decode(centers)).astype(np.float32)
        paths = _interpolate(centers)
        decoded = _finite("decoded interpolations", decode(paths.reshape(-1, centers.shape[1])))
        result.interpolations = decoded.reshape(*paths.shape[:2], -1).astype(np.float32)


def _clean_both(
    what: str, of_fit: Any, labels: Any, job: BlockJob, n_centers: int | None
) -> tuple[np.ndarray | None, np.ndarray]:
    """Labels of the points of the fit, where these are others, and of those that are scored: one name, one cluster."""
    if job.scored is None or of_fit is None:
        return None, _clean_labels(what, labels, len(job.points), n_centers)
    n_fit, n = len(job.X), len(job.scored)
    for found, due in ((of_fit, n_fit), (labels, n)):
        _clean_labels(what, found, due, n_centers)  # each by itself, for its message
    together = _clean_labels(what, np.concatenate([of_fit, labels]), n_fit + n, n_centers)
    return together[:n_fit], together[n_fit:]


def _nearest(code: np.ndarray | None, centers: np.ndarray | None) -> np.ndarray | None:
    """The nearest center of each code: k-means on the code, of points that it was not fitted on."""
    if code is None or centers is None:
        return None
    from sklearn.metrics import pairwise_distances_argmin

    return pairwise_distances_argmin(code.astype(np.float64), np.asarray(centers, np.float64))


def _interpolate(centers: np.ndarray) -> np.ndarray:
    """Return straight paths from each center k to the next one, (K, 9, p), ends included."""
    weight = np.linspace(0.0, 1.0, INTERPOLATION_STEPS, dtype=centers.dtype)[:, None]
    return centers[:, None] * (1 - weight) + np.roll(centers, -1, axis=0)[:, None] * weight


def _finite(what: str, array: Any) -> np.ndarray:
    array = np.asarray(array)
    if not np.isfinite(array).all():
        raise ResultError(
            f"{what} {array.shape} has {np.count_nonzero(~np.isfinite(array))} values that are not finite"
        )
    return array


def _clean_labels(what: str, labels: Any, n: int, n_centers: int | None) -> np.ndarray:
    """Check labels and encode them as 0.. (n,) int32, noise as -1."""
    labels = np.asarray(labels)
    if labels.shape != (n,):
        raise ResultError(f"{what}: shape {labels.shape} where ({n},) is due")
    if np.issubdtype(labels.dtype, np.floating):
        if not np.isfinite(labels).all() or (labels != np.round(labels)).any():
            raise ResultError(f"{what}: floating point numbers that are no whole numbers (or NaN)")
        labels = labels.astype(np.int64)
    elif labels.dtype == object:
        raise ResultError(f"{what}: Python objects instead of numbers")
    noise = labels < 0 if np.issubdtype(labels.dtype, np.signedinteger) else np.zeros(n, bool)
    clean = np.full(n, -1, dtype=np.int32)
    if n_centers and np.issubdtype(labels.dtype, np.integer) and labels.max(initial=0) < n_centers:
        clean[~noise] = labels[~noise]  # they point at the centers; closing gaps would make them point at others
    else:
        clean[~noise] = np.unique(labels[~noise], return_inverse=True)[1]
    return clean


def clusters_found(labels: np.ndarray | None) -> int | None:
    """Number of clusters that have points, noise (-1) left out."""
    return None if labels is None else len(np.unique(labels[labels >= 0]))


def _mark_collapse(result: Result, job: BlockJob) -> None:
    asked = job.params.get("n_clusters", job.params.get("n_components")) or job.data["n_clusters"] or 2
    found = clusters_found(result.labels)
    if found is not None and found <= 1 < asked:
        result.status = "collapsed"
        result.reason = f"{found} non-empty cluster{'s' if found == 0 else ''} where {asked} were asked for"
