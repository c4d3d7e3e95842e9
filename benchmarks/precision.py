"""(e) What do tf32 and bf16 change in the scores? Twenty (CPU: ten) seeds each, and a test of equivalence.

Every seed starts from the same weights in every precision. Two one-sided paired t tests (TOST) with a margin of two
points, level 5 %, as in the comparison of clustering module and mixture.
"""

import statistics
import time

import numpy as np
from sklearn.datasets import load_digits

from benchmarks import harness
from jcae import AECM, Autoencoder, metrics
from jcae.tost import tost

MARGIN = 0.02
NET = {"hidden": (500, 500, 2000), "code_dim": 10}


def main() -> None:
    args = harness.arguments(__doc__, seeds=10, epochs=60)
    seeds, epochs = (range(3), 2) if args.quick else (range(args.seeds), args.epochs)
    digits = load_digits()
    X, y = digits.data / 16, digits.target
    precisions = ("float32", "bf16") if args.device == "cpu" else ("float32", "tf32", "bf16")
    scores, seconds = {}, {}
    for precision in precisions:
        settings = {"device": args.device, "precision": precision}
        recipe = Autoencoder(epochs=epochs, batch_size=128, **NET, **settings)
        training = {"alpha": 20, "beta": 1.0, "batch_size": 128, "module_epochs": epochs // 2, "epochs": epochs}
        method = AECM(10, init="pretrained", **training, **NET, **settings)
        start = time.perf_counter()
        groups = [[s] for s in seeds] if args.device == "cpu" else [list(seeds)]
        fits = []
        for group in groups:
            weights = [fit.weights_ for fit in recipe.fit_seeds(X, group)]
            fits += method.fit_seeds(X, group, pretrained=weights)
        seconds[precision] = time.perf_counter() - start
        scores[precision] = {
            "ACC": np.array([metrics.accuracy(y, fit.labels_) for fit in fits]),
            "NMI": np.array([metrics.nmi(y, fit.labels_) for fit in fits]),
        }
        print(precision, {name: values.round(3).tolist() for name, values in scores[precision].items()}, flush=True)
    rows = []
    for precision in precisions[1:]:
        for name in ("ACC", "NMI"):
            here, base = scores[precision][name], scores["float32"][name]
            test = tost(here - base, margin=MARGIN)
            rows.append(
                {
                    "precision": precision,
                    "score": name,
                    "seeds": len(base),
                    "float32": f"{100 * base.mean():.1f} ± {100 * base.std(ddof=1):.1f}",
                    "here": f"{100 * here.mean():.1f} ± {100 * here.std(ddof=1):.1f}",
                    "difference": 100 * float(statistics.fmean(here - base)),
                    "90 % interval": f"{100 * test.low:.1f} to {100 * test.high:.1f}",
                    "p (TOST)": max(test.p_lower, test.p_upper),
                    "verdict": test.verdict,
                    "times faster": seconds["float32"] / seconds[precision],
                }
            )
    harness.report("precision", rows, args)


if __name__ == "__main__":
    main()
