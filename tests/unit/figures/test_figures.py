"""Figures from a results folder as a run leaves it, with failures, a collapse and controls in it."""

import hashlib
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from folder import N_DIGITS
from sklearn.datasets import load_digits

from jcae.figures import FIGURES, IMAGES_ONLY, OF_COMPARISON, OF_EQUIVALENCE, OF_SWEEP, PER_DATASET, draw, style
from jcae.figures.sources import choice, chosen_runs
from jcae.publish.export import export
from jcae.scores.consensus import are_right
from jcae.scores.evaluation import collect_records
from jcae.scores.gallery import POINTS, SAMPLE, write_gallery
from jcae.scores.metrics import accuracy

pytestmark = pytest.mark.slow

# The three figures of scores are one function: nmi and ari as acc.
# Those of the equivalence, of numbers of clusters, of effects and of variants are drawn in test_equivalence.py,
# test_how_many_tables.py, test_effects.py and test_variant_curves.py, from their own files.
ELSEWHERE = (*OF_EQUIVALENCE, *OF_SWEEP, "scores_nmi", "scores_ari", "effects_acc", "effects_nmi", "effects_ari")
ELSEWHERE += ("variants_acc", "variants_nmi")
CASES = [(n, "digits" if n in PER_DATASET else None) for n in FIGURES if n not in ELSEWHERE]


@pytest.fixture(scope="module")
def exported(fake, tmp_path_factory):
    """What an export keeps, which is all that figures are made of."""
    folder = tmp_path_factory.mktemp("exported") / "export"
    export(fake[0], folder)
    assert not (folder / "runs").exists()
    return folder


@pytest.mark.parametrize(("name", "dataset"), CASES)
def test_writes_svg_pdf_and_csv_and_of_an_export_the_same(fake, exported, tmp_path, name, dataset):
    results, _ = fake
    options = {"reference": "aecm"} if name in OF_COMPARISON else {}
    first = draw(name, results, tmp_path / "a" / name, dataset, **options)
    assert [path.name for path in first] == [f"{name}.svg", f"{name}.pdf", f"{name}.csv"]
    second = draw(name, exported, tmp_path / "b" / name, dataset, **options)
    for one, two in zip(first, second, strict=True):
        assert hashlib.sha256(one.read_bytes()).digest() == hashlib.sha256(two.read_bytes()).digest(), one.suffix
    with style.applied():
        data = FIGURES[name](results, dataset, **options)[1]
    written = pd.read_csv(first[2])
    assert len(written) == len(data) > 0
    for column in data.select_dtypes("number"):
        np.testing.assert_allclose(written[column], data[column].astype("float64"), err_msg=column)


def drawn(fake, name, dataset=None, **options):
    results, _ = fake
    with style.applied():
        return FIGURES[name](results, dataset, **options)[1]


def drawn_with_figure(fake, name, dataset):
    with style.applied():
        return FIGURES[name](fake[0], dataset)


def test_scores_are_the_scores(fake):
    data = drawn(fake, "scores_nmi")
    scores = pd.read_csv(fake[0] / "scores.csv", dtype={"method": "str"})
    expected = scores[scores["metric"] == "nmi"]
    keys = ["dataset", "method", "seed", "labels", "value"]
    pd.testing.assert_frame_equal(
        data[keys].sort_values(keys, ignore_index=True), expected[keys].sort_values(keys, ignore_index=True)
    )
    assert set(data.loc[data["method"] == "dec", "seed"]) == {0, 2, 4}
    assert "broken" not in set(data["method"])


def test_scores_draw_every_number_in_percent(fake):
    with style.applied():
        figure, data = FIGURES["scores_acc"](fake[0], "digits")
    shown = np.concatenate(
        [marks.get_offsets()[:, 0] for marks in figure.axes[0].collections if len(marks.get_offsets()) > 1]
    )
    np.testing.assert_allclose(np.sort(shown), np.sort(100 * data["value"]))


def test_cost_leaves_controls_and_failures_out(fake):
    data = drawn(fake, "cost", "wine")
    assert set(data["method"]) == {"aecm", "aecm_pre", "dec", "ae_kmeans", "kmeans"}
    assert set(data["dataset"]) == {"wine"}
    assert len(data[data["method"] == "dec"]) == 3
    assert (data["seconds"] > 0).all()


def test_confidence_is_that_of_the_ok_seeds(fake):
    figure, data = drawn_with_figure(fake, "confidence", "digits")
    assert set(data["method"]) == {"aecm", "aecm_pre", "dec", "ae_kmeans", "kmeans"}
    assert (data.groupby("method")["n"].sum() == N_DIGITS).all()
    np.testing.assert_allclose(data.groupby("method")["share"].sum(), 1)
    assert set(data.loc[data["method"] == "dec", "name"]) == {"DEC (3/5)"}
    assert set(data.loc[data["method"] == "dec", "n_ok"]) == {3}
    caption = figure._supxlabel.get_text().replace("\n", " ")
    assert "Fewer than 2 ok seeds, and so nothing to hold against each other: Always failing (0/5)." in caption
    found = np.load(fake[0] / "gallery/digits/confidence/dec.npz")
    right = are_right(load_digits().target[:N_DIGITS], found["labels"])
    one = data[data["method"] == "dec"]
    assert (one["right"] * one["n"]).sum() == pytest.approx(right.sum())


def test_doubtful_points_are_the_least_sure_of_their_cluster(fake):
    data = drawn(fake, "doubtful", "digits")
    found = np.load(fake[0] / "gallery/digits/confidence/kmeans.npz")
    one = data[data["method"] == "kmeans"]
    assert (found["labels"][one["row"]] == one["cluster"]).all()
    y = load_digits().target[:N_DIGITS]
    assert one["point_class"].tolist() == [str(c) for c in y[one["row"]]]
    for k, points in one.groupby("cluster"):
        assert points["agreement"].is_monotonic_increasing
        assert points["agreement"].iloc[0] == found["agreement"][found["labels"] == k].min()
    X = np.load(fake[1] / "digits/features.npz")["X"]
    low, high = np.load(fake[0] / "gallery/digits/data.npz")["range"]
    shown = low + found["doubtful_images"][3, 1] / 255 * (high - low)
    np.testing.assert_allclose(shown, X[found["doubtful"][3, 1]], atol=(high - low) / 255)


def test_seeds_that_all_agree_doubt_nothing(fake, tmp_path):
    results = copy_of(fake, tmp_path)
    for method in ("aecm", "aecm_pre", "dec", "ae_kmeans", "kmeans"):
        labels = np.load(results / f"runs/wine/{method}/0-4/0/labels.npz")["labels"]
        for seed in range(1, 5):
            np.savez(results / f"runs/wine/{method}/0-4/{seed}/labels.npz", labels=(labels + seed) % 3)
    write_gallery(results, "wine", fake[1] / "wine", results / "gallery/wine")
    assert drawn((results, None), "doubtful", "wine").empty
    assert (drawn((results, None), "confidence", "wine")["agreement"] == 1).all()


def test_a_gallery_of_an_older_version_has_no_confidence(fake, tmp_path):
    results = copy_of(fake, tmp_path)
    shutil.rmtree(results / "gallery/digits/confidence")
    for name in ("confidence", "doubtful"):
        assert "older" in draw(name, results, tmp_path / name, "digits")


def test_peeking_is_best_minus_last(fake):
    data = drawn(fake, "peeking", "digits")
    curves = pd.read_csv(fake[0] / "gallery/digits/score_curves.csv.gz", dtype={"method": "str"})
    curves = curves[(curves["method"] == "dec") & (curves["metric"] == "nmi") & curves["seed"].isin([0, 2, 4])]
    by_seed = curves.groupby("seed")["value"]
    one = data[(data["method"] == "dec") & (data["metric"] == "nmi")].iloc[0]
    assert one["gain"] == pytest.approx((by_seed.max() - by_seed.last()).mean())
    assert (one["n_ok"], one["n_total"]) == (3, 5)


def test_trees_show_every_round(fake):
    data = drawn(fake, "trees", "digits")
    assert set(data["method"]) == {"kmeans"}
    halved = [-(-N_DIGITS // 2**r) for r in range(11)]
    assert data["clusters"].tolist() == halved
    assert data["round"].tolist() == list(range(11))
    assert data["purity"].iloc[0] == 1
    y = load_digits().target[:N_DIGITS]
    assert data["purity"].iloc[-1] == pytest.approx(np.bincount(y).max() / N_DIGITS, abs=1e-6)


def test_curves_count_updates_through_the_phases(fake):
    data = drawn(fake, "curves", "digits")
    one = data[(data["method"] == "aecm_pre") & (data["seed"] == 0) & (data["term"] == "loss")]
    assert one["update"].is_monotonic_increasing
    assert one.loc[one["phase"] == "train", "update"].min() == 10 * 30 + 30
    assert "collapsed" in set(data["status"])  # drawn, dashed


def test_curves_of_a_long_run_are_thinned_to_both_ends(fake, tmp_path):
    results = copy_of(fake, tmp_path)
    rows = [("train", epoch, 7 * (epoch + 1), "loss", 1.0 / (epoch + 1)) for epoch in range(1000)]
    history = pd.DataFrame(rows, columns=["phase", "epoch", "step", "term", "value"])
    history.to_csv(results / "runs/digits/dec/0-4/0/history.csv", index=False)
    write_gallery(results, "digits", fake[1] / "digits", results / "gallery/digits")
    data = drawn((results, None), "curves", "digits")
    thinned = data[(data["method"] == "dec") & (data["seed"] == 0)]
    assert len(thinned) == POINTS
    assert thinned["update"].iloc[[0, -1]].tolist() == [7, 7000]
    np.testing.assert_allclose(thinned["value"], 7 / thinned["update"], rtol=1e-5)


def copy_of(fake, tmp_path):
    shutil.copytree(fake[0], tmp_path / "copy")
    return tmp_path / "copy"


def test_score_curves_end_at_the_labels(fake):
    data = drawn(fake, "score_curves", "digits")
    assert set(data["method"]) == {"aecm", "aecm_pre", "dec"}
    y = np.load(fake[1] / "digits/truth.npz")["y"]
    for seed in (0, 4):
        labels = np.load(fake[0] / f"runs/digits/aecm/0-4/{seed}/labels.npz")["labels"]
        one = data[(data["method"] == "aecm") & (data["seed"] == seed) & (data["metric"] == "acc")]
        assert one["value"].iloc[-1] == pytest.approx(accuracy(y[::2], labels[::2]), abs=1e-5)
        assert one["value"].iloc[0] < one["value"].iloc[-1]
        assert one["update"].is_monotonic_increasing


def test_a_folder_without_its_gallery_is_not_exported(fake, exported, tmp_path):
    results = copy_of(fake, tmp_path)
    shutil.copytree(exported, tmp_path / "export")
    shutil.rmtree(results / "gallery")
    with pytest.raises(FileNotFoundError, match="gallery"):
        export(results, tmp_path / "export")
    assert (tmp_path / "export/gallery").exists()


def test_maps_show_the_same_points_of_the_chosen_run(fake):
    data = drawn(fake, "maps", "digits")
    for _, one in data.groupby("method"):
        assert one["point"].tolist() == list(range(min(N_DIGITS, SAMPLE)))
        assert one["seed"].nunique() == 1
    dec = data[data["method"] == "dec"]  # a code of two dimensions is drawn as it is
    code = np.load(fake[0] / "runs/digits/dec/0-4" / str(dec["seed"].iloc[0]) / "code.npz")["code"]
    np.testing.assert_allclose(dec[["x", "y"]], code, rtol=1e-5)


def test_centroids_lie_under_their_class(fake):
    data = drawn(fake, "centroids", "digits")
    matched = data[data["class"].notna()]
    assert (matched["class"] == matched["column"]).all()
    means = data[data["method"].isna()].filter(regex=r"^p\d+$")
    X, y = np.load(fake[1] / "digits/features.npz")["X"], np.load(fake[1] / "digits/truth.npz")["y"]
    np.testing.assert_allclose(means, [X[y == c].mean(0) for c in range(10)], rtol=1e-3, atol=1e-3)


def test_centroids_leave_no_height_unused(fake):
    with style.applied():
        figure, _ = FIGURES["centroids"](fake[0], "digits")
        figure.draw_without_rendering()
    (axes,) = figure.axes
    assert axes.get_position().height == pytest.approx(axes.get_position(original=True).height, abs=0.01)


def test_interpolations_go_from_centroid_to_centroid(fake):
    data = drawn(fake, "interpolations", "digits")
    one = data[data["method"] == "aecm"]
    assert len(one) == 10 * 9
    pixels = one.filter(regex=r"^p\d+$").to_numpy().reshape(10, 9, -1)
    np.testing.assert_allclose(pixels[:, -1], np.roll(pixels[:, 0], -1, axis=0), atol=1e-6)


def test_atoms_of_every_dictionary_and_a_point_of_every_cluster(fake):
    data = drawn(fake, "atoms", "digits")
    assert set(data["method"]) == {"dec"}
    kinds = data.groupby(["cluster", "kind"]).size().unstack()
    assert (kinds == {"atom": 12, "point": 1, "reconstruction": 1, "part": 5}).all(axis=None)
    assert data[data["kind"] == "atom"].groupby("cluster")["weight"].apply(lambda w: w.is_monotonic_decreasing).all()
    X = np.load(fake[1] / "digits/features.npz")["X"]
    points = data[data["kind"] == "point"]
    np.testing.assert_allclose(points.filter(regex=r"^p\d+$"), X[points["row"]], atol=1e-3)


def test_confusion_counts_every_point(fake):
    data = drawn(fake, "confusion", "wine")
    assert (data.groupby("method")["count"].sum() == 178).all()
    np.testing.assert_allclose(data.groupby(["method", "class"])["share"].sum(), 1)
    assert set(data["method"]).isdisjoint({"random", "true", "broken"})


def test_chosen_run_has_the_lowest_objective_or_says_that_it_has_none(fake):
    results, _ = fake
    chosen = {record["method"]: record for record, _ in chosen_runs(results, "digits", "plane")}
    records = collect_records(results)
    mine = records[(records["method"] == "aecm") & (records["dataset"] == "digits")]
    assert chosen["aecm"]["seed"] == mine.loc[mine["objective"].astype(float).idxmin(), "seed"]
    assert chosen["dec"]["seed"] == 0
    assert "lowest ok seed" in choice([(chosen["dec"], None)])
    assert "lowest ok seed" not in choice([(chosen["aecm"], None)])


def test_critical_difference_ranks_all_but_controls_and_the_incomplete(fake):
    data = drawn(fake, "critical_difference", reference="aecm")
    assert set(data["method"]) == {"aecm", "aecm_pre", "dec", "ae_kmeans", "kmeans"}  # broken has no score anywhere
    assert (data.groupby("metric")["average_rank"].sum() == 5 * 6 / 2).all()
    assert set(data["n_datasets"]) == {2}


def test_profiles_fall_from_all_runs_to_none(fake):
    data = drawn(fake, "performance_profiles")
    for _, curve in data.groupby(["metric", "method"]):
        assert curve["share"].is_monotonic_decreasing
        assert curve["share"].iloc[-1] == 0
    dec = data[data["method"] == "dec"].iloc[0]
    assert (dec["n_ok"], dec["n_total"]) == (6, 10)
    assert set(data["method"]).isdisjoint({"random", "true", "broken"})


def test_improvement_is_against_the_reference(fake):
    data = drawn(fake, "improvement", reference="aecm")
    assert set(data["method"]) == {"aecm_pre", "dec", "ae_kmeans", "kmeans"}
    assert data["probability"].between(0, 1).all()
    assert (data["low"] <= data["probability"]).all()


@pytest.mark.parametrize(
    ("name", "dataset", "reference"),
    [
        ("critical_difference", "digits", "aecm"),
        ("improvement", None, None),
        ("improvement", None, "absent"),
        ("improvement", None, "broken"),
    ],
)
def test_comparison_that_is_not_possible_is_said_not_raised(fake, tmp_path, name, dataset, reference):
    said = draw(name, fake[0], tmp_path / name, dataset, reference=reference)
    assert re.search("two data sets|no reference|reference 'absent'|no method shares", said)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["glance", "maps", "confusion", "curves", "score_curves", *IMAGES_ONLY])
def test_nothing_to_show_is_said_not_raised(fake, tmp_path, name):
    results, prepared = fake
    records = pd.read_csv(results / "records.csv", dtype={"method": "str"})
    only = tmp_path / "only_broken"
    only.mkdir()
    records[records["method"] == "broken"].to_csv(only / "records.csv", index=False)
    shutil.copy(results / "scores.csv", only)
    write_gallery(only, "digits", prepared / "digits", only / "gallery/digits")
    for suffix in ("svg", "pdf", "csv"):
        (tmp_path / f"figure.{suffix}").write_text("of an earlier run")
    assert draw(name, only, tmp_path / "figure", "digits").startswith(
        "no ok run on digits" if "curve" not in name else "no run"
    )
    assert not list(tmp_path.glob("figure.*"))


def test_errors_name_what_is_wrong(fake, tmp_path):
    results, _ = fake
    with pytest.raises(ValueError, match="unknown figure 'map'; known: scores_acc"):
        draw("map", results, tmp_path / "x", "digits")
    with pytest.raises(ValueError, match="one data set: say which"):
        draw("maps", results, tmp_path / "x", None)
    with pytest.raises(ValueError, match="no run on 'mnist'; data sets there: digits, wine"):
        draw("maps", results, tmp_path / "x", "mnist")
    for name in IMAGES_ONLY:
        with pytest.raises(ValueError, match="'wine' holds no images"):
            draw(name, results, tmp_path / "x", "wine")


def test_mosaic_places_images_with_gaps():
    images = np.arange(8.0).reshape(1, 2, 2, 2)
    expected = np.array([[0, 1, np.nan, 4, 5], [2, 3, np.nan, 6, 7]])
    np.testing.assert_array_equal(style.mosaic(images), expected)


def test_stem_may_hold_a_dot(fake, tmp_path):
    paths = draw("cost", fake[0], tmp_path / "cost.v1")
    assert [path.name for path in paths] == ["cost.v1.svg", "cost.v1.pdf", "cost.v1.csv"]
