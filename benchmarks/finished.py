"""What do 2,000, 20,000 and 100,000 finished runs cost? Resume, scores, tables, the import into MLflow; and their size.

Every method is trained and scored on every data set for a block of twenty seeds; the other blocks are copies under
other seeds, with copies of the scores, but for one method, which is scored again. Of 100,000 runs only what reads them
all is measured.
"""

import json
import shutil
import tempfile
from pathlib import Path

import pandas as pd
import yaml

from benchmarks import harness

BLOCK = 20
DATASETS = ("wine", "breast_cancer")
METHODS = 10
DEEP = {"hidden": [20], "code_dim": 10, "epochs": 50}
SNAKEMAKE = ["snakemake", "--snakefile", str(harness.ROOT / "Snakefile"), "--configfile", "many.yaml", "--cores", "1"]
TRACK = ["jcae", "track", "--results", "results/many", "--manifest", "results/many/track.json"]
STAGES = {
    "resume (-n), trained": [*SNAKEMAKE, "-n"],
    "scores of one data set": [*SNAKEMAKE, "--until", "evaluate_dataset"],
    "tables": [*SNAKEMAKE, "tables"],
    "resume (-n), tables made": [*SNAKEMAKE, "-n"],
}
PLACES = ["--results", "results/many", "--out", "results/many/tables"]
COLLECTED = {
    "collect": ["jcae", "collect", "--results", "results/many"],
    "tables of what is collected": ["jcae", "tables", *PLACES],
    "comparison of what is collected": ["jcae", "compare", *PLACES, "--reference", "aecm_1"],
}
IMPORTS = {"MLflow, all new": TRACK, "MLflow, none new": TRACK}


def write_config(folder: Path, seeds: int) -> None:
    """Half of the methods are shallow, half are deep."""
    numbers = range(1, METHODS // 2 + 1)
    shallow = {f"kmeans_{i}": {"use": "sklearn.cluster.KMeans", "params": {"n_init": i}} for i in numbers}
    deep = {f"aecm_{i}": {"use": "jcae.AECM", "params": {**DEEP, "beta": i}} for i in numbers}
    config = {
        "run": "many",
        "seeds": list(range(seeds)),
        "seeds_per_job": BLOCK,
        "methods": shallow | deep,
        "only": {"methods": [*shallow, *deep], "datasets": list(DATASETS)},
        "comparison": {"reference": "aecm_1"},
        "equivalence": {"datasets": []},
    }
    (folder / "many.yaml").write_text(yaml.safe_dump(config))


def copy_blocks(folder: Path, seeds: int) -> None:
    """Give every block of seeds the runs of the first one, and all methods but one the scores."""
    for first in sorted((folder / "results/many/runs").glob(f"*/*/0-{BLOCK - 1}")):
        for start in range(BLOCK, seeds, BLOCK):
            block = first.with_name(f"{start}-{start + BLOCK - 1}")
            if block.exists():
                continue
            shutil.copytree(first, block)
            for seed in range(BLOCK):
                place = (block / str(seed)).rename(block / str(start + seed))
                record = json.loads((place / "run.json").read_text())
                record |= {"seed": start + seed, "block": list(range(start, start + BLOCK))}
                record["params"]["random_state"] = start + seed
                (place / "run.json").write_text(json.dumps(record))
    for file in sorted((folder / "results/many/scores").glob("*/*.csv")):
        scores = pd.read_csv(file).query(f"seed < {BLOCK}")
        copies = [scores.assign(seed=scores["seed"] + start) for start in range(0, seeds, BLOCK)]
        pd.concat(copies).to_csv(file, index=False)
    file.unlink()
    shutil.rmtree(folder / ".snakemake")  # it knows that the scores were made of fewer runs


def folder_mb(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def main() -> None:
    args = harness.arguments(__doc__)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(harness.ROOT / "config.yaml", folder)
        shutil.copytree(harness.ROOT / "config", folder / "config")
        write_config(folder, BLOCK)
        harness.run_module(folder, *SNAKEMAKE, "--until", "evaluate_dataset")
        everything = {**STAGES, **COLLECTED, **IMPORTS}
        sizes = {800: everything} if args.quick else {2000: everything, 20_000: everything, 100_000: COLLECTED}
        for runs, stages in sizes.items():
            seeds = runs // (len(DATASETS) * METHODS)
            copy_blocks(folder, seeds)
            write_config(folder, seeds)
            (folder / "results/mlflow.db").unlink(missing_ok=True)  # of the fewer runs before
            shutil.rmtree(folder / "results/mlruns", ignore_errors=True)
            for stage, module in stages.items():
                rows.append({"runs": runs, "stage": stage, **harness.run_module(folder, *module)})
                print(rows[-1], flush=True)
            results = folder / "results/many"
            places = {name: folder_mb(results / name) for name in ("runs", "tables")}
            places |= {name: (results / name).stat().st_size / 1e6 for name in ("scores.csv", "records.csv")}
            if stages is everything:
                places["mlflow.db"] = (folder / "results/mlflow.db").stat().st_size / 1e6
            rows += [{"runs": runs, "stage": f"size of {place}", "MB": size} for place, size in places.items()]
    harness.report("finished", rows, args)


if __name__ == "__main__":
    main()
