"""From a number back to its runs."""

import json
import shlex
import shutil

import numpy as np
import pandas as pd
import pytest

from jcae.publish.explain import explain
from jcae.publish.export import export
from jcae.tables.comparison import write_comparison_tables
from jcae.tables.how_many import write_how_many_tables
from jcae.tables.run import write_tables
from results import record, score

pytestmark = pytest.mark.slow

COMMAND = (
    'jcae train --spec \'{"dataset": "digits"}\' --features f.npz --seeds 0-2 --out results/r/runs/digits/a/0-2 '
    "--device cpu --checkpoint-every 5 --checkpoints results/r/checkpoints/x"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    records, scores = [], []
    for method, values in (("a", [0.5, 0.7, None]), ("b", [0.6, 0.6, 0.8])):
        for seed, value in enumerate(values):
            run = f"runs/digits/{method}/0-2/{seed}"
            status = "ok" if value is not None else "diverged"
            facts = {"use": "x.Y", "block": "0 1 2", "autoencoder": None, "run": run, "code_digest": "abc", "n": 9}
            facts |= {"objective_name": "loss_", "objective": 3.0 - seed, "precision": "float32"}
            records.append(record(method, seed, status, **facts))
            if value is not None:
                scores.append(score(method, seed, value))
            (folder / run).mkdir(parents=True)
            run_json = {
                "dataset": "digits",
                "method": method,
                "seed": seed,
                "params": {"epochs": 7, "random_state": seed},
                "tuned_with": None,
                "data": {"n": 9, "features_sha256": "f00d"},
                "code": {"digest": "abc", "git_commit": "0123", "dirty": True},
                "versions": {"python": "3.11", "torch": None},
                "device": {"type": "cpu", "name": "Example"},
                "pretrained": {"autoencoder": "shared", "weights_sha256": f"w{seed}"},
                "command": COMMAND,
            }
            (folder / run / "run.json").write_text(json.dumps(run_json))
    pd.DataFrame(records).to_csv(folder / "records.csv", index=False)
    pd.DataFrame(scores).to_csv(folder / "scores.csv", index=False)
    write_tables(folder, folder / "tables")
    write_comparison_tables(folder, folder / "tables", reference="b")
    return folder


@pytest.fixture
def results(made, tmp_path, monkeypatch):
    """Methods a (three seeds, one diverged) and b on digits, and their tables."""
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(made, tmp_path / "results" / "r")


def test_mean_is_of_the_ok_runs(results):
    text = explain("results/r/tables/scores_acc.csv", "digits/a", "mean")
    lines = text.splitlines()
    assert lines[0] == "scores_acc.csv, row 1 (digits/a): mean = 0.6"
    assert lines[1] == "2 runs: the ok runs"
    assert "seed 0   ok, ACC of own labels 0.5, loss_ 3" in text
    assert "  results/r/runs/digits/a/0-2/1" in text
    assert "0-2/2" not in text
    for part in (
        'parameters: {"epochs": 7}',
        "features_sha256 f00d",
        "digest abc, commit 0123 with uncommitted changes",
    ):
        assert part in text
    for part in ("python 3.11", "type cpu, name Example", "seed 1: autoencoder shared, weights_sha256 w1", "not tuned"):
        assert part in text
    assert "torch" not in text


def test_command_repeats_one_seed_elsewhere(results):
    command = shlex.split(explain(results / "tables/scores_full.csv", "digits/a", "best_by_labels").splitlines()[-1])
    assert command[command.index("--seeds") + 1] == "1"
    assert command[command.index("--out") + 1] == "repeat/digits/a/1"
    assert command[command.index("--spec") + 1] == '{"dataset": "digits"}'
    assert "--device" in command
    assert not {"--checkpoints", "--checkpoint-every"} & set(command)


def test_inputs_that_are_not_here_are_to_be_made_first(results, tmp_path):
    table = results / "tables/scores_acc.csv"
    assert "snakemake --cores 1 f.npz --configfile ..." in explain(table, "digits/a")
    (tmp_path / "f.npz").touch()
    assert "snakemake" not in explain(table, "digits/a")


def test_number_of_a_row_or_its_keys_in_any_order(results):
    table = results / "tables/scores_acc.csv"
    assert explain(table, "2") == explain(table, "b/digits") == explain(table.with_suffix(".md"), "b")


@pytest.mark.parametrize(
    ("table", "column", "seeds"),
    [
        ("scores_full", "lowest_objective", ["a1"]),
        ("scores_full", "lowest_objective_seed", ["a1"]),
        ("selection_acc", "best_by_labels", ["a1"]),
        ("scores_acc", "n_total", ["a0", "a1", "a2"]),
        ("failures", "diverged", ["a2"]),
        ("failures", "failed", []),
        ("failures", None, ["a0", "a1", "a2"]),
        ("reliability", "rate", ["a0", "a1", "a2"]),
        ("cost", "seconds", ["a0", "a1"]),
        ("comparison_acc", "p_holm", ["a0", "a1", "b0", "b1", "b2"]),
        ("comparison_acc", "mean", ["a0", "a1"]),
        ("ranks_acc", "average_rank", ["a0", "a1"]),
        ("ranks_acc", "p_better", ["a0", "a1", "b0", "b1", "b2"]),
    ],
)
def test_which_runs_stand_behind_a_column(results, table, column, seeds):
    text = explain(results / f"tables/{table}.csv", "a", column)
    found = [
        line.split("/runs/digits/")[1].replace("/0-2/", "") for line in text.splitlines() if "/runs/digits/" in line
    ]
    assert [name for name in found if " " not in name] == seeds
    assert text.splitlines()[1].startswith(f"{len(seeds)} run")


def test_diverged_run_says_why(results):
    assert "seed 2   diverged" in explain(results / "tables/failures.csv", "a", "diverged")
    assert "100% sure_of it" in explain(results / "tables/failures.csv", "a", "diverged")


def test_run_folders_that_are_gone_are_said_to_be(results):
    (results / "runs").rename(results / "moved")
    text = explain(results / "tables/scores_acc.csv", "digits/a")
    assert "(not here)" in text
    assert "digest abc, commit 0123456789" in text
    assert "are in their run.json" in text


def test_exported_run_is_explained_as_well(results):
    (results / "gallery").mkdir()
    export(results, results.parent / "published")
    whole = explain(results / "tables/scores_acc.csv", "digits/a", "mean")
    text = explain(results.parent / "published/tables/scores_acc.csv", "digits/a", "mean")
    assert text.replace(" (not here)", "") == whole.replace("results/r/", "results/published/")
    assert text.count("(not here)") == 2


def test_table_beside_its_records(results):
    (results / "tables/scores_acc.csv").rename(results / "scores_acc.csv")
    assert "2 runs" in explain(results / "scores_acc.csv", "a")


def test_errors_list_what_there_is(results):
    table = results / "tables/scores_acc.csv"
    for row in ("0", "3", "wine/a/x", "kmeans"):
        with pytest.raises(ValueError, match=r"there is no row .*; rows:\n(?s:.*)1  digits/a"):
            explain(table, row)
    with pytest.raises(ValueError, match=r"2 rows are 'digits'; say which:\n +1  digits/a\n +2  digits/b"):
        explain(table, "digits")
    with pytest.raises(ValueError, match="no column 'men'; columns: method, dataset, mean, sd, n_ok, n_total"):
        explain(table, "a", "men")
    with pytest.raises(FileNotFoundError, match="there is no table"):
        explain(results / "tables/score_acc.csv", "a")
    pd.DataFrame({"check": ["x"], "error": [np.pi]}).to_csv(results / "tables/algebra.csv", index=False)
    with pytest.raises(ValueError, match="its rows are no methods"):
        explain(results / "tables/algebra.csv", "1")
    (results / "records.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"there is no records\.csv"):
        explain(table, "a")


def test_scores_without_labels_and_skipped_runs(results):
    records = pd.read_csv(results / "records.csv")
    records["truth"] = False
    records.loc[records["method"] == "b", ["status", "reason"]] = "skipped", "it cannot predict"
    records.to_csv(results / "records.csv", index=False)
    scores = pd.read_csv(results / "scores.csv").assign(metric="silhouette_features")
    scores.to_csv(results / "scores.csv", index=False)
    write_tables(results, results / "tables")
    text = explain(results / "tables/scores_without_labels.csv", "digits/a/silhouette_features", "mean")
    assert "2 runs: the ok runs" in text
    assert "silhouette of own labels 0.5" in text
    text = explain(results / "tables/failures.csv", "digits/b")
    assert "3 runs: all, whatever their status" in text
    assert "seed 0   skipped" in text
    assert "it cannot predict" in text
    assert "3 runs: those with status skipped" in explain(results / "tables/failures.csv", "digits/b", "skipped")
    assert "0 runs: all that were tried" in explain(results / "tables/failures.csv", "digits/b", "n_total")


def test_choice_of_a_number_of_clusters_leads_to_the_runs_with_it(results):
    folder, rows, values = results, [], []
    for k in (2, 3):
        for seed in (0, 1):
            facts = json.loads((folder / f"runs/digits/a/0-2/{seed}/run.json").read_text())
            run = f"sweeps/digits/a/2-3/0-1/{k}/{seed}"
            (folder / run).mkdir(parents=True)
            facts["params"]["n_clusters"] = k
            (folder / run / "run.json").write_text(json.dumps(facts))
            places = {"k": k, "run": run, "n_clusters": 2, "truth": True, "bic": 1.0, "objective_name": "loss_"}
            rows.append(record("a", seed, objective=1.0, code_digest="abc", precision="float32", **places))
            values.append(score("a", seed, k / 10, "silhouette_features") | {"k": k})
    pd.DataFrame(rows).to_csv(folder / "sweep_records.csv", index=False)
    pd.DataFrame(values).to_csv(folder / "sweep_scores.csv", index=False)
    write_how_many_tables(folder, folder / "tables")
    text = explain("results/r/tables/how_many.csv", "digits/a", "silhouette")
    assert "silhouette = 3" in text
    assert "2 runs: the ok runs with the number of clusters that was chosen" in text
    assert "sweeps/digits/a/2-3/0-1/3/1" in text
    assert "sweeps/digits/a/2-3/0-1/2/1" not in text
    assert '"n_clusters": 3' in text
    whole = explain("results/r/tables/how_many.csv", "digits/a")
    assert "4 runs" in whole
    assert all(f"sweeps/digits/a/2-3/0-1/{k}/0" in whole for k in (2, 3))
    assert "runs/digits/a/0-2" not in whole
