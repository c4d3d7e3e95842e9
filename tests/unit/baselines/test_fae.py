"""FAE: its losses by hand, where their gradients go, what it is without the adversary, blocks, resume, bad input."""

import copy

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from torch.nn.functional import softplus

from baselines.fae import FAE, FAENetwork, divergence
from jcae.nn.convolution import Image
from jcae.nn.preactivation import ResidualEncoder, ResidualGenerator, ladder
from jcae.training import loop
from jcae.training.block import Block
from jcae.training.loop import train
from jcae.training.optimisers import Optimiser
from jcae.training.phase import Loss, Phase, Runtime
from jcae.training.turn import TurnRun

SEEDS = [5, 0, 9]
SMALL = {
    "image_shape": (8, 8),
    "stem": 3,
    "channels": (4, 5),
    "code_dim": 3,
    "embedding_hidden": (12,),
    "epochs": 2,
    "warmup_epochs": 1,
    "batch_size": 48,
    "embedding_epochs": 2,
    "embedding_batch_size": 60,
    "device": "cpu",
}
VAE = FAE.info.presets["vae"]


@pytest.fixture(scope="module")
def digits():
    return load_digits().data[:100] / 16


@pytest.fixture(scope="module")
def fits(digits):
    return FAE(4, **SMALL).fit_seeds(digits, SEEDS)


def assert_same(a, b):
    for name, value in a.weights_.items():
        np.testing.assert_array_equal(value, b.weights_[name], err_msg=name)
    assert repr(a.history_) == repr(b.history_)
    assert (repr(a.loss_), a.status_, a.n_updates_) == (repr(b.loss_), b.status_, b.n_updates_)
    np.testing.assert_array_equal(a.labels_, b.labels_)
    np.testing.assert_array_equal(a.embedding_, b.embedding_)


def started(digits, seeds=(3, 4), **settings):
    """A block in the fusion phase whose networks are no longer as they were drawn, and the phase."""
    method = FAE(4, precision="float64", **SMALL | settings)
    block = Block(method.build_network(64, seeds), torch.tensor(digits), seeds)
    phase, *_ = method.training_phases(block)
    with torch.no_grad():
        phase.before()
    block.set_clock("fusion", 1, block.epoch_steps(48))
    return block, phase


def batch(block):
    rows = torch.arange(40).expand(len(block.seeds), -1)
    return block.rows_of(block.x, rows), rows


def test_the_losses_by_hand(digits):
    """Every pass through encoder and generator is one of training; the discriminator has the same weights in all."""
    weights = {"feature_weight": 0.5, "adversarial_weight": 3.0, "divergence_weight": 2.0}
    block, phase = started(digits, **weights)
    network, (x, rows) = block.network, batch(block)
    judged, fused = (turn.loss for turn in phase.turns())
    found = {**judged(x, rows).terms, **fused(x, rows).terms}
    assert list(found) == ["real", "fake", "reconstruction", "divergence", "features", "adversary"]
    scaled = 2 * (x - digits.min()) / (digits.max() - digits.min()) - 1
    m, s = network.encoder(scaled, training=True)
    z = m + torch.exp(s / 2) * block.normal("code", 40, 3)
    again = network.generator(z, training=True)
    drawn = network.generator(block.normal("prior", 40, 3), training=True)
    judge = network.discriminator
    error = ((scaled - again) ** 2).sum((-2, -1)) / 40
    kl = 0.5 * (m**2 + s.exp() - 1 - s).sum((-2, -1)) / 40
    expected = {
        "real": softplus(-judge(scaled)).mean(-1),
        "fake": (softplus(judge(again)) + softplus(judge(drawn))).mean(-1) / 2,
        "reconstruction": error,
        "divergence": 2.0 * kl * 2 / 3,  # the second of three updates in which it grows
        "features": 0.5 * error,
        "adversary": 1.5 * (softplus(-judge(again)) + softplus(-judge(drawn))).mean(-1),
    }
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-10, msg=name)
    # Brought to the size of the error its value says nothing; its gradient is that of the features.
    features = ((judge.features(scaled).detach() - judge.features(again)) ** 2).sum((-2, -1)) / 40
    leaves = list(network.generator.parameters())
    theirs = torch.autograd.grad((0.5 * (error / features).detach() * features).sum(), leaves)
    for ours, other in zip(torch.autograd.grad(found["features"].sum(), leaves), theirs, strict=True):
        torch.testing.assert_close(ours, other, rtol=1e-9, atol=1e-9)


def reached(term, network):
    """Parts of the network in which a term of a loss has a gradient."""
    names, leaves = zip(*((n, p) for n, p in network.named_parameters() if p.requires_grad), strict=True)
    found = torch.autograd.grad(term.sum(), leaves, allow_unused=True, retain_graph=True)
    return {name.partition(".")[0] for name, g in zip(names, found, strict=True) if g is not None and g.any()}


def test_no_adversarial_gradient_reaches_the_encoder_even_if_all_had_gradients(digits):
    block, phase = started(digits)
    _, fused = (turn.loss for turn in phase.turns())
    block.network.requires_grad_()
    terms = fused(*batch(block)).terms
    assert reached(terms["adversary"], block.network) == {"generator", "discriminator"}
    assert reached(terms["reconstruction"], block.network) == {"encoder", "generator"}
    assert reached(terms["features"], block.network) == {"encoder", "generator", "discriminator"}
    assert reached(terms["divergence"], block.network) == {"encoder"}


def test_in_their_turns_features_and_adversary_leave_the_discriminator_alone(digits):
    block, phase = started(digits)
    turns = []
    for _ in phase.turns():
        turns.append(TurnRun(block, phase, before=turns[:]))
    turns[0].select_parameters()
    judged = turns[0]._loss(*batch(block))
    for term in judged.terms.values():
        assert reached(term, block.network) == {"discriminator"}
    turns[1].select_parameters()
    terms = turns[1]._loss(*batch(block)).terms
    assert reached(terms["features"], block.network) == {"encoder", "generator"}
    assert reached(terms["adversary"], block.network) == {"generator"}


def test_an_update_moves_what_its_weights_are_for(digits):
    """One update: the discriminator is before the features, and the encoder knows of no adversary."""

    def parts(**weights):
        settings = SMALL | {"epochs": 1, "batch_size": 100, "warmup_epochs": 0, **weights}
        (fit,) = FAE(4, **settings).fit_seeds(digits, [0])
        split = {"encoder": [], "generator": [], "discriminator": []}
        for name, value in fit.weights_.items():
            part = name.partition(".")[0]
            if part in split and "running" not in name:
                split[part].append(value.ravel())
        return {part: np.concatenate(values) for part, values in split.items()}

    plain, features, adversary = parts(), parts(feature_weight=50.0), parts(adversarial_weight=50.0)
    same = {part: np.array_equal(plain[part], features[part]) for part in plain}
    assert same == {"encoder": False, "generator": False, "discriminator": True}
    same = {part: np.array_equal(plain[part], adversary[part]) for part in plain}
    assert same == {"encoder": True, "generator": False, "discriminator": True}


def test_without_both_weights_it_is_the_variational_autoencoder(digits):
    """Bit for bit a loop of two networks that know of no discriminator: weights, running statistics, history."""
    method = FAE(4, **SMALL, **VAE)
    found = method.fit_seeds(digits, SEEDS)
    x = torch.tensor(digits, dtype=torch.float32)
    image = Image(8, 8)
    steps = ladder(image, 3, (4, 5), ())
    settings = {"negative_slope": 0.0, "seeds": SEEDS, "precision": "float32"}
    pair = {"encoder": ResidualEncoder, "generator": ResidualGenerator}
    network = torch.nn.ModuleDict({name: kind(image, steps, 3, **settings) for name, kind in pair.items()})
    block = Block(network, x, SEEDS)

    def loss(x, rows):
        x = (x - block.x.min()) / (block.x.max() - block.x.min()) * 2 - 1
        m, s = network["encoder"](x, training=True)
        z = m + (0.5 * s).exp() * block.normal("code", x.shape[1], 3)
        error = (x - network["generator"](z, training=True)).square().sum((-2, -1)) / x.shape[1]
        kl = (0.5 * (m.square() + s.exp() - 1 - s)).sum((-2, -1)) / x.shape[1]
        return Loss({"reconstruction": error, "divergence": ((block.clock + 1) / 3).clamp(max=1) * kl})

    phase = Phase("fusion", loss, 6, 48, Optimiser("adam", 1e-3, betas=(0.5, 0.999)))
    train(block, [phase], Runtime())
    history = [row for row in block.history if row["term"] in ("reconstruction", "divergence")]
    untrained = method.build_network(64, SEEDS).state_dict()
    for s, fit in enumerate(found):
        for name, value in network.state_dict().items():
            np.testing.assert_array_equal(fit.weights_[name], value[s].numpy(), err_msg=name)
        ours = [row["value"] for row in fit.history_ if row["term"] in ("reconstruction", "divergence")]
        assert ours == [row["values"][s] for row in history]
        for name, value in untrained.items():
            if name.startswith("discriminator."):
                np.testing.assert_array_equal(fit.weights_[name], value[s].numpy())


def test_the_second_stage_leaves_the_codes_and_ends_in_kmeans(digits, fits):
    (longer,) = FAE(4, **SMALL | {"embedding_epochs": 9}).fit_seeds(digits, [5])
    assert not np.array_equal(fits[0].embedding_, longer.embedding_)
    np.testing.assert_array_equal(fits[0].transform(digits), longer.transform(digits))
    sharpened = [row["value"] for row in longer.history_ if row["term"] == "neighbours"]
    assert sharpened[-1] < sharpened[0]
    for fit in fits:
        reference = KMeans(4, n_init=20, random_state=0).fit(fit.embedding_)
        assert adjusted_rand_score(reference.labels_, fit.labels_) > 0.9
        on_codes = KMeans(4, n_init=20, random_state=0).fit(fit.transform(digits))
        assert adjusted_rand_score(on_codes.labels_, fit.refit_labels_) > 0.9
        means = [fit.transform(digits)[fit.labels_ == k].mean(0) for k in range(4)]
        np.testing.assert_allclose(fit.cluster_centers_, means, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(fit.predict(digits), fit.labels_)
        decoded = fit.inverse_transform(fit.cluster_centers_)
        assert decoded.min() >= digits.min()
        assert decoded.max() <= digits.max()


def test_the_history_tells_of_the_code(fits):
    terms = {(row["phase"], row["term"]) for row in fits[0].history_}
    assert terms == {
        *(("fusion", name) for name in ("real", "fake", "reconstruction", "divergence", "features", "adversary")),
        ("fusion", "used_dimensions"),
        ("embedding", "neighbours"),
    }
    assert all(0 <= row["value"] <= 3 for row in fits[0].history_ if row["term"] == "used_dimensions")
    assert set(fits[0].snapshots_.phases) == {"fusion", "embedding"}


def test_divergence_by_hand():
    found = divergence(torch.tensor([2.0, 0.0]), torch.tensor([1.0, 4.0]).log())
    assert found.tolist() == pytest.approx([2.0, (3 - np.log(4.0)) / 2])


@pytest.mark.slow
def test_a_seed_does_not_depend_on_its_block(digits, fits):
    for fit, seed in zip(fits, SEEDS, strict=True):
        assert_same(fit, FAE(4, **SMALL).fit_seeds(digits, [seed])[0])
    assert not np.array_equal(fits[0].embedding_, fits[1].embedding_)


class StoppedError(Exception):
    """Raised by a test in the middle of a training."""


@pytest.mark.slow
@pytest.mark.parametrize("stop", [0, 1])
def test_stopped_and_resumed_equals_uninterrupted(stop, digits, fits, tmp_path, monkeypatch):
    path, save = tmp_path / "state.safetensors", loop._save

    def save_and_stop(file, fingerprint, block, phase, run):
        save(file, fingerprint, block, phase, run)
        if phase == stop and run is not None:
            raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_save", save_and_stop)
        with pytest.raises(StoppedError):
            FAE(4, **SMALL).fit_seeds(digits, SEEDS, runtime=Runtime(path, 1))
    for a, b in zip(FAE(4, **SMALL).fit_seeds(digits, SEEDS, runtime=Runtime(path, 1)), fits, strict=True):
        assert_same(a, b)


class Poisoned(FAE):
    """The seed 0 has a loss that is no number."""

    def fusion(self, block):
        phase = super().fusion(block)
        loss, bad = phase.loss, torch.tensor([seed == 0 for seed in block.seeds])
        phase.loss = lambda x, rows: Loss({k: v.where(~bad, torch.nan) for k, v in loss(x, rows).terms.items()})
        return phase


@pytest.mark.slow
def test_a_seed_that_diverged_does_not_disturb_the_others(digits, fits):
    found = Poisoned(4, **SMALL).fit_seeds(digits, SEEDS)
    assert [fit.status_ for fit in found] == ["ok", "diverged", "ok"]
    assert "became nan" in found[1].reason_
    assert_same(found[0], fits[0])
    assert_same(found[2], fits[2])


def test_a_stored_run_predicts_the_same(digits, fits):
    fresh = FAE(4, random_state=0, **SMALL).load_weights(fits[1].weights_, 64)
    np.testing.assert_array_equal(fresh.predict(digits), fits[1].labels_)
    np.testing.assert_array_equal(fresh.transform(digits), fits[1].transform(digits))


@pytest.mark.slow
def test_colour_features_and_changed_images(digits):
    """Three channels, blocks of features after those of images, and a recipe."""
    X = np.repeat(digits, 3, axis=1)
    settings = SMALL | {"image_shape": (8, 8, 3), "hidden": (6,), "embedding_epochs": 1}
    plain, changed = (FAE(4, **settings, augment=recipe).fit_seeds(X, [0])[0] for recipe in (None, "dec_da"))
    assert plain.status_ == changed.status_ == "ok"
    assert plain.inverse_transform(plain.cluster_centers_).shape == (4, 192)
    assert not np.array_equal(plain.transform(X), changed.transform(X))


def test_data_without_spread_are_a_result():
    fit = FAE(2, **SMALL, random_state=0).fit_seeds(np.full((60, 64), 7.0), [0])[0]
    assert np.isfinite(fit.embedding_).all()
    np.testing.assert_allclose(fit.inverse_transform(fit.cluster_centers_), 7.0, atol=1.0)


def test_a_batch_of_one_in_the_second_stage_is_no_error(digits):
    (fit,) = FAE(4, **SMALL | {"embedding_batch_size": 99}).fit_seeds(digits, [0])
    assert fit.status_ == "ok"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"image_shape": None}, r"channels=\(4, 5\) needs image_shape, .* of the 64 features; it is None"),
        ({"image_shape": (8, 8, 3)}, r"image_shape=\(8, 8, 3\) does not fit data with 64 features"),
        ({"channels": (4, 5, 6, 7)}, ".*convolution 4 would halve 1 x 1 pixels; it needs 2 x 2"),
        ({"channels": None}, r"channels=None and hidden=\(\) leave no residual block"),
        ({"batch_size": 33}, "batch_size=33 gives one of 100 points a batch of its own"),
        ({"batch_size": 1}, "batch_size=1 gives one of 100 points"),
        ({"feature_block": 3}, "feature_block=3 is not there; allowed are 1 to 2"),
        ({"feature_block": 0}, "feature_block=0 is not allowed; it must be an integer of at least 1"),
        ({"adversarial_weight": -1.0}, "adversarial_weight=-1.0 is not allowed; it must be a number of at least 0"),
        ({"code_alpha": 0}, "code_alpha=0 is not allowed; it must be a number above 0"),
        ({"embedding_hidden": (0,)}, r"embedding_hidden=\(0,\) must hold integers of at least 1"),
        ({"stem": 0}, "stem=0 is not allowed"),
        ({"augment": "contrastive"}, "augment: saturation=0.4 needs images of 3 channels; these have 1"),
    ],
)
def test_bad_parameters_are_named(params, message, digits):
    with pytest.raises(ValueError, match=f"FAE: {message}"):
        FAE(4, **SMALL | params).fit_seeds(digits, [0])


def test_the_fusion_counts_the_images_that_it_makes(digits):
    method = FAE(4, **SMALL)
    assert method.rows_of_step(100) == 4 * 48
    assert copy.deepcopy(method).set_params(**VAE).rows_of_step(100) == 48
    assert isinstance(method.build_network(64, [0]), FAENetwork)


@pytest.mark.slow
def test_reaches_its_range_on_digits():
    """Thirty epochs of the same without the adversary reach 72 to 76; six of it reached 61 here."""
    X, y = load_digits(return_X_y=True)
    settings = {"image_shape": (8, 8), "epochs": 6, "warmup_epochs": 2, "embedding_epochs": 20, "device": "cpu"}
    (fit,) = FAE(10, **settings).fit_seeds(X / 16, [0])
    assert fit.status_ == "ok"
    assert 0.5 < normalized_mutual_info_score(y, fit.labels_) < 0.75
