"""What a method on a graph does where memory is short: fewer seeds at once, and no beginning where one is too much."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import sparse

from baselines.agcn import AGCN
from baselines.dec import DEC
from baselines.sdcn import SDCN
from jcae import Autoencoder
from jcae.models import graph_clusterer
from jcae.training import memory
from jcae.training.kmeans import BUDGET
from jcae.training.memory import MARGIN, Demand, Placement, demand, host_memory

NET = {"hidden": (8, 6), "code_dim": 4, "device": "cpu", "autoencoder": Autoencoder(epochs=1)}
METHOD = SDCN(3, epochs=3, **NET)
SEEDS = [5, 0, 9, 2, 7]
X = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
RING = sparse.csr_array(np.roll(np.eye(30), 1, axis=1))
KMEANS = 3 * 4 * BUDGET


@pytest.fixture
def blocks(monkeypatch):
    """The seeds of every block that METHOD trains."""
    found, phases = [], SDCN.training_phases
    monkeypatch.setattr(SDCN, "training_phases", lambda self, block: found.append(block.seeds) or phases(self, block))
    return found


def needed():
    """Of METHOD on X and RING: 60 edges there and back, and 30 loops, twice."""
    need = demand(METHOD.build_network(5, [0]), 30, 5, 30)
    return need._replace(data=need.data + 2 * (90 * (4 + 8) + 31 * 8))


def test_demand_by_hand():
    """5-8-6-4 and back, 5-8-6-4-3 along the edges, 3 centroids: all that goes into a layer and comes out of it."""
    dense, graph = [*pairwise([5, 8, 6, 4, 6, 8, 5])], [*pairwise([5, 8, 6, 4, 3])]
    layers = dense + graph
    parameters = sum(a * b + b for a, b in dense) + sum(a * b for a, b in graph) + 3 * 4
    numbers = 10_000 * (2 * 5 + sum(a + b for a, b in layers) + 2 * 8)
    found = demand(METHOD.build_network(5, [0]), n_samples=10_000, n_features=5, batch_size=10_000)
    assert found == Demand(10_000 * 5 * 4, 5 * 4 * parameters + 4 * (numbers + 10_000 * 3) + 8 * 10_000)


@pytest.mark.parametrize(
    ("room", "expected"),
    [(1.5, [[5], [0], [9], [2], [7]]), (2.5, [[5, 0], [9, 2], [7]]), (4.5, [[5, 0, 9, 2], [7]]), (5.5, [SEEDS])],
)
def test_as_many_seeds_at_once_as_memory_holds_with_the_same_result(room, expected, monkeypatch, blocks):
    whole = METHOD.fit_seeds(X, SEEDS, graph=RING)
    assert blocks == [SEEDS]
    blocks.clear()
    need = needed()
    free = KMEANS + MARGIN * (need.data + room * need.per_seed)
    monkeypatch.setattr(graph_clusterer, "host_memory", lambda: int(free))
    for one, other in zip(METHOD.fit_seeds(X, SEEDS, graph=RING), whole, strict=True):
        assert one.random_state == other.random_state
        assert one.history_ == other.history_
        np.testing.assert_array_equal(one.labels_, other.labels_)
        assert all(np.array_equal(one.weights_[name], value) for name, value in other.weights_.items())
    assert blocks == expected


def test_large_seeds_are_trained_one_after_the_other_on_a_cpu(monkeypatch, blocks):
    whole = METHOD.fit_seeds(X, SEEDS[:2], graph=RING)
    monkeypatch.setattr(graph_clusterer, "LARGE", needed().per_seed - 1)
    alone = METHOD.fit_seeds(X, SEEDS[:2], graph=RING)
    assert blocks == [SEEDS[:2], SEEDS[:1], SEEDS[1:2]]
    for one, other in zip(alone, whole, strict=True):
        assert all(np.array_equal(one.weights_[name], value) for name, value in other.weights_.items())
    graph, need = METHOD.graph_of(X, RING), needed()
    monkeypatch.setattr(graph_clusterer, "free_memory", lambda device: 2**33)
    assert METHOD.placement(need, graph, torch.device("cuda:0"), 5) == Placement(5, True)


def test_too_much_for_one_seed_is_refused_before_anything_is_trained(monkeypatch, blocks):
    monkeypatch.setattr(Autoencoder, "fit_seeds", lambda *_, **__: pytest.fail("an autoencoder was trained"))
    need = needed().total(1)
    message = (
        rf"SDCN: a graph of 30 nodes and 30 edges takes about {need / 2**20:.0f} MiB for even one seed, as every "
        rf"update sees all nodes, and cpu has {(need - 1) / 2**20:.0f} MiB left\. Take a smaller hidden, or another "
        "device"
    )
    monkeypatch.setattr(graph_clusterer, "host_memory", lambda: need - 1)
    with pytest.raises(MemoryError, match=message):
        METHOD.fit_seeds(X, SEEDS, graph=RING)
    with pytest.raises(MemoryError, match="AGCN: a graph of 30 nodes"):
        AGCN(3, **NET).fit(X, graph=RING)
    assert not blocks


def test_exactly_enough_is_tried(monkeypatch, blocks):
    monkeypatch.setattr(graph_clusterer, "host_memory", lambda: needed().total(1))
    METHOD.fit_seeds(X, SEEDS[:2], graph=RING)
    assert blocks == [[5], [0]]


def test_edges_count(monkeypatch):
    monkeypatch.setattr(graph_clusterer, "host_memory", lambda: needed().total(1))
    with pytest.raises(MemoryError, match="30 nodes and 435 edges"):
        METHOD.fit_seeds(X, [0], graph=np.ones((30, 30)))


def test_a_gpu_is_asked_for_its_own_memory(monkeypatch):
    graph, need = METHOD.graph_of(X, RING), demand(METHOD.build_network(5, [0]), 30, 5, 30)
    monkeypatch.setattr(graph_clusterer, "host_memory", lambda: pytest.fail("host memory was asked for"))
    monkeypatch.setattr(graph_clusterer, "free_memory", lambda device: 1000)
    with pytest.raises(MemoryError, match="cuda:0 has 0 MiB left"):
        METHOD.placement(need, graph, torch.device("cuda:0"), 5)
    monkeypatch.setattr(graph_clusterer, "free_memory", lambda device: 2**33)
    assert METHOD.placement(need, graph, torch.device("cuda:0"), 5) == Placement(5, True)


def test_where_the_system_does_not_say_nothing_is_limited(monkeypatch, tmp_path, blocks):
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    assert host_memory() is None
    METHOD.fit_seeds(X, SEEDS, graph=RING)
    assert blocks == [SEEDS]
    (tmp_path / "meminfo").write_text("MemTotal:       16 kB\n")
    assert host_memory() is None


def test_host_memory_and_that_batches_are_not_limited_by_it(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    (tmp_path / "meminfo").write_text(
        "MemTotal:       16384 kB\nMemFree:  1 kB\nMemAvailable:         3 kB\nBuffers: 9 kB\n"
    )
    assert host_memory() == 3072
    fits = DEC.published(n_clusters=3, max_iter=2, **NET).fit_seeds(X, [0, 1])
    assert len(fits) == 2
