"""(a) What does a block of S seeds cost? Seed-samples per second, launches per step, share of the matmul ceiling."""

import statistics
from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks import harness
from benchmarks.shapes import AECM_SHAPES, CM_SHAPES, Training, aecm, data, flop_per_point, module
from jcae.training.phase import Runtime

SIZES = (1, 5, 10, 20, 40)


def launches_per_step(run: Callable[[], None], steps: int, device: str) -> float | None:
    """Kernel launches per step on a GPU; a replayed graph is one, those that begin a phase are spread over it."""
    if device == "cpu":
        return None
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as recorded:
        run()
    launches = ("cudaLaunchKernel", "cuLaunchKernel", "cudaGraphLaunch", "cudaLaunchKernelExC", "cudaMemcpyAsync")
    return sum(e.count for e in recorded.key_averages() if e.key in launches) / steps


def main() -> None:
    args = harness.arguments(__doc__, largest=40 if torch.cuda.is_available() else 20)
    cpu = args.device == "cpu"
    repeats = 1 if args.quick else 3 if cpu else 5
    rows = []
    for kind, shapes, build in (("AE-CM", AECM_SHAPES, aecm), ("CM", CM_SHAPES, module)):
        for shape in shapes:
            precisions = ("float32",) if kind == "CM" else ("float32", "bf16") if cpu else ("float32", "tf32", "bf16")
            ceilings = {p: harness.matmul_ceiling(args.device, p) for p in precisions}
            batches = (2 if kind == "AE-CM" else 30) if cpu else 60
            x = data(shape, batches, args.device)
            cases = {
                (p, s): Training(build(shape, precision=p) if kind == "AE-CM" else build(shape), x, range(s))
                for p in precisions
                for s in SIZES
                if s <= args.largest and not (args.quick and s > 5)
            }
            seconds = harness.interleave(cases, args.device, repeats)
            for (precision, s), run in cases.items():
                median = statistics.median(seconds[precision, s])
                row = {
                    "method": kind,
                    "shape": shape.name,
                    "precision": precision,
                    "seeds": s,
                    "ms per step": 1e3 * median / batches,
                    "seed-samples/s": s * len(x) / median,
                    "launches per step": launches_per_step(run, batches, args.device),
                }
                if kind == "AE-CM":
                    rate = flop_per_point(shape) * s * len(x) / median / 1e9
                    row |= {"GFLOP/s": rate, "ceiling": ceilings[precision], "share": rate / ceilings[precision]}
                rows.append(row)
            if not cpu:  # what the captured graph brings
                plain = {s: Training(build(shape), x, range(s), Runtime(capture=False)) for s in (1, 20)}
                seconds = harness.interleave(plain, args.device, repeats)
                for s in plain:
                    median = statistics.median(seconds[s])
                    rows.append(
                        {
                            "method": kind,
                            "shape": shape.name,
                            "precision": "float32, not captured",
                            "seeds": s,
                            "ms per step": 1e3 * median / batches,
                            "seed-samples/s": s * len(x) / median,
                            "launches per step": launches_per_step(plain[s], batches, args.device),
                        }
                    )
    harness.report("blocks", rows, args)


if __name__ == "__main__":
    main()
