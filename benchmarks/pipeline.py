"""How long does the pipeline take to think? Dry runs of 2,000 and 20,000 training runs, and the start of every verb."""

import statistics
import tempfile
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
SECONDS = ("wall s", "cpu s")
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


def main() -> None:
    args = harness.arguments(__doc__)
    rows = []
    for verb in VERBS:
        found = [harness.run_module(harness.ROOT, "jcae", *verb) for _ in range(2 if args.quick else 5)][1:]
        seconds = {name: statistics.median(one[name] for one in found) for name in SECONDS}
        rows.append({"what": f"jcae {' '.join(verb)}", **seconds})
    for runs, per_job in ((2000, 1), (2000, 50), (20_000, 1), (20_000, 20)):
        if args.quick and runs > 2000:
            continue
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "large.yaml"
            file.write_text(yaml.safe_dump(large_config(runs, per_job)))
            command = ["snakemake", "-n", "--quiet", "all", "--configfile", str(file), "--cores", "1"]
            found = harness.run_module(harness.ROOT, *command)
        what = f"snakemake -n, {runs} runs, {per_job} per job"
        rows.append({"what": what, **{name: found[name] for name in SECONDS}})
    harness.report("pipeline", rows, args)


if __name__ == "__main__":
    main()
