"""Figures from a results folder as a run leaves it, with failures, a collapse and controls in it."""

import hashlib
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_wine
from sklearn.decomposition import PCA

from jcae.figures import FIGURES, IMAGES_ONLY, OF_COMPARISON, OF_EQUIVALENCE, PER_DATASET, draw, style
from jcae.figures.sources import choice, chosen_runs
from jcae.jobs.records import write_record
from jcae.publish.export import export
from jcae.scores.evaluation import collect_records, collect_scores, evaluate
from jcae.scores.gallery import POINTS, SAMPLE, write_gallery
from jcae.scores.metrics import accuracy

SEEDS = range(5)
N_DIGITS = 600
# method: (label, use, dimensions of the code)
METHODS = {
    "aecm": ("AE-CM", "jcae.AECM", 10),
    "aecm_pre": ("AE-CM", "jcae.AECM", 10),
    "dec": ("DEC", "baselines.dec.DEC", 2),
    "ae_kmeans": ("AE + k-means", "baselines.ae_kmeans.AEKMeans", 6),
    "broken": ("Always failing", "baselines.broken.Broken", 2),
    "kmeans": ("k-means", "sklearn.cluster.KMeans", None),
    "random": ("Random labels", "baselines.controls.RandomLabels", None),
    "true": ("True labels", "baselines.controls.TrueLabels", None),
}
NOT_OK = {
    ("dec", 1): ("collapsed", "1 non-empty cluster of 10"),
    ("dec", 3): ("failed", "ValueError: 50% of X_train is bad"),
    **{("broken", seed): ("failed", "ImportError: no module named 'broken'") for seed in SEEDS},
}


def prepare(folder, bunch, image_shape):
    folder.mkdir(parents=True)
    X, y = bunch.data[:N_DIGITS], bunch.target[:N_DIGITS].astype("int64")
    X = (X / X.max(axis=0).clip(1)).astype("float32")
    np.savez(folder / "features.npz", X=X)
    np.savez(folder / "truth.npz", y=y, class_names=np.array([str(c) for c in bunch.target_names]))
    facts = {"min": float(X.min()), "max": float(X.max()), "image_shape": image_shape}
    card = {"name": folder.name, "n": len(X), "d": X.shape[1], "n_clusters": len(np.unique(y)), **facts}
    (folder / "card.json").write_text(json.dumps(card))
    return X, y


def history(rng, pretrained):
    rows, level = [], rng.lognormal(0, 0.2, 3)
    phases = [("pretrain", 10, 30), ("train", 20, 30)] if pretrained else [("train", 30, 30)]
    for phase, epochs, per_epoch in phases:
        for epoch in range(epochs):
            t = epoch + (10 if phase == "train" and pretrained else 0)
            values = {"reconstruction": 40 * level[0] / (1 + t) + 8}
            if phase == "train":
                values |= {
                    "code": 900 * level[1] * np.exp(-t / 8) + 1,
                    "sparsity": 30 * np.exp(-t / 25),
                    "orthonormality": 5 * level[2] / (1 + t) ** 2 + 0.01,
                    "prior": -60 + 30 * np.exp(-t / 20) * level[2],
                }
            values = {"loss": sum(values.values())} | values
            rows += [(phase, epoch, (epoch + 1) * per_epoch, term, value) for term, value in values.items()]
    return pd.DataFrame(rows, columns=["phase", "epoch", "step", "term", "value"])


def snapshots(rng, terms, labels):
    """Labels of every second point, less and less at random."""
    ends = terms[terms["phase"] == "train"].drop_duplicates("step")["step"].to_numpy()
    wrong = rng.random((len(ends), len(labels) // 2)) < np.linspace(0.9, 0, len(ends))[:, None]
    found = np.where(wrong, rng.integers(0, labels.max() + 1, wrong.shape), labels[: 2 * wrong.shape[1] : 2])
    rows = np.arange(0, 2 * wrong.shape[1], 2)
    return {"rows": rows, "phases": np.full(len(ends), "train"), "steps": ends, "labels": found.astype("int16")}


def write_run(results, X, y, dataset, method, seed):
    label, use, p = METHODS[method]
    K, rng = len(np.unique(y)), np.random.default_rng(seed)
    status, reason = NOT_OK.get((method, seed), ("ok", None))
    folder = results / "runs" / dataset / method / "0-4" / str(seed)
    folder.mkdir(parents=True)
    objective = None
    if status != "failed":
        model = KMeans(K, n_init=1, init="random", random_state=seed, max_iter=4)
        arrays = {"labels": {"random": rng.integers(0, K, len(y)), "true": y}.get(method)}
        if p is not None:
            pca = PCA(p, random_state=0).fit(X)
            code = pca.transform(X).astype("float32") + 0.05 * rng.normal(size=(len(X), p)).astype("float32")
            arrays = {
                "labels": model.fit(code).labels_,
                "refit_labels": KMeans(K, n_init=1, random_state=seed).fit_predict(code),
            }
            centroids = pca.inverse_transform(model.cluster_centers_)
            along = np.linspace(0, 1, 9)[:, None]
            lines = [a + along * (b - a) for a, b in zip(centroids, np.roll(centroids, -1, 0), strict=True)]
            np.savez(folder / "code.npz", code=code)
            np.savez(folder / "decoded.npz", centroids=centroids, interpolations=np.stack(lines))
            if method.startswith("aecm") or method == "dec":
                terms = history(rng, method == "aecm_pre")
                terms = terms[terms["term"] == "loss"] if method == "dec" else terms
                terms.to_csv(folder / "history.csv", index=False)
                np.savez(folder / "snapshots.npz", **snapshots(rng, terms, arrays["labels"]))
        elif arrays["labels"] is None:
            arrays = {"labels": model.fit(X).labels_}
        if status == "collapsed":
            arrays = {name: np.zeros_like(labels) for name, labels in arrays.items()}
        if use.startswith(("jcae", "sklearn")):
            objective = {"name": "loss_", "value": float(model.inertia_)}
        np.savez(folder / "labels.npz", **{name: labels.astype("int32") for name, labels in arrays.items()})
    seconds = {None: 0.4, 2: 30.0, 6: 12.0, 10: 55.0}[p] * rng.uniform(0.8, 1.2)
    info = {"label": label, "summary": label, "reference": None, "deviations": []}
    if method in ("random", "true"):
        info["control"] = True
    record = {
        "schema": 1,
        "dataset": dataset,
        "method": method,
        "use": use,
        "label": label,
        "seed": seed,
        "block": list(SEEDS),
        "status": status,
        "reason": reason,
        "traceback": "Traceback ..." if status == "failed" else None,
        "params": {"n_clusters": K},
        "info": info,
        "tuned_with": "labels" if method.startswith("aecm") else None,
        "objective": objective,
        "clusters_found": None if status == "failed" else K,
        "updates": 1800 if p else None,
        "epochs": 60 if p else None,
        "data": {"n": len(X), "d": X.shape[1], "n_clusters": K, "features_sha256": "0" * 64},
        "code": {"digest": "1" * 64, "git_commit": "abcdef0" * 5 + "abcde", "dirty": False},
        "versions": dict.fromkeys(("python", "jcae", "numpy", "scipy", "sklearn", "torch"), "1"),
        "device": {"type": "cpu", "name": "Example CPU", "threads": 1, "precision": "float32"},
        "seconds": seconds,
        "block_seconds": seconds * len(SEEDS),
        "peak_memory_mb": {None: 180.0, 2: 420.0, 6: 400.0, 10: 510.0}[p] + seed,
        "peak_gpu_memory_mb": None,
        "started": "2026-01-01T10:00:00+00:00",
        "finished": "2026-01-01T10:05:00+00:00",
        "pretrained": None,
        "command": "",
    }
    write_record(folder / "run.json", record)


@pytest.fixture(scope="session")
def fake(tmp_path_factory):
    """A results folder and a folder of prepared data: digits (images) and wine."""
    root = tmp_path_factory.mktemp("fake")
    return build(root)


def build(root):
    prepared, results = root / "prepared", root / "results"
    for dataset, bunch, image_shape in (("digits", load_digits(), [8, 8]), ("wine", load_wine(), None)):
        X, y = prepare(prepared / dataset, bunch, image_shape)
        for method in METHODS:
            for seed in SEEDS:
                write_run(results, X, y, dataset, method, seed)
            scores = evaluate([results / "runs" / dataset / method], prepared / dataset / "truth.npz")
            (results / "scores" / dataset).mkdir(parents=True, exist_ok=True)
            scores.to_csv(results / "scores" / dataset / f"{method}.csv", index=False)
    collect_scores(results).to_csv(results / "scores.csv", index=False)
    collect_records(results).to_csv(results / "records.csv", index=False)
    for dataset in ("digits", "wine"):
        write_gallery(results, dataset, prepared / dataset, results / "gallery" / dataset)
    return results, prepared


# The three figures of scores are one function: nmi and ari as acc.
# Those of the equivalence and of effects are drawn in test_equivalence.py and test_effects.py, from their own files.
ELSEWHERE = (*OF_EQUIVALENCE, "scores_nmi", "scores_ari", "effects_acc", "effects_nmi", "effects_ari")
CASES = [(n, "digits" if n in PER_DATASET else None) for n in FIGURES if n not in ELSEWHERE]


@pytest.mark.parametrize(("name", "dataset"), CASES)
def test_writes_svg_pdf_and_csv_twice_the_same(fake, tmp_path, name, dataset):
    results, _ = fake
    options = {"reference": "aecm"} if name in OF_COMPARISON else {}
    first = draw(name, results, tmp_path / "a" / name, dataset, **options)
    assert [path.name for path in first] == [f"{name}.svg", f"{name}.pdf", f"{name}.csv"]
    second = draw(name, results, tmp_path / "b" / name, dataset, **options)
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
    shown = np.concatenate([line.get_xdata() for line in figure.axes[0].lines if line.get_marker() in "oD"])
    np.testing.assert_allclose(np.sort(shown), np.sort(100 * data["value"]))


def test_cost_leaves_controls_and_failures_out(fake):
    data = drawn(fake, "cost", "wine")
    assert set(data["method"]) == {"aecm", "aecm_pre", "dec", "ae_kmeans", "kmeans"}
    assert set(data["dataset"]) == {"wine"}
    assert len(data[data["method"] == "dec"]) == 3
    assert (data["seconds"] > 0).all()


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


def test_an_export_gives_the_same_figures(fake, tmp_path):
    results = copy_of(fake, tmp_path)
    export(results, tmp_path / "export")
    assert not (tmp_path / "export/runs").exists()
    for name, dataset in CASES:
        options = {"reference": "aecm"} if name in OF_COMPARISON else {}
        whole = draw(name, fake[0], tmp_path / "whole" / name, dataset, **options)
        again = draw(name, tmp_path / "export", tmp_path / "again" / name, dataset, **options)
        for one, two in zip(whole, again, strict=True):
            assert one.read_bytes() == two.read_bytes(), one.name
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
    svg, _, csv = draw(name, fake[0], tmp_path / name, dataset, reference=reference)
    assert svg.exists()
    assert pd.read_csv(csv).empty


@pytest.mark.parametrize("name", ["maps", "confusion", "curves", "score_curves", "centroids", "interpolations"])
def test_nothing_to_show_is_said_not_raised(fake, tmp_path, name):
    results, prepared = fake
    records = pd.read_csv(results / "records.csv", dtype={"method": "str"})
    only = tmp_path / "only_broken"
    only.mkdir()
    records[records["method"] == "broken"].to_csv(only / "records.csv", index=False)
    write_gallery(only, "digits", prepared / "digits", only / "gallery/digits")
    svg, _, csv = draw(name, only, tmp_path / "figure", "digits")
    assert svg.exists()
    assert pd.read_csv(csv).empty


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
