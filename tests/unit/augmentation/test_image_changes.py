"""Each change of an image against torchvision's, and what recipes make of them."""

import math

import numpy as np
import pytest
import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from jcae.augmentation import colours
from jcae.augmentation.augmentation import DRAWS, Augmentation
from jcae.augmentation.recipe import RECIPES, Recipe
from jcae.augmentation.warps import affine_source, through_window, warp


@pytest.fixture(autouse=True)
def _same_images_every_time():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture(params=[1, 3], ids=["grey", "colour"])
def images(request):
    return torch.rand(4, request.param, 12, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def numbers(n, seed=0, **fixed):
    """Random numbers of n images, some of them given."""
    found = torch.rand(1, n, len(DRAWS), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    for name, value in fixed.items():
        found[..., DRAWS.index(name)] = value
    return found


def as_rows(images):
    return images.permute(0, 2, 3, 1).reshape(1, len(images), -1)


def as_images(rows, like):
    return rows.reshape(len(like), *like.shape[2:], like.shape[1]).permute(0, 3, 1, 2)


def changed(images, draws, **recipe):
    shape = (*images.shape[2:], images.shape[1])
    return as_images(Augmentation(Recipe(**recipe), shape)(as_rows(images), draws), images)


def close(found, expected, tolerance=1e-9):
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)


def theirs(image, angle, shift, scale, shear):
    return functional.affine(
        image, angle, shift, scale, shear, interpolation=v2.InterpolationMode.BILINEAR, fill=[0.0] * len(image)
    )


def test_an_image_is_changed_by_the_map_that_was_drawn_for_it(images):
    draws = numbers(len(images))
    found = changed(images, draws, rotate=30, shift=0.2, shear=15, scale=(0.7, 1.3), border="zeros")
    for i, image in enumerate(images):
        draw = dict(zip(DRAWS, draws[0, i].tolist(), strict=True))
        either = {name: 2 * value - 1 for name, value in draw.items()}
        shift = [0.2 * 10 * either["shift_x"], 0.2 * 12 * either["shift_y"]]
        scale = 0.7 + 0.6 * draw["scale"]
        close(found[i], theirs(image, 30 * either["rotate"], shift, scale, [15 * either["shear"], 0.0]))
    assert not torch.equal(found[0], found[1])


@pytest.mark.parametrize(("border", "mode"), [("edge", "edge"), ("reflect", "reflect")])
def test_border_is_that_of_an_image_padded_far_enough(images, border, mode):
    draws = numbers(len(images), seed=1)
    found = changed(images, draws, rotate=25, shift=0.2, border=border)
    for i, image in enumerate(images):
        angle, *shift = (2 * draws[0, i, DRAWS.index(name)].item() - 1 for name in ("rotate", "shift_x", "shift_y"))
        padded = functional.pad(image, [9, 9], padding_mode=mode)
        moved = theirs(padded, 25 * angle, [2 * shift[0], 2.4 * shift[1]], 1.0, [0.0, 0.0])
        close(found[i], functional.center_crop(moved, [12, 10]))


def test_flip_exchanges_left_and_right(images):
    close(changed(images, numbers(len(images), flip=0.3), flip=0.5), functional.horizontal_flip(images))
    assert torch.equal(changed(images, numbers(len(images), flip=0.6), flip=0.5), images)


def test_crop_is_a_window_brought_back_to_the_whole_size():
    images = torch.rand(2, 1, 12, 12, dtype=torch.float64)
    # A square of 8 x 8 pixels at the lower right: its area is 4/9 of the whole.
    draws = numbers(2, crop_area=0.5, crop_ratio=0.5, crop_x=1.0, crop_y=1.0)
    found = changed(images, draws, crop=(2 / 9, 6 / 9))
    expected = functional.resized_crop(images, 4, 4, 8, 8, [12, 12], antialias=False)
    close(found[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1])  # theirs sees nothing beyond the window, ours does
    window = torch.tensor([[[2 / 3, 0, 2], [0, 2 / 3, 2]]], dtype=torch.float64)
    whole = affine_source(*torch.tensor([[0.0], [1], [0], [0], [0], [0]], dtype=torch.float64))
    numbers_of_window = torch.tensor([[2 / 3], [2 / 3], [2], [2]], dtype=torch.float64)
    close(through_window(whole, *numbers_of_window), window)


def test_crops_stay_inside_and_keep_their_area():
    x = torch.arange(32.0, dtype=torch.float64).expand(200, 1, 32, 32)  # a pixel says its column
    found = changed(x, numbers(200), crop=(0.25, 0.25))
    widths = (found[..., -1] - found[..., 0]).mean((1, 2))
    assert found.min() >= 0
    assert found.max() <= 31 + 1e-9
    assert widths.min() < 31 * math.sqrt(0.25 * 3 / 4) * 1.03
    assert widths.max() > 31 * math.sqrt(0.25 * 4 / 3) * 0.97


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "hue"])
def test_colours_are_those_of_torchvision(name):
    images = torch.rand(6, 3, 9, 7, dtype=torch.float64)
    images[0] = images[0, :1]  # grey has no hue
    strengths = torch.tensor([-0.5, -0.2, 0.0, 0.1, 0.3, 0.5], dtype=torch.float64)
    factors = strengths if name == "hue" else 1 + strengths
    found = getattr(colours, name)(images, factors)
    for one, image, factor in zip(found, images, factors.tolist(), strict=True):
        close(one, getattr(functional, f"adjust_{name}")(image, factor), 1e-6)  # theirs rounds in between


@pytest.mark.parametrize("name", ["brightness", "contrast"])
def test_grey_images_have_brightness_and_contrast(name):
    images = torch.rand(3, 1, 9, 7, dtype=torch.float64)
    found = getattr(colours, name)(images, torch.full((3,), 1.4, dtype=torch.float64))
    close(found, torch.stack([getattr(functional, f"adjust_{name}")(image, 1.4) for image in images]))


def test_grey_and_blur_are_those_of_torchvision(images):
    if images.shape[1] == 3:
        close(colours.grey(images), functional.rgb_to_grayscale(images))
    sigma = torch.tensor([0.1, 0.5, 1.0, 2.0], dtype=torch.float64)
    expected = [functional.gaussian_blur(one, [3, 3], [s, s]) for one, s in zip(images, sigma.tolist(), strict=True)]
    close(colours.blur(images, sigma), torch.stack(expected))
    assert [colours.blur_size(*size) for size in ((8, 8), (28, 28), (32, 40), (224, 224))] == [3, 3, 5, 23]


def test_jitter_grey_and_blur_have_the_asked_probabilities():
    images = torch.rand(2000, 3, 4, 4, dtype=torch.float64)
    for recipe, share in (
        ({"brightness": 0.4, "jitter": 0.3}, 0.3),
        ({"grey": 0.2}, 0.2),
        ({"blur": 0.6}, 0.6),
    ):
        found = changed(images, numbers(2000), **recipe)
        touched = (found != images).flatten(1).any(1).double().mean().item()
        assert touched == pytest.approx(share, abs=0.04)


def test_all_that_is_drawn_lies_in_its_range_and_differs_between_images():
    images = torch.rand(500, 1, 8, 8)
    found = changed(images, numbers(500).float(), rotate=10, shift=0.1)
    assert len(np.unique(found.flatten(1).numpy(), axis=0)) == 500
    still = changed(images, numbers(500, rotate=0.5, shift_x=0.5, shift_y=0.5).float(), rotate=10, shift=0.1)
    assert torch.equal(still, images), "the identity is exact"


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_by_name_change_images_and_keep_their_range(name):
    images = torch.rand(8, 3, 16, 16)
    recipe = RECIPES[name]
    rows = as_rows(images)
    found = Augmentation(recipe, (16, 16, 3))(rows, numbers(8).float())
    assert found.shape == rows.shape
    assert (found != rows).any(-1).all()
    assert found.min() >= 0
    assert found.max() <= 1


def test_an_image_that_would_be_empty_stays_as_it_is():
    images = torch.zeros(1, 1, 8, 8)
    images[..., 3:5, 3:5] = 1
    out = numbers(1, shift_x=1.0, shift_y=0.5).float()
    assert torch.equal(changed(images, out, shift=1.0, border="zeros"), images)
    assert changed(images, out, shift=0.3, border="zeros").sum() > 0


def test_an_image_does_not_depend_on_its_place_among_many():
    """Of a power that a crop once took, the last bits did."""
    images, draws = torch.rand(145, 1, 8, 8), numbers(145).float()
    together = changed(images, draws, crop=(0.1, 1), contrast=0.3)
    for part in torch.arange(145).split(48):
        assert torch.equal(changed(images[part], draws[:, part], crop=(0.1, 1), contrast=0.3), together[part])


def test_an_image_does_not_depend_on_those_beside_it():
    images, draws = torch.rand(7, 3, 9, 11), numbers(7).float()
    recipe = {"rotate": 20, "shear": 5, "crop": (0.5, 1), "contrast": 0.3, "hue": 0.1, "blur": 0.5}
    together = changed(images, draws, **recipe)
    for i in range(7):
        assert torch.equal(changed(images[i : i + 1], draws[:, i : i + 1], **recipe)[0], together[i])


def test_warp_refuses_nothing_at_the_smallest_size():
    images = torch.rand(2, 1, 2, 2)
    turned = affine_source(*torch.tensor([[90.0, 180], [1, 1], [0, 0], [0, 0], [0, 0], [0, 0]]))
    found = warp(images, turned, "edge")
    torch.testing.assert_close(found[0], torch.rot90(images[0], -1, (1, 2)))
    torch.testing.assert_close(found[1], torch.rot90(images[1], 2, (1, 2)))
