"""Contrastive clustering: its losses by hand, its two forms of an image, what it finds and refuses."""

import inspect
import math
import re

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from baselines.contrastive_clustering import (
    ContrastiveClustering,
    cluster_contrast,
    contrast,
    imbalance,
)
from jcae.augmentation.augmentation import Augmentation
from jcae.augmentation.recipe import RECIPES
from jcae.nn.residual import ResNet
from jcae.training.block import Block
from jcae.training.phase import Runtime

NET = {"widths": (4, 6), "depths": (1, 1), "feature_dim": 5, "batch_size": 32, "epochs": 2, "device": "cpu"}
GREY = {**NET, "image_shape": (8, 8)}


@pytest.fixture(scope="module")
def digits():
    return (load_digits().data[:150] / 16).astype(np.float32)


def random(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def by_hand(a, b, temperature):
    both, m = torch.cat([a, b]).tolist(), len(a)
    total = 0.0
    for i, own in enumerate(both):
        scores = [math.exp(sum(p * q for p, q in zip(own, other, strict=True)) / temperature) for other in both]
        total -= math.log(scores[(i + m) % (2 * m)] / (sum(scores) - scores[i]))
    return total / (2 * m)


def test_contrast_by_hand():
    a, b = random(2, 2, 3, 4)
    for s in range(2):
        assert contrast(a, b, 0.7)[s].item() == pytest.approx(by_hand(a[s], b[s], 0.7), rel=1e-12)


def test_clusters_are_compared_by_their_columns():
    a, b = torch.softmax(random(2, 1, 6, 3), -1)
    unit = [(c[0] / c[0].norm(dim=0)).T for c in (a, b)]
    assert cluster_contrast(a, b, 1.0).item() == pytest.approx(by_hand(*unit, 1.0), rel=1e-12)


def test_imbalance_of_equal_one_and_unequal_clusters():
    equal = torch.eye(3, dtype=torch.float64).repeat(4, 1)
    one = torch.eye(3, dtype=torch.float64)[:1].expand(5, -1)
    shares = torch.tensor([[0.5, 0.25, 0.25]], dtype=torch.float64)
    found = torch.cat([imbalance(c[None]) for c in (equal, one, shares)]).tolist()
    assert found == pytest.approx([0, math.log(3), math.log(3) - 1.5 * math.log(2)], abs=1e-6)


def test_losses_of_one_cluster_and_of_one_that_nothing_is_in_are_finite():
    alone = torch.ones(1, 4, 1, dtype=torch.float64)
    assert cluster_contrast(alone, alone, 1.0).item() == 0
    empty = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]], requires_grad=True)
    loss = imbalance(empty) + cluster_contrast(empty, empty, 1.0)
    assert torch.isfinite(loss).all()
    assert torch.isfinite(torch.autograd.grad(loss.sum(), empty)[0]).all()


def test_both_forms_of_every_image_are_new_in_every_update_and_for_every_seed(digits, monkeypatch):
    seen = []
    change = Augmentation.__call__
    monkeypatch.setattr(Augmentation, "__call__", lambda *given: seen.append(change(*given)) or seen[-1])
    same = np.repeat(digits[:1], 64, axis=0)
    ContrastiveClustering(3, **GREY).fit_seeds(same, [0, 1])
    trained = torch.cat([form.flatten(0, 1) for form in seen[:8]])  # two epochs of two updates, and two forms in each
    assert len(trained.unique(dim=0)) == len(trained) == 8 * 2 * 32


def test_the_loss_is_that_of_the_forms(digits):
    """Each form is passed through the network by itself, with the statistics of its own batch."""
    method = ContrastiveClustering(3, precision="float64", **GREY)
    block = Block(method.build_network(64, [4]), torch.tensor(digits, dtype=torch.float64), [4])
    (phase,) = method.training_phases(block)
    x = block.whole()[:, :20]
    found = phase.loss(x, None).terms
    change = Augmentation(RECIPES["contrastive_grey"], (8, 8))
    forms = [change(x, block.uniform(f"{name} form", 20, 18)) for name in ("first", "second")]
    z, c = [], []
    for form in forms:
        layers = block.network.layers(form, training=True)
        z.append(layers["instance"] / layers["instance"].norm(dim=-1, keepdim=True))
        c.append(layers["logits"].softmax(-1))
    assert found["instance"].item() == pytest.approx(contrast(*z, 0.5).item(), rel=1e-12)
    assert found["cluster"].item() == pytest.approx(cluster_contrast(*c, 1.0).item(), rel=1e-12)
    assert found["balance"].item() == pytest.approx((imbalance(c[0]) + imbalance(c[1])).item(), rel=1e-12)


def test_layers_are_those_of_the_heads(digits):
    network = ContrastiveClustering(3, **GREY).build_network(64, [0])
    x = torch.tensor(digits[:5])[None]
    found = network.layers(x)
    assert {name: value.shape[-1] for name, value in found.items()} == {
        "backbone": 6,
        "instance": 5,
        "cluster": 6,
        "logits": 3,
    }
    h = network.backbone(x)
    weight, bias = network.cluster[0].weight, network.cluster[0].bias
    torch.testing.assert_close(found["cluster"], torch.relu(h @ weight + bias))
    torch.testing.assert_close(found["logits"], found["cluster"] @ network.cluster[1].weight + network.cluster[1].bias)


def test_what_a_fit_leaves(digits):
    fit = ContrastiveClustering(4, random_state=1, **{**GREY, "learning_rate": 0.01, "epochs": 8}).fit(digits)
    assert fit.status_ == "ok"
    proba, features = fit.predict_proba(digits), fit.transform(digits)
    np.testing.assert_array_equal(fit.labels_, proba.argmax(1))
    np.testing.assert_allclose(proba.sum(1), 1, rtol=1e-5)
    assert features.shape == (150, 6)
    for k in np.unique(fit.labels_):
        np.testing.assert_allclose(fit.cluster_centers_[k], features[fit.labels_ == k].mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(fit.predict_proba(digits[7:8])[0], proba[7], rtol=1e-4)


def test_the_default_changes_are_those_for_the_channels(digits):
    assert ContrastiveClustering(image_shape=(6, 5, 3)).recipe() == RECIPES["contrastive"]
    for grey in ((8, 8), (8, 8, 1)):
        recipe = ContrastiveClustering(image_shape=grey).recipe()
        assert recipe == RECIPES["contrastive_grey"]
        assert recipe.saturation == recipe.hue == recipe.grey == recipe.flip == 0
    colours = np.random.default_rng(0).random((40, 6 * 5 * 3)).astype(np.float32)
    fit = ContrastiveClustering(2, **NET, image_shape=(6, 5, 3)).fit_seeds(colours, [0])[0]
    assert fit.transform(colours).shape == (40, 6)
    with pytest.raises(ValueError, match=r"contrast=0.4 needs images of 1 or 3 channels; these have 2"):
        ContrastiveClustering(3, **NET, image_shape=(8, 4, 2)).fit(digits)


def test_presets_are_the_network_of_the_publication():
    """ResNet-34 is what `ResNet` is by default (tests/unit/nn/test_residual.py)."""
    default = inspect.signature(ResNet).parameters
    for settings in ContrastiveClustering.info.presets.values():
        assert {name: settings[name] for name in ("widths", "depths")} == {
            name: default[name].default for name in ("widths", "depths")
        }


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"image_shape": None},
            "image_shape=None is not allowed, as there is nothing to crop in rows that are no image",
        ),
        ({"image_shape": (8, 9)}, "image_shape=(8, 9) does not fit data with 64 features"),
        (
            {"widths": (4,) * 4, "depths": (1,) * 5},
            "widths=(4, 4, 4, 4) and depths=(1, 1, 1, 1, 1) must have one number per",
        ),
        ({"widths": (), "depths": ()}, "widths=() and depths=() must have one number per stage"),
        ({"widths": (4, 0)}, "widths=(4, 0) must hold integers of at least 1"),
        (
            {"widths": (4,) * 5, "depths": (1,) * 5},
            "is too small for widths=(4, 4, 4, 4, 4) and pooled_stem=False: 1 x 1",
        ),
        (
            {"widths": (4,) * 3, "depths": (1,) * 3, "pooled_stem": True},
            "pooled_stem=True: 1 x 1 pixels would be halved",
        ),
        ({"image_shape": (1, 64), "widths": (4,), "depths": (1,)}, "augment needs images of at least 2 x 2 pixels"),
        ({"batch_size": 1}, "batch_size=1 is not allowed; it must be an integer of at least 2"),
        ({"batch_size": 149}, "batch_size=149 leaves a single row of 150 over, and a batch under batch normalisation"),
        ({"augment": "contrastive"}, "augment: saturation=0.4 needs images of 3 channels; these have 1"),
        ({"augment": {"grey": 0.2}}, "augment: grey=0.2 needs images of 3 channels; these have 1"),
        ({"augment": {"rotate": 0}}, "augment={'rotate': 0} changes nothing; two forms of an image must differ"),
        ({"augment": "heritage"}, "augment='heritage' asks for copies=3; allowed is 0, as both forms are new"),
        ({"augment": "turn"}, "augment: recipe='turn' is unknown"),
        ({"feature_dim": 0}, "feature_dim=0 is not allowed"),
        ({"instance_temperature": 0.0}, "instance_temperature=0.0 is not allowed; it must be a number above 0"),
        ({"cluster_temperature": -1.0}, "cluster_temperature=-1.0 is not allowed"),
    ],
)
def test_bad_parameters_are_named_before_anything_is_trained(params, message, digits):
    method = ContrastiveClustering(3, **{**GREY, **params})
    with pytest.raises(ValueError, match="ContrastiveClustering: .*" + re.escape(message)):
        method.fit(digits)


def test_a_named_batch_size_is_one_that_works(digits):
    with pytest.raises(ValueError, match="batch_size=148 is allowed"):
        ContrastiveClustering(3, **{**GREY, "batch_size": 149}).fit(digits)
    assert ContrastiveClustering(3, **{**GREY, "batch_size": 148}).fit(digits).n_updates_ == 4
    with pytest.raises(ValueError, match="batch_size=3 is allowed"):
        ContrastiveClustering(2, **{**GREY, "batch_size": 2}).fit(digits[:3])


def test_pixels_must_lie_where_brightness_keeps_them(digits):
    with pytest.raises(ValueError, match="needs pixels between 0 and 1; these are between 0 and 16"):
        ContrastiveClustering(3, **GREY).fit(digits * 16)
    moved = ContrastiveClustering(3, augment={"rotate": 10}, random_state=0, **GREY).fit(digits * 16)
    assert math.isfinite(moved.loss_)


def test_images_that_are_all_the_same_collapse_or_end_well():
    fit = ContrastiveClustering(3, **GREY).fit_seeds(np.full((40, 64), 0.5, np.float32), [0])[0]
    assert fit.status_ == "collapsed"
    assert all(np.isfinite(value).all() for value in fit.weights_.values())


def test_memory_counts_two_forms_and_pairs(digits):
    def need(**params):
        method = ContrastiveClustering(3, **{**GREY, **params})
        return method.demand(method.build_network(64, [0]), 5000, 64).per_seed

    method = ContrastiveClustering(3, **{**GREY, "batch_size": 4096})
    assert method.rows_of_step(5000) == 8192
    assert method.rows_of_step(100) == 200
    assert need(batch_size=4096) > 4 * 4 * 8192**2
    assert need(batch_size=2048) < need(batch_size=4096) / 2


@pytest.mark.slow
def test_three_kinds_of_images_are_found():
    """Bars that lie, that stand, and blocks in the middle; a head that starts at random may find less in one seed."""
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=192)
    X = 0.2 * rng.random((192, 8, 8))
    for image, kind in zip(X, y, strict=True):
        i = rng.integers(2, 5)
        image[(slice(i, i + 2), slice(None), slice(2, 6))[kind], (slice(None), slice(i, i + 2), slice(2, 6))[kind]] += (
            0.7
        )
    X = X.reshape(192, 64).astype(np.float32)
    settings = {
        **GREY,
        "widths": (8, 16),
        "batch_size": 64,
        "epochs": 25,
        "learning_rate": 3e-3,
        "augment": {"rotate": 10, "shift": 0.1},
    }
    fits = ContrastiveClustering(3, **settings).fit_seeds(X, [0, 1], runtime=Runtime())
    assert max(adjusted_rand_score(y, fit.labels_) for fit in fits) > 0.9
