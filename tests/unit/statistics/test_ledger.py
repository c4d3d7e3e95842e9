"""Published numbers against ours: when they may be compared, and what the comparison says."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from jcae.data.catalogue import CATALOGUE
from jcae.jobs.config import read_config
from jcae.statistics.ledger import PUBLISHED, ledger, match_protocol, match_runs, peeks, read_published
from jcae.tables.ledger import ledger_table
from results import record, score

FILE = Path(__file__).parents[3] / "config" / "published.csv"
MEAN = "mean of 10 runs"


def ours(values, method="kmeans", dataset="mnist", n=70000, status="ok", **changes):
    facts = {"n": n, "autoencoder": None} | changes
    records = [record(method, seed, status, dataset=dataset, **facts) for seed in range(len(values))]
    scores = [score(method, seed, value, dataset=dataset) for seed, value in enumerate(values)]
    return pd.DataFrame(scores), pd.DataFrame(records)


def published(value, protocol=MEAN, method="kmeans", dataset="mnist", metric="acc", certainty="read"):
    row = [method, dataset, metric, value, protocol, "somewhere", certainty]
    return pd.DataFrame([row], columns=PUBLISHED)


@pytest.mark.parametrize(
    ("protocol", "match"),
    [
        (MEAN, "yes"),
        ("mean of 10 runs (rounded)", "yes"),
        ("mean of 10 runs, test part of evaluation split", "no"),
        ("mean of 10 runs, test part of evaluation split (faulty DCN port)", "no"),
        ("single value, best over hyperparameter choice", "no"),
        ("best of several runs", "no"),
        ("mean of 10 runs, sd 0.22, best epoch of each score by labels", "no"),
        ("approximate, train split 60k only, per-batch target", "no"),
        ("single value", "unknown"),
        ("as quoted, runs not stated", "unknown"),
        ("IDEC authors rerun", "unknown"),
        ("", "unknown"),
    ],
)
def test_protocols_by_their_text(protocol, match):
    found, reason = match_protocol(protocol)
    assert found == match
    assert bool(reason) == (match != "yes")


def test_labels_are_known_to_have_chosen_the_epoch():
    rows = pd.concat([published(60, f"{MEAN}, best epoch of each score by labels"), published(50)])
    gains = pd.DataFrame([{"dataset": "mnist", "method": "kmeans", "metric": "acc", "gain": 0.031}])
    found = ledger(rows, *ours([0.5] * 3), gains=gains)
    assert found["peeks"].tolist() == [True, False]
    assert found["peeking_gain"].tolist() == [0.031, 0.031]
    table = ledger_table(rows, *ours([0.5] * 3), gains=gains)
    assert table.cells["labels chose the epoch"].tolist() == ["yes (+3.1)", ""]
    assert ledger_table(rows, *ours([0.5] * 3)).cells["labels chose the epoch"].tolist() == ["yes", ""]
    assert "labels chose the epoch" not in ledger_table(published(50), *ours([0.5] * 3)).cells
    known = read_published(FILE)
    assert set(known.loc[known["protocol"].map(peeks), "method"]) == {"agcn", "dagc", "rgc"}


def test_runs_on_a_subset_or_shorter_are_another_protocol():
    deep = {"autoencoder": "shared", "updates": 100.0}
    assert match_runs(ours([0.5])[1]) == ("yes", "")  # k-means has no length
    assert match_runs(ours([0.5], n=5000)[1]) == ("no", "ours: 5000 of 70000 points")
    assert match_runs(ours([0.5], **deep)[1], "published") == ("yes", "")
    assert match_runs(ours([0.5], **deep)[1], "shorter")[0] == "no"
    assert match_runs(ours([0.5], **deep)[1])[0] == "unknown"


@pytest.mark.parametrize(
    ("value", "verdict"),
    # Ours: 0.50 in each of three seeds, so the interval is 0.50 and 0.49 to 0.51 with the margin.
    [(0.5, "reproduced"), (0.51, "reproduced"), (0.49, "reproduced"), (0.511, "lower"), (0.489, "higher")],
)
def test_verdict_by_hand(value, verdict):
    row = ledger(published(value), *ours([0.5, 0.5, 0.5])).iloc[0]
    assert (row["verdict"], row["match"]) == (verdict, "yes")
    assert row["difference"] == pytest.approx(0.5 - value)


def test_interval_counts_and_margin_is_added_to_it():
    values = [0.4, 0.5, 0.6, 0.5, 0.55]
    row = ledger(published(0.58), *ours(values), margin=0.0).iloc[0]
    assert row["low"] < np.mean(values) < row["high"]
    assert row["verdict"] == ("reproduced" if row["high"] >= 0.58 else "lower")
    assert ledger(published(0.58), *ours(values), margin=0.1).iloc[0]["verdict"] == "reproduced"


def test_unknown_protocol_keeps_its_verdict_and_says_so():
    row = ledger(published(0.5, "single value"), *ours([0.5, 0.5, 0.5])).iloc[0]
    assert (row["verdict"], row["match"]) == ("reproduced", "unknown")
    assert "unknown spread" in row["reason"]


@pytest.mark.parametrize(
    ("number", "runs", "reason"),
    [
        (published(0.5, "best run"), ours([0.5] * 3), "best of several"),
        (published(0.5, dataset="usps"), ours([0.5] * 3), "not run"),
        (published(0.5, method="dec"), ours([0.5] * 3), "not run"),
        (published(0.5), ours([0.5] * 2), "no interval from 2 values"),
        (published(0.5), ours([0.5] * 3, status="failed"), "no ok run"),
        (published(0.5), ours([0.5] * 3, n=100), "100 of 70000 points"),
    ],
)
def test_not_comparable_with_the_reason(number, runs, reason):
    row = ledger(number, *runs).iloc[0]
    assert row["verdict"] == "not comparable"
    assert reason in row["reason"]


def test_runs_that_are_not_ok_are_counted():
    scores, records = ours([0.5, 0.5, 0.5, 0.9])
    records.loc[3, "status"] = "diverged"
    row = ledger(published(0.5), scores, records).iloc[0]
    assert (row["n_ok"], row["n_total"], row["verdict"]) == (3, 4, "reproduced")
    assert "1 run of 4 not ok" in row["reason"]


def test_other_labels_and_scores_do_not_enter():
    scores, records = ours([0.5] * 3)
    refit = scores.assign(labels="refit", value=0.9)
    nmi = scores.assign(metric="nmi", value=0.8)
    row = ledger(published(0.5), pd.concat([scores, refit, nmi]), records).iloc[0]
    assert row["mean"] == 0.5


def test_the_file_is_sound():
    data = read_published(FILE)
    assert set(data["dataset"]) <= set(CATALOGUE)
    configs = [FILE.parents[1] / "config.yaml", *FILE.parent.glob("*.yaml")]
    assert set(data["method"]) <= {name for path in configs for name in read_config([path]).get("methods", {})}
    assert not data.duplicated().any()
    assert (data["value"].between(0, 1) ^ (data["certainty"] == "unread")).all()
    kmeans = data[(data["method"] == "kmeans") & (data["dataset"] == "mnist")].set_index("metric")["value"]
    assert kmeans.to_dict() == {"acc": 0.53, "nmi": 0.50}
    # One start, one row: annealed from random weights, and from a pretrained autoencoder.
    dkm = data[(data["dataset"] == "usps") & (data["metric"] == "acc")].set_index("method")["value"]
    assert dkm["dkm_random"] == 0.755
    assert dkm["dkm"] == 0.757


def test_the_file_says_where_the_source_has_other_points_or_another_name():
    data = read_published(FILE)
    dkm = data[(data["dataset"] == "reuters10k") & data["source"].str.startswith("arXiv 1806.10069")]
    assert dkm["protocol"].str.contains("another subset of 10000 documents").all()
    assert {match_protocol(text)[0] for text in dkm["protocol"]} == {"no"}
    vade = data[(data["dataset"] == "har") & (data["method"] == "vade")]
    assert vade["protocol"].str.contains("called HHAR there, first 10200 points only").all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metric": "f1"}, "line 2: 'f1' is no score"),
        ({"certainty": "sure"}, "line 2: certainty 'sure'; allowed: read, recalled"),
        ({"value": "0,5"}, "line 2: the value is no percentage"),
        ({"value": "534"}, "line 2: the value is no percentage"),
    ],
)
def test_mistakes_in_the_file_are_named(tmp_path, change, message):
    row = dict(zip(PUBLISHED, ["kmeans", "mnist", "acc", "53", MEAN, "s", "read"], strict=True)) | change
    pd.DataFrame([row]).to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(ValueError, match=message):
        read_published(tmp_path / "p.csv")
    pd.DataFrame([row]).drop(columns="source").to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(ValueError, match="column 'source' is missing"):
        read_published(tmp_path / "p.csv")


def test_settings_are_checked():
    with pytest.raises(ValueError, match="published, shorter, unknown"):
        ledger(published(0.5), *ours([0.5]), length="long")
    with pytest.raises(ValueError, match="must not be below 0"):
        ledger(published(0.5), *ours([0.5]), margin=-1)


def test_table_shows_the_data_sets_of_the_run_and_counts_the_rest():
    numbers = pd.concat([published(0.5, certainty="recalled"), published(0.7), published(0.5, dataset="usps")])
    table = ledger_table(numbers, *ours([0.5] * 3))
    assert table.cells["verdict"].tolist() == ["reproduced", "lower"]
    assert table.cells["published"].tolist() == ["50.0*", "70.0"]
    assert len(table.data) == 3
    assert "2 of 3 published numbers are on the data sets of this run: 1 reproduced, 1 lower" in table.note
    assert "quoted from memory" in table.note


def test_table_without_rows_says_why():
    table = ledger_table(published(0.5, dataset="usps"), *ours([0.5] * 3))
    assert table.cells.empty
    assert "None of the 1 published numbers is on a data set of this run (mnist)" in table.note


def test_difference_has_the_interval_of_welch_where_the_spread_is_known():
    ours_values, theirs = [0.6, 0.7, 0.65, 0.8], [0.5, 0.62, 0.7, 0.55, 0.58, 0.66, 0.61, 0.49]
    protocol = f"mean of 8 runs, sd {100 * np.std(theirs, ddof=1):.12f} of the runs"
    row = ledger(published(np.mean(theirs), protocol), *ours(ours_values)).iloc[0]
    expected = stats.ttest_ind(ours_values, theirs, equal_var=False).confidence_interval(0.95)
    assert (row["difference_low"], row["difference_high"]) == pytest.approx((expected.low, expected.high))
    table = ledger_table(published(np.mean(theirs), protocol), *ours(ours_values))
    assert "difference [95 %]" in table.cells
    assert "Welch" in table.note
    alone = ledger(published(np.mean(theirs), protocol), *ours([0.6])).iloc[0]
    assert np.isnan(alone["difference_low"])
    assert "difference [95 %]" not in ledger_table(published(0.5), *ours(ours_values)).cells


def test_number_that_could_not_be_read_has_none():
    row = ledger(published(np.nan, "mean and best of 20 runs", certainty="unread"), *ours([0.5, 0.5, 0.6])).iloc[0]
    assert (row["verdict"], row["match"]) == ("not comparable", "no")
    assert row["reason"].startswith("published: not read by us")
    table = ledger_table(published(np.nan, certainty="unread"), *ours([0.5, 0.5, 0.6]))
    assert table.cells["published"].tolist() == ["–"]
    assert "we could not read it" in table.note


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,b,acc,,mean,s,read", "line 2: the value is no percentage"),
        ("a,b,acc,70,mean,s,unread", "line 2: a value of 70 that is called unread"),
        ("a,b,acc,70,mean,s,guessed", "line 2: certainty 'guessed'; allowed: read, recalled, unread"),
    ],
)
def test_values_and_certainties_that_do_not_fit_are_refused(tmp_path, row, message):
    (tmp_path / "p.csv").write_text(",".join(PUBLISHED) + "\n" + row + "\n")
    with pytest.raises(ValueError, match=message):
        read_published(tmp_path / "p.csv")


@pytest.mark.parametrize("name", ["aecm", "dmae"])
def test_no_number_of_a_table_that_we_have_not_seen_is_told_from_memory(name):
    numbers = read_published(FILE)
    assert set(numbers.loc[numbers["method"].str.startswith(name), "certainty"]) == {"unread"}


def test_an_epoch_that_labels_chose_is_named_as_such():
    reason = match_protocol("mean of 10 runs, sd 0.22, best epoch of each score by labels, given graph")[1]
    assert reason == "published: labels chose the epoch, ours: the last one"


def test_a_row_that_stands_twice_is_refused(tmp_path):
    lines = [",".join(PUBLISHED), "a,b,acc,50,mean,s,read", "a,b,nmi,50,mean,s,read", "a,b,acc,50,mean,s,read"]
    (tmp_path / "p.csv").write_text("\n".join(lines))
    with pytest.raises(ValueError, match="line 4: the same row stands above"):
        read_published(tmp_path / "p.csv")


def test_one_number_of_a_source_is_one_row_and_its_spread_is_read():
    numbers = read_published(FILE)
    named = ["method", "dataset", "metric", "value", "source"]
    read = numbers[numbers["certainty"] != "unread"]
    assert not read.duplicated(named).any()
    assert not read["protocol"].str.contains(r"\bstd\b").any()  # the ledger reads "sd"
