"""(b) How much faster is a seed's epoch than in a plain PyTorch loop with a DataLoader and one seed?"""

import statistics

from benchmarks import harness, plain
from benchmarks.shapes import AECM_SHAPES, CM_SHAPES, Training, aecm, data, module


def main() -> None:
    args = harness.arguments(__doc__)
    cpu = args.device == "cpu"
    sizes, repeats = ((1, 10), 7) if cpu else ((1, 20), 5)
    repeats = 1 if args.quick else repeats
    rows = []
    for kind, shapes, ours, theirs in (
        ("AE-CM", AECM_SHAPES, aecm, plain.AECM),
        ("CM", CM_SHAPES, module, plain.CM),
    ):
        for shape in shapes:
            batches = (3 if kind == "AE-CM" else 40) if cpu else 60
            x = data(shape, batches, args.device)
            precisions = ("float32",) if kind == "CM" else ("float32", "bf16") if cpu else ("float32", "tf32", "bf16")
            cases = {"plain": plain.Training(theirs(shape), x, shape.batch, args.device)}
            cases |= {
                (p, s): Training(ours(shape, precision=p) if kind == "AE-CM" else ours(shape), x, range(s))
                for p in precisions
                for s in sizes
            }
            seconds = harness.interleave(cases, args.device, repeats)
            for case in cases:
                if case == "plain":
                    continue
                precision, s = case
                rows.append(
                    {
                        "method": kind,
                        "shape": shape.name,
                        "precision": precision,
                        "seeds": s,
                        "plain ms per step": 1e3 * statistics.median(seconds["plain"]) / batches,
                        "ours ms per seed-step": 1e3 * statistics.median(seconds[case]) / batches / s,
                        "times faster": s * harness.median_ratio(seconds["plain"], seconds[case]),
                    }
                )
    harness.report("against_plain", rows, args)


if __name__ == "__main__":
    main()
