"""Snakemake's logger plugin: `snakemake --logger jcae` tells by its events what happens, and this shows it.

What snakemake says itself goes to its own log, `.snakemake/log`. Errors before the first step (of a config, a lock) are
shown as they are. The Snakefile logs what is going to run; see `onstart` there.
"""

import signal
import sys
import threading
import time
from collections import defaultdict
from logging import ERROR, LogRecord
from pathlib import Path
from types import FrameType

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from jcae.jobs.records import format_block, read_record
from jcae.terminal.costs import Costs, Step, make_step, read_recorded
from jcae.terminal.display import Display, duration
from jcae.terminal.steps import Steps, View

TAIL = 20
"""Lines that are shown of the log of a failed step."""
ROOMS = {"train_method": "runs", "sweep_method": "sweeps", "pretrain_autoencoder": "pretrained"}
"""Where under `checkpoints` the trainings of a rule have theirs, and their heartbeat."""


class LogHandler(LogHandlerBase):
    """Turns the events of a run into lines and into what moves below them, on standard error."""

    def __post_init__(self) -> None:
        self._steps: Steps | None = None
        self._outputs: dict[int, list[str]] = {}
        self._failed_before = self._closed = self._interrupted = False
        self._listen_for_interrupt()
        self._display = Display(sys.stderr, self._view, colour=not self.common_settings.nocolor)

    writes_to_stream = True
    writes_to_file = False
    has_filter = True  # the events are wanted, however quiet the lines of snakemake's own shall be
    has_formatter = True
    needs_rulegraph = False

    def emit(self, record: LogRecord) -> None:
        """Show an event, if it is one that people want to see; an error of ours ends no run."""
        try:
            self._show(record)
        except Exception:
            self.handleError(record)

    def _show(self, record: LogRecord) -> None:
        event = getattr(record, "event", None)
        if hasattr(record, "steps"):
            self._begin(record)
        elif event == LogEvent.JOB_INFO and record.output and self._steps is not None:
            self._start(record)
        elif event == LogEvent.JOB_FINISHED:
            self._finish(record)
        elif event == LogEvent.JOB_ERROR and not self._interrupted:  # which the jobs get, too, and which is no failure
            self._fail(record)
        elif record.levelno >= ERROR and self._steps is None:
            self._failed_before = True
            self._display.say(record.getMessage(), "red")

    def _listen_for_interrupt(self) -> None:
        self._on_interrupt = signal.getsignal(signal.SIGINT)
        if _in_main_thread() and callable(self._on_interrupt):
            signal.signal(signal.SIGINT, self._interrupt)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self._interrupted = True
        self._on_interrupt(number, frame)

    def _view(self, now: float) -> View | None:
        return None if self._steps is None else self._steps.view(now)

    def _begin(self, record: LogRecord) -> None:
        planned = [make_step(rule, wildcards) for rule, wildcards in record.steps]
        self._steps = Steps(planned, Costs(read_recorded(record.run)), record.created)
        self._display.say(f"{record.getMessage()}; steps to do: {len(planned)}")

    def _start(self, record: LogRecord) -> None:
        step = make_step(record.rule_name, record.wildcards)
        checkpoints = None
        if step.trains:
            checkpoints = Path("results", record.wildcards["run"], "checkpoints", ROOMS[step.rule], step.on)
        self._outputs[record.jobid] = list(record.output)
        self._steps.start(record.jobid, step, record.created, checkpoints)

    def _finish(self, record: LogRecord) -> None:
        if self._steps is None or (ended := self._steps.finish(record.job_id, record.created)) is None:
            return  # a target, which has nothing to do
        step, seconds = ended
        self._display.say(self._line(step, seconds))
        if step.trains:
            for line in not_ok(Path(self._outputs[record.job_id][0])):
                self._display.say(f"  {line}", "yellow")

    def _fail(self, record: LogRecord) -> None:
        if self._steps is None or (ended := self._steps.fail(record.jobid, record.created)) is None:
            return
        step, seconds = ended
        self._display.say(f"{self._line(step, seconds)}  FAILED", "bold red")
        for log in record.log:
            self._display.say(f"  {log}:")
            for line in _last_lines(Path(log)) if self.common_settings.show_failed_logs else ():
                self._display.say(f"  | {line}")

    def _line(self, step: Step, seconds: float) -> str:
        total = str(self._steps.total)
        count = f"{self._steps.done + len(self._steps.failed):>{len(total)}}/{total}"
        return f"{count}  {step.what:<22} {step.on:<42} {duration(seconds):>9}"

    def close(self) -> None:
        """Say how it ended."""
        if not self._closed:
            self._closed = True
            if _in_main_thread() and signal.getsignal(signal.SIGINT) == self._interrupt:
                signal.signal(signal.SIGINT, self._on_interrupt)
            self._display.close()
            self._say_end()
        super().close()

    def _say_end(self) -> None:
        steps = self._steps
        if steps is None:
            if not self._failed_before:
                self._display.say("Nothing to do: all of it is there already.")
            return
        took = duration(time.time() - steps.begun)
        if steps.done == steps.total:
            self._display.say(f"All steps done: {steps.total} in {took}.", "green")
            return
        for step in steps.failed.values():
            self._display.say(f"FAILED: {step.name}", "bold red")
        for step in steps.running:
            self._display.say(f"cut off: {step.name}")
        self._display.say(
            f"{steps.done} of {steps.total} steps done in {took}, {len(steps.failed)} failed"
            f"{', interrupted' * self._interrupted}. What is finished stays, and the same command goes on from there.\n"
            f"Snakemake's own log: {_newest_log()}"
        )


def not_ok(block: Path) -> list[str]:
    """What befell the runs of a block that are not ok: `seeds 0,3 failed: ValueError: ...`."""
    seeds = defaultdict(set)
    for file in sorted(block.rglob("run.json")):
        record = read_record(file)
        if record["status"] != "ok":
            over = file.relative_to(block).parts[:-2]  # a folder more, where the block is of numbers of clusters
            where = "".join(f"with {k} clusters " for k in over)
            seeds[f"{where}{record['status']}: {record['reason']}"].add(record["seed"])
    return [f"seed{'s' * (len(of) > 1)} {format_block(of)} {what}" for what, of in seeds.items()]


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _last_lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
    except OSError:
        return []


def _newest_log() -> Path | str:
    logs = Path(".snakemake/log")
    return max(logs.glob("*.log"), key=lambda file: file.stat().st_mtime, default=logs)
