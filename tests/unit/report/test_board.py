"""Where methods stand: what is set side by side, and what is kept apart."""

import json
import re

import pandas as pd
import pytest
from browser import look, needs_browser

from jcae.report.board import sections, write_board
from results import record, score


def folder_of(place, methods, labels=("own",), curves=None, dataset="digits", dead=(), **facts):
    """An export with these methods, {name: values of ACC by seed}."""
    place.mkdir(parents=True)
    records, scores = [], []
    for method, values in methods.items():
        for seed, value in enumerate(values):
            status = "diverged" if (method, seed) in dead else "ok"
            records.append(record(method, seed, status, dataset, run=f"{method}/{seed}", precision="float32", **facts))
            scores += [
                score(method, seed, value, metric, kind, dataset) for kind in labels for metric in ("acc", "nmi")
            ]
            scores.append(score(method, seed, value, "ari", labels[0], dataset))
    pd.DataFrame(records).to_csv(place / "records.csv", index=False)
    pd.DataFrame(scores).to_csv(place / "scores.csv", index=False)
    if curves is not None:
        (place / "gallery" / dataset).mkdir(parents=True)
        pd.DataFrame(curves).to_csv(place / "gallery" / dataset / "score_curves.csv.gz", index=False)
    return place


def column(section, dataset, name):
    grid = section.tables[dataset]
    return [row[grid.head.index(name)].text for row in grid.rows]


def by_name(folders):
    return {section.name: section for section in sections(folders)}


def test_runs_and_submissions_stand_side_by_side_by_protocol(tmp_path):
    ours = folder_of(tmp_path / "ours", {"a": [0.6, 0.7, 0.8], "b": [0.9, 0.9, 0.9], "random": [0.1]}, ("own", "refit"))
    theirs = folder_of(
        tmp_path / "theirs", {"submitted_x": [0.75]}, params=json.dumps({"protocol": "last"}), device_name="Other"
    )
    peeked = folder_of(tmp_path / "peeked", {"submitted_y": [0.99]}, params=json.dumps({"protocol": "best-by-labels"}))
    split = folder_of(tmp_path / "split", {"c": [0.5]}, split="half of the points")
    found = by_name([ours, theirs, peeked, split])
    assert list(found) == ["last", "refit", "transfer", "best-by-labels"]
    last = found["last"]
    assert column(last, "digits", "method") == ["B", "SUBMITTED_X", "A"], "the best ACC first, and no control"
    assert column(last, "digits", "run") == ["ours", "theirs", "ours"]
    assert column(last, "digits", "hardware") == ["Example", "Other", "Example"]
    best, submitted, a = column(last, "digits", "ACC [95 %]")
    assert (best, submitted) == ("90.0 [90.0, 90.0]", "75.0"), "no interval of one labelling"
    assert re.fullmatch(r"70\.0 \[6\d\.\d, [78]\d\.\d\]", a)
    assert column(found["refit"], "digits", "method") == ["B", "A"]
    assert column(found["transfer"], "digits", "method") == ["C"]
    assert column(found["best-by-labels"], "digits", "method") == ["SUBMITTED_Y"]


def test_failures_are_counted_and_part_of_no_mean(tmp_path):
    folder = folder_of(tmp_path / "run", {"a": [0.6, 0.7, 0.2]}, dead={("a", 2)})
    section = by_name([folder])["last"]
    assert column(section, "digits", "ACC [95 %]") == ["65.0"]
    assert column(section, "digits", "runs") == ["3, 2 ok, 1 diverged"]


def test_best_by_labels_is_the_mean_of_each_seeds_best(tmp_path):
    curves = [
        {"method": "a", "seed": seed, "phase": "joint", "update": update, "metric": "acc", "value": value}
        for seed, values in enumerate([(0.5, 0.9, 0.6), (0.2, 0.3, 0.5), (1.0, 1.0, 1.0)])
        for update, value in enumerate(values)
    ]
    folder = folder_of(tmp_path / "run", {"a": [0.6, 0.5, 0.4]}, curves=curves, dead={("a", 2)})
    found = by_name([folder])
    assert column(found["best-by-labels"], "digits", "ACC [95 %]") == ["70.0"], "of 90 and 50: the third run diverged"
    assert column(found["last"], "digits", "ACC [95 %]") == ["55.0"]


def test_other_points_under_one_name_are_told_apart(tmp_path):
    import gzip

    folders = []
    for i, digest in enumerate(("aaaaaaaaaa", "bbbbbbbbbb")):
        folders.append(folder_of(tmp_path / f"run{i}", {"a": [0.5]}))
        with gzip.open(folders[-1] / "runs.jsonl.gz", "wt") as lines:
            lines.write(json.dumps({"run": "a/0", "data": {"features_sha256": digest}}) + "\n")
    assert column(by_name(folders)["last"], "digits", "data") == ["aaaaaaaa", "bbbbbbbb"]
    assert "data" not in by_name(folders[:1])["last"].tables["digits"].head


def test_bad_folders_are_named(tmp_path):
    good = folder_of(tmp_path / "run", {"a": [0.5]})
    with pytest.raises(ValueError, match=r"nothing holds no records\.csv"):
        write_board([tmp_path / "nothing"], tmp_path / "out")
    with pytest.raises(ValueError, match="two folders are called run"):
        write_board([good, folder_of(tmp_path / "other" / "run", {"a": [0.5]})], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_of_failures_has_a_page(tmp_path):
    folder = folder_of(tmp_path / "run", {"a": [0.5]}, dead={("a", 0)})
    page = write_board([folder], tmp_path / "out").read_text(encoding="utf-8")
    assert "no run of these is ok" in page


@needs_browser
@pytest.mark.parametrize("size", [(1400, 900), (390, 844)])
def test_in_a_browser_nothing_is_cut_and_tables_sort(tmp_path, size):
    ours = folder_of(tmp_path / "ours", {"a": [0.6, 0.7, 0.8], "b": [0.9, 0.9, 0.9]}, ("own", "refit"))
    page = write_board([ours], tmp_path / "out")
    seen = look(page, *size, tmp_path / "profile")
    assert not seen["errors"]
    assert not seen["cut"]
    as_it_is, once, twice = seen["orders"]
    assert once == twice[::-1] == as_it_is
