"""(d) k-means: ours against scikit-learn and, where installed, faiss. Time of 20 restarts, and the inertia reached."""

import statistics
from contextlib import suppress

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from benchmarks import harness
from jcae.training.kmeans import kmeans

FAISS = None
with suppress(ImportError):
    import faiss as FAISS  # noqa: N812

RESTARTS = 20


def point_sets() -> dict[str, tuple[np.ndarray, int]]:
    """Real digits, and points like the codes of an autoencoder and like images; with the number of clusters."""
    rng = np.random.default_rng(0)

    def blobs(n: int, d: int, k: int, spread: float) -> np.ndarray:
        return spread * rng.standard_normal((k, d))[rng.integers(0, k, n)] + rng.standard_normal((n, d))

    return {
        "digits 1797 x 64": (load_digits().data / 16, 10),
        "code 10000 x 10": (blobs(10_000, 10, 10, 1.5), 10),
        "code 70000 x 10": (blobs(70_000, 10, 10, 1.5), 10),
        "pendigits 10992 x 16": (blobs(10_992, 16, 10, 1.0), 10),
        "images 5000 x 784": (blobs(5_000, 784, 10, 0.3), 10),
    }


def main() -> None:
    args = harness.arguments(__doc__)
    repeats = 1 if args.quick else 3
    seeds = range(1) if args.device == "cpu" else range(20)
    rows = []
    with threadpool_limits(1):
        for name, (points, k) in point_sets().items():
            x = np.ascontiguousarray(points, dtype=np.float32)
            on_device = torch.tensor(x, device=args.device)
            found = {}

            def ours(x=on_device, k=k, found=found):
                found["ours"] = kmeans(x, k, seeds, n_init=RESTARTS).inertia.mean().item()

            def theirs(x=x, k=k, found=found):
                fits = [KMeans(k, n_init=RESTARTS, random_state=s).fit(x).inertia_ for s in seeds[:1]]
                found["scikit-learn"] = float(np.mean(fits))

            cases = {"ours": ours, "scikit-learn": theirs}
            if FAISS is not None:
                FAISS.omp_set_num_threads(1)

                def of_faiss(x=x, k=k, found=found):
                    fit = FAISS.Kmeans(x.shape[1], k, niter=50, nredo=RESTARTS, max_points_per_centroid=len(x))
                    fit.train(x)
                    found["faiss"] = float(fit.obj[-1])

                cases["faiss"] = of_faiss
            seconds = harness.interleave(cases, args.device, repeats)
            for other in [case for case in cases if case != "ours"]:
                rows.append(
                    {
                        "points": name,
                        "seeds at once": len(seeds),
                        "other": other,
                        "other s per seed": statistics.median(seconds[other]),
                        "ours s per seed": statistics.median(seconds["ours"]) / len(seeds),
                        "times faster": len(seeds) * harness.median_ratio(seconds[other], seconds["ours"]),
                        "inertia, ours / other": found["ours"] / found[other],
                    }
                )
    harness.report("kmeans", rows, args)


if __name__ == "__main__":
    main()
