"""Losses that take turns, and running statistics: arithmetic, independence of seeds, resume, blocks that are cut."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import softplus
from toy_gan import NOISE, ToyGAN, ToyNetwork

from jcae.nn.networks import linear
from jcae.randomness.seeds import generator
from jcae.training import loop
from jcae.training.block import Block
from jcae.training.checkpoint import load_checkpoint, save_checkpoint
from jcae.training.loop import full_loss, train
from jcae.training.optimisers import Optimiser
from jcae.training.phase import Loss, Phase, Runtime, Turn
from jcae.training.phase_run import PhaseRun
from jcae.training.state import State
from jcae.training.turn import TurnRun

SEEDS = [5, 0, 9]
METHOD = ToyGAN(4, device="cpu")


@pytest.fixture(scope="module")
def digits():
    return load_digits().data[:200] / 16


def assert_same(a, b):
    assert set(a.weights_) == set(b.weights_)
    for name, value in a.weights_.items():
        np.testing.assert_array_equal(value, b.weights_[name], err_msg=name)
    assert repr(a.history_) == repr(b.history_)  # a NaN is not itself
    assert repr(a.loss_) == repr(b.loss_)
    assert (a.status_, a.n_updates_) == (b.status_, b.n_updates_)
    np.testing.assert_array_equal(a.labels_, b.labels_)


class ByHand:
    """The networks of one seed out of torch's own layers."""

    def __init__(self, network, s):
        self.parts = {}
        for part in ("generator", "discriminator"):
            first, norm, last = getattr(network, part)
            layers = [self.dense(first, s), nn.BatchNorm1d(norm.n_out).double(), self.dense(last, s)]
            self.parts[part] = nn.Sequential(layers[0], layers[1], nn.ReLU(), layers[2])
        self.centroids = nn.Parameter(network.centroids.detach()[s].clone())

    @staticmethod
    def dense(layer, s):
        found = nn.Linear(layer.weight.shape[1], layer.weight.shape[2]).double()
        found.weight.data, found.bias.data = layer.weight.detach()[s].mT.clone(), layer.bias.detach()[s].clone()
        return found

    def judged(self, points):
        return self.parts["discriminator"].train()(points).squeeze(-1)

    def code(self, points):
        return self.parts["discriminator"].eval()[:3](points)

    def to_judge(self, batch, z):
        real = softplus(-self.judged(batch)).mean()
        return real + softplus(self.judged(self.parts["generator"](z).detach())).mean()

    def to_deceive(self, batch, z):
        return softplus(-self.judged(self.parts["generator"](z))).mean()

    def distance(self, batch, z):
        return torch.cdist(self.code(batch), self.centroids).square().amin(-1).mean()

    def assert_is(self, network, s):
        for part, layers in self.parts.items():
            first, norm, last = getattr(network, part)
            pairs = [(first.weight[s].mT, layers[0].weight), (first.bias[s], layers[0].bias)]
            pairs += [(last.weight[s].mT, layers[3].weight), (last.bias[s], layers[3].bias)]
            pairs += [(value[s], layers[1].state_dict()[name]) for name, value in norm.state_dict().items()]
            for (
                ours,
                theirs,
            ) in pairs:  # a bias before a normalisation has no gradient but rounding, which Adam enlarges
                torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(network.centroids[s], self.centroids, rtol=1e-8, atol=1e-8)


def test_turns_are_those_of_a_plain_loop(digits):
    """Two epochs of the toy GAN in float64 against torch's layers and optimisers, each seed for itself."""
    x = torch.tensor(digits)
    method = ToyGAN(4, epochs=2, precision="float64", device="cpu")
    block = Block(ToyNetwork(64, 4, SEEDS, "float64"), x, SEEDS)
    phases = method.training_phases(block)
    references = [ByHand(block.network, s) for s in range(3)]
    train(block, phases, Runtime())
    noise = Block(ToyNetwork(64, 4, SEEDS, "float64"), x, SEEDS)
    for s, reference in enumerate(references):
        with torch.no_grad():
            reference.centroids.copy_(reference.code(x[:4]))
        moves = [
            torch.optim.Adam(reference.parts["discriminator"].parameters(), 2e-3, betas=(0.5, 0.999)),
            torch.optim.SGD(reference.parts["generator"].parameters(), 1e-2, momentum=0.9),
            torch.optim.SGD([reference.centroids], 0.1),
        ]
        orders = [torch.randperm(200, generator=generator(SEEDS[s], "batches", "gan", epoch)) for epoch in (0, 1)]
        for step, rows in enumerate(rows for order in orders for rows in order.split(48)):
            noise.set_clock("gan", step)
            moves[0].param_groups[0]["lr"] = 2e-3 * 0.9 ** (step // 5)
            for loss, move in zip((reference.to_judge, reference.to_deceive, reference.distance), moves, strict=True):
                move.zero_grad()
                loss(x[rows], noise.normal("z", len(rows), NOISE)[s]).backward()
                move.step()
        reference.assert_is(block.network, s)
    assert block.updates == [10] * 3


@pytest.mark.parametrize("averaging_epoch", [False, True])
def test_a_seed_does_not_depend_on_its_block(averaging_epoch, digits):
    method = ToyGAN(4, averaging_epoch=averaging_epoch, device="cpu")
    block = method.fit_seeds(digits, SEEDS)
    for fit, seed in zip(block, SEEDS, strict=True):
        assert_same(fit, method.fit_seeds(digits, [seed])[0])
    first, second = (fit.weights_["discriminator.1.running_var"] for fit in block[:2])
    assert (first != second).any()
    assert {row["term"] for row in block[0].history_} == {"real", "fake", "generator", "distance"}


def test_a_seed_that_stopped_keeps_its_running_statistics(digits):
    method = ToyGAN(4, stops=0, device="cpu")
    block = method.fit_seeds(digits, SEEDS)
    assert [fit.n_updates_ for fit in block] == [15, 10, 15]
    for fit, seed in zip(block, SEEDS, strict=True):
        assert_same(fit, method.fit_seeds(digits, [seed])[0])


def test_a_seed_that_diverged_does_not_disturb_the_others(digits):
    method = ToyGAN(4, poisoned=0, device="cpu")
    block = method.fit_seeds(digits, SEEDS)
    assert [fit.status_ for fit in block] == ["ok", "diverged", "ok"]
    assert "loss term 'generator' became nan in epoch 1 of phase 'gan'" in block[1].reason_
    for fit, seed in zip(block, SEEDS, strict=True):
        assert_same(fit, method.fit_seeds(digits, [seed])[0])
        assert seed == 0 or all(np.isfinite(value).all() for value in fit.weights_.values())


class StoppedError(Exception):
    """Raised by a test in the middle of a training."""


@pytest.mark.parametrize("averaging_epoch", [False, True])
def test_stopped_and_resumed_equals_uninterrupted(averaging_epoch, digits, tmp_path, monkeypatch):
    method = ToyGAN(4, averaging_epoch=averaging_epoch, device="cpu")
    whole = method.fit_seeds(digits, SEEDS)
    path, save, updates = tmp_path / "state.safetensors", loop._save, []
    stop_at = 3 if averaging_epoch else 2

    def save_and_stop(file, fingerprint, block, phase, run):
        save(file, fingerprint, block, phase, run)
        if run is not None and run.epoch == stop_at:
            raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_save", save_and_stop)
        with pytest.raises(StoppedError):
            method.fit_seeds(digits, SEEDS, runtime=Runtime(path, 1))
    update = PhaseRun._update
    monkeypatch.setattr(PhaseRun, "_update", lambda self, *batch: updates.append(1) or update(self, *batch))
    for a, b in zip(method.fit_seeds(digits, SEEDS, runtime=Runtime(path, 1)), whole, strict=True):
        assert_same(a, b)
    assert len(updates) == 5


@pytest.mark.slow
@pytest.mark.parametrize("averaging_epoch", [False, True])
@pytest.mark.parametrize("turn", [0, 1, 2])
@pytest.mark.parametrize("update", [0, 6, 16])
@pytest.mark.parametrize("place", ["before", "behind"])
def test_a_block_is_cut_between_two_turns(averaging_epoch, turn, update, place, digits, monkeypatch):
    """Memory runs out before a loss, or behind it, when its passes have moved the running statistics."""
    if update > 14 and not averaging_epoch:
        pytest.skip("there is no such update")
    method = ToyGAN(4, averaging_epoch=averaging_epoch, device="cpu")
    whole = method.fit_seeds(digits, SEEDS)
    init, done = TurnRun.__init__, []

    def hooked(self, block, phase, before):
        init(self, block, phase, before)
        loss = self._loss

        def limited(x, rows):
            full = len(x) > 2 and len(before) == turn and int(block.clock) == update
            if not (full and place == "before"):
                value = loss(x, rows)
            if full:
                raise torch.OutOfMemoryError("CUDA out of memory (said by the test)")
            done.append((len(x), len(before)))
            return value

        self._loss = limited

    monkeypatch.setattr(TurnRun, "__init__", hooked)
    cut = method.fit_seeds(digits, SEEDS)
    for a, b in zip(cut, whole, strict=True):
        assert_same(a, b)
    # No turn is done twice: the whole block did so many of each, each of its parts the rest.
    total = 20 if averaging_epoch else 15
    for number in range(3):
        first = update + (number < turn)
        assert done.count((3, number)) == first
        assert done.count((2, number)) == done.count((1, number)) == total - first


def test_memory_that_runs_out_at_the_final_loss_leaves_the_running_statistics(digits, monkeypatch):
    whole = METHOD.fit_seeds(digits, SEEDS)
    phases = ToyGAN.training_phases

    def hooked(self, block):
        (found,) = phases(self, block)
        loss = found.loss

        def limited(x, rows):
            value = loss(x, rows)
            if len(x) > 2 and not torch.is_grad_enabled():
                raise torch.OutOfMemoryError("CUDA out of memory (said by the test)")
            return value

        found.loss = limited
        return [found]

    monkeypatch.setattr(ToyGAN, "training_phases", hooked)
    for a, b in zip(METHOD.fit_seeds(digits, SEEDS), whole, strict=True):
        assert_same(a, b)


def test_the_final_loss_is_the_sum_and_moves_nothing(digits):
    x = torch.tensor(digits)
    block = Block(ToyNetwork(64, 4, SEEDS, "float64"), x, SEEDS)
    (phase,) = ToyGAN(4, precision="float64", device="cpu").training_phases(block)
    train(block, [phase], Runtime())
    before = {name: value.clone() for name, value in block.network.state_dict().items()}
    found = full_loss(block, phase)
    for name, value in block.network.state_dict().items():
        assert torch.equal(value, before[name])
    block.set_clock("final", 0)
    batches = block.batches(torch.arange(200).expand(3, -1), 48)
    with torch.no_grad():
        each = [torch.stack([turn.loss(*batch).total() for turn in phase.turns()]).sum(0) for batch in batches]
    torch.testing.assert_close(found, torch.stack(each).mean(0), rtol=1e-12, atol=1e-12)


def test_weights_hold_the_running_statistics(digits):
    fit = METHOD.fit_seeds(digits, [3])[0]
    moved = {name: value for name, value in fit.weights_.items() if "running" in name}
    assert len(moved) == 4
    for name, value in moved.items():
        assert (value != (0 if name.endswith("mean") else 1)).any()
    fresh = ToyGAN(4, device="cpu", random_state=8).load_weights(fit.weights_, 64)
    np.testing.assert_array_equal(fresh.predict(digits), fit.labels_)


def scalar_phase(network, steps=4, batch_size=2, **settings):
    def loss(x, rows):
        return Loss({"value": network(x).square().sum((-2, -1))})

    return Phase("p", loss, steps, batch_size, Optimiser("sgd", 1e-3), **settings)


@pytest.fixture
def layer():
    return linear(1, 1, seeds=[0, 1], name="t", initialiser="torch", precision="float64")


def test_in_a_turn_its_own_parameters_alone_have_gradients(layer):
    seen = []

    def look(x, rows):
        seen.append((layer.weight.requires_grad, layer.bias.requires_grad))
        return Loss({f"value {len(seen) % 2}": layer(x).square().sum((-2, -1))})

    turn = Turn(look, Optimiser("sgd", 1e-3), lambda name: name == "bias")
    phase = Phase("p", look, 3, 2, Optimiser("sgd", 1e-3), lambda name: name == "weight", then=[turn])
    train(Block(layer, torch.ones(6, 1, dtype=torch.float64), [0, 1]), [phase], Runtime())
    assert seen == [(True, False), (False, True)] * 3
    assert not layer.weight.requires_grad


def test_turns_may_share_parameters_and_see_what_the_ones_before_left(layer):
    """w^2 x^2 by hand with the rates 0.1 and 0.01, x = 1 in batches of one."""
    layer.bias.data.zero_()
    start = layer.weight.detach().clone()

    def loss(name):
        return lambda x, rows: Loss({name: layer(x).square().sum((-2, -1))})

    turn = Turn(loss("second"), Optimiser("sgd", 0.01), lambda name: name == "weight")
    phase = Phase("p", loss("first"), 2, 1, Optimiser("sgd", 0.1), lambda name: name == "weight", then=[turn])
    block = Block(layer, torch.ones(2, 1, dtype=torch.float64), [0, 1])
    train(block, [phase], Runtime())
    torch.testing.assert_close(layer.weight, start * (0.8 * 0.98) ** 2, rtol=1e-12, atol=0.0)
    first, second = (np.array(row["values"]) for row in block.history)
    np.testing.assert_allclose(second, first * 0.8**2, rtol=1e-12)


def test_terms_of_two_losses_with_one_name_are_refused(layer):
    phase = scalar_phase(layer, then=[Turn(scalar_phase(layer).loss)])
    with pytest.raises(ValueError, match="phase 'p': two of its losses have a term 'value'"):
        train(Block(layer, torch.ones(6, 1, dtype=torch.float64), [0, 1]), [phase], Runtime())


def test_a_loss_without_parameters_is_refused(layer):
    phase = scalar_phase(layer, then=[Turn(scalar_phase(layer).loss, trainable=lambda name: name == "wieght")])
    with pytest.raises(ValueError, match=r"phase 'p': loss 1 has no parameter to train.*\['weight', 'bias'\]"):
        train(Block(layer, torch.ones(6, 1, dtype=torch.float64), [0, 1]), [phase], Runtime())


def test_a_row_that_is_left_over_is_named(digits):
    with pytest.raises(ValueError, match="cannot be trained on a batch of one row"):
        ToyGAN(4, batch_size=199, device="cpu").fit_seeds(digits, [0])


def test_the_averaging_epoch_is_the_mean_of_its_steps_and_of_their_running_statistics(digits, monkeypatch):
    after, step = [], PhaseRun._turn

    def watched(self, number, x, rows):
        step(self, number, x, rows)
        if number == 2 and self.averaging():
            after.append({name: value.clone() for name, value in self.block.network.state_dict().items()})

    monkeypatch.setattr(PhaseRun, "_turn", watched)
    block = Block(ToyNetwork(64, 4, [0], "float64"), torch.tensor(digits), [0])
    method = ToyGAN(4, epochs=1, precision="float64", averaging_epoch=True, device="cpu")
    train(block, method.training_phases(block), Runtime())
    assert len(after) == 5
    for name, value in block.network.state_dict().items():
        torch.testing.assert_close(value, torch.stack([one[name] for one in after]).mean(0), rtol=1e-12, atol=1e-12)


def test_a_checkpoint_from_before_there_were_turns_is_resumed(layer, tmp_path):
    data, path = torch.arange(6.0, dtype=torch.float64).view(6, 1), tmp_path / "state"
    start = {name: value.clone() for name, value in layer.state_dict().items()}
    train(Block(layer, data, [0, 1]), [scalar_phase(layer, steps=6)], Runtime())
    expected = {name: value.clone() for name, value in layer.state_dict().items()}
    layer.load_state_dict(start)
    train(Block(layer, data, [0, 1]), [scalar_phase(layer, steps=3)], Runtime(path, 1), "mark")
    tensors, facts = load_checkpoint(path.with_name("previous-state"), "mark")
    assert facts["counters"].pop("turn") == 0
    assert (facts["counters"]["step"], facts["counters"]["terms"]) == (3, ["value"])
    save_checkpoint(path, "mark", *vars(State(tensors, facts)).values())
    layer.load_state_dict(start)
    train(Block(layer, data, [0, 1]), [scalar_phase(layer, steps=6)], Runtime(path), "mark")
    for name, value in layer.state_dict().items():
        assert torch.equal(value, expected[name])
