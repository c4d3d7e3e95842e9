"""From the entries of a config to jobs: one per method and data set, with all its parameters."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jcae.data.outline import Outline
from jcae.data.request import Request
from jcae.jobs.classes import MethodError, class_name, hint, load_class
from jcae.jobs.counts import CountError, asked_range, blocks_of, multiple
from jcae.jobs.datasets import read_requests
from jcae.jobs.exits import one_line
from jcae.jobs.provenance import code_digest
from jcae.jobs.signature import cluster_count, finds_clusters, fixed, needed, parameters, reserved, takes_graph
from jcae.jobs.transfer import WAYS, own_way

_AUTOENCODER = "jcae.Autoencoder"

# An autoencoder and a method that starts from it must agree on these: the shapes of the weights, and with another image
# or slope the same weights would be another function.
_ARCHITECTURE = ("hidden", "code_dim", "channels", "image_shape", "negative_slope")

# YAML 1.1 reads 1e-3 (no point) as text; passed on, it would fail far from here.
_NUMBER_AS_TEXT = re.compile(r"[-+]?[0-9]+([.][0-9]*)?[eE][-+]?[0-9]+")


@dataclass(frozen=True)
class Job:
    """One method, or one autoencoder to pretrain, on one data set.

    Attributes
    ----------
    dataset, method : str
        Their keys in the config. For an autoencoder, `method` is its key in `autoencoders`.
    spec : dict
        What `jcae train` or `jcae pretrain` is told, JSON: only what the config says, no defaults, and nothing that
        cannot change a result.
    wording : dict
        What tables call it (`label`), and how its parameters were chosen (`tuned_with`, where the config says it).
    autoencoder : str or None
        The pretrained autoencoder that the method starts from.
    reads_truth : bool
        Whether the method is a control that is fitted with the true labels.
    takes_graph : bool
        Whether its `fit` takes a graph.
    deep : bool
        Whether the method trains on the configured device, as the deep ones do.
    code : str
        Digest of the method's source code (and its imports), or its package's version.
    counts : tuple of str
        Numbers of clusters that it runs over beside, cut into the blocks that one job fits; written as seeds are.
    """

    dataset: str
    method: str
    spec: dict[str, Any]
    wording: dict[str, str]
    autoencoder: str | None
    reads_truth: bool
    takes_graph: bool
    deep: bool
    code: str
    counts: tuple[str, ...] = ()


class Expansion:
    """The selected jobs, and what is wrong in the whole config; entries that break the schema are passed over."""

    def __init__(self, config: Mapping[str, Any], broken: set[tuple], only: Mapping[str, Any]) -> None:
        self.config = config
        self.only = only
        self.broken = broken
        self.problems: list[str] = []
        self.requests: dict[str, Request] = {}
        self.outlines: dict[str, Outline] = {}
        # One cause, one message: what is wrong in the same way on several data sets.
        self._on_datasets: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._classes: dict[str, type | None] = {}
        self._digests: dict[type, str] = {}

    def expand(self) -> tuple[dict[tuple[str, str], Job], dict[tuple[str, str], Job]]:
        datasets = self._entries("datasets")
        methods = self._entries("methods")
        autoencoders = self._entries("autoencoders")
        self.requests, self.outlines, problems = read_requests(datasets)
        self.problems += problems
        # What follows from data that are not there is not said: one cause, one message.
        known = {name: entry for name, entry in datasets.items() if name in self.outlines}

        accepted: set[str] = set()
        pretraining, jobs = {}, {}
        for name, entry in autoencoders.items():
            cls = self._load(_AUTOENCODER, f"autoencoders.{name}")
            if cls is None:
                continue
            accepted |= set(parameters(cls))
            presets = self._presets(cls, entry, f"autoencoders.{name}")
            for dataset in known:
                params = self._params(cls, entry, presets, f"autoencoders.{name}", dataset, datasets)
                if self._is_selected(dataset):
                    self._check_construction(cls, params, f"autoencoders.{name}", dataset)
                spec = {"dataset": dataset, "autoencoder": name, "use": _AUTOENCODER, "params": params}
                pretraining[dataset, name] = Job(dataset, name, spec, {}, None, False, False, True, self._digests[cls])
        for name, entry in methods.items():
            place = f"methods.{name}"
            self.problems += check_names(
                entry.get("only"), self.config["datasets"], f"{place}.only", "data set of this config"
            )
            self.problems += check_names(
                entry.get("tuned_on"), self.config["datasets"], f"{place}.tuned_on", "data set of this config"
            )
            autoencoder = entry.get("autoencoder")
            if autoencoder is not None:
                self._check_known(
                    autoencoder, self.config.get("autoencoders", {}), f"{place}.autoencoder", "key of `autoencoders`"
                )
            cls = self._load(entry["use"], f"{place}.use")
            if cls is None:
                continue
            accepted |= set(parameters(cls))
            if not hasattr(cls, "fit") and not hasattr(cls, "fit_predict"):
                self.problems.append(f"{place}.use: {entry['use']} has neither `fit` nor `fit_predict`")
            if autoencoder is not None and not hasattr(cls, "fit_seeds"):
                self.problems.append(f"{place}.autoencoder: {entry['use']} cannot start from pretrained weights")
            if entry.get("transfer") == "adapt" and not hasattr(cls, "adapt"):
                self.problems.append(f"{place}.transfer: {class_name(cls)} has no adapt{hint('', WAYS[1:])}")
            presets = self._presets(cls, entry, place)
            for dataset in known:
                params = self._params(cls, entry, presets, place, dataset, datasets)
                if dataset not in entry.get("only", datasets) or not self._is_selected(dataset, name):
                    continue
                told, counts = self._counts(cls, entry, place, dataset)
                params |= told
                start = pretraining.get((dataset, autoencoder))
                if start is not None:
                    params |= _architecture_of(start, cls, params)
                self._check_construction(cls, params, place, dataset, autoencoder)
                for count in sorted({*counts[:1], *counts[-1:]}):
                    ends = {**params, cluster_count(cls): count}
                    self._check_construction(cls, ends, f"{place}.n_clusters", dataset, beside=place)
                spec = {"dataset": dataset, "method": name, "use": entry["use"], "params": params}
                if autoencoder is not None:
                    spec["autoencoder"] = autoencoder
                if self.outlines[dataset].is_split and "transfer" in entry:
                    spec["transfer"] = entry["transfer"]
                jobs[dataset, name] = Job(
                    dataset,
                    name,
                    spec,
                    _wording(cls, entry, dataset, spec.get("transfer")),
                    autoencoder,
                    reads_truth=bool(getattr(cls, "reads_truth", False)),
                    takes_graph=takes_graph(cls),
                    deep=hasattr(cls, "fit_seeds"),
                    code=self._digests[cls],
                    counts=blocks_of(cls, counts, autoencoder),
                )
                if start is not None:
                    self._check_architecture(cls, params, start, place)
        if not self.broken:  # a method that could not be read may be the one that has the parameter
            for name, entry in datasets.items():
                for key in entry.get("params", {}):
                    if key not in accepted:
                        place = f"datasets.{name}.params.{key}"
                        self.problems.append(f"{place}: no method has this parameter{hint(key, accepted)}")
        for (place, text), found in self._on_datasets.items():
            self.problems.append(f"{place}: on {', '.join(dataset for dataset, _ in found)}: {text}{found[0][1]}")
        self.problems = list(dict.fromkeys(self.problems))
        return jobs, pretraining

    def _add_on(self, dataset: str, place: str, text: str, detail: str = "") -> None:
        """Add a problem with one data set; of several with the same text the first one's detail is shown."""
        self._on_datasets.setdefault((place, text), []).append((dataset, detail))

    def _entries(self, section: str) -> dict[str, Any]:
        entries = self.config.get(section, {})
        return {name: entry for name, entry in entries.items() if (section, name) not in self.broken}

    def _is_selected(self, dataset: str, method: str | None = None) -> bool:
        datasets, methods = self.only["datasets"], self.only["methods"]
        return (datasets is None or dataset in datasets) and (method is None or methods is None or method in methods)

    def _check_known(self, name: str, allowed: Iterable[str], place: str, what: str) -> None:
        self.problems += check_names([name], allowed, place, what)

    def _load(self, use: str, place: str) -> type | None:
        if use not in self._classes:
            try:
                cls = self._classes[use] = load_class(use)
                parameters(cls)
                self._digests[cls] = code_digest(cls)
            except (MethodError, ValueError) as error:  # ValueError: a built-in class, without signature or source
                self._classes[use] = None
                self.problems.append(f"{place}: {error}")
        return self._classes[use]

    def _presets(self, cls: type, entry: Mapping[str, Any], place: str) -> dict[str | None, Mapping[str, Any]]:
        """The published settings that an entry names: under None the one for all data sets, else by data set."""
        by_dataset = entry.get("presets") or {}
        self.problems += check_names(by_dataset, self.config["datasets"], f"{place}.presets", "data set of this config")
        named = {None: entry["preset"]} if "preset" in entry else {}
        published = getattr(getattr(cls, "info", None), "presets", {})
        settings = {}
        for dataset, name in {**named, **by_dataset}.items():
            if name in published:
                settings[dataset] = published[name]
                continue
            key = f"{place}.preset" if dataset is None else f"{place}.presets.{dataset}"
            allowed = hint(name, published) if published else f"; {entry.get('use', _AUTOENCODER)} publishes none"
            self.problems.append(f"{key}: unknown preset {name!r}{allowed}")
        return settings

    def _counts(
        self, cls: type, entry: Mapping[str, Any], place: str, dataset: str
    ) -> tuple[dict[str, int], tuple[int, ...]]:
        """What an entry asks for beside the number of classes: another number, as a parameter, or a range."""
        asked, outline = entry.get("n_clusters"), self.outlines[dataset]
        if asked is None:
            return {}, ()
        try:
            counts = asked_range(cls, asked, outline.n_fit)
            return ({}, counts) if counts else (multiple(cls, asked, outline.n_clusters), ())
        except CountError as error:
            where = ".".join([f"{place}.n_clusters", *error.key])
            self.problems.append(f"{where}: {f'on {dataset} ' if error.of_data else ''}{error}")
            return {}, ()

    def _params(
        self,
        cls: type,
        entry: Mapping[str, Any],
        presets: Mapping[str | None, Mapping[str, Any]],
        place: str,
        dataset: str,
        datasets: Mapping[str, Any],
    ) -> dict[str, Any]:
        """The parameters of one job; what is said of one data set wins over what is said of all."""
        allowed = parameters(cls)
        own = entry.get("params", {})
        by_dataset = entry.get("datasets") or {}
        self.problems += check_names(
            by_dataset, self.config["datasets"], f"{place}.datasets", "data set of this config"
        )
        self._check_params(own, allowed, f"{place}.params", cls)
        for name, params in by_dataset.items():
            self._check_params(params, allowed, f"{place}.datasets.{name}", cls)
        shared = datasets[dataset].get("params", {})
        self._check_values(shared, f"datasets.{dataset}.params")
        shared = {k: v for k, v in shared.items() if k in allowed}
        general = {**shared, **presets.get(None, {}), **own}
        # Through JSON, so that a preset's tuples equal the lists they become in the job.
        return json.loads(json.dumps({**general, **presets.get(dataset, {}), **by_dataset.get(dataset, {})}))

    def check_tuning(self, tuning: Mapping[str, Any]) -> None:
        """Check the search spaces: known methods, parameters that a search may set, and ranges that are ranges."""
        for name, space in tuning.items():
            self._check_known(name, self.config["methods"], f"tuning.{name}", "method of this config")
            entry = self._entries("methods").get(name)
            cls = self._load(entry["use"], f"methods.{name}.use") if entry else None
            if cls is None:
                continue
            self._check_params(dict.fromkeys(space), parameters(cls), f"tuning.{name}", cls)
            for parameter, values in space.items():
                place = f"tuning.{name}.{parameter}"
                if entry.get("autoencoder") and parameter in _ARCHITECTURE:
                    self.problems.append(f"{place}: is the shape of the autoencoder that the method starts from")
                self.problems += [f"{place}: {problem}" for problem in _check_range(values)]

    def _check_params(self, params: Mapping[str, Any], allowed: Mapping[str, Any], place: str, cls: type) -> None:
        for name in params:
            if name in reserved(cls):
                self.problems.append(f"{place}.{name}: is not set here; {reserved(cls)[name]}")
            elif name not in allowed and "**" not in allowed:
                listed = set(allowed) - set(reserved(cls))
                self.problems.append(f"{place}.{name}: {class_name(cls)} has no such parameter{hint(name, listed)}")
        self._check_values(params, place)

    def _check_values(self, params: Mapping[str, Any], place: str) -> None:
        for name, value in params.items():
            if isinstance(value, str) and _NUMBER_AS_TEXT.fullmatch(value):
                self.problems.append(
                    f"{place}.{name}: {value} is text in YAML, a number needs a point: {float(value):.1e}"
                )

    def _check_construction(
        self,
        cls: type,
        params: Mapping[str, Any],
        place: str,
        dataset: str,
        autoencoder: str | None = None,
        beside: str | None = None,
    ) -> None:
        """Find parameters that are missing, and let our own methods judge theirs for the shape of the data.

        What has been found at the place `beside` is not looked for again.
        """
        if beside is not None and any(at.startswith(beside) and at != place for at, _ in self._on_datasets):
            return
        count = cluster_count(cls)
        for name in needed(cls) - params.keys() - {count, "random_state", "device"}:
            self.problems.append(f"{place}.params: {class_name(cls)} needs {name!r}, which has no default")
        if not hasattr(cls, "check_parameters"):
            return
        facts = self.outlines[dataset]
        try:
            told = {count: facts.n_clusters} if count and not finds_clusters(cls) else {}
            method = cls(**{**fixed(cls), **told, **params})
            if hasattr(cls, "fit_seeds"):
                from jcae.models.estimator import DeepEstimator
                from jcae.models.parameters import check_shared

                if isinstance(method, DeepEstimator):
                    method = method.settled(facts.n_fit, facts.d)
                    check_shared(method, facts.n_fit, facts.d)
            method.check_parameters(facts.n_fit, facts.d)
            starts_at_random = autoencoder and hasattr(method, "pretraining") and method.pretraining() is None
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a method's own lines may raise anything, and may leave by sys.exit
            if not any(problem.startswith(place) for problem in self.problems):  # else it has been reported by name
                what = str(error) if type(error) in (TypeError, ValueError) else one_line(error)
                self._add_on(dataset, place, what)
            return
        if starts_at_random:
            self._add_on(
                dataset,
                f"{place}.autoencoder",
                f"{class_name(cls)} starts from random weights with these parameters and has no use for "
                f"{autoencoder!r}; take the key out, or set parameters that make it start from one",
            )

    def _check_architecture(self, cls: type, params: Mapping[str, Any], pretraining: Job, place: str) -> None:
        theirs = parameters(load_class(_AUTOENCODER))
        mine = parameters(cls)
        for name in _ARCHITECTURE:
            if name not in mine or name not in theirs:
                continue
            given = params.get(name, mine[name]), pretraining.spec["params"].get(name, theirs[name])
            want, have = json.loads(json.dumps(given))  # a preset's tuple is a list; 0 is 0.0
            if want != have:
                self._add_on(
                    pretraining.dataset,
                    f"{place}.autoencoder",
                    f"the method has {name} = {want}; take it out, or say it of the data set, in its params: the "
                    f"autoencoder {pretraining.method!r} has",
                    f" {have}",
                )


def _architecture_of(start: Job, cls: type, params: Mapping[str, Any]) -> dict[str, Any]:
    """What a method that says nothing of its architecture takes over from the autoencoder that it starts from."""
    theirs, mine = parameters(load_class(_AUTOENCODER)), parameters(cls)
    shared = [name for name in _ARCHITECTURE if name in mine and name in theirs and name not in params]
    have = {name: start.spec["params"].get(name, theirs[name]) for name in shared}
    return {name: value for name, value in have.items() if not _equal(value, mine[name])}


def _equal(one: Any, other: Any) -> bool:
    """Whether two values are the same where they are JSON: a preset's tuple is a list; 0 is 0.0."""
    return json.loads(json.dumps(one)) == json.loads(json.dumps(other))


def _wording(cls: type, entry: Mapping[str, Any], dataset: str, way: str | None) -> dict[str, str]:
    label = entry.get("label") or getattr(getattr(cls, "info", None), "label", cls.__name__)
    if "factor" in entry.get("n_clusters", {}):  # no table shows such a run under the name of the method as it is
        label = f"{label} [{entry['n_clusters']['factor']:g} K]"
    if way not in (None, own_way(cls)):
        label = f"{label} [{way}]"
    how = entry.get("tuned_on", {}).get(dataset, entry.get("tuned_with"))
    return {"label": label} | ({} if how is None else {"tuned_with": how})


def _check_range(values: Mapping[str, Any]) -> list[str]:
    """What is wrong with the values of one parameter that a search may try."""
    if "choices" in values:
        return ["has choices and a range; give one of them"] if len(values) > 1 else []
    missing = [key for key in ("low", "high") if key not in values]
    if missing:
        return [f"has no {' and no '.join(missing)}; give low and high, or choices"]
    low, high = values["low"], values["high"]
    if low >= high:
        return [f"low = {low} is not below high = {high}"]
    if values.get("log") and low <= 0:
        return [f"low = {low} on a logarithmic scale; it must be above 0"]
    return []


def check_names(names: Iterable[str] | None, allowed: Iterable[str], place: str, what: str) -> list[str]:
    if names is None or not isinstance(names, (list, tuple, dict)):
        return []
    allowed = list(allowed)
    return [f"{place}: {name!r} is no {what}{hint(name, allowed)}" for name in names if name not in allowed]
