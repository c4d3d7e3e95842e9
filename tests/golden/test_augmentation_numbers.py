"""Maps of images and the loss on changed images, against torchvision's and DEC-DA's numbers (tests/golden/numbers)."""

import math

import numpy as np
import pytest
import torch
from golden_numbers import golden

from baselines.dec import kl_divergence, log_soft_assignment, target_distribution
from jcae.augmentation.warps import affine_source, warp

MAPS = ("rotate", "scale_up", "scale_down", "shear_x", "shear_xy", "shift", "all")


@pytest.fixture(scope="module")
def warps():
    return golden("warp_1")


def source(numbers, name):
    angle, shift_x, shift_y, scale, shear_x, shear_y = torch.tensor(numbers[f"{name}_params"]).unsqueeze(1)
    return affine_source(angle, scale, shear_x, shear_y, shift_x, shift_y)


def agree(found, expected, tolerance=1e-6):
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", MAPS)
def test_maps_are_those_of_torchvision(warps, name):
    image = torch.tensor(warps["image"]).unsqueeze(0)
    agree(warp(image, source(warps, name), "zeros")[0], warps[f"{name}_constant"])


@pytest.mark.parametrize("border", ["edge", "reflect"])
@pytest.mark.parametrize("name", MAPS)
def test_borders_are_those_of_a_padded_image(warps, name, border):
    """Theirs pads by three pixels; `all` reads further out, where only the padded image itself can be compared."""
    image = torch.tensor(warps["image"]).unsqueeze(0)
    mode = "replicate" if border == "edge" else "reflect"
    padded = torch.nn.functional.pad(image, (3, 3, 3, 3), mode=mode)
    expected = warps[f"{name}_pad3_{border}"]
    agree(warp(padded, source(warps, name), "zeros")[0, :, 3:-3, 3:-3], expected)
    if name != "all":
        agree(warp(image, source(warps, name), border)[0], expected)


KERAS = {
    # rotation in degrees, shift along rows, shift along columns, shear, zoom along x, zoom along y
    "rotate": (17, 0, 0, 0, 1, 1),
    "shift": (0, 1.3, -0.7, 0, 1, 1),
    "shear": (0, 0, 0, 10, 1, 1),
    "zoom": (0, 0, 0, 0, 0.8, 1.2),
    "all": (-10, 0.5, 1, -8, 1.1, 0.9),
}


@pytest.mark.parametrize("name", KERAS)
def test_maps_of_dec_da(name):
    """Its maps say where a pixel comes from: R (S diag(zoom) v + shift), its border `nearest` is our `edge`."""
    numbers = golden("decda_1")
    theta, shift_x, shift_y, shear, zoom_x, zoom_y = KERAS[name]
    theta, shear = math.radians(theta), math.radians(shear)
    turn = np.array([[math.cos(theta), -math.sin(theta)], [math.sin(theta), math.cos(theta)]])
    sheared = np.array([[1, -math.sin(shear)], [0, math.cos(shear)]]) @ np.diag([zoom_x, zoom_y])
    whole = np.column_stack([turn @ sheared, turn @ [shift_x, shift_y]])
    image = torch.tensor(numbers["warp_image"]).permute(2, 0, 1).unsqueeze(0)
    found = warp(image, torch.tensor(whole).unsqueeze(0), "edge")[0].permute(1, 2, 0)
    agree(found, numbers[f"warp_nearest_{name}"])


def test_loss_of_a_changed_batch_against_the_target_of_clean_rows():
    """DEC-DA: p from q(x) is a constant, the gradient is that of q(a(x))."""
    numbers = {name: torch.tensor(value) for name, value in golden("decda_1").items()}
    q = log_soft_assignment(numbers["z"], numbers["mu"]).exp()
    agree(q, numbers["q_alpha1"])
    agree(target_distribution(q), numbers["p"])
    z, centroids = numbers["z_aug"].requires_grad_(), numbers["mu"].requires_grad_()
    log_q = log_soft_assignment(z, centroids)
    agree(log_q.exp(), numbers["q_aug"])
    loss = kl_divergence(numbers["p"], log_q)
    agree(loss, numbers["kl_loss"])
    of_z, of_centroids = torch.autograd.grad(loss, [z, centroids])
    agree(of_z, numbers["kl_grad_z_aug"])
    agree(of_centroids, numbers["kl_grad_mu"])
