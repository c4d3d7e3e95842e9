"""One block: parameters come from the right place, results are written whole, failures are results."""

import errno
import json
import os
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.datasets import load_wine

from jcae.data.formats import DataFormatError
from jcae.files import file_sha256
from jcae.jobs import records
from jcae.jobs.classes import MethodError, load_class
from jcae.jobs.parameters import ParameterError, resolve_params
from jcae.jobs.provenance import code_digest
from jcae.jobs.results import INTERPOLATION_STEPS
from jcae.jobs.runner import pretrain_block, train_block
from jcae.training.isolation import changes, process_state

HERE = __name__


@pytest.fixture(scope="module")
def wine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wine")
    X, y = load_wine(return_X_y=True)
    X = ((X - X.mean(0)) / X.std(0)).astype(np.float32)
    np.savez(folder / "features.npz", X=X)
    np.savez(folder / "truth.npz", y=y.astype(np.int64), class_names=np.array(["a", "b", "c"]))
    card = {"n_clusters": 3, "features_sha256": "a" * 64}
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def spec(use, **changes):
    return {"dataset": "wine", "method": "m", "use": use, "params": {}} | changes


def mine(cls, **changes):
    return spec(f"{HERE}.{cls.__name__}", **changes)


# --- stand-ins for methods


class Plain(ClusterMixin, BaseEstimator):
    """Labels by the first feature.

    More text.
    """

    def __init__(self, n_clusters=2, random_state=None):
        self.n_clusters = n_clusters
        self.random_state = random_state

    def fit(self, X, y=None):
        assert y is None
        self.labels_ = self.make(X)
        return self

    def make(self, X):
        return (X[:, 0] > 0).astype(int)


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


class Deep(BaseEstimator):
    """Follows the interface of jcae.models.estimator.DeepClusterer: a linear code, no learning."""

    info = namedtuple("info", "label summary reference deviations")("DEEP", "A stand-in.", "doi:1", ("none",))
    calls = ()

    def __init__(self, n_clusters=2, code_dim=2, device="auto", precision="float64", random_state=None, fail=""):
        self.n_clusters, self.code_dim, self.device, self.precision = n_clusters, code_dim, device, precision
        self.random_state, self.fail = random_state, fail

    def fit_seeds(self, X, seeds, *, pretrained=None, runtime=None):
        type(self).calls = (list(seeds), pretrained, runtime)
        if runtime.checkpoint:
            runtime.checkpoint.parent.mkdir(parents=True, exist_ok=True)
            runtime.checkpoint.write_text("state")
        if self.fail:
            raise {"memory": MemoryError, "stop": KeyboardInterrupt}.get(self.fail, ValueError)(self.fail)
        return [self._fitted(X, seed) for seed in seeds]

    def _fitted(self, X, seed):
        one = Deep(**{**self.get_params(), "random_state": seed})
        one.W = np.random.default_rng(seed).normal(size=(X.shape[1], self.code_dim))
        code = X @ one.W
        one.labels_ = (code[:, 0] > 0).astype(np.int32)
        one.refit_labels_ = 1 - one.labels_
        one.cluster_centers_ = np.stack([code[one.labels_ == k].mean(0) for k in range(2)])
        one.history_ = [
            {"phase": "joint", "epoch": e, "step": 3 * e, "term": "loss", "value": 1 / (e + 1)} for e in range(2)
        ]
        one.loss_, one.n_updates_, one.status_, one.reason_ = 0.5, 6, "ok", None
        one.weights_ = {"W": one.W, "scale": np.float32(2.0).reshape(())}
        if seed == 3:
            one.status_, one.reason_, one.loss_ = "diverged", "loss is nan", float("nan")
            one.cluster_centers_ = one.cluster_centers_ * np.nan
        return one

    def transform(self, X):
        return X @ self.W

    def inverse_transform(self, Z):
        return np.asarray(Z) @ self.W.T


# --- class and parameters


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ("KMeans", "is not a dotted path"),
        ("sklearn.clusters.KMeans", r"no module 'sklearn.clusters'; did you mean 'cluster'"),
        ("sklearn.cluster.Kmeans", "module sklearn.cluster has no class 'Kmeans'; did you mean 'KMeans'"),
        ("sklearn.cluster.k_means", "is a function, expected a class"),
    ],
)
def test_a_wrong_path_is_explained(use, message):
    with pytest.raises(MethodError, match=message):
        load_class(use)


def test_a_broken_import_inside_a_users_file_is_not_disguised(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("own_broken.py").write_text("import a_package_that_is_not_there\n")
    Path("own_sound.py").write_text("class Mine: pass\n")
    with pytest.raises(MethodError, match="importing own_broken failed: No module named 'a_package_that_is_not_there'"):
        load_class("own_broken.Mine")
    assert load_class("own_sound.Mine").__name__ == "Mine"


def test_parameters_come_from_config_card_and_device():
    assert resolve_params(Deep, {}, n_clusters=3, device="cpu") == {"n_clusters": 3, "device": "cpu"}
    assert resolve_params(Deep, {"n_clusters": 5, "device": "cuda"}, n_clusters=3)["n_clusters"] == 5
    mixture = load_class("sklearn.mixture.GaussianMixture")
    assert resolve_params(mixture, {}, n_clusters=3) == {"n_components": 3}
    # here n_components is something else than the number of clusters
    spectral = load_class("sklearn.cluster.SpectralClustering")
    assert resolve_params(spectral, {"n_components": 7}, n_clusters=3) == {"n_clusters": 3, "n_components": 7}
    assert resolve_params(load_class("sklearn.cluster.DBSCAN"), {"eps": 1}, n_clusters=3) == {"eps": 1}


def test_wrong_parameters_list_the_allowed_ones():
    with pytest.raises(ParameterError, match=r"'n_inits'; did you mean 'n_init'.*Allowed: .*max_iter"):
        resolve_params(load_class("sklearn.cluster.KMeans"), {"n_inits": 3})
    with pytest.raises(ParameterError, match="random_state is the seed"):
        resolve_params(Plain, {"random_state": 3})

    class Needs:
        def __init__(self, n_clusters):
            pass

    with pytest.raises(ParameterError, match=r"'n_clusters' is needed; it comes from card\.json"):
        resolve_params(Needs, {})


# --- plain estimators


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
    assert record["data"] == {"n": 178, "d": 13, "n_clusters": 3, "features_sha256": "a" * 64, "prepared": str(wine)}
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
    with pytest.raises(DataFormatError, match=r"truth\.npz: has the arrays y, needed: X"):
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


# --- deep methods


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
    pretraining = {"dataset": "wine", "autoencoder": "ae", "use": f"{HERE}.Deep", "params": {}}
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
