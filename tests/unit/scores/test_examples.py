"""Typical and doubtful points by hand, and where there are none."""

import numpy as np
import pytest

from jcae.scores.examples import EXAMPLES, examples


def test_margins_by_hand():
    points = np.array([[0.0], [-1.0], [4.0], [10.0], [12.0], [11.0]])
    labels = np.array([3, 3, 3, 8, 8, 8])
    found = examples(points, labels)
    assert found["clusters"].tolist() == [3, 8]
    assert found["sizes"].tolist() == [3, 3]
    # The means are 1 and 11; of cluster 3 the points 0, -1, 4 lie 1, 2, 3 from the one and 11, 12, 7 from the other.
    assert found["rows"][0].tolist() == [[0, 1, 2], [-1, -1, -1]]
    assert found["margins"][0, 0] == pytest.approx([10 / 11, 10 / 12, 4 / 7])
    assert found["distances"][0, 0] == pytest.approx([1, 2, 3])
    assert found["next_distances"][0, 0] == pytest.approx([11, 12, 7])
    assert set(found["next_clusters"][0, 0]) == {8}
    assert found["rows"][1, 0, 0] == 5  # at the mean itself
    assert found["margins"][1, 0, 0] == 1


def test_no_point_is_both_and_extremes_come_first():
    rng = np.random.default_rng(0)
    points, labels = rng.normal(size=(200, 4)), rng.integers(0, 3, 200)
    found = examples(points, labels)
    assert found["rows"].shape == (3, 2, EXAMPLES)
    for c, k in enumerate(found["clusters"]):
        rows = found["rows"][c].ravel()
        assert len(set(rows)) == 2 * EXAMPLES
        assert (labels[rows] == k).all()
        typical, doubtful = found["margins"][c]
        assert (np.diff(typical) <= 0).all()
        assert (np.diff(doubtful) >= 0).all()
        assert doubtful.max() <= typical.min()
    assert (found["next_clusters"] != found["clusters"][:, None, None]).all()


def test_noise_is_no_cluster_and_small_clusters_have_few():
    points = np.arange(6.0)[:, None]
    found = examples(points, np.array([-1, 0, 1, 1, 1, 1]))
    assert found["clusters"].tolist() == [0, 1]
    assert found["rows"][0].tolist() == [[1, -1, -1], [-1, -1, -1]]
    assert np.isnan(found["margins"][0, 1]).all()
    assert (found["rows"][1] != -1).sum() == 4
    assert 0 not in found["rows"]


@pytest.mark.parametrize("labels", [[0, 0, 0], [-1, -1, -1], [-1, 2, 2]])
def test_without_a_second_cluster_there_are_none(labels):
    assert examples(np.eye(3), np.array(labels)) == {}


def test_clusters_at_one_place_have_margin_zero():
    found = examples(np.zeros((4, 2)), np.array([0, 0, 1, 1]))
    assert (found["margins"][found["rows"] != -1] == 0).all()
