"""A training tells where it stands, and is no other for it."""

import json
import os
import time

import numpy as np
import pytest

from jcae import AECM
from jcae.training import heartbeat
from jcae.training.heartbeat import NAME, Beat, read_beat
from jcae.training.phase import Runtime

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
MODEL = AECM.published(n_clusters=2, hidden=(4,), code_dim=2, epochs=3, batch_size=20)


@pytest.fixture
def beats(monkeypatch):
    """All that is written, whatever its distance in time."""
    written = []
    monkeypatch.setattr(heartbeat, "SECONDS", 0.0)
    monkeypatch.setattr(heartbeat.os, "replace", lambda file, _: written.append(json.loads(file.read_text())))
    return written


def test_every_epoch_is_told_with_its_loss(beats, tmp_path):
    fitted = MODEL.fit_seeds(X, [0, 1], runtime=Runtime(checkpoint=tmp_path / "c" / "state.safetensors"))
    assert [beat["epoch"] for beat in beats] == list(range(1, len(beats) + 1))
    assert {beat["epochs"] for beat in beats} == {len(beats)}
    assert [beat["share"] for beat in beats] == sorted(beat["share"] for beat in beats)
    assert beats[-1]["share"] == 1.0
    rows = [row for fit in fitted for row in fit.history_ if (row["phase"], row["epoch"]) == (beats[0]["phase"], 0)]
    assert beats[0]["loss"] == pytest.approx(sum(row["value"] for row in rows) / 2)


def test_training_that_tells_gives_the_same_bits(tmp_path):
    told = MODEL.fit_seeds(X, [0], runtime=Runtime(checkpoint=tmp_path / "state.safetensors"))[0]
    silent = MODEL.fit_seeds(X, [0], runtime=Runtime())[0]
    assert all(np.array_equal(told.weights_[name], silent.weights_[name]) for name in silent.weights_)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_two_beats_are_a_second_apart(tmp_path, monkeypatch):
    written = []
    replace = os.replace
    monkeypatch.setattr(heartbeat.os, "replace", lambda *names: written.append(1) or replace(*names))
    monkeypatch.setattr(heartbeat, "SECONDS", 3600.0)
    MODEL.fit_seeds(X, [0], runtime=Runtime(checkpoint=tmp_path / "state.safetensors"))
    assert len(written) == 1


def test_folder_that_cannot_be_written_ends_no_training(tmp_path):
    (tmp_path / "file").touch()
    runtime = Runtime(checkpoint=tmp_path / "file" / "state.safetensors")
    assert MODEL.fit_seeds(X, [0], runtime=runtime)[0].n_updates_ > 0


def test_beat_of_an_earlier_process_is_none(tmp_path):
    state = {"phase": "train", "epoch": 1, "epochs": 2, "loss": None, "share": 0.5}
    (tmp_path / NAME).write_text(json.dumps(state))
    assert read_beat(tmp_path, time.time() - 60) == Beat(**state)
    assert read_beat(tmp_path, time.time() + 60) is None
    (tmp_path / NAME).write_text("{")
    assert read_beat(tmp_path, 0) is None
    assert read_beat(tmp_path / "nowhere", 0) is None
