"""What only a GPU can show. Skipped without one; benchmarks/run_gpu.sh runs it where there is one."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from toy_gan import ToyGAN

from baselines.dcn import DCN
from baselines.dec import DEC
from baselines.idec import IDEC
from baselines.vade import VaDE
from jcae import AECM, Autoencoder, ClusteringModule
from jcae.scores import metrics
from jcae.training.block import Block
from jcae.training.capture import CapturedStep
from jcae.training.kmeans import kmeans
from jcae.training.loop import train
from jcae.training.phase import Runtime

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")

NET = {"hidden": (64, 32), "code_dim": 12, "device": "cuda"}
IMAGES = {"channels": (8, 16, 32), "image_shape": (8, 8), "hidden": (), "code_dim": 12, "device": "cuda"}
SHORT = Autoencoder(epochs=3)
METHODS = {
    "module": ClusteringModule(10, alpha=5, batch_size=48, epochs=8, decay_epochs=4, device="cuda"),
    "module_kmeans": ClusteringModule(10, init="kmeans", alpha=5, batch_size=48, epochs=8, device="cuda"),
    "autoencoder": Autoencoder(epochs=8, optimiser="sgd", learning_rate=0.1, batch_size=48, **NET),
    "aecm": AECM.published(n_clusters=10, alpha=5, batch_size=48, epochs=8, **NET),
    "aecm_eps_before": AECM.published(
        n_clusters=10, alpha=5, batch_size=48, epochs=8, adam_eps_placement="before", **NET
    ),
    "aecm_normalised": AECM.published(
        n_clusters=10, alpha=1.1, beta=100, loss="normalised", batch_size=48, epochs=8, **NET
    ),
    "dec": DEC.published(n_clusters=10, batch_size=48, max_iter=100, update_interval=20, autoencoder=SHORT, **NET),
    "idec": IDEC.published(n_clusters=10, batch_size=48, max_iter=100, update_interval=20, autoencoder=SHORT, **NET),
    "dcn": DCN.published(n_clusters=10, batch_size=48, epochs=8, autoencoder=SHORT, **NET),
    "dcn_by_epoch": DCN.published(
        n_clusters=10, batch_size=48, epochs=8, assign_every="epoch", autoencoder=SHORT, **NET
    ),
    "vade": VaDE.published(n_clusters=10, batch_size=48, epochs=8, likelihood="gaussian", autoencoder=SHORT, **NET),
    "toy_gan": ToyGAN(10, epochs=8, device="cuda"),
    "aecm_convolutional": AECM.published(n_clusters=10, alpha=5, batch_size=48, epochs=8, **IMAGES),
    "idec_convolutional": IDEC.published(
        n_clusters=10, batch_size=48, max_iter=100, update_interval=20, autoencoder=SHORT, **IMAGES
    ),
}


@pytest.fixture(scope="module")
def digits():
    return load_digits().data[:500] / 16


def assert_close(a, b):
    """Equal up to rounding: the same kernels on the same numbers, perhaps in another order."""
    for name, value in a.weights_.items():
        np.testing.assert_allclose(value, b.weights_[name], rtol=2e-2, atol=2e-3, err_msg=name)
    assert a.n_updates_ == b.n_updates_


@pytest.mark.parametrize("name", METHODS)
def test_a_replayed_step_is_the_step(name, digits, monkeypatch, caplog):
    """Captured and plain give the same weights; and the step really was captured."""
    replays = []
    capture = CapturedStep._capture
    monkeypatch.setattr(CapturedStep, "_capture", lambda self, *batch: replays.append(1) or capture(self, *batch))
    captured = METHODS[name].fit_seeds(digits, [0, 1, 2])
    assert replays
    assert "cannot be captured" not in caplog.text
    plain = METHODS[name].fit_seeds(digits, [0, 1, 2], runtime=Runtime(capture=False))
    for a, b in zip(captured, plain, strict=True):
        assert_close(a, b)


@pytest.mark.parametrize("name", METHODS)
def test_the_gpu_computes_what_the_cpu_computes(name, digits):
    """One epoch in float64: the same numbers but for rounding."""
    method = METHODS[name].__class__(**METHODS[name].get_params(deep=False))
    short = {"precision": "float64"} | ({"max_iter": 10} if hasattr(method, "max_iter") else {"epochs": 1})
    gpu = method.set_params(**short, device="cuda").fit_seeds(digits, [0, 1])
    cpu = method.set_params(device="cpu").fit_seeds(digits, [0, 1])
    for a, b in zip(gpu, cpu, strict=True):
        for key, value in a.weights_.items():
            np.testing.assert_allclose(value, b.weights_[key], rtol=1e-6, atol=1e-8, err_msg=key)


def test_data_in_host_memory_give_the_same(digits):
    method = METHODS["aecm"]
    weights = []
    for place in ("cuda", "cpu"):
        network = method.build_network(64, [0, 1]).to("cuda")
        block = Block(network, torch.tensor(digits, dtype=torch.float32, device=place), [0, 1])
        train(block, method.training_phases(block), Runtime())
        weights.append({name: p.cpu() for name, p in network.named_parameters()})
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], rtol=1e-3, atol=1e-4)


def test_a_block_that_is_too_large_is_cut():
    """A real shortage of memory: the share of this process is limited to what about ten seeds need."""
    rng = np.random.default_rng(0)
    X = rng.random((4096, 256), dtype=np.float32)
    method = AECM.published(n_clusters=10, hidden=(512, 1024), code_dim=10, batch_size=2048, epochs=2, device="cuda")
    whole = method.fit_seeds(X, range(4))
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(700 * 2**20 / total)
    try:
        cut = method.fit_seeds(X, range(40))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert [fit.status_ for fit in cut] == ["ok"] * 40
    for a, b in zip(cut, whole, strict=False):
        assert_close(a, b)


def test_too_little_memory_for_one_seed_is_said():
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(64 * 2**20 / total)
    try:
        with pytest.raises(MemoryError, match="too little memory for even one seed"):
            AECM.published(n_clusters=10, hidden=(8192, 8192), code_dim=10, epochs=1, device="cuda").fit_seeds(
                np.ones((64, 64)), [0]
            )
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


@pytest.mark.parametrize("network", [NET, IMAGES], ids=["dense", "convolutional"])
@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_lower_precisions_train(precision, network, digits):
    fits = AECM.published(n_clusters=10, alpha=5, batch_size=48, epochs=8, precision=precision, **network).fit_seeds(
        digits, [0, 1]
    )
    assert [fit.status_ for fit in fits] == ["ok", "ok"]
    assert fits[0].weights_["autoencoder.encoder.0.weight"].dtype == np.float32


def test_convolutions_round_to_tf32_only_when_asked(digits):
    """torch lets them by default; 10 bits of mantissa are a thousand times coarser than those of float32."""
    x = torch.tensor(digits, device="cuda").expand(2, -1, -1)
    exact = Autoencoder(precision="float64", **IMAGES).build_network(64, [0, 1]).to("cuda")
    expected = exact.decode(exact.encode(x))
    error = {}
    for precision in ("float32", "tf32"):
        network = Autoencoder(precision=precision, **IMAGES).build_network(64, [0, 1]).to("cuda")
        found = network.decode(network.encode(x.float()))
        error[precision] = ((found - expected).norm() / expected.norm()).item()
    assert error["float32"] < 1e-5 < error["tf32"] < 1e-2


def test_kmeans_is_that_of_scikit_learn():
    digits = load_digits()
    x = (digits.data / 16).astype(np.float32)
    found = kmeans(torch.tensor(x, device="cuda"), 10, range(20))
    reference = KMeans(10, n_init=20, random_state=0).fit(x).inertia_
    np.testing.assert_allclose(found.inertia.cpu(), reference, rtol=2e-3)
    for s in range(20):
        assert metrics.nmi(digits.target, found.labels[s].cpu().numpy()) > 0.7


def test_nothing_waits_for_the_device_inside_an_epoch(digits):
    """torch's own watchdog: a synchronising call inside the captured epochs is an error."""
    method = METHODS["aecm"]
    network = method.build_network(64, [0, 1]).to("cuda")
    block = Block(network, torch.tensor(digits, dtype=torch.float32, device="cuda"), [0, 1])
    phases = method.training_phases(block)
    from jcae.training.phase_run import PhaseRun

    record = PhaseRun._record
    try:
        PhaseRun._record = lambda self: (torch.cuda.set_sync_debug_mode("default"), record(self))[1]
        epoch = PhaseRun.run_epoch

        def watched(self, bar):
            if self.epoch == 2:  # by then everything is captured
                torch.cuda.set_sync_debug_mode("error")
            epoch(self, bar)

        PhaseRun.run_epoch = watched
        train(block, phases, Runtime())
    finally:
        torch.cuda.set_sync_debug_mode("default")
        PhaseRun._record, PhaseRun.run_epoch = record, epoch
    assert block.updates[0] > 0
