"""Metrics against scikit-learn, against brute force and against numbers computed by hand."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from jcae.scores import metrics
from jcae.scores.metrics import METRICS

Y = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
LABELS = np.array([5, 5, 5, 7, 7, 7, 5, 9, 9, 7])
# Contingency (rows = classes 0 1 2, columns = clusters 5 7 9), counted by eye:
#     5 7 9
#  0  3 1 0    4
#  1  1 2 0    3
#  2  0 1 2    3
#     4 4 2   10


def test_matching_and_accuracy_by_hand():
    # 5->0 (3), 7->1 (2), 9->2 (2): 7 of 10 agree; every other matching agrees less (e.g. 7->0, 5->1: 1 + 1 + 2).
    assert metrics.match_clusters(Y, LABELS) == {5: 0, 7: 1, 9: 2}
    assert metrics.accuracy(Y, LABELS) == pytest.approx(0.7)


def test_consistency_by_hand():
    # On the points of the fit 5 is class 1 and 7 class 0, while 9 is not there: rightly named are the one 7 of class 0
    # and the one 5 of class 1.
    fit = ([0, 0, 1, 1, 2], [7, 7, 5, 5, 5])
    assert metrics.consistency((Y, *fit), LABELS) == pytest.approx(0.2)
    assert metrics.consistency((Y, Y, LABELS), LABELS) == metrics.accuracy(Y, LABELS)
    assert metrics.accuracy(Y, LABELS) == metrics.accuracy(Y, (LABELS + 2) % 6), "accuracy does not mind the names"
    assert metrics.consistency((Y, Y, LABELS), np.full(10, 3)) == 0
    with pytest.raises(ValueError, match="differ in length: 5 and 4"):
        metrics.consistency((Y, fit[0], fit[1][:4]), LABELS)


def test_macro_f1_by_hand():
    # F1 = 2 TP / (class + cluster): 6/8, 4/7, 4/5.
    assert metrics.macro_f1(Y, LABELS) == pytest.approx((6 / 8 + 4 / 7 + 4 / 5) / 3)
    renamed = np.select([LABELS == 5, LABELS == 7, LABELS == 9], [0, 1, 2])
    assert metrics.macro_f1(Y, LABELS) == pytest.approx(sk.f1_score(Y, renamed, average="macro"))


def test_purity_by_hand():
    # Column maxima 3 + 2 + 2.
    assert metrics.purity(Y, LABELS) == pytest.approx(0.7)


def test_fewer_clusters_than_classes():
    labels = np.where(Y == 0, 0, 1)  # classes 1 and 2 merged: 4 + 3 of 10; class 2 (or 1) has no cluster
    assert metrics.accuracy(Y, labels) == pytest.approx(0.7)
    assert metrics.macro_f1(Y, labels) == pytest.approx((1 + 2 * 3 / (3 + 6) + 0) / 3)
    assert len(metrics.match_clusters(Y, labels)) == 2


def test_more_clusters_than_classes():
    labels = np.array([0, 0, 0, 3, 1, 1, 1, 2, 2, 2])  # cluster 3 is a part of class 0 without a class of its own
    assert metrics.accuracy(Y, labels) == pytest.approx(0.9)
    assert metrics.macro_f1(Y, labels) == pytest.approx((2 * 3 / (4 + 3) + 1 + 1) / 3)
    assert metrics.match_clusters(Y, labels) == {0: 0, 1: 1, 2: 2}
    assert metrics.purity(Y, labels) == pytest.approx(1.0)


def test_one_cluster():
    labels = np.zeros(10, int)
    assert metrics.accuracy(Y, labels) == pytest.approx(0.4)
    assert metrics.nmi(Y, labels) == pytest.approx(0)
    assert metrics.size_entropy(labels, 3) == 0


def test_nmi_by_hand():
    # Two classes of 2, one cluster of 3 and one of 1: MI = H(y) + H(labels) - H(joint), joint counts 2, 1, 1 of 4.
    y, labels = np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1])
    h_y, h_labels = np.log(2), -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    h_joint = -(0.5 * np.log(0.5) + 0.5 * np.log(0.25))
    assert metrics.nmi(y, labels) == pytest.approx((h_y + h_labels - h_joint) / ((h_y + h_labels) / 2))


def test_ari_by_hand():
    # Same pairs: sum of C(n_ij, 2) = 1; rows C(2,2) * 2 = 2; columns C(3,2) = 3; C(4,2) = 6 pairs.
    # (1 - 2 * 3 / 6) / ((2 + 3) / 2 - 1) = 0.
    assert metrics.ari(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1])) == pytest.approx(0)


def test_size_entropy_by_hand():
    labels = np.array([0, 0, 1, 2])  # -(1/2 log 1/2 + 2 * 1/4 log 1/4) = 1.5 log 2, over log 4 = 2 log 2
    assert metrics.size_entropy(labels, 4) == pytest.approx(0.75)
    assert metrics.size_entropy(np.arange(4), 4) == pytest.approx(1)
    assert metrics.size_entropy(np.arange(4), 2) == pytest.approx(1)  # more found than asked for
    assert metrics.size_entropy(np.zeros(4, int), 1) == 0
    assert metrics.n_clusters_found(labels, 4) == 3


def test_noise_is_no_cluster():
    labels = np.array([-1, -1, 0, 1])
    assert metrics.n_clusters_found(labels) == 2
    assert metrics.size_entropy(labels, 2) == pytest.approx(1)
    assert metrics.size_entropy(np.full(3, -1), 2) == 0


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.nmi, sk.normalized_mutual_info_score),
        (metrics.ami, sk.adjusted_mutual_info_score),
        (metrics.ari, sk.adjusted_rand_score),
        (metrics.homogeneity, sk.homogeneity_score),
        (metrics.completeness, sk.completeness_score),
    ],
)
def test_as_scikit_learn(ours, theirs):
    rng = np.random.default_rng(3)
    y = rng.integers(0, 5, 300)
    labels = np.where(rng.random(300) < 0.6, y, rng.integers(0, 7, 300))
    assert ours(y, labels) == theirs(y, labels)


def test_silhouette_as_scikit_learn_and_sampled():
    rng = np.random.default_rng(4)
    code = rng.normal(size=(6000, 2))
    labels = (code[:, 0] > 0).astype(int)
    assert metrics.silhouette(code[:200], labels[:200]) == pytest.approx(sk.silhouette_score(code[:200], labels[:200]))
    sampled = metrics.silhouette(code, labels)
    assert sampled == metrics.silhouette(code, labels)
    assert sampled == pytest.approx(sk.silhouette_score(code, labels), abs=0.01)


def test_silhouette_by_hand():
    # Points 0, 1 | 10: a = 1, 1, -; b = 10, 9, -; s = 1 - 1/10, 1 - 1/9, 0 (a cluster of one scores 0).
    value = metrics.silhouette(np.array([[0.0], [1.0], [10.0]]), np.array([0, 0, 1]))
    assert value == pytest.approx((0.9 + 8 / 9 + 0) / 3)


AMONG_POINTS = [metrics.silhouette, metrics.calinski_harabasz, metrics.davies_bouldin]


@pytest.mark.parametrize("function", AMONG_POINTS)
@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_no_partition_has_no_score_among_points(function, labels):
    assert np.isnan(function(np.eye(3), np.array(labels)))


def test_scatter_of_clusters_by_hand():
    # Clusters 0, 2 and 10, 12, means 1, 11, of all 6: between 4 * 25 = 100 over 1, within 4 over 4 - 2.
    points, labels = np.array([[0.0], [2.0], [10.0], [12.0]]), np.array([4, 4, 9, 9])
    assert metrics.calinski_harabasz(points, labels) == pytest.approx(100 / (4 / 2))
    assert metrics.davies_bouldin(points, labels) == pytest.approx((1 + 1) / 10)  # widths 1, 10 apart


def test_stability_is_the_mean_over_all_pairs():
    rng = np.random.default_rng(5)
    partitions = [rng.integers(0, 3, 60), Y.repeat(6), Y.repeat(6) + 7, rng.integers(0, 4, 60)]
    pairs = [sk.adjusted_rand_score(a, b) for i, a in enumerate(partitions) for b in partitions[:i]]
    values = metrics.stability(partitions)
    assert np.mean(values) == pytest.approx(np.mean(pairs))
    assert values[1] == pytest.approx(
        np.mean([sk.adjusted_rand_score(partitions[1], partitions[i]) for i in (0, 2, 3)])
    )
    assert metrics.stability(partitions[1:3]) == [1, 1]  # names of clusters do not matter
    assert np.isnan(metrics.stability(partitions[:1])).tolist() == [True]
    assert metrics.stability([]) == []


def test_sizes_by_hand():
    labels = np.array([-1, 0, 0, 0, 2, 2, 5, -1])
    assert metrics.smallest_share(labels) == pytest.approx(1 / 8)
    assert metrics.largest_share(labels) == pytest.approx(3 / 8)
    assert metrics.empty_clusters(labels, 5) == 2
    assert metrics.empty_clusters(labels, 2) == 0  # more found than asked for
    noise = np.full(3, -1)
    assert [metrics.smallest_share(noise), metrics.largest_share(noise), metrics.empty_clusters(noise, 2)] == [0, 0, 2]


label_pairs = st.integers(1, 25).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(0, 4), min_size=n, max_size=n).map(np.array)] * 2)
)


@settings(max_examples=100, deadline=None)
@given(label_pairs)
def test_accuracy_is_the_best_of_all_matchings(pair):
    y, labels = pair
    best = max(np.mean(np.array(renaming)[labels] == y) for renaming in permutations(range(5)))
    assert metrics.accuracy(y, labels) == pytest.approx(best)
    mapping = metrics.match_clusters(y, labels)
    assert len(set(mapping.values())) == len(mapping) == min(len(np.unique(y)), len(np.unique(labels)))
    assert np.mean([mapping.get(k) == c for k, c in zip(labels.tolist(), y.tolist(), strict=True)]) == pytest.approx(
        best
    )


@settings(max_examples=60, deadline=None)
@given(label_pairs, st.permutations(range(5)), st.permutations(range(5)))
def test_names_of_labels_do_not_matter_and_ranges_hold(pair, new_y, new_labels):
    y, labels = pair
    renamed = metrics.score(np.array(new_labels)[labels] * 3, 5, np.array(new_y)[y])
    for name, value in metrics.score(labels, 5, y).items():
        assert renamed[name] == pytest.approx(value, abs=1e-9), name
        assert METRICS[name].min - 1e-9 <= value
        assert METRICS[name].max is None or value <= METRICS[name].max + 1e-9


@settings(max_examples=60, deadline=None)
@given(label_pairs)
def test_perfect_labels_reach_the_maximum(pair):
    y, _ = pair
    for name, value in metrics.score(y + 10, 5, y).items():
        if METRICS[name].needs == "truth":
            assert value == pytest.approx(1), name


def test_score_takes_what_is_given():
    code = np.random.default_rng(0).normal(size=(10, 2))
    sizes = {"clusters", "empty_clusters", "smallest_share", "largest_share", "size_entropy"}
    assert set(metrics.score(LABELS, 3)) == sizes
    among = {"silhouette_features", "calinski_harabasz", "davies_bouldin"}
    assert set(metrics.score(LABELS, 3, features=code)) == sizes | among
    others = {"stability", "modularity", "conductance", "consistency", "dendrogram_purity"}
    assert set(metrics.score(LABELS, 3, Y, code, code)) == set(METRICS) - others
    assert "consistency" in metrics.score(LABELS, 3, Y, source=(Y, Y, LABELS))
    assert set(metrics.score(np.zeros(10, int), 3, None, code, code)) == sizes


@pytest.mark.parametrize("function", [m.function for m in METRICS.values() if m.needs == "truth"])
@pytest.mark.parametrize(
    ("y", "labels", "message"),
    [
        ([0, 1], [0], "differ in length: 2 and 1"),
        ([], [], "y is empty"),
        ([0, 1], [0.0, 1.0], "labels must be integers, got dtype float64"),
        ([0, 1], [0.0, np.nan], "labels holds NaN"),
        ([0, 1], ["a", "b"], "labels must be integers"),
        ([0, 1], [[0, 1]], "labels must have one dimension"),
    ],
)
def test_errors_name_the_trouble(function, y, labels, message):
    with pytest.raises(ValueError, match=message):
        function(y, labels)


@pytest.mark.parametrize("function", AMONG_POINTS)
def test_errors_of_scores_among_points(function):
    with pytest.raises(ValueError, match="NaN or infinite"):
        function(np.array([[0.0], [np.nan], [1.0]]), np.array([0, 1, 1]))
    with pytest.raises(ValueError, match=r"got \(2, 1\)"):
        function(np.zeros((2, 1)), np.array([0, 1, 1]))
