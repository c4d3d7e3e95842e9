"""bf16 on a CPU that has no instructions for it is said to be slow."""

import warnings

import numpy as np
import pytest
import torch

from jcae.models.autoencoder import Autoencoder
from jcae.nn.precision import SlowPrecisionWarning, warn_if_slow


@pytest.fixture(params=[True, False], ids=["native", "imitated"])
def native(request, monkeypatch):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: request.param, raising=False)
    return request.param


@pytest.mark.parametrize("precision", ["bf16", "float32", "tf32", "float64"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_bf16_that_a_cpu_imitates(native, precision, device):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        warn_if_slow(precision, torch.device(device))
    slow = precision == "bf16" and device == "cpu" and not native
    assert [warning.category for warning in found] == [SlowPrecisionWarning] * slow


def test_a_fit_warns(monkeypatch):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False, raising=False)
    X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    small = Autoencoder(code_dim=2, hidden=(4,), epochs=1, precision="bf16", device="cpu")
    with pytest.warns(SlowPrecisionWarning, match="float32"):
        small.fit(X)
