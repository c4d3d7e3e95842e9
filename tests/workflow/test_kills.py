"""kill -9, thirty times at seeded moments: what goes on afterwards ends with the same bits as what was never disturbed.

Trainings and imports are forked from a process that has imported everything, so that nearly all kills find them at work
and not at starting Python. Whole grids are killed as a user would see it: snakemake, its jobs, or all at once.
"""

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from random import Random

import numpy as np
import psutil
import pytest
from project import ROOT

from jcae import forkserver
from jcae.data.prepare import prepare
from jcae.jobs.config import read_config
from jcae.jobs.plan import make_plan
from jcae.jobs.runner import pretrain_block, train_block
from jcae.publish import tracking
from jcae.publish.tracking import CONTENT, KEY, track

pytestmark = pytest.mark.slow

GRID = """
run: kills
seeds: [0, 1]
seeds_per_job: 2
checkpoint_every: 1
only: {datasets: [wine], methods: [aecm_pretrained, dcn, vade]}
datasets: {wine: {params: {hidden: [16], code_dim: 5}}}
autoencoders:
  shared: {params: {epochs: 60}}
methods:
  aecm_pretrained: {params: {epochs: 40, module_epochs: 20}, datasets: {wine: {epochs: 40}}}
  dcn: {params: {epochs: 40}}
  vade: {params: {epochs: 40}}
equivalence: {datasets: []}
"""
TARGETS = ("results/kills/scores.csv", "results/kills/records.csv")
KILLS = {"trainings": 17, "grid": (6, 3), "imports": 4}
"""Of forked trainings; of training jobs under snakemake and of snakemake; of imports into MLflow. Together 30."""


# --- what was left behind ---------------------------------------------------------------------------------------------


def results_of(folder):
    """Everything under a folder that a seed decides: arrays by file and name, weights as bytes."""
    found = {}
    for path in sorted(folder.rglob("*.npz")):
        with np.load(path, allow_pickle=False) as arrays:
            found |= {f"{path.relative_to(folder)}:{name}": array.tobytes() for name, array in arrays.items()}
    for path in [*folder.rglob("*.safetensors"), *folder.rglob("history.csv")]:
        found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def assert_same_results(killed, whole, kinds=("labels.npz:labels", "weights.safetensors")):
    expected, found = results_of(whole), results_of(killed)
    assert all(any(name.endswith(kind) for name in expected) for kind in kinds)
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []
    assert [path for path in killed.rglob("*") if ".tmp." in path.name] == []


# --- forked jobs ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def forks():
    """Processes that start with everything imported."""
    context = get_context("forkserver")
    context.set_forkserver_preload(
        [
            "jcae.jobs.runner",
            "jcae.models.aecm",
            "baselines.dcn",
            "baselines.vade",
            "safetensors.torch",
            "mlflow",
            "jcae.publish.tracking",
        ]
    )
    return context


def finish(forks, function, *arguments, **options):
    """Run to the end; give the seconds that it took."""
    begun = time.monotonic()
    process = forks.Process(target=function, args=arguments, kwargs=options)
    process.start()
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - begun


def is_killed(forks, delay, function, *arguments, **options):
    """Start, kill after so many seconds; False when it was over before."""
    process = forks.Process(target=function, args=arguments, kwargs=options)
    process.start()
    process.join(delay)
    process.kill()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode == -signal.SIGKILL


def test_killed_trainings(forks, tmp_path, record_property):
    (tmp_path / "grid.yaml").write_text(GRID)
    plan = make_plan(read_config([ROOT / "config.yaml", tmp_path / "grid.yaml"]))
    prepare("wine", tmp_path, tmp_path / "wine")
    random = Random(30)

    def arguments(folder, key, job):
        place = folder / "/".join(key)
        options = {"checkpoints": folder / "checkpoints" / "/".join(key), "checkpoint_every": 1, "device": "cpu"}
        if job.autoencoder:
            options["pretrained"] = folder / "wine" / job.autoencoder
        return (job.spec, tmp_path / "wine" / "features.npz", plan.seeds, place), options

    jobs = [(pretrain_block, item) for item in plan.pretraining.items()] + [
        (train_block, item) for item in plan.jobs.items()
    ]
    kills, resumable = 0, 0
    for number, (function, (key, job)) in enumerate(jobs):
        positional, options = arguments(tmp_path / "whole", key, job)
        seconds = finish(forks, function, *positional, **options)
        positional, options = arguments(tmp_path / "killed", key, job)
        due = (KILLS["trainings"] * (number + 1)) // len(jobs)
        while kills < due:
            if is_killed(forks, random.uniform(0, 0.9 * seconds), function, *positional, **options):
                kills += 1
                resumable += any(options["checkpoints"].rglob("*.safetensors"))
        finish(forks, function, *positional, **options)
    assert resumable >= kills / 3, "the kills came before there was anything to lose"
    assert not any((tmp_path / "killed" / "checkpoints").rglob("*.safetensors*"))
    assert_same_results(tmp_path / "killed", tmp_path / "whole")
    record_property("kills of trainings", kills)


# --- the grid under snakemake -----------------------------------------------------------------------------------------


def training_jobs(snakemake):
    """The training processes below a snakemake."""
    try:
        below = psutil.Process(snakemake.pid).children(recursive=True)
        return [p for p in below if {"train", "pretrain"} & set(p.cmdline()[2:5]) and "python" in p.name()]
    except psutil.Error:
        return []


def disturb(project, arguments, random, seconds, n_jobs):
    """Run snakemake; kill some of its training jobs, and then snakemake alone or with all that it started.

    Returns the number of jobs killed and whether snakemake was; it may have come to its end before.
    """
    process = subprocess.Popen(
        project.command(*arguments, "--retries", "9"),
        cwd=project.folder,
        env=project.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    moments, killed = {}, 0
    end = time.monotonic() + random.uniform(0.3, 0.8) * seconds
    try:
        while process.poll() is None and (time.monotonic() < end or killed < n_jobs):
            for job in training_jobs(process):
                due = moments.setdefault(job.pid, time.monotonic() + random.uniform(0, 5))
                if killed < n_jobs and time.monotonic() >= due:
                    job.kill()
                    killed += 1
            time.sleep(0.05)
        alive = process.poll() is None
    finally:
        if random.random() < 0.5:
            process.kill()  # its jobs outlive it, and may write beside their replacements
        else:
            with suppress(ProcessLookupError):  # it may have ended by now
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return killed, alive


def test_killed_grid(make_project, record_property):
    arguments = ("snakemake", *TARGETS, "--cores", "2", "--configfile", "grid.yaml")
    whole, project = make_project(), make_project()
    for each in (whole, project):
        each.write("grid.yaml", GRID)
        each.environment.pop(forkserver.PLACE, None)  # what snakemake started shall end with it
    begun = time.monotonic()
    result = whole.run(*arguments)
    assert result.returncode == 0, result.stdout
    seconds = time.monotonic() - begun

    random = Random(4)
    (due_jobs, due), jobs, kills = KILLS["grid"], 0, 0
    while kills < due:
        killed, alive = disturb(project, arguments, random, seconds, (due_jobs - jobs) // (due - kills))
        jobs, kills = jobs + killed, kills + alive
        unlocked = project.run("jcae", "unlock")
        assert unlocked.returncode == 0, unlocked.stdout
        if not alive:  # finished before its time: begin again
            project.run("snakemake", *TARGETS, "--delete-all-output", "--configfile", "grid.yaml")
    result = project.run(*arguments)
    assert result.returncode == 0, result.stdout
    names = ("runs", "pretrained")
    for name in names:
        kinds = ("weights.safetensors",) if name == "pretrained" else ("labels.npz:labels", "weights.safetensors")
        assert_same_results(project.folder / "results/kills" / name, whole.folder / "results/kills" / name, kinds)
    first, second = (Path(p.folder, TARGETS[0]).read_bytes() for p in (project, whole))
    assert first == second, "the scores differ"
    record_property("kills of training jobs under snakemake", jobs)
    record_property("kills of snakemake", kills)


# --- the import into MLflow -------------------------------------------------------------------------------------------


def imported(database):
    """What MLflow holds: parameters, metrics and content by key."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{database}")
    runs = client.search_runs([client.get_experiment_by_name("kills").experiment_id], max_results=1000)
    assert len({run.data.tags[KEY] for run in runs}) == len(runs), "a run is there twice"
    return {run.data.tags[KEY]: (run.data.params, run.data.metrics, run.data.tags[CONTENT]) for run in runs}


def test_killed_import(forks, tmp_path, record_property):
    (tmp_path / "grid.yaml").write_text(GRID)
    plan = make_plan(read_config([ROOT / "config.yaml", tmp_path / "grid.yaml"]))
    prepare("wine", tmp_path, tmp_path / "wine")
    results = tmp_path / "results" / "kills"
    spec = plan.pretraining["wine", "shared"].spec
    for seed in range(20):
        named = {
            **spec,
            "autoencoder": f"shared{seed}",
            "method": f"shared{seed}",
            "params": {"epochs": 3, "hidden": [4]},
        }
        pretrain_block(named, tmp_path / "wine" / "features.npz", [0], results / f"pretrained/wine/shared{seed}/0")
    database = {name: f"sqlite:///{tmp_path / name}.db" for name in ("whole", "killed")}
    finish(forks, tracking._create_database, tmp_path / "empty.db")
    shutil.copy(tmp_path / "empty.db", tmp_path / "whole.db")
    seconds = finish(forks, track, results, database["whole"])
    random = Random(4)
    # The first while the database itself is made, which takes seconds and is done by a process of MLflow.
    kills = int(is_killed(forks, random.uniform(0, 1), track, results, database["killed"]))
    while kills < KILLS["imports"]:
        if not (tmp_path / "killed.db").exists():
            shutil.copy(tmp_path / "empty.db", tmp_path / "killed.db")
        if is_killed(forks, random.uniform(0, 0.9 * seconds), track, results, database["killed"]):
            kills += 1
        else:
            (tmp_path / "killed.db").unlink()
    finish(forks, track, results, database["killed"])
    assert len(imported(tmp_path / "whole.db")) == 40
    assert imported(tmp_path / "killed.db") == imported(tmp_path / "whole.db")
    record_property("kills of imports", kills)
