"""A block of a deep method is fitted at once, from autoencoders and checkpoints, and leaves what a network has."""

import os

import numpy as np
import pytest
from block_methods import Deep, Plain, mine
from safetensors.numpy import load_file

from jcae.files import file_sha256
from jcae.jobs import records
from jcae.jobs.classes import MethodError
from jcae.jobs.results import INTERPOLATION_STEPS
from jcae.jobs.runner import pretrain_block, train_block


def test_a_deep_method_is_fitted_once_for_the_block(wine, tmp_path):
    checkpoints = tmp_path / "checkpoints"
    written = train_block(
        mine(Deep),
        wine / "features.npz",
        [0, 1, 3],
        tmp_path / "0-1,3",
        device="cpu",
        checkpoints=checkpoints,
        checkpoint_every=5,
    )
    seeds, pretrained, runtime = Deep.calls
    assert seeds == [0, 1, 3]
    assert pretrained is None
    assert runtime.checkpoint.parent == checkpoints
    assert runtime.checkpoint_every == 5
    assert runtime.label == "wine/m/0-1,3"
    assert not checkpoints.exists()
    assert [r["status"] for r in written] == ["ok", "ok", "diverged"]
    folder = tmp_path / "0-1,3" / "1"
    assert sorted(os.listdir(folder)) == [
        "code.npz", "decoded.npz", "history.csv", "labels.npz", "run.json", "weights.safetensors",
    ]  # fmt: skip
    record = records.read_record(folder / "run.json")
    assert record["label"] == record["info"]["label"] == "DEEP"
    assert record["objective"] == {"name": "loss_", "value": 0.5}
    assert record["updates"] == 6
    assert record["epochs"] == 2
    assert record["device"]["type"] == "cpu"
    assert record["device"]["precision"] == "float64"
    assert record["seconds"] == pytest.approx(record["block_seconds"] / 3)
    with np.load(folder / "labels.npz") as found:
        assert sorted(found.files) == ["labels", "refit_labels"]
    with np.load(folder / "code.npz") as found:
        assert found["code"].shape == (178, 2)
        assert found["code"].dtype == np.float32
    with np.load(folder / "decoded.npz") as found:
        assert found["centroids"].shape == (2, 13)
        assert found["interpolations"].shape == (2, INTERPOLATION_STEPS, 13)
        np.testing.assert_allclose(found["interpolations"][1, -1], found["centroids"][0], rtol=1e-5)
    assert load_file(folder / "weights.safetensors")["scale"].shape == ()
    assert (folder / "history.csv").read_text().splitlines()[:2] == [
        "phase,epoch,step,term,value",
        "joint,0,0,loss,1.0",
    ]
    diverged = records.read_record(tmp_path / "0-1,3" / "3" / "run.json")
    assert diverged["reason"] == "loss is nan"
    assert diverged["objective"] == {"name": "loss_", "value": None}
    assert diverged["clusters_found"] is None


def test_a_small_run_has_no_weights_and_half_the_code(wine, tmp_path):
    spec = mine(Deep, params={"device": "cpu"})
    for keep in ("all", "small"):
        train_block(spec, wine / "features.npz", [0], tmp_path / keep, keep=keep)
    whole, small = ({file.name for file in (tmp_path / keep / "0").iterdir()} for keep in ("all", "small"))
    assert whole - small == {"weights.safetensors"}
    with np.load(tmp_path / "all/0/code.npz") as one, np.load(tmp_path / "small/0/code.npz") as two:
        assert two["code"].dtype == np.float16
        np.testing.assert_allclose(two["code"], one["code"], rtol=1e-3, atol=1e-6)
    with pytest.raises(ValueError, match="keep='some' is unknown"):
        train_block(spec, wine / "features.npz", [0], tmp_path / "some", keep="some")


def test_a_failing_deep_method_fails_for_the_whole_block(wine, tmp_path):
    changes = {"params": {"fail": "memory", "device": "cpu"}}
    written = train_block(
        mine(Deep, **changes), wine / "features.npz", [0, 1], tmp_path / "0-1", checkpoints=tmp_path / "c"
    )
    assert [(r["status"], r["reason"]) for r in written] == [("failed", "MemoryError: memory")] * 2
    assert not (tmp_path / "c").exists()


def test_an_interrupt_keeps_the_checkpoint(wine, tmp_path):
    changes = {"params": {"fail": "stop", "device": "cpu"}}
    with pytest.raises(KeyboardInterrupt):
        train_block(mine(Deep, **changes), wine / "features.npz", [0], tmp_path / "0", checkpoints=tmp_path / "c")
    assert os.listdir(tmp_path) == ["c"]
    assert len(os.listdir(tmp_path / "c")) == 1


def test_another_configuration_gets_another_checkpoint(wine, tmp_path):
    names = set()
    for code_dim in (2, 3, 3):
        changes = {"params": {"code_dim": code_dim, "device": "cpu"}}
        train_block(mine(Deep, **changes), wine / "features.npz", [0], tmp_path / "0", checkpoints=tmp_path / "c")
        names.add(Deep.calls[2].checkpoint.name)
    assert len(names) == 2


@pytest.fixture
def pretrained(wine, tmp_path):
    out = tmp_path / "pretrained" / "0-1,3"
    pretraining = {"dataset": "wine", "autoencoder": "ae", "use": f"{Deep.__module__}.Deep", "params": {}}
    written = pretrain_block(pretraining, wine / "features.npz", [0, 1, 3], out, device="cpu")
    assert [r["method"] for r in written] == ["ae"] * 3
    return out


def test_pretraining_writes_weights_and_no_labels(pretrained):
    assert sorted(os.listdir(pretrained / "0")) == ["history.csv", "run.json", "weights.safetensors"]
    record = records.read_record(pretrained / "0" / "run.json")
    assert record["clusters_found"] is None
    assert record["pretrained"] is None


def test_a_method_starts_from_the_autoencoder_of_its_seed(wine, tmp_path, pretrained):
    written = train_block(
        mine(Deep, autoencoder="ae"),
        wine / "features.npz",
        [0, 1, 3],
        tmp_path / "out",
        pretrained=pretrained,
        device="cpu",
    )
    seeds, weights, _ = Deep.calls
    assert seeds == [0, 1]  # the autoencoder of seed 3 diverged
    np.testing.assert_array_equal(weights[1]["W"], load_file(pretrained / "1" / "weights.safetensors")["W"])
    assert [r["status"] for r in written] == ["ok", "ok", "failed"]
    assert written[2]["reason"] == "PretrainingError: autoencoder 'ae' of seed 3 diverged: loss is nan"
    digest = file_sha256(pretrained / "1" / "weights.safetensors")
    assert written[1]["pretrained"] == {"autoencoder": "ae", "weights_sha256": digest}


def test_pretrained_weights_must_fit_the_spec(wine, tmp_path, pretrained):
    with pytest.raises(ValueError, match="go together"):
        train_block(mine(Deep, autoencoder="ae"), wine / "features.npz", [0], tmp_path / "0", device="cpu")
    with pytest.raises(MethodError, match="has no fit_seeds"):
        train_block(mine(Plain, autoencoder="ae"), wine / "features.npz", [0], tmp_path / "0", pretrained=pretrained)
    with pytest.raises(FileNotFoundError):
        train_block(
            mine(Deep, autoencoder="ae"),
            wine / "features.npz",
            [7],
            tmp_path / "0",
            pretrained=pretrained,
            device="cpu",
        )


def test_threads_are_limited_during_the_fit_only(wine, tmp_path, monkeypatch):
    import torch

    seen = []
    monkeypatch.setattr(Deep, "_fitted", lambda self, X, seed: seen.append(torch.get_num_threads()))
    before = torch.get_num_threads()
    train_block(mine(Deep), wine / "features.npz", [0], tmp_path / "0", device="cpu", threads=before + 1)
    assert seen == [before + 1]
    assert torch.get_num_threads() == before
