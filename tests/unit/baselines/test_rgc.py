"""RGC by hand, and with the number of clusters given and found."""

import json
import math

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA

from baselines.rgc import RGC, contrast, divergence, present, reward, soft_assignment
from jcae.jobs.predict import PredictionError, predict
from jcae.jobs.runner import train_block
from jcae.models.quality import cluster_means
from jcae.nn.graph import smoothed
from jcae.scores.evaluation import evaluate
from jcae.training.phase import Runtime

SMALL = {"width": 13, "quality_width": 7, "epochs": 9, "buffer_size": 2, "quality_epochs": 3, "max_clusters": 6}
SMALL |= {"device": "cpu"}


@pytest.fixture(scope="module")
def blobs():
    X, y = make_blobs(60, 8, centers=3, random_state=0)
    return X.astype(np.float32), y


def fits(X, seeds=(4, 7), **params):
    return RGC(**{**SMALL, **params}).fit_seeds(X, seeds, runtime=Runtime(progress=False))


def same(one, other):
    for name, value in one.weights_.items():
        np.testing.assert_array_equal(value, other.weights_[name], err_msg=name)
    for name in ("labels_", "greedy_clusters_", "embedding_", "cluster_centers_"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.history_ == other.history_


def test_contrast_of_two_nodes():
    """Each code has its other view at 1, and the two codes of the other node at 0."""
    codes = torch.eye(2, dtype=torch.float64).unsqueeze(0)
    assert contrast(codes, codes).item() == pytest.approx(math.log(math.e + 2) - 1)


def test_reward_of_two_centres_on_a_line():
    """Pairs: (0 + 4 + 4 + 0) / 4; nodes: the mean of 1, 1 and 2. What is filled up with zeros does not count."""
    state = torch.tensor([[[0.0], [2.0], [1.0]]])
    centers, here = torch.tensor([[[0.0], [2.0], [0.0], [0.0]]]), present(torch.tensor([2]), 4)
    assert reward(state, centers, here).item() == pytest.approx(2 - 4 / 3)


@pytest.mark.parametrize("similarity", ["distance", "inverse"])
def test_divergence_of_two_nodes(similarity):
    """Nodes on two centres, 2 apart: d = 1 and 5, and q = 1/6 and 5/6, or the other way round."""
    state = torch.tensor([[[0.0], [2.0]]], dtype=torch.float64)
    centers = torch.tensor([[[0.0], [2.0], [0.0]]], dtype=torch.float64)
    here = present(torch.tensor([2]), 3)
    q = soft_assignment(state, centers, here, similarity)
    near, far = (1 / 6, 5 / 6) if similarity == "distance" else (5 / 6, 1 / 6)
    np.testing.assert_allclose(q[0], [[near, far, 0], [far, near, 0]], atol=1e-15)
    expected = (25 / 26 * math.log(25 / 26 * 6 / 5) + 1 / 26 * math.log(6 / 26)) / 2
    assert divergence(q, here).item() == pytest.approx(expected)


def test_means_of_clusters_of_which_one_is_empty():
    means, filled = cluster_means(torch.tensor([[[1.0], [3.0], [5.0]]]), torch.tensor([[0, 0, 2]]), 3)
    np.testing.assert_array_equal(means, [[[2], [0], [5]]])
    np.testing.assert_array_equal(filled, [[True, False, True]])


def test_smoothing_of_two_joined_nodes_and_one_alone():
    A = sparse.csr_array(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]))
    X = np.array([[1.0], [3.0], [5.0]], dtype=np.float32)
    for power in (1, 2):
        np.testing.assert_allclose(smoothed(X, A, power), [[2], [2], [5]])
    np.testing.assert_array_equal(smoothed(X, A, 0), X)
    assert smoothed(X, A, 1).dtype == np.float32


def test_principal_components_come_before_the_smoothing(blobs):
    X = blobs[0].astype(np.float64)
    method = RGC(pca_dim=2, smoothing=3)
    A = method.graph_of(X, None)
    expected = smoothed(PCA(2, svd_solver="full").fit_transform(X), A, 3)
    np.testing.assert_array_equal(method.prepared(X, A), expected)
    assert fits(blobs[0], [0], pca_dim=2)[0].weights_["views.0.weight"].shape == (2, 13)


def test_number_of_clusters_is_found(blobs):
    for fit in fits(blobs[0]):
        assert 2 <= fit.n_clusters_ <= 6
        assert len(np.unique(fit.labels_)) == fit.n_clusters_ == fit.greedy_clusters_[-1]
        assert fit.cluster_centers_.shape == (fit.n_clusters_, 13)
        distances = np.linalg.norm(fit.embedding_[:, None] - fit.cluster_centers_, axis=2)
        np.testing.assert_array_equal(fit.labels_, distances.argmin(1))
        np.testing.assert_array_equal(fit.snapshots_.labels[-1], fit.labels_)
        assert fit.snapshots_.phases[-1] == "labels"
        counts = [row["value"] for row in fit.history_ if row["term"] == "clusters"]
        assert len(counts) == 9
        assert set(counts) <= {2, 3, 4, 5, 6}


def test_number_of_clusters_is_given(blobs):
    for fit in fits(blobs[0], n_clusters=4):
        assert fit.n_clusters_ == len(np.unique(fit.labels_)) == 4
        assert {row["value"] for row in fit.history_ if row["term"] == "clusters"} == {4}
        assert fit.greedy_clusters_.size == 0
        assert not any("quality" in name for name in fit.weights_)


def test_greedy_choices_grow_or_stay(blobs):
    """Of nine updates and the end: none but the end; all; from none to all."""
    count = {}
    for exploration, share in (("constant", 0.0), ("constant", 1.0), ("growing", 0.0)):
        fit = fits(blobs[0], [0], exploration=exploration, greedy_share=share)[0]
        count[exploration, share] = len(fit.greedy_clusters_)
    assert count["constant", 0.0] == 1
    assert count["constant", 1.0] == 10
    assert 2 <= count["growing", 0.0] <= 9  # at least the last update and the end; never the first


def test_random_choices_differ_from_update_to_update_and_seed_to_seed():
    method = RGC()
    draws = {(seed, step): method.draw(seed, step) for seed in range(20) for step in range(20)}
    assert {action for _, action in draws.values()} == set(range(9))
    assert len({chance for chance, _ in draws.values()}) == len(draws)


def test_detached_target_changes_what_the_quality_network_learns(blobs):
    one, other = (fits(blobs[0], [0], detached_target=detached)[0] for detached in (False, True))
    assert (one.weights_["quality.actions.weight"] != other.weights_["quality.actions.weight"]).any()
    np.testing.assert_array_equal(one.weights_["quality.actions.weight"].shape, (7, 5))


def test_stopped_between_two_trainings_of_the_quality_network(blobs, tmp_path):
    """Its moments, the buffer and the last choices are part of the checkpoint."""
    method, file = RGC(**SMALL), tmp_path / "state.safetensors"
    whole = method.fit_seeds(blobs[0], [4, 7], runtime=Runtime(progress=False))
    choose = RGC.choose

    def fail(self, block, values, step):
        if step == 5:
            raise KeyboardInterrupt
        return choose(self, block, values, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RGC, "choose", fail)
        with pytest.raises(KeyboardInterrupt):
            method.fit_seeds(blobs[0], [4, 7], runtime=Runtime(file, 1))
    for one, other in zip(method.fit_seeds(blobs[0], [4, 7], runtime=Runtime(file, 1)), whole, strict=True):
        same(one, other)


def test_a_seed_without_numbers_diverges_alone(blobs):
    class Broken(RGC):
        def build_network(self, n_features, seeds):
            network = super().build_network(n_features, seeds)
            if 7 in seeds and len(seeds) > 1:
                network.views[0].weight.data[list(seeds).index(7)] = torch.nan
            return network

    found = Broken(**SMALL).fit_seeds(blobs[0], [4, 7, 9], runtime=Runtime(progress=False))
    assert [fit.status_ for fit in found] == ["ok", "diverged", "ok"]
    for fit, alone in zip(found[::2], fits(blobs[0], [4, 9]), strict=True):
        same(fit, alone)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"pca_dim": 9}, "pca_dim=9 is more than 60 points with 8 features have"),
        ({"max_clusters": 61}, "n_samples=60 should be at least max_clusters=61"),
        ({"min_clusters": 7}, "max_clusters=6 is not allowed; it must be an integer of at least 7"),
        ({"greedy_share": 1.1}, "greedy_share=1.1 is not allowed; it must be from 0 to 1"),
        ({"exploration": "none"}, "exploration='none' is unknown; allowed are"),
        ({"similarity": "t"}, "similarity='t' is unknown; allowed are"),
        ({"activation": "relu"}, "activation='relu' is unknown; allowed are"),
        ({"n_clusters": 61}, "n_samples=60 should be at least n_clusters=61"),
        ({"n_clusters": 0}, "n_clusters=0 is not allowed"),
    ],
)
def test_bad_parameters_are_named(params, message, blobs):
    with pytest.raises(ValueError, match=message):
        fits(blobs[0], [0], **params)


def test_in_the_pipeline_it_is_not_told_the_number_of_classes(blobs, tmp_path):
    X, y = blobs
    np.savez(tmp_path / "features.npz", X=X)
    np.savez(tmp_path / "truth.npz", y=y.astype(np.int64), class_names=np.array(["a", "b", "c"]))
    (tmp_path / "card.json").write_text(json.dumps({"n_clusters": 3}))
    spec = {"dataset": "blobs", "method": "rgc", "use": "baselines.rgc.RGC"}
    spec["params"] = {
        **SMALL,
        "min_clusters": 5,
        "width": 8,
    }  # as wide as the data: its centres are no points of theirs
    records = train_block(spec, tmp_path / "features.npz", [0, 1], tmp_path / "block", device="cpu")
    assert [record["status"] for record in records] == ["ok", "ok"]
    assert all(record["params"]["n_clusters"] is None for record in records)
    found = [record["clusters_found"] for record in records]
    assert set(found) <= {5, 6}
    scores = evaluate([tmp_path / "block"], tmp_path / "truth.npz", tmp_path / "features.npz")
    by_seed = scores[scores["labels"] == "own"].pivot(index="seed", columns="metric", values="value")
    assert by_seed["clusters"].tolist() == found
    assert by_seed["empty_clusters"].tolist() == [0, 0]  # none was asked for
    assert by_seed["acc"].between(1 / 3, 1).all()
    assert by_seed["stability"].notna().all()
    with np.load(tmp_path / "block/0/code.npz") as file:
        assert file["embedding"].shape == (60, 8)
    assert not (tmp_path / "block/0/decoded.npz").exists()


def test_new_points_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("jcae.jobs.records.read_record", lambda path: {"status": "ok", "use": "baselines.rgc.RGC"})
    monkeypatch.setattr("jcae.jobs.predict._card", lambda run, record: {})
    monkeypatch.setattr("jcae.jobs.predict.read_new", lambda file, card: np.zeros((2, 8)))
    with pytest.raises(PredictionError, match=r"RGC cannot label new points: it has no predict"):
        predict(tmp_path, "new.csv")


def test_memory_counts_all_pairs_of_nodes_and_the_buffer():
    """Similarities grow with the square of the nodes; codes are kept only where K is learned."""
    found, told = (RGC(k, **SMALL) for k in (None, 3))
    counted = {
        n: [method.demand(method.build_network(8, [0]), n, 8).per_seed for method in (found, told)]
        for n in (10**4, 10**5)
    }
    for few, many in zip(*counted.values(), strict=True):
        assert 50 < many / few < 100
        assert many > 5 * 4 * 10**10
    kept = (SMALL["buffer_size"] + 1) * 10**4 * SMALL["width"] * 4
    assert counted[10**4][0] - counted[10**4][1] > kept


def test_a_graph_whose_pairs_do_not_fit_is_refused_before_training(blobs, monkeypatch):
    monkeypatch.setattr("jcae.models.graph_clusterer.host_memory", lambda: 2**16)
    with pytest.raises(MemoryError, match="RGC: a graph of 60 nodes"):
        fits(blobs[0])
