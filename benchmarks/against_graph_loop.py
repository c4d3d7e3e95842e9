"""How much faster is a seed's update of SDCN than in a plain PyTorch loop on the same graph, one seed at a time?

The loop is written here from the paper: layers of torch.nn, a sparse adjacency, one pass per update (the authors' code
makes two with the same weights). Network, data, precision and updates are the same.
"""

import statistics
from itertools import pairwise

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn.functional import kl_div, relu

from baselines.sdcn import SDCN
from benchmarks import harness
from benchmarks.graphs import stochastic_blocks
from jcae.nn.graph import normalised
from jcae.training.block import Block
from jcae.training.groups import first_groups
from jcae.training.loop import train
from jcae.training.memory import Placement
from jcae.training.phase import Runtime

HIDDEN, CODE, K = (500, 500, 2000), 10, 6
SHAPES = {"Citeseer": (3327, 3703, 4552, 0.0085), "dense features": (3327, 500, 4552, 1.0)}
"""Nodes, features, edges, share of features that are not 0."""


class Plain(nn.Module):
    """SDCN of one seed."""

    def __init__(self, d: int, adjacency: Tensor):
        super().__init__()
        widths = [d, *HIDDEN, CODE]
        self.encoder = nn.ModuleList(nn.Linear(*step) for step in pairwise(widths))
        self.decoder = nn.ModuleList(nn.Linear(*step) for step in pairwise(widths[::-1]))
        self.graph = nn.ParameterList(nn.init.xavier_uniform_(torch.empty(step)) for step in pairwise([*widths, K]))
        self.centroids = nn.Parameter(torch.randn(K, CODE))
        self.adjacency = adjacency

    def loss(self, x: Tensor) -> Tensor:
        """One pass over all nodes x (n, d)."""
        hidden, h = [], x
        for layer in self.encoder[:-1]:
            h = relu(layer(h))
            hidden.append(h)
        z = self.encoder[-1](h)
        g = relu(self.adjacency @ (x @ self.graph[0]))
        for h, weight in zip(hidden, self.graph[1:-1], strict=True):
            g = relu(self.adjacency @ ((0.5 * g + 0.5 * h) @ weight))
        prediction = torch.softmax(self.adjacency @ ((0.5 * g + 0.5 * z) @ self.graph[-1]), 1)
        out = z
        for layer in self.decoder[:-1]:
            out = relu(layer(out))
        q = 1.0 / (1.0 + torch.cdist(z, self.centroids).square())
        q = q / q.sum(1, keepdim=True)
        p = (q.square() / q.sum(0)).detach()
        p = p / p.sum(1, keepdim=True)
        error = (self.decoder[-1](out) - x).square().mean()
        return (
            error
            + 0.1 * kl_div(q.log(), p, reduction="batchmean")
            + 0.01 * kl_div(prediction.log(), p, reduction="batchmean")
        )


def plain(x: Tensor, N: sparse.csr_array, updates: int):
    """Some updates of the plain loop."""
    parts = [torch.from_numpy(part.astype(np.int64)) for part in (N.indptr, N.indices)]
    adjacency = torch.sparse_csr_tensor(*parts, torch.from_numpy(N.data.astype(np.float32)), N.shape, device=x.device)
    model = Plain(x.shape[1], adjacency).to(x.device)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)

    def run() -> None:
        for _ in range(updates):
            optimiser.zero_grad()
            model.loss(x).backward()
            optimiser.step()

    return run


def ours(x: Tensor, graph: sparse.csr_array, updates: int, seeds: int, precision: str = "float32", *, block: bool):
    """The same updates without k-means and snapshots: all seeds in a block, or in those that the method would take."""
    method = SDCN(K, hidden=HIDDEN, code_dim=CODE, epochs=updates, precision=precision)
    d, device, placed = x.shape[1], x.device, Placement(seeds, True)
    if not block:
        placed = method.placement(method.demand(method.build_network(d, [0]), *x.shape), graph, device, seeds)
    nodes, trainings = method.nodes(x, graph, device), []
    for group in first_groups(range(seeds), placed, None):
        made = Block(method.build_network(d, group.seeds).to(device), x, group.seeds, nodes)
        (phase,) = method.training_phases(made)
        phase.before = None
        trainings.append((made, phase))

    def run() -> None:
        for made, phase in trainings:
            train(made, [phase], Runtime())

    return run


def main() -> None:
    args = harness.arguments(__doc__)
    updates, sizes, repeats = (1, (1, 2), 1) if args.quick else (1, (1, 10), 5)
    rows = []
    for name, (n, d, edges, density) in SHAPES.items():
        n, d = (n // 10, d // 10) if args.quick else (n, d)
        graph, x = stochastic_blocks(n, edges, K, d, density)
        x = torch.from_numpy(x).to(args.device)
        cases = {"plain": plain(x, normalised(graph, "row"), updates)}
        cases |= {(s, False): ours(x, graph, updates, s, block=False) for s in sizes}
        cases |= {(s, True): ours(x, graph, updates, s, block=True) for s in sizes if s > 1}
        seconds = harness.interleave(cases, args.device, repeats)
        for s, block in list(cases)[1:]:
            rows.append(
                {
                    "graph": name,
                    "nodes": n,
                    "features": d,
                    "seeds": s,
                    "trained": "in a block" if block else "as fit does",
                    "plain ms per update": 1e3 * statistics.median(seconds["plain"]) / updates,
                    "ours ms per seed and update": 1e3 * statistics.median(seconds[s, block]) / updates / s,
                    "times faster": s * harness.median_ratio(seconds["plain"], seconds[s, block]),
                }
            )
    harness.report("against_graph_loop", rows, args)


if __name__ == "__main__":
    main()
