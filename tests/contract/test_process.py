"""A method that changes its process is told what it changes, whether in its fit or when it is imported.

`jcae check` asks fresh processes; the test of all methods asks forks of a warm one, which must find the same.
"""

import os
import sys
import textwrap
import warnings

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

from jcae.contract.checks import CHECKS, Subject, run_check

pytestmark = pytest.mark.slow

(CHECK,) = [check for check in CHECKS if check.name == "process"]


class Rude(KMeans):
    """Sets what everybody shares."""

    def fit(self, X, y=None):
        np.random.seed(0)  # noqa: NPY002
        torch.set_num_threads(1)
        torch.set_default_dtype(torch.float64)
        warnings.simplefilter("error")
        os.environ["RUDE"] = "1"
        return super().fit(X)


class Crashes(KMeans):
    def fit(self, X, y=None):
        os._exit(7)


class LacksPackage(KMeans):
    def fit(self, X, y=None):
        raise ImportError("pip install something")


@pytest.fixture(autouse=True, params=["fresh", "warm"])
def start(request):
    if request.param == "warm":
        request.getfixturevalue("warm_fits")


def outcome(cls):
    return run_check(CHECK, Subject(f"{__name__}.{cls.__name__}"))


def test_a_fit_that_changes_the_process_is_told_what():
    before = np.random.get_state()[1].tolist(), torch.get_default_dtype(), dict(os.environ)  # noqa: NPY002
    found = outcome(Rude)
    assert found.status == "failed"
    changed = (
        "the warning filters, os.environ, NumPy's global generator, torch's number of threads, torch's default dtype"
    )
    assert found.reason.startswith(f"fitting it changes {changed}")
    assert "unchanged_process" in found.reason
    assert (np.random.get_state()[1].tolist(), torch.get_default_dtype(), dict(os.environ)) == before  # noqa: NPY002


def test_so_is_an_import(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    source = """
        import random
        from sklearn.cluster import KMeans

        random.seed(0)


        class Mine(KMeans): ...
    """
    (tmp_path / "mine.py").write_text(textwrap.dedent(source))
    found = run_check(CHECK, Subject(f"{tmp_path}/mine.py:Mine"))
    assert found.reason.startswith("importing it changes the generator of `random`, which others")


def test_a_crash_is_a_broken_contract():
    found = outcome(Crashes)
    assert (found.status, found.reason[:38]) == ("failed", "it ends its process with the code 7 (n")


def test_a_fit_that_cannot_be_is_not_judged():
    found = outcome(LacksPackage)
    assert found.status == "not applicable"
    assert "ImportError: pip install something" in found.reason


def test_what_the_runner_puts_back_of_an_installed_package_is_no_fault(monkeypatch):
    monkeypatch.setattr(Subject, "third_party", True)
    assert outcome(Rude).status == "ok"
