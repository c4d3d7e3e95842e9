"""Peak memory of a training against what is counted on paper (jcae.training.memory)."""

import resource
import subprocess
import sys

import torch

from benchmarks import harness
from benchmarks.shapes import AECM_SHAPES, aecm, data
from jcae.training.memory import demand

BATCHES = 40
SIZES = {"cpu": (1, 4), "cuda": (1, 20)}


def peak_on_cpu(shape: int, seeds: int) -> tuple[float, float]:
    """MiB resident before the training and at its peak, in a process of its own."""
    code = f"""
import resource, torch
from benchmarks.memory import resident
from benchmarks.shapes import AECM_SHAPES, aecm, data
torch.set_num_threads(1)
shape = AECM_SHAPES[{shape}]
small = shape._replace(d=4, code=4, k=2, batch=8)
aecm(small).fit_seeds(data(small, 2, "cpu").numpy(), [0])
x = data(shape, {BATCHES}, "cpu").numpy()
before = resident() - x.nbytes / 2**20
aecm(shape, averaging_epoch=True).fit_seeds(x, range({seeds}))
print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=harness.ROOT)
    before, peak = map(float, done.stdout.split())
    return before, peak


def resident() -> float:
    """MiB that this process holds now (Linux), else the most it ever held."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    args = harness.arguments(__doc__)
    kind = args.device.partition(":")[0]
    rows = []
    for number, shape in enumerate(AECM_SHAPES[:1] if args.quick else AECM_SHAPES):
        for seeds in SIZES[kind]:
            n = BATCHES * shape.batch
            network = aecm(shape).build_network(shape.d, [0])
            paper = demand(network, n, shape.d, shape.batch).total(seeds) / 2**20
            if kind == "cpu":
                before, peak = peak_on_cpu(number, seeds)
                taken = peak - before
            else:
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()
                x = data(shape, BATCHES, "cpu").numpy()
                aecm(shape, epochs=2, averaging_epoch=True).set_params(device=args.device).fit_seeds(x, range(seeds))
                taken = torch.cuda.max_memory_allocated() / 2**20
            rows.append(
                {"shape": shape.name, "seeds": seeds, "counted MiB": paper, "taken MiB": taken, "ratio": taken / paper}
            )
    harness.report("memory", rows, args)


if __name__ == "__main__":
    main()
