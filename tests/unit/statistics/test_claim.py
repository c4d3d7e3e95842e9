"""The claim by hand: who is a rival, who is the strongest, and when nothing can be said."""

import pandas as pd
import pytest

from jcae.statistics.claim import FAILS, HOLDS, UNTESTED, claim
from jcae.statistics.pairs import paired
from results import record, score


def tables(values, start="shared", **changes):
    """Records and scores of {method: [score or None for a failed run, by seed]}; all start from `start`."""
    records = [
        record(method, seed, "failed" if value is None else "ok", **{"autoencoder": start} | changes.get(method, {}))
        for method, found in values.items()
        for seed, value in enumerate(found)
    ]
    scores = [score(m, seed, value) for m, found in values.items() for seed, value in enumerate(found) if value]
    return pd.DataFrame(scores), pd.DataFrame(records)


def claimed(values, method="ours", **changes):
    scores, records = tables(values, **changes)
    return claim(paired(scores, records, "acc", method), records, method)


def row(values, **changes):
    found = claimed(values, **changes)
    assert len(found) == 1
    return found.iloc[0]


def test_strongest_rival_by_hand():
    found = row({"ours": [0.5, 0.7], "weak": [0.1, 0.2], "strong": [0.4, 0.6]})
    assert found["reference"] == "strong"
    assert found[["mean", "reference_mean", "difference"]].tolist() == pytest.approx([0.6, 0.5, 0.1])
    assert found[["n_pairs", "n_rivals", "not_below", "no_pairs", "verdict"]].tolist() == [2, 2, "", "", HOLDS]


def test_interval_turns_with_the_difference():
    found = row({"ours": [0.5, 0.6, 0.8, 0.7], "rival": [0.4, 0.7, 0.6, 0.4]})
    assert found["difference"] == pytest.approx(0.125)
    assert found["difference_low"] < 0.125 < found["difference_high"]
    assert found["difference_high"] == pytest.approx(0.25, abs=0.06)  # the largest difference is 0.3, the smallest -0.1
    assert found["difference_low"] > -0.1


@pytest.mark.parametrize(("theirs", "verdict"), [([0.5, 0.7], FAILS), ([0.6, 0.7], FAILS), ([0.7, 0.49], HOLDS)])
def test_a_tie_is_not_above(theirs, verdict):
    found = row({"ours": [0.5, 0.7], "rival": theirs})
    assert found["verdict"] == verdict
    assert found["not_below"] == ("rival" if verdict == FAILS else "")


def test_a_tie_has_no_sign():
    assert str(row({"ours": [0.5, 0.7], "rival": [0.5, 0.7]})["difference"]) == "0.0"


def test_who_started_elsewhere_is_no_rival():
    other = {"other": {"autoencoder": "own"}, "none": {"autoencoder": None}, "random": {"control": True}}
    values = {"ours": [0.5], "rival": [0.4], "other": [0.9], "none": [0.9], "random": [0.9]}
    found = row(values, **other)
    assert found[["n_rivals", "reference", "verdict"]].tolist() == [1, "rival", HOLDS]


def test_only_pairs_count_and_the_rest_is_named():
    found = row({"ours": [0.5, None], "late": [None, 0.9], "rival": [0.4, 0.9]})
    assert found[["n_pairs", "no_pairs", "verdict"]].tolist() == [1, "late", HOLDS]
    assert found["difference"] == pytest.approx(0.1)


def test_without_rivals_nothing_is_said():
    assert row({"ours": [0.5]})["verdict"] == UNTESTED
    assert row({"ours": [0.5], "other": [0.4]}, start=None)["verdict"] == UNTESTED
    assert row({"ours": [None], "rival": [0.4]})["verdict"] == UNTESTED
    assert claimed({"rival": [0.4]}).empty
    assert claimed({"rival": [0.4]}, method=None).empty
