"""Data as they come, from the files to the scores: what is odd about them reaches no method as an error."""

import gzip
import hashlib
import json

import numpy as np
import pytest

from jcae.data import prepare as prepare_module
from jcae.data.catalogue import CATALOGUE
from jcae.data.facts import Dataset, Source
from jcae.data.formats import DataError
from jcae.data.loaders.text import tfidf
from jcae.data.prepare import prepare
from jcae.data.stored import load_truth
from jcae.jobs.runner import pretrain_block, train_block
from jcae.scores.evaluation import evaluate

NET = {"hidden": [6], "code_dim": 3, "batch_size": 8}
SHORT = {**NET, "epochs": 2}
METHODS = {
    "kmeans": ("sklearn.cluster.KMeans", {"n_init": 2}),
    "gmm": ("sklearn.mixture.GaussianMixture", {"reg_covar": 1e-3}),
    "isotropic": ("jcae.IsotropicMixture", {}),
    "cm": ("jcae.ClusteringModule", {"alpha": 2, "epochs": 2, "batch_size": 8, "init": "kmeans"}),
    "aecm": ("jcae.AECM", {"alpha": 2, **SHORT}),
    "ae_kmeans": ("baselines.ae_kmeans.AEKMeans", {"hidden": [6], "code_dim": 3}),
    "dec": ("baselines.dec.DEC", {**NET, "max_iter": 4, "update_interval": 2}),
    "idec": ("baselines.idec.IDEC", {**NET, "max_iter": 4, "update_interval": 2}),
    "dcn": ("baselines.dcn.DCN", SHORT),
    "dkm": ("baselines.dkm.DKM", SHORT),
    "vade": ("baselines.vade.VaDE", {**SHORT, "likelihood": "gaussian"}),
    "true_labels": ("baselines.true_labels.TrueLabels", {}),
}
STARTED = {"ae_kmeans", "dec", "idec", "dcn", "dkm", "vade"}


def documents():
    """Two topics; some documents come twice, and some have no word of the vocabulary."""
    words = {"cat": "paw tail fur purr", "car": "wheel engine road brake"}
    texts, y = [], []
    for i in range(36):
        topic = ("cat", "car")[i % 2]
        common = words[topic].split()
        texts.append("zyxwv" if i >= 32 else " ".join(common[j % 4] for j in range(i % 5 + 2)))
        y.append(topic)
    X, _ = tfidf(texts, 8, "here")
    return X, y


def points(labels, shift=3.0):
    """Two clouds in five dimensions, labelled with these two labels in turn."""
    y = np.arange(36) % 2
    X = np.random.RandomState(0).normal(size=(36, 5)) + shift * y[:, None]
    return X, np.array(labels)[y]


def constant_features():
    X, y = points(["a", "b"])
    X[:, 1:4] = (0.0, 7.0, -5.0)
    return X, y


def duplicates():
    X, y = points(["a", "b"])
    X[:] = X[y_of(y)]
    return X, y


def y_of(labels):
    return np.unique(labels, return_inverse=True)[1]


ODD = {
    "text for labels": (lambda: points(["ship", "frog"]), {}),
    "labels with gaps": (lambda: points([7, -2]), {}),
    "labels from 1": (lambda: points([1, 2]), {}),
    "duplicate and empty documents": (documents, {"zero_rows": 4, "duplicate_rows": 25}),
    "constant features": (constant_features, {"constant_features": 3}),
    "two points many times": (duplicates, {"duplicate_rows": 34}),
}


def enter(monkeypatch, X, y, **facts):
    """Put a data set into the catalogue."""
    names = [str(name) for name in np.unique(y)]
    counts = tuple(np.unique(y, return_counts=True)[1].tolist())
    texts = dict.fromkeys(("preparation", "licence", "citation"), "None.")
    entry = Dataset("odd", "Odd", "odd", len(X), X.shape[1], tuple(names), counts, **texts, **facts)
    monkeypatch.setitem(CATALOGUE, "odd", entry)
    monkeypatch.setitem(prepare_module.LOADERS, "odd", lambda files: (np.asarray(X, np.float32), np.asarray(y)))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", ODD)
def test_from_preparation_to_scores(kind, monkeypatch, tmp_path):
    make, expected = ODD[kind]
    X, y = make()
    enter(monkeypatch, X, y)
    card = prepare("odd", tmp_path, tmp_path / "odd")
    assert {name: card[name] for name in expected} == expected
    assert card["n_clusters"] == 2
    codes, names = load_truth(tmp_path / "odd/truth.npz")
    np.testing.assert_array_equal(names[codes], np.asarray(y).astype(str))
    features = tmp_path / "odd/features.npz"
    start = {"dataset": "odd", "autoencoder": "shared", "params": SHORT}
    pretrain_block(start, features, [0, 1], tmp_path / "shared", device="cpu")
    for method, (use, params) in METHODS.items():
        spec = {"dataset": "odd", "method": method, "use": use, "params": params}
        options = {"truth": tmp_path / "odd/truth.npz"} if method == "true_labels" else {}
        if method in STARTED:
            spec, options = spec | {"autoencoder": "shared"}, options | {"pretrained": tmp_path / "shared"}
        records = train_block(spec, features, [0, 1], tmp_path / method, device="cpu", **options)
        assert {record["status"] for record in records} <= {"ok", "collapsed"}, records
        scores = evaluate([tmp_path / method], tmp_path / "odd/truth.npz")
        assert set(scores["seed"]) == {record["seed"] for record in records if record["status"] == "ok"}
        own = scores[(scores["labels"] == "own") & scores["metric"].isin(["acc", "nmi"])]["value"].astype(float)
        assert own.between(0, 1).all()
        if method == "true_labels":
            assert (own == 1).all()


def test_changed_upstream_file_is_refused_end_to_end(monkeypatch, tmp_path):
    """Its content is another one than the catalogue knows: nothing is prepared, the old preparation stays."""
    X, y = points(["a", "b"])
    content = b"right"
    source = Source("odd.gz", hashlib.sha256(content).hexdigest(), ())
    enter(monkeypatch, X, y, sources=(source,))
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "odd.gz").write_bytes(content)
    prepare("odd", tmp_path, tmp_path / "out")
    before = json.loads((tmp_path / "out/card.json").read_text())
    (tmp_path / "odd" / "odd.gz").write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match=r"odd\.gz: sha256 \w+, expected \w+; fetch 'odd' again"):
        prepare("odd", tmp_path, tmp_path / "out")
    (tmp_path / "odd" / "odd.gz").unlink()
    with pytest.raises(DataError, match=r"odd\.gz: cannot be read .*; fetch 'odd' first"):
        prepare("odd", tmp_path, tmp_path / "out")
    assert json.loads((tmp_path / "out/card.json").read_text()) == before
