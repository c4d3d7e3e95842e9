"""A bare GPU machine has torch and scikit-learn, no snakemake, mlflow, pooch or jsonschema: the verbs work there."""

import json
import subprocess
import sys

import pytest
from project import ROOT

pytestmark = pytest.mark.slow

BARE = """
import sys
for name in ("snakemake", "mlflow", "pooch", "jsonschema"):
    sys.modules[name] = None  # importing it raises ImportError
from jcae.cli import app
app()
"""
SPEC = {
    "dataset": "wine",
    "method": "aecm",
    "use": "jcae.AECM",
    "params": {"hidden": [8], "code_dim": 4, "epochs": 2, "alpha": 3},
}


def jcae(folder, *arguments):
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, "-c", BARE, *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stderr


def test_from_data_to_figures(tmp_path):
    data, run = tmp_path / "data/prepared/wine", tmp_path / "results/bare"
    block = run / "runs/wine/aecm/0-1"
    jcae(tmp_path, "fetch", "wine")
    jcae(tmp_path, "prepare", "wine", "--out", data)
    train = ["--spec", json.dumps(SPEC), "--features", data / "features.npz", "--seeds", "0-1", "--out", block]
    jcae(tmp_path, "train", *train, "--device", "cpu")
    record = json.loads((block / "1/run.json").read_text())
    assert record["status"] in ("ok", "collapsed")
    assert record["command"].startswith("jcae train --spec")
    said = jcae(tmp_path, "evaluate", block, "--truth", data / "truth.npz", "--out", run / "scores/wine")
    assert "jsonschema" in said, "records were not validated, and nobody was told"
    jcae(tmp_path, "collect", "--results", run)
    jcae(tmp_path, "tables", "--results", run, "--out", run / "tables")
    jcae(tmp_path, "gallery", "--results", run, "--dataset", "wine", "--prepared", data, "--out", run / "gallery/wine")
    figures = ["scores_acc", "curves", "score_curves", "maps", "confusion"]
    jcae(tmp_path, "figures", *figures, "--results", run, "--dataset", "wine", "--out", run / "figures")
    assert (run / "tables/scores_acc.tex").stat().st_size
    assert all((run / f"figures/{name}.svg").stat().st_size for name in figures)
