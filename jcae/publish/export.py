"""A run, published: what its tables and figures are made of, its tables, and the record of every run."""

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

from jcae.files import atomic_folder
from jcae.scores.evaluation import read_records
from jcae.scores.sweep import has_sweep, read_sweep_records

RUNS = "runs.jsonl.gz"
"""The `run.json` of every run, one per line, with the folder that it lay in as `run`."""
SWEEPS = "sweeps.jsonl.gz"
"""The same of the runs over numbers of clusters."""
PARTS = ("equivalence/**/*.csv", "sweep_*.csv", "tables/*.csv", "tables/*.md")
GALLERY = "gallery/**/*.*z"


def export(results: str | Path, out: str | Path, gallery: bool = True) -> None:
    """Copy what a reader of the results needs, without labels, codes and weights of every run.

    Parameters
    ----------
    results : path
        `results/<run>` of a finished run.
    out : path
        Folder that is written, whole or not at all; an older one is replaced. It holds `scores.csv`, `records.csv`,
        `gallery/`, `equivalence/` and `tables/` of the run, and `runs.jsonl.gz`; of runs over numbers of clusters
        `sweep_scores.csv`, `sweep_records.csv` and `sweeps.jsonl.gz`.
    gallery : bool
        Keep `gallery/`, what the figures of single data sets are made of: megabytes for a large one. Without it those
        figures are not made again; tables and all other figures are.

    Raises
    ------
    FileNotFoundError
        The run is not finished: a file is missing.
    """
    results = Path(results)
    if not (results / "gallery").is_dir():
        raise FileNotFoundError(f"{results / 'gallery'} is not there; has the run finished?")
    files = [file for pattern in (*PARTS, *([GALLERY] if gallery else [])) for file in sorted(results.glob(pattern))]
    runs = {RUNS: read_records(results)["run"]}
    if has_sweep(results):
        runs[SWEEPS] = read_sweep_records(results)["run"]
    with atomic_folder(out) as folder:
        for file in [results / "scores.csv", results / "records.csv", *files]:
            place = folder / file.relative_to(results)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)
        # The time of writing would make every file a new one.
        for name, places in runs.items():
            with gzip.GzipFile(folder / name, "wb", mtime=0) as lines:
                for run in places:
                    record = json.loads((results / run / "run.json").read_text(encoding="utf-8"))
                    lines.write(json.dumps({"run": run, **record}, ensure_ascii=False).encode() + b"\n")


def exported_records(folder: Path, name: str = RUNS) -> dict[str, dict[str, Any]]:
    """Records by the folder of their run, of a folder that `export` wrote; none of any other."""
    if not (folder / name).is_file():
        return {}
    with gzip.open(folder / name, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return {record.pop("run"): record for record in records}
