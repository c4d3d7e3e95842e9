"""Sparse codes and energies by hand, the step, and the way back."""

import numpy as np
import pytest
import torch

from jcae.nn.sparse_coding import bounded_step, energies, sparse_codes


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def columns(*shape, seed=1):
    W = draw(*shape, seed=seed)
    return W / W.norm(dim=-2, keepdim=True)


def alike(d, H):
    """Atoms that are nearly one."""
    W = torch.ones(1, 1, d, H, dtype=torch.float64) + 0.1 * draw(1, 1, d, H)
    return W / W.norm(dim=-2, keepdim=True)


def test_codes_under_orthogonal_atoms_are_thresholded_products():
    W = torch.linalg.qr(draw(2, 3, 8, 4)).Q
    x, sparsity = draw(2, 5, 8), 0.3
    products = torch.einsum("sbd,skdh->skbh", x, W)
    expected = products.sign() * (products.abs() - sparsity).clamp_min(0)
    found = sparse_codes(x, W, sparsity, 1.0, 1)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(sparse_codes(x, W, sparsity, 0.3, 200), expected)


def test_energy_of_a_point_by_hand():
    """x = (3, 1), one atom (1, 0), code 2: (3 - 2)^2 + 1^2 + 0.5 * 2; without the second feature 1 less."""
    x, W = torch.tensor([[[3.0, 1.0]]]), torch.tensor([[[[1.0], [0.0]]]])
    codes = torch.tensor([[[[2.0]]]])
    assert energies(x, W, codes, 0.5).item() == 3.0
    assert energies(x, W, codes, 0.5, torch.tensor([[[True, False]]])).item() == 2.0


def test_missing_entries_do_not_matter_and_none_missing_is_no_change():
    x, W = draw(2, 5, 8), columns(2, 3, 8, 4)
    seen = draw(2, 5, 8, seed=2) > -0.5
    found = [
        energies(y, W, sparse_codes(y, W, 0.2, 0.2, 9, seen), 0.2, seen) for y in (x, torch.where(seen, x, 1000.0))
    ]
    torch.testing.assert_close(*found, rtol=0, atol=0)
    whole = sparse_codes(x, W, 0.2, 0.2, 9, torch.ones_like(seen))
    torch.testing.assert_close(whole, sparse_codes(x, W, 0.2, 0.2, 9))


@pytest.mark.parametrize("missing", [False, True])
def test_gradients_go_through_all_layers(missing):
    x, W = draw(1, 3, 6), columns(1, 2, 6, 3).requires_grad_()
    seen = draw(1, 3, 6, seed=2) > -0.5 if missing else None

    def loss(atoms):
        return energies(x, atoms, sparse_codes(x, atoms, 0.1, 0.2, 5, seen), 0.1, seen)

    assert torch.autograd.gradcheck(loss, W)


def test_step_is_bounded_where_it_has_to_be():
    for W in (columns(1, 1, 40, 10), alike(20, 50)):
        largest = torch.linalg.matrix_norm(W, ord=2).square()
        step = bounded_step(W.requires_grad_(), 10.0)
        assert not step.requires_grad
        assert (step[..., 0, 0] <= 1 / largest).all()
    assert step.item() == pytest.approx(1 / largest.item(), rel=0.01)  # the closer the more alike the atoms are
    assert bounded_step(columns(1, 1, 40, 10), 0.04).item() == 0.04


def test_a_step_too_large_lets_codes_grow_and_a_bounded_one_does_not():
    W, x = alike(20, 50), draw(1, 4, 20)
    of_zero = energies(x, W, torch.zeros(1, 1, 4, 50, dtype=torch.float64), 0.1)
    assert (energies(x, W, sparse_codes(x, W, 0.1, 0.2, 15), 0.1) > 1e6 * of_zero).all()
    bounded = energies(x, W, sparse_codes(x, W, 0.1, bounded_step(W, 0.2), 15), 0.1)
    assert (bounded <= of_zero).all()


def test_a_seed_has_the_bits_that_it_has_alone():
    x, W = draw(3, 70, 33).float(), columns(3, 2, 33, 40).float()
    step = bounded_step(W, 0.04)
    together = sparse_codes(x, W, 0.1, step, 15)
    for s in range(3):
        alone = sparse_codes(x[s : s + 1].clone(), W[s : s + 1].clone(), 0.1, bounded_step(W[s : s + 1], 0.04), 15)
        np.testing.assert_array_equal(together[s], alone[0])
