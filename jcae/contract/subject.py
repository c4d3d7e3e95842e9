"""The method under test: its class and parameters, what is known of it, and how it is fitted."""

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np

from jcae.contract.example_data import FEATURES, K, blobs, scaled, standardised
from jcae.jobs.classes import load_class
from jcae.jobs.parameters import resolve_params
from jcae.jobs.plan import Plan
from jcae.jobs.provenance import code_digest
from jcae.jobs.results import fitted_labels
from jcae.jobs.signature import finds_clusters

SEEDS = (0, 1, 2, 3, 4)
# Of deep methods, where the class has them. What is left out (weights of the loss, kinds of start) is the method's own.
FEW = {"hidden": (16,), "code_dim": 5, "batch_size": 32, "epochs": 2, "module_epochs": 1, "max_iter": 6}
FEW |= {"width": 20, "quality_width": 8, "n_atoms": 12, "n_layers": 8, "update_interval": 3, "precision": "float32"}
FEW |= {"widths": (8,), "depths": (1,), "feature_dim": 5, "members": 3}
FEW |= {"embedding_hidden": (16,), "embedding_epochs": 2, "embedding_batch_size": 32}
# The data of the checks are no images: convolutions are the network's business (tests/unit/nn/test_convolution.py).
FEW |= {"channels": None, "image_shape": None, "augment": None, "pca_dim": None}
# But to a method of images, which says `needs_images`, a row is one.
IMAGE = {"image_shape": (4, FEATURES // 4)}
# Where every update sees all points, an epoch is one; and configs have rates of a tenth, for ten times as many.
ALL_AT_ONCE = {"epochs": 400, "learning_rate": 1e-3}
ENOUGH = {**FEW, "hidden": (32,), "epochs": 100, "module_epochs": 50, "max_iter": 500, "update_interval": 5}
ENOUGH |= {"embedding_hidden": (32,), "embedding_epochs": 50}
# Updates of residual networks are dear, and these find the blobs in fewer.
OF_IMAGES = {"epochs": 60}


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
        """Whether it is told the number of clusters, or can be."""
        return bool({"n_clusters", "n_components"} & self.parameters.keys()) and not self.reads_truth

    def asked(self, estimator: Any, n_clusters: int | None) -> int | None:
        """How many clusters its labels may have, where a check asks for so many; None where it was not told."""
        told = self.counts and not (finds_clusters(self.cls) and estimator.n_clusters is None)
        return n_clusters if told else None

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

    @property
    def transductive(self) -> bool:
        """Whether it trains what assigns the points that it is fitted on, and no others."""
        return self.deep and not hasattr(self.cls, "predict")

    @cached_property
    def between_0_and_1(self) -> bool:
        """Whether it refuses standardised data and takes data between 0 and 1."""
        refusal = self._raised(standardised(*blobs()))
        return isinstance(refusal, ValueError) and self._raised(scaled(*blobs())) is None

    def _raised(self, data: SimpleNamespace) -> BaseException | None:
        """What a fit of these data ends in, the user's interrupt aside; the checks will tell it."""
        try:
            self.fit(data)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return error
        return None

    @cached_property
    def easy(self) -> SimpleNamespace:
        """Three blobs far apart."""
        return self.data(*blobs())

    @cached_property
    def good_fits(self) -> Callable[[tuple[int, ...]], list[SimpleNamespace]]:
        """Fits of the easy blobs with enough updates, of some seeds; what was fitted once is not fitted again."""
        return cache(lambda seeds: self.fit_enough(self.easy, seeds))

    def data(self, X: np.ndarray, y: np.ndarray | None = None) -> SimpleNamespace:
        """Data in the range that the method takes: X (n, d) float32 and classes y (n,)."""
        return scaled(X, y) if self.between_0_and_1 else standardised(X, y)

    def arguments(self, budget: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
        """Arguments of the constructor, all but the number of clusters, the seed and the device."""
        arguments = dict(self.params)
        if self.deep:
            arguments |= {name: value for name, value in budget.items() if name in self.parameters}
            if getattr(self.cls, "needs_images", False):
                arguments |= IMAGE
            if "autoencoder" in self.parameters and arguments.get("autoencoder") is None:
                from jcae.models.autoencoder import Autoencoder

                arguments["autoencoder"] = Autoencoder(epochs=min(budget["epochs"], ENOUGH["epochs"]), batch_size=32)
        resolve_params(self.cls, arguments, n_clusters=K)
        return {**arguments, **changes}

    def build(
        self, seed: int = 0, n_clusters: int | None = None, budget: Mapping[str, Any] = FEW, **changes: Any
    ) -> Any:
        """The estimator, not fitted; one that finds the number of clusters is told it only where it is given here."""
        seeded = {"random_state": seed} if self.random else {}
        if n_clusters is not None and self.counts and finds_clusters(self.cls):
            changes["n_clusters"] = n_clusters
        arguments = self.arguments(budget, **changes)
        return self.cls(**resolve_params(self.cls, arguments, n_clusters=n_clusters or K, device="cpu"), **seeded)

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
        from jcae.training.phase import Runtime

        fits = self.build(**build).fit_seeds(X, list(seeds), runtime=Runtime(progress=False))
        return [SimpleNamespace(labels=getattr(one, "labels_", None), estimator=one) for one in fits]

    def fit_enough(self, data: SimpleNamespace, seeds: tuple[int, ...]) -> list[SimpleNamespace]:
        """One fit per seed, with enough updates for good labels, and the number of clusters if it can be told."""
        starts = self.transductive and "autoencoder" in self.parameters
        enough = {**ENOUGH, **ALL_AT_ONCE} if starts else ENOUGH
        if getattr(self.cls, "needs_images", False):
            enough = {**enough, **OF_IMAGES}
        return self.fit_all(data, seeds, budget=enough, n_clusters=K)


def subjects(plan: Plan) -> Iterator[Subject]:
    """The methods of a plan, one of each kind."""
    found = {}
    for job in plan.jobs.values():
        subject = Subject(job.spec["use"], job.spec["params"], job.method)
        found.setdefault(subject.kind, subject)
    yield from found.values()
