"""The report of a run: its sentences, its links, and runs of which little is left."""

import re
from html import unescape
from urllib.parse import unquote, urldefrag

import numpy as np
import pandas as pd
import pytest
from browser import look, needs_browser

from jcae.figures import draw
from jcae.report import words
from jcae.report.source import Source
from jcae.report.write import write_report
from jcae.tables.how_many import write_how_many_tables
from jcae.tables.run import write_tables
from results import record, score

RUN = {"run": None, "block": "0 1 2", "started": "2026-01-02T03:04:05+00:00", "n": 100, "d": 4, "n_clusters": 3}
RUN |= {"truth": True, "objective_name": "loss_", "precision": "float32", "threads": 1, "code_digest": "c0de"}
RUN |= {"params": '{"n_init": 20, "random_state": 0}'}


def row(method, seed, status="ok", dataset="digits", **changes):
    return record(method, seed, status, dataset, **RUN | {"run": f"runs/{dataset}/{method}/0-2/{seed}"} | changes)


@pytest.fixture
def make(tmp_path):
    """Write a run with these records, scores and gallery, its tables, and its report; returns the source."""

    def write(records, scores, gallery=()):
        folder = tmp_path / "wine & more"
        folder.mkdir()
        pd.DataFrame(records).to_csv(folder / "records.csv", index=False)
        columns = ["dataset", "method", "seed", "labels", "metric", "value"]
        pd.DataFrame(scores, columns=columns).to_csv(folder / "scores.csv", index=False)
        for name, rows in dict(gallery).items():
            (folder / "gallery/digits").mkdir(parents=True, exist_ok=True)
            rows.to_csv(folder / "gallery/digits" / name, index=False)
        write_tables(folder, folder / "tables")
        assert write_report(folder, folder, folder / "report") == folder / "report/index.html"
        return Source(folder, folder)

    return write


@pytest.fixture
def made(make):
    """Two methods and a control on two data sets; a seed of one diverged."""
    values = {"kmeans": 0.7, "aecm": 0.8, "random": 0.1}
    label = 'AE-CM <b>"&'
    records = [
        row(m, s, dataset=d, **({"label": label} if m == "aecm" else {}))
        for d in ("digits", "wine")
        for m in values
        for s in range(3)
    ]
    bad = next(r for r in records if (r["method"], r["dataset"], r["seed"]) == ("aecm", "wine", 2))
    bad |= {"status": "diverged", "reason": "loss became nan <i>"}
    scores = [
        score(r["method"], r["seed"], values[r["method"]] + r["seed"] / 100, metric, dataset=r["dataset"])
        for r in records
        for metric in ("acc", "nmi", "ari")
        if r["status"] == "ok"
    ]
    return make(records, scores)


def pages(source):
    return {
        path.relative_to(source.shown / "report").as_posix(): path for path in source.shown.rglob("report/**/*.html")
    }


def text_of(page):
    return unescape(re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8")))


def test_the_sentences_come_from_the_numbers(made):
    assert words.what_ran(made) == [
        "3 methods on 2 data sets (digits and wine), seeds 0-2: 18 runs, 17 ok, 1 diverged.",
        "Seconds of training on 2026-01-02, on Example.",
    ]
    assert words.what_failed(made) == [
        'Not ok: AE-CM <b>"& on wine (1 run). They are counted in every table and part of no mean.'
    ]
    assert words.what_came_out(made)[0] == (
        'The highest mean ACC has on digits AE-CM <b>"& (81.0 ± 1.0) and on wine AE-CM <b>"& (80.5 ± 0.7).'
    )
    assert words.the_claim(made) == words.the_equivalence(made) == []


def test_a_claim_is_told_as_its_table_says(made):
    rows = [("digits", -0.031, "does not hold"), ("wine", 0.02, "holds")]
    table = pd.DataFrame(rows, columns=["dataset", "difference", "verdict"]).assign(method="aecm", reference="kmeans")
    table.to_csv(made.shown / "tables/claim_acc.csv", index=False)
    (said,) = words.the_claim(made)
    assert "does not hold on digits (KMEANS: -3.1); holds on wine (KMEANS: +2.0)" in said


def test_an_identity_that_fails_is_told(made):
    checks = pd.DataFrame({"check": ["a", "b"], "error": [1e-12, 0.5], "holds": [True, False]})
    checks.to_csv(made.shown / "tables/algebra.csv", index=False)
    assert words.the_equivalence(made)[0].startswith("1 of 2 identities")


def test_without_a_verdict_none_is_told(made):
    fits = pd.DataFrame({"dataset": ["wine"], "verdict_acc": [None], "verdict_nmi": [None]})
    fits.to_csv(made.shown / "tables/equivalence.csv", index=False)
    assert words.the_equivalence(made) == []
    fits.assign(verdict_nmi="equivalent").to_csv(made.shown / "tables/equivalence.csv", index=False)
    assert words.the_equivalence(made) == ["Fitted side by side, their NMIs are equivalent on 1 data set."]


def test_there_is_a_page_for_everything(made):
    found = set(pages(made))
    assert {"index.html", "comparison.html", "tables.html", "provenance.html"} <= found
    assert {"datasets/digits.html", "methods/aecm.html", "runs/wine/aecm.html"} <= found
    assert "equivalence.html" not in found


def test_all_links_resolve_and_nothing_comes_from_outside(made):
    checked = 0
    for path in pages(made).values():
        for link in re.findall(r'(?:href|src)="([^"]*)"', path.read_text(encoding="utf-8")):
            place, anchor = urldefrag(unescape(link))
            assert "//" not in place, link
            target = path.parent / unquote(place) if place else path
            assert target.is_file(), f"{path}: {link}"
            assert not anchor or f'id="{anchor}"' in target.read_text(encoding="utf-8")
            checked += 1
    assert checked > 100


def test_a_number_leads_to_its_runs(made):
    front = pages(made)["index.html"].read_text(encoding="utf-8")
    assert '<a href="runs/digits/aecm.html">81.0 ± 1.0</a>' in front
    runs = text_of(pages(made)["runs/wine/aecm.html"])
    assert "diverged" in runs
    assert "loss became nan <i>" in runs
    assert "runs/wine/aecm/0-2/2" in runs


@pytest.fixture
def sure(make):
    """A method whose seeds were held against each other and watched on their way."""
    values = {"agreement": 0.9, "doubtful": 0.1, "auc": 0.8, "acc": 0.7, "nmi": 0.6, "ari": 0.5, "clusters": 3}
    agreed = pd.DataFrame([("kmeans", 2, name, value) for name, value in values.items()])
    looks = [
        ("kmeans", s, "fit", u, m, v) for s in (0, 1) for m in ("acc", "nmi", "ari") for u, v in enumerate((0.6, 0.5))
    ]
    gallery = {
        "confidence.csv.gz": agreed.set_axis(["method", "n_ok", "measure", "value"], axis=1),
        "score_curves.csv.gz": pd.DataFrame(looks, columns=["method", "seed", "phase", "update", "metric", "value"]),
    }
    records = [row("kmeans", 0), row("kmeans", 1), row("aecm", 0), row("aecm", 1, "failed")]
    scores = [score("kmeans", s, 0.5, m) for s in (0, 1) for m in ("acc", "nmi", "ari")]
    return make(records, scores, gallery)


def test_how_sure_and_what_peeking_buys_have_pages(sure):
    found = pages(sure)
    assert words.how_sure(sure) == [
        "The agreement of the seeds with their consensus, mean over all points of a data set, lies between 90.0 % "
        "(KMEANS on digits) and 90.0 % (KMEANS on digits).",
        "The consensus has a higher ACC than the mean of its seeds in 1 of 1 case; the median difference is +20.0 "
        "points.",
        "A point in the cluster of its class has a greater agreement than one in another with a chance of 80 to 80 % "
        "(50: agreement tells nothing).",
    ]
    text = text_of(found["confidence.html"])
    assert "nothing to hold against each other: AECM on digits (1/2)." in text
    assert words.what_peeking_buys(sure)[0].startswith(
        "Choosing the update by labels would have added 10.0 points of ACC"
    )
    assert "(60.0, +10.0)" in text_of(found["peeking.html"])


def test_a_consensus_leads_to_the_runs_behind_it_and_leads_no_ranking(sure):
    front = pages(sure)["index.html"].read_text(encoding="utf-8")
    assert "KMEANS, consensus†" in front
    assert '<a href="runs/digits/kmeans.html">70.0</a>' in front
    assert words.what_came_out(sure)[0] == "The highest mean ACC has on digits KMEANS (50.0 ± 0.0)."


def test_without_two_seeds_there_is_no_page_of_confidence(made):
    assert not {"confidence.html", "peeking.html"} & set(pages(made))
    assert words.how_sure(made) == words.what_peeking_buys(made) == []


def test_text_of_a_config_is_no_markup(made):
    for path in pages(made).values():
        assert 'AE-CM <b>"' not in path.read_text(encoding="utf-8")
    assert 'AE-CM <b>"&' in text_of(pages(made)["index.html"])


def test_a_run_of_failures_alone_has_a_report(make):
    source = make([row("kmeans", s, "failed") for s in range(2)], [])
    assert "2 runs, 0 ok, 2 failed" in text_of(pages(source)["index.html"])


def test_one_method_one_seed(make):
    source = make([row("kmeans", 0)], [score("kmeans", 0, 0.5, m) for m in ("acc", "nmi", "ari")])
    assert "1 method on 1 data set (digits), seed 0: 1 run, all ok." in text_of(pages(source)["index.html"])


def test_without_a_truth(make):
    scores = [score("kmeans", s, 0.3, "silhouette_features") for s in range(2)]
    source = make([row("kmeans", s, truth=False, n_clusters=np.nan) for s in range(2)], scores)
    front = text_of(pages(source)["index.html"])
    assert "No data set has a truth" in front
    assert "0.3" in front


def test_an_earlier_report_leaves_nothing(made):
    old = made.shown / "report/runs/digits/gone.html"
    old.write_text("")
    write_report(made.results, made.shown, made.shown / "report")
    assert not old.exists()


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize(("width", "height"), [(1400, 900), (390, 844)])
@pytest.mark.parametrize("name", ["index.html", "runs/wine/aecm.html", "tables.html"])
def test_a_browser_shows_all_and_sorts(made, tmp_path, name, width, height):
    seen = look(pages(made)[name], width, height, tmp_path / "profile")
    assert seen["errors"] == []
    assert seen["cut"] == []
    before, once, twice = seen["orders"]
    assert sorted(before) == sorted(once)
    assert once == twice[::-1] or len(set(once)) < len(once)


def test_numbers_of_clusters_have_a_page_of_their_own(make):
    records = [row("kmeans", seed, n_clusters=10) for seed in (0, 1)]
    source = make(records, [score("kmeans", seed, 0.5) for seed in (0, 1)])
    assert words.how_often_right(source) == []
    over = [row("kmeans", seed, n_clusters=3, truth=True, bic=np.nan, k=k) for k in (2, 3) for seed in (0, 1)]
    values = [score("kmeans", r["seed"], r["k"] / 10, "silhouette_features") | {"k": r["k"]} for r in over]
    pd.DataFrame(over).to_csv(source.results / "sweep_records.csv", index=False)
    pd.DataFrame(values).to_csv(source.results / "sweep_scores.csv", index=False)
    write_how_many_tables(source.results, source.shown / "tables")
    draw("how_many", source.results, source.shown / "figures/how_many/digits/how_many", "digits")
    write_report(source.results, source.shown, source.shown / "report")
    page = pages(source)["how_many.html"].read_text(encoding="utf-8")
    said = "Each rule, over methods and data sets with known classes, finds their number: silhouette in 1 of 1."
    assert said in page
    assert "figures/digits/how_many.svg" in page
    assert (source.shown / "report/figures/digits/how_many.svg").is_file()
    assert "runs/digits/kmeans.html" not in page  # its runs are others
