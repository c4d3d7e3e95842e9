"""Does a seed's score depend on the seeds beside it? Twenty seeds in one block against twenty runs of one, on digits.

On a CPU the two are bitwise the same (tests/unit/training/test_training.py); on a GPU the kernels of a batched product
need not be those of a single one, and training amplifies their rounding. So scores are compared as paired samples: two
one-sided t tests (TOST) with a margin of two points, level 5 %.
"""

import time

import numpy as np
from sklearn.datasets import load_digits

from baselines.dec import DEC
from benchmarks import harness
from jcae import AECM, Autoencoder, ClusteringModule
from jcae.scores import metrics
from jcae.statistics.tost import tost

MARGIN = 0.02
NET = {"hidden": (128, 128, 256), "code_dim": 20}


def main() -> None:
    args = harness.arguments(__doc__, seeds=20, epochs=60)
    seeds, epochs = (range(2), 3) if args.quick else (range(args.seeds), args.epochs)
    digits = load_digits()
    X, y = digits.data / 16, digits.target
    place = {"device": args.device}
    recipe = Autoencoder(epochs=epochs, batch_size=64, **NET, **place)
    start = [fit.weights_ for fit in recipe.fit_seeds(X, seeds)]
    training = {"alpha": 13, "beta": 0.5, "batch_size": 64, "module_epochs": epochs // 2, "epochs": epochs}
    methods = {
        "CM": (ClusteringModule(10, init="kmeans", alpha=13, batch_size=64, epochs=epochs, **place), None),
        "AE-CM": (AECM.published(n_clusters=10, init="pretrained", **training, **NET, **place), start),
        "DEC": (
            DEC.published(n_clusters=10, batch_size=64, max_iter=30 * epochs, update_interval=28, **NET, **place),
            start,
        ),
    }
    rows = []
    for name, (method, weights) in methods.items():
        clock = time.perf_counter()
        together = method.fit_seeds(X, seeds, pretrained=weights)
        block_seconds, clock = time.perf_counter() - clock, time.perf_counter()
        alone = [method.fit_seeds(X, [s], pretrained=weights and [weights[s]])[0] for s in seeds]
        single_seconds = time.perf_counter() - clock
        same = float(np.mean([(a.labels_ == b.labels_).mean() for a, b in zip(together, alone, strict=True)]))
        for score, function in (("ACC", metrics.accuracy), ("NMI", metrics.nmi)):
            block, single = (np.array([function(y, fit.labels_) for fit in fits]) for fits in (together, alone))
            test = tost(block - single, margin=MARGIN)
            rows.append(
                {
                    "method": name,
                    "score": score,
                    "seeds": len(seeds),
                    "in a block": f"{100 * block.mean():.1f} ± {100 * block.std(ddof=1):.1f}",
                    "alone": f"{100 * single.mean():.1f} ± {100 * single.std(ddof=1):.1f}",
                    "difference": 100 * test.mean,
                    "90 % interval": f"{100 * test.low:.2f} to {100 * test.high:.2f}",
                    "verdict": test.verdict,
                    "same labels": same,
                    "block s": block_seconds,
                    "alone s": single_seconds,
                }
            )
    harness.report("same_science", rows, args)


if __name__ == "__main__":
    main()
