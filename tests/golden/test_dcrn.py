"""Neighbours and their loss against the public code of DCRN (tests/golden/numbers)."""

import numpy as np
import torch
from golden_numbers import golden

from jcae.nn.neighbours import neighbour_loss, neighbours


def test_neighbours_loss_and_gradient():
    numbers = golden("dcrn_1")
    codes = torch.tensor(numbers["m"])[None]
    embedded = torch.tensor(numbers["e"])[None].requires_grad_()
    p, q = neighbours(codes, float(numbers["alpha1"])), neighbours(embedded, float(numbers["alpha2"]))
    loss = neighbour_loss(p, q)
    loss.sum().backward()
    for found, name in ((p, "P"), (q, "Q"), (loss, "loss"), (embedded.grad, "grad_e")):
        np.testing.assert_allclose(found[0].detach(), numbers[name], rtol=0, atol=1e-12, err_msg=name)


def test_far_away_and_alone():
    """Of a point far from all others the nearest counts all; one alone has no neighbours, and no gradient."""
    points = torch.tensor([[[0.0], [1.0], [1e12]]]).requires_grad_()
    found = neighbours(points, 20.0)
    torch.testing.assert_close(found.sum(-2), torch.ones(1, 3))
    assert found[0, 0, 2] == found[0, 1, 2] == 0.5
    neighbour_loss(found, found).sum().backward()
    assert points.grad.isfinite().all()
    alone = torch.zeros(2, 1, 3).requires_grad_()
    loss = neighbour_loss(neighbours(alone, 20.0), neighbours(alone, 1.0))
    loss.sum().backward()
    assert ((loss >= 0) & (loss < 1e-8)).all()
    assert (alone.grad == 0).all()
