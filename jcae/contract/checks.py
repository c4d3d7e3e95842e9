"""What every method must keep to, as checks that `jcae check` and the tests run.

A check is a function of a `Subject`. It returns where the method keeps to it, raises `BrokenError` with what to do
where it does not, and `NotApplicableError` with the reason where there is nothing to check. The data are small blobs in
float32; deep methods get tiny networks and a few updates, and enough updates only where their labels must be good.
"""

import inspect
import itertools
import json
import re
import statistics
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from jcae.jobs.classes import load_class
from jcae.jobs.plan import Plan
from jcae.jobs.provenance import code_digest
from jcae.jobs.runner import fitted_labels, fitted_objective, resolve_params, train_block
from jcae.models.info import Info

ROOT = Path(__file__).resolve().parents[2]
K, FEATURES, SEEDS = 3, 16, (0, 1, 2, 3, 4)
# ARI on easy blobs, with the truth and between two orders of the rows: in the median of five seeds, or, for a deep
# method that starts from random weights, in the best of them.
AGREEMENT = 0.9
# Of an objective that was reached alone and beside another seed: their sums may be in another order.
CLOSE = 1e-3
# What takes a tensor's value, or a shape that depends on it, to the host.
HOST = {"item", "tolist", "numpy", "__array__", "__bool__", "__float__", "__int__", "__index__"}
HOST |= {"nonzero", "argwhere", "masked_select", "unique"}
# Of deep methods, where the class has them. What is left out (weights of the loss, kinds of start) is the method's own.
FEW = {"hidden": (16,), "code_dim": 5, "batch_size": 32, "epochs": 2, "module_epochs": 1, "max_iter": 6}
# The data of the checks are no images: convolutions are the network's business (tests/unit/nn/test_convolution.py).
FEW |= {"update_interval": 3, "precision": "float32", "channels": None, "image_shape": None}
ENOUGH = {**FEW, "hidden": (32,), "epochs": 100, "module_epochs": 50, "max_iter": 500, "update_interval": 5}


class BrokenError(AssertionError):
    """A method does not keep to the contract; the message tells its author what to do."""


class NotApplicableError(Exception):
    """There is nothing to check; the message says why."""


@dataclass(frozen=True)
class Check:
    """A part of the contract.

    Attributes
    ----------
    name : str
    proves : str
        One sentence.
    run : callable
        Of a `Subject`.
    """

    name: str
    proves: str
    run: Callable[["Subject"], None]


@dataclass(frozen=True)
class Outcome:
    """How a check ended.

    Attributes
    ----------
    status : {"ok", "failed", "not applicable"}
    reason : str
        Empty where it is ok.
    """

    status: str
    reason: str = ""


CHECKS: list[Check] = []


def _check(name: str) -> Callable:
    """Make a function a check; its docstring is what it proves."""

    def register(function: Callable[["Subject"], None]) -> Callable:
        CHECKS.append(Check(name, " ".join(inspect.getdoc(function).split()), function))
        return function

    return register


def run_check(check: Check, subject: "Subject") -> Outcome:
    """Run one check; whatever the method raises is an outcome."""
    try:
        with warnings.catch_warnings(action="ignore"):
            check.run(subject)
    except NotApplicableError as reason:
        return Outcome("not applicable", str(reason))
    except BrokenError as error:
        return Outcome("failed", str(error))
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"{type(error).__name__}: {' '.join(str(error).split())} ({last.filename}, line {last.lineno})"
        return Outcome("failed", f"it raised {reason}")
    return Outcome("ok")


# --- the method under test --------------------------------------------------------------------------------------------


class Subject:
    """A method with its parameters, and what is known of it.

    Parameters
    ----------
    use : str
        Its class, as in a config.
    params : mapping
        Constructor parameters, as in a config.
    name : str, optional
        How it is called.

    Raises
    ------
    MethodError, ParameterError
        There is no such class, or it has no such parameter.
    """

    def __init__(self, use: str, params: Mapping[str, Any] | None = None, name: str | None = None):
        self.use = use
        self.name = name or use
        self.cls = load_class(use)
        self.params = dict(params or {})
        self.arguments(FEW)  # an unknown parameter is an error here

    @cached_property
    def third_party(self) -> bool:
        """Whether the class is of an installed package, whose authors do not read this."""
        return "==" in code_digest(self.cls)

    @cached_property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """Of the constructor."""
        return inspect.signature(self.cls).parameters

    @property
    def kind(self) -> tuple[str, str]:
        """What it shares with methods that differ from it only in numbers, or in what the checks set."""
        kept = {k: v for k, v in self.params.items() if k not in FEW and type(v) not in (int, float, type(None))}
        return self.use, json.dumps(kept, sort_keys=True, default=str)

    @property
    def deep(self) -> bool:
        """Whether it fits all seeds of a block together."""
        return hasattr(self.cls, "fit_seeds")

    @property
    def random(self) -> bool:
        """Whether it says that it is random."""
        return "random_state" in self.parameters

    @property
    def counts(self) -> bool:
        """Whether it is told the number of clusters."""
        return bool({"n_clusters", "n_components"} & self.parameters.keys()) and not self.reads_truth

    @property
    def control(self) -> bool:
        """Whether it is no method, but a bound of the scores."""
        return bool(getattr(getattr(self.cls, "info", None), "control", False))

    @property
    def reads_truth(self) -> bool:
        """Whether it is a control that is fitted with the true labels."""
        return bool(getattr(self.cls, "reads_truth", False))

    @cached_property
    def starts_at_random(self) -> bool:
        """Whether it trains from random weights: its best run of several counts, as a user would keep it."""
        return self.deep and hasattr(self.cls, "pretraining") and self.build().pretraining() is None

    @cached_property
    def between_0_and_1(self) -> bool:
        """Whether it refuses standardised data and takes data between 0 and 1."""
        try:
            self.fit(_standardised(*_blobs()))
        except ValueError:
            try:
                self.fit(_scaled(*_blobs()))
            except Exception:
                return False  # then that is not why; the checks will tell
            return True
        except Exception:
            return False
        return False

    @cached_property
    def easy(self) -> SimpleNamespace:
        """Three blobs far apart."""
        return self.data(*_blobs())

    @cached_property
    def good_fits(self) -> list[SimpleNamespace]:
        """Fits of the easy blobs with enough updates, one per seed."""
        return self.fit_enough(self.easy)

    def data(self, X: np.ndarray, y: np.ndarray | None = None) -> SimpleNamespace:
        """Data in the range that the method takes: X (n, d) float32 and classes y (n,)."""
        return _scaled(X, y) if self.between_0_and_1 else _standardised(X, y)

    def arguments(self, budget: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
        """Arguments of the constructor, all but the number of clusters, the seed and the device."""
        arguments = dict(self.params)
        if self.deep:
            arguments |= {name: value for name, value in budget.items() if name in self.parameters}
            if "autoencoder" in self.parameters and arguments.get("autoencoder") is None:
                from jcae.models.autoencoder import Autoencoder

                arguments["autoencoder"] = Autoencoder(epochs=budget["epochs"], batch_size=32)
        resolve_params(self.cls, arguments, n_clusters=K)
        return {**arguments, **changes}

    def build(self, seed: int = 0, n_clusters: int = K, budget: Mapping[str, Any] = FEW, **changes: Any) -> Any:
        """The estimator, not fitted."""
        seeded = {"random_state": seed} if self.random else {}
        arguments = self.arguments(budget, **changes)
        return self.cls(**resolve_params(self.cls, arguments, n_clusters=n_clusters, device="cpu"), **seeded)

    def fit(self, data: SimpleNamespace, seed: int = 0, **build: Any) -> SimpleNamespace:
        """The fitted estimator and its labels, as the pipeline fits it."""
        return self.fit_all(data, (seed,), **build)[0]

    def fit_all(self, data: SimpleNamespace, seeds: tuple[int, ...], **build: Any) -> list[SimpleNamespace]:
        """One fit per seed."""
        X = data.X.copy()
        if not self.deep:
            fits = [self.build(seed, **build) for seed in seeds]
            truth = data.y if self.reads_truth else None
            return [SimpleNamespace(labels=fitted_labels(one, X, truth), estimator=one) for one in fits]
        from jcae.training.loop import Runtime

        fits = self.build(**build).fit_seeds(X, list(seeds), runtime=Runtime(progress=False))
        return [SimpleNamespace(labels=getattr(one, "labels_", None), estimator=one) for one in fits]

    def fit_enough(self, data: SimpleNamespace) -> list[SimpleNamespace]:
        """One fit per seed, with enough updates for good labels."""
        return self.fit_all(data, SEEDS if self.random else SEEDS[:1], budget=ENOUGH)


def subjects(plan: Plan) -> Iterator[Subject]:
    """The methods of a plan, one of each kind."""
    found = {}
    for job in plan.jobs.values():
        subject = Subject(job.spec["use"], job.spec["params"], job.method)
        found.setdefault(subject.kind, subject)
    yield from found.values()


# --- data -------------------------------------------------------------------------------------------------------------


def _blobs(n_clusters: int = K, n: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """Blobs far apart, which every method should find."""
    from sklearn.datasets import make_blobs

    return make_blobs(n, FEATURES, centers=n_clusters, center_box=(-10.0, 10.0), random_state=0)


def _noise(n: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Points without structure, and classes that mean nothing."""
    rng = np.random.default_rng(0)
    return rng.uniform(size=(n, FEATURES)), rng.integers(K, size=n)


def _standardised(X: np.ndarray, y: np.ndarray | None = None) -> SimpleNamespace:
    return SimpleNamespace(X=((X - X.mean(0)) / (X.std(0) + 1e-12)).astype(np.float32), y=y)


def _scaled(X: np.ndarray, y: np.ndarray | None = None) -> SimpleNamespace:
    return SimpleNamespace(X=((X - X.min(0)) / (np.ptp(X, 0) + 1e-12)).astype(np.float32), y=y)


# --- what a fit leaves behind -----------------------------------------------------------------------------------------


def _check_labels(labels: Any, n: int, n_clusters: int | None, where: str = "") -> None:
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


def _imprint(estimator: Any, labels: Any) -> dict[str, np.ndarray]:
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


def _same(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k], equal_nan=True) for k in one)


def _check_sound(subject: Subject, fit: SimpleNamespace, n: int, n_clusters: int | None, where: str) -> None:
    """The fit has a proper result, or says that it has none."""
    status, reason = getattr(fit.estimator, "status_", "ok"), getattr(fit.estimator, "reason_", None)
    if status not in ("ok", "diverged", "collapsed"):
        raise BrokenError(f"status_ {where} is {status!r}; set 'ok', 'diverged' or 'collapsed', or leave it out")
    if status != "ok":
        if not reason:
            raise BrokenError(f"status_ {where} is {status!r} without a reason; say in reason_ what happened")
        return
    _check_labels(fit.labels, n, n_clusters if subject.counts else None, where)
    for name, array in _imprint(fit.estimator, fit.labels).items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise BrokenError(
                f"{name} {where} holds NaN or infinity, and nothing says so: raise a ValueError, or set "
                "status_ = 'diverged' and reason_"
            )


def _explained(subject: Subject, data: SimpleNamespace, where: str, n_clusters: int = K) -> None:
    """Fit, and accept a proper result, a status or an exception that says what is wrong."""
    try:
        fit = subject.fit(data, n_clusters=n_clusters)
    except Exception as error:
        if not str(error):
            raise BrokenError(f"{type(error).__name__} {where} has no message; say what is wrong") from None
        return
    _check_sound(subject, fit, len(data.X), n_clusters, where)


@contextmanager
def _global_seed(seed: int) -> Iterator[None]:
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


def _agreement(one: np.ndarray, other: np.ndarray) -> float:
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(one, other))


# --- the contract -----------------------------------------------------------------------------------------------------


@_check("parameters")
def check_parameters(subject: Subject) -> None:
    """__init__ stores its arguments unchanged; get_params, set_params and clone work."""
    from sklearn.base import clone

    if subject.third_party:
        raise NotApplicableError("of an installed package; the benchmark builds it anew for every seed")
    missing = [name for name in ("get_params", "set_params") if not hasattr(subject.cls, name)]
    if missing:
        raise BrokenError(f"it has no {' and no '.join(missing)}; derive the class from sklearn.base.BaseEstimator")
    given = resolve_params(subject.cls, subject.arguments(FEW), n_clusters=K, device="cpu")
    estimator = subject.cls(**given)
    stored = estimator.get_params(deep=False)
    for name, value in given.items():
        if stored.get(name) is not value:
            raise BrokenError(
                f"{name}={value!r} was given, get_params() has {stored.get(name)!r}: store every argument as it is in "
                f"__init__ (self.{name} = {name}), and check or convert it in fit"
            )
    if clone(estimator).set_params(**given).get_params(deep=False).keys() != stored.keys():
        raise BrokenError("clone(estimator).get_params() lacks parameters; store every argument of __init__")


@_check("scikit-learn")
def check_scikit_learn(subject: Subject) -> None:
    """scikit-learn's own estimator checks pass."""
    from sklearn.base import BaseEstimator
    from sklearn.utils.estimator_checks import check_estimator

    if subject.third_party:
        raise NotApplicableError("of an installed package, whose authors run them")
    if not issubclass(subject.cls, BaseEstimator):
        raise NotApplicableError("not derived from sklearn.base.BaseEstimator")
    spared = {}
    if subject.control or subject.starts_at_random:
        spared["check_clustering"] = "asks for good labels; the check `easy blobs` does, with enough updates"
    # The checks compare predictions on parts of the data to 1e-7.
    exact = {"precision": "float64"} if subject.deep and "precision" in subject.parameters else {}
    if subject.between_0_and_1:
        raise NotApplicableError("takes data between 0 and 1 only, and these checks have others")
    results = check_estimator(
        subject.build(**exact), expected_failed_checks=spared, on_skip=None, on_fail=None, callback=None
    )
    failed = {one["check_name"]: one["exception"] for one in results if one["status"] == "failed"}
    if failed:
        said = "; ".join(f"{name}: {' '.join(str(error).split())[:200]}" for name, error in failed.items())
        raise BrokenError(
            f"sklearn.utils.estimator_checks says {said}. Derive from ClusterMixin and BaseEstimator, check X with "
            "validate_data in fit, and set only attributes that end in _ there"
        )


@_check("labels")
def check_labels(subject: Subject) -> None:
    """labels_ holds one integer per point, of at most K clusters; X is left as it was."""
    data = subject.easy
    estimator, X = subject.build(), data.X.copy()
    if not subject.deep:
        labels = fitted_labels(estimator, X, data.y if subject.reads_truth else None)
    elif hasattr(estimator, "fit"):
        labels = getattr(estimator.fit(X), "labels_", None)
    else:
        labels = subject.fit(data).labels
    _check_labels(labels, len(X), K if subject.counts else None)
    if not np.array_equal(X, data.X):
        raise BrokenError("fit changed X, which all seeds and methods share; work on a copy")


@_check("pipeline")
def check_pipeline(subject: Subject) -> None:
    """`jcae train` fits a block of seeds, and each has the labels and the objective of a fit of its own."""
    data = subject.easy
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        np.savez(folder / "features.npz", X=data.X)
        np.savez(folder / "truth.npz", y=data.y)
        (folder / "card.json").write_text(json.dumps({"n_clusters": K}), encoding="utf-8")
        spec = {"dataset": "blobs", "method": "method", "use": subject.use, "params": subject.arguments(FEW)}
        written = train_block(
            spec, folder / "features.npz", SEEDS[:2], folder / "block", truth=folder / "truth.npz", device="cpu"
        )
        for record in written:
            if record["status"] in ("failed", "diverged"):
                raise BrokenError(f"its run on blobs is {record['status']}: {record['reason']}")
            alone = subject.fit(data, record["seed"])
            with np.load(folder / "block" / str(record["seed"]) / "labels.npz") as stored:
                same = _agreement(stored["labels"], alone.labels) == 1
            reached = record["objective"], fitted_objective(alone.estimator)
            values = [objective["value"] for objective in reached if objective and objective["value"] is not None]
            if len(values) == 2:
                same &= np.isclose(*values, rtol=CLOSE)
            if not same:
                raise BrokenError(
                    f"seed {record['seed']} ends elsewhere in a fit of its own than beside another seed: keep no state "
                    "between fits; in a deep method reduce over the last axes, never the first"
                )


@_check("steps")
def check_steps(subject: Subject) -> None:
    """The loss of a deep method never looks at a tensor's value on the host."""
    if not hasattr(subject.cls, "training_phases"):
        raise NotApplicableError("has no training_phases")
    from torch.overrides import TorchFunctionMode

    class Watch(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            if getattr(function, "__name__", "") in HOST:
                raise BrokenError(
                    "a step looks at a tensor's value on the host (item, float, `if tensor`, nonzero); a GPU would "
                    "have to wait, and cannot replay it: use torch.where, clamp and masks of the same shape"
                )
            return function(*args, **(kwargs or {}))

    def watched(function: Callable | None) -> Callable | None:
        def call(*arguments: Any) -> Any:
            with Watch():
                return function(*arguments)

        return function and call

    estimator = subject.build()
    phases = estimator.training_phases
    estimator.training_phases = lambda block: [
        replace(phase, loss=watched(phase.loss), after=watched(phase.after)) for phase in phases(block)
    ]
    from jcae.training.loop import Runtime

    estimator.fit_seeds(subject.easy.X.copy(), [0], runtime=Runtime(progress=False))


@_check("same seed")
def check_same_seed(subject: Subject) -> None:
    """The same seed gives the same labels, whatever the global random generators hold."""
    data = subject.data(*_noise())
    fits = []
    for seed in (1, 2):
        with _global_seed(seed):
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


@_check("other seeds")
def check_other_seeds(subject: Subject) -> None:
    """Fits of other seeds differ if it has a random_state; without one no fits do."""
    data = subject.data(*_noise())
    imprints = []
    for seed in SEEDS:
        with _global_seed(seed):
            fit = subject.fit(data, seed=seed)
        imprints.append(_imprint(fit.estimator, fit.labels))
    differ = any(not _same(one, other) for one, other in itertools.combinations(imprints, 2))
    if subject.random and not differ:
        raise BrokenError(
            f"the seeds {SEEDS} give the same fit on data without structure: use random_state in fit, or, if nothing "
            "is random, take it out of __init__"
        )
    if not subject.random and differ:
        raise BrokenError("fits of the same data differ, and there is no random_state: take it in __init__ and use it")


@_check("row order")
def check_row_order(subject: Subject) -> None:
    """Labels of easy blobs agree (ARI 0.9) whatever the order of the rows."""
    _spare_controls(subject)
    data = subject.easy
    order = np.random.default_rng(0).permutation(len(data.X))
    other = SimpleNamespace(X=data.X[order], y=data.y[order])
    pairs = zip(subject.good_fits, subject.fit_enough(other), strict=True)
    found = [_agreement(one.labels[order], two.labels) for one, two in pairs]
    if _typical(subject, found) < AGREEMENT:
        raise BrokenError(
            f"with the rows in another order the labels are others, ARI {_shown(found)}: {AGREEMENT} are due. Draw "
            "starting points and batches at random, and use no row number"
        )


@_check("no labels")
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
    data = subject.data(*_noise())
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
        if not _same(found, expected):
            changed = [name for name in expected if not np.array_equal(found.get(name), expected[name], equal_nan=True)]
            raise BrokenError(
                f"fit(X, y) with y = {what} gives another {changed[0]} than fit(X): ignore y, labels must not reach "
                "training. A control that shows the truth says reads_truth = True and control=True"
            )


def _fitted_with(subject: Subject, X: np.ndarray, *y: Any) -> dict[str, np.ndarray]:
    estimator = subject.build()
    estimator.fit(X.copy(), *y)
    return _imprint(estimator, getattr(estimator, "labels_", ()))


@_check("two clusters")
def check_two_clusters(subject: Subject) -> None:
    """K = 2 works."""
    if not subject.counts:
        raise NotApplicableError("is not told a number of clusters")
    data = subject.data(*_blobs(2))
    _check_sound(subject, subject.fit(data, n_clusters=2), len(data.X), 2, "for two clusters")


@_check("duplicates")
def check_duplicates(subject: Subject) -> None:
    """Rows that are there three times are in one cluster, and do no harm."""
    X, y = _blobs(n=60)
    data = subject.data(np.tile(X, (3, 1)), np.tile(y, 3))
    fit = subject.fit(data)
    _check_sound(subject, fit, len(data.X), K, "where rows are doubled")
    thirds = np.asarray(fit.labels).reshape(3, -1)
    if not subject.control and (thirds != thirds[0]).any():
        apart = np.count_nonzero((thirds != thirds[0]).any(0))
        raise BrokenError(f"{apart} of {len(X)} points are apart from their copies: label by the features alone")


@_check("bad input")
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
            _check_labels(fit.labels, len(X), None, f"of X with {what}")


_VALIDATE = "call sklearn.utils.validation.validate_data(self, X) first in fit"


def _allows_nan(estimator: Any) -> bool:
    """Whether an estimator declares that it handles missing values, as scikit-learn's tags do."""
    from sklearn.base import BaseEstimator
    from sklearn.utils import get_tags

    return isinstance(estimator, BaseEstimator) and get_tags(estimator).input_tags.allow_nan


@_check("constant data")
def check_constant(subject: Subject) -> None:
    """Points that are all the same give a result, a status or an error."""
    constant = SimpleNamespace(X=np.full((60, FEATURES), 0.5, np.float32), y=np.arange(60) % K)
    _explained(subject, constant, "of constant data")


@_check("finite")
def check_finite(subject: Subject) -> None:
    """What a fit leaves is finite; on data a thousand times as large, or it says so."""
    data = subject.easy
    _check_sound(subject, subject.fit(data), len(data.X), K, "of blobs")
    large = SimpleNamespace(X=data.X * np.float32(1000), y=data.y)
    _explained(subject, large, "of data a thousand times as large")


@_check("weights")
def check_weights(subject: Subject) -> None:
    """weights_, stored as safetensors and read into a new estimator, predict the same."""
    from safetensors.numpy import load, save

    if not subject.deep:
        raise NotApplicableError("leaves labels alone; the check `pipeline` reads them back")
    data = subject.easy
    fitted = subject.fit(data).estimator
    if not isinstance(getattr(fitted, "weights_", None), Mapping):
        raise BrokenError("fit_seeds leaves no weights_; make it a dict of the network's arrays by name")
    if not hasattr(fitted, "load_weights"):
        raise BrokenError(
            "it has no load_weights(weights, n_features); derive it from jcae.models.estimator.DeepClusterer"
        )
    stored = load(save({name: np.asarray(array, order="C") for name, array in fitted.weights_.items()}))
    fresh = subject.build(seed=99).load_weights(stored, data.X.shape[1])
    methods = [name for name in ("predict", "predict_proba", "transform") if hasattr(fitted, name)]
    if not methods:
        raise BrokenError("it has neither predict nor transform, so nobody can use its weights; derive it from "
                          "jcae.models.estimator.DeepClusterer")  # fmt: skip
    for name in methods:
        if not np.array_equal(getattr(fresh, name)(data.X), getattr(fitted, name)(data.X)):
            raise BrokenError(
                f"{name} differs after its weights were stored and read: all that {name} needs must be a parameter or "
                "buffer of the network, or a constructor parameter"
            )


@_check("easy blobs")
def check_blobs(subject: Subject) -> None:
    """Three blobs far apart are found (ARI 0.9)."""
    _spare_controls(subject)
    found = [_agreement(subject.easy.y, fit.labels) for fit in subject.good_fits]
    if _typical(subject, found) < AGREEMENT:
        raise BrokenError(
            f"blobs that lie far apart are not found: ARI {_shown(found)}, {AGREEMENT} are due. Look at loss, learning "
            "rate and start; a method that needs other parameters for 150 points gets them with --params"
        )


@_check("info")
def check_info(subject: Subject) -> None:
    """Its info says what tables print, and its presets have parameters that exist."""
    info = getattr(subject.cls, "info", None)
    if subject.third_party and info is None:
        raise NotApplicableError("of an installed package; the config's `label` names it in the tables")
    if not isinstance(info, Info):
        raise BrokenError(
            "it has no `info`: add `info = jcae.models.info.Info(label=..., summary=..., reference=...)` to the class"
        )
    due = {"label": "a short name for tables", "summary": "one sentence", "reference": "a DOI or arXiv identifier"}
    for name, what in due.items():
        if not getattr(info, name):
            raise BrokenError(f"info.{name} is empty; give it {what}")
    if isinstance(info.deviations, str):
        raise BrokenError("info.deviations is one text; make it a tuple of sentences, ('It differs in this.',)")
    for sentence in (info.summary, *info.deviations):
        if not sentence.endswith("."):
            raise BrokenError(f"info: {sentence!r} is no sentence; end it with a full stop")
    for preset, params in info.presets.items():
        unknown = sorted(params.keys() - subject.parameters.keys())
        if unknown:
            raise BrokenError(f"info.presets[{preset!r}] has parameters that __init__ lacks: {', '.join(unknown)}")


@_check("page")
def check_page(subject: Subject) -> None:
    """A page of docs/methods has a block with its facts, which the site fills with what `info` says."""
    file = Path(inspect.getfile(subject.cls)).resolve()
    pages = sorted((ROOT / "docs" / "methods").glob("*.md"))
    if not pages or file.parent not in (ROOT / "baselines", ROOT / "jcae" / "models"):
        raise NotApplicableError("not of this repository")
    path = f"{file.parent.name}.{file.stem}.{subject.cls.__name__}"
    blocks = {f"```{{facts}} {name}" for name in (path, f"jcae.{subject.cls.__name__}")}
    if not any(blocks & set(page.read_text(encoding="utf-8").splitlines()) for page in pages):
        raise BrokenError(
            f"no page of docs/methods has a block of facts of {path}; write docs/methods/{file.stem}.md, as "
            "`jcae new-method` does"
        )


def _spare_controls(subject: Subject) -> None:
    if subject.control:
        raise NotApplicableError("a control, which does not look at the data")


def _typical(subject: Subject, values: list[float]) -> float:
    """What is compared with `AGREEMENT`."""
    return max(values) if subject.starts_at_random else statistics.median(values)


def _shown(values: list[float]) -> str:
    return " ".join(f"{value:.2f}" for value in values)
