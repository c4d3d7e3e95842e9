"""Isotropic mixture against scikit-learn's spherical one: time of as many EM steps from the same centroids.

scikit-learn estimates a variance per component, where ours is shared and given: one sum of squares more per step.
"""

import statistics
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from benchmarks import harness
from benchmarks.kmeans import point_sets
from jcae import IsotropicMixture

STEPS = 30


def main() -> None:
    args = harness.arguments(__doc__)
    rows = []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # all steps are made
        for name, (points, k) in point_sets().items():
            x = np.ascontiguousarray(points, dtype=np.float64)
            start = x[np.random.default_rng(0).choice(len(x), k, replace=False)]
            ours = IsotropicMixture(k, init=start, max_iter=STEPS, tol=-np.inf)
            theirs = GaussianMixture(
                k, covariance_type="spherical", means_init=start, init_params="random", max_iter=STEPS, tol=0.0
            )
            cases = {"ours": lambda m=ours, x=x: m.fit(x), "scikit-learn": lambda m=theirs, x=x: m.fit(x)}
            seconds = harness.interleave(cases, "cpu", 1 if args.quick else 5)
            rows.append(
                {
                    "points": name,
                    "steps ours": ours.n_iter_,
                    "steps scikit-learn": theirs.n_iter_,
                    "scikit-learn ms per step": 1e3 * statistics.median(seconds["scikit-learn"]) / theirs.n_iter_,
                    "ours ms per step": 1e3 * statistics.median(seconds["ours"]) / ours.n_iter_,
                    "times faster": harness.median_ratio(seconds["scikit-learn"], seconds["ours"])
                    * (ours.n_iter_ / theirs.n_iter_),
                }
            )
    harness.report("mixtures", rows, args)


if __name__ == "__main__":
    main()
