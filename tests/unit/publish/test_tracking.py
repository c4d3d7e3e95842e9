"""The import into MLflow: complete, repeatable, and never the only place where something is kept."""

import csv
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jcae.jobs import records
from jcae.publish import tracking
from jcae.publish.tracking import CONTENT, KEY, PARENT, TrackingError, track
from jcae.publish.wanted import read_wanted, run_folders

pytestmark = pytest.mark.slow

START = "2026-01-01T00:00:00.000+00:00"
END = "2026-01-01T00:01:00.000+00:00"
START_MS, END_MS = 1767225600000, 1767225660000


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """An empty database with all tables: making one takes seconds, copying it none."""
    file = tmp_path_factory.mktemp("migrated") / "mlflow.db"
    tracking._create_database(file)
    return file


@pytest.fixture
def results(tmp_path, migrated, monkeypatch):
    """A folder of results as the pipeline writes it, and a database beside it."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(migrated, tmp_path / "mlflow.db")
    folder = tmp_path / "demo"
    for seed, status in ((0, "ok"), (1, "ok"), (2, "diverged")):
        write_run(folder, "aecm", seed, status, history=True)
    write_run(folder, "kmeans", 0, "ok")
    write_run(folder, "ae", 0, "ok", kind="pretrained", history=True)
    write_scores(folder, {("aecm", 0): 0.5, ("aecm", 1): 0.7, ("kmeans", 0): 0.6})
    for name in ("figures/wine/scores.svg", "tables/main.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("content")
    return folder


def write_run(results, method, seed, status, *, kind="runs", history=False, block="0-2", **changes):
    folder = results / kind / "wine" / method / block / str(seed)
    ok = status == "ok"
    record = {
        "schema": 1,
        "dataset": "wine",
        "method": method,
        "use": f"jcae.{method}",
        "label": method.upper(),
        "seed": seed,
        "block": records.parse_block(block),
        "status": status,
        "reason": None if ok else "loss is nan",
        "traceback": None,
        "params": {"n_clusters": 3, "hidden": [50, 10], "note": "x" * 7000, "random_state": seed},
        "info": {"label": method, "summary": "A summary.", "reference": "doi:1", "deviations": ["one", "two"]},
        "tuned_with": "paper",
        "objective": {"name": "loss_", "value": 1.5 + seed if ok else None},
        "clusters_found": 3 if ok else None,
        "updates": 100,
        "epochs": 4,
        "data": {"n": 178, "d": 13, "n_clusters": 3, "features_sha256": "0" * 64},
        "code": {"digest": "1" * 64, "git_commit": "2" * 40, "dirty": False},
        "versions": {"python": "3.11", "jcae": "0", "numpy": "2", "scipy": "1", "sklearn": "1", "torch": "2"},
        "device": {"type": "cpu", "name": "a processor", "threads": 1, "precision": "float32"},
        "seconds": 20.0,
        "block_seconds": 60.0,
        "peak_memory_mb": 300.0,
        "peak_gpu_memory_mb": None,
        "started": START,
        "finished": END,
        "pretrained": None,
        "command": f"jcae train --seeds {block}",
    }
    records.write_record(folder / "run.json", record | changes)
    if history:
        with (folder / "history.csv").open("w", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(["phase", "epoch", "step", "term", "value"])
            for epoch in range(4):
                last = epoch == 3 and not ok
                writer.writerow(["joint", epoch, 10 * epoch, "loss", "nan" if last else 1 / (epoch + 1)])
    return folder


def write_scores(results, values):
    with (results / "scores.csv").open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["dataset", "method", "seed", "labels", "metric", "value"])
        for (method, seed), value in values.items():
            writer.writerow(["wine", method, seed, "own", "ACC", value])
            writer.writerow(["wine", method, seed, "own", "NMI", ""])  # not defined here
            writer.writerow(["wine", method, seed, "refit", "ACC", value / 2])


def client(results):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{results.parent / 'mlflow.db'}")


def active(results, experiment="demo"):
    found = client(results)
    experiment_id = found.get_experiment_by_name(experiment).experiment_id
    return {run.data.tags.get(KEY, run.info.run_name): run for run in found.search_runs([experiment_id])}


def counts(done):
    return {kind: done[kind] for kind in ("created", "replaced", "deleted", "unchanged")}


def test_everything_is_imported(results):
    done = track(results, manifest=results / "track.json")
    runs = active(results)
    assert counts(done) == {"created": 9, "replaced": 0, "deleted": 0, "unchanged": 0}
    assert set(runs) == {
        "demo/pretrained/wine/ae", "demo/pretrained/wine/ae/0",
        "demo/runs/wine/aecm", "demo/runs/wine/aecm/0", "demo/runs/wine/aecm/1", "demo/runs/wine/aecm/2",
        "demo/runs/wine/kmeans", "demo/runs/wine/kmeans/0", "demo/report",
    }  # fmt: skip
    child, parent = runs["demo/runs/wine/aecm/0"], runs["demo/runs/wine/aecm"]
    assert child.data.tags[PARENT] == parent.info.run_id
    assert (child.info.start_time, child.info.end_time) == (START_MS, END_MS)
    assert child.info.status == "FINISHED"
    assert child.data.params["hidden"] == "[50, 10]"
    assert child.data.params["seed"] == "0"
    assert len(child.data.params["note"]) == 6000
    assert child.data.metrics["own/ACC"] == 0.5
    assert child.data.metrics["refit/ACC"] == 0.25
    assert child.data.metrics["objective"] == 1.5
    assert child.data.tags["status"] == "ok"
    assert [(d.dataset.name, d.dataset.digest) for d in child.inputs.dataset_inputs] == [("wine", "0" * 12)]
    assert child.data.tags["mlflow.source.git.commit"] == "2" * 40
    points = client(results).get_metric_history(child.info.run_id, "joint/loss")
    assert [(p.step, p.value) for p in points] == [(0, 1.0), (10, 0.5), (20, 1 / 3), (30, 0.25)]
    assert (points[0].timestamp, points[-1].timestamp) == (START_MS, END_MS)
    assert [a.path for a in client(results).list_artifacts(child.info.run_id)] == ["run.json"]


def test_skipped_runs_and_data_without_a_truth(results):
    split = {"fit": 90, "score": 50, "how": "two files", "fit_sha256": "1" * 64}
    data = {"n": 50, "d": 4, "n_clusters": 3, "features_sha256": "0" * 64, "truth": False, "split": split}
    for method, status in (("dec", "ok"), ("spectral", "skipped"), ("spectral", "skipped")):
        seed = len(list((results / "runs/wine" / method / "0-2").glob("*")))
        write_run(results, method, seed, status, data=data, reason=None if status == "ok" else "no predict")
    with (results / "scores.csv").open("a") as handle:
        handle.write("wine,dec,0,own,silhouette_features,0.25\nwine,dec,0,own,davies_bouldin,1.5\n")
    found = {want.key.removeprefix("demo/runs/wine/"): want for want in read_wanted(results, run_folders(results))}
    metrics = {point.name: point.value for point in found["dec"].metrics}
    assert metrics["own mean/silhouette_features"] == 0.25
    assert metrics["own mean/davies_bouldin"] == 1.5
    assert "own mean/ACC" not in metrics
    assert found["spectral/1"].status == found["spectral"].status == "FINISHED"
    assert found["spectral/1"].tags["reason"] == "no predict"
    assert {point.name: point.value for point in found["spectral"].metrics if point.name.startswith("runs")} == {
        "runs": 0,
        "runs ok": 0,
    }


def test_a_parent_summarises_the_ok_seeds(results):
    track(results)
    parent = active(results)["demo/runs/wine/aecm"]
    assert parent.info.run_name == "AECM | wine"
    assert parent.data.metrics["own mean/ACC"] == pytest.approx(0.6)
    assert parent.data.metrics["own sd/ACC"] == pytest.approx(0.1414, abs=1e-4)
    assert parent.data.metrics["runs"] == 3
    assert parent.data.metrics["runs ok"] == 2
    assert parent.data.tags["status"] == "1 diverged, 2 ok"
    assert "n_clusters" in parent.data.params
    assert not {"seed", "random_state"} & set(parent.data.params)
    assert "- two" in parent.data.tags["mlflow.note.content"]


def test_a_parent_holds_the_table_of_its_seeds(results):
    """What its means are made of: all seeds, the failed one with its reason and without a score."""
    track(results)
    parent = active(results)["demo/runs/wine/aecm"].info.run_id
    file = client(results).download_artifacts(parent, "seeds.csv")
    rows = list(csv.DictReader(Path(file).read_text().splitlines()))
    assert [(row["seed"], row["status"], row["own/ACC"]) for row in rows] == [
        ("0", "ok", "0.5"), ("1", "ok", "0.7"), ("2", "diverged", ""),
    ]  # fmt: skip
    assert rows[2]["reason"] == "loss is nan"
    assert not {name for name in rows[0] if name.startswith("joint/")}


def test_a_run_that_is_not_ok_is_failed_and_its_nan_are_counted_not_drawn(results):
    track(results)
    diverged = active(results)["demo/runs/wine/aecm/2"]
    assert diverged.info.status == "FAILED"
    assert diverged.data.tags["reason"] == "loss is nan"
    assert diverged.data.tags["not finite"] == "joint/loss (1)"
    assert len(client(results).get_metric_history(diverged.info.run_id, "joint/loss")) == 3
    assert active(results)["demo/runs/wine/aecm/0"].data.tags["not finite"] == "own/NMI (1)"


def test_figures_and_tables_go_to_one_report(results):
    track(results)
    report = active(results)["demo/report"].info.run_id
    found = client(results)
    assert [a.path for a in found.list_artifacts(report, "figures/wine")] == ["figures/wine/scores.svg"]
    assert [a.path for a in found.list_artifacts(report, "tables")] == ["tables/main.csv"]
    assert list((results.parent / "mlruns" / "demo" / report).rglob("main.csv"))  # artifacts lie beside the database


def test_a_second_import_changes_nothing(results):
    first = track(results, manifest=results / "track.json")
    text = (results / "track.json").read_text()
    before = {key: run.to_dictionary() for key, run in active(results).items()}
    second = track(results, manifest=results / "track.json")
    assert counts(second) == {"created": 0, "replaced": 0, "deleted": 0, "unchanged": 9}
    assert second["runs"] == first["runs"]
    assert (results / "track.json").read_text() == text
    assert {key: run.to_dictionary() for key, run in active(results).items()} == before
    assert set(json.loads(text)["runs"][0]) == {"key", "run_id", "content"}


def test_what_changed_is_replaced_and_children_follow_their_parent(results):
    track(results)
    before = active(results)
    write_scores(results, {("aecm", 0): 0.5, ("aecm", 1): 0.9, ("kmeans", 0): 0.6})
    assert counts(track(results)) == {"created": 0, "replaced": 2, "deleted": 0, "unchanged": 7}
    after = active(results)
    assert after.keys() == before.keys()
    assert after["demo/runs/wine/aecm"].data.metrics["own mean/ACC"] == pytest.approx(0.7)
    parent = after["demo/runs/wine/aecm"].info.run_id
    assert parent != before["demo/runs/wine/aecm"].info.run_id
    assert {after[f"demo/runs/wine/aecm/{seed}"].data.tags[PARENT] for seed in range(3)} == {parent}
    assert counts(track(results))["unchanged"] == 9


def test_what_is_gone_is_deleted_and_a_users_own_run_stays(results):
    track(results)
    experiment = client(results).get_experiment_by_name("demo").experiment_id
    client(results).create_run(experiment, run_name="a user's own")
    shutil.rmtree(results / "runs" / "wine" / "kmeans")
    assert counts(track(results)) == {"created": 0, "replaced": 0, "deleted": 2, "unchanged": 7}
    runs = active(results)
    assert "demo/runs/wine/kmeans" not in runs
    assert "a user's own" in runs


def test_two_results_in_one_experiment_leave_each_other_alone(results):
    shutil.copytree(results, results.parent / "other")
    track(results, experiment="shared")
    track(results.parent / "other", experiment="shared")
    assert counts(track(results, experiment="shared"))["unchanged"] == 9
    assert len(active(results, "shared")) == 18


def test_another_import_may_name_the_same_data_set_in_between(results, tmp_path):
    from mlflow.store.tracking.dbmodels.models import SqlDataset
    from sqlalchemy import event

    raced = []

    def overtake(mapper, connection, dataset):
        """Write the same data set from elsewhere, after MLflow looked for it and before it adds it."""
        if raced:
            return
        values = {column.name: getattr(dataset, column.name) for column in SqlDataset.__table__.columns}
        values["dataset_uuid"] = "f" * 32
        with sqlite3.connect(tmp_path / "mlflow.db") as other:
            slots = ", ".join(f":{name}" for name in values)
            other.execute(f"INSERT INTO datasets ({', '.join(values)}) VALUES ({slots})", values)
        raced.append(values["name"])

    event.listen(SqlDataset, "before_insert", overtake)
    try:
        done = track(results)
    finally:
        event.remove(SqlDataset, "before_insert", overtake)
    assert raced == ["wine"]
    assert done["created"] == 9
    named = [run.inputs.dataset_inputs for run in active(results).values() if run.data.tags["kind"] != "report"]
    assert len(named) == 8
    assert [len(inputs) for inputs in named] == [1] * 8


def test_a_data_set_that_is_refused_twice_is_an_error(results, monkeypatch):
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import BAD_REQUEST

    def refuse(self, *arguments, **options):
        raise MlflowException("no room for data sets", BAD_REQUEST)

    monkeypatch.setattr(MlflowClient, "log_inputs", refuse)
    with pytest.raises(TrackingError, match="no room for data sets"):
        track(results)


def test_an_import_that_was_cut_off_is_completed(results, monkeypatch):
    from mlflow import MlflowClient

    real, calls = MlflowClient.set_terminated, []

    def killed(self, *arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        real(self, *arguments)

    monkeypatch.setattr(MlflowClient, "set_terminated", killed)
    with pytest.raises(KeyboardInterrupt):
        track(results)
    monkeypatch.undo()
    assert sum(CONTENT not in run.data.tags for run in active(results).values()) == 1
    assert counts(track(results)) == {"created": 5, "replaced": 1, "deleted": 0, "unchanged": 3}
    assert len(active(results)) == 9
    assert all(CONTENT in run.data.tags for run in active(results).values())


def test_deleting_the_database_loses_nothing(results, migrated):
    first = track(results)
    before = active(results)
    # Another place instead of the same file: MLflow keeps a deleted database open within one process.
    again = results.parent / "again" / "demo"
    shutil.copytree(results, again)
    shutil.copy(migrated, again.parent / "mlflow.db")
    second = track(again)
    assert counts(second) == {"created": 9, "replaced": 0, "deleted": 0, "unchanged": 0}
    assert [run["content"] for run in second["runs"]] == [run["content"] for run in first["runs"]]
    after = active(again)
    assert after.keys() == before.keys()
    for key, run in after.items():
        assert (run.data.metrics, run.data.params) == (before[key].data.metrics, before[key].data.params)


def test_only_runs_of_the_present_config_are_imported(results):
    (results / "records.csv").write_text("dataset,run\nwine,runs/wine/aecm/0-2/1\n")
    (results / "runs/wine/aecm/3.tmp.77/3").mkdir(parents=True)
    (results / "runs/wine/aecm/3.tmp.77/3/run.json").write_text("{}")
    track(results)
    assert sorted(key for key in active(results) if "/runs/" in key) == ["demo/runs/wine/aecm", "demo/runs/wine/aecm/1"]


def test_a_seed_in_two_blocks_is_refused(results):
    write_run(results, "aecm", 0, "ok", block="0")
    with pytest.raises(ValueError, match=r"wine/aecm seed 0 was run twice: .*/0/0.*/0-2/0"):
        track(results)


def test_long_histories_and_many_parameters_are_cut_into_batches(results):
    folder = write_run(results, "kmeans", 0, "ok", params={f"p{i}": i for i in range(250)})
    lines = ["phase,epoch,step,term,value", *(f"joint,{i},{i},a term (of it),{i}" for i in range(2500))]
    (folder / "history.csv").write_text("\n".join(lines))
    track(results)
    run = active(results)["demo/runs/wine/kmeans/0"]
    assert len(run.data.params) == 253
    assert len(client(results).get_metric_history(run.info.run_id, "joint/a term _of it_")) == 2500


def test_the_address_may_come_from_the_environment(results, tmp_path, migrated, monkeypatch):
    shutil.copy(migrated, tmp_path / "other.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///other.db")
    assert track(results)["uri"] == f"sqlite:///{tmp_path / 'other.db'}"
    assert track(results, uri="sqlite:///mlflow.db")["uri"] == f"sqlite:///{tmp_path / 'mlflow.db'}"


def test_a_dead_server_fails_soon_and_names_the_address(results):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(TrackingError, match=rf"http://\*\*\*@127\.0\.0\.1:{port} cannot be reached") as caught:
        track(results, uri=f"http://user:secret@127.0.0.1:{port}", manifest=results / "track.json")
    assert time.monotonic() - started < 15
    assert "secret" not in str(caught.value)
    assert not (results / "track.json").exists()


def test_a_silent_server_is_given_up(results, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # the system accepts, and nobody ever answers
        started = time.monotonic()
        with pytest.raises(TrackingError, match=r"cannot be reached or refused: .*timed out"):
            track(results, uri=f"http://127.0.0.1:{silent.getsockname()[1]}", manifest=results / "track.json")
    assert time.monotonic() - started < 30
    assert not (results / "track.json").exists()


def test_missing_results_are_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder of results"):
        track(tmp_path / "none")


def test_telemetry_is_off_before_mlflow_is_imported():
    code = (
        "import sys, os, jcae.publish.tracking; assert 'mlflow' not in sys.modules;"
        "print(os.environ['MLFLOW_DISABLE_TELEMETRY'])"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "true"
