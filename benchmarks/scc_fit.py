"""One fit of a hierarchical method on generated points, in a process of its own: time, and purity of the tree."""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from sklearn.cluster import HDBSCAN, AgglomerativeClustering
from threadpoolctl import threadpool_limits

from baselines.scc import SCC
from jcae.scores.tree_scores import dendrogram_purity
from jcae.trees.tree import Tree

D, CLASSES = 32, 100
WARM = 16_000
"""Points whose neighbours are approximate ones already."""


def points(n: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Normal classes around normal centres, `spread` times as far from 0 as points from their centre."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, CLASSES, n)
    return (spread * rng.standard_normal((CLASSES, D))[y] + rng.standard_normal((n, D))).astype(np.float32), y


def fit(method: str, X: np.ndarray) -> Tree:
    """The whole tree of a method."""
    if method == "scc":
        return SCC(CLASSES).fit(X).tree_
    if method == "hdbscan":
        merges = HDBSCAN(copy=True).fit(X)._single_linkage_tree_
        return Tree.of_pairs(np.stack([merges["left_node"], merges["right_node"]], axis=1))
    return Tree.of_pairs(AgglomerativeClustering(CLASSES, linkage=method, compute_full_tree=True).fit(X).children_)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method", choices=("scc", "ward", "average", "hdbscan"))
    parser.add_argument("n", type=int)
    parser.add_argument("spread", type=float)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    X, y = points(args.n, args.spread)
    with threadpool_limits(1):
        if args.method == "scc":  # imports and compiles what more points need, once
            SCC(CLASSES).fit(points(WARM, spread=args.spread)[0])
        start, cpu = time.perf_counter(), time.process_time()
        tree = fit(args.method, X)
        found = {"wall s": time.perf_counter() - start, "cpu s": time.process_time() - cpu}
    args.out.write_text(json.dumps(found | {"purity": dendrogram_purity(tree, y)}))


if __name__ == "__main__":
    main()
