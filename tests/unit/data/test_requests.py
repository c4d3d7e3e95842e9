"""What a config may ask for under the name of a data set: entries, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from jcae.data.outline import Outline, outline, request_digest
from jcae.data.request import Request, RequestError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def points():
    rng = np.random.default_rng(0)
    lines = [",".join(map(str, [*row, "ab"[i % 2]])) for i, row in enumerate(rng.normal(size=(20, 3)).round(3))]
    Path("points.csv").write_text("\n".join(["x,y,z,kind", *lines]) + "\n")
    return {"file": "points.csv", "truth": "kind"}


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"subset": 50, "range": [-1, 1]},
        {"catalogue": "iris"},
        {"imbalance": {"ratio": 5, "seed": 1}, "noise_features": 4},
        {"split": {"train": 0.5, "seed": 3}},
        {"graph": {"knn": 4, "metric": "cosine"}},
        {"file": "points.csv", "truth": "kind", "drop": ["x"], "scale": "minmax"},
        {"file": "points.csv", "truth": None, "drop": ["kind"], "n_clusters": 2},
        {"transfer": {"source": "iris", "target": "other"}},
    ],
)
def test_a_request_is_the_same_after_the_way_through_the_command_line(entry):
    others = {"other": {"catalogue": "iris", "subset": 90}}
    request = Request.of("wine", entry, others)
    again = Request.of("wine", json.loads(request.options))
    assert again == request
    assert again.folder == request.folder


@pytest.mark.parametrize(
    ("name", "entry", "place", "say"),
    [
        ("wines", {}, "", "unknown data set 'wines'; did you mean 'wine'"),
        ("mine", {"catalogue": "irish"}, "catalogue", "unknown data set 'irish'; did you mean 'iris'"),
        ("wine", {"truth": "kind"}, "truth", "is for own data, which have a file"),
        ("wine", {"n_clusters": 4}, "n_clusters", "is for own data"),
        (
            "mine",
            {"file": "a.csv", "catalogue": "wine", "n_clusters": 2},
            "",
            "more than one of catalogue, file and transfer",
        ),
        ("mine", {"file": "a.csv"}, "", "without a truth, say n_clusters"),
        ("mine", {"file": "a.csv", "n_clusters": 2, "scale": "log"}, "", "scale 'log'"),
        ("wine", {"range": [1, 0]}, "range", "the first the smaller"),
        ("wine", {"split": "original"}, "split", "no training part of their publishers"),
        ("wine", {"split": {}}, "split", "needs one of train"),
        ("wine", {"split": {"train": 0.5, "file": "rows.npy"}}, "split", "needs one of train"),
        ("wine", {"graph": {"metric": "cosine"}}, "graph", "needs one of knn"),
        ("wine", {"graph": {"file": "e.csv", "metric": "cosine"}}, "graph", "needs no metric"),
        ("t", {"transfer": {"source": "wine", "target": "t"}}, "transfer.target", "is this data set itself"),
        ("t", {"transfer": {"source": "wine", "target": "whine"}}, "transfer.target", "did you mean 'wine'"),
        ("t", {"transfer": {"source": "wine", "target": "halves"}}, "transfer.target", "is split already"),
        ("t", {"transfer": {"source": "wine", "target": "iris"}, "subset": 9}, "subset", "does not go with transfer"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(name, entry, place, say):
    with pytest.raises(RequestError, match=say) as caught:
        Request.of(name, entry, {"halves": {"catalogue": "wine", "split": {"train": 0.5}}})
    assert caught.value.place == place


def test_outline_of_the_catalogue():
    assert outline(Request.of("digits", {"subset": 100})) == Outline(100, 64, 10, 100, False, True, False, True)
    assert outline(Request.of("cora")).files == ("truth.npz", "graph.npz")
    half = outline(Request.of("wine", {"split": {"train": 0.25}}))
    assert (half.n, half.n_fit, half.files) == (134, 44, ("truth.npz", "fit.npz"))
    usps = outline(Request.of("usps", {"split": "original"}))
    assert (usps.n, usps.n_fit) == (2007, 7291)


def test_outline_of_own_data_is_looked_up_once(points, monkeypatch):
    request = Request.of("mine", points)
    found = outline(request)
    assert found == Outline(20, 3, 2, 20, False, True, False, False)
    with monkeypatch.context() as patch:
        patch.setattr("jcae.data.outline._look_into", lambda request: pytest.fail("read again"))
        assert outline(request) == found
    Path("points.csv").write_text(Path("points.csv").read_text() + "1,2,3,a\n")
    assert outline(request).n == 21
    without = Request.of("mine", {"file": "points.csv", "drop": ["kind"], "n_clusters": 4})
    assert outline(without) == Outline(21, 3, 4, 21, False, False, False, False)


def test_a_damaged_cache_is_made_again(points):
    request = Request.of("mine", points)
    found = outline(request)
    for kept in Path("data/outlines").iterdir():
        kept.write_text('{"n": 1')
    assert outline(request) == found


def test_digest_follows_the_files_and_not_their_time(points):
    Path("edges.csv").write_text("0,1\n")
    request = Request.of("mine", {**points, "graph": {"file": "edges.csv"}})
    before = request_digest(request)
    Path("points.csv").touch()
    assert request_digest(request) == before
    Path("edges.csv").write_text("0,2\n")
    after = request_digest(request)
    assert after != before
    Path("points.csv").write_text(Path("points.csv").read_text() + "1,2,3,a\n")
    assert request_digest(request) != after


def test_digest_does_not_follow_words(monkeypatch):
    from dataclasses import replace

    from jcae.data.catalogue import CATALOGUE

    before = request_digest(Request.of("wine"))
    words = {"title": "Other", "citation": "Other", "licence": "other", "preparation": "In other words."}
    monkeypatch.setitem(CATALOGUE, "wine", replace(CATALOGUE["wine"], **words))
    assert request_digest(Request.of("wine")) == before
    monkeypatch.setitem(CATALOGUE, "wine", replace(CATALOGUE["wine"], n=177))
    assert request_digest(Request.of("wine")) != before
