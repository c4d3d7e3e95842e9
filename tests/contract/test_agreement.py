"""A check of good labels fits no more seeds than its verdict takes, and the verdict is that of all five."""

import itertools
import statistics
from types import SimpleNamespace

import pytest

from jcae.contract.fit_results import AGREEMENT, agree

GOOD, BAD = AGREEMENT, AGREEMENT - 0.01


@pytest.mark.parametrize("values", list(itertools.product([GOOD, BAD], repeat=5)))
@pytest.mark.parametrize(("starts_at_random", "typical"), [(True, max), (False, statistics.median)])
def test_verdict_is_that_of_all_seeds(starts_at_random, typical, values):
    subject = SimpleNamespace(random=True, starts_at_random=starts_at_random)
    good, found = agree(subject, lambda seeds: [values[seed] for seed in seeds])
    assert good == (typical(values) >= AGREEMENT)
    assert found == list(values[: len(found)])
    if not good:
        assert len(found) == 5, "all that was measured is told"


@pytest.mark.parametrize(
    ("random", "starts_at_random", "fitted"),
    [(True, True, [(0,)]), (True, False, [(0, 1, 2)]), (False, False, [(0,)])],
)
def test_no_more_seeds_than_needed(random, starts_at_random, fitted):
    asked = []
    subject = SimpleNamespace(random=random, starts_at_random=starts_at_random)
    assert agree(subject, lambda seeds: asked.append(seeds) or [GOOD] * len(seeds))[0]
    assert asked == fitted
