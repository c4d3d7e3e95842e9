"""What a method does with augmented images: which rows are changed, which never, and at how many updates."""

import re

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits

from baselines.ae_kmeans import AEKMeans
from baselines.dcn import DCN
from baselines.dec import DEC
from baselines.idec import IDEC
from baselines.sdcn import SDCN
from jcae import AECM, Autoencoder
from jcae.augmentation.augmentation import Augmentation
from jcae.augmentation.recipe import read_recipe
from jcae.training.block import Block
from jcae.training.loop import train
from jcae.training.phase import Loss, Phase, Runtime

NET = {"hidden": (15,), "code_dim": 10, "image_shape": (8, 8), "device": "cpu"}
CONVOLUTIONS = {**NET, "channels": (3, 5), "hidden": ()}
SHORT = Autoencoder(epochs=3, batch_size=48)
METHODS = {
    "autoencoder": (Autoencoder, {"epochs": 3, "batch_size": 48}),
    "ae_kmeans": (AEKMeans, {"n_clusters": 10, "autoencoder": SHORT}),
    "dec": (DEC, {"n_clusters": 10, "max_iter": 12, "update_interval": 5, "tol": 0, "autoencoder": SHORT}),
    "idec": (IDEC, {"n_clusters": 10, "max_iter": 12, "update_interval": 5, "tol": 0, "autoencoder": SHORT}),
    "aecm": (AECM, {"n_clusters": 10, "init": "pretrained", "module_epochs": 1, "epochs": 2, "autoencoder": SHORT}),
}


@pytest.fixture(scope="module")
def digits():
    return (load_digits().data[:200] / 16).astype(np.float32)


def fitted(name, X, **params):
    cls, own = METHODS[name]
    return cls(**{**own, "random_state": 3, **params}).fit(X)


def same(a, b):
    return all(np.array_equal(a.weights_[name], b.weights_[name]) for name in a.weights_)


@pytest.mark.slow
@pytest.mark.parametrize("net", [NET, CONVOLUTIONS], ids=["mlp", "convolutions"])
@pytest.mark.parametrize("augment", [{}, {"rotate": 0, "copies": 3}], ids=["online", "expand"])
@pytest.mark.parametrize("name", METHODS)
def test_maps_that_change_nothing_give_the_method_to_the_bit(name, augment, net, digits):
    assert same(fitted(name, digits, augment=augment, **net), fitted(name, digits, **net))


@pytest.mark.slow
@pytest.mark.parametrize("augment", [{"rotate": 15}, "heritage"], ids=["online", "expand"])
@pytest.mark.parametrize("name", sorted(METHODS.keys() - {"ae_kmeans"}))
def test_updates_are_as_many_and_weights_others(name, augment, digits):
    plain, changed = fitted(name, digits, **NET), fitted(name, digits, augment=augment, **NET)
    assert changed.n_updates_ == plain.n_updates_
    assert not same(changed, plain)
    assert same(changed, fitted(name, digits, augment=augment, **NET))


def test_own_pretraining_is_on_changed_images_unless_its_recipe_says_otherwise(digits):
    augmented = {"autoencoder": None, "augment": "heritage"}
    cls = METHODS["ae_kmeans"][0]
    assert cls(**augmented).pretraining().augment == "heritage"
    assert cls(augment="heritage", autoencoder=SHORT).pretraining().augment is None
    assert cls(autoencoder=clone(SHORT).set_params(augment="dmae")).pretraining().augment == "dmae"
    assert DEC(autoencoder=clone(SHORT).set_params(augment="dmae")).augment is None


class Watched(torch.nn.Module):
    """A network whose only parameter does nothing."""

    def __init__(self, seeds):
        super().__init__()
        self.nothing = torch.nn.Parameter(torch.zeros(len(seeds), 1))


def seen(X, augment, seeds=(0,), steps=12, batch_size=64):
    """What steps were trained on: per step the batch of the loss, that of `after`, and the row numbers."""
    found = []
    network = Watched(seeds)
    recipe = read_recipe(augment)
    augmentation = Augmentation(recipe, (8, 8)) if recipe else None

    def loss(x, rows):
        found.append([x.clone(), None, rows.clone()])
        return Loss({"nothing": network.nothing.sum(-1) * 0})

    def after(x, rows):
        found[-1][1] = x.clone()

    block = Block(network, torch.tensor(X), seeds, augmentation=augmentation)
    train(block, [Phase("p", loss, steps, batch_size, after=after)], Runtime())
    return found, block


def test_only_the_loss_sees_changed_rows(digits):
    clean = torch.tensor(digits)
    found, block = seen(digits, {"rotate": 20}, seeds=(0, 1))
    for x, after, rows in found:
        assert torch.equal(after, clean[rows])
        assert (x != clean[rows]).any(-1).all()
    assert torch.equal(torch.cat(list(block.chunks()), 1), clean.expand(2, -1, -1))


def test_online_every_update_has_new_forms_for_every_image_and_seed(digits):
    found, _ = seen(np.repeat(digits[:1], 64, axis=0), {"rotate": 20}, seeds=(0, 1), steps=3)
    rows = torch.cat([x.flatten(0, 1) for x, *_ in found])
    assert len(rows.unique(dim=0)) == len(rows) == 3 * 2 * 64


def test_expand_shows_every_image_and_its_copies_once_in_a_pass_over_all(digits):
    """200 images, 4 updates an epoch: after 4 epochs all 800 versions were seen, and then they come again."""
    clean = torch.tensor(digits)
    found, _ = seen(digits, {"rotate": 20, "copies": 3}, seeds=(0, 1), steps=32)
    for seed in range(2):
        versions = {row: [] for row in range(200)}
        for x, _, rows in found:
            for row, image in zip(rows[seed].tolist(), x[seed], strict=True):
                versions[row].append(image)
        for row, images in versions.items():
            assert len(images) == 8
            first, again = torch.stack(images[:4]), torch.stack(images[4:])
            assert torch.equal(first, again)
            assert len(first.unique(dim=0)) == 4
            assert sum(torch.equal(image, clean[row]) for image in first) == 1
    starts = [int((x[0] == clean[rows[0]]).all(-1).sum()) for x, _, rows in found[:4]]
    assert 30 < sum(starts) < 70, "images take turns in being shown as they are"


def test_copies_are_those_of_the_seed_whatever_the_phase(digits):
    (a, _), (b, _) = (seen(digits, {"rotate": 20, "copies": 1}, seeds=seeds, steps=8) for seeds in ((0,), (1, 0)))
    for (x, _, rows), (y, _, others) in zip(a, b, strict=True):
        assert torch.equal(rows[0], others[1])
        assert torch.equal(x[0], y[1])


def test_objective_and_labels_are_those_of_clean_images(digits):
    fit = fitted("dec", digits, augment={"rotate": 20}, **NET)
    np.testing.assert_array_equal(fit.labels_, fit.predict(digits))
    autoencoder = fitted("autoencoder", digits, augment={"rotate": 20}, **NET)
    # Mean over batches of 48 rows and a smaller one of the error on the images as they are.
    error = ((autoencoder.inverse_transform(autoencoder.transform(digits)) - digits) ** 2).mean(1)
    parts = [error[i : i + 48].mean() for i in range(0, 200, 48)]
    assert autoencoder.loss_ == pytest.approx(np.mean(parts), rel=1e-5)


@pytest.mark.parametrize("cls", [Autoencoder, AEKMeans, DEC, IDEC, DCN, AECM])
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"augment": "heritage", "image_shape": None}, "augment='heritage' needs image_shape, "),
        ({"augment": "heritage", "image_shape": (8, 9)}, "image_shape=(8, 9) does not fit data with 64 features"),
        ({"augment": "heritag"}, "augment: recipe='heritag' is unknown"),
        ({"augment": {"grey": 0.2}}, "augment: grey=0.2 needs images of 3 channels; these have 1"),
    ],
)
def test_bad_recipes_and_images_are_refused(cls, params, message, digits):
    with pytest.raises(ValueError, match=f"{cls.__name__}: {re.escape(message)}"):
        cls(**{**NET, **params}).fit(digits)


def test_colours_need_pixels_between_0_and_1(digits):
    with pytest.raises(ValueError, match=r"needs pixels between 0 and 1; these are between -1 and 1"):
        Autoencoder(augment={"contrast": 0.4}, **NET).fit(2 * digits - 1)
    Autoencoder(augment={"rotate": 4}, epochs=1, **NET).fit(2 * digits - 1)


def test_methods_of_a_graph_take_no_changed_images(digits):
    with pytest.raises(ValueError, match=r"SDCN: augment='heritage' is not allowed: every update sees all nodes"):
        SDCN(10, augment="heritage", **NET).fit(digits)
