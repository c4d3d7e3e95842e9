"""Copies of the project for the tests of the workflow."""

import pytest
from project import HOSTILE, MINE, TINY, Project, copy_project


@pytest.fixture(scope="session")
def make_project(tmp_path_factory):
    def make() -> Project:
        # As a user's folder may be called; nothing of it may reach a shell. Snakemake cannot live with braces there,
        # and MLflow not with an apostrophe.
        return copy_project(tmp_path_factory.mktemp("project") / HOSTILE.partition(" {")[0].replace("'", ""))

    return make


@pytest.fixture(scope="session")
def finished(make_project):
    """A project after a tiny run of everything, and what snakemake said."""
    project = make_project()
    project.write("baselines/mine.py", MINE)
    project.write("tiny.yaml", TINY)
    project.environment |= {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    result = project.run_afresh("snakemake", "--cores", "2", "--configfile", "tiny.yaml")
    assert result.returncode == 0, result.stdout
    project.first_run = result.stdout
    return project
