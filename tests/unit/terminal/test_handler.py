"""Snakemake's events as people see them."""

import contextlib
import io
import logging
import signal
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.tests import MockOutputSettings, TestLogHandlerBase

from jcae.terminal import handler as module
from jcae.terminal.handler import LogHandler, not_ok

DEC = {"run": "r", "dataset": "wine", "method": "dec", "block": "0-1"}
BLOCK = "results/r/runs/wine/dec/0-1"


class TestInterface(TestLogHandlerBase):
    """What snakemake asks of any logger plugin."""

    __test__ = True

    @pytest.fixture(autouse=True)
    def closed(self):
        self.made = []
        yield
        for handler in self.made:
            handler.close()

    def get_log_handler_cls(self):
        return LogHandler

    def get_log_handler_settings(self):
        return None

    def _create_handler(self):
        self.made.append(super()._create_handler())
        return self.made[-1]


class Run:
    """A handler that is told recorded events."""

    def __init__(self):
        self.written = io.StringIO()
        with contextlib.redirect_stderr(self.written):
            self.handler = LogHandler(MockOutputSettings(), None)
        self.seconds = 1000.0

    def tell(self, event=None, level=logging.INFO, message="", **facts):
        record = logging.LogRecord("snakemake", level, "x.py", 1, message, (), None)
        self.seconds += 1.5
        self.handler.handle(SimpleNamespace(**{**vars(record), "created": self.seconds, "event": event, **facts},
                                            getMessage=record.getMessage))  # fmt: skip

    def begin(self, *steps):
        self.tell(message="Run r: 2 runs", run="r", steps=steps)

    def start(self, number, rule, wildcards, output=("x",)):
        self.tell(LogEvent.JOB_INFO, jobid=number, rule_name=rule, wildcards=wildcards, output=list(output))

    def finish(self, number):
        self.tell(LogEvent.JOB_FINISHED, job_id=number)

    def fail(self, number, log):
        self.tell(LogEvent.JOB_ERROR, logging.ERROR, jobid=number, log=[str(log)])


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # A shell's background job is started deaf to interrupts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    made = Run()
    yield made
    made.handler.close()
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def lines(run):
    """Closes the run, and gives what was written."""

    def close():
        run.handler.close()
        return run.written.getvalue().splitlines()

    return close


def test_finished_steps_are_lines_with_what_on_what_and_how_long(run, lines):
    run.begin(("train_method", DEC), ("collect_results", {"run": "r"}))
    run.start(1, "train_method", DEC, [BLOCK])
    run.start(2, "collect_results", {"run": "r"})
    run.finish(1)
    run.finish(2)
    run.start(0, "all", {}, [])  # a target
    run.finish(0)
    first, train, collect, end = lines()
    assert first == "Run r: 2 runs; steps to do: 2"
    assert train.split() == ["1/2", "train", "method", "wine/dec/0-1", "3.0", "s"]
    assert collect.split() == ["2/2", "collect", "results", "3.0", "s"]
    assert end.startswith("All steps done: 2 in ")


def test_failed_step_is_named_at_once_and_at_the_end(run, lines, tmp_path):
    run.begin(("train_method", DEC), ("collect_results", {"run": "r"}))
    run.start(1, "train_method", DEC, [BLOCK])
    (tmp_path / "train.log").write_text("".join(f"line {i}\n" for i in range(50)) + "\033[31mdisk full\033[0m\n")
    run.fail(1, tmp_path / "train.log")
    at_once = run.written.getvalue().splitlines()
    assert at_once[1].split() == ["1/2", "train", "method", "wine/dec/0-1", "1.5", "s", "FAILED"]
    assert at_once[2] == f"  {tmp_path / 'train.log'}:"
    assert at_once[-1] == "  | disk full"  # without its colour
    assert len(at_once) == 3 + module.TAIL
    failed, end, log = lines()[len(at_once) :]
    assert failed == "FAILED: train method wine/dec/0-1"
    assert "0 of 2 steps done in " in end
    assert ", 1 failed. What is finished stays, and the same command goes on from there." in end
    assert log == "Snakemake's own log: .snakemake/log"


def test_step_that_is_tried_again_after_a_failure_is_no_failure_in_the_end(run, lines, tmp_path):
    run.begin(("train_method", DEC))
    run.start(1, "train_method", DEC, [BLOCK])
    run.fail(1, tmp_path / "missing.log")
    run.start(1, "train_method", DEC, [BLOCK])
    run.finish(1)
    *_, again, end = lines()
    assert again.split()[:2] == ["1/1", "train"]
    assert end.startswith("All steps done: 1")


def test_runs_that_are_not_ok_are_named_when_their_block_is_done(run, lines, monkeypatch, tmp_path):
    states = {0: ("failed", "no solution"), 1: ("failed", "no solution"), 2: ("ok", None), 3: ("diverged", "loss nan")}
    for seed in states:
        (tmp_path / BLOCK / str(seed)).mkdir(parents=True)
        (tmp_path / BLOCK / str(seed) / "run.json").touch()

    def read(file):
        seed = int(file.parent.name)
        return {"seed": seed, "status": states[seed][0], "reason": states[seed][1]}

    monkeypatch.setattr(module, "read_record", read)
    assert sorted(not_ok(tmp_path / BLOCK)) == ["seed 3 diverged: loss nan", "seeds 0-1 failed: no solution"]
    run.begin(("train_method", DEC))
    run.start(1, "train_method", DEC, [BLOCK])
    run.finish(1)
    assert sorted(lines()[2:4]) == ["  seed 3 diverged: loss nan", "  seeds 0-1 failed: no solution"]


def test_runs_over_numbers_of_clusters_that_are_not_ok_are_named_with_their_number(monkeypatch, tmp_path):
    for k, seed in ((2, 0), (2, 1), (12, 0)):
        (tmp_path / str(k) / str(seed)).mkdir(parents=True)
        (tmp_path / str(k) / str(seed) / "run.json").touch()

    def read(file):
        k, seed = file.parts[-3:-1]
        return {"seed": int(seed), "status": "ok" if (k, seed) == ("2", "1") else "collapsed", "reason": "1 cluster"}

    monkeypatch.setattr(module, "read_record", read)
    assert sorted(not_ok(tmp_path)) == [
        "seed 0 with 12 clusters collapsed: 1 cluster",
        "seed 0 with 2 clusters collapsed: 1 cluster",
    ]


def test_interrupt_cuts_steps_off_and_is_no_failure(run, lines, tmp_path):
    run.begin(("train_method", DEC))
    run.start(1, "train_method", DEC, [BLOCK])
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    run.fail(1, tmp_path / "train.log")  # the job gets it, too
    _, cut, end, _ = lines()
    assert cut == "cut off: train method wine/dec/0-1"
    assert "0 failed, interrupted. What is finished stays" in end
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_run_that_is_there_already_says_so(run, lines):
    run.tell(message="Nothing to be done (all requested files are present and up to date).")
    assert lines() == ["Nothing to do: all of it is there already."]


def test_error_before_the_first_step_is_shown_whole(run, lines):
    run.tell(LogEvent.ERROR, logging.ERROR, "unknown key 'seedz'\ndid you mean 'seeds'?", exception="WorkflowError")
    assert lines() == ["unknown key 'seedz'", "did you mean 'seeds'?"]
