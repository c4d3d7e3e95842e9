"""The same rounds with the edges on the workers of a Dask cluster."""

import sys

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import make_blobs

from baselines.scc import SCC
from jcae.data.graphs.similarities import cosine_graph
from jcae.extras import MissingExtraError
from jcae.trees.components import SparseEdges, geometric, sub_cluster_components
from jcae.trees.dask_edges import DaskEdges, divided

X = make_blobs(400, 6, centers=7, cluster_std=2.0, random_state=0)[0]


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed", reason="dask is not installed (jcae[dask])")
    settings = {"n_workers": 2, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**settings) as cluster, distributed.Client(cluster) as client:
        yield client


@pytest.mark.slow
@pytest.mark.parametrize("n_blocks", [1, 2, 7])
@pytest.mark.parametrize("repeat", [False, True])
def test_the_same_rounds(client, n_blocks, repeat):
    graph = cosine_graph(X, 10, exact_up_to=1000)
    one, other = (
        sub_cluster_components(edges, len(X), geometric(0.01, 20, endless=True), repeat=repeat)
        for edges in (SparseEdges(graph), DaskEdges.of_graph(graph, n_blocks))
    )
    assert len(one.merges) > 5
    assert one.thresholds == other.thresholds
    assert all(np.array_equal(a, b) for a, b in zip(one.merges, other.merges, strict=True))


def test_contracted_edges_are_the_same_to_the_bit(client):
    graph = cosine_graph(X, 10, exact_up_to=1000)
    into = np.random.default_rng(0).permutation(len(X)) % 50
    here = SparseEdges(graph).contract(into, 50).sums
    there = sparse.vstack(client.gather(DaskEdges.of_graph(graph, 3).contract(into, 50).blocks)).tocsr()
    assert np.array_equal(here.indices, there.indices)
    assert np.array_equal(here.data, there.data)


@pytest.mark.slow
def test_more_blocks_than_clusters(client):
    one, other = SCC(3, n_neighbors=5).fit(X[:20]), SCC(3, n_neighbors=5, n_blocks=30).fit(X[:20])
    assert np.array_equal(one.labels_, other.labels_)
    assert all(np.array_equal(a, b) for a, b in zip(one.tree_, other.tree_, strict=True))


def test_points_without_an_edge(client):
    graph = sparse.csr_array((6, 6))
    assert sub_cluster_components(DaskEdges.of_graph(graph, 2), 6, [-np.inf]).merges == []


def test_without_a_client_it_says_what_to_do(monkeypatch):
    distributed = pytest.importorskip("distributed", reason="dask is not installed (jcae[dask])")

    def none():
        raise ValueError("No global client found and no address provided")

    monkeypatch.setattr(distributed, "get_client", none)  # an earlier test's may still be there
    with pytest.raises(ValueError, match=r"n_blocks=2 needs a Dask cluster: make a distributed.Client first"):
        SCC(3, n_blocks=2).fit(X)


def test_without_dask_it_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r'distributed, which is not installed: pip install "jcae\[dask\]"'):
        SCC(3, n_blocks=2).fit(X)


def test_blocks_are_nearly_equal():
    assert divided(10, 4).tolist() == [0, 2, 5, 7, 10]
    assert divided(2, 4).tolist() == [0, 0, 1, 1, 2]
