"""What seeds agree on: by hand, under any names of clusters, and with different numbers of them."""

import tracemalloc

import numpy as np
import pytest

from jcae.scores.consensus import DOUBTED, agreement, are_right, consensus, doubtful, reliability
from jcae.scores.metrics import ari


def test_agreement_by_hand():
    own = [0, 0, 0, 1, 1, 1]
    np.testing.assert_allclose(agreement([own], own), 1)
    # Point 2 moved: the others share 2 of 3 and 3 of 4 points, it shares itself with a cluster of 4.
    moved = [5, 5, 9, 9, 9, 9]
    np.testing.assert_allclose(agreement([moved], own), [2 / 3, 2 / 3, 1 / 4, 3 / 4, 3 / 4, 3 / 4])
    np.testing.assert_allclose(agreement([own, moved], own), [5 / 6, 5 / 6, 5 / 8, 7 / 8, 7 / 8, 7 / 8], rtol=1e-6)
    # Joined and cut clusters agree as little: half the points.
    np.testing.assert_allclose(agreement([np.zeros(6, int)], own), 1 / 2)
    np.testing.assert_allclose(agreement([range(6)], own), 1 / 3)


def test_consensus_is_the_majority_whatever_clusters_are_called():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], [40, 30, 20])
    partitions = []
    for seed in range(5):
        labels = truth.copy()
        labels[seed::10] = (labels[seed::10] + 1) % 3  # each seed is wrong on points of its own
        partitions.append(rng.permutation(3)[labels])
    found = consensus(partitions)
    assert found.tolist() == truth.tolist()  # the largest first
    renamed = [rng.permutation(3)[labels] * 7 - 1 for labels in partitions]
    assert consensus(renamed).tolist() == found.tolist()
    assert consensus(partitions[::-1]).tolist() == found.tolist()
    assert agreement(renamed, found).tolist() == agreement(partitions, found).tolist()


def test_seeds_with_different_numbers_of_clusters():
    truth = np.repeat([0, 1, 2, 3], 25)
    joined = np.where(truth == 3, 2, truth)
    cut = np.where(np.arange(100) % 25 < 5, truth + 4, truth)
    found = consensus([truth, joined, cut, truth, truth])
    assert ari(truth, found) == 1
    sure = agreement([truth, joined, cut], truth)
    np.testing.assert_allclose(sure[:5], (1 + 1 + 1 / 5) / 3)  # cut off
    np.testing.assert_allclose(sure[5:25], (1 + 1 + 4 / 5) / 3)
    np.testing.assert_allclose(sure[-1], (1 + 1 / 2 + 4 / 5) / 3)
    # Of an even number, the smaller of the two in the middle.
    assert len(set(consensus([joined, truth]))) == 3


def test_one_partition_is_its_own_consensus():
    labels = np.array([3, 3, -1, 8, 8, 8])
    assert consensus([labels]).tolist() == [1, 1, 2, 0, 0, 0]
    assert agreement([labels], consensus([labels])).tolist() == [1] * 6


def test_many_points_take_no_table_of_points_by_points():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 10, 20_000)
    partitions = [np.where(rng.random(len(truth)) < 0.03, rng.integers(0, 10, len(truth)), truth) for _ in range(3)]
    tracemalloc.start()
    found = consensus(partitions)
    agreement(partitions, found)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(truth) ** 2 / 8  # not even a bit for every pair
    assert are_right(truth, found).mean() > 0.99


def test_bad_partitions_are_named():
    for partitions, message in (
        ([], "no partition"),
        ([[0, 1], [0, 1, 1]], "partition 1 is of 3 points, partition 0 of 2"),
        ([[0, 1], [0.5, 1]], "partition 1 must be integers"),
    ):
        with pytest.raises(ValueError, match=message):
            consensus(partitions)


def test_right_points_are_in_the_cluster_of_their_class():
    y, labels = [0, 0, 0, 1, 1, 1], [7, 7, 2, 2, 2, 4]  # cluster 4 has no class
    assert are_right(y, labels).tolist() == [True, True, False, True, True, False]


def test_reliability_by_hand():
    sure = np.array([0.05, 0.3, 0.35, 0.95, 1.0, 1.0], np.float32)
    right = [False, True, False, True, True, False]
    found = reliability(sure, right)
    assert found["low"].tolist() == [0.0, 0.3, 0.9]
    np.testing.assert_allclose(found["agreement"], [0.05, 0.325, 2.95 / 3], rtol=1e-6)
    np.testing.assert_allclose(found["right"], [0, 1 / 2, 2 / 3])
    assert found["n"].tolist() == [1, 2, 3]
    edges = np.arange(1, 10, dtype=np.float32) / 10
    assert reliability(edges, np.ones(9))["n"].tolist() == [1] * 9


def test_doubtful_are_the_least_sure_of_each_cluster():
    labels = np.array([0] * 8 + [1, 1, 2])
    sure = np.array([0.9, 0.2, 1.0, 0.2, 0.5, 0.6, 0.7, 0.8, 1.0, 0.4, 1.0], np.float32)
    found = doubtful(labels, sure)
    assert found.shape == (3, DOUBTED)
    assert found[0].tolist() == [1, 3, 4, 5, 6, 7]
    assert found[1].tolist() == [9] + [-1] * (DOUBTED - 1)
    assert found[2].tolist() == [-1] * DOUBTED
