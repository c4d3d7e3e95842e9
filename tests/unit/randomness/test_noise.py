"""Random numbers of a step: the published generator, the right distributions, nothing shared between seeds."""

import pytest
import torch
from scipy import stats

from jcae.nn.networks import linear
from jcae.randomness.noise import bits, mix, normal, uniform
from jcae.training.block import Block

MASK = 2**64 - 1


def splitmix(z: int) -> int:
    """Finaliser of splitmix64 in Python's integers."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def test_bits_are_those_of_splitmix64():
    """The first outputs of splitmix64 with the state 1234567, as its author's program prints them."""
    golden = 0x9E3779B97F4A7C15
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [splitmix((1234567 + i * golden) & MASK) for i in (1, 2, 3)] == expected
    states = torch.tensor([(1234567 + i * golden) & MASK for i in (1, 2, 3)], dtype=torch.uint64).view(torch.int64)
    assert (mix(states).view(torch.uint64)).tolist() == expected


def test_bits_by_hand():
    golden = 0x9E3779B97F4A7C15
    found = bits(torch.tensor([11, 12]), torch.tensor(5), (2, 2)).view(torch.uint64)
    for s, key in enumerate((11, 12)):
        base = splitmix((key + 6 * golden) & MASK)
        expected = [splitmix((base + i * golden) & MASK) for i in (1, 2, 3, 4)]
        assert found[s].flatten().tolist() == expected


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_distributions(dtype):
    keys, step = torch.tensor([3, 4]), torch.tensor(0)
    u = uniform(keys, step, (50_000,), dtype)
    z = normal(keys, step, (49_999,), dtype)
    assert u.dtype == z.dtype == dtype
    assert u.shape == (2, 50_000)
    assert z.shape == (2, 49_999)
    assert u.min() > 0
    assert u.max() < 1
    for s in (0, 1):
        assert stats.kstest(u[s].double(), "uniform").pvalue > 1e-3
        assert stats.kstest(z[s].double(), "norm").pvalue > 1e-3
    assert abs(stats.pearsonr(u[0].double(), u[1].double()).statistic) < 0.02
    assert abs(stats.pearsonr(u[0, 1:].double(), u[0, :-1].double()).statistic) < 0.02
    assert abs(stats.pearsonr(u[0].double(), uniform(keys, step + 1, (50_000,), dtype)[0].double()).statistic) < 0.02


def test_a_block_draws_anew_per_seed_phase_step_and_name():
    def block(seeds):
        network = linear(1, 1, seeds=seeds, name="t", initialiser="glorot", precision="float32")
        return Block(network, torch.ones(5, 1), seeds)

    one, three = block([7]), block([5, 7, 9])
    for b in (one, three):
        b.set_clock("joint", 4)
    assert torch.equal(one.normal("code", 6, 2)[0], three.normal("code", 6, 2)[1])
    first = one.normal("code", 6, 2)
    assert torch.equal(first, one.normal("code", 6, 2))
    assert not torch.equal(first, one.normal("mask", 6, 2))
    one.clock += 1
    assert not torch.equal(first, one.normal("code", 6, 2))
    one.set_clock("pretraining", 4)
    assert not torch.equal(first, one.normal("code", 6, 2))
