"""k-means for every seed of a block and all restarts at once, on the device that trains.

Greedy k-means++ seeding and Lloyd's algorithm as in scikit-learn (same trials per centre, same stopping rule, empty
clusters move to the farthest points), written as matrix products so that twenty restarts of twenty seeds cost a GPU
little more than one. On a CPU the seeds are worked through one after the other: what a seed gets cannot depend on the
others.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from jcae.randomness.seeds import generator

CACHE = 2**19
"""Numbers that a pass over the points has at hand at a time on a CPU: what its cache holds."""
BUDGET = 2**26
"""The same on a GPU: 256 MiB in float32."""


class KMeans(NamedTuple):
    """The best restart of every seed.

    Attributes
    ----------
    labels : Tensor of int64, (S, n)
    centers : Tensor, (S, K, p)
    inertia : Tensor of float64, (S,)
        Sum of squared distances to the own centre.
    iterations : Tensor of int64, (S,)
    """

    labels: Tensor
    centers: Tensor
    inertia: Tensor
    iterations: Tensor


def kmeans(
    points: Tensor,
    n_clusters: int,
    seeds: Sequence[int],
    *,
    purpose: str = "start",
    n_init: int = 20,
    max_iter: int = 300,
    tol: float = 1e-4,
) -> KMeans:
    """The best of `n_init` runs of Lloyd's algorithm, for every seed.

    Parameters
    ----------
    points : Tensor, (n, p) or (S, n, p)
        The same points for all seeds, or a set per seed.
    n_clusters : int
        K, at most n.
    seeds : sequence of S int
    purpose : str
        Random numbers come from the seed's stream of this name.
    n_init, max_iter : int
        Restarts, and iterations per restart.
    tol : float
        A restart stops when the centres together moved by less than `tol` times the mean variance of a feature
        (squared), or not at all.

    Returns
    -------
    KMeans
    """
    if points.dim() == 2:
        points = points.expand(len(seeds), -1, -1)
    if not 1 <= n_clusters <= points.shape[1]:
        raise ValueError(f"n_clusters={n_clusters} is not allowed for {points.shape[1]} points")
    trials = 2 + int(math.log(n_clusters))
    draws = torch.stack(
        [
            torch.rand(n_init, n_clusters, trials, generator=generator(seed, purpose), dtype=torch.float64)
            for seed in seeds
        ]
    ).to(points.device)
    together = len(seeds) if points.device.type != "cpu" else 1
    parts = [
        _fit(points[s : s + together], draws[s : s + together], max_iter, tol) for s in range(0, len(seeds), together)
    ]
    return KMeans(*(torch.cat(column) for column in zip(*parts, strict=True)))


def kmeans_start(points: Tensor, n_clusters: int, seeds: Sequence[int]) -> Tensor:
    """Centroids after k-means++ seeding and a single Lloyd iteration: where the clustering module and EM both start.

    Parameters
    ----------
    points : Tensor, (n, d) or (S, n, d)
    n_clusters : int
        K, at most n.
    seeds : sequence of S int
        The random numbers come from a seed's stream ``"start"``, as for every method that starts this way.

    Returns
    -------
    Tensor, (S, K, d)
    """
    return kmeans(points, n_clusters, seeds, n_init=1, max_iter=1).centers


@torch.no_grad()
def _fit(points: Tensor, draws: Tensor, max_iter: int, tol: float) -> KMeans:
    """Points (S, n, p) and uniform numbers (S, R, K, trials) to the best restart of each seed."""
    origin = points.sum(1, keepdim=True, dtype=torch.float64).div(points.shape[1]).to(points.dtype)
    run = _Restarts(points, origin, tol * points.var(1, correction=0).mean(-1))
    centers = run.seed(draws)
    n_seeds, n_init = centers.shape[:2]
    moved = torch.ones(n_seeds, n_init, dtype=torch.bool, device=points.device)
    iterations = torch.zeros(n_seeds, n_init, dtype=torch.int64, device=points.device)
    for _ in range(max_iter):
        # A GPU goes on with all restarts while one moves; a CPU, with one seed at a time, with those that move.
        at = moved[0].nonzero()[:, 0] if n_seeds == 1 else slice(None)
        new = run.update(centers[:, at])
        new = torch.where(moved[:, at, None, None], new, centers[:, at])
        shift = (new - centers[:, at]).square().sum((-2, -1))
        centers[:, at] = new
        iterations[:, at] += moved[:, at]
        moved[:, at] &= shift > run.tolerance.unsqueeze(-1)
        if not moved.any():
            break
    inertia = run.inertia(centers)
    best = inertia.argmin(1)
    chosen = torch.arange(n_seeds, device=points.device)
    centers = centers[chosen, best]
    return KMeans(run.labels(centers), centers + origin, inertia[chosen, best], iterations[chosen, best])


class _Restarts:
    """The passes over the points; centres are (S, R, K, p), relative to the origin."""

    def __init__(self, points: Tensor, origin: Tensor, tolerance: Tensor):
        self.points, self.origin, self.tolerance = points, origin, tolerance

    def _chunks(self, rows: int):
        """Points relative to the origin, (S, m, p), so many that `rows` numbers for each can be at hand."""
        budget = CACHE if self.points.device.type == "cpu" else BUDGET
        size = max(256, budget // (rows * len(self.points)))
        first = 0
        for part in self.points.split(size, dim=1):
            yield slice(first, first + part.shape[1]), part - self.origin
            first += part.shape[1]

    @staticmethod
    def _distances(centers: Tensor, x: Tensor) -> Tensor:
        """Squared distances less the squared norm of the point, (S, R, K, m)."""
        flat = centers.flatten(1, 2)
        products = torch.baddbmm(flat.square().sum(-1, keepdim=True), flat, x.mT, alpha=-2.0)
        return products.unflatten(1, centers.shape[1:3])

    def update(self, centers: Tensor) -> Tensor:
        """One Lloyd iteration."""
        sums, counts = torch.zeros_like(centers), centers.new_zeros(centers.shape[:3])
        for _, x in self._chunks(centers.shape[1] * centers.shape[2]):
            distances = self._distances(centers, x)
            # Equality with the smallest is ten times faster than its index; a point between two counts half for each.
            own = (distances == distances.amin(2, keepdim=True)).to(x.dtype)
            ties = own.sum(2, keepdim=True)
            own /= ties
            sums += torch.bmm(own.flatten(1, 2), x).view_as(sums)
            counts += own.sum(-1)
        empty = counts == 0
        new = sums / counts.unsqueeze(-1).clamp_min(torch.finfo(sums.dtype).tiny)
        if empty.any():
            self._refill(new, centers, sums, counts, empty)
        return new

    def _refill(self, new: Tensor, centers: Tensor, sums: Tensor, counts: Tensor, empty: Tensor) -> None:
        """Give every empty cluster the point that is farthest from its own centre, and take it from there."""
        for s, r in empty.any(-1).nonzero().tolist():
            one = _Restarts(self.points[s : s + 1], self.origin[s : s + 1], self.tolerance[s : s + 1])
            nearest, label = one._nearest(centers[s : s + 1, r : r + 1])
            for k, i in zip(
                empty[s, r].nonzero()[:, 0].tolist(),
                nearest[0, 0].topk(int(empty[s, r].sum())).indices.tolist(),
                strict=True,
            ):
                point, old = self.points[s, i] - self.origin[s, 0], label[0, 0, i]
                new[s, r, k] = point
                if counts[s, r, old] > 1:
                    sums[s, r, old] -= point
                    counts[s, r, old] -= 1
                    new[s, r, old] = sums[s, r, old] / counts[s, r, old]

    def _nearest(self, centers: Tensor) -> tuple[Tensor, Tensor]:
        """Squared distance to the nearest centre, and which it is, (S, R, n)."""
        parts = []
        for _, x in self._chunks(centers.shape[1] * centers.shape[2]):
            smallest = self._distances(centers, x).min(2)
            norms = x.square().sum(-1).unsqueeze(1)
            parts.append(((smallest.values + norms).clamp_min(0.0), smallest.indices))
        return tuple(torch.cat(column, dim=-1) for column in zip(*parts, strict=True))

    def inertia(self, centers: Tensor) -> Tensor:
        """Sum of squared distances, float64 (S, R)."""
        total = torch.zeros(centers.shape[:2], dtype=torch.float64, device=centers.device)
        for _, x in self._chunks(centers.shape[1] * centers.shape[2]):
            squares = self._distances(centers, x).amin(2) + x.square().sum(-1).unsqueeze(1)
            total += squares.clamp_min(0.0).sum(-1, dtype=torch.float64)
        return total

    def labels(self, centers: Tensor) -> Tensor:
        """Nearest centre, (S, n), for centres (S, K, p)."""
        return self._nearest(centers.unsqueeze(1))[1][:, 0]

    def seed(self, draws: Tensor) -> Tensor:
        """Greedy k-means++: of several points drawn by their squared distance, the one that leaves the least."""
        n_seeds, n_init, n_clusters, trials = draws.shape
        n, device = self.points.shape[1], self.points.device
        s = torch.arange(n_seeds, device=device)[:, None]
        first = (draws[:, :, 0, 0] * n).long().clamp_max(n - 1)
        centers = self.points.new_empty(n_seeds, n_init, n_clusters, self.points.shape[2])
        centers[:, :, 0] = self.points[s, first] - self.origin
        closest = self._nearest(centers[:, :, :1])[0]
        for k in range(1, n_clusters):
            mass = closest.cumsum(-1, dtype=torch.float64)
            target = draws[:, :, k] * mass[..., -1:]
            drawn = torch.searchsorted(mass, target).clamp_max(n - 1)
            candidates = self.points[s[..., None], drawn] - self.origin.unsqueeze(1)
            left = torch.zeros(n_seeds, n_init, trials, dtype=torch.float64, device=device)
            for place, x in self._chunks(n_init * trials):
                squares = self._squares(candidates, x)
                left += torch.minimum(squares, closest[:, :, None, place]).sum(-1, dtype=torch.float64)
            best = left.argmin(-1)
            chosen = candidates.gather(2, best[..., None, None].expand(-1, -1, 1, candidates.shape[-1]))
            centers[:, :, k] = chosen[:, :, 0]
            for place, x in self._chunks(n_init):
                closest[..., place] = torch.minimum(closest[..., place], self._squares(chosen, x)[:, :, 0])
        return centers

    def _squares(self, centers: Tensor, x: Tensor) -> Tensor:
        return (self._distances(centers, x) + x.square().sum(-1)[:, None, None]).clamp_min_(0.0)
