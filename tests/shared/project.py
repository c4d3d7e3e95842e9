"""A copy of the project in a temporary folder, and snakemake run in it as a user would."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from warm_process import WarmProcess

from jcae import forkserver

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "config.yaml", "environment.yml", "config", "profiles", "workflow")
PARTS += ("jcae", "baselines", "snakemake_logger_plugin_jcae")

# To a shell, to snakemake's own formatting and to YAML, all of this means something.
HOSTILE = "it's $(touch hacked) `touch hacked` \"; touch hacked; # & | * é {run} {x} \\"

# Every kind of job once, on the smallest data set, in seconds.
TINY = f"""
run: tiny
seeds: [0, 1]
seeds_per_job: 2
only:
  datasets: [wine]
  methods: [kmeans, ae_kmeans, mine, broken, true_labels]
datasets:
  wine: {{range: [-1, 2.5]}}
autoencoders:
  shared: {{params: {{hidden: [8], code_dim: 3, epochs: 1}}}}
methods:
  kmeans: {{params: {{n_init: 1}}, n_clusters: {{from: 2, to: 3}}}}
  ae_kmeans: {{params: {{hidden: [8], code_dim: 3}}}}
  mine: {{use: baselines.mine.Mine, label: {json.dumps(HOSTILE)}, params: {{note: {json.dumps(HOSTILE)}}}}}
  broken: {{use: baselines.mine.Broken, tuned_with: {json.dumps(HOSTILE)}}}
equivalence: {{datasets: [wine], epochs: 2}}
tracking: {{experiment: {json.dumps(HOSTILE)}}}
"""

MINE = '''
"""Two methods of somebody."""
import numpy as np


class Mine:
    def __init__(self, n_clusters=2, note="", random_state=None):
        self.n_clusters, self.note, self.random_state = n_clusters, note, random_state

    def fit(self, X):
        self.labels_ = np.arange(len(X)) % self.n_clusters
        return self


class Broken(Mine):
    def fit(self, X):
        raise ArithmeticError("no solution for these data")
'''


# Packages of others that snakemake with our rules, or a verb, would import.
WARM = WarmProcess(
    ["snakemake.cli", "torch", "sklearn.cluster", "sklearn.metrics", "scipy.stats", "jsonschema", "typer"]
)

CONFIGS = sorted(path.stem for path in (ROOT / "config").glob("*.yaml"))


@dataclass
class Project:
    """A copy of the project; `snakemake` and `jcae` run in it with its own sources."""

    folder: Path
    environment: dict[str, str] = field(init=False)
    first_run: str = ""

    def __post_init__(self) -> None:
        self.environment = {**os.environ, "PYTHONPATH": str(self.folder), "MLFLOW_TRACKING_URI": ""}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """What `python -m` gives, without the seconds of large imports."""
        program, *rest = arguments
        return WARM.run(program, *rest, folder=self.folder, environment=self.environment)

    def run_afresh(self, *arguments: str) -> subprocess.CompletedProcess:
        """The same as a user starts it, under a locale of its own, for one, which Python reads when it starts."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env={name: value for name, value in self.environment.items() if name != forkserver.PLACE},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess:
        return self.run("snakemake", "--cores", "2", *arguments)

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return name


def copy_project(folder: Path) -> Project:
    """Copy the project into a folder that is made for it."""
    folder.mkdir()
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part)  # with the bytecode, which is that of the copy, too
        else:
            shutil.copy(source, folder / part)
    return Project(folder)


def config_files(name: str) -> list[str]:
    """The files that are read for a config of the folder, after config.yaml: some are laid over another one."""
    below = re.findall(r"^# Laid over (config/\w+\.yaml)", (ROOT / "config" / f"{name}.yaml").read_text())
    return [*below, f"config/{name}.yaml"]


def planned(output: str, rule: str) -> list[str]:
    """What the jobs of a rule would write or wrote, by snakemake's output."""
    blocks = re.findall(rf"rule {rule}:\n((?:    .*\n)+)", output)
    return sorted(re.search(r"output: (.*)", block)[1] for block in blocks)
