"""Random streams: the same numbers on every machine, which is why they are written down here."""

import pytest
import torch

from jcae.randomness.seeds import generator, numpy_generator, sklearn_seed, stream


def test_streams_are_the_same_everywhere():
    assert stream(0, "batches", "joint", 3) == 1920545452770571137
    assert stream(7, "weights") == 6993726986009462784
    assert stream(2**32 - 1) == 1753065958925173756
    assert sklearn_seed(7, "kmeans") == 193905953


def test_orders_are_the_same_everywhere():
    order = torch.randperm(8, generator=generator(0, "batches", "joint", 3))
    assert order.tolist() == [6, 2, 5, 0, 1, 4, 7, 3]
    assert numpy_generator(7, "x").integers(0, 100, 5).tolist() == [16, 68, 95, 54, 81]


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(ValueError, match=f"seed {seed} is out of range"):
        stream(seed, "weights")
