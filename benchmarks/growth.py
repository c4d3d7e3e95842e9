"""(c) How does the time of an epoch grow with points, features, clusters and seeds? Slopes on log-log axes."""

import statistics

import numpy as np

from benchmarks import harness
from benchmarks.shapes import Shape, Training, aecm, data, module

BASE = {"n": 4, "d": 64, "K": 10, "S": 4}
RANGES = {"n": (2, 4, 8, 16), "d": (32, 64, 128, 256, 512), "K": (5, 10, 20, 40, 80), "S": (1, 2, 4, 8, 16)}


def case(kind: str, point: dict[str, int], device: str) -> Training:
    shape = Shape("growth", point["d"], max(point["K"], 10), point["K"], 128)
    x = data(shape, point["n"], device)
    build = aecm if kind == "AE-CM" else module
    return Training(build(shape), x, range(point["S"]))


def main() -> None:
    args = harness.arguments(__doc__)
    repeats = 1 if args.quick else 5
    scale = 1 if args.device == "cpu" else 16  # a GPU needs more to do before an epoch can be timed
    rows = []
    for kind in ("AE-CM", "CM"):
        for name, values in RANGES.items():
            factor = {"n": scale * (1 if kind == "AE-CM" else 8)}
            points = {v: {k: (v if k == name else BASE[k]) * factor.get(k, 1) for k in BASE} for v in values}
            seconds = harness.interleave(
                {v: case(kind, point, args.device) for v, point in points.items()}, args.device, repeats
            )
            medians = [statistics.median(seconds[v]) for v in values]
            slope = np.polyfit(np.log(values), np.log(medians), 1)[0]
            rows.append(
                {
                    "method": kind,
                    "grows": name,
                    "from": values[0] * factor.get(name, 1),
                    "to": values[-1] * factor.get(name, 1),
                    "unit": {"n": "batches of 128"}.get(name, ""),
                    "seconds": " ".join(f"{m:.3g}" for m in medians),
                    "slope": float(slope),
                }
            )
    harness.report("growth", rows, args)


if __name__ == "__main__":
    main()
