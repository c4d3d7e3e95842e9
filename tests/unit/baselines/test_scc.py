"""SCC and SCC of a code: what is in the tree, the flat clusters, and odd data; ranges on real data."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_blobs

from baselines.ae_scc import AESCC
from baselines.scc import SCC
from jcae import Autoencoder
from jcae.data.catalogue import CATALOGUE
from jcae.data.fetch import fetch
from jcae.data.loaders import LOADERS
from jcae.jobs.runner import train_block
from jcae.scores.metrics import accuracy, ari, nmi
from jcae.scores.tree_scores import dendrogram_purity
from jcae.trees.tree import Tree

X, Y = make_blobs(300, 5, centers=6, cluster_std=0.5, random_state=0)


def test_attributes_tell_one_story():
    fit = SCC(6).fit(X)
    assert fit.n_clusters_ == 6 == len(set(fit.labels_))
    assert fit.labels_.dtype == np.int32
    assert ari(Y, fit.labels_) == 1
    assert dendrogram_purity(fit.tree_, Y) == 1
    sizes = [300] + [int(into.max()) + 1 for into in fit.rounds_]
    assert fit.tree_.counts.tolist() == sizes == sorted(set(sizes), reverse=True)
    assert [len(into) for into in fit.rounds_] == sizes[:-1]
    assert len(fit.thresholds_) == len(fit.rounds_)
    assert sorted(fit.thresholds_, reverse=True) == fit.thresholds_
    assert sorted(np.concatenate(fit.children_).tolist()) == np.flatnonzero(fit.tree_.parents >= 0).tolist()
    assert not hasattr(fit, "predict")


def test_goes_on_below_the_floor_until_one_cluster_is_left():
    digits, _ = load_digits(return_X_y=True)
    stopped = SCC(10, floor=0.1, until_one=False).fit(digits)
    whole = SCC(10, floor=0.1).fit(digits)
    assert stopped.tree_.counts[-1] > 10  # the floor of the authors' first demonstration is too high
    assert whole.tree_.counts[-1] == 1
    assert whole.thresholds_[: len(stopped.thresholds_)] == stopped.thresholds_


def test_repeated_rounds_leave_nothing_to_merge():
    fit = SCC(6, repeat=True, floor=0.3, rounds=5, until_one=False).fit(X)
    assert len(set(fit.thresholds_)) < len(fit.thresholds_)
    assert len(set(SCC(6, floor=0.3, rounds=5, until_one=False).fit(X).thresholds_)) <= 5


def test_level_nearest_to_k():
    fit = SCC(6).fit(X)
    counts = fit.tree_.counts
    for k in range(1, 301, 13):
        found = SCC(k).fit(X)
        assert found.n_clusters_ == len(set(found.labels_)) == counts[np.abs(counts - k).argmin()]


def test_more_clusters_than_any_round_leaves():
    assert SCC(300).fit(X).labels_.tolist() == list(range(300))
    with pytest.raises(ValueError, match=r"SCC: n_samples=300 should be at least n_clusters=301"):
        SCC(301).fit(X)


def test_neighbours_of_few_points_are_all_others():
    few = X[:7]
    assert np.array_equal(SCC(2, n_neighbors=500).fit(few).tree_.parents, SCC(2, n_neighbors=6).fit(few).tree_.parents)


def test_a_graph_in_pieces_ends_with_them():
    directions = np.eye(4)[np.arange(40) % 4] * np.arange(1, 41)[:, None]
    fit = SCC(2).fit(directions)
    assert fit.tree_.counts.tolist() == [40, 4]
    assert fit.n_clusters_ == 4  # no edge joins the pieces: the level nearest to 2
    assert (fit.tree_.parents < 0).sum() == 4
    assert ari(np.arange(40) % 4, fit.labels_) == 1


def test_opposite_points_have_no_edge():
    fit = SCC(2).fit([[1.0], [-1.0]])
    assert fit.rounds_ == []
    assert fit.labels_.tolist() == [0, 1]


def test_thresholds_that_never_merge_leave_every_point_alone():
    fit = SCC(6, floor=0.999999, rounds=2, until_one=False).fit(np.eye(8) + 0.3)
    assert fit.rounds_ == []
    assert fit.n_clusters_ == 8


def test_points_that_are_all_the_same_or_0_are_one_cluster():
    for value in (0.0, 3.0):
        fit = SCC(2).fit(np.full((50, 4), value))
        assert fit.tree_.counts.tolist() == [50, 1]
        assert fit.n_clusters_ == 1  # nearer to 2 than 50


def test_zero_rows_are_a_cluster_of_their_own():
    data = np.vstack([np.zeros((10, 5)), X])
    labels = SCC(7).fit(data).labels_
    assert len(set(labels[:10])) == 1
    assert labels[0] not in labels[10:]


def test_groups_of_duplicates_larger_than_the_neighbourhood():
    data = np.repeat(X[:12], 40, axis=0)
    fit = SCC(12).fit(data)
    assert fit.tree_.counts[1] == 12
    assert fit.thresholds_[0] == 1
    assert ari(np.repeat(np.arange(12), 40), fit.labels_) == 1


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("n_neighbors", 0, "n_neighbors=0 is not allowed; it must be an integer of at least 1"),
        ("floor", 0, "floor=0 is not allowed; it must be a number above 0"),
        ("floor", 1.0, "floor=1.0 is not allowed; it must be a number below 1"),
        ("floor", np.nan, "floor=nan is not allowed"),
        ("rounds", 1, "rounds=1 is not allowed; it must be an integer of at least 2"),
        ("exact_up_to", -1, "exact_up_to=-1 is not allowed"),
        ("n_blocks", 0, "n_blocks=0 is not allowed; it must be an integer of at least 1"),
        ("n_clusters", 0, "n_clusters=0 is not allowed"),
    ],
)
def test_bad_parameters(name, value, message):
    with pytest.raises(ValueError, match=f"SCC: {message}"):
        SCC(**{name: value}).fit(X)


def test_a_run_leaves_its_tree(tmp_path):
    np.savez(tmp_path / "features.npz", X=X.astype(np.float32))
    spec = {"dataset": "blobs", "method": "scc", "use": "baselines.scc.SCC", "params": {"n_clusters": 6}}
    (record,) = train_block(spec, tmp_path / "features.npz", [3], tmp_path / "block", device="cpu")
    assert (record["status"], record["clusters_found"]) == ("ok", 6)
    with np.load(tmp_path / "block/3/tree.npz") as stored:
        tree = Tree(**stored)
    assert tree.counts.tolist() == SCC(6).fit(X.astype(np.float32)).tree_.counts.tolist()
    assert dendrogram_purity(tree, Y) == 1


def test_on_a_code_it_is_scc_of_that_code():
    recipe = Autoencoder(epochs=5, batch_size=64)
    settings = {"hidden": (16,), "code_dim": 3, "autoencoder": recipe, "device": "cpu", "n_neighbors": 10}
    fits = AESCC(6, **settings).fit_seeds(X, [0, 1])
    for fit in fits:
        code = fit.transform(X)
        alone = SCC(6, n_neighbors=10).fit(code)
        assert np.array_equal(fit.labels_, alone.labels_)
        assert np.array_equal(fit.tree_.parents, alone.tree_.parents)
        assert len(fit.cluster_centers_) == fit.n_clusters_
        np.testing.assert_allclose(fit.cluster_centers_[0], code[fit.labels_ == 0].mean(0), rtol=1e-5)
        assert fit.inverse_transform(code).shape == X.shape
    assert not np.array_equal(fits[0].transform(X), fits[1].transform(X))


# Shift of the origin, which cosines are taken from; then dendrogram purity, number of clusters, ACC and NMI that the
# authors' code reaches with thresholds down to 1e-5 in 50 rounds.
REAL = {"pendigits": (-0.5, 0.813, 11, 87.3, 85.3), "usps": (0.0, 0.858, 10, 92.5, 84.4)}


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_range_on_real_data(mirror, tmp_path, name):
    shift, dp, clusters, acc, mutual = REAL[name]
    points, y = LOADERS[name](fetch(CATALOGUE[name], tmp_path, mirror=mirror))[:2]
    fit = SCC(10).fit(points + shift)
    assert dendrogram_purity(fit.tree_, y) == pytest.approx(dp, abs=0.002)
    assert fit.tree_.counts[-1] == 1
    assert fit.n_clusters_ == clusters
    assert 100 * accuracy(y, fit.labels_) == pytest.approx(acc, abs=0.5)
    assert 100 * nmi(y, fit.labels_) == pytest.approx(mutual, abs=0.5)
