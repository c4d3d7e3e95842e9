"""Snakemake merges overlays by itself: it must arrive at a plan for every config of the folder."""

import pytest
from project import CONFIGS, config_files

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(make_project):
    return make_project()


@pytest.mark.parametrize("name", CONFIGS)
def test_config_can_be_run(name, project):
    files = config_files(name)
    checked = project.run("jcae", "check-config", "config.yaml", *files)
    assert checked.returncode == 0, checked.stdout
    planned = project.snakemake("--dry-run", "--quiet", "rules", "--configfile", *files)
    assert planned.returncode == 0, planned.stdout
    assert "train_method" in planned.stdout
