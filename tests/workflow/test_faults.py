"""What must not start, and what must survive."""

import signal
import subprocess
import time

from project import planned

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
        "'wines' is no data set of the catalogue; did you mean 'wine'?",
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
