"""One block: results are written whole, failures are results."""

import errno
import json
import os

import numpy as np
import pytest
from block_methods import Plain, mine, spec
from sklearn.datasets import load_wine

from jcae.data.formats import DataFormatError
from jcae.files import file_sha256
from jcae.jobs import records
from jcae.jobs.classes import load_class
from jcae.jobs.parameters import ParameterError
from jcae.jobs.provenance import code_digest
from jcae.jobs.results import INTERPOLATION_STEPS
from jcae.jobs.runner import train_block
from jcae.training.isolation import changes, process_state


class Breaks(Plain):
    def make(self, X):
        if self.random_state == 2:
            raise ZeroDivisionError("seed two\nis bad")
        return super().make(X)


class NoMemory(Plain):
    def make(self, X):
        raise MemoryError("no")


class TorchNoMemory(Plain):
    def make(self, X):
        import torch

        raise torch.OutOfMemoryError("CUDA out of memory")


class Interrupted(Plain):
    def make(self, X):
        raise KeyboardInterrupt


class DiskFull(Plain):
    def make(self, X):
        raise OSError(errno.ENOSPC, "No space left on device")


class NanLabels(Plain):
    def make(self, X):
        return np.full(len(X), np.nan)


class ShortLabels(Plain):
    def make(self, X):
        return np.zeros(len(X) - 1, int)


class OneCluster(Plain):
    def make(self, X):
        return np.zeros(len(X), int)


class NanCenters(Plain):
    def make(self, X):
        self.cluster_centers_ = np.full((2, X.shape[1]), np.nan)
        return super().make(X)


class Noisy(Plain):
    def make(self, X):
        labels = np.full(len(X), -1)
        labels[:10], labels[10:30] = 7, 3
        return labels


class Cheat(Plain):
    reads_truth = True

    def fit(self, X, y):
        self.labels_ = y
        return self


def test_kmeans_writes_labels_and_centers_but_no_code(wine, tmp_path):
    out = tmp_path / "runs" / "0-2"
    written = train_block(
        spec("sklearn.cluster.KMeans", params={"n_init": 2}),
        wine / "features.npz",
        [0, 1, 2],
        out,
        command="jcae train ...",
    )
    assert sorted(os.listdir(out)) == ["0", "1", "2"]
    assert sorted(os.listdir(out / "1")) == ["decoded.npz", "labels.npz", "run.json"]  # distances are no code
    record = records.read_record(out / "1" / "run.json")
    assert record == json.loads(json.dumps(written[1]))
    assert record["status"] == "ok"
    assert record["label"] == "KMeans"
    assert record["params"]["random_state"] == 1
    assert record["params"]["max_iter"] == 300  # defaults are recorded, too
    assert record["params"]["n_clusters"] == record["clusters_found"] == 3
    assert record["block"] == [0, 1, 2]
    assert record["data"] == {
        "n": 178,
        "d": 13,
        "n_clusters": 3,
        "features_sha256": "a" * 64,
        "truth": None,  # the card does not say
        "split": None,
        "variant": None,
        "prepared": str(wine),
    }
    assert record["code"]["digest"].startswith("scikit-learn==")
    assert record["device"]["threads"] == 1
    assert record["objective"]["name"] == "inertia_"
    assert record["command"] == "jcae train ..."
    assert record["block_seconds"] == pytest.approx(sum(r["seconds"] for r in written))
    with np.load(out / "1" / "labels.npz") as found:
        assert found.files == ["labels"]
        assert found["labels"].dtype == np.int32
    with np.load(out / "1" / "decoded.npz") as found:
        assert found["centroids"].shape == (3, 13)
        assert found["interpolations"].shape == (3, INTERPOLATION_STEPS, 13)
        np.testing.assert_allclose(found["interpolations"][:, 0], found["centroids"], rtol=1e-6)
        np.testing.assert_allclose(found["interpolations"][2, -1], found["centroids"][0], rtol=1e-6)


def test_a_mixture_has_no_network_weights(wine, tmp_path):
    record = train_block(spec("sklearn.mixture.GaussianMixture"), wine / "features.npz", [4], tmp_path / "4")[0]
    assert sorted(os.listdir(tmp_path / "4" / "4")) == ["labels.npz", "run.json"]
    assert record["objective"]["name"] == "-lower_bound_"
    assert record["params"]["n_components"] == 3
    assert record["info"]["summary"] == "Gaussian Mixture."


def test_the_same_seed_gives_the_same_files(wine, tmp_path):
    for name in ("a", "b"):
        train_block(spec("sklearn.cluster.KMeans"), wine / "features.npz", [0], tmp_path / name)
    for file in ("labels.npz", "decoded.npz"):
        assert (tmp_path / "a/0" / file).read_bytes() == (tmp_path / "b/0" / file).read_bytes()


def test_a_failing_seed_does_not_lose_the_others(wine, tmp_path):
    written = train_block(mine(Breaks), wine / "features.npz", [0, 1, 2], tmp_path / "0-2")
    assert [r["status"] for r in written] == ["ok", "ok", "failed"]
    failed = records.read_record(tmp_path / "0-2" / "2" / "run.json")
    assert failed["reason"] == "ZeroDivisionError: seed two is bad"
    assert "in make" in failed["traceback"]
    assert os.listdir(tmp_path / "0-2" / "2") == ["run.json"]


@pytest.mark.parametrize(
    ("cls", "status", "reason"),
    [
        (NoMemory, "failed", "MemoryError: no"),
        (TorchNoMemory, "failed", "OutOfMemoryError: CUDA out of memory"),
        (NanLabels, "failed", "ResultError: labels: floating point"),
        (ShortLabels, "failed", "ResultError: labels: shape (177,) where (178,) is due"),
        (NanCenters, "failed", "ResultError: cluster_centers_ (2, 13) has 26 values"),
        (OneCluster, "collapsed", "1 non-empty cluster where 3 were asked for"),
    ],
)
def test_what_a_method_does_wrong_is_a_result(wine, tmp_path, cls, status, reason):
    record = train_block(mine(cls), wine / "features.npz", [0], tmp_path / "0")[0]
    assert record["status"] == status
    assert record["reason"].startswith(reason)
    assert records.read_record(tmp_path / "0" / "0" / "run.json")["status"] == status


@pytest.mark.parametrize(("cls", "error"), [(Interrupted, KeyboardInterrupt), (DiskFull, OSError)])
def test_what_the_machine_does_wrong_is_raised(wine, tmp_path, cls, error):
    with pytest.raises(error):
        train_block(mine(cls), wine / "features.npz", [0], tmp_path / "0")
    assert os.listdir(tmp_path) == []


def test_missing_inputs_are_raised(wine, tmp_path):
    with pytest.raises(FileNotFoundError):
        train_block(mine(Plain), tmp_path / "features.npz", [0], tmp_path / "0")
    with pytest.raises(DataFormatError, match=r"truth\.npz: has the arrays y, class_names, needed: X"):
        train_block(mine(Plain), wine / "truth.npz", [0], tmp_path / "0")


def test_nothing_unpickles(tmp_path):
    np.savez(tmp_path / "features.npz", X=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        train_block(mine(Plain), tmp_path / "features.npz", [0], tmp_path / "0")


def test_noise_stays_noise_and_clusters_are_counted_from_zero(wine, tmp_path):
    record = train_block(mine(Noisy), wine / "features.npz", [0], tmp_path / "0")[0]
    with np.load(tmp_path / "0" / "0" / "labels.npz") as found:
        assert found["labels"][:10].tolist() == [1] * 10
        assert found["labels"][10:30].tolist() == [0] * 20
        assert set(found["labels"][30:]) == {-1}
    assert record["clusters_found"] == 2


def test_the_truth_reaches_only_those_who_declare_it(wine, tmp_path):
    # Plain.fit asserts y is None; the missing file shows that it is not even opened.
    plain = train_block(mine(Plain), wine / "features.npz", [0], tmp_path / "a", truth=tmp_path / "none.npz")
    assert plain[0]["status"] == "ok"
    train_block(mine(Cheat), wine / "features.npz", [0], tmp_path / "b", truth=wine / "truth.npz")
    with np.load(tmp_path / "b/0/labels.npz") as found:
        np.testing.assert_array_equal(found["labels"], load_wine().target)
    with pytest.raises(ValueError, match="no truth file"):
        train_block(mine(Cheat), wine / "features.npz", [0], tmp_path / "c")


class Rude(Plain):
    """Changes what everybody shares."""

    found = ()

    def make(self, X):
        import torch

        type(self).found += ((np.random.random(), torch.get_num_threads(), os.environ.get("RUDE")),)  # noqa: NPY002
        np.random.seed(self.random_state)  # noqa: NPY002
        torch.set_num_threads(3)
        os.environ["RUDE"] = "1"
        return super().make(X)


def test_no_fit_finds_what_another_one_left(wine, tmp_path):
    before = process_state()
    written = train_block(mine(Rude), wine / "features.npz", [0, 1, 2], tmp_path / "0-2", threads=2)
    assert len(set(Rude.found)) == 1
    assert Rude.found[0][1:] == (2, None)
    assert changes(before, process_state()) == []
    assert [one["device"]["threads"] for one in written] == [3, 3, 3]  # what was used, not what was allowed


def test_the_record_of_a_users_file_says_where_it_is(wine, tmp_path):
    file = tmp_path / "my own" / "method.py"
    file.parent.mkdir()
    file.write_text("from sklearn.cluster import KMeans\n\n\nclass Mine(KMeans): ...\n")
    train_block(spec(f"{file}:Mine"), wine / "features.npz", [0], tmp_path / "0")
    record = records.read_record(tmp_path / "0/0/run.json")
    assert record["status"] == "ok"
    assert record["use"] == f"{file}:Mine"
    assert record["code"]["file"] == {"path": str(file), "sha256": file_sha256(file)}
    assert record["code"]["digest"] == code_digest(load_class(f"{file}:Mine"))
    train_block(mine(Plain), wine / "features.npz", [0], tmp_path / "1")
    assert records.read_record(tmp_path / "1/0/run.json")["code"]["file"] is None
    with pytest.raises(ParameterError, match=r"Mine in .*my own/method\.py: unknown parameter 'n_inits'"):
        train_block(spec(f"{file}:Mine", params={"n_inits": 1}), wine / "features.npz", [0], tmp_path / "2")
