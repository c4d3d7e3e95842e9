"""The training loop: independence of seeds, exact resume, what is detected, and the arithmetic of its extras."""

import math
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import ConvergenceWarning

from baselines.agcn import AGCN
from baselines.contrastive_clustering import ContrastiveClustering
from baselines.dagc import DAGC
from baselines.dcn import DCN
from baselines.dec import DEC
from baselines.deepclue import DeepCluE
from baselines.dkm import DKM
from baselines.idec import IDEC
from baselines.n2d import N2D
from baselines.rgc import RGC
from baselines.sdcn import SDCN
from baselines.vade import VaDE
from jcae import AECM, Autoencoder, ClusteringModule
from jcae.nn.networks import linear
from jcae.randomness.seeds import generator
from jcae.training.block import Block
from jcae.training.checkpoint import load_checkpoint, save_checkpoint
from jcae.training.loop import train
from jcae.training.optimisers import Optimiser
from jcae.training.phase import Loss, Phase, Runtime

# Odd widths: slices of such a block are not aligned in memory, which is what tempts a product to round differently.
NET = {"hidden": (31, 7), "code_dim": 11, "device": "cpu"}
IMAGES = {"channels": (3, 5, 7), "image_shape": (8, 8), **NET}
SHORT = Autoencoder(epochs=2)
FRESH = {"recipe": "heritage", "copies": 0, "crop": [0.5, 1], "flip": 0.5, "contrast": 0.3, "blur": 0.5}
FORMS = {"widths": (5, 7), "depths": (1, 2), "feature_dim": 11, "image_shape": (8, 8), "batch_size": 48, "epochs": 4}
FORMS |= {"device": "cpu"}
RGC_NET = {"width": 31, "quality_width": 11, "epochs": 4, "buffer_size": 1, "quality_epochs": 3, "device": "cpu"}


@pytest.fixture(scope="module")
def digits():
    return load_digits().data[:400] / 16


METHODS = {
    "module": ClusteringModule(10, alpha=5, batch_size=48, epochs=4, device="cpu"),
    "module_kmeans": ClusteringModule(
        10, init="kmeans", alpha=5, batch_size=47, epochs=4, decay_epochs=2, device="cpu"
    ),
    "autoencoder": Autoencoder(epochs=4, optimiser="sgd", learning_rate=0.1, batch_size=48, **NET),
    "autoencoder_frozen": Autoencoder(
        epochs=4, optimiser="sgd", reduction="sum_over_points", freeze_first_kernel=True, batch_size=48, **NET
    ),
    "aecm": AECM.published(n_clusters=10, alpha=5, batch_size=48, epochs=4, **NET),
    "aecm_eps_before": AECM.published(
        n_clusters=10, alpha=5, batch_size=48, epochs=4, adam_eps_placement="before", **NET
    ),
    "aecm_pretrained": AECM.published(
        n_clusters=10, alpha=5, batch_size=48, epochs=3, init="pretrained", module_epochs=2, autoencoder=SHORT, **NET
    ),
    "dec": DEC.published(n_clusters=10, batch_size=48, max_iter=30, update_interval=7, autoencoder=SHORT, **NET),
    "idec": IDEC.published(n_clusters=10, batch_size=48, max_iter=30, update_interval=7, autoencoder=SHORT, **NET),
    "dcn": DCN.published(n_clusters=10, batch_size=48, epochs=4, learning_rate=1e-3, autoencoder=SHORT, **NET),
    "dcn_by_epoch": DCN.published(
        n_clusters=10,
        batch_size=48,
        epochs=4,
        learning_rate=1e-3,
        assign_every="epoch",
        initial_count=0,
        autoencoder=SHORT,
        **NET,
    ),
    "dkm": DKM.published(n_clusters=10, batch_size=48, epochs=4, autoencoder=SHORT, **NET),
    "vade": VaDE.published(n_clusters=10, batch_size=48, epochs=4, decay_epochs=1, autoencoder=SHORT, **NET),
    "vade_kmeans": VaDE.published(
        n_clusters=10, likelihood="gaussian", start="kmeans", batch_size=48, epochs=4, autoencoder=SHORT, **NET
    ),
    "n2d": N2D(10, autoencoder=SHORT, **NET),
    "dkm_annealed": DKM.published(n_clusters=10, variant="annealed", weight=0.1, batch_size=48, epochs=4, **NET),
    "autoencoder_convolutional": Autoencoder(epochs=4, optimiser="sgd", learning_rate=0.1, batch_size=48, **IMAGES),
    "sdcn": SDCN(10, epochs=4, autoencoder=SHORT, **NET),
    "agcn": AGCN(10, epochs=4, autoencoder=SHORT, **NET),
    "dagc": DAGC(10, epochs=4, autoencoder=SHORT, **NET),
    "rgc": RGC(**RGC_NET),
    "rgc_told": RGC(10, **RGC_NET),
    "aecm_convolutional": AECM.published(n_clusters=10, alpha=5, batch_size=48, epochs=4, **IMAGES),
    "autoencoder_augmented": Autoencoder(epochs=4, batch_size=48, image_shape=(8, 8), augment=FRESH, **NET),
    "autoencoder_copies": Autoencoder(epochs=4, batch_size=48, image_shape=(8, 8), augment="heritage", **NET),
    "dec_augmented": DEC.published(
        n_clusters=10, batch_size=48, max_iter=30, update_interval=7, augment=FRESH, autoencoder=SHORT, **IMAGES
    ),
    "aecm_convolutional_bf16": AECM.published(
        n_clusters=10, alpha=5, batch_size=48, epochs=4, precision="bf16", **IMAGES
    ),
    "dec_convolutional": DEC.published(
        n_clusters=10, batch_size=48, max_iter=30, update_interval=7, autoencoder=SHORT, **IMAGES
    ),
    "dkm_convolutional": DKM.published(
        n_clusters=10, variant="annealed", weight=0.1, batch_size=48, epochs=4, **IMAGES
    ),
    "contrastive_clustering": ContrastiveClustering(10, **FORMS),
    "contrastive_clustering_bf16": ContrastiveClustering(10, precision="bf16", **FORMS),
    "deepclue": DeepCluE(10, members=2, representatives=60, fewest=10, most=12, **FORMS),
    "vade_convolutional": VaDE.published(
        n_clusters=10, batch_size=48, epochs=4, decay_epochs=1, autoencoder=SHORT, **IMAGES
    ),
}


def assert_same(a, b):
    for name, value in a.weights_.items():
        np.testing.assert_array_equal(value, b.weights_[name], err_msg=name)
    assert a.history_ == b.history_
    assert a.loss_ == b.loss_
    if hasattr(a, "labels_"):
        np.testing.assert_array_equal(a.labels_, b.labels_)
    for one, two in zip(getattr(a, "snapshots_", ()), getattr(b, "snapshots_", ()), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
@pytest.mark.usefixtures("umap_stand_in")
@pytest.mark.parametrize("name", METHODS)
def test_a_seed_does_not_depend_on_its_block(name, digits):
    block = METHODS[name].fit_seeds(digits, [5, 0, 9])
    for fit, seed in zip(block, [5, 0, 9], strict=True):
        assert_same(fit, METHODS[name].fit_seeds(digits, [seed])[0])
    assert any((block[0].weights_[k] != block[1].weights_[k]).any() for k in block[0].weights_)


def test_a_seed_that_stopped_does_not_disturb_the_others(digits):
    """With a tolerance the seeds of a block stop at different refreshes."""
    method = DEC.published(
        n_clusters=10, batch_size=48, max_iter=300, update_interval=9, tol=0.02, autoencoder=SHORT, **NET
    )
    block = method.fit_seeds(digits, [0, 1, 2, 3])
    assert len({fit.n_updates_ for fit in block}) > 1
    for fit, seed in zip(block, range(4), strict=True):
        assert fit.n_updates_ % 9 == 0 or fit.n_updates_ == 300
        assert fit.n_updates_ >= 18  # two refreshes after the start
        assert_same(fit, method.fit_seeds(digits, [seed])[0])


def test_fit_is_a_block_of_one(digits):
    alone = AECM.published(n_clusters=10, alpha=5, batch_size=48, epochs=4, random_state=7, **NET).fit(digits)
    assert_same(alone, METHODS["aecm"].fit_seeds(digits, [7])[0])


KILLED = """
import sys
import torch
from pathlib import Path
from sklearn.datasets import load_digits
sys.path.insert(0, {tests!r})
from test_training import METHODS
from jcae.training.phase import Runtime
torch.set_num_threads(1)
METHODS[{name!r}].fit_seeds(load_digits().data[:400] / 16, [3, 4], runtime=Runtime(Path({path!r}), 1))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        *("aecm_pretrained", "idec", "dcn", "dkm_annealed", "vade", "autoencoder", "aecm_convolutional", "agcn", "rgc"),
        *("autoencoder_augmented", "autoencoder_copies", "deepclue"),
    ],
)
def test_killed_and_resumed_equals_uninterrupted(name, digits, tmp_path):
    """A process is killed with SIGKILL after a checkpoint of its last phase; the resumed run must be the same."""
    path = tmp_path / "state.safetensors"
    script = KILLED.format(tests=str(Path(__file__).parent), name=name, path=str(path))
    last_phase = 1 if name == "aecm_pretrained" else 0
    # The child stops itself at a checkpoint of the last phase, so that the kill finds it in the middle of training.
    wait = f"""
import jcae.training.loop, time, os
save = jcae.training.loop._save
def save_and_wait(path, fingerprint, block, phase, run):
    save(path, fingerprint, block, phase, run)
    if path.name == "state.safetensors" and phase == {last_phase} and run.epoch == 2:
        open({str(tmp_path / "ready")!r}, "w").close()
        time.sleep(600)
jcae.training.loop._save = save_and_wait
"""
    child = subprocess.Popen([sys.executable, "-c", wait + script])
    deadline = time.monotonic() + 120
    while not (tmp_path / "ready").exists():
        assert child.poll() is None, "the child ended before it could be killed"
        assert time.monotonic() < deadline, "the child never reached its checkpoint"
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL

    resumed_steps = []
    method = METHODS[name]
    phases = type(method).training_phases

    def counting(self, block):
        found = phases(self, block)
        trained = [phase for phase in found if phase.steps][-1]
        original = trained.loss

        def loss(x, rows):
            if torch.is_grad_enabled():
                resumed_steps.append(1)
            return original(x, rows)

        trained.loss = loss
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(method), "training_phases", counting)
        resumed = method.fit_seeds(digits, [3, 4], runtime=Runtime(path, 1))
    whole = method.fit_seeds(digits, [3, 4])
    for a, b in zip(resumed, whole, strict=True):
        assert_same(a, b)
        assert a.n_updates_ == b.n_updates_
    per_epoch = math.ceil(400 / 48)
    last = sum(row["term"] == whole[0].history_[-1]["term"] for row in whole[0].history_)
    assert 0 < len(resumed_steps) <= (last - 2) * per_epoch, "the resumed run trained from the start"


def test_checkpoint_of_another_training_is_not_resumed(digits, tmp_path, caplog):
    path = tmp_path / "state.safetensors"
    METHODS["module"].fit_seeds(digits, [0], runtime=Runtime(path, 1))
    fit = METHODS["module"].fit_seeds(digits, [1], runtime=Runtime(path, 1))[0]
    assert "belongs to another training" in caplog.text
    assert_same(fit, METHODS["module"].fit_seeds(digits, [1])[0])


def test_damaged_checkpoint_is_left_aside(tmp_path, caplog):
    path = tmp_path / "state.safetensors"
    save_checkpoint(path, "abc", {"x": torch.ones(3)}, {"n": 1, "nan": math.nan})
    tensors, facts = load_checkpoint(path, "abc")
    assert tensors["x"].sum() == 3
    assert facts["n"] == 1
    path.write_bytes(path.read_bytes()[:20])
    assert load_checkpoint(path, "abc") is None
    assert "damaged" in caplog.text
    assert load_checkpoint(tmp_path / "missing", "abc") is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["state.safetensors"]


def test_divergence_is_seen_and_stays_with_its_seed(digits):
    """Plain SGD on the summed error with a huge step explodes; the other seed keeps its own result."""
    wild = Autoencoder(epochs=3, optimiser="sgd", learning_rate=1e4, reduction="sum", batch_size=48, **NET)
    fits = wild.fit_seeds(digits, [0, 1])
    assert [fit.status_ for fit in fits] == ["diverged", "diverged"]
    assert "loss term 'reconstruction' became" in fits[0].reason_
    assert "phase 'autoencoder'" in fits[0].reason_
    # A single step: its loss is finite, what it leaves is not.
    last = Autoencoder(epochs=1, optimiser="sgd", learning_rate=1e30, batch_size=400, **NET).fit_seeds(digits, [0])[0]
    assert (last.status_, last.n_updates_) == ("diverged", 1)
    assert "the loss at the final parameters is" in last.reason_
    with pytest.warns(ConvergenceWarning, match="diverged"):
        ClusteringModule(10, alpha=5, learning_rate=1e30, epochs=2, device="cpu", random_state=0).fit(digits)

    calls = []

    def loss(x, rows):
        calls.append(1)
        value = network(x).square().sum((-2, -1))
        poison = torch.tensor([1.0, math.nan if len(calls) > 4 else 1.0])
        return Loss({"value": value * poison})

    network = linear(64, 3, seeds=[0, 1], name="test", initialiser="glorot", precision="float32")
    block = Block(network, torch.tensor(digits, dtype=torch.float32), [0, 1])
    train(block, [Phase("p", loss, steps=27, batch_size=48)], Runtime(), "")
    assert list(block.problems) == [1]
    assert block.updates == [27, 9]
    assert torch.isfinite(network.weight[0]).all()


def test_collapse_is_seen():
    X, _ = make_blobs(60, centers=3, random_state=0)
    start = {"weights": [1 - 1e-12, 1e-12], "means": [[0.0, 0.0], [0.0, 0.0]], "variance": 1.0}
    with pytest.warns(ConvergenceWarning, match="collapsed: all 60 points are in one of 2 clusters"):
        ClusteringModule(2, init=start, alpha=1, epochs=1, device="cpu", random_state=0).fit(X)


def test_snapshots_are_the_labels_on_the_way(digits):
    few = AECM.published(n_clusters=10, alpha=5, batch_size=200, epochs=3, averaging_epoch=False, **NET).fit_seeds(
        digits, [0]
    )[0]
    rows, phases, steps, labels = few.snapshots_
    assert rows.tolist() == list(range(400))
    assert phases.tolist() == ["joint"] * 4
    assert steps.tolist() == [0, 2, 4, 6]
    np.testing.assert_array_equal(labels[-1], few.labels_)
    two = AECM.published(n_clusters=10, alpha=5, batch_size=200, epochs=2, averaging_epoch=False, **NET).fit_seeds(
        digits, [0]
    )[0]
    np.testing.assert_array_equal(labels[2], two.labels_)
    many = AECM.published(n_clusters=10, alpha=5, batch_size=200, epochs=120, averaging_epoch=False, **NET).fit_seeds(
        digits, [0]
    )[0]
    assert len(many.snapshots_.steps) == 1 + 50
    assert many.snapshots_.steps[[0, 1, -1]].tolist() == [0, 2, 240]


def test_snapshots_of_large_data_follow_2048_points_spread_over_them():
    X = np.random.default_rng(0).normal(size=(5000, 3)).astype("float32")
    found = ClusteringModule(2, alpha=5, epochs=1, device="cpu", averaging_epoch=False).fit_seeds(X, [0])[0]
    rows, *_, labels = found.snapshots_
    assert (len(rows), rows[0]) == (2048, 0)
    assert set(np.diff(rows)) == {2, 3}
    np.testing.assert_array_equal(labels[-1], found.labels_[rows])


def test_labels_never_reach_training(digits):
    y = np.arange(len(digits)) % 10
    with_labels = AECM.published(n_clusters=10, alpha=5, batch_size=48, epochs=1, random_state=0, **NET).fit(digits, y)
    without = AECM.published(n_clusters=10, alpha=5, batch_size=48, epochs=1, random_state=0, **NET).fit(digits)
    assert_same(with_labels, without)


def test_averaging_epoch_is_the_mean_of_its_steps():
    x = torch.arange(6.0, dtype=torch.float64).reshape(6, 1)

    def one_layer():
        return linear(1, 1, seeds=[0], name="test", initialiser="fan_in", precision="float64")

    network = one_layer()
    phase = Phase(
        "p",
        lambda batch, rows: Loss({"value": network(batch).square().sum((-2, -1))}),
        steps=3,
        batch_size=2,
        optimiser=Optimiser("sgd", 1e-3),
        averaging_epoch=True,
    )
    train(Block(network, x, [0]), [phase], Runtime(), "")

    # The same by hand: f = sum (w x + b)^2 has the gradients 2 sum (w x + b) x and 2 sum (w x + b).
    start = one_layer()
    w, b = start.weight.item(), start.bias.item()
    after = []
    for epoch in (0, 1):
        for rows in torch.randperm(6, generator=generator(0, "batches", "p", epoch)).split(2):
            points = [x[i].item() for i in rows]
            slope_w = 2 * sum((w * p + b) * p for p in points)
            slope_b = 2 * sum(w * p + b for p in points)
            w, b = w - 1e-3 * slope_w, b - 1e-3 * slope_b
            after.append((w, b))
    expected = np.mean(after[3:], axis=0)
    np.testing.assert_allclose([network.weight.item(), network.bias.item()], expected, rtol=1e-12)


def test_every_row_is_seen_once_per_epoch_in_an_order_of_its_own():
    rows_seen = []

    def loss(x, rows):
        rows_seen.append(rows)
        return Loss({"value": network(x).square().sum((-2, -1))})

    network = linear(1, 1, seeds=[0, 1], name="t", initialiser="glorot", precision="float32")
    block = Block(network, torch.ones(5, 1), [0, 1])
    train(block, [Phase("p", loss, steps=6, batch_size=2)], Runtime(), "")
    epochs = [torch.cat(rows_seen[i : i + 3], 1) for i in (0, 3)]
    for epoch in epochs:
        for order in epoch:
            assert sorted(order.tolist()) == list(range(5))
    assert rows_seen[2].shape == (2, 1)  # a last batch of one point
    assert not torch.equal(epochs[0], epochs[1])


def test_full_batch_sees_all_rows_in_their_order_without_a_copy():
    x, seen = torch.arange(12.0).view(6, 2), []

    def loss(batch, rows):
        seen.append((batch, rows))
        return Loss({"value": network(batch).square().sum((-2, -1))})

    network = linear(2, 1, seeds=[0, 1, 2], name="t", initialiser="glorot", precision="float32")
    block = Block(network, x, [0, 1, 2])
    train(block, [Phase("p", loss, steps=4, batch_size=None)], Runtime(), "")
    assert len(seen) == 4
    for batch, rows in seen:
        assert batch.shape == (3, 6, 2)
        assert batch.data_ptr() == x.data_ptr()
        assert rows.tolist() == [list(range(6))] * 3
    assert [row["epoch"] for row in block.history] == [0, 1, 2, 3]
    assert block.updates == [4, 4, 4]


def test_progress_is_quiet_without_a_terminal(digits, capfd):
    METHODS["module"].fit_seeds(digits, [0], runtime=Runtime(progress=True, label="digits"))
    assert capfd.readouterr() == ("", "")


def test_what_runs_after_a_step_sees_its_batch_and_the_new_parameters():
    seen = []

    def after(x, rows):
        assert not torch.is_grad_enabled()
        seen.append((x.clone(), rows.clone(), network.weight.detach().clone()))

    network = linear(1, 1, seeds=[0, 1], name="t", initialiser="glorot", precision="float32")
    before = network.weight.detach().clone()
    data = torch.arange(5.0).reshape(5, 1)

    def loss(x, rows):
        return Loss({"value": network(x).square().sum((-2, -1))})

    train(Block(network, data, [0, 1]), [Phase("p", loss, steps=3, batch_size=2, after=after)], Runtime())
    assert len(seen) == 3
    for x, rows, _ in seen:
        torch.testing.assert_close(x, data[rows])
    assert not torch.equal(seen[0][2], before)
    torch.testing.assert_close(seen[-1][2], network.weight.detach())
