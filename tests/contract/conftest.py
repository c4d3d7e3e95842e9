"""Processes of their own for fits, without the seconds that each takes to start."""

import json
from pathlib import Path

import pytest
from warm_process import WarmProcess

from jcae.contract import process

WARM = WarmProcess(["torch", "sklearn.datasets"])  # no more than `jcae.contract.bare_fit` has when it begins to look


@pytest.fixture
def warm_fits(monkeypatch):
    """Let the check `process` fork; test_process.py shows that it finds the same as in fresh processes."""

    def start(asked, file, environment):
        given = json.dumps(asked, default=str)
        return WARM.run("jcae.contract.bare_fit", file, folder=Path.cwd(), environment=environment, given=given)

    monkeypatch.setattr(process, "start", start)
