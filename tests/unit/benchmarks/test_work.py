"""The work that a method says it has is the work that it does."""

import numpy as np
import pytest

from baselines.ae_kmeans import AEKMeans
from baselines.dec import DEC
from baselines.idec import IDEC
from benchmarks.shapes import AECM_SHAPES, aecm, flop_per_point
from benchmarks.work import NOTHING, work_of
from jcae import AECM, Autoencoder, ClusteringModule

SMALL = {"hidden": [12, 8], "code_dim": 3, "batch_size": 16, "device": "cpu"}
N, D = 50, 6


@pytest.mark.parametrize(
    "method",
    [
        AECM(2, alpha=5, epochs=3, **SMALL),
        AECM(2, alpha=5, epochs=3, init="pretrained", module_epochs=2, **SMALL),
        ClusteringModule(2, alpha=5, epochs=3, batch_size=16, device="cpu"),
        DEC(2, max_iter=9, update_interval=4, tol=0, **SMALL),
        IDEC(2, max_iter=9, update_interval=4, tol=0, **SMALL),
        Autoencoder(epochs=3, **SMALL),
    ],
    ids=lambda method: type(method).__name__,
)
def test_updates_are_those_of_a_fit(method):
    x = np.random.default_rng(0).random((N, D), dtype=np.float32)
    start = method.pretraining() if hasattr(method, "pretraining") else None
    if start is not None:
        method.set_params(autoencoder=start.set_params(epochs=1))
    assert work_of(method, N, D).updates == method.set_params(random_state=0).fit(x).n_updates_


def test_operations_of_aecm_are_those_of_its_layers():
    shape = AECM_SHAPES[-1]
    work = work_of(aecm(shape), shape.batch, shape.d)
    module = 6 * shape.code * 2 * shape.k * shape.batch  # into the assignments and out of them, three passes
    assert work.updates == 1
    assert work.gflop * 1e9 == pytest.approx(flop_per_point(shape) * shape.batch + module, rel=1e-3)


def test_dec_trains_no_decoder_and_looks_at_all_points():
    plain = {"max_iter": 8, "tol": 0, **SMALL}
    often, seldom = (work_of(DEC(2, update_interval=every, **plain), N, D) for every in (1, 8))
    encoder = [(D, 12), (12, 8), (8, 3)]
    assert often.tensors == 8 * (2 * len(encoder) + 1)
    assert often.numbers * 1e9 == 8 * (sum(a * b + b for a, b in encoder) + 2 * 3)
    looks = 2 * sum(a * b for a, b in encoder) * N
    assert (often.gflop - seldom.gflop) * 1e9 >= 7 * looks


def test_a_longer_training_is_so_many_times_the_work():
    short, long = (work_of(Autoencoder(epochs=epochs, **SMALL), N, D) for epochs in (1, 5))
    assert long == pytest.approx(short.times(5))
    assert work_of(AEKMeans(2, hidden=[12, 8], code_dim=3, device="cpu"), N, D) == NOTHING
