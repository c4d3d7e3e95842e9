"""What do the full grids cost in core hours, and what does a cluster make of them? On paper, by measured rates.

Nothing is trained: the work of every job is what its method says of itself (`work.py`), its seconds follow from rates
that were fitted to measurements (`cost.py`), and the wall time of N nodes from list scheduling (`schedule.py`).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from benchmarks import harness
from benchmarks.cost import RUNS, SHALLOW, Measured, Rates, fit, ratios, runs_of, shallow_rates, steps_of_tables
from benchmarks.schedule import Job, longest_chain, longest_first, makespan
from benchmarks.work import NOTHING, Work, work_of
from jcae.jobs import plan as plans
from jcae.jobs.classes import load_class
from jcae.jobs.config import read_config
from jcae.jobs.signature import cluster_count, finds_clusters, fixed

GRIDS = {
    "paper": ["config/paper.yaml"],
    "paper + more_data": ["config/paper.yaml", "config/more_data.yaml"],
    "honest": ["config/honest.yaml"],
}
SEEDS = 20
START = 10.0
"""Seconds of a core that a job takes to start (docs/clusters.md)."""
PRECISIONS = ("float32", "bf16")
CORES = tuple(2**i for i in range(1, 11))
BLOCKS = (1, 5, 20)


class Entry(NamedTuple):
    """A method, or an autoencoder to pretrain, on one data set.

    Attributes
    ----------
    dataset, method : str
    after : str or None
        Autoencoder that it starts from.
    work : Work
    shallow : float
        Seconds of one seed where it makes no updates.
    megabytes : float
        What a run leaves: weights, code and labels.
    """

    dataset: str
    method: str
    after: str | None
    work: Work
    shallow: float
    megabytes: float

    def seconds(self, rates: Rates, precision: str, seeds: int) -> float:
        """Of a job that trains so many seeds."""
        return seeds * (self.shallow + rates.seconds(self.work, precision, seeds))


def entries(plan: plans.Plan, shallow: dict[str, float]) -> Iterator[Entry]:
    """All entries of a plan, autoencoders first.

    Raises
    ------
    ValueError
        A method makes no updates, and nobody has measured it.
    """
    for job in [*plan.pretraining.values(), *plan.jobs.values()]:
        use, outline = job.spec["use"], plan.outlines[job.dataset]
        n, d, k = outline.n_fit, outline.d, outline.n_clusters
        work, seconds = NOTHING, 0.0
        if use in SHALLOW:
            seconds = shallow[use] * SHALLOW[use](n, d, k)
        elif job.deep or job in plan.pretraining.values():
            cls = load_class(use)
            count = cluster_count(cls)
            told = {count: k} if count and not finds_clusters(cls) else {}
            work = work_of(cls(**{**fixed(cls), **told, **job.spec["params"]}, device="cpu"), n, d)
        else:
            raise ValueError(f"{use}: its seconds are unknown; known are {', '.join(SHALLOW)} and networks")
        yield Entry(job.dataset, job.method, job.autoencoder, work, seconds, megabytes(job.spec["params"], n, d))


def megabytes(params: Mapping[str, Any], n: int, d: int) -> float:
    """Megabytes that a run leaves: labels, and of a network its weights and its code of n points with d features."""
    numbers = n
    if "hidden" in params:
        numbers += n * params["code_dim"]
        numbers += 2 * sum(a * b for a, b in pairwise((d, *params["hidden"], params["code_dim"])))
    return 4 * numbers / 1e6


def jobs_of(found: Sequence[Entry], rates: Rates, precision: str, per_job: int) -> dict[Any, Job]:
    """The jobs of a grid, by (data set, method, block)."""
    jobs = {}
    for entry in found:
        seconds = START + entry.seconds(rates, precision, per_job)
        for block in range(SEEDS // per_job):
            after = (entry.dataset, entry.after, block) if entry.after else None
            jobs[entry.dataset, entry.method, block] = Job(seconds, after)
    return jobs


def model_rows(rates: Rates, steps: Sequence[Measured], runs: Sequence[Measured]) -> Iterator[dict[str, Any]]:
    """The rates, and how far they are from what was measured."""
    units = ("s per tensor and update", "s per GFLOP", "s per GFLOP", "s per 10^9 numbers moved")
    for name, value, unit in zip(rates._fields, rates, units, strict=True):
        yield {"table": "rates", "what": f"{name}, {unit}", "value": value}
    for name, measured in (("updates, CPU seconds", steps), ("trainings, wall seconds of shared cores", runs)):
        for precision in PRECISIONS:
            found = ratios(rates, [m for m in measured if m.precision == precision])
            quantiles = np.quantile(found, [0, 0.25, 0.5, 0.75, 1])
            what = f"measured / modelled, {len(found)} {name}"
            shown = " ".join(f"{q:.2f}" for q in quantiles)
            yield {"table": "fit", "what": what, "precision": precision, "quartiles": shown}
    for m, ratio in zip(runs, ratios(rates, runs), strict=True):
        yield {"table": "runs", "what": m.name, "precision": m.precision, "seeds per job": m.seeds, "value": ratio}


def grid_rows(grid: str, found: Sequence[Entry], rates: Rates) -> Iterator[dict[str, Any]]:
    """Core hours of a grid, of its data sets and of its methods."""
    hour = 3600 / SEEDS
    for precision in PRECISIONS:
        common = {"table": "core hours", "grid": grid, "precision": precision}
        parts: dict[str, list[Entry]] = defaultdict(list)
        for entry in found:
            for what in ("all", f"data set {entry.dataset}", f"method {entry.method}"):
                parts[what].append(entry)
        for what, part in parts.items():
            hours = sum(START + entry.seconds(rates, precision, 1) for entry in part) / hour
            updates = sum(entry.work.updates for entry in part) / 1e6
            disk = sum(entry.megabytes for entry in part) * SEEDS / 1000
            yield {**common, "what": what, "10^6 updates per seed": updates, "core h": hours, "GB": disk}


def cluster_rows(grid: str, found: Sequence[Entry], rates: Rates, precision: str) -> Iterator[dict[str, Any]]:
    """Jobs of a grid, the longest of them, and the wall time on so many cores, of one node or of many."""
    for per_job in BLOCKS:
        jobs = jobs_of(found, rates, precision, per_job)
        hours = sum(job.seconds for job in jobs.values()) / 3600
        common = {"grid": grid, "precision": precision, "seeds per job": per_job}
        name, longest = max(jobs.items(), key=lambda item: item[1].seconds)
        yield {"table": "jobs", "what": "all", **common, "jobs": len(jobs), "core h": hours}
        yield {"table": "jobs", "what": f"longest: {' '.join(name[:2])}", **common, "wall h": longest.seconds / 3600}
        yield {"table": "jobs", "what": "longest, with its pretraining", **common, "wall h": longest_chain(jobs) / 3600}
        best = longest_first(jobs)
        for cores in CORES:
            wall, least = (makespan(order, cores) / 3600 for order in (jobs, best))
            shown = {"cores": cores, "wall h": wall, "longest first": least, "busy": hours / (wall * cores)}
            yield {"table": "cluster", **common, **shown}


def main() -> None:
    args = harness.arguments(__doc__)
    steps = steps_of_tables()
    rates = fit(steps)
    names = RUNS[:1] if args.quick else RUNS
    runs = [m for name in names for m in runs_of(harness.ROOT / "results/reference" / name / "records.csv")]
    rows = list(model_rows(rates, steps, runs))
    shallow = shallow_rates()
    for grid, files in list(GRIDS.items())[: 1 if args.quick else None]:
        paths = [harness.ROOT / name for name in ("config.yaml", *files)]
        plan = plans.make_plan(read_config(paths))
        found = list(entries(plan, shallow))
        features = sum(outline.n * outline.d for outline in plan.outlines.values()) * 4 / 1e9
        rows.append({"table": "disk", "grid": grid, "what": "features before they are compressed", "GB": features})
        rows += grid_rows(grid, found, rates)
        for precision in PRECISIONS:
            rows += cluster_rows(grid, found, rates, precision)
    harness.report("scale", rows, args)


if __name__ == "__main__":
    main()
