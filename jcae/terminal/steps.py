"""The steps of a run: which are done, which run, which failed, and how long the rest may take."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from jcae.terminal.costs import Costs, Step
from jcae.training.heartbeat import Beat, read_beat


@dataclass(frozen=True)
class Running:
    """A step at work: since when (seconds since the epoch), and where its training tells how far it is."""

    step: Step
    since: float
    checkpoints: Path | None = None

    def beat(self) -> Beat | None:
        """How far its training is, if it is one and has told."""
        return None if self.checkpoints is None else read_beat(self.checkpoints, self.since)


@dataclass(frozen=True)
class View:
    """What there is to show at one moment.

    Attributes
    ----------
    running : list of (Running, Beat or None)
    done, total : int
        Steps.
    elapsed, remaining : float
        Seconds; what remains is an estimate.
    share : float
        Of the work, by cost.
    """

    running: list[tuple[Running, Beat | None]]
    done: int
    total: int
    elapsed: float
    remaining: float
    share: float


class Steps:
    """Counts the steps of a run. Its methods may be called by several threads.

    Parameters
    ----------
    planned : iterable of Step
    costs : Costs
    begun : float
        When the run began, seconds since the epoch.
    """

    def __init__(self, planned: Iterable[Step], costs: Costs, begun: float) -> None:
        self.costs, self.begun = costs, begun
        self.failed: dict[int, Step] = {}
        self.done = 0
        self._waiting = Counter(planned)
        self._running: dict[int, Running] = {}
        self._worked = 0.0
        self._lock = Lock()

    @property
    def total(self) -> int:
        """All steps; one that was not planned counts once it runs."""
        return self.done + len(self._running) + len(self.failed) + self._waiting.total()

    @property
    def running(self) -> list[Step]:
        return [running.step for running in self._running.values()]

    def start(self, number: int, step: Step, at: float, checkpoints: Path | None = None) -> None:
        """A step begins; one that has failed may do so again."""
        with self._lock:
            if number not in self.failed and self._waiting[step]:
                self._waiting[step] -= 1
            self.failed.pop(number, None)
            self._running[number] = Running(step, at, checkpoints)

    def finish(self, number: int, at: float) -> tuple[Step, float] | None:
        """A step has ended well: which, and its seconds; None where it is unknown."""
        with self._lock:
            if (ended := self._end(number, at)) is not None:
                self.done += 1
                self.costs.measure(*ended)
            return ended

    def fail(self, number: int, at: float) -> tuple[Step, float] | None:
        """A step has failed: which, and after how many seconds; None where it is unknown."""
        with self._lock:
            if (ended := self._end(number, at)) is not None:
                self.failed[number] = ended[0]
            return ended

    def _end(self, number: int, at: float) -> tuple[Step, float] | None:
        running = self._running.pop(number, None)
        if running is None:
            return None
        seconds = max(0.0, at - running.since)
        self._worked += seconds
        return running.step, seconds

    def view(self, now: float) -> View:
        """What there is to show.

        What remains is the cost of what waits and of what is left of the steps that run, shared by as many as have been
        at work on the average so far; and at least what the longest of them still takes. A step that is overdue, and
        tells nothing, is taken to go on for as long as it is overdue.
        """
        with self._lock:
            running = list(self._running.values())
            waiting = sum(self.costs.expect(step) * count for step, count in self._waiting.items())
            expected = [self.costs.expect(one.step) for one in running]
            worked = self._worked + sum(max(0.0, now - one.since) for one in running)
            done, total = self.done, self.total
        beats = [one.beat() for one in running]
        left = [
            abs(cost - (now - one.since)) if beat is None else cost * (1 - beat.share)
            for one, beat, cost in zip(running, beats, expected, strict=True)
        ]
        elapsed = max(now - self.begun, 1e-9)
        remaining = max([(waiting + sum(left)) / max(1.0, worked / elapsed), *left])
        work = worked + waiting + sum(left)
        shown = list(zip(running, beats, strict=True))
        return View(shown, done, total, elapsed, remaining, worked / work if work else 0.0)
