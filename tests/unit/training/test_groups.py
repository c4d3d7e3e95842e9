"""Blocks that outgrow their device: cut in two, carried on from the same step, with the same result."""

import importlib
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from baselines.dec import DEC
from jcae import AECM, Autoencoder, ClusteringModule
from jcae.nn.networks import AutoencoderNetwork
from jcae.training.block import Block
from jcae.training.groups import Group, first_groups
from jcae.training.memory import Demand, Placement, demand, place
from jcae.training.phase import Runtime
from jcae.training.state import State

NET = {"hidden": (31, 7), "code_dim": 11, "device": "cpu"}
SEEDS = [5, 0, 9, 2, 7]
METHODS = {
    "module": ClusteringModule(10, init="kmeans", alpha=5, batch_size=47, epochs=3, device="cpu"),
    "aecm": AECM.published(
        n_clusters=10,
        alpha=5,
        batch_size=48,
        epochs=2,
        init="pretrained",
        module_epochs=2,
        decay_epochs=3,
        autoencoder=Autoencoder(epochs=2),
        **NET,
    ),
    "dec": DEC.published(
        n_clusters=10,
        batch_size=48,
        max_iter=40,
        update_interval=7,
        tol=0.001,
        autoencoder=Autoencoder(epochs=2),
        **NET,
    ),
}


@pytest.fixture(scope="module")
def digits():
    return load_digits().data[:300] / 16


@pytest.fixture
def small_device(monkeypatch):
    """A device that holds two seeds, and says so at the n-th thing it is asked to do with more."""

    def install(method, where, calls=0, limit=2):
        count = {"calls": 0}

        def full(n_seeds):
            if n_seeds > limit:
                count["calls"] += 1
                if count["calls"] > calls:
                    raise torch.OutOfMemoryError("CUDA out of memory (said by the test)")

        if where == "step":
            phases = type(method).training_phases

            def hooked(self, block):
                found = phases(self, block)
                for phase in found:
                    original = phase.loss

                    def loss(x, rows, original=original):
                        full(len(x))
                        return original(x, rows)

                    phase.loss = loss
                return found

            monkeypatch.setattr(type(method), "training_phases", hooked)
        elif where == "map":
            original = Block.map

            def mapped(self, function):
                full(len(self.seeds))
                return original(self, function)

            monkeypatch.setattr(Block, "map", mapped)
        return count

    return install


def assert_same(a, b):
    for name, value in a.weights_.items():
        np.testing.assert_array_equal(value, b.weights_[name], err_msg=name)
    assert a.history_ == b.history_
    assert (a.loss_, a.n_updates_, a.status_) == (b.loss_, b.n_updates_, b.status_)
    np.testing.assert_array_equal(a.labels_, b.labels_)
    np.testing.assert_array_equal(getattr(a, "refit_labels_", 0), getattr(b, "refit_labels_", 0))


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(("where", "calls"), [("step", 0), ("step", 9), ("step", 17), ("map", 0), ("map", 1)])
def test_a_block_that_is_too_large_is_cut_and_goes_on_from_the_same_step(
    name, where, calls, digits, small_device, caplog
):
    method = METHODS[name]
    start = None
    if method.pretraining() is not None:
        start = [fit.weights_ for fit in Autoencoder(epochs=2, **NET).fit_seeds(digits, SEEDS)]
    whole = method.fit_seeds(digits, SEEDS, pretrained=start)
    count = small_device(method, where, calls)
    with caplog.at_level(logging.WARNING):
        cut = method.fit_seeds(digits, SEEDS, pretrained=start)
    assert count["calls"] > calls, "the device was never full"
    assert "5 seeds are too many for the memory of cpu; going on with 3 and 2" in caplog.text
    for a, b in zip(cut, whole, strict=True):
        assert a.random_state == b.random_state
        assert_same(a, b)


def test_no_step_is_done_twice(digits, small_device):
    """17 steps of five seeds, then the device is full: the parts do the rest, and the history is one."""
    method = METHODS["module"]
    steps = small_device(method, "step", 10)
    fits = method.fit_seeds(digits, SEEDS)
    total = 4 * 7  # three epochs and the averaging one, of ceil(300 / 47) steps
    assert [fit.n_updates_ for fit in fits] == [total] * 5
    assert steps["calls"] == 10 + 2  # ten steps of five seeds; five are refused, then three
    assert [row["step"] for row in fits[0].history_ if row["term"] == "prior"] == [7, 14, 21, 28]


def test_parts_have_checkpoints_of_their_own_and_are_taken_up_again(digits, small_device, tmp_path, monkeypatch):
    method, path = METHODS["module"], tmp_path / "state.safetensors"
    whole = method.fit_seeds(digits, SEEDS)
    small_device(method, "step", 10, limit=3)
    monkeypatch.setattr("jcae.training.groups.first_groups", first_groups)

    class KilledError(Exception):
        pass

    save = importlib.import_module("jcae.training.loop")._save

    def save_and_die(file, mark, block, phase, run):
        save(file, mark, block, phase, run)
        if block.seeds == SEEDS[3:]:
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("jcae.training.loop._save", save_and_die)
        with pytest.raises(KilledError):
            method.fit_seeds(digits, SEEDS, runtime=Runtime(path, 1))
    names = {file.name.removeprefix("previous-") for file in tmp_path.glob("*state*")}
    assert sorted(names) == ["state.safetensors.seeds-2,7", "state.safetensors.seeds-5,0,9"]

    blocks = []
    build = ClusteringModule.training_phases
    monkeypatch.setattr(
        ClusteringModule, "training_phases", lambda self, block: blocks.append(block.seeds) or build(self, block)
    )
    resumed = method.fit_seeds(digits, SEEDS, runtime=Runtime(path, 1))
    assert sorted(map(len, blocks)) == [2, 3]
    for a, b in zip(resumed, whole, strict=True):
        assert_same(a, b)


def test_too_little_memory_for_one_seed_is_said(digits, small_device):
    method = METHODS["module"]
    small_device(method, "step", 0, limit=0)
    with pytest.raises(
        MemoryError, match=r"ClusteringModule: cpu has too little memory for even one seed.*smaller batch_size"
    ):
        method.fit_seeds(digits, [0, 1])


def test_the_last_resort_is_data_in_host_memory():
    one = Group((3,), True, Path("x"))
    assert one.smaller(None) == [Group((3,), False, Path("x"))]
    assert one.smaller(None)[0].smaller(None) == []
    halves = Group((3, 4, 5), True, Path("f/x")).smaller(None)
    assert halves == [Group((3, 4), True, Path("f/x.seeds-3,4")), Group((5,), True, Path("f/x.seeds-5"))]
    assert halves[0].smaller(None)[1] == Group((4,), True, Path("f/x.seeds-4"))


def test_state_is_cut_by_seeds():
    facts = {
        "phase": 1,
        "counters": {"active": [True, False, True], "counts": [3, 0, 3], "step": 9},
        "history": [{"term": "a", "values": [1.0, None, 3.0]}],
        "updates": [9, 4, 9],
        "problems": {"1": "diverged"},
    }
    state = State({"network/w": torch.arange(3.0), "sums": torch.arange(6.0).view(3, 2)}, facts)
    part = state.select([1, 2])
    assert part.tensors["network/w"].tolist() == [1.0, 2.0]
    assert part.tensors["sums"].tolist() == [[2.0, 3.0], [4.0, 5.0]]
    assert part.facts["updates"] == [4, 9]
    assert part.facts["problems"] == {"0": "diverged"}
    assert part.facts["history"][0]["values"] == [None, 3.0]
    assert part.facts["counters"] == {"active": [False, True], "counts": [0, 3], "step": 9}
    assert state.facts["updates"] == [9, 4, 9]


def test_groups_by_memory():
    groups = first_groups([4, 5, 6, 7, 8], Placement(2, False), None)
    assert [(g.seeds, g.resident) for g in groups] == [((4, 5), False), ((6, 7), False), ((8,), False)]
    whole = first_groups([4, 5], Placement(2, True), Path("x"))
    assert whole == [Group((4, 5), True, Path("x"))]


def test_demand_by_hand():
    """Two layers each way, 6-5-3-5-6: parameters 51 + 18 ... counted one by one."""
    network = AutoencoderNetwork(6, (5,), 3, negative_slope=0.2, seeds=[0], initialiser="glorot", precision="float32")
    parameters = (6 * 5 + 5) + (5 * 3 + 3) + (3 * 5 + 5) + (5 * 6 + 6)
    need = demand(network, n_samples=100, n_features=6, batch_size=10_000)
    batch = 10_000 * (2 * 6 + (5 + 3 + 5 + 6) + 2 * 6)
    assert need == Demand(100 * 6 * 4, 5 * 4 * parameters + 4 * (batch + 100 * 3) + 8 * 100)


@pytest.mark.parametrize(
    ("free_gib", "expected"),
    [(80, Placement(20, True)), (5, Placement(2, True)), (2.4, Placement(1, False)), (0.1, Placement(1, False))],
)
def test_placement_by_hand(free_gib, expected):
    """A GiB per seed and one of data; 3/4 GiB are kept for k-means, a quarter of the rest for what is not counted."""
    assert place(Demand(2**30, 2**30), int(free_gib * 2**30), 20) == expected
