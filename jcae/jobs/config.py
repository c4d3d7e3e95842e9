"""From the config file to the plan of jobs.

Everything that can be wrong with a config is found here, before any job starts, and all of it is reported together.
"""

import hashlib
import inspect
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from jcae.data.catalogue import CATALOGUE
from jcae.data.variant import Variant
from jcae.jobs.classes import MethodError, class_name, hint, load_class
from jcae.jobs.provenance import code_digest
from jcae.jobs.records import format_block

SCHEMA = Path(__file__).parents[2] / "workflow" / "schemas" / "config.schema.yaml"
_AUTOENCODER = "jcae.Autoencoder"
# An autoencoder and a method that starts from it must agree on these: the shapes of the weights, and with another image
# or slope the same weights would be another function.
_ARCHITECTURE = ("hidden", "code_dim", "channels", "image_shape", "negative_slope")
# YAML 1.1 reads 1e-3 (no point) as text; passed on, it would fail far from here.
_NUMBER_AS_TEXT = re.compile(r"[-+]?[0-9]+([.][0-9]*)?[eE][-+]?[0-9]+")


class ConfigError(ValueError):
    """Every problem that was found in a config.

    Attributes
    ----------
    problems : tuple of str
        One line each: the place, the bad value, what is allowed.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(
            "\n".join([f"the config has {count}, nothing was started:", *(f"  {p}" for p in self.problems)])
        )


@dataclass(frozen=True)
class Job:
    """One method, or one autoencoder to pretrain, on one data set.

    Attributes
    ----------
    dataset, method : str
        Their keys in the config. For an autoencoder, `method` is its key in `autoencoders`.
    spec : dict
        What `jcae train` or `jcae pretrain` is told, JSON: only what the config says, no defaults.
    autoencoder : str or None
        The pretrained autoencoder that the method starts from.
    reads_truth : bool
        Whether the method is a control that is fitted with the true labels.
    deep : bool
        Whether the method trains on the configured device, as the deep ones do.
    code : str
        Digest of the method's source code (and its imports), or its package's version.
    """

    dataset: str
    method: str
    spec: dict[str, Any]
    autoencoder: str | None
    reads_truth: bool
    deep: bool
    code: str


@dataclass(frozen=True)
class Plan:
    """What a run consists of.

    Attributes
    ----------
    run : str
    source : str or None
        Folder of another run whose tables and figures are wanted; None for those of this one.
    seeds : tuple of int
    blocks : tuple of str
        The seeds, cut into the blocks that one job trains together; written `0-4`, `0` or `0,2,5`.
    device : str
    threads, checkpoint_every : int
    keep : str
    mirror : str or None
    variants : dict of str to Variant
        The data sets of the run in the config's order, each as the run wants it.
    loaders : dict of str to str
        Digest, per data set, of its entry in the catalogue and of the function that loads it.
    methods : tuple of str
        The methods of the run in the config's order.
    jobs : dict of (data set, method) to Job
    pretraining : dict of (data set, autoencoder) to Job
    equivalence : dict
        The section of the config, with the data sets and seeds filled in.
    comparison, ledger : dict
        The sections of the config.
    tracking : dict
        `uri`, `experiment`; None leaves them to `jcae.publish.tracking`.
    tuning : dict
        Search space by method and parameter; training does not read it.
    """

    run: str
    source: str | None
    seeds: tuple[int, ...]
    blocks: tuple[str, ...]
    device: str
    threads: int
    checkpoint_every: int
    keep: str
    mirror: str | None
    variants: dict[str, Variant]
    loaders: dict[str, str]
    methods: tuple[str, ...]
    jobs: dict[tuple[str, str], Job]
    pretraining: dict[tuple[str, str], Job]
    equivalence: dict[str, Any]
    comparison: dict[str, Any]
    ledger: dict[str, Any]
    tracking: dict[str, Any]
    tuning: dict[str, Any]

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets on which something runs, in the config's order."""
        return tuple(self.variants)


def read_config(paths: Sequence[str | Path]) -> dict[str, Any]:
    """Read config files; a later one is laid over the earlier ones as `snakemake --configfile` does it.

    Mappings are merged key by key, anything else is replaced.
    """
    config: dict[str, Any] = {}
    for path in paths:
        try:
            layer = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError([f"{path}: {error.strerror}"]) from None
        except (
            yaml.YAMLError,
            ValueError,
            TypeError,
            LookupError,
            RecursionError,
        ) as error:  # it leaks the latter four
            raise ConfigError([f"{path}: not YAML: {' '.join(str(error).split())}"]) from None
        if layer is None:
            continue
        if not isinstance(layer, dict):
            raise ConfigError([f"{path}: holds {_describe(layer)}, expected keys and values"])
        config = _merge(config, layer)
    return config


def method_spec(config: Mapping[str, Any], method: str) -> dict[str, Any]:
    """What `jcae train` would be told of a method of the config, on the first of its data sets.

    Raises
    ------
    ConfigError
        The config has problems, or no such method.
    """
    methods = config.get("methods") or {}
    if method not in methods:
        problems = _check_names([method], methods, "methods", "method of this config")
        raise ConfigError(
            [f"{problem} (its lines are in a file of their own? name that file, too)" for problem in problems]
        )
    entry = {key: value for key, value in methods[method].items() if key != "only"}
    only = {"datasets": None, "methods": [method]}
    plan = make_plan({**config, "methods": {**methods, method: entry}, "only": only})
    return next(iter(plan.jobs.values())).spec


def make_plan(config: Mapping[str, Any], schema: str | Path = SCHEMA) -> Plan:
    """Check a config and expand it.

    Raises
    ------
    ConfigError
        With every problem that was found.
    """
    try:
        config = json.loads(json.dumps(config, default=str))
    except (ValueError, TypeError, RecursionError) as error:
        raise ConfigError([f"not what JSON could hold: {error}"]) from None
    schema = _read_schema(schema)
    problems, broken = _check_structure(config, schema)
    if broken & {(), ("datasets",), ("autoencoders",), ("methods",)}:
        raise ConfigError(problems)
    settings = _with_defaults(config, schema)
    only = settings["only"] if ("only",) not in broken else {"datasets": None, "methods": None}
    expansion = _Expansion(config, broken, only)
    jobs, pretraining = expansion.expand()
    equivalence = settings["equivalence"]
    if ("tuning",) not in broken:
        expansion.check_tuning(settings["tuning"])
    problems += expansion.problems
    problems += _check_names(only["datasets"], config["datasets"], "only.datasets", "data set of this config")
    problems += _check_names(only["methods"], config["methods"], "only.methods", "method of this config")
    if ("equivalence",) not in broken:
        compared = equivalence["datasets"]
        problems += _check_names(compared, config["datasets"], "equivalence.datasets", "data set of this config")
    if ("comparison",) not in broken and settings["comparison"]["reference"] is not None:
        reference = [settings["comparison"]["reference"]]
        problems += _check_names(reference, config["methods"], "comparison.reference", "method of this config")
    problems += _check_source(settings["from"])
    if problems:
        raise ConfigError(problems)
    if not jobs:
        raise ConfigError(["only: no method and data set remain; nothing to run"])
    needed = {(job.dataset, job.autoencoder) for job in jobs.values() if job.autoencoder}
    seeds = settings["seeds"]
    size = settings["seeds_per_job"] or (1 if settings["device"] == "cpu" else len(seeds))
    datasets = [d for d in config["datasets"] if any(d == job.dataset for job in jobs.values())]
    if equivalence["datasets"] is None:
        equivalence["datasets"] = datasets
    if equivalence["seeds"] is None:
        equivalence["seeds"] = seeds
    for dataset in equivalence["datasets"]:
        if dataset not in datasets:
            datasets.append(dataset)
    return Plan(
        run=settings["run"] if settings["from"] is None else f"{Path(settings['from']).resolve().name}-redrawn",
        source=settings["from"],
        seeds=tuple(seeds),
        blocks=tuple(format_block(seeds[i : i + size]) for i in range(0, len(seeds), size)),
        device=settings["device"],
        threads=settings["threads"],
        checkpoint_every=settings["checkpoint_every"],
        keep=settings["keep"],
        mirror=settings["data"]["mirror"],
        variants={d: _variant(config["datasets"][d]) for d in datasets},
        loaders={d: _loader_digest(d) for d in datasets},
        methods=tuple(m for m in config["methods"] if any(m == job.method for job in jobs.values())),
        jobs=jobs,
        pretraining={key: job for key, job in pretraining.items() if key in needed},
        equivalence=equivalence,
        comparison=settings["comparison"],
        ledger=settings["ledger"],
        tracking=settings["tracking"],
        tuning=settings["tuning"],
    )


@cache
def _read_schema(path: str | Path) -> dict[str, Any]:
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


class _Expansion:
    """The selected jobs, and what is wrong in the whole config; entries that break the schema are passed over."""

    def __init__(self, config: Mapping[str, Any], broken: set[tuple], only: Mapping[str, Any]) -> None:
        self.config = config
        self.only = only
        self.broken = broken
        self.problems: list[str] = []
        self._classes: dict[str, type | None] = {}
        self._digests: dict[type, str] = {}

    def expand(self) -> tuple[dict[tuple[str, str], Job], dict[tuple[str, str], Job]]:
        datasets = self._entries("datasets")
        methods = self._entries("methods")
        autoencoders = self._entries("autoencoders")
        for name in datasets:
            self._check_known(name, CATALOGUE, f"datasets.{name}", "data set of the catalogue")
            try:
                _variant(datasets[name])
            except ValueError as error:
                self.problems.append(f"datasets.{name}.range: {error}")

        accepted: set[str] = set()
        pretraining, jobs = {}, {}
        for name, entry in autoencoders.items():
            cls = self._load(_AUTOENCODER, f"autoencoders.{name}")
            if cls is None:
                continue
            accepted |= set(_parameters(cls))
            presets = self._presets(cls, entry, f"autoencoders.{name}")
            for dataset in datasets:
                params = self._params(cls, entry, presets, f"autoencoders.{name}", dataset, datasets)
                if self._is_selected(dataset):
                    self._check_construction(cls, params, f"autoencoders.{name}", dataset)
                spec = {"dataset": dataset, "autoencoder": name, "use": _AUTOENCODER, "params": params}
                pretraining[dataset, name] = Job(dataset, name, spec, None, False, True, self._digests[cls])
        for name, entry in methods.items():
            place = f"methods.{name}"
            self.problems += _check_names(
                entry.get("only"), self.config["datasets"], f"{place}.only", "data set of this config"
            )
            self.problems += _check_names(
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
            accepted |= set(_parameters(cls))
            if not hasattr(cls, "fit") and not hasattr(cls, "fit_predict"):
                self.problems.append(f"{place}.use: {entry['use']} has neither `fit` nor `fit_predict`")
            if autoencoder is not None and not hasattr(cls, "fit_seeds"):
                self.problems.append(f"{place}.autoencoder: {entry['use']} cannot start from pretrained weights")
            presets = self._presets(cls, entry, place)
            for dataset in datasets:
                params = self._params(cls, entry, presets, place, dataset, datasets)
                if dataset not in entry.get("only", datasets) or not self._is_selected(dataset, name):
                    continue
                params |= self._wrong_count(cls, entry, place, dataset)
                self._check_construction(cls, params, place, dataset, autoencoder)
                spec = {"dataset": dataset, "method": name, "use": entry["use"], "params": params}
                spec |= {key: entry[key] for key in ("label", "tuned_with", "autoencoder") if key in entry}
                if dataset in entry.get("tuned_on", {}):
                    spec["tuned_with"] = entry["tuned_on"][dataset]
                if "n_clusters" in entry:  # no table shows such a run under the name of the method as it is
                    label = entry.get("label") or getattr(getattr(cls, "info", None), "label", name)
                    spec["label"] = f"{label} [{entry['n_clusters']['factor']:g} K]"
                reads_truth, deep = bool(getattr(cls, "reads_truth", False)), hasattr(cls, "fit_seeds")
                jobs[dataset, name] = Job(dataset, name, spec, autoencoder, reads_truth, deep, self._digests[cls])
                if (dataset, autoencoder) in pretraining:
                    self._check_architecture(cls, params, pretraining[dataset, autoencoder], place)
        if not self.broken:  # a method that could not be read may be the one that has the parameter
            for name, entry in datasets.items():
                for key in entry.get("params", {}):
                    if key not in accepted:
                        place = f"datasets.{name}.params.{key}"
                        self.problems.append(f"{place}: no method has this parameter{hint(key, accepted)}")
        self.problems = list(dict.fromkeys(self.problems))
        return jobs, pretraining

    def _entries(self, section: str) -> dict[str, Any]:
        entries = self.config.get(section, {})
        return {name: entry for name, entry in entries.items() if (section, name) not in self.broken}

    def _is_selected(self, dataset: str, method: str | None = None) -> bool:
        datasets, methods = self.only["datasets"], self.only["methods"]
        return (datasets is None or dataset in datasets) and (method is None or methods is None or method in methods)

    def _check_known(self, name: str, allowed: Iterable[str], place: str, what: str) -> None:
        self.problems += _check_names([name], allowed, place, what)

    def _load(self, use: str, place: str) -> type | None:
        if use not in self._classes:
            try:
                cls = self._classes[use] = load_class(use)
                _parameters(cls)
                self._digests[cls] = code_digest(cls)
            except (MethodError, ValueError) as error:  # ValueError: a built-in class, without signature or source
                self._classes[use] = None
                self.problems.append(f"{place}: {error}")
        return self._classes[use]

    def _presets(self, cls: type, entry: Mapping[str, Any], place: str) -> dict[str | None, Mapping[str, Any]]:
        """The published settings that an entry names: under None the one for all data sets, else by data set."""
        by_dataset = entry.get("presets") or {}
        self.problems += _check_names(
            by_dataset, self.config["datasets"], f"{place}.presets", "data set of this config"
        )
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

    def _wrong_count(self, cls: type, entry: Mapping[str, Any], place: str, dataset: str) -> dict[str, int]:
        """The number of clusters, where the entry asks for another one than the number of classes."""
        if "n_clusters" not in entry or dataset not in CATALOGUE:
            return {}
        place = f"{place}.n_clusters"
        parameter = _cluster_count(cls)
        if parameter is None or getattr(cls, "reads_truth", False):
            self.problems.append(f"{place}: {class_name(cls)} is not told a number of clusters")
            return {}
        factor, classes = entry["n_clusters"]["factor"], CATALOGUE[dataset].n_clusters
        if not math.isfinite(factor * classes):  # YAML has .nan and .inf
            self.problems.append(f"{place}.factor: is {factor}, which is no number of clusters")
            return {}
        count = round(factor * classes)
        if count < 2:
            self.problems.append(
                f"{place}: on {dataset} {factor:g} of {classes} classes is {count}; at least 2 are needed"
            )
        elif count == classes:
            self.problems.append(f"{place}: on {dataset} {factor:g} of {classes} classes is the number of classes")
        return {parameter: count}

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
        allowed = _parameters(cls)
        own = entry.get("params", {})
        by_dataset = entry.get("datasets") or {}
        self.problems += _check_names(
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
            self._check_params(dict.fromkeys(space), _parameters(cls), f"tuning.{name}", cls)
            for parameter, values in space.items():
                place = f"tuning.{name}.{parameter}"
                if entry.get("autoencoder") and parameter in _ARCHITECTURE:
                    self.problems.append(f"{place}: is the shape of the autoencoder that the method starts from")
                self.problems += [f"{place}: {problem}" for problem in _check_range(values)]

    def _check_params(self, params: Mapping[str, Any], allowed: Mapping[str, Any], place: str, cls: type) -> None:
        for name in params:
            if name in _reserved(cls):
                self.problems.append(f"{place}.{name}: is not set here; {_reserved(cls)[name]}")
            elif name not in allowed and "**" not in allowed:
                listed = set(allowed) - set(_reserved(cls))
                self.problems.append(f"{place}.{name}: {class_name(cls)} has no such parameter{hint(name, listed)}")
        self._check_values(params, place)

    def _check_values(self, params: Mapping[str, Any], place: str) -> None:
        for name, value in params.items():
            if isinstance(value, str) and _NUMBER_AS_TEXT.fullmatch(value):
                self.problems.append(
                    f"{place}.{name}: {value} is text in YAML, a number needs a point: {float(value):.1e}"
                )

    def _check_construction(
        self, cls: type, params: Mapping[str, Any], place: str, dataset: str, autoencoder: str | None = None
    ) -> None:
        """Find parameters that are missing, and let our own methods judge theirs for the shape of the data."""
        count = _cluster_count(cls)
        for name in _needed(cls) - params.keys() - {count, "random_state", "device"}:
            self.problems.append(f"{place}.params: {class_name(cls)} needs {name!r}, which has no default")
        if not hasattr(cls, "check_parameters") or dataset not in CATALOGUE:
            return
        facts = CATALOGUE[dataset]
        points = self.config["datasets"][dataset].get("subset") or facts.n
        try:
            method = cls(**{**({count: facts.n_clusters} if count else {}), **params})
            method.check_parameters(points, facts.d)
            starts_at_random = autoencoder and hasattr(method, "pretraining") and method.pretraining() is None
        except Exception as error:  # a method's own lines may raise anything
            if not any(problem.startswith(place) for problem in self.problems):  # else it has been reported by name
                what = str(error) if type(error) in (TypeError, ValueError) else f"{type(error).__name__}: {error}"
                self.problems.append(f"{place}: on {dataset}: {what}")
            return
        if starts_at_random:
            self.problems.append(
                f"{place}.autoencoder: on {dataset} {class_name(cls)} starts from random weights with these parameters "
                f"and has no use for {autoencoder!r}; take the key out, or set parameters that make it start from one"
            )

    def _check_architecture(self, cls: type, params: Mapping[str, Any], pretraining: Job, place: str) -> None:
        theirs = _parameters(load_class(_AUTOENCODER))
        mine = _parameters(cls)
        for name in _ARCHITECTURE:
            if name not in mine or name not in theirs:
                continue
            given = params.get(name, mine[name]), pretraining.spec["params"].get(name, theirs[name])
            want, have = json.loads(json.dumps(given))  # a preset's tuple is a list; 0 is 0.0
            if want != have:
                self.problems.append(
                    f"{place}.autoencoder: on {pretraining.dataset} the method has {name} = {want}, "
                    f"but the autoencoder {pretraining.method!r} has {have}"
                )


def _variant(entry: Mapping[str, Any]) -> Variant:
    return Variant(entry.get("subset"), tuple(map(float, entry["range"])) if entry.get("range") else None)


def _loader_digest(dataset: str) -> str:
    """Changes when this data set would be prepared differently, not when another one joins the catalogue."""
    from jcae.data.loaders import LOADERS

    facts = CATALOGUE[dataset]
    return hashlib.sha256(f"{facts!r}\n{code_digest(LOADERS[facts.loader])}".encode()).hexdigest()


def _parameters(cls: type) -> dict[str, Any]:
    """Constructor parameters and their defaults; the key `**` stands for any further keyword."""
    allowed = {}
    for name, parameter in inspect.signature(cls).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            allowed["**"] = None
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            allowed[name] = None if parameter.default is parameter.empty else parameter.default
    return allowed


def _needed(cls: type) -> set[str]:
    """Constructor parameters without a default."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(cls).parameters.values()
    return {p.name for p in parameters if p.default is p.empty and p.kind in named}


def _cluster_count(cls: type) -> str | None:
    allowed = _parameters(cls)
    return next((name for name in ("n_clusters", "n_components") if name in allowed), None)


def _reserved(cls: type) -> dict[str, str]:
    """Parameters that the run sets, and from what."""
    reserved = {"random_state": "it comes from `seeds`", "device": "it is the key `device` of the config"}
    if hasattr(cls, "fit_seeds"):
        reserved["autoencoder"] = "name a key of `autoencoders` in the method's own key `autoencoder`"
    if count := _cluster_count(cls):
        reserved[count] = "it is the number of classes of the data set (or see the method's own key `n_clusters`)"
    return reserved


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


def _check_source(folder: str | None) -> list[str]:
    """Whether tables and figures can be made from this folder, as the setting `from` asks."""
    if not isinstance(folder, str):
        return []
    if set("{}") & set(folder):  # snakemake would take what is between them for a wildcard
        return [f"from: {folder!r} has braces in its name; give it another one"]
    missing = [name for name in ("scores.csv", "records.csv") if not (Path(folder) / name).exists()]
    if not missing:
        return []
    return [f"from: {folder!r} has no {', '.join(missing)}; expected the folder of a finished run, or of `jcae export`"]


def _check_names(names: Iterable[str] | None, allowed: Iterable[str], place: str, what: str) -> list[str]:
    if names is None or not isinstance(names, (list, tuple, dict)):
        return []
    allowed = list(allowed)
    return [f"{place}: {name!r} is no {what}{hint(name, allowed)}" for name in names if name not in allowed]


def _check_structure(config: Any, schema: Mapping[str, Any]) -> tuple[list[str], set[tuple]]:
    """Check against the schema; also return the entries (section, name) that must not be expanded."""
    import jsonschema

    problems, broken = [], set()
    for error in sorted(
        jsonschema.Draft202012Validator(schema).iter_errors(config), key=lambda e: list(map(str, e.path))
    ):
        problems += _explain(error)
        path = tuple(error.absolute_path)
        if path[:1] in {("datasets",), ("autoencoders",), ("methods",)}:
            if error.validator == "pattern" and len(path) == 1:  # a bad name: skip that entry, not its section
                path = (path[0], error.instance)
            broken.add(path[:2])
        elif error.validator == "additionalProperties" or path:
            broken.add(path[:1] or ("?",))
        else:
            broken.add(())
    return problems, broken


def _explain(error: Any) -> list[str]:
    """A schema error in plain words."""
    place = ".".join(str(p) for p in error.absolute_path)
    at = f"{place}: " if place else ""
    value, rule = error.instance, error.validator_value
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        return [f"{at}unknown key {key!r}{hint(key, known)}" for key in value if key not in known]
    if error.validator == "required":
        whole = "" if place else " (an overlay alone is no config: name config.yaml before it)"
        return [f"{at}the key {key!r} is missing{whole}" for key in rule if key not in value]
    if error.validator == "pattern" and "propertyNames" in error.absolute_schema_path:
        return [f"{at}{value!r} is not a safe name; use letters, digits, '_', '.', '-' (no '.' or '-' in front)"]
    if error.validator == "pattern" and error.schema.get("maxLength"):
        return [f"{at}{value!r} is not a safe name; use letters, digits, '_', '.', '-' (no '.' or '-' in front)"]
    if error.validator == "type":
        return [f"{at}is {_describe(value)}, expected {_type_names(rule)}"]
    if error.validator == "anyOf":
        deepest = max(error.context, key=lambda e: len(e.absolute_path))
        if deepest.validator != "type" or len(deepest.absolute_path) > len(error.absolute_path):
            return _explain(deepest)
        rules = [e.validator_value for e in error.context if e.validator == "type"]
        return [f"{at}is {_describe(value)}, expected {_type_names(rules)}"]
    if error.validator == "enum":
        return [f"{at}unknown value {value!r}{hint(value, rule)}"]
    if error.validator == "pattern":
        what = error.schema.get("description", "").partition(".")[0]
        return [f"{at}{value!r} is not allowed ({what}; must match {rule})"]
    return [f"{at}{error.message}"]


_TYPES = {
    "null": "null",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "keys and values",
}


def _type_names(types: str | Sequence[str]) -> str:
    return " or ".join(_TYPES.get(t, t) for t in ([types] if isinstance(types, str) else types))


def _describe(value: Any) -> str:
    names = {type(None): "null", bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    names |= {list: "a list", dict: "keys and values"}
    kind = names.get(type(value), f"a {type(value).__name__}")
    return kind if value is None or isinstance(value, (list, dict)) else f"{value!r} ({kind})"


def _merge(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    merged = dict(low)
    for key, value in high.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _with_defaults(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with the schema's defaults; entries under free names (methods, data sets) get none."""
    settings = dict(config)
    for key, sub in schema.get("properties", {}).items():
        if key not in settings and "default" in sub:
            settings[key] = json.loads(json.dumps(sub["default"]))
        if isinstance(settings.get(key), dict) and "properties" in sub:
            settings[key] = _with_defaults(settings[key], sub)
    return settings
