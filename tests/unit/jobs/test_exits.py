"""However a method leaves, by sys.exit, too, that is its result; the user's interrupt alone ends the process."""

import asyncio
import json
import sys

import numpy as np
import pytest

from jcae.contract.checks import CHECKS, Subject, run_check
from jcae.jobs import records
from jcae.jobs.classes import MethodError, load_class
from jcae.jobs.exits import one_line
from jcae.jobs.runner import train_block

EXITS = {
    "exit": (SystemExit("no licence"), "SystemExit: no licence"),
    "exit with a code": (SystemExit(3), "SystemExit: 3"),
    "silent exit": (SystemExit(), "SystemExit"),
    "cancelled": (asyncio.CancelledError("stopped"), "CancelledError: stopped"),
    "generator": (GeneratorExit(), "GeneratorExit"),
    "end of an iterator": (StopIteration(), "StopIteration"),
    "own": (type("Own", (BaseException,), {})("over\nhere"), "Own: over here"),
    "unspeakable": (type("Mute", (Exception,), {"__str__": lambda self: 1 / 0})(), "Mute: its message cannot be read"),
}


class Leaves:
    """Leaves in the fit of seed 1."""

    def __init__(self, n_clusters=2, way="exit", random_state=None):
        self.n_clusters, self.way, self.random_state = n_clusters, way, random_state

    def fit(self, X, y=None):
        if self.random_state == 1:
            raise EXITS[self.way][0]
        self.labels_ = (X[:, 0] > 0).astype(int)
        return self


class LeavesAtOnce(Leaves):
    def __init__(self, n_clusters=2, random_state=None):
        sys.exit("not today")


class DeepLeaves(Leaves):
    def fit_seeds(self, X, seeds, *, pretrained=None, runtime=None):
        raise EXITS[self.way][0]


class LeavesLater(Leaves):
    """Has diverged, says so, and leaves when it is asked for more."""

    def fit(self, X, y=None):
        self.labels_, self.weights_ = np.zeros(len(X), int), {}
        self.status_, self.reason_ = "diverged", "loss is nan"
        return self

    def transform(self, X):
        sys.exit("no code")


def train(cls, folder, seeds=(0, 1, 2), **params):
    np.savez(folder / "features.npz", X=np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32))
    (folder / "card.json").write_text(json.dumps({"n_clusters": 2}))
    spec = {"dataset": "d", "method": "m", "use": f"{__name__}.{cls.__name__}", "params": params}
    return train_block(spec, folder / "features.npz", list(seeds), folder / "out", device="cpu")


@pytest.mark.parametrize("way", EXITS)
def test_a_seed_that_leaves_has_failed_and_the_others_go_on(way, tmp_path):
    written = train(Leaves, tmp_path, way=way)
    assert [one["status"] for one in written] == ["ok", "failed", "ok"]
    record = records.read_record(tmp_path / "out/1/run.json")
    assert record["reason"] == EXITS[way][1]
    assert "in fit" in record["traceback"]


@pytest.mark.parametrize("way", EXITS)
def test_a_block_that_leaves_has_failed(way, tmp_path):
    written = train(DeepLeaves, tmp_path, way=way)
    assert [(one["status"], one["reason"]) for one in written] == [("failed", EXITS[way][1])] * 3


def test_a_class_that_leaves_when_it_is_built_has_failed(tmp_path):
    assert train(LeavesAtOnce, tmp_path, [0])[0]["reason"] == "SystemExit: not today"


def test_a_diverged_run_that_leaves_afterwards_has_diverged(tmp_path):
    record = train(LeavesLater, tmp_path, [0])[0]
    assert (record["status"], record["reason"]) == ("diverged", "loss is nan")


@pytest.mark.parametrize("how", ["file", "module"])
@pytest.mark.parametrize("line", ["sys.exit('no licence')", "raise GeneratorExit('no licence')"])
def test_a_file_that_leaves_when_it_is_imported_is_an_error(how, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "leaving.py").write_text(f"import sys\n{line}\nclass Mine: ...\n")
    use = {"file": "leaving.py:Mine", "module": "leaving.Mine"}[how]
    for _ in range(2):  # half a module is not kept
        with pytest.raises(MethodError, match=r"importing leaving\S* failed: \w+Exit: no licence"):
            load_class(use)


@pytest.mark.parametrize("how", ["file", "module"])
def test_the_users_interrupt_of_an_import_goes_on(how, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / f"stopped_{how}.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load_class({"file": "stopped_file.py:Mine", "module": "stopped_module.Mine"}[how])


@pytest.mark.slow
def test_every_check_of_a_method_that_leaves_comes_to_an_end():
    subject = Subject(f"{__name__}.DeepLeaves")
    outcomes = {check.name: run_check(check, subject) for check in CHECKS}
    assert outcomes["pipeline"].reason == "its run on blobs is failed: SystemExit: no licence"
    assert "it raised SystemExit: no licence (" in outcomes["same seed"].reason


def test_a_check_can_be_interrupted():
    class Interrupted:
        def run(self, subject):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_check(Interrupted(), None)


def test_a_message_is_one_line():
    assert one_line(ValueError("two\n  lines")) == "ValueError: two lines"
