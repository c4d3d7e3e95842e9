"""Checks of one fit: its labels, its place in a block, its weights, the steps of its training."""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from jcae.contract.example_data import K
from jcae.contract.fit_results import agreement, require_labels, same
from jcae.contract.registry import BrokenError, NotApplicableError, check
from jcae.contract.subject import FEW, SEEDS, Subject
from jcae.jobs.results import fitted_labels, fitted_objective
from jcae.jobs.runner import train_block

# Of an objective that was reached alone and beside another seed: their sums may be in another order.
CLOSE = 1e-3
# What takes a tensor's value, or a shape that depends on it, to the host.
HOST = {"item", "tolist", "numpy", "__array__", "__bool__", "__float__", "__int__", "__index__"}
HOST |= {"nonzero", "argwhere", "masked_select", "unique"}


@check("labels")
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
    require_labels(labels, len(X), subject.asked(estimator, K))
    if not np.array_equal(X, data.X):
        raise BrokenError("fit changed X, which all seeds and methods share; work on a copy")


@check("pipeline")
def check_pipeline(subject: Subject) -> None:
    """`jcae train` fits a block of seeds, and each has the labels and the objective of a fit of its own."""
    data = subject.easy
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        np.savez(folder / "features.npz", X=data.X)
        np.savez(folder / "truth.npz", y=data.y.astype(np.int64), class_names=np.array(["a", "b", "c"]))
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
                agrees = agreement(stored["labels"], alone.labels) == 1
            reached = record["objective"], fitted_objective(alone.estimator)
            values = [objective["value"] for objective in reached if objective and objective["value"] is not None]
            if len(values) == 2:
                agrees &= np.isclose(*values, rtol=CLOSE)
            if not agrees:
                raise BrokenError(
                    f"seed {record['seed']} ends elsewhere in a fit of its own than beside another seed: keep no state "
                    "between fits; in a deep method reduce over the last axes, never the first"
                )


@check("steps")
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
        replace(
            phase,
            loss=watched(phase.loss),
            then=[replace(turn, loss=watched(turn.loss)) for turn in phase.then],
            after=watched(phase.after),
        )
        for phase in phases(block)
    ]
    from jcae.training.phase import Runtime

    estimator.fit_seeds(subject.easy.X.copy(), [0], runtime=Runtime(progress=False))


@check("weights")
def check_weights(subject: Subject) -> None:
    """weights_, stored as safetensors and read into a new estimator, predict the same."""
    from safetensors.numpy import load, save
    from sklearn.exceptions import NotFittedError

    from jcae.models.clusterer import TransductiveClusterer

    if not subject.deep:
        raise NotApplicableError("leaves labels alone; the check `pipeline` reads them back")
    data = subject.easy
    fitted = subject.fit(data).estimator
    if not isinstance(getattr(fitted, "weights_", None), Mapping):
        raise BrokenError("fit_seeds leaves no weights_; make it a dict of the network's arrays by name")
    if not hasattr(fitted, "load_weights"):
        raise BrokenError(
            "it has no load_weights(weights, n_features); derive it from jcae.models.clusterer.DeepClusterer"
        )
    stored = load(save({name: np.asarray(array, order="C") for name, array in fitted.weights_.items()}))
    fresh = subject.build(seed=99).load_weights(stored, data.X.shape[1])
    methods = [name for name in ("predict", "predict_proba", "transform") if hasattr(fitted, name)]
    if not methods and isinstance(fitted, TransductiveClusterer):
        if not same(fresh.weights_, fitted.weights_):
            raise BrokenError("load_weights followed by weights_ gives other numbers: keep load_weights as inherited")
        return
    if not methods:
        raise BrokenError("it has neither predict nor transform, so nobody can use its weights; derive it from "
                          "jcae.models.clusterer.DeepClusterer")  # fmt: skip
    for name in methods:
        try:
            again = getattr(fresh, name)(data.X)
        except NotFittedError:  # it says that its weights are not enough for this
            if methods == [name]:
                raise
            continue
        if not np.array_equal(again, getattr(fitted, name)(data.X)):
            raise BrokenError(
                f"{name} differs after its weights were stored and read: all that {name} needs must be a parameter or "
                "buffer of the network, or a constructor parameter"
            )
