"""What do 20,000 finished runs cost? Resume, tables, figures, the import into MLflow, by snakemake; and their size.

Every method is trained and scored on every data set for a block of twenty seeds; the other blocks are copies under
other seeds, with copies of the scores, but for one method, which is scored again.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import yaml

from benchmarks import harness

BLOCK = 20
DATASETS = ("wine", "breast_cancer")
DEEP = {"hidden": [20], "code_dim": 10, "epochs": 50}
STAGES = {  # in the order of a user's run: what it asks of snakemake
    "resume (-n), trained": ["-n"],
    "scores of one method": ["--until", "evaluate_method"],
    "tables": ["tables"],
    "figures": ["figures"],
    "MLflow, all new": ["track"],
    "MLflow, none new": ["track", "--forcerun", "import_runs"],
    "resume (-n), done": ["-n"],
}


def write_config(folder: Path, seeds: int) -> None:
    """Five shallow and five deep methods on four data sets."""
    shallow = {f"kmeans_{i}": {"use": "sklearn.cluster.KMeans", "params": {"n_init": i}} for i in range(1, 6)}
    deep = {f"aecm_{i}": {"use": "jcae.AECM", "params": {**DEEP, "beta": i}} for i in range(1, 6)}
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


def snakemake(folder: Path, *arguments: str) -> dict[str, float]:
    """Run snakemake; return wall seconds, CPU seconds and the peak of memory (MB) of its largest process."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(harness.ROOT / "Snakefile"), "--cores", "1"]
    command += ["--directory", str(folder), "--configfile", str(folder / "many.yaml"), "--show-failed-logs", *arguments]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"OMP_NUM_THREADS": "1"}
    # A process of its own waits for it: the peak of memory is that of this stage's children, not of all before it.
    code = "import json, resource, subprocess, sys\n"
    code += "done = subprocess.run(sys.argv[1:], stdout=sys.stderr)\n"
    code += "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
    code += "print(json.dumps([done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss]))"
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, env=environment)
    seconds = time.perf_counter() - start
    status, cpu, peak = json.loads(done.stdout)
    if status:
        raise RuntimeError(f"snakemake {' '.join(arguments)} failed:\n{done.stderr[-4000:]}")
    return {"wall s": seconds, "cpu s": cpu, "peak MB": peak / 1024}


def copy_blocks(folder: Path, seeds: int) -> None:
    """Give every block of seeds the runs of the first one, and all methods but one the scores."""
    for first in sorted((folder / "results/many/runs").glob("*/*/*")):
        for start in range(BLOCK, seeds, BLOCK):
            block = first.with_name(f"{start}-{start + BLOCK - 1}")
            shutil.copytree(first, block)
            for seed in range(BLOCK):
                place = (block / str(seed)).rename(block / str(start + seed))
                record = json.loads((place / "run.json").read_text())
                record |= {"seed": start + seed, "block": list(range(start, start + BLOCK))}
                record["params"]["random_state"] = start + seed
                (place / "run.json").write_text(json.dumps(record))
    for file in sorted((folder / "results/many/scores").glob("*/*.csv")):
        scores = pd.read_csv(file)
        copies = [scores.assign(seed=scores["seed"] + start) for start in range(0, seeds, BLOCK)]
        pd.concat(copies).to_csv(file, index=False)
    file.unlink()


def folder_mb(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def main() -> None:
    args = harness.arguments(__doc__, runs=20_000)
    runs = 1600 if args.quick else args.runs
    seeds = runs // (len(DATASETS) * 10) // BLOCK * BLOCK
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(harness.ROOT / "config.yaml", folder)
        shutil.copytree(harness.ROOT / "config", folder / "config")
        write_config(folder, BLOCK)
        snakemake(folder, "--until", "evaluate_method")
        shutil.rmtree(folder / ".snakemake")  # it would know that the scores were made of fewer runs
        copy_blocks(folder, seeds)
        write_config(folder, seeds)
        finished = len(list((folder / "results/many/runs").glob("*/*/*/*/run.json")))
        for stage, arguments in STAGES.items():
            rows.append({"runs": finished, "stage": stage, **snakemake(folder, *arguments)})
            print(rows[-1], flush=True)
        for place in ("runs", "tables", "figures", "gallery"):
            rows.append(
                {"runs": finished, "stage": f"size of {place}/", "MB": folder_mb(folder / "results/many" / place)}
            )
        database = folder / "results/mlflow.db"
        rows.append({"runs": finished, "stage": "size of mlflow.db", "MB": database.stat().st_size / 1e6})
    harness.report("finished", rows, args)


if __name__ == "__main__":
    main()
