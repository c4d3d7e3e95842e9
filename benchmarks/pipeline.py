"""How long does the pipeline take to think? Dry runs of 2,000 and 20,000 training runs, and the start of every verb."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks import harness

VERBS = (
    ["--help"],
    ["train", "--help"],
    ["check-config", "config.yaml"],
    ["fetch", "--list"],
    ["tables", "--help"],
)
METHODS = 10
DATASETS = ("five_gaussians", "wine", "breast_cancer", "digits")


def large_config(runs: int, per_job: int) -> dict:
    """A config of `runs` runs: 4 data sets, 10 methods, the rest seeds."""
    seeds = runs // (len(DATASETS) * METHODS)
    methods = {f"kmeans_{i}": {"use": "sklearn.cluster.KMeans", "params": {"n_init": i + 1}} for i in range(METHODS)}
    return {
        "run": f"dry_{runs}_{per_job}",
        "seeds": list(range(seeds)),
        "seeds_per_job": per_job,
        "methods": methods,
        "only": {"methods": list(methods), "datasets": list(DATASETS)},
        "equivalence": {"datasets": []},
    }


def run_seconds(command: list[str]) -> tuple[float, float, str]:
    """Wall and CPU seconds of a command, and what it printed."""
    before, start = os.times(), time.perf_counter()
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=harness.ROOT, capture_output=True, text=True, env=environment)
    after = os.times()
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - start, cpu, done.stdout + done.stderr


def main() -> None:
    args = harness.arguments(__doc__)
    rows = []
    for verb in VERBS:
        found = [run_seconds([sys.executable, "-m", "jcae", *verb])[:2] for _ in range(2 if args.quick else 5)][1:]
        wall, cpu = (statistics.median(column) for column in zip(*found, strict=True))
        rows.append({"what": f"jcae {' '.join(verb)}", "wall s": wall, "cpu s": cpu})
    for runs, per_job in ((2000, 1), (2000, 50), (20_000, 1), (20_000, 20)):
        if args.quick and runs > 2000:
            continue
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "large.yaml"
            file.write_text(yaml.safe_dump(large_config(runs, per_job)))
            command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "all", "--configfile", str(file)]
            wall, cpu, _ = run_seconds([*command, "--cores", "1"])
        rows.append({"what": f"snakemake -n, {runs} runs, {per_job} per job", "wall s": wall, "cpu s": cpu})
    harness.report("pipeline", rows, args)


if __name__ == "__main__":
    main()
