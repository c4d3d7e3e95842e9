"""The pipeline as a whole: what a run leaves behind, and what makes it run again."""

import csv
import json
import os
import socket

import numpy as np
import pytest
from project import HOSTILE, MINE, TINY, planned

pytestmark = pytest.mark.slow

RUN = "results/tiny"


def rerun(project, config="tiny.yaml"):
    result = project.snakemake("--dry-run", "--configfile", config)
    assert result.returncode == 0, result.stdout
    return result.stdout


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_run_leaves_scores_tables_figures_and_records(finished):
    results = finished.folder / RUN
    names = ("scores.csv", "records.csv", "track.json", "tables/scores_acc.md", "tables/scores_full.tex")
    for name in (*names, "report/index.html", "report/runs/wine/broken.html", "report/figures/wine/maps.svg"):
        assert (results / name).stat().st_size, name
    assert (results / "figures/all_data_sets/scores_acc.svg").exists()
    missing = (results / "figures/all_data_sets/not_made.txt").read_text()
    assert "critical_difference is not made: average ranks need two data sets" in missing
    assert len(rows(results / "tables/comparison_acc.csv")) == 4  # the control takes no part
    assert {row["verdict"] for row in rows(results / "tables/ledger.csv")} == {"not comparable"}
    assert (results / "figures/wine/confusion.pdf").exists()
    assert (results / "equivalence/algebra.csv").exists()
    assert (results / "equivalence/wine/tests.csv").exists()
    assert not (results / "checkpoints").exists() or not any((results / "checkpoints").rglob("*.*"))
    assert "Tables: results/tiny/tables" in finished.first_run
    card = json.loads((finished.folder / "data/prepared-from-1to2.5/wine/card.json").read_text())
    assert (card["min"], card["max"]) == (-1, 2.5)


def test_runs_over_numbers_of_clusters_lie_apart(finished):
    results = finished.folder / RUN
    over = rows(results / "sweep_records.csv")
    assert [(row["method"], row["k"], row["seed"], row["status"]) for row in over] == [
        ("kmeans", k, seed, "ok") for k in ("2", "3") for seed in ("0", "1")
    ]
    of_kmeans = [row for row in rows(results / "records.csv") if row["method"] == "kmeans"]
    assert [(row["seed"], json.loads(row["params"])["n_clusters"]) for row in of_kmeans] == [("0", 3), ("1", 3)]
    # With the number of classes the two are the same fit.
    labels = [np.load(results / place / "labels.npz")["labels"] for place in (of_kmeans[1]["run"], over[3]["run"])]
    assert np.array_equal(*labels)
    for name in (
        "tables/how_many.md",
        "tables/how_many_rules.csv",
        "figures/how_many/wine/how_many.svg",
        "report/how_many.html",
    ):
        assert (results / name).stat().st_size, name


def test_method_that_raises_is_recorded_and_counted(finished):
    record = json.loads((finished.folder / RUN / "runs/wine/broken/0-1/1/run.json").read_text())
    assert record["status"] == "failed"
    assert "no solution for these data" in record["reason"]
    status = {(row["method"], row["seed"]): row["status"] for row in rows(finished.folder / RUN / "records.csv")}
    assert status["broken", "0"] == status["broken", "1"] == "failed"
    assert {s for (method, _), s in status.items() if method != "broken"} == {"ok"}


def test_free_text_arrives_as_it_is_and_nothing_of_it_runs(finished):
    record = json.loads((finished.folder / RUN / "runs/wine/mine/0-1/0/run.json").read_text())
    assert record["params"]["note"] == HOSTILE
    records = rows(finished.folder / RUN / "records.csv")
    assert {row["label"] for row in records if row["method"] == "mine"} == {HOSTILE}
    assert {row["tuned_with"] for row in records if row["method"] == "broken"} == {HOSTILE}
    assert json.loads((finished.folder / RUN / "track.json").read_text())["experiment"] == HOSTILE
    assert list(finished.folder.parent.rglob("hacked*")) == []


def test_only_the_control_is_given_the_truth(finished):
    inputs = {}
    blocks = finished.first_run.split("rule train_method:\n")[1:]
    for block in blocks:
        lines = dict(line.strip().split(": ", 1) for line in block.split("\n[")[0].splitlines() if ": " in line)
        inputs[lines["output"].split("/")[-2]] = lines["input"]
    assert {method for method, files in inputs.items() if "truth.npz" in files} == {"true_labels"}
    assert "pretrained/wine/shared/0-1" in inputs["ae_kmeans"]
    scores = rows(finished.folder / RUN / "scores.csv")
    assert {s["value"] for s in scores if s["method"] == "true_labels" and s["metric"] == "acc"} == {"1.0"}


def test_second_run_does_nothing(finished):
    os.utime(finished.folder / "baselines/mine.py")  # touched, but the same
    assert "Nothing to be done" in rerun(finished)


def test_report_is_one_file(finished):
    result = finished.run("snakemake", "--configfile", "tiny.yaml", "--report", f"{RUN}/report.html")
    assert result.returncode == 0, result.stdout
    text = (finished.folder / RUN / "report.html").read_text(encoding="utf-8")
    assert "scores_acc" in text
    assert '<script src="http' not in text


def test_changed_parameter_trains_that_method_alone(finished):
    finished.write("changed.yaml", TINY.replace("n_init: 1", "n_init: 2"))
    output = rerun(finished, "changed.yaml")
    assert planned(output, "train_method") == [f"{RUN}/runs/wine/kmeans/0-1"]
    assert planned(output, "evaluate_dataset") == [f"{RUN}/scores/wine"]
    assert not planned(output, "pretrain_autoencoder")


def test_changed_device_threads_and_checkpoints_train_nothing(finished):
    finished.write("machine.yaml", TINY + "\ndevice: auto\nthreads: 2\ncheckpoint_every: 5\nkeep: small\n")
    assert "Nothing to be done" in rerun(finished, "machine.yaml")


def test_changed_code_trains_that_method_alone(finished):
    file = finished.folder / "baselines/mine.py"
    try:
        file.write_text(MINE.replace('"""Two methods of somebody."""', "# Words alone."))
        assert "Nothing to be done" in rerun(finished)
        file.write_text(MINE + "\nchanged = True\n")
        # Both methods of the file have its code.
        assert planned(rerun(finished), "train_method") == [f"{RUN}/runs/wine/{m}/0-1" for m in ("broken", "mine")]
    finally:
        file.write_text(MINE)


def test_changed_reference_compares_again_and_nothing_else(finished):
    finished.write("reference.yaml", TINY + "\ncomparison: {reference: kmeans}\n")
    output = rerun(finished, "reference.yaml")
    assert planned(output, "compare_methods")
    # The reference stands first in all figures.
    assert planned(output, "draw_run_figures")
    assert planned(output, "draw_dataset_figures")
    assert not planned(output, "write_tables")
    assert not planned(output, "train_method")


def test_tables_and_figures_are_made_again_from_an_export(finished):
    exported = finished.run("jcae", "export", "--results", RUN, "--out", "published/tiny")
    assert exported.returncode == 0, exported.stdout
    assert not (finished.folder / "published/tiny/runs").exists()
    again = finished.snakemake("tables", "figures", "--configfile", "tiny.yaml", "--config", "from=published/tiny")
    assert again.returncode == 0, again.stdout
    assert not {"train_method", "evaluate_dataset", "prepare_dataset", "gather_gallery"} & ran(again.stdout)
    files = {p.relative_to(finished.folder / RUN) for kind in ("tables", "figures") for p in kinds(finished, kind)}
    assert {"tables/equivalence.csv", "figures/wine/maps.svg"} <= {path.as_posix() for path in files}
    for path in files:
        one, two = (finished.folder / place / path for place in (RUN, "results/tiny-redrawn"))
        assert one.read_bytes() == two.read_bytes(), path


def test_export_without_gallery_gives_all_but_the_figures_of_single_data_sets(finished):
    exported = finished.run("jcae", "export", "--results", RUN, "--out", "published/small", "--no-gallery")
    assert exported.returncode == 0, exported.stdout
    assert not (finished.folder / "published/small/gallery").exists()
    again = finished.snakemake("tables", "figures", "--configfile", "tiny.yaml", "--config", "from=published/small")
    assert again.returncode == 0, again.stdout
    places = [finished.folder / place for place in (RUN, "results/small-redrawn")]
    for path in ("tables/scores_acc_refit.md", "tables/comparison_acc.csv", "figures/all_data_sets/scores_acc.svg"):
        one, two = (place / path for place in places)
        assert one.read_bytes() == two.read_bytes(), path
    # The rows of a consensus need the labels of all points, which a gallery has.
    whole, less = ((place / "tables/scores_acc.md").read_text().splitlines() for place in places)
    assert [line for line in less if line.startswith("|")] == [
        line for line in whole if line.startswith("|") and "consensus" not in line
    ]
    figures = finished.folder / "results/small-redrawn/figures"
    assert not (figures / "wine").exists()
    assert (figures / "how_many/wine/how_many.svg").exists()  # which is made of scores alone


def kinds(project, kind):
    return [path for path in (project.folder / RUN / kind).rglob("*") if path.is_file()]


def ran(output):
    return {line.split()[-1].rstrip(":") for line in output.splitlines() if line.startswith(("rule ", "localrule "))}


def test_from_a_folder_that_is_no_run_is_refused(finished):
    result = finished.snakemake("tables", "--configfile", "tiny.yaml", "--config", "from=published")
    assert result.returncode != 0
    assert "from: 'published' has no scores.csv, records.csv; expected the folder of a finished run" in result.stdout


def test_number_is_explained_by_its_runs(finished):
    result = finished.run("jcae", "explain", f"{RUN}/tables/scores_acc.csv", "wine/kmeans", "mean")
    assert result.returncode == 0, result.stdout
    assert f"{RUN}/runs/wine/kmeans/0-1/1" in result.stdout
    assert "--seeds 0 --out repeat/wine/kmeans/0" in result.stdout


def test_changed_plot_trains_nothing(finished):
    file = finished.folder / "jcae/figures/cost.py"
    text = file.read_text()
    try:
        file.write_text(text + "\nchanged = True\n")
        output = rerun(finished)
        assert not planned(output, "train_method")
        assert not planned(output, "evaluate_dataset")
        assert planned(output, "draw_run_figures")
    finally:
        file.write_text(text)


def test_tracking_server_that_is_down_costs_the_import_alone(finished):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    finished.write("down.yaml", f"tracking: {{uri: '{address}'}}\n")
    before = (finished.folder / RUN / "tables/scores_acc.csv").read_bytes()
    result = finished.snakemake("--configfile", "tiny.yaml", "down.yaml")
    assert result.returncode != 0
    assert f"MLflow at {address} cannot be reached" in result.stdout
    assert set(planned(result.stdout, "import_runs")) == {f"{RUN}/track.json"}
    assert (finished.folder / RUN / "tables/scores_acc.csv").read_bytes() == before
    again = finished.snakemake("--configfile", "tiny.yaml")
    assert again.returncode == 0, again.stdout
    assert not planned(again.stdout, "train_method")


def test_run_ends_with_its_summary(finished):
    """The real rules, of which three have something to do; their files are the same again."""
    table = finished.folder / "results/tiny/tables/scores_acc.md"
    before = table.read_bytes()
    table.unlink()
    done = finished.snakemake("--logger", "jcae", "--keep-going", "--configfile", "tiny.yaml")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert (
        lines[1] == "Run tiny: 10 runs of 5 methods on 1 data set, and 4 runs over numbers of clusters; steps to do: 3"
    )
    assert lines[2].split()[:3] == ["1/3", "write", "tables"]
    assert {tuple(line.split()[1:3]) for line in lines[3:5]} == {("write", "report"), ("import", "runs")}
    assert lines[5].startswith("All steps done: 3 in ")
    assert table.read_bytes() == before
    summary = finished.run("jcae", "summary", "results/tiny").stdout.splitlines()
    assert summary[0] == "ACC in percent, own labels, mean ± sd over the seeds"
    broken = "  wine/broken: failed: ArithmeticError: no solution for these data (seeds 0, 1)"
    assert summary[-3:] == ["10 runs: 8 ok, 2 failed", broken, "Report: results/tiny/report/index.html"]
    assert "Run tiny: 10 runs of 5 methods on 1 data set" in finished.first_run
    assert "Summary: python -m jcae summary results/tiny" in finished.first_run
