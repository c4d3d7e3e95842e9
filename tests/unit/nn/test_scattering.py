"""The scattering transform of images of which it is known."""

import math

import numpy as np
import pytest
import torch

from jcae.nn.scattering import filters, scattering


def test_wavelets_have_no_mean_and_the_average_has_all_of_it():
    psi, phi = filters(24, 32, 3, 8)
    np.testing.assert_allclose(psi[..., 0, 0], 0, atol=1e-12)
    assert phi[0, 0].item() == pytest.approx(1, abs=1e-3)


def test_a_constant_image_has_an_average_alone():
    found = scattering(torch.full((1, 17, 10), 2.0, dtype=torch.float64))
    assert found.shape == (1, 217, 2, 1)
    np.testing.assert_allclose(found[:, 0], 2, atol=2e-3)
    np.testing.assert_allclose(found[:, 1:], 0, atol=1e-10)


def test_a_wave_is_seen_by_the_wavelet_of_its_scale_and_direction():
    rows = torch.arange(32, dtype=torch.float64)[:, None].expand(32, 32)
    for j in range(3):
        image = torch.cos(0.75 * math.pi / 2**j * rows)
        for one, angle in ((image, 3), (image.mT, 7)):  # of 8, in steps of 22.5 degrees: along the rows, across
            first = scattering(one[None])[0, 1:25].mean((-2, -1)).view(3, 8)
            assert divmod(first.argmax().item(), 8) == (j, angle)


def test_a_shifted_image_is_nearly_the_same():
    image = torch.zeros(2, 32, 32, dtype=torch.float64)
    image[0, 12:20, 14:18], image[1, 12:20, 15:19] = 1, 1
    found = scattering(image)
    assert (found[0] - found[1]).norm() < 0.2 * found[0].norm() < 0.3 * (image[0] - image[1]).norm()


def test_images_are_scattered_one_by_one():
    images = torch.rand(3, 9, 11, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(scattering(images)[1:2], scattering(images[1:2]))


def test_small_images_are_refused():
    with pytest.raises(ValueError, match="images of 8 x 7 pixels are too small to scatter; 8 x 8 are needed"):
        scattering(torch.zeros(1, 8, 7))
