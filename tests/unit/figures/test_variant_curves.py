"""Scores over the strength of imbalance and noise: which data sets are one curve, and what is drawn of them."""

import numpy as np
import pandas as pd
import pytest

from jcae.figures import FIGURES, style
from results import record, score

SETS = {
    "digits_3": ("digits", 3, None),
    "digits_10": ("digits", 10, None),
    "digits_10_noisy": ("digits", 10, 5),  # alone in its kind: no curve
    "wine": (None, None, None),
    "wine_30": ("wine", None, 30),
    "wine_skew": ("wine", 4, None),  # one ratio alone is no curve either
    "iris": (None, None, None),
}
SHOWN = {
    "digits: largest class over smallest": {3: "digits_3", 10: "digits_10"},
    "digits: features of noise, largest class over smallest: 10": None,
    "wine: features of noise": {0: "wine", 30: "wine_30"},
}


def folder_of(tmp_path, sets, dead=()):
    records, scores = [], []
    for i, (dataset, (of, imbalance, noise)) in enumerate(sets.items()):
        for method in ("a", "b"):
            for seed, value in enumerate((0.5, 0.6, 0.9)):
                status = "failed" if (dataset, method, seed) in dead else "ok"
                facts = {"variant_of": of, "imbalance": imbalance, "noise_features": noise, "control": method == "b"}
                records.append(record(method, seed, status, dataset=dataset, **facts))
                scores.append(score(method, seed, value - 0.01 * i, dataset=dataset))
    pd.DataFrame(records).assign(block="0-2", run="runs/x").to_csv(tmp_path / "records.csv", index=False)
    pd.DataFrame(scores).to_csv(tmp_path / "scores.csv", index=False)
    return tmp_path


def drawn(folder, name="variants_acc"):
    with style.applied():
        return FIGURES[name](folder, None)


def test_a_curve_is_one_data_set_in_which_one_thing_varies(tmp_path):
    _, data = drawn(folder_of(tmp_path, SETS))
    expected = {panel: places for panel, places in SHOWN.items() if places}
    found = {panel: dict(zip(rows["x"], rows["dataset"], strict=False)) for panel, rows in data.groupby("panel")}
    assert found == expected
    assert set(data["method"]) == {"a", "b"}


def test_numbers_by_hand(tmp_path):
    folder = folder_of(tmp_path, SETS, dead={("digits_3", "a", 1)})
    figure, data = drawn(folder)
    row = data[(data["dataset"] == "digits_3") & (data["method"] == "a")].iloc[0]
    assert (row["mean"], row["n_ok"], row["n_total"]) == (pytest.approx(0.7), 2, 3)
    assert np.isnan(row["low"]), "no interval of two seeds"
    row = data[(data["dataset"] == "digits_10") & (data["method"] == "a")].iloc[0]
    assert row["mean"] == pytest.approx(2 / 3 - 0.01)
    assert row["low"] < row["mean"] < row["high"]
    assert "A on digits_3 2/3" in " ".join(figure._supxlabel.get_text().split()), "a failure is named"


@pytest.mark.parametrize("sets", [{"iris": SETS["iris"]}, {"digits_3": SETS["digits_3"]}, {"wine_30": SETS["wine_30"]}])
def test_without_a_curve_it_says_so(tmp_path, sets):
    _, data = drawn(folder_of(tmp_path, sets))
    assert data.empty


def test_records_of_an_older_version_have_no_variants(tmp_path):
    folder = folder_of(tmp_path, SETS)
    records = pd.read_csv(folder / "records.csv").drop(columns=["variant_of", "imbalance", "noise_features"])
    records.to_csv(folder / "records.csv", index=False)
    assert drawn(folder, "variants_nmi")[1].empty
