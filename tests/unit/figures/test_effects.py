"""Effects of parameters: which runs are the reference with one parameter changed, and what is drawn of them."""

import json

import numpy as np
import pandas as pd
import pytest

from jcae.figures import FIGURES, draw, style
from results import record, score

BASE = {"n_clusters": 4, "init": "random", "alpha": 2, "beta": 1.0, "batch_size": 8, "flag": True}
VARIANTS = {
    "base": {},
    "half": {"n_clusters": 2},
    "alpha_4": {"alpha": 4},
    "beta_0": {"beta": 0},
    "beta_50": {"beta": 50.0},
    "beta_dead": {"beta": 5},
    "batch": {"batch_size": 16, "alpha": 4},
    "batch_alone": {"batch_size": 16},
    "no_flag": {"flag": False},
    # None of these is the reference with one number changed.
    "again": {},
    "word": {"init": "kmeans"},
    "two": {"alpha": 4, "beta": 5},
    "not_in_proportion": {"batch_size": 32, "alpha": 4},
    "unlike": {"alpha": [1, 2, 3, 4]},
    "class": {"alpha": 3},
    "start": {"alpha": 5},
}
SHOWN = {
    "n clusters / classes": {0.5: "half", 1: "base"},
    "alpha": {2: "base", 4: "alpha_4"},
    "beta": {0: "beta_0", 1: "base", 5: "beta_dead", 50: "beta_50"},
    "batch size": {8: "base", 16: "batch_alone"},
    "batch size, alpha in proportion": {8: "base", 16: "batch"},
    "flag": {0: "no_flag", 1: "base"},
}
VALUES = [0.5, 0.6, 0.9]


@pytest.fixture
def results(tmp_path):
    records, scores = [], []
    for shift, dataset in enumerate(("digits", "wine")):
        for i, (method, changes) in enumerate(VARIANTS.items()):
            for seed, value in enumerate(VALUES):
                dead = method == "beta_dead" or (method == "beta_50" and seed == 2)
                facts = {
                    "use": "x.Other" if method == "class" else "x.Y",
                    "autoencoder": "shared" if method == "start" else None,
                    "params": json.dumps(BASE | changes | {"random_state": seed}),
                    "n_clusters": 4,
                }
                records.append(record(method, seed, "diverged" if dead else "ok", dataset=dataset, **facts))
                scores.append(score(method, seed, value - 0.01 * i - 0.1 * shift, dataset=dataset))
    folder = tmp_path / "results"
    folder.mkdir()
    pd.DataFrame(records).assign(block="0-2", run="runs/x").to_csv(folder / "records.csv", index=False)
    pd.DataFrame(scores).to_csv(folder / "scores.csv", index=False)
    return folder


def drawn(results, reference="base", **options):
    with style.applied():
        return FIGURES["effects_acc"](results, reference=reference, **options)


def test_one_panel_per_parameter_with_the_runs_that_change_nothing_else(results):
    _, data = drawn(results)
    assert list(dict.fromkeys(data["panel"])) == list(SHOWN)  # in the order of the signature
    for dataset in ("digits", "wine"):
        here = data[data["dataset"] == dataset]
        found = {panel: dict(zip(rows["x"], rows["method"], strict=True)) for panel, rows in here.groupby("panel")}
        assert found == SHOWN
    assert (data["is_reference"] == (data["method"] == "base")).all()


def test_numbers_by_hand(results):
    data = drawn(results)[1].set_index(["panel", "dataset", "method"])
    row = data.loc[("alpha", "wine", "alpha_4")]  # the third method: 0.02 less, and 0.1 less on the second data set
    assert row["mean"] == pytest.approx(np.mean(VALUES) - 0.12)
    assert row["low"] < row["mean"] < row["high"]
    assert (row["n_ok"], row["n_total"], row["value"]) == (3, 3, 4)
    lost = data.loc[("beta", "digits", "beta_50")]
    assert (lost["n_ok"], lost["n_total"]) == (2, 3)
    assert lost["mean"] == pytest.approx((0.5 + 0.6) / 2 - 0.04)
    assert np.isnan(lost["low"])
    assert lost["interval"] == "no interval from 2 values"
    dead = data.loc[("beta", "digits", "beta_dead")]
    assert (dead["n_ok"], dead["n_total"]) == (0, 3)
    assert np.isnan(dead["mean"])


def test_axes_hold_every_value_and_marks_what_is_lost(results):
    figure, _ = drawn(results)
    axes = dict(zip(SHOWN, figure.axes, strict=True))
    for panel, values in SHOWN.items():
        assert axes[panel].get_xticks().tolist() == sorted(values)
        low, high = axes[panel].get_xlim()
        assert low < min(values)
        assert max(values) < high
    assert axes["beta"].get_xscale() == "symlog"
    assert axes["batch size"].get_xscale() == "linear"
    assert [label.get_text() for label in axes["flag"].get_xticklabels()] == ["off", "on"]
    assert [text.get_text() for text in axes["beta"].texts] == ["2/3", "2/3"]
    crosses = [line.get_xdata()[0] for line in axes["beta"].lines if line.get_marker() == "x"]
    assert crosses == [5, 5]
    rings = [line.get_xdata().tolist() for line in axes["alpha"].lines if line.get_markerfacecolor() == "none"]
    assert rings == [[2], [2]]


def test_values_of_another_data_set_have_another_reference(results):
    records = pd.read_csv(results / "records.csv", dtype={"autoencoder": "str"})
    wine = (records["dataset"] == "wine") & (records["method"] == "base")
    records.loc[wine, "params"] = json.dumps(BASE | {"alpha": 4})  # as alpha_4 there
    records.to_csv(results / "records.csv", index=False)
    data = drawn(results)[1]
    alpha = data[(data["panel"] == "alpha") & data["is_reference"]].set_index("dataset")["value"]
    assert alpha.to_dict() == {"digits": 2, "wine": 4}


@pytest.mark.slow
def test_same_files_twice_and_one_data_set(results, tmp_path):
    files = [draw("effects_acc", results, tmp_path / name, reference="base")[0].read_bytes() for name in "ab"]
    assert files[0] == files[1]
    assert set(drawn(results, dataset="wine")[1]["dataset"]) == {"wine"}


@pytest.mark.parametrize(
    ("reference", "message"),
    [(None, "no reference is named"), ("absent", "'absent' is not part"), ("class", "with one parameter changed")],
)
def test_nothing_to_show_is_said(results, reference, message):
    said, data = drawn(results, reference)
    assert data.empty
    assert message in said


def test_no_ok_run_is_said(results):
    pd.read_csv(results / "records.csv").assign(status="failed").to_csv(results / "records.csv", index=False)
    said, data = drawn(results)
    assert data.empty
    assert "no ok run of BASE" in said


def test_records_of_an_older_version_are_read(results):
    pd.read_csv(results / "records.csv").drop(columns="params").to_csv(results / "records.csv", index=False)
    said, data = drawn(results)
    assert data.empty
    assert "older version" in said
