"""Edges between clusters on the workers of a Dask cluster: the same rounds where one machine is too small."""

from itertools import pairwise
from operator import getitem
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from jcae.extras import extra
from jcae.trees.components import contract, nearest


class DaskEdges(NamedTuple):
    """Edges in blocks of rows, which stay on the workers; see `jcae.trees.components.Edges`.

    What passes through this process, and to every worker, are numbers per cluster: its size, where it points to, and
    what it is put into. Edges pass between the workers alone. Sums of similarities are exact
    (`jcae.data.graphs.similarities`), so that they do not depend on how the edges are divided.

    Attributes
    ----------
    client : distributed.Client
    blocks : list of Future
        Each the rows ``bounds[i] : bounds[i + 1]`` of the symmetric matrix, a canonical csr_array with all columns.
    bounds : ndarray of int, (blocks + 1,)
    """

    client: Any
    blocks: list[Any]
    bounds: NDArray[np.integer]

    @classmethod
    def of_graph(cls, sums: sparse.csr_array, n_blocks: int) -> Self:
        """Hand out a graph that lies in this process, to the workers of the current client.

        Raises
        ------
        MissingExtraError
            Dask is not installed.
        ValueError
            There is no client.
        """
        with extra("dask", "A division over the workers of a cluster"):
            from distributed import get_client
        try:
            client = get_client()
        except ValueError:
            raise ValueError(
                f"n_blocks={n_blocks!r} needs a Dask cluster: make a distributed.Client first, or take None"
            ) from None
        bounds = divided(sums.shape[0], n_blocks)
        blocks = [sums[start:end] for start, end in pairwise(bounds)]
        return cls(client, client.scatter(blocks), bounds)

    def nearest(self, sizes: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """See `jcae.trees.components.Edges`."""
        known = self.client.scatter(sizes, broadcast=True)
        found = self.client.gather(
            [
                self.client.submit(nearest, block, known, int(first))
                for block, first in zip(self.blocks, self.bounds[:-1], strict=True)
            ]
        )
        clusters, similarities = zip(*found, strict=True)
        return np.concatenate(clusters), np.concatenate(similarities)

    def contract(self, into: NDArray[np.integer], n_clusters: int) -> "DaskEdges":
        """See `jcae.trees.components.Edges`: every block is contracted, divided by the new rows, and sent there."""
        submit = self.client.submit
        known = self.client.scatter(into, broadcast=True)
        bounds = divided(n_clusters, len(self.blocks))
        parts = [
            submit(_parts, block, known, n_clusters, int(first), bounds)
            for block, first in zip(self.blocks, self.bounds[:-1], strict=True)
        ]
        blocks = [submit(_sum, [submit(getitem, part, i) for part in parts]) for i in range(len(self.blocks))]
        return DaskEdges(self.client, blocks, bounds)


def divided(n: int, n_blocks: int) -> NDArray[np.int64]:
    """Bounds of blocks of nearly equal length, (n_blocks + 1,)."""
    return np.arange(n_blocks + 1) * n // n_blocks


def _parts(
    sums: sparse.csr_array, into: NDArray[np.integer], n_clusters: int, first: int, bounds: NDArray[np.integer]
) -> list[sparse.csr_array]:
    found = contract(sums, into, n_clusters, first)
    return [found[start:end] for start, end in pairwise(bounds)]


def _sum(parts: list[sparse.csr_array]) -> sparse.csr_array:
    found = sum(parts[1:], start=parts[0])
    found.sort_indices()
    return found
