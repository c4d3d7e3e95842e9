"""Rates are found again in seconds that follow them."""

import numpy as np
import pytest

from benchmarks.cost import Measured, Rates, fit, ratios
from benchmarks.work import Work

RATES = Rates(tensor=2e-4, float32=0.012, bf16=0.004, numbers=2.0)


def measured() -> list[Measured]:
    rng = np.random.default_rng(0)
    found = []
    for seeds in (1, 5, 10):
        for precision in ("float32", "bf16"):
            for _ in range(3):
                work = Work(*rng.uniform(1, 100, 4))
                found.append(Measured("one", precision, seeds, work, RATES.seconds(work, precision, seeds)))
    return found


def test_rates_are_found_again():
    assert fit(measured()) == pytest.approx(RATES, rel=1e-6)
    assert ratios(RATES, measured()) == pytest.approx(1)


def test_a_block_shares_what_an_update_calls_and_nothing_else():
    work = Work(10.0, 3.0, 40.0, 0.5)
    assert RATES.seconds(work, "float32") == pytest.approx(40 * 2e-4 + 3 * 0.012 + 0.5 * 2.0)
    assert RATES.seconds(work, "bf16", seeds=4) == pytest.approx(10 * 2e-4 + 3 * 0.004 + 0.5 * 2.0)


def test_no_rate_is_below_zero():
    odd = [m._replace(seconds=1.0) for m in measured()]
    assert min(fit(odd)) >= 0
