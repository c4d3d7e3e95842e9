"""From a name of the catalogue to a prepared folder: every set, parts of one, and what is refused."""

import hashlib
import json
import math
from dataclasses import replace

import numpy as np
import pytest

from jcae.data import prepare as prepare_module
from jcae.data.arrays import array_sha256
from jcae.data.catalogue import CATALOGUE
from jcae.data.facts import Dataset, Source
from jcae.data.fetch import FetchError, fetch
from jcae.data.formats import DataError
from jcae.data.points import peculiarities
from jcae.data.prepare import prepare
from jcae.data.request import Request, RequestError
from jcae.data.stored import load_features, load_truth

FILES = ("features.npz", "truth.npz", "card.json")
OFFLINE = sorted(name for name, dataset in CATALOGUE.items() if not dataset.sources)
FETCHED = sorted(name for name, dataset in CATALOGUE.items() if dataset.sources)
CARD_KEYS = {
    "name",
    "n",
    "d",
    "n_clusters",
    "class_counts",
    "min",
    "max",
    "mean",
    "image_shape",
    "zero_rows",
    "duplicate_rows",
    "constant_features",
    "imbalance",
    "noise_features",
    "preparation",
    "subset",
    "range",
    "features_sha256",
    "truth_sha256",
    "sources",
    "licence",
    "citation",
    "split",
    "graph",
    "entry",
    "scaling",
}


def digests(folder):
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}


def check_folder(name, folder, card):
    """Everything that the contract says about a prepared data set."""
    dataset = CATALOGUE[name]
    graph = ["graph.npz"] * (dataset.n_edges is not None)
    assert sorted(p.name for p in folder.iterdir()) == sorted([*FILES, *graph])
    assert (card["graph"] and card["graph"]["edges"]) == dataset.n_edges
    assert json.loads((folder / "card.json").read_text(encoding="utf-8")) == card
    assert set(card) == CARD_KEYS
    X = load_features(folder / "features.npz")
    y, class_names = load_truth(folder / "truth.npz")
    assert X.dtype == np.float32
    assert X.shape == (card["n"], card["d"]) == (dataset.n, dataset.d)
    assert y.dtype == np.int64
    assert np.bincount(y).tolist() == card["class_counts"]
    assert card["class_counts"] == list(dataset.class_counts) or not dataset.class_counts
    assert tuple(class_names) == dataset.class_names
    assert card["n_clusters"] == dataset.n_clusters
    assert (card["min"], card["max"]) == (float(X.min()), float(X.max()))
    assert card["features_sha256"] == array_sha256(X)
    assert card["truth_sha256"] == array_sha256(y, class_names)
    assert [s["file"] for s in card["sources"]] == [s.name for s in dataset.sources]
    assert card["subset"] is None
    assert card["range"] is None
    return X, y


@pytest.mark.parametrize("name", OFFLINE)
def test_offline_sets(name, tmp_path):
    X, _ = check_folder(name, tmp_path / "a", prepare(name, tmp_path / "no such folder", tmp_path / "a"))
    if name == "digits":
        assert (X.min(), X.max()) == (0, 1)
    if name in ("wine", "breast_cancer"):
        np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(X.std(axis=0), 1, atol=1e-6)
    prepare(name, tmp_path, tmp_path / "b")
    assert digests(tmp_path / "a") == digests(tmp_path / "b"), "the same input gives the same bytes"


@pytest.fixture(scope="module")
def raw(mirror, tmp_path_factory):
    """Folder with one folder of raw files per data set, fetched from the mirror when asked for."""
    root = tmp_path_factory.mktemp("raw")

    def get(name):
        # Without the servers: what the mirror lacks is not tested, and the reason says so.
        sources = tuple(replace(source, addresses=()) for source in CATALOGUE[name].sources)
        try:
            fetch(replace(CATALOGUE[name], sources=sources), root / name, mirror=mirror)
        except FetchError as error:
            pytest.skip(f"needs a file that the mirror lacks: {error}")
        return root / name

    return get


RANGES = {
    "newsgroups": (0, 0.85),
    "reuters10k": (0, math.sqrt(2000)),
    "har": (-1, 1),
    "segment": (-10, 50),
}
FIRST = {
    "mnist": (5, 0, 4, 1, 9),
    "mnist_16": (5, 0, 4, 1, 9),
    "mnist_box_16": (5, 0, 4, 1, 9),
    "mnist_rotated": (5, 0, 4, 1, 9),
    "qmnist": (5, 0, 4, 1, 9),
    "fashion_mnist": (9, 0, 0, 3, 0),
    "usps": (6, 5, 4, 7, 3),
    "pendigits": (8, 2, 1, 4, 1),
    "cifar10": (6, 9, 9, 4, 1),
    "har": (4, 4, 4, 4, 4),
}
# Share of the points that are nearest to the mean of their class, where it is below a half; it says nothing of SVHN.
NEAREST = {"cifar10": 0.2, "cifar100": 0.03, "emnist_letters": 0.4, "stl10": 0.2, "svhn": 0}
SLOW = {"fashion_mnist", "mnist_rotated", "newsgroups", "qmnist", *NEAREST}
# zero rows, duplicate rows, constant features
PECULIAR = {
    "acm": (0, 0, 0),
    "bat": (0, 86, 36),
    "eat": (0, 297, 101),
    "dblp": (39, 235, 0),
    "cora": (0, 16, 1),
    "citeseer": (15, 24, 0),
    "newsgroups": (0, 13, 0),
    "pendigits": (0, 0, 0),
    "usps": (0, 0, 0),
    "fashion_mnist": (0, 0, 0),
    "mnist": (0, 0, 65),
    "mnist_16": (0, 0, 8),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FETCHED)
def test_fetched_sets(name, raw, tmp_path):
    card = prepare(name, raw(name).parent, tmp_path / "a")
    X, y = check_folder(name, tmp_path / "a", card)
    low, high = RANGES.get(name, (0, 1))
    assert X.min() >= low
    assert X.max() <= high
    if name not in RANGES:
        assert (X.min(), X.max()) == (0, 1)
    if name not in SLOW:  # their code is tested elsewhere, too
        prepare(name, raw(name).parent, tmp_path / "b")
        assert digests(tmp_path / "a") == digests(tmp_path / "b"), "the same input gives the same bytes"
    if name in FIRST:
        assert tuple(y[:5]) == FIRST[name]
    if name in PECULIAR:
        assert (card["zero_rows"], card["duplicate_rows"], card["constant_features"]) == PECULIAR[name]
    # A training part whose labels were shuffled against the points would still have the right counts.
    nearest = np.array([X[y == k].mean(axis=0) for k in range(y.max() + 1)])
    some = slice(None, None, max(1, len(X) // 2000))
    distance = (nearest**2).sum(axis=1) - 2 * X[some] @ nearest.T
    assert (distance.argmin(axis=1) == y[some]).mean() > NEAREST.get(name, 0.5)


def test_bytes_do_not_hang_on_the_clock(tmp_path, monkeypatch):
    prepare("wine", tmp_path, tmp_path / "a")
    monkeypatch.setattr("time.time", lambda: 2e9)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    prepare("wine", tmp_path, tmp_path / "b")
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_subset(tmp_path):
    whole = prepare("digits", tmp_path, tmp_path / "whole")
    card = prepare(Request.of("digits", {"subset": 200}), tmp_path, tmp_path / "a")
    prepare(Request.of("digits", {"subset": 200}), tmp_path, tmp_path / "b")
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert card["subset"] == {"points": 200, "of": 1797, "seed": 0}
    assert card["n"] == sum(card["class_counts"]) == 200
    assert card["features_sha256"] != whole["features_sha256"]
    X, part = load_features(tmp_path / "whole" / "features.npz"), load_features(tmp_path / "a" / "features.npz")
    rows = [int((point == X).all(axis=1).nonzero()[0][0]) for point in part]
    assert rows == sorted(rows), "the order is kept"
    y, _ = load_truth(tmp_path / "whole" / "truth.npz")
    np.testing.assert_array_equal(load_truth(tmp_path / "a" / "truth.npz")[0], y[rows])


def test_smaller_subset_lies_within_the_larger(tmp_path):
    prepare(Request.of("digits", {"subset": 100}), tmp_path, tmp_path / "a")
    prepare(Request.of("digits", {"subset": 300}), tmp_path, tmp_path / "b")
    small, large = ({p.tobytes() for p in load_features(tmp_path / f / "features.npz")} for f in "ab")
    assert small < large


@pytest.mark.parametrize("subset", [0, -1, 1798])
def test_impossible_subset(subset, tmp_path):
    with pytest.raises(DataError, match=rf"digits: subset of {subset} points \(allowed: 1 to 1797\)"):
        prepare(Request.of("digits", {"subset": subset}), tmp_path, tmp_path / "a")


@pytest.mark.parametrize(("subset", "say"), [(5, "5 points are fewer than 10 clusters"), (10, "no point of class")])
def test_subset_too_small_for_the_classes(subset, say, tmp_path):
    with pytest.raises(DataError, match=f"digits, subset of {subset}: {say}"):
        prepare(Request.of("digits", {"subset": subset}), tmp_path, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_range(tmp_path):
    """One map for all features: 0, 1/16, ..., 1 become -1, -7/8, ..., 1."""
    card = prepare("digits", tmp_path, tmp_path / "whole")
    mapped = prepare(Request.of("digits", {"range": [-1.0, 1.0]}), tmp_path, tmp_path / "a")
    X, Z = (load_features(tmp_path / folder / "features.npz") for folder in ("whole", "a"))
    assert Z.dtype == np.float32
    np.testing.assert_array_equal(Z, 2 * X - 1)
    assert (mapped["min"], mapped["max"], mapped["range"]) == (-1, 1, [-1, 1])
    assert mapped["preparation"] == f"{card['preparation']} Then from [0, 1] to [-1, 1]."
    assert mapped["truth_sha256"] == card["truth_sha256"]
    assert mapped["features_sha256"] != card["features_sha256"]


def test_range_ends_are_exact(tmp_path):
    card = prepare(Request.of("wine", {"range": [0.0, 5.1]}), tmp_path, tmp_path / "a")
    assert (card["min"], card["max"]) == (0, np.float32(5.1))


def test_subset_of_a_range_has_the_values_of_the_whole(tmp_path):
    prepare(Request.of("digits", {"range": [0.0, 2.0]}), tmp_path, tmp_path / "whole")
    card = prepare(Request.of("digits", {"subset": 200, "range": [0.0, 2.0]}), tmp_path, tmp_path / "part")
    whole, part = ({p.tobytes() for p in load_features(tmp_path / f / "features.npz")} for f in ("whole", "part"))
    assert part < whole
    assert card["subset"]["points"] == 200
    assert card["range"] == [0, 2]


@pytest.mark.parametrize("ends", [(1.0, 1.0), (1.0, 0.0), (0.0, math.inf), (math.nan, 1.0)])
def test_impossible_range(ends):
    with pytest.raises(RequestError, match=r"range from .* to .* \(allowed: two numbers, the first the smaller\)"):
        Request.of("digits", {"range": ends})


def test_every_request_has_a_folder_of_its_own():
    entries = [{}, {"subset": 300}, {"range": [-1, 1]}, {"subset": 300, "range": [-1, 1]}, {"range": [0, 5.1]}]
    folders = ["prepared", "prepared-300", "prepared-from-1to1", "prepared-300-from-1to1", "prepared-from0to5.1"]
    assert [Request.of("digits", entry).folder for entry in entries] == folders
    others = [{"graph": {"knn": 3}}, {"graph": {"knn": 4}}, {"split": {"train": 0.5}}]
    others += [{"split": {"train": 0.5, "seed": 1}}]
    assert len({Request.of("digits", entry).folder for entry in others} | set(folders)) == 9


def test_unknown_name(tmp_path):
    with pytest.raises(RequestError, match="did you mean 'digits'"):
        prepare("digit", tmp_path, tmp_path)


def test_missing_and_changed_files(tmp_path):
    with pytest.raises(DataError, match=r"pendigits\.tra: cannot be read .*; fetch 'pendigits' first"):
        prepare("pendigits", tmp_path, tmp_path / "out")
    (tmp_path / "pendigits").mkdir()
    (tmp_path / "pendigits" / "pendigits.tra").write_bytes(b"0")
    with pytest.raises(DataError, match=r"pendigits\.tra: sha256 \w+, expected e2b9\w+; fetch 'pendigits' again"):
        prepare("pendigits", tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def toy(monkeypatch, X, y, **facts):
    """Put a data set of our own into the catalogue."""
    values = {
        "name": "toy",
        "title": "Toy",
        "loader": "toy",
        "n": 4,
        "d": 2,
        "class_names": ("cat", "dog"),
        "class_counts": (1, 3),
        "preparation": "None.",
        "licence": "none",
        "citation": "none",
    }
    monkeypatch.setitem(CATALOGUE, "toy", Dataset(**(values | facts)))
    monkeypatch.setitem(prepare_module.LOADERS, "toy", lambda files: (np.array(X, np.float32), np.array(y)))


POINTS = [[0, 1], [2, 3], [4, 5], [6, 7]]


@pytest.mark.parametrize("labels", [["dog", "cat", "dog", "dog"], [7, -2, 7, 7], [0.5, 0.25, 0.5, 0.5]])
def test_labels_of_any_kind_are_coded(labels, monkeypatch, tmp_path):
    toy(monkeypatch, POINTS, labels)
    prepare("toy", tmp_path, tmp_path / "toy")
    y, names = load_truth(tmp_path / "toy" / "truth.npz")
    np.testing.assert_array_equal(y, [1, 0, 1, 1])
    assert names.tolist() == ["cat", "dog"]


def test_text_labels_must_be_those_of_the_catalogue(monkeypatch, tmp_path):
    toy(monkeypatch, POINTS, ["dog", "cow", "dog", "dog"])
    with pytest.raises(DataError, match="toy: classes cow, dog, expected cat, dog"):
        prepare("toy", tmp_path, tmp_path / "toy")


@pytest.mark.parametrize(
    ("facts", "say"),
    [
        ({"n": 5}, r"toy: features have shape \(4, 2\), expected \(5, 2\)"),
        ({"d": 3}, r"toy: features have shape \(4, 2\), expected \(4, 3\)"),
        ({"class_counts": (2, 2)}, r"toy: class counts \[1, 3\], expected \[2, 2\]"),
    ],
)
def test_other_than_the_catalogue_expects(facts, say, monkeypatch, tmp_path):
    toy(monkeypatch, POINTS, [1, 0, 1, 1], **facts)
    with pytest.raises(DataError, match=say):
        prepare("toy", tmp_path, tmp_path / "toy")
    assert not (tmp_path / "toy").exists()


def test_other_counts_than_those_of_a_copy_are_used_with_a_warning(monkeypatch, tmp_path):
    toy(monkeypatch, POINTS, [1, 0, 1, 1], class_counts=(2, 2), counts_stated=False)
    with pytest.warns(UserWarning, match=r"toy: class counts \[1, 3\], expected \[2, 2\] .as in a published copy"):
        card = prepare("toy", tmp_path, tmp_path / "toy")
    assert card["class_counts"] == [1, 3]
    toy(monkeypatch, POINTS, [1, 1, 1, 1], class_counts=(2, 2), counts_stated=False)
    with pytest.warns(UserWarning, match="expected"), pytest.raises(DataError, match="toy: no point of class 1"):
        prepare("toy", tmp_path, tmp_path / "other")


def test_what_is_kept_as_it_is_is_counted(monkeypatch, tmp_path):
    X = [[0, 3, 0.0], [1, 3, 2], [0, 3, -0.0], [1, 3, 2]]
    assert peculiarities(np.array(X, np.float32)) == {"zero_rows": 0, "duplicate_rows": 2, "constant_features": 1}
    X = [[0, 0, 0], [1, 0, 2], [0, 0, 0], [0, 0, 1]]
    toy(monkeypatch, X, [1, 0, 1, 1], d=3)
    card = prepare("toy", tmp_path, tmp_path / "toy")
    assert (card["zero_rows"], card["duplicate_rows"], card["constant_features"]) == (2, 1, 1)
    np.testing.assert_array_equal(load_features(tmp_path / "toy" / "features.npz"), X)


def test_card_says_which_file_was_used_and_whether_it_was_checked(monkeypatch, tmp_path):
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "a").write_bytes(b"1")
    (tmp_path / "toy" / "b").write_bytes(b"2")
    one, two = (hashlib.sha256(content).hexdigest() for content in (b"1", b"2"))
    sources = (Source("a", "0" * 64, (), also=(one,)), Source("b", None, ()))
    toy(monkeypatch, POINTS, [1, 0, 1, 1], sources=sources)
    card = prepare("toy", tmp_path, tmp_path / "out")
    assert card["sources"] == [
        {"file": "a", "sha256": one, "checked": True},
        {"file": "b", "sha256": two, "checked": False},
    ]
