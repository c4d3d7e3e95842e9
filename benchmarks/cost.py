"""What does a training cost on one core? Seconds by its work, at rates that are fitted to what was measured.

The rates are those of the tables `against_plain` and `blocks`, which count the processor's own seconds. What complete
trainings took beside them, in wall seconds of cores that other work shared, is in the records of results/reference.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from benchmarks import harness
from benchmarks.shapes import AECM_SHAPES, CM_SHAPES, Shape, aecm, module
from benchmarks.work import Work, work_of
from jcae.jobs.classes import load_class
from jcae.jobs.signature import parameters

RUNS = ("default", "authors", "competitors", "competitors_dkm", "paper")
"""Folders of results/reference whose methods are those of the grids."""

SHALLOW = {
    "sklearn.cluster.KMeans": lambda n, d, k: n * d * k,
    "sklearn.mixture.GaussianMixture": lambda n, d, k: n * d * d * k,
    "jcae.IsotropicMixture": lambda n, d, k: n * d * k,
    "baselines.ae_kmeans.AEKMeans": lambda n, d, k: n * k,
    "baselines.n2d.N2D": lambda n, d, k: n,
    "baselines.random_labels.RandomLabels": lambda n, d, k: n,
    "baselines.true_labels.TrueLabels": lambda n, d, k: n,
}
"""Methods that make no updates, and what their seconds grow with: points, features, clusters."""


class Measured(NamedTuple):
    """Seconds of one seed that were measured, and the work they are for.

    Attributes
    ----------
    name, precision : str
    seeds : int
        Of the block.
    work : Work
    seconds : float
    """

    name: str
    precision: str
    seeds: int
    work: Work
    seconds: float


class Rates(NamedTuple):
    """Seconds of a core: per tensor in an update, per 10^9 operations of each precision, per 10^9 numbers moved."""

    tensor: float
    float32: float
    bf16: float
    numbers: float

    def seconds(self, work: Work, precision: str, seeds: int = 1) -> float:
        """Of one seed in a block of so many: they share what an update calls, and nothing else."""
        return float(np.dot(self, _amounts(work, precision, seeds)))


def _amounts(work: Work, precision: str, seeds: int) -> list[float]:
    gflop = [work.gflop * (precision == name) for name in ("float32", "bf16")]
    return [work.tensors / seeds, *gflop, work.numbers]


def fit(measured: Sequence[Measured]) -> Rates:
    """Rates, none below zero, of the smallest sum of squared relative errors."""
    amounts = np.array([_amounts(m.work, m.precision, m.seeds) for m in measured])
    seconds = np.array([m.seconds for m in measured])
    return Rates(*map(float, nnls(amounts / seconds[:, None], np.ones(len(seconds)))[0]))


def ratios(rates: Rates, measured: Sequence[Measured]) -> np.ndarray:
    """Measured over modelled seconds, float64 (len(measured),)."""
    return np.array([m.seconds / rates.seconds(m.work, m.precision, m.seeds) for m in measured])


def steps_of_tables() -> list[Measured]:
    """One update of AE-CM and of the clustering module, as benchmarks/results has them for this kind of CPU."""
    shapes = {("AE-CM" if shape.code else "CM", shape.name): shape for shape in (*AECM_SHAPES, *CM_SHAPES)}
    works: dict[tuple[str, str], Work] = {}
    found = []
    for table, column in (("against_plain", "ours ms per seed-step"), ("blocks", "ms per step")):
        for row in pd.read_csv(harness.RESULTS / f"{table}-cpu.csv").to_dict("records"):
            name = row["method"], row["shape"]
            if name not in works:
                works[name] = _update(shapes[name])
            seeds = row["seeds"]
            seconds = row[column] / 1000 / (1 if table == "against_plain" else seeds)
            found.append(Measured(f"{table}: {' '.join(name)}", row["precision"], seeds, works[name], seconds))
    return found


def _update(shape: Shape) -> Work:
    epoch = work_of((aecm if shape.code else module)(shape), shape.batch, shape.d)
    return epoch.times(1 / epoch.updates)


def runs_of(records: Path) -> Iterator[Measured]:
    """Complete trainings of a records.csv: by data set, method and precision the median over the seeds.

    What was planned is scaled to the updates that were taken, as a stopping rule may have ended them.
    """
    table = pd.read_csv(records)
    table = table[(table["status"] == "ok") & (table["updates"] > 0)]
    for (dataset, method, precision), group in table.groupby(["dataset", "method", "precision"]):
        row = group.iloc[0]
        cls = load_class(row["use"])
        params = {key: value for key, value in json.loads(row["params"]).items() if key in parameters(cls)}
        planned = work_of(cls(**params), int(row["n"]), int(row["d"]))
        work = planned.times(float(group["updates"].median()) / planned.updates)
        seeds = len(str(row["block"]).split())
        name = f"{records.parent.name}: {method} on {dataset}"
        yield Measured(name, precision, seeds, work, float(group["seconds"].median()))


def shallow_rates() -> dict[str, float]:
    """Seconds per unit of `SHALLOW`, from the largest data set on which each method was run."""
    tables = [pd.read_csv(harness.ROOT / "results/reference" / name / "records.csv") for name in RUNS]
    table = pd.concat(tables).query("status == 'ok'")
    rates = {}
    for use, size in SHALLOW.items():
        mine = table[table["use"] == use]
        sizes = size(mine["n"], mine["d"], mine["n_clusters"])
        rates[use] = float((mine["seconds"] / sizes)[sizes == sizes.max()].median())
    return rates
