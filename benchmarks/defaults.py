"""What do methods reach that are told nothing but K, and how long do they train? Beside them k-means with 20 restarts.

Data as the pipeline prepares them. Methods whose rule asks for the same pretraining share it, as the seeds of a run do;
its seconds count for each of them.
"""

from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans

from baselines.dcn import DCN
from baselines.dec import DEC
from baselines.dkm import DKM
from baselines.idec import IDEC
from baselines.vade import VaDE
from benchmarks import harness
from jcae import AECM
from jcae.data.stored import load_features, load_truth
from jcae.scores import metrics

METHODS = {cls.__name__: cls for cls in (AECM, DEC, IDEC, DCN, DKM, VaDE)}


def row(dataset: str, method: str, y: np.ndarray, labels: list[np.ndarray], seconds: float) -> dict[str, object]:
    scores = {name: [f(y, one) for one in labels] for name, f in (("ACC", metrics.accuracy), ("NMI", metrics.nmi))}
    found = {"data set": dataset, "method": method, "seeds": len(labels)}
    for name, values in scores.items():
        found |= {name: 100 * np.mean(values), f"{name} sd": 100 * np.std(values, ddof=1)}
    return {**found, "cpu s per seed": seconds / len(labels)}


def main() -> None:
    args = harness.arguments(
        __doc__, seeds=5, datasets="wine,digits", methods=",".join(METHODS), prepared="data/prepared"
    )
    seeds = range(2 if args.quick else args.seeds)
    rows = []
    for dataset in args.datasets.split(","):
        X = load_features(Path(args.prepared) / dataset / "features.npz")
        y = load_truth(Path(args.prepared) / dataset / "truth.npz")[0]
        k = len(np.unique(y))
        start = harness.clock(args.device)
        labels = [KMeans(k, n_init=20, random_state=seed).fit(X).labels_ for seed in seeds]
        rows.append(row(dataset, "k-means", y, labels, harness.clock(args.device) - start))
        shared = {}
        for name in args.methods.split(","):
            method = METHODS[name](k, device=args.device)
            recipe = method.settled(*X.shape).pretraining()
            if str(recipe.get_params()) not in shared:
                start = harness.clock(args.device)
                weights = [fit.weights_ for fit in recipe.fit_seeds(X, seeds)]
                shared[str(recipe.get_params())] = weights, harness.clock(args.device) - start
            weights, seconds = shared[str(recipe.get_params())]
            start = harness.clock(args.device)
            fits = method.fit_seeds(X, seeds, pretrained=weights)
            seconds += harness.clock(args.device) - start
            rows.append(row(dataset, name, y, [fit.labels_ for fit in fits], seconds))
            print(rows[-1], flush=True)
    harness.report("defaults", rows, args)


if __name__ == "__main__":
    main()
