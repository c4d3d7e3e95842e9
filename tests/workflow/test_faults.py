"""What must not start, and what must survive."""

import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import yaml
from project import HOSTILE, ROOT, planned

pytestmark = pytest.mark.slow

BAD = """
seedz: 3
seeds: many
datasets:
  wines: {}
  wine: {}
methods:
  kmeans: {use: sklearn.cluster.KMean}
  gmm: {params: {reg_cover: 1.0e-3}}
  dec: {preset: papers}
"""

SLOW = '''
"""A method that waits until it is let go."""
import time
from pathlib import Path

import numpy as np
import pandas as pd


class Slow:
    def __init__(self, n_clusters=2):
        self.n_clusters = n_clusters

    def fit(self, X):
        Path("started").touch()
        deadline = time.monotonic() + 120
        while not Path("go").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.labels_ = np.arange(len(X)) % self.n_clusters
        return self
'''

SLOW_CONFIG = """
run: slow
seeds: [0]
only: {datasets: [wine], methods: [kmeans, slow]}
methods:
  kmeans: {params: {n_init: 1}}
  slow: {use: baselines.slow.Slow}
"""


def test_default_config_is_a_clean_dry_run(make_project):
    project = make_project()
    result = project.snakemake("--dry-run")
    assert result.returncode == 0, result.stdout
    assert "This was a dry-run" in result.stdout
    assert len(planned(result.stdout, "train_method")) >= 40
    assert not (project.folder / "results").exists()


def test_bad_config_names_every_problem_and_starts_nothing(make_project):
    project = make_project()
    project.write("bad.yaml", BAD)
    result = project.snakemake("--configfile", "bad.yaml")
    assert result.returncode != 0
    for message in (
        "unknown key 'seedz'; did you mean 'seeds'?",
        "seeds: is 'many' (text), expected a list",
        "unknown data set 'wines'; did you mean 'wine'?",
        "no class 'KMean'; did you mean 'KMeans'?",
        "GaussianMixture has no such parameter; did you mean 'reg_covar'?",
        "unknown preset 'papers'",
    ):
        assert message in result.stdout
    assert "Traceback" not in result.stdout
    for folder in ("results", "data", "logs"):
        assert not (project.folder / folder).exists()


def test_killed_snakemake_goes_on_with_the_same_command(make_project):
    project = make_project()
    project.write("baselines/slow.py", SLOW)
    project.write("slow.yaml", SLOW_CONFIG)
    arguments = ("snakemake", "results/slow/records.csv", "--cores", "1", "--configfile", "slow.yaml")
    command = project.command(*arguments)
    process = subprocess.Popen(
        command, cwd=project.folder, env=project.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 180
        while not (project.folder / "started").exists():
            assert process.poll() is None, "snakemake ended before the slow method started"
            assert time.monotonic() < deadline
            time.sleep(0.1)
        refused = project.run("jcae", "unlock")
        assert refused.returncode == 1
        assert "is at work" in refused.stdout
        second = project.run(*arguments)
        assert second.returncode != 0
        assert "Directory cannot be locked" in second.stdout
        assert process.poll() is None, "the second snakemake disturbed the first"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        (project.folder / "go").touch()  # the job outlives snakemake, and may write beside its replacement

    unlocked = project.run("jcae", "unlock")
    assert unlocked.returncode == 0, unlocked.stdout
    again = project.run(*arguments)
    assert again.returncode == 0, again.stdout
    assert (project.folder / "results/slow/runs/wine/slow/0/0/run.json").exists()
    assert not list((project.folder / "results/slow/runs").rglob("*.tmp.*"))


# --- data that cannot be had ------------------------------------------------------------------------------------------

GONE = """
run: gone
seeds: [0]
only: {datasets: [pendigits, wine], methods: [kmeans]}
datasets: {pendigits: {}}
methods: {kmeans: {params: {n_init: 1}}}
equivalence: {datasets: []}
"""


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_data_set_whose_server_is_gone_does_not_stop_the_others(make_project):
    project = make_project()
    project.write("gone.yaml", GONE + yaml.safe_dump({"data": {"mirror": HOSTILE}}))
    project.environment |= {"HTTPS_PROXY": f"http://127.0.0.1:{closed_port()}", "NO_PROXY": "", "no_proxy": ""}
    result = project.snakemake("results/gone/scores.csv", "--configfile", "gone.yaml")
    assert result.returncode != 0
    assert "cannot fetch file 'pendigits.tra' of data set 'pendigits'; tried" in result.stdout
    assert "set JCAE_DATA_MIRROR to a folder or an http(s) address that holds it as pendigits/" in result.stdout
    assert HOSTILE in result.stdout
    assert (project.folder / "results/gone/scores/wine/kmeans.csv").stat().st_size
    assert not (project.folder / "data/raw/pendigits/.fetched").exists()
    assert list(project.folder.parent.rglob("hacked*")) == []


@pytest.mark.parametrize("profile", sorted((ROOT / "profiles").iterdir()), ids=lambda path: path.name)
def test_independent_jobs_go_on_under_every_profile(profile):
    assert yaml.safe_load((profile / "config.yaml").read_text(encoding="utf-8"))["keep-going"] is True


# --- disks ------------------------------------------------------------------------------------------------------------

JOB = [sys.executable, "-m", "jcae", "train", "--seeds", "0", "--features", "wine/features.npz"]
SPEC = '{"dataset": "wine", "method": "%s", "use": "sklearn.cluster.KMeans", "params": {"n_init": 1}}'
# In a mount namespace of its own: nothing to unmount, whatever happens.
DISKS = """
mount -t tmpfs -o size=20k tmpfs results || exit 77
run() { "${@:2}" --spec "${SPEC/\\%s/$1}" --out "results/$1" 2>&1; echo "$1: exit $?"; }
run first "$@"; cp -r results/first kept
run full "$@"; ls -A results > left
mount -o remount,size=4m,ro tmpfs results
run readonly "$@"
mount -o remount,rw tmpfs results
run full "$@"; cp -r results after
"""


@pytest.fixture
def disks(tmp_path):
    """What jobs say on a disk that fills up, turns read-only, and is mended; the folder with what they left."""
    from jcae.data.prepare import prepare

    if shutil.which("unshare") is None or shutil.which("mount") is None:
        pytest.skip("needs unshare and mount (Linux) to make a small disk")
    prepare("wine", tmp_path, tmp_path / "wine")
    (tmp_path / "results").mkdir()
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "SPEC": SPEC,
    }
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", DISKS, "bash", *JOB],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode == 77 or "unshare:" in done.stderr:
        pytest.skip(f"this machine lets nobody mount a small disk: {done.stderr.strip()}")
    return done.stdout, tmp_path


def test_full_and_read_only_disks_lose_nothing(disks):
    said, folder = disks
    assert [line for line in said.splitlines() if ": exit" in line] == [
        "first: exit 0",
        "full: exit 1",
        "readonly: exit 1",
        "full: exit 0",
    ], said
    assert "No space left on device" in said
    assert "Read-only file system" in said
    assert "Traceback" not in said
    assert (folder / "left").read_text().split() == ["first"], "the failed job left something behind"
    for name in ("run.json", "labels.npz"):
        kept, after = (folder / place / "0" / name for place in ("kept", "after/first"))
        assert kept.read_bytes() == after.read_bytes()
    arrays = [np.load(folder / "after" / name / "0/labels.npz")["labels"] for name in ("first", "full")]
    np.testing.assert_array_equal(*arrays)


CRASHES = '''
"""Methods that take their process down."""
import os
import signal


class Crashes:
    def __init__(self, n_clusters=2, way="signal"):
        self.n_clusters, self.way = n_clusters, way

    def fit(self, X):
        os.kill(os.getpid(), signal.SIGSEGV) if self.way == "signal" else os._exit(7)
'''

CRASHES_CONFIG = """
run: crashes
seeds: [0, 1]
seeds_per_job: 2
only: {datasets: [wine], methods: [kmeans, crashes, leaves]}
methods:
  kmeans: {params: {n_init: 1}}
  crashes: {use: baselines.crashes.Crashes}
  leaves: {use: baselines.crashes.Crashes, params: {way: exit}}
"""


def test_a_method_that_takes_its_process_down_has_failed_and_the_others_have_their_tables(make_project):
    project = make_project()
    project.write("baselines/crashes.py", CRASHES)
    config = project.write("crashes.yaml", CRASHES_CONFIG)
    result = project.snakemake("results/crashes/records.csv", "--configfile", config)
    assert result.returncode == 0, result.stdout
    records = pd.read_csv(project.folder / "results/crashes/records.csv").set_index(["method", "seed"])
    assert records["status"].to_dict() == {
        **{(method, seed): "failed" for method in ("crashes", "leaves") for seed in (0, 1)},
        **{("kmeans", seed): "ok" for seed in (0, 1)},
    }
    assert records["reason"]["crashes", 0] == "the method took its process down: SIGSEGV"
    assert records["reason"]["leaves", 1] == "the method took its process down: it left with code 7"


@pytest.mark.parametrize("code", [1, 2, 128 + signal.SIGINT, 128 + signal.SIGKILL, 128 + signal.SIGTERM])
def test_what_the_machine_or_the_user_ended_is_no_result(code, make_project):
    project = make_project()
    spec = '{"dataset": "wine", "method": "m", "use": "sklearn.cluster.KMeans"}'
    inputs = ["--spec", spec, "--features", "features.npz", "--seeds", "0", "--out", "out"]
    result = project.run("jcae", "train", *inputs, "--crashed", str(code))
    assert result.returncode == code
    assert not (project.folder / "out").exists()
