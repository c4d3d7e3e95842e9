"""From the config to the plan of jobs.

Everything that can be wrong with a config is found here, before any job starts, and all of it is reported together.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jcae.data.outline import Outline
from jcae.data.request import Request
from jcae.jobs.config import ConfigError
from jcae.jobs.datasets import preparation_digest
from jcae.jobs.expansion import Expansion, Job, check_names
from jcae.jobs.records import format_block
from jcae.jobs.schema import SCHEMA, check_structure, read_schema, with_defaults


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
    requests : dict of str to Request
        The data sets of the run in the config's order, each as the run wants it.
    outlines : dict of str to Outline
        What each will be.
    preparations : dict of str to str
        Digest, per data set, of what it is made of and how.
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
    requests: dict[str, Request]
    outlines: dict[str, Outline]
    preparations: dict[str, str]
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
        return tuple(self.requests)


def method_spec(config: Mapping[str, Any], method: str) -> dict[str, Any]:
    """What `jcae train` would be told of a method of the config, on the first of its data sets.

    Raises
    ------
    ConfigError
        The config has problems, or no such method.
    """
    methods = config.get("methods") or {}
    if method not in methods:
        problems = check_names([method], methods, "methods", "method of this config")
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
    schema = read_schema(schema)
    problems, broken = check_structure(config, schema)
    if broken & {(), ("datasets",), ("autoencoders",), ("methods",)}:
        raise ConfigError(problems)
    settings = with_defaults(config, schema)
    only = settings["only"] if ("only",) not in broken else {"datasets": None, "methods": None}
    expansion = Expansion(config, broken, only)
    jobs, pretraining = expansion.expand()
    equivalence = settings["equivalence"]
    if ("tuning",) not in broken:
        expansion.check_tuning(settings["tuning"])
    problems += expansion.problems
    problems += check_names(only["datasets"], config["datasets"], "only.datasets", "data set of this config")
    problems += check_names(only["methods"], config["methods"], "only.methods", "method of this config")
    if ("equivalence",) not in broken:
        compared = equivalence["datasets"]
        problems += check_names(compared, config["datasets"], "equivalence.datasets", "data set of this config")
    if ("comparison",) not in broken and settings["comparison"]["reference"] is not None:
        reference = [settings["comparison"]["reference"]]
        problems += check_names(reference, config["methods"], "comparison.reference", "method of this config")
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
        requests={d: expansion.requests[d] for d in datasets},
        outlines={d: expansion.outlines[d] for d in datasets},
        preparations={d: preparation_digest(expansion.requests[d]) for d in datasets},
        methods=tuple(m for m in config["methods"] if any(m == job.method for job in jobs.values())),
        jobs=jobs,
        pretraining={key: job for key, job in pretraining.items() if key in needed},
        equivalence=equivalence,
        comparison=settings["comparison"],
        ledger=settings["ledger"],
        tracking=settings["tracking"],
        tuning=settings["tuning"],
    )


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
