"""Files that the pipeline wrote itself and that were damaged since: seen, named, and never taken for results."""

import json
import logging
import shutil
from datetime import UTC, datetime

import numpy as np
import pytest
import torch
from block_methods import Deep, mine

from jcae.data.formats import DataError
from jcae.data.prepare import prepare
from jcae.jobs import runner
from jcae.jobs.records import RecordError
from jcae.jobs.runner import pretrain_block, train_block
from jcae.scores.evaluation import evaluate
from jcae.training.checkpoint import load_checkpoint, save_checkpoint
from jcae.training.phase import Runtime

KMEANS = {"dataset": "wine", "method": "kmeans", "use": "sklearn.cluster.KMeans", "params": {"n_init": 1}}
AUTOENCODER = {"dataset": "wine", "autoencoder": "shared", "params": {"hidden": [4], "code_dim": 2, "epochs": 1}}
DEC = {
    "dataset": "wine",
    "method": "dec",
    "use": "baselines.dec.DEC",
    "params": {"hidden": [4], "code_dim": 2, "max_iter": 2, "update_interval": 1},
    "autoencoder": "shared",
}


@pytest.fixture
def wine(tmp_path):
    prepare("wine", tmp_path, tmp_path / "wine")
    return tmp_path / "wine"


def flip(path, place=0.5):
    """Change one bit; places scale with the file."""
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def two_checkpoints(path):
    for n in (1, 2):
        save_checkpoint(path, "abc", {"x": torch.full((50,), float(n))}, {"n": n})


@pytest.mark.parametrize("damage", [cut, flip, lambda path: path.write_bytes(b""), lambda path: path.unlink()])
def test_damaged_checkpoint_gives_way_to_the_one_before_it(damage, tmp_path, caplog):
    path = tmp_path / "state.safetensors"
    two_checkpoints(path)
    assert load_checkpoint(path, "abc")[1] == {"n": 2}
    damage(path)
    tensors, facts = load_checkpoint(path, "abc")
    assert facts == {"n": 1}
    assert tensors["x"].eq(1).all()
    assert "going on from the checkpoint before it" in caplog.text
    flip(path.with_name("previous-state.safetensors"))
    assert load_checkpoint(path, "abc") is None


def test_every_bit_of_a_checkpoint_counts(tmp_path, caplog):
    path = tmp_path / "state.safetensors"
    save_checkpoint(path, "abc", {"x": torch.arange(6.0), "n": torch.tensor(3)}, {"n": 1})
    good = path.read_bytes()
    with caplog.at_level(logging.CRITICAL):
        for at in range(len(good)):
            path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
            found = load_checkpoint(path, "abc")
            assert found is None or (found[0]["x"].equal(torch.arange(6.0)) and found[1] == {"n": 1}), at


def test_training_goes_on_from_the_checkpoint_before_a_damaged_one(tmp_path, caplog):
    from jcae import ClusteringModule

    X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    method = ClusteringModule(3, alpha=2, epochs=6, batch_size=16, device="cpu")
    whole = method.fit_seeds(X, [0, 1])
    path = tmp_path / "state.safetensors"
    method.fit_seeds(X, [0, 1], runtime=Runtime(path, 2))  # the last two: after all is done, and after epoch 6
    cut(path)
    for a, b in zip(method.fit_seeds(X, [0, 1], runtime=Runtime(path, 2)), whole, strict=True):
        np.testing.assert_array_equal(a.labels_, b.labels_)
        assert all(np.array_equal(a.weights_[name], b.weights_[name]) for name in b.weights_)
    assert "going on from the checkpoint before it" in caplog.text


def test_full_disk_while_a_checkpoint_is_written_keeps_the_last_one(tmp_path, monkeypatch):
    path = tmp_path / "state.safetensors"
    save_checkpoint(path, "abc", {"x": torch.ones(3)}, {"n": 1})
    monkeypatch.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(path, "abc", {"x": torch.ones(3)}, {"n": 2})
    assert load_checkpoint(path, "abc")[1] == {"n": 1}


@pytest.mark.parametrize("damage", [cut, flip], ids=["cut", "flipped"])
def test_damaged_weights_of_an_autoencoder_are_not_started_from(damage, wine, tmp_path):
    pretrained = tmp_path / "shared"
    pretrain_block(AUTOENCODER, wine / "features.npz", [0], pretrained, device="cpu")
    damage(pretrained / "0/weights.safetensors")
    with pytest.raises(RecordError, match=r"shared/0/weights\.safetensors: .*delete its block"):
        train_block(DEC, wine / "features.npz", [0], tmp_path / "out", pretrained=pretrained, device="cpu")
    assert not (tmp_path / "out").exists()
    # As the message says.
    shutil.rmtree(pretrained)
    pretrain_block(AUTOENCODER, wine / "features.npz", [0], pretrained, device="cpu")
    train_block(DEC, wine / "features.npz", [0], tmp_path / "out", pretrained=pretrained, device="cpu")


@pytest.mark.parametrize("damage", [cut, flip], ids=["cut", "flipped"])
def test_damaged_results_of_a_run_are_not_scored(damage, wine, tmp_path):
    run = tmp_path / "runs/wine/kmeans/0"
    train_block(KMEANS, wine / "features.npz", [0], run)
    good = evaluate([run], wine / "truth.npz")
    assert len(good)
    damage(run / "0/labels.npz")
    with pytest.raises(DataError, match=r"kmeans/0/0/labels\.npz: not a file of arrays"):
        evaluate([run], wine / "truth.npz")
    train_block(KMEANS, wine / "features.npz", [0], run)
    assert evaluate([run], wine / "truth.npz").equals(good)
    cut(run / "0/run.json")
    with pytest.raises(RecordError, match=r"kmeans/0/0/run\.json: not JSON"):
        evaluate([run], wine / "truth.npz")


@pytest.mark.parametrize("name", ["features.npz", "card.json"])
def test_damaged_inputs_of_a_training(name, wine, tmp_path):
    cut(wine / name)
    with pytest.raises(DataError, match=rf"wine/{name}: not "):
        train_block(KMEANS, wine / "features.npz", [0], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_folder_in_place_of_a_file(wine, tmp_path):
    (wine / "features.npz").unlink()
    (wine / "features.npz").mkdir()
    with pytest.raises((DataError, OSError), match=r"features\.npz"):
        train_block(KMEANS, wine / "features.npz", [0], tmp_path / "out")


class Clock(datetime):
    """Jumps back by a day each time that it is read."""

    days = 28

    @classmethod
    def now(cls, tz=None):
        cls.days -= 1
        return datetime(2026, 1, cls.days, tzinfo=tz or UTC)


def test_clock_that_jumps_back_changes_no_duration(wine, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "datetime", Clock)
    monkeypatch.setattr("time.time", lambda: 0.0)
    for spec in (KMEANS, mine(Deep)):
        (record,) = train_block(spec, wine / "features.npz", [0], tmp_path / spec["method"], device="cpu")
        assert record["started"] > record["finished"], "the clock did not jump"
        assert 0 <= record["seconds"] < 60
        assert 0 <= record["block_seconds"] < 60
    assert json.loads((tmp_path / "kmeans/0/run.json").read_text())["started"].startswith("2026-01-")


def test_import_of_a_run_that_ended_before_it_began(wine, tmp_path, monkeypatch):
    from jcae.publish.wanted import read_wanted, run_folders

    monkeypatch.setattr(runner, "datetime", Clock)
    monkeypatch.setattr(Clock, "days", 28)
    pretrain_block(AUTOENCODER, wine / "features.npz", [0], tmp_path / "run/pretrained/wine/shared/0", device="cpu")
    wanted = list(read_wanted(tmp_path / "run", run_folders(tmp_path / "run")))
    assert len(wanted) == 2
    assert all(want.start <= want.end for want in wanted)
