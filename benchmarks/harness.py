"""What every benchmark needs: cases run in turn, medians, a printed table, a csv that says where it is from."""

import argparse
import csv
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"


def arguments(description: str, **extra: Any) -> argparse.Namespace:
    """Command line of a benchmark: ``--device``, ``--out``, ``--quick`` and the numbers in `extra`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:<number>")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the csv")
    parser.add_argument("--quick", action="store_true", help="fewest repetitions: does it run?")
    for name, value in extra.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    found = parser.parse_args()
    if found.device == "cpu":
        torch.set_num_threads(1)  # as every job of the pipeline has
    return found


def clock(device: str) -> float:
    """Seconds that count: the processor's of this process on a CPU (others may use the machine), wall time on a GPU."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def run_module(folder: Path, *module: str) -> dict[str, float]:
    """Run ``python -m`` with these words in a folder, on one thread: ``wall s``, ``cpu s``, and ``peak MB``.

    The peak of memory is that of its largest process.

    Raises
    ------
    RuntimeError
        It ended with an error; the message holds the end of what it printed.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    # A process of its own waits for it: the peak of memory is that of this command's processes, not of all before it.
    code = "import json, resource, subprocess, sys\n"
    code += "done = subprocess.run(sys.argv[1:], stdout=sys.stderr)\n"
    code += "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
    code += "print(json.dumps([done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss]))"
    command = [sys.executable, "-c", code, sys.executable, "-m", *module]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    seconds = time.perf_counter() - start
    status, cpu, peak = json.loads(done.stdout)
    if status:
        raise RuntimeError(f"{' '.join(module)} failed:\n{done.stderr[-4000:]}")
    return {"wall s": seconds, "cpu s": cpu, "peak MB": peak / 1024}


def interleave(cases: Mapping[str, Callable[[], Any]], device: str, repeats: int) -> dict[str, list[float]]:
    """Seconds of every case, run in turn so that a slow minute of the machine hits all of them; a first round warms up.

    Parameters
    ----------
    cases : dict of str to callable
    device : str
    repeats : int
        Rounds that count.

    Returns
    -------
    dict of str to list of float
    """
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for round_ in range(repeats + 1):
        for name, run in cases.items():
            start = clock(device)
            run()
            if round_:
                seconds[name].append(clock(device) - start)
    return seconds


def median_ratio(slow: Sequence[float], fast: Sequence[float]) -> float:
    """Median over the rounds of slow / fast: neighbours in time are compared with each other."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def matmul_ceiling(device: str, precision: str = "float32", size: int | None = None) -> float:
    """GFLOP/s of a large square product in this precision, the best of several."""
    size = size or (1024 if device == "cpu" else 8192)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in "ab")
    best = np.inf
    for _ in range(8):
        start = clock(device)
        for _ in range(4):
            a @ b
        best = min(best, (clock(device) - start) / 4)
    torch.backends.cuda.matmul.allow_tf32 = before
    return 2 * size**3 / best / 1e9


def provenance(device: str) -> dict[str, str]:
    """Machine, date, versions and commit of a measurement."""
    if device == "cpu":
        lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
        machine = next((line.split(":")[1].strip() for line in lines if "model name" in line), platform.processor())
        machine += ", 1 thread"
    else:
        machine = torch.cuda.get_device_name(device)
    try:
        git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
        commit = git.stdout.strip()
    except OSError:
        commit = ""
    versions = f"python {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}"
    return {
        "machine": machine,
        "date": date.today().isoformat(),
        "versions": versions,
        "commit": commit or "unknown",
    }


def report(name: str, rows: Sequence[Mapping[str, Any]], args: argparse.Namespace) -> None:
    """Print the rows as a table and write them, with their provenance, to ``<out>/<name>-<device>.csv``."""
    kind = args.device.partition(":")[0]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    shown = [[_format(row.get(c)) for c in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *shown, strict=True)]
    facts = provenance(args.device)
    print(f"\n{name} on {facts['machine']}, {facts['date']}, {facts['versions']}, commit {facts['commit']}\n")
    for line in [columns, ["-" * w for w in widths], *shown]:
        print("  ".join(cell.rjust(w) for cell, w in zip(line, widths, strict=True)))
    sys.stdout.flush()
    args.out.mkdir(parents=True, exist_ok=True)
    with open(args.out / f"{name}-{kind}.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*columns, *facts], lineterminator="\n")
        writer.writeheader()
        writer.writerows({**{c: _format(row.get(c)) for c in columns}, **facts} for row in rows)


def _format(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1e4 else f"{value:.0f}"
    return "" if value is None else str(value)
