"""Checks of chance: the seed decides, and neither the order of the rows nor the labels do."""

import inspect
import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np

from jcae.contract.example_data import noise
from jcae.contract.fit_results import AGREEMENT, agree, agreement, global_seed, imprint, same, shown, spare_controls
from jcae.contract.registry import BrokenError, NotApplicableError, check
from jcae.contract.subject import SEEDS, Subject


@check("same seed")
def check_same_seed(subject: Subject) -> None:
    """The same seed gives the same labels, whatever the global random generators hold."""
    data = subject.data(*noise())
    fits = []
    for seed in (1, 2):
        with global_seed(seed):
            fits.append(subject.fit(data, seed=0))
    one, other = (fit.labels for fit in fits)
    if not np.array_equal(one, other):
        differ = np.count_nonzero(np.asarray(one) != np.asarray(other))
        raise BrokenError(
            f"two fits with {'random_state=0' if subject.random else 'the same data'} differ in {differ} of {len(one)} "
            "labels: draw every random number from sklearn.utils.check_random_state(self.random_state) (a deep method: "
            "jcae.randomness.seeds.generator, block.normal, block.uniform), never from np.random or torch's global "
            "generator"
        )


@check("other seeds")
def check_other_seeds(subject: Subject) -> None:
    """Fits of other seeds differ if it has a random_state; without one no fits do."""
    data = subject.data(*noise())
    imprints = []
    for seed in SEEDS:
        with global_seed(seed):
            fit = subject.fit(data, seed=seed)
        imprints.append(imprint(fit.estimator, fit.labels))
    differ = any(not same(one, other) for one, other in itertools.combinations(imprints, 2))
    if subject.random and not differ:
        raise BrokenError(
            f"the seeds {SEEDS} give the same fit on data without structure: use random_state in fit, or, if nothing "
            "is random, take it out of __init__"
        )
    if not subject.random and differ:
        raise BrokenError("fits of the same data differ, and there is no random_state: take it in __init__ and use it")


@check("row order")
def check_row_order(subject: Subject) -> None:
    """Labels of easy blobs agree (ARI 0.9) whatever the order of the rows."""
    spare_controls(subject)
    data = subject.easy
    order = np.random.default_rng(0).permutation(len(data.X))
    other = SimpleNamespace(X=data.X[order], y=data.y[order])

    def measure(seeds: tuple[int, ...]) -> list[float]:
        pairs = zip(subject.good_fits(seeds), subject.fit_enough(other, seeds), strict=True)
        return [agreement(one.labels[order], two.labels) for one, two in pairs]

    good, found = agree(subject, measure)
    if not good:
        raise BrokenError(
            f"with the rows in another order the labels are others, ARI {shown(found)}: {AGREEMENT} are due. Draw "
            "starting points and batches at random, and use no row number"
        )


@check("no labels")
def check_no_labels(subject: Subject) -> None:
    """fit(X, y) ignores y; one that is nonsense may be refused."""
    if subject.reads_truth:
        if not subject.control:
            raise BrokenError("it says reads_truth = True and is no control: say control=True in its info")
        raise NotApplicableError("a control that says it reads the truth")
    if not hasattr(subject.cls, "fit"):
        raise NotApplicableError("has no fit")
    parameters = list(inspect.signature(subject.cls.fit).parameters.values())[1:]
    takes_y = len([p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.POSITIONAL_ONLY)]) > 1
    if not takes_y and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
        raise NotApplicableError("fit takes X alone")
    data = subject.data(*noise())
    text = np.array([f"class {c}" for c in data.y], dtype=object)
    hostile = {"NaN": np.full(len(data.X), np.nan), "of another length": data.y[:5], "text": text}
    expected = _fitted_with(subject, data.X)
    for what, y in {"the classes": data.y, "other classes": (data.y[::-1] == 0).astype(int), **hostile}.items():
        try:
            found = _fitted_with(subject, data.X, y)
        except ValueError:
            if what in hostile:
                continue  # refused, so not read in silence
            raise
        if not same(found, expected):
            changed = [name for name in expected if not np.array_equal(found.get(name), expected[name], equal_nan=True)]
            raise BrokenError(
                f"fit(X, y) with y = {what} gives another {changed[0]} than fit(X): ignore y, labels must not reach "
                "training. A control that shows the truth says reads_truth = True and control=True"
            )


def _fitted_with(subject: Subject, X: np.ndarray, *y: Any) -> dict[str, np.ndarray]:
    estimator = subject.build()
    estimator.fit(X.copy(), *y)
    return imprint(estimator, getattr(estimator, "labels_", ()))
