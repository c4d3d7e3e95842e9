"""Generated graphs for the benchmarks."""

import numpy as np
from scipy import sparse


def stochastic_blocks(
    n: int, edges: int, blocks: int, d: int, density: float, seed: int = 0
) -> tuple[sparse.csr_array, np.ndarray]:
    """A graph of a stochastic block model in which nine of ten edges lie within a block, and features of its nodes.

    Parameters
    ----------
    n, edges, blocks : int
        Nodes, undirected edges (about as many: doubles and loops fall away), blocks of equal size.
    d : int
        Features, each of which is more frequent in one block.
    density : float
        Share of the features that are not 0.

    Returns
    -------
    graph : csr_array of float32, (n, n)
    x : ndarray of float32, (n, d)
    """
    rng = np.random.default_rng(seed)
    block = np.arange(n) * blocks // n
    ends = rng.integers(n, size=(2, edges))
    inside = rng.random(edges) < 0.9
    first = np.searchsorted(block, block[ends[0]])
    size = np.searchsorted(block, block[ends[0]], side="right") - first
    ends[1] = np.where(inside, first + (rng.random(edges) * size).astype(np.int64), ends[1])
    ends = ends[:, ends[0] != ends[1]]
    one_way = sparse.coo_array((np.ones(ends.shape[1], np.float32), tuple(ends)), shape=(n, n)).tocsr()
    graph = sparse.csr_array(one_way + one_way.T)
    graph.data[:] = 1.0
    likely = np.where(np.arange(d) % blocks == block[:, None], 2.0, 0.8)
    x = (rng.random((n, d)) < density * likely / likely.mean()).astype(np.float32)
    return graph, x if density < 1 else x + rng.normal(size=(n, d)).astype(np.float32)
