"""MixMate: its start, its gradients, what it leaves, and what it refuses."""

import warnings

import numpy as np
import pytest
import torch

from baselines.mixmate import MixMate, start_dictionaries, start_features
from jcae.jobs.runner import train_block
from jcae.models.atoms import Atoms
from jcae.nn.scattering import scattering
from jcae.training.block import Block
from jcae.training.phase import Runtime

SMALL = {"n_atoms": 4, "n_layers": 6, "sparsity": 0.1, "epochs": 2, "batch_size": 16, "init": "kmeans"}
SMALL |= {"device": "cpu", "precision": "float64"}


@pytest.fixture(scope="module")
def planes():
    """Points on three planes in nine dimensions, twenty each."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(size=(20, 2)) @ rng.normal(size=(2, 9)) for _ in range(3)])


def fits(X, seeds=(0, 1), n_clusters=3, **params):
    return MixMate(n_clusters, **{**SMALL, **params}).fit_seeds(X, seeds, runtime=Runtime(progress=False))


def started(X, **params):
    """The method and a block of one seed at its start."""
    method = MixMate(3, **{**SMALL, **params})
    block = Block(method.build_network(9, [0]), torch.tensor(X), [0])
    with torch.no_grad():
        method.start(block)
    return method, block


# ---------------------------------------------------------------- the start


def test_atoms_of_the_start_are_centred_members_of_length_one(planes):
    x, labels = torch.tensor(planes), torch.arange(60) // 20
    W = start_dictionaries(x, labels, 3, 4, torch.Generator().manual_seed(0))
    assert W.shape == (3, 9, 4)
    members = x - x.mean(1, keepdim=True)
    members = (members / members.norm(dim=1, keepdim=True)).view(3, 20, 9)
    for k in range(3):
        which = torch.cdist(W[k].mT, members[k]).argmin(1)
        assert len(which.unique()) == 4
        torch.testing.assert_close(W[k].mT, members[k][which])


def test_too_few_members_are_there_again_with_noise_and_constant_ones_are_noise(planes):
    x = torch.tensor(planes)
    x[0] = 0.7
    labels = torch.tensor([0] + [1] * 3 + [2] * 56)  # of 4 clusters: a constant point, three, many, none
    W = start_dictionaries(x, labels, 4, 8, torch.Generator().manual_seed(0))
    assert torch.isfinite(W).all()
    torch.testing.assert_close(W.norm(dim=1), torch.ones(4, 8, dtype=torch.float64))
    for k in (1, 2, 3):
        apart = torch.cdist(W[k].mT, W[k].mT) + torch.eye(8)
        assert apart.min() > 1e-5  # no two are the same
    assert torch.linalg.svdvals(W[1])[3:].max() < 0.01  # three directions, but for the noise


def test_features_of_images_are_their_scattering_and_each_channel_is_scaled():
    images = torch.rand(4, 8, 9, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = start_features(images.flatten(1), (8, 9, 2)).view(4, 2, 217, 1, 1)
    np.testing.assert_allclose(found.abs().amax((-2, -1)), 1)
    centred = images - images.mean((1, 2, 3), keepdim=True)
    np.testing.assert_array_equal(found[:, 1].sign(), scattering(centred[..., 1]).sign())
    points = images.flatten(1)
    torch.testing.assert_close(start_features(points, None), points - points.mean(1, keepdim=True))


@pytest.mark.parametrize("params", [{"init": "kmeans"}, {"init": "ssc"}, {"init": "ssc", "image_shape": (8, 8)}])
def test_the_start_is_kept_and_is_the_first_snapshot(params):
    X = np.random.default_rng(0).random((50, 64))
    for fit in fits(X, start_points=30, epochs=1, **params):
        assert fit.start_rows_.shape == fit.start_labels_.shape == (30,)
        assert len(np.unique(fit.start_rows_)) == 30
        assert set(fit.start_labels_) == {0, 1, 2}
        assert fit.snapshots_.steps[0] == 0
    assert not np.array_equal(fits(X, start_points=30)[0].start_rows_, fit.start_rows_)


# ---------------------------------------------------------------- training


def test_gradient_pushes_away_what_explains_a_point_worse_than_most(planes):
    """dL/dE_ik = p_ik (1 - (E_ik - sum_k p E)) / (n d)."""
    _, block = started(planes)
    network, x = block.network, block.whole()
    energy = (6.0 * network.energies(x, network.codes(x)).detach()).requires_grad_()
    p = network.log_assignment(energy).exp()
    loss = (p * energy).sum() / (60 * 9)
    expected = p * (1 - (energy - (p * energy).sum(-1, keepdim=True))) / (60 * 9)
    torch.testing.assert_close(torch.autograd.grad(loss, energy)[0], expected)
    assert (expected < 0).any()


def test_divergence_and_its_gradient_by_the_biases(planes):
    """KL(p || softmax b): its gradient by b_k, where p does not depend on b, is softmax(b)_k - mean p_k."""
    method, block = started(planes, beta=2.0, train_biases=True)
    network = block.network
    network.biases.data = torch.tensor([[0.5, -0.2, 0.0]], dtype=torch.float64)
    loss = method.training_phases(block)[0].loss
    found = loss(block.whole(), torch.arange(60)[None]).terms
    with torch.no_grad():
        energy = network.energies(block.whole(), network.codes(block.whole()))
    prior = torch.softmax(network.biases, -1)[:, None]
    p = prior * (-energy).exp() / (prior * (-energy).exp()).sum(-1, keepdim=True)
    torch.testing.assert_close(found["energy"], (p * energy).sum((-2, -1)) / (60 * 9))
    torch.testing.assert_close(found["divergence"], 2.0 / 9 * (p * (p / prior).log()).sum((-2, -1)) / 60)
    torch.autograd.gradcheck(
        lambda b: method.training_phases(with_biases(block, b))[0].loss(block.whole(), None).total(),
        network.biases.detach().clone().requires_grad_(),
    )


def with_biases(block, biases):
    del block.network.biases
    block.network.biases = biases
    return block


def test_biases_are_trained_only_if_asked(planes):
    assert not fits(planes)[0].weights_["biases"].any()
    assert fits(planes, train_biases=True)[0].weights_["biases"].all()


def test_what_a_fit_leaves(planes):
    for fit in fits(planes, epochs=5):
        assert fit.status_ == "ok"
        np.testing.assert_allclose(np.linalg.norm(fit.weights_["dictionaries"], axis=1), 1)
        np.testing.assert_array_equal(fit.predict(planes), fit.labels_)
        np.testing.assert_allclose(fit.predict_proba(planes).sum(1), 1)
        np.testing.assert_array_equal(fit.snapshots_.labels[-1], fit.labels_)
        W, rows = fit.weights_["dictionaries"], fit.atoms_.rows
        np.testing.assert_allclose(fit.atoms_.points, planes[rows])
        assert (fit.labels_[rows] == range(3)).all()
        x = torch.tensor(planes)[None]
        codes = fit.network_.codes(x)[0].numpy()
        for k in range(3):
            rebuilt = codes[k, fit.labels_ == k] @ W[k].T
            np.testing.assert_allclose(fit.cluster_centers_[k], rebuilt.mean(0), atol=1e-12)
            np.testing.assert_allclose(fit.atoms_.reconstructions[k], codes[k, rows[k]] @ W[k].T, atol=1e-12)


def test_a_point_of_zeros_is_in_all_clusters_alike(planes):
    np.testing.assert_array_equal(fits(planes)[0].predict_proba(np.zeros((1, 9))), np.full((1, 3), 1 / 3))


def test_planes_are_told_apart(planes):
    fit = fits(planes, [0], init="ssc", epochs=5)[0]
    assert [len(np.unique(part)) for part in fit.labels_.reshape(3, 20)] == [1, 1, 1]


def test_a_run_keeps_its_atoms(planes, tmp_path):
    np.savez(tmp_path / "features.npz", X=planes.astype(np.float32))
    (tmp_path / "card.json").write_text('{"n_clusters": 3}')
    spec = {"dataset": "planes", "method": "mixmate", "use": "baselines.mixmate.MixMate", "params": SMALL}
    (record,) = train_block(spec, tmp_path / "features.npz", [0], tmp_path / "block", keep="small")
    assert record["status"] == "ok"
    (fit,) = fits(planes.astype(np.float32), [0])
    with np.load(tmp_path / "block" / "0" / "atoms.npz") as found:
        assert set(found.files) == set(Atoms._fields)
        np.testing.assert_array_equal(found["used"], fit.atoms_.used)
        np.testing.assert_array_equal(found["rows"], fit.atoms_.rows)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_atoms": 0}, "n_atoms=0 is not allowed; it must be an integer of at least 1"),
        ({"n_layers": 0}, "n_layers=0 is not allowed"),
        ({"sparsity": -1}, "sparsity=-1 is not allowed"),
        ({"beta": -1}, "beta=-1 is not allowed"),
        ({"step": 0}, "step=0 is not allowed; it must be a number above 0"),
        ({"step_rule": "any"}, r"step_rule='any' is unknown; allowed are \['bounded', 'fixed'\]"),
        ({"init": "random"}, r"init='random' is unknown; allowed are \['ssc', 'kmeans', None\]"),
        ({"start_points": 2}, "start_points=2 is not allowed; it must be an integer of at least 3"),
        ({"n_clusters": 61}, "n_samples=60 should be at least n_clusters=61"),
        ({"image_shape": (2, 4)}, r"image_shape=\(2, 4\) does not fit data with 9 features"),
        ({"image_shape": (3, 3), "init": "ssc"}, r"image_shape=\(3, 3\) is too small .* allowed are image_shape=None"),
    ],
)
def test_wrong_parameters_are_named(planes, params, message):
    with pytest.raises(ValueError, match=message):
        fits(planes, **params)


def test_images_start_from_subspaces_and_others_from_kmeans():
    X = np.random.default_rng(0).random((40, 64))
    for init, image_shape in (("kmeans", None), ("ssc", (8, 8))):
        expected, found = (
            fits(X, [0], init=one, image_shape=image_shape, epochs=1)[0].start_labels_ for one in (init, None)
        )
        np.testing.assert_array_equal(found, expected)


def test_small_images_may_start_from_kmeans(planes):
    assert fits(planes, image_shape=(3, 3))[0].status_ == "ok"


def test_a_step_too_large_is_bounded_or_said_to_diverge(planes):
    assert fits(planes, step=100.0)[0].status_ == "ok"
    fit = fits(planes, step=100.0, step_rule="fixed", n_layers=40, precision="float32")[0]
    assert fit.status_ == "diverged"
    assert "loss term 'energy' became" in fit.reason_


def test_as_many_clusters_as_points_and_more_atoms_than_points():
    X = np.random.default_rng(0).random((6, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for init in ("kmeans", "ssc"):
            fit = fits(X, [0], n_clusters=6, n_atoms=9, init=init)[0]
            assert np.isfinite(fit.weights_["dictionaries"]).all()


def test_points_that_are_all_zero_or_constant_are_no_error():
    for value in (0.0, 0.3):
        fit = fits(np.full((40, 9), value), [0], init="ssc")[0]
        assert fit.status_ in ("ok", "collapsed")
        assert np.isfinite(fit.weights_["dictionaries"]).all()
