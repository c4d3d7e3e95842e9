"""Optimisers of a block and their schedules, against those of torch and by hand."""

import numpy as np
import pytest
import torch

from jcae.training.optimisers import BlockOptimiser, Optimiser, polynomial_decay, staircase_decay


def test_schedules_by_hand():
    polynomial = polynomial_decay(100)
    assert polynomial(0) == 1.0
    assert polynomial(50) == pytest.approx(0.9 * 0.5**0.4 + 0.1)
    assert polynomial(100) == pytest.approx(0.1)
    assert polynomial(1000) == pytest.approx(0.1)
    staircase = staircase_decay(33)
    assert [staircase(t) for t in (0, 32, 33, 66)] == pytest.approx([1.0, 1.0, 0.1, 0.01])


@pytest.mark.parametrize(
    ("settings", "reference"),
    [
        (Optimiser("sgd", 0.1, momentum=0.9), lambda p: torch.optim.SGD(p, 0.1, momentum=0.9)),
        (Optimiser("sgd", 0.1), lambda p: torch.optim.SGD(p, 0.1)),
        (Optimiser("adam", 0.01, eps=1e-3), lambda p: torch.optim.Adam(p, 0.01, eps=1e-3)),
        (Optimiser("adamw", 0.01, weight_decay=0.1), lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1)),
    ],
    ids=lambda value: value.name if isinstance(value, Optimiser) else "torch",
)
def test_optimisers_are_those_of_torch(settings, reference):
    """Against torch.optim on the same gradients, per seed; a seed that is not selected stays where it is."""
    rng = torch.Generator().manual_seed(0)
    stacked = torch.randn(2, 3, 4, generator=rng, dtype=torch.float64).requires_grad_()
    alone = stacked.detach()[0].clone().requires_grad_()
    expected = reference([alone])
    ours = BlockOptimiser(settings, {"w": stacked})
    for step in range(5):
        gradient = torch.randn(2, 3, 4, generator=rng, dtype=torch.float64)
        alone.grad = gradient[0].clone()
        if step == 3:
            ours.select([0])
            frozen = stacked.detach()[1].clone()
        ours.step([gradient])
        ours.count()
        expected.step()
    torch.testing.assert_close(stacked.detach()[0], alone.detach(), rtol=1e-12, atol=1e-12)
    assert torch.equal(stacked.detach()[1], frozen)


def test_adam_with_eps_before_the_correction_by_hand():
    """Kingma and Ba's form: rate sqrt(1 - b2^t) / (1 - b1^t), m / (sqrt(v) + eps); and it goes on where it stopped."""
    rng = np.random.default_rng(0)
    settings = Optimiser("adam", 0.01, eps=1e-3, eps_placement="before", schedule=lambda step: 1.0 / (step + 1))
    parameter = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    ours = BlockOptimiser(settings, {"w": parameter})
    w, m, v = np.zeros(3), np.zeros(3), np.zeros(3)
    for t in range(1, 7):
        if t == 4:  # resumed
            moments, ours = ours.moments, BlockOptimiser(settings, {"w": parameter})
            for name, value in moments.items():
                ours.moments[name].copy_(value)
            ours.restore(3)
        gradient = rng.normal(size=3)
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        w -= 0.01 / t * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-3)
        ours.step([torch.tensor(gradient).unsqueeze(0)])
        ours.count()
        np.testing.assert_allclose(parameter.detach()[0], w, rtol=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"eps_placement": "inside"}, "eps_placement='inside' is unknown; allowed are"),
        ({"name": "adamw", "eps_placement": "before"}, "eps_placement='before' is for optimiser='adam'; it is 'adamw'"),
    ],
)
def test_eps_that_has_no_place_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Optimiser(**settings)


def test_learning_rates_by_name():
    """Plain SGD by hand: the rate of a parameter is multiplied by the factor of the prefix of its name."""
    parameters = {name: torch.zeros(2, 3, requires_grad=True) for name in ("mixture.mean", "encoder.0")}
    settings = Optimiser("sgd", 0.1, schedule=lambda step: 1.0 / (step + 1), factors={"mixture.": 0.01})
    optimiser = BlockOptimiser(settings, parameters)
    for _ in range(2):
        optimiser.step([torch.ones(2, 3), torch.ones(2, 3)])
        optimiser.count()
    torch.testing.assert_close(parameters["encoder.0"].detach(), torch.full((2, 3), -0.15))
    torch.testing.assert_close(parameters["mixture.mean"].detach(), torch.full((2, 3), -0.0015))


def test_unknown_optimiser_is_named():
    with pytest.raises(ValueError, match=r"optimiser='rmsprop' is unknown; allowed are \['adam', 'adamw', 'sgd'\]"):
        Optimiser("rmsprop")
