"""What a fit leaves behind: whether it is sound, and whether two fits are the same."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np

from jcae.contract.example_data import K
from jcae.contract.registry import BrokenError, NotApplicableError
from jcae.contract.subject import SEEDS, Subject

# ARI on easy blobs, with the truth and between two orders of the rows: in the median of five seeds, or, for a deep
# method that starts from random weights, in the best of them.
AGREEMENT = 0.9


def require_labels(labels: Any, n: int, n_clusters: int | None, where: str = "") -> None:
    """One integer per point, of at most `n_clusters` clusters where that is not None."""
    what = f"labels_ {where}".strip()
    if labels is None:
        raise BrokenError(f"{what} is missing after the fit; set self.labels_, one whole number per row of X")
    if not isinstance(labels, np.ndarray):
        raise BrokenError(f"{what} is a {type(labels).__name__}; make it a numpy array of integers")
    if labels.shape != (n,):
        raise BrokenError(f"{what} has the shape {labels.shape} for {n} points; return one label per row, ({n},)")
    if not np.issubdtype(labels.dtype, np.integer):
        raise BrokenError(f"{what} is {labels.dtype}; return integers, for instance labels.astype(np.int32)")
    found = len(np.unique(labels[labels >= 0]))
    if n_clusters is not None and found > n_clusters:
        raise BrokenError(f"{what} has {found} clusters where {n_clusters} were asked for; return at most n_clusters")


def imprint(estimator: Any, labels: Any) -> dict[str, np.ndarray]:
    """Every number that a fit left in the public attributes of an estimator."""
    found = {"labels": np.asarray(labels)}
    public = {name: value for name, value in vars(estimator).items() if name.endswith("_") and name[0] != "_"}
    weights = getattr(estimator, "weights_", None)
    if isinstance(weights, Mapping):
        found |= {f"weights_[{name!r}]": np.asarray(value) for name, value in weights.items()}
    for name, value in public.items():
        if isinstance(value, (float, np.floating, np.ndarray)) and np.asarray(value).dtype.kind in "fiu":
            found[name] = np.asarray(value)
    history = getattr(estimator, "history_", None)
    if isinstance(history, list) and all(isinstance(row, Mapping) and "value" in row for row in history):
        found["history_"] = np.array([row["value"] for row in history], dtype=float)
    return found


def same(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    """Whether two imprints hold the same numbers."""
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k], equal_nan=True) for k in one)


def require_sound(subject: Subject, fit: SimpleNamespace, n: int, n_clusters: int | None, where: str) -> None:
    """The fit has a proper result, or says that it has none."""
    status, reason = getattr(fit.estimator, "status_", "ok"), getattr(fit.estimator, "reason_", None)
    if status not in ("ok", "diverged", "collapsed"):
        raise BrokenError(f"status_ {where} is {status!r}; set 'ok', 'diverged' or 'collapsed', or leave it out")
    if status != "ok":
        if not reason:
            raise BrokenError(f"status_ {where} is {status!r} without a reason; say in reason_ what happened")
        return
    require_labels(fit.labels, n, subject.asked(fit.estimator, n_clusters), where)
    for name, array in imprint(fit.estimator, fit.labels).items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise BrokenError(
                f"{name} {where} holds NaN or infinity, and nothing says so: raise a ValueError, or set "
                "status_ = 'diverged' and reason_"
            )


def require_explained(subject: Subject, data: SimpleNamespace, where: str, n_clusters: int = K) -> None:
    """Fit, and accept a proper result, a status or an exception that says what is wrong."""
    try:
        fit = subject.fit(data, n_clusters=n_clusters)
    except Exception as error:
        if not str(error):
            raise BrokenError(f"{type(error).__name__} {where} has no message; say what is wrong") from None
        return
    require_sound(subject, fit, len(data.X), n_clusters, where)


@contextmanager
def global_seed(seed: int) -> Iterator[None]:
    """Set the generators that everybody shares: a method that draws from them is found out."""
    import random
    import sys

    torch = sys.modules.get("torch")
    before = random.getstate(), np.random.get_state(), torch and torch.get_rng_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    if torch:
        torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        if torch:
            torch.set_rng_state(before[2])


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Adjusted Rand index."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(one, other))


def spare_controls(subject: Subject) -> None:
    """Ask no control for good labels."""
    if subject.control:
        raise NotApplicableError("a control, which does not look at the data")


def agree(subject: Subject, measure: Callable[[tuple[int, ...]], list[float]]) -> tuple[bool, list[float]]:
    """Whether labels agree as `AGREEMENT` asks for, and the numbers measured, one per seed.

    The best of five is good if one is, their median if three are: seeds that cannot change that are not fitted.
    """
    seeds = SEEDS if subject.random else SEEDS[:1]
    due = 1 if subject.starts_at_random else len(seeds) // 2 + 1
    found: list[float] = []
    for first in range(0, len(seeds), due):
        found += measure(seeds[first : first + due])
        if sum(value >= AGREEMENT for value in found) >= due:
            return True, found
    return False, found


def shown(values: list[float]) -> str:
    """One number per seed, as messages print them."""
    return " ".join(f"{value:.2f}" for value in values)
