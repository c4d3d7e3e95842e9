"""Checks of labels against what a fit itself says of points: its predictions and its centroids."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from jcae.contract.example_data import noise
from jcae.contract.fit_results import AGREEMENT, agreement
from jcae.contract.registry import BrokenError, NotApplicableError, check
from jcae.contract.subject import Subject
from jcae.jobs.results import fitted_objective

# Points that are labelled one by one.
ALONE = 20
# Of data with standard deviation 1: float32 still tells points apart there, and their squares no more.
SHIFTS = (1e3, 1e4)


@check("predict")
def check_predict(subject: Subject) -> None:
    """predict labels the fitted points as labels_ does (ARI 0.9), and a point alone as among others."""
    if not hasattr(subject.cls, "predict"):
        raise NotApplicableError("has no predict")
    data = subject.easy
    fit = subject.fit(data)
    together = np.asarray(fit.estimator.predict(data.X))
    found = agreement(fit.labels, together)
    if found < AGREEMENT:
        raise BrokenError(
            f"predict(X) of the fitted X and labels_ agree with ARI {found:.2f}, {AGREEMENT} are due: label both by "
            "one function, with the parameters of the end of the fit"
        )
    alone = np.concatenate([fit.estimator.predict(data.X[row : row + 1]) for row in range(ALONE)])
    same = np.mean(alone == together[:ALONE])
    if same < AGREEMENT:
        raise BrokenError(
            f"of {ALONE} points {same:.0%} get the label alone that predict gives them among others: use nothing of "
            "the other rows (their mean, range or order)"
        )


@check("far from zero")
def check_far_from_zero(subject: Subject) -> None:
    """Where labels are nearest centroids, they are so in data far from zero, too, with no negative objective."""
    if subject.between_0_and_1:
        raise NotApplicableError("takes data between 0 and 1 only")
    data = subject.data(*noise())  # where only labels that are made of distances are all those of the nearest
    near = subject.fit(data)
    if getattr(near.estimator, "cluster_centers_", None) is None:
        raise NotApplicableError("has no cluster_centers_")
    if any(_misplaced(near, data.X).values()):
        raise NotApplicableError("labels are not those of the nearest centroids")
    expected = fitted_objective(near.estimator)
    for shift in SHIFTS:
        X = (data.X.astype(np.float64) + shift).astype(np.float32)
        far = subject.fit(SimpleNamespace(X=X, y=data.y))
        if getattr(far.estimator, "status_", "ok") != "ok":
            continue  # it says that it has no result
        wrong = [
            f"{what} of {count} of {len(X)} points are not those of the nearest centroids"
            for what, count in _misplaced(far, X).items()
            if count
        ]
        objective = fitted_objective(far.estimator)
        if _negative(objective, expected):
            wrong.append(f"the objective {objective['name']} is {objective['value']:g}, less than 0")
        if wrong and subject.third_party:
            raise NotApplicableError(
                f"of an installed package; with {shift:g} added to all data, {' and '.join(wrong)}"
            )
        if wrong:
            raise BrokenError(
                f"with {shift:g} added to all data, {' and '.join(wrong)}: take the mean of the data (or codes) off "
                "points and centroids before squares are expanded"
            )


def _negative(objective: dict[str, Any] | None, near: dict[str, Any] | None) -> bool:
    """Whether it is below 0 by more than rounding, where it was above for data around zero: sums of squares are."""
    values = [one["value"] for one in (objective, near) if one and one["value"] is not None]
    return len(values) == 2 and values[1] >= 0 and values[0] < -1e-3 * values[1]


def _misplaced(fit: SimpleNamespace, X: np.ndarray) -> dict[str, int]:
    """How many points have another label than their nearest centroid, in float64, more than rounding explains."""
    centers = np.asarray(fit.estimator.cluster_centers_, dtype=np.float64)
    points = _points_of(fit.estimator, X, centers.shape[1])
    distances = np.linalg.norm(points[:, None] - centers, axis=-1)
    rounding = np.finfo(np.float32).eps * np.abs(points).max() * np.sqrt(points.shape[1])
    allowed = distances <= distances.min(1, keepdims=True) * (1 + 1e-4) + 4 * rounding
    return {what: int(np.count_nonzero(~allowed[np.arange(len(X)), labels])) for what, labels in _labels(fit, X)}


def _labels(fit: SimpleNamespace, X: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    yield "labels_", np.asarray(fit.labels)
    if hasattr(fit.estimator, "predict"):
        yield "the predictions", np.asarray(fit.estimator.predict(X))


def _points_of(estimator: Any, X: np.ndarray, width: int) -> np.ndarray:
    """The points in the space of the centroids: the code of a deep method, else the data."""
    points = estimator.transform(X) if hasattr(estimator, "inverse_transform") else X
    if points.shape[1] != width:
        raise NotApplicableError(f"cluster_centers_ have {width} numbers, and its points {points.shape[1]}")
    return np.asarray(points, dtype=np.float64)
