"""How do time and memory grow with the nodes of a graph, for SDCN and for k-means of smoothed features? Log-log slopes.

Graphs of a stochastic block model (`benchmarks.graphs`): 5 edges per node, 10 blocks, 50 features, 5 % of them not 0.
SDCN has the layers 100-100-200-10, float32, one seed. Every case is a process of its own; memory is what a fit took.
"""

import resource
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import torch
from scipy import sparse

from baselines.sdcn import SDCN
from baselines.smoothed_kmeans import SmoothedKMeans
from benchmarks import harness
from benchmarks.graphs import stochastic_blocks
from benchmarks.memory import resident
from jcae.training.phase import Runtime

NODES = (1_000, 10_000, 100_000, 1_000_000)
UPDATES = 3
KMEANS = "k-means (smoothed)"


def fit_kmeans(x: np.ndarray, graph: sparse.csr_array, device: str, updates: int) -> None:
    SmoothedKMeans(10, n_init=1, random_state=0).fit(x, graph=graph)


def fit_sdcn(x: np.ndarray, graph: sparse.csr_array, device: str, updates: int) -> None:
    """Updates from an autoencoder of one epoch: its training does not know the graph."""
    method = SDCN(10, hidden=(100, 100, 200), code_dim=10, epochs=updates, device=device)
    quiet = Runtime(progress=False)
    (autoencoder,) = method.pretraining().set_params(epochs=1).fit_seeds(x, [0], runtime=quiet)
    method.fit_seeds(x, [0], graph=graph, pretrained=[autoencoder.weights_], runtime=quiet)


def measure(method: str, nodes: int, device: str) -> dict[str, float]:
    """Edges, seconds of a fit (SDCN: with one update), of an update beyond it, and MiB; in a process of its own."""
    torch.set_num_threads(1)
    fit = fit_kmeans if method == KMEANS else fit_sdcn

    def seconds(updates: int) -> float:
        start = harness.clock(device)
        fit(x, graph, device, updates)
        return harness.clock(device) - start

    graph, x = stochastic_blocks(200, 1000, 10, 50, 0.05)
    seconds(1)
    graph, x = stochastic_blocks(nodes, 5 * nodes, 10, 50, 0.05)
    before = resident()
    found = {"edges": graph.nnz // 2, "fit s": seconds(1)}
    if method != KMEANS:
        found["s per update"] = (seconds(1 + UPDATES) - found["fit s"]) / UPDATES
    return found | {"MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before}


def main() -> None:
    args = harness.arguments(__doc__)
    nodes = NODES[:2] if args.quick else NODES
    rows = []
    for method in (KMEANS, "SDCN"):
        with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as fresh:
            found = [{"nodes": n} | fresh.submit(measure, method, n, args.device).result() for n in nodes]
        rows += [{"method": method} | row for row in found]
        one, two = found[-2:]
        times = np.log(two["nodes"] / one["nodes"])
        slopes = {name: float(np.log(two[name] / one[name]) / times) for name in one if name not in ("nodes", "edges")}
        rows.append({"method": f"{method}, last slope", **slopes})
    harness.report("graph_growth", rows, args)


if __name__ == "__main__":
    main()
