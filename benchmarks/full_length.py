"""How long do twenty seeds of AE-CM take on all of MNIST? Some epochs are run and scaled to the published thousand."""

import time

import torch

from benchmarks import harness
from benchmarks.shapes import AECM_SHAPES, Training, aecm, data


def main() -> None:
    args = harness.arguments(__doc__, seeds=20, epochs=40, n=70_000)
    epochs, n = (2, 5_000) if args.quick else (args.epochs, args.n)
    shape = AECM_SHAPES[1]
    x = data(shape, -(-n // shape.batch), args.device)[:n]
    rows = []
    for precision in ("float32", "bf16") if args.device == "cpu" else ("float32", "tf32", "bf16"):
        run = Training(aecm(shape, precision, epochs=epochs), x, range(args.seeds))
        warm = Training(aecm(shape, precision), x[: 60 * shape.batch], range(args.seeds))
        warm()
        start = harness.clock(args.device)
        wall = time.perf_counter()
        run()
        seconds, wall = harness.clock(args.device) - start, time.perf_counter() - wall
        rows.append(
            {
                "points": n,
                "batch": shape.batch,
                "seeds": args.seeds,
                "precision": precision,
                "epochs run": epochs,
                "seconds": seconds,
                "wall s": wall,
                "minutes for 1000 epochs": seconds / epochs * 1000 / 60,
                "peak MiB": torch.cuda.max_memory_allocated() / 2**20 if args.device != "cpu" else None,
            }
        )
    harness.report("full_length", rows, args)


if __name__ == "__main__":
    main()
