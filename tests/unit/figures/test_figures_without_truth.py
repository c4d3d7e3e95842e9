"""Figures of data without a truth: what can be drawn is, and the rest says what is missing."""

import shutil

import numpy as np
import pandas as pd
import pytest
from folder import build

from jcae.figures import FIGURES, IMAGES_ONLY, OF_COMPARISON, OF_EQUIVALENCE, OF_SWEEP, PER_DATASET, draw, style
from jcae.publish.export import export
from jcae.scores.evaluation import read_records
from jcae.scores.gallery import write_gallery

pytestmark = pytest.mark.slow

NEEDS_TRUTH = ("scores_acc", "scores_nmi", "scores_ari", "cost", "peeking", "score_curves", "confusion", *OF_COMPARISON)
NEEDS_TRUTH += ("variants_acc", "variants_nmi")


@pytest.fixture(scope="module")
def unknown(tmp_path_factory):
    return build(tmp_path_factory.mktemp("unknown"), truth=False)


def drawn(results, name, dataset=None):
    with style.applied():
        return FIGURES[name](results, dataset)


@pytest.mark.parametrize("name", [name for name in FIGURES if name not in OF_EQUIVALENCE + OF_SWEEP])
def test_every_figure_is_drawn_or_says_why_not(unknown, tmp_path, name):
    results, _ = unknown
    for dataset in ("digits", "wine") if name in PER_DATASET and name not in IMAGES_ONLY else ("digits",):
        options = {"reference": "aecm"} if name in OF_COMPARISON else {}
        made = draw(name, results, tmp_path / name, dataset if name in PER_DATASET else None, **options)
        assert isinstance(made, str) == (name in NEEDS_TRUTH), name
        if name in NEEDS_TRUTH:
            assert "truth" in made, name


def test_maps_are_by_cluster_alone(unknown):
    figure, data = drawn(unknown[0], "maps", "digits")
    assert data[["class", "matched_class"]].isna().all(axis=None)
    assert data["cluster"].notna().all()
    wide = data.loc[data["neighbours_x"].notna(), "method"].nunique()  # also mapped by t-SNE
    assert len([ax for ax in figure.axes if ax.collections]) == data["method"].nunique() + wide
    assert wide == 3


def test_centroids_are_in_the_order_of_their_clusters(unknown):
    data = drawn(unknown[0], "centroids", "digits")[1]
    assert data["method"].notna().all()  # no class means
    for _, one in data.groupby("method"):
        assert one["cluster"].tolist() == one["column"].tolist() == list(range(10))


def test_sizes_are_those_of_the_labels(unknown, fake):
    for results, _ in (unknown, fake):
        figure, data = drawn(results, "sizes", "wine")
        assert (data.groupby("method")["size"].sum() == 178).all()
        one = data[data["method"] == "kmeans"]
        run = read_records(results).query("dataset == 'wine' and method == 'kmeans'").set_index("seed")["run"]
        labels = np.load(results / run[one["seed"].iloc[0]] / "labels.npz")["labels"]
        assert one.set_index("cluster")["size"].to_dict() == dict(enumerate(np.bincount(labels)))
        assert one["size"].is_monotonic_decreasing
    assert "classes" in figure._supxlabel.get_text()


def test_examples_are_rows_of_their_cluster(unknown):
    results, prepared = unknown
    data = drawn(results, "examples", "digits")[1]
    assert set(data["kind"]) == {"typical", "doubtful"}
    assert set(data.loc[data["method"] == "kmeans", "space"]) == {"features"}
    assert set(data.loc[data["method"] == "aecm", "space"]) == {"code"}
    gallery = np.load(results / "gallery/digits/methods/kmeans.npz")
    one = data[data["method"] == "kmeans"]
    assert (gallery["labels"][one["row"]] == one["cluster"]).all()
    X = np.load(prepared / "digits/features.npz")["X"]
    low, high = np.load(results / "gallery/digits/data.npz")["range"]
    shown = low + gallery["example_images"][0, 0, 0] / 255 * (high - low)
    np.testing.assert_allclose(shown, X[gallery["example_rows"][0, 0, 0]], atol=(high - low) / 255)


def test_examples_of_an_older_gallery_are_said_to_be_missing(unknown, tmp_path):
    results = tmp_path / "older"
    shutil.copytree(unknown[0], results, ignore=shutil.ignore_patterns("runs"))
    for path in (results / "gallery/wine/methods").iterdir():
        arrays = {name: array for name, array in np.load(path).items() if not name.startswith(("example", "space"))}
        np.savez(path, **arrays)
    assert drawn(results, "examples", "wine")[1].empty
    assert len(drawn(results, "maps", "wine")[1])


def test_an_embedding_is_shown_in_place_of_the_code(unknown, tmp_path):
    results = tmp_path / "results"
    shutil.copytree(unknown[0], results)
    place = np.random.default_rng(0).normal(size=(178, 2)).astype("float32")
    for folder in (results / "runs/wine/dec/0-4").iterdir():
        if (folder / "code.npz").exists():
            np.savez(folder / "code.npz", code=np.load(folder / "code.npz")["code"], embedding=place)
    write_gallery(results, "wine", unknown[1] / "wine", results / "gallery/wine")
    figure, data = drawn(results, "maps", "wine")
    np.testing.assert_allclose(data.loc[data["method"] == "dec", ["x", "y"]], place, rtol=1e-6)
    assert "embeddings" in figure._supxlabel.get_text()
    examples = drawn(results, "examples", "wine")[1]
    assert set(examples.loc[examples["method"] == "dec", "space"]) == {"embedding"}


def test_agreement_needs_no_truth(unknown, fake):
    figure, data = drawn(unknown[0], "confidence", "digits")
    assert data["right"].isna().all()
    assert "No truth, so nothing to hold it against." in figure._supxlabel.get_text().replace("\n", " ")
    known = drawn(fake[0], "confidence", "digits")[1]
    both = known["method"] == "kmeans"  # the same labels in both folders
    columns = ["low", "agreement", "n", "share"]
    pd.testing.assert_frame_equal(
        known.loc[both, columns].reset_index(drop=True),
        data.loc[data["method"] == "kmeans", columns].reset_index(drop=True),
    )
    points = drawn(unknown[0], "doubtful", "wine")[1]
    assert points[["cluster_class", "point_class"]].isna().all(axis=None)


def test_skipped_runs_are_no_failures(unknown):
    figure, data = drawn(unknown[0], "scores_silhouette")
    assert not any("Always failing" in tick.get_text() for ax in figure.axes for tick in ax.get_yticklabels())
    assert data["value"].between(-1, 1).all()


def test_an_export_without_truth_gives_the_same_figures(unknown, tmp_path):
    export(unknown[0], tmp_path / "export")
    for name in ("sizes", "examples", "maps"):
        whole = draw(name, unknown[0], tmp_path / "whole" / name, "digits")
        again = draw(name, tmp_path / "export", tmp_path / "again" / name, "digits")
        for one, two in zip(whole, again, strict=True):
            assert one.read_bytes() == two.read_bytes(), one.name


def test_a_mix_draws_the_known_and_names_the_others(fake, tmp_path):
    for file in ("scores.csv", "records.csv"):
        shutil.copy(fake[0] / file, tmp_path / file)
    records = pd.read_csv(tmp_path / "records.csv", dtype={"method": "str"})
    records.assign(truth=records["dataset"] != "wine").to_csv(tmp_path / "records.csv", index=False)
    for name in ("scores_acc", "cost", "performance_profiles"):
        figure, data = drawn(tmp_path, name)
        assert "Without a truth, and so not drawn: wine." in figure._supxlabel.get_text().replace("\n", " ")
        if "dataset" in data:
            assert set(data["dataset"]) == {"digits"}
    assert set(drawn(tmp_path, "scores_silhouette")[1]["dataset"]) == {"digits", "wine"}
