"""Checks of data, easy and odd: a right result, a status or an error that says what is wrong."""

import re
from types import SimpleNamespace
from typing import Any

import numpy as np

from jcae.contract.example_data import FEATURES, K, blobs
from jcae.contract.fit_results import (
    AGREEMENT,
    agree,
    agreement,
    require_explained,
    require_labels,
    require_sound,
    shown,
    spare_controls,
)
from jcae.contract.registry import BrokenError, NotApplicableError, check
from jcae.contract.subject import Subject


@check("two clusters")
def check_two_clusters(subject: Subject) -> None:
    """K = 2 works."""
    if not subject.counts:
        raise NotApplicableError("is not told a number of clusters")
    data = subject.data(*blobs(2))
    require_sound(subject, subject.fit(data, n_clusters=2), len(data.X), 2, "for two clusters")


@check("duplicates")
def check_duplicates(subject: Subject) -> None:
    """Rows that are there three times are in one cluster, and do no harm."""
    X, y = blobs(n=60)
    data = subject.data(np.tile(X, (3, 1)), np.tile(y, 3))
    fit = subject.fit(data, n_clusters=K)
    require_sound(subject, fit, len(data.X), K, "where rows are doubled")
    if subject.transductive:
        raise NotApplicableError("labels depend on a graph, in which copies have other neighbours")
    thirds = np.asarray(fit.labels).reshape(3, -1)
    if not subject.control and (thirds != thirds[0]).any():
        apart = np.count_nonzero((thirds != thirds[0]).any(0))
        raise BrokenError(f"{apart} of {len(X)} points are apart from their copies: label by the features alone")


@check("bad input")
def check_bad_input(subject: Subject) -> None:
    """NaN and infinity are refused by an error that names them."""
    data = subject.easy
    for value, pattern in ((np.nan, r"nan|missing|finite"), (np.inf, r"inf")):
        X = data.X.copy()
        X[3, 1] = value
        what = "NaN" if np.isnan(value) else "infinity"
        try:
            fit = subject.fit(SimpleNamespace(X=X, y=data.y))
        except ValueError as error:
            if not re.search(pattern, str(error), re.IGNORECASE):
                raise BrokenError(f"X with {what} gives {error!r}, which does not name it; {_VALIDATE}") from None
        except Exception as error:
            raise BrokenError(f"X with {what} ends in {type(error).__name__}: {error}; {_VALIDATE}") from None
        else:
            if not _allows_nan(fit.estimator):
                raise BrokenError(f"X with {what} is taken without an error; {_VALIDATE}")
            require_labels(fit.labels, len(X), None, f"of X with {what}")


_VALIDATE = "call sklearn.utils.validation.validate_data(self, X) first in fit"


def _allows_nan(estimator: Any) -> bool:
    """Whether an estimator declares that it handles missing values, as scikit-learn's tags do."""
    from sklearn.base import BaseEstimator
    from sklearn.utils import get_tags

    return isinstance(estimator, BaseEstimator) and get_tags(estimator).input_tags.allow_nan


@check("constant data")
def check_constant(subject: Subject) -> None:
    """Points that are all the same give a result, a status or an error."""
    constant = SimpleNamespace(X=np.full((60, FEATURES), 0.5, np.float32), y=np.arange(60) % K)
    require_explained(subject, constant, "of constant data")


@check("finite")
def check_finite(subject: Subject) -> None:
    """What a fit leaves is finite; on data a thousand times as large, or it says so."""
    data = subject.easy
    require_sound(subject, subject.fit(data), len(data.X), K, "of blobs")
    large = SimpleNamespace(X=data.X * np.float32(1000), y=data.y)
    require_explained(subject, large, "of data a thousand times as large")


@check("easy blobs")
def check_blobs(subject: Subject) -> None:
    """Three blobs far apart are found (ARI 0.9)."""
    spare_controls(subject)

    def measure(seeds: tuple[int, ...]) -> list[float]:
        return [agreement(subject.easy.y, fit.labels) for fit in subject.good_fits(seeds)]

    good, found = agree(subject, measure)
    if not good:
        raise BrokenError(
            f"blobs that lie far apart are not found: ARI {shown(found)}, {AGREEMENT} are due. Look at loss, learning "
            "rate and start; a method that needs other parameters for 150 points gets them with --params"
        )
