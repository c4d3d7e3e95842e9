"""What a choice of the update by labels would have printed."""

import pandas as pd
import pytest

from jcae.statistics.peeking import read_score_curves
from jcae.tables.peeking import peeking_table
from results import record

COLUMNS = ["method", "seed", "phase", "update", "metric", "value"]


def curves(tmp_path, rows, dataset="digits"):
    folder = tmp_path / "gallery" / dataset
    folder.mkdir(parents=True)
    pd.DataFrame(rows, columns=COLUMNS).to_csv(folder / "score_curves.csv.gz", index=False)


def path(method, seed, **values):
    """One row per update and score, two phases."""
    return [
        (method, seed, "start" if i == 0 else "joint", i, metric, value)
        for metric, by_update in values.items()
        for i, value in enumerate(by_update)
    ]


def test_last_and_best_by_hand(tmp_path):
    a = path("a", 0, acc=[0.9, 0.5, 0.6], nmi=[0.1, 0.4, 0.2], ari=[0.0, 0.0, 0.0])
    a += path("a", 1, acc=[0.2, 0.7, 0.4], nmi=[0.1, 0.2, 0.3], ari=[0.0, 0.0, 0.1])
    lost = path("a", 2, acc=[1.0, 1.0, 1.0], nmi=[1.0, 1.0, 1.0], ari=[1.0, 1.0, 1.0])
    control = path("random", 0, acc=[1.0], nmi=[1.0], ari=[1.0])
    curves(tmp_path, a + lost + control)
    records = [record("a", 0), record("a", 1), record("a", 2, "diverged"), record("b", 0), record("random", 0)]
    table = peeking_table(read_score_curves(tmp_path), pd.DataFrame(records))
    (row,) = table.data.to_dict("records")
    assert (row["dataset"], row["method"], row["n_ok"]) == ("digits", "a", 2)
    expected = {"acc": (0.5, 0.8), "nmi": (0.25, 0.35), "ari": (0.05, 0.05)}
    for metric, (last, best) in expected.items():
        assert row[f"{metric}_last"] == pytest.approx(last)
        assert row[f"{metric}_best_by_labels"] == pytest.approx(best)
    (cells,) = table.cells.to_dict("records")
    assert (cells["ACC"], cells["ACC: best*"], cells["ARI: best*"]) == ("50.0", "(80.0, +30.0)", "(5.0, 0.0)")


def test_what_is_added_has_an_interval(tmp_path):
    rows = []
    for seed, gain in enumerate([0.1, 0.2, 0.3]):
        rows += path("a", seed, acc=[0.5 + gain, 0.5], nmi=[0.4], ari=[0])
    curves(tmp_path, rows)
    table = peeking_table(read_score_curves(tmp_path), pd.DataFrame([record("a", seed) for seed in range(3)]))
    (row,) = table.data.to_dict("records")
    assert row["acc_gain"] == pytest.approx(0.2)
    assert 0.099 < row["acc_gain_low"] < 0.2 < row["acc_gain_high"] < 0.301
    assert table.cells["ACC: best*"].iloc[0].startswith("(70.0, +20.0 [+1")
    assert row["nmi_gain_low"] == row["nmi_gain_high"] == 0


def test_data_sets_side_by_side(tmp_path):
    for dataset in ("digits", "wine"):
        curves(tmp_path, path("a", 0, acc=[0.5], nmi=[0.5], ari=[0.5]), dataset)
    records = pd.DataFrame([record("a", 0, dataset=dataset) for dataset in ("digits", "wine")])
    assert peeking_table(read_score_curves(tmp_path), records).data["dataset"].tolist() == ["digits", "wine"]


def test_without_curves_the_table_says_so(tmp_path):
    table = peeking_table(read_score_curves(tmp_path), pd.DataFrame([record("a", 0)]))
    assert table.data.empty
    assert "No curves" in table.note
