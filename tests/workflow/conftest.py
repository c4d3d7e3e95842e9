"""Copies of the project for the tests of the workflow."""

import os

import pytest
from project import HOSTILE, MINE, TINY, Project, copy_project

from jcae import forkserver


@pytest.fixture(scope="session")
def make_project(tmp_path_factory):
    forkserver.start()  # for all of them: each would import the same for itself
    place = os.environ.pop(forkserver.PLACE, None)

    def make() -> Project:
        # As a user's folder may be called; nothing of it may reach a shell. Snakemake cannot live with braces there,
        # and MLflow not with an apostrophe.
        project = copy_project(tmp_path_factory.mktemp("project") / HOSTILE.partition(" {")[0].replace("'", ""))
        project.environment |= {forkserver.PLACE: place} if place else {}
        return project

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
