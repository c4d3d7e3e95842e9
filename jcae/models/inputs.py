"""What `fit` and `predict` are given, checked: dense numbers, all of them finite; an error names the place."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import validate_data


def checked_data(owner: Any, X: Any, **how: Any) -> np.ndarray:
    """What `sklearn.utils.validation.validate_data` returns; an error names the place of a bad value.

    Parameters
    ----------
    owner : estimator
        Remembers the number and names of the features, or has them compared with those that it was fitted on.
    X : array-like, (n_samples, n_features)
    **how
        As `validate_data` has it; `dtype` included.

    Returns
    -------
    ndarray, (n_samples, n_features)

    Raises
    ------
    TypeError
        X is sparse.
    ValueError
        X is no matrix of finite numbers, or has other features than the data of the fit.
    """
    if sparse.issparse(X):
        raise TypeError(_why_not_sparse(owner, X, how.get("dtype", X.dtype)))
    try:
        return validate_data(owner, X, **how)
    except ValueError as error:
        place = _first_bad_value(X, how.get("dtype", np.float64))
        if place is None or not any(word in str(error) for word in ("NaN", "infinity")):
            raise
        raise ValueError(f"{type(owner).__name__}: {str(error).splitlines()[0]} {place}") from None


def _why_not_sparse(owner: Any, X: Any, dtype: Any) -> str:
    dtype = np.dtype(dtype)
    size = np.prod([float(length) for length in X.shape]) * dtype.itemsize
    return (
        f"{type(owner).__name__}: X is sparse, {X.format} of shape {X.shape}, and dense data is required. "
        f"X.astype('{dtype}').toarray() is dense and takes {size / 2**20:,.1f} MiB; "
        "where that is too much, sklearn.decomposition.TruncatedSVD has fewer features"
    )


def _first_bad_value(X: Any, dtype: Any) -> str | None:
    """Where the first value stands that is not finite, by row and column from 0; None where that cannot be said."""
    try:
        with np.errstate(over="ignore"):  # too large for the type is infinite in it
            values = np.asarray(X, dtype=np.float64).astype(dtype, copy=False)
    except (TypeError, ValueError):
        return None
    bad = ~np.isfinite(values)
    if values.ndim != 2 or not bad.any():
        return None
    row, column = np.argwhere(bad)[0]
    names = getattr(X, "columns", None)
    called = "" if names is None else f" ({names[column]!r})"
    given = X.iloc[row, column] if hasattr(X, "iloc") else np.asarray(X)[row, column]
    more = int(bad.sum()) - 1
    others = f" ({more} more are not finite)" if more else ""
    return f"The first is {given} in row {row}, column {column}{called}, counted from 0{others}"
