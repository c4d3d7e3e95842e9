"""Figures of images whose pixels have colours."""

from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from jcae.figures import style
from jcae.scores.examples import examples

# In the package these names are the functions.
centroids_module, interpolations_module, examples_module = (
    import_module(f"jcae.figures.{name}") for name in ("centroids", "interpolations", "examples")
)
SHAPE = (4, 5, 3)


def test_mosaic_keeps_the_colours_of_a_pixel_together():
    images = np.arange(24.0).reshape(1, 2, 2, 2, 3)
    joined = style.mosaic(images)
    assert joined.shape == (2, 5, 3)
    np.testing.assert_array_equal(joined[:, :2], images[0, 0])
    np.testing.assert_array_equal(joined[:, 3:], images[0, 1])
    assert np.isnan(joined[:, 2]).all()


def test_colours_are_scaled_cut_and_left_white_where_nothing_is():
    images = np.array([[-1.0, 0.0, 1.0], [2.0, 4.0, 3.0]]).reshape(1, 2, 1, 1, 3)
    figure = style.new(2, 1)
    ax = figure.subplots()
    style.show(ax, images, 0, 2)
    drawn = ax.images[0].get_array()
    np.testing.assert_array_equal(drawn, [[[0, 0, 0.5], [1, 1, 1], [1, 1, 1]]])


@pytest.fixture
def colour_run(monkeypatch):
    """Three classes of colour images and the run of one method, in place of a results folder."""
    random = np.random.RandomState(0)
    means = random.rand(3, 60)
    arrays = {
        "labels": np.array([0, 1, 2, 2]),
        "centroids": means[[1, 0, 2]],
        "interpolations": random.rand(3, 9, 60),
    }
    record = pd.Series({"method": "ae", "name": "AE", "seed": 0, "objective": 1.0})
    for module in (centroids_module, interpolations_module):
        monkeypatch.setattr(module, "chosen_runs", lambda *_: [(record, arrays)])
        monkeypatch.setattr(module, "image_shape", lambda *_: SHAPE)
        monkeypatch.setattr(module, "truth", lambda *_: (np.array([1, 0, 2, 2]), ["a", "b", "c"]))
    monkeypatch.setattr(centroids_module, "class_means", lambda *_: means)
    monkeypatch.setattr(interpolations_module, "pixel_range", lambda *_: (0.0, 1.0))
    return SimpleNamespace(means=means, arrays=arrays)


def test_centroids_in_colour(colour_run):
    with style.applied():
        figure, data = centroids_module.centroids(None, "pictures")
    drawn = figure.axes[0].images[0].get_array()
    assert drawn.shape == (2 * 4 + 1, 3 * 5 + 2, 3)
    # Matched to their classes, the centroids of this run are the means.
    np.testing.assert_array_equal(drawn[:4], drawn[5:])
    means = colour_run.means
    scaled = (means[0].reshape(SHAPE) - means.min()) / (means.max() - means.min())
    np.testing.assert_allclose(drawn[:4, :5], scaled, atol=1e-12)
    assert [f"p{i}" for i in range(60)] == list(data.columns[-60:])


def test_interpolations_in_colour(colour_run):
    with style.applied():
        figure, data = interpolations_module.interpolations(None, "pictures")
    drawn = figure.axes[0].images[0].get_array()
    assert drawn.shape == (3 * 4 + 2, 9 * 5 + 8, 3)
    np.testing.assert_array_equal(drawn[:4, :5], colour_run.arrays["interpolations"][0, 0].reshape(SHAPE))
    assert len(data) == 27
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["b–a", "a–c", "c–b"]


def test_examples_in_colour(monkeypatch):
    points = np.random.RandomState(0).randint(0, 256, (6, 60)).astype("uint8")
    found = examples(np.array([[0.0], [1.0], [2.0], [9.0], [8.5], [8.0]]), np.array([0, 0, 0, 4, 4, 4]))
    arrays = {f"example_{name}": array for name, array in found.items()} | {"space": np.array("code")}
    arrays["example_images"] = points[found["rows"]]
    record = pd.Series({"method": "ae", "name": "AE", "seed": 0, "objective": 1.0})
    monkeypatch.setattr(examples_module, "chosen_runs", lambda *_: [(record, arrays)])
    monkeypatch.setattr(examples_module, "image_shape", lambda *_: SHAPE)
    monkeypatch.setattr(examples_module, "is_of_images", lambda *_: True)
    with style.applied():
        figure, data = examples_module.examples(None, "pictures")
    drawn = figure.axes[0].images[0].get_array()
    assert drawn.shape == (2 * 4 + 1, 7 * 5 + 6, 3)
    np.testing.assert_allclose(drawn[:4, :5], points[data["row"].iloc[0]].reshape(SHAPE) / 255)
    assert (drawn[:, 3 * 6 :] == 1).all()  # three points a cluster are all typical, none is left to be doubtful
