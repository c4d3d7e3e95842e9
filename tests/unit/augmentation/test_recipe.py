"""Recipes: by name, by settings, both; what is wrong with one is said with its place and what is allowed."""

import json
import re
from dataclasses import asdict

import pytest

from jcae.augmentation.recipe import RECIPES, Recipe, check_image, read_recipe
from jcae.nn.convolution import Image


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_by_its_name_and_by_its_settings(name):
    assert read_recipe(name) == RECIPES[name]
    # As a config states it, through JSON, where a pair is a list.
    assert read_recipe(json.loads(json.dumps(asdict(RECIPES[name])))) == RECIPES[name]
    assert read_recipe({"recipe": name, "copies": 5}) == Recipe(**{**asdict(RECIPES[name]), "copies": 5})


@pytest.mark.parametrize(
    "value", [None, {}, {"rotate": 0}, {"scale": [1, 1], "copies": 3}, {"jitter": 0, "brightness": 0.4}]
)
def test_what_changes_nothing_is_no_augmentation(value):
    assert read_recipe(value) is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("heritag", f"recipe='heritag' is unknown; allowed are {sorted(RECIPES)}"),
        ({"recipe": 3}, "recipe=3 is unknown; allowed are ['contrastive'"),
        ({"turn": 3}, "'turn' is unknown; allowed are ['recipe', 'rotate', 'shift', "),
        ({"rotate": 200}, "rotate=200 is not allowed; it must be a number from 0 to 180"),
        ({"rotate": "10"}, "rotate='10' is not allowed"),
        ({"rotate": True}, "rotate=True is not allowed"),
        ({"rotate": float("nan")}, "rotate=nan is not allowed"),
        ({"shift": 2}, "shift=2 is not allowed; it must be a number from 0 to 1"),
        ({"scale": 1.2}, "scale=1.2 is not allowed; it must be two numbers from 0.1 to 10, in order"),
        ({"scale": [1.2, 0.8]}, "scale=[1.2, 0.8] is not allowed"),
        ({"crop": [0, 1]}, "crop=[0, 1] is not allowed; it must be two numbers from 0.01 to 1"),
        ({"border": "wrap"}, "border='wrap' is unknown; allowed are ['edge', 'reflect', 'zeros']"),
        ({"copies": 1.5}, "copies=1.5 is not allowed; it must be an integer of at least 0"),
        (3, "augment=3 is not allowed; it must be the name of a recipe, ['contrastive'"),
    ],
)
def test_errors_name_the_value_and_what_is_allowed(value, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read_recipe(value)


@pytest.mark.parametrize("name", ["saturation", "hue", "grey"])
def test_colours_need_colour(name):
    with pytest.raises(ValueError, match=rf"{name}=0.1 needs images of 3 channels; these have 1"):
        check_image(Recipe(**{name: 0.1}), Image(8, 8))
    check_image(Recipe(**{name: 0.1}), Image(8, 8, 3))


def test_contrast_needs_a_brightness():
    with pytest.raises(ValueError, match=r"contrast=0.1 needs images of 1 or 3 channels; these have 2"):
        check_image(Recipe(contrast=0.1), Image(8, 8, 2))
    for channels in (1, 3):
        check_image(Recipe(contrast=0.1), Image(8, 8, channels))


def test_a_line_of_pixels_is_no_image():
    with pytest.raises(ValueError, match="at least 2 x 2 pixels; these have 1 x 64"):
        check_image(Recipe(rotate=5), Image(1, 64))
