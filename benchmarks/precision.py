"""(e) What do tf32 and bf16 change in the scores? The same seeds in every precision, and a test of equivalence.

Digits with the network of the default run; every seed starts from the same weights in every precision. Two one-sided
paired t tests (TOST) with a margin of two points, level 5 %, as in the comparison of clustering module and mixture.
"""

import time

import numpy as np
from sklearn.datasets import load_digits

from baselines.ae_kmeans import AEKMeans
from baselines.idec import IDEC
from benchmarks import harness
from jcae import AECM, Autoencoder
from jcae.scores import metrics
from jcae.statistics.tost import tost

MARGIN = 0.02
NET = {"hidden": (128, 128, 256), "code_dim": 70, "negative_slope": 0.2}
BLOCK = 5  # seeds at once on a CPU


def main() -> None:
    args = harness.arguments(__doc__, seeds=10, epochs=100)
    seeds, epochs = (range(3), 2) if args.quick else (range(args.seeds), args.epochs)
    digits = load_digits()
    X, y = digits.data / 16, digits.target
    precisions = ("float32", "bf16") if args.device == "cpu" else ("float32", "tf32", "bf16")
    size = BLOCK if args.device == "cpu" else len(seeds)
    scores: dict[tuple[str, str, str], list[float]] = {}
    seconds = {}
    for precision in precisions:
        settings = {**NET, "device": args.device, "precision": precision}
        joint = {"alpha": 13, "beta": 0.5, "batch_size": 64, "module_epochs": epochs // 2, "epochs": epochs}
        methods = {
            "AE+KM": AEKMeans(10, **settings),
            "IDEC": IDEC.published(n_clusters=10, batch_size=64, max_iter=20 * epochs, update_interval=28, **settings),
            "AE-CM": AECM.published(n_clusters=10, init="pretrained", **joint, **settings),
        }
        start = time.perf_counter()
        for first in range(0, len(seeds), size):
            group = list(seeds[first : first + size])
            recipe = Autoencoder(epochs=epochs, batch_size=64, **settings)
            weights = [fit.weights_ for fit in recipe.fit_seeds(X, group)]
            for name, method in methods.items():
                for fit in method.fit_seeds(X, group, pretrained=weights):
                    for score, function in (("ACC", metrics.accuracy), ("NMI", metrics.nmi)):
                        scores.setdefault((name, score, precision), []).append(function(y, fit.labels_))
        seconds[precision] = time.perf_counter() - start
    rows = []
    for (name, score, precision), found in scores.items():
        if precision == "float32":
            continue
        here, base = np.array(found), np.array(scores[name, score, "float32"])
        test = tost(here - base, margin=MARGIN)
        rows.append(
            {
                "method": name,
                "score": score,
                "precision": precision,
                "seeds": len(base),
                "float32": f"{100 * base.mean():.1f} ± {100 * base.std(ddof=1):.1f}",
                "here": f"{100 * here.mean():.1f} ± {100 * here.std(ddof=1):.1f}",
                "difference": 100 * test.mean,
                "90 % interval": f"{100 * test.low:.1f} to {100 * test.high:.1f}",
                "verdict": test.verdict,
                "times faster, all": seconds["float32"] / seconds[precision],
            }
        )
    harness.report("precision", rows, args)


if __name__ == "__main__":
    main()
