"""Snakemake merges overlays by itself: it must arrive at a plan for every config of the folder."""

import re

import pytest
from project import ROOT


@pytest.fixture(scope="module")
def project(make_project):
    return make_project()


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "config").glob("*.yaml")))
def test_config_can_be_run(name, project):
    below = re.findall(r"^# Laid over config/(\w+)\.yaml", (ROOT / "config" / f"{name}.yaml").read_text())
    files = [f"config/{stem}.yaml" for stem in [*below, name]]
    checked = project.run("jcae", "check-config", "config.yaml", *files)
    assert checked.returncode == 0, checked.stdout
    planned = project.snakemake("--dry-run", "--quiet", "rules", "--configfile", *files)
    assert planned.returncode == 0, planned.stdout
    assert "train_method" in planned.stdout
