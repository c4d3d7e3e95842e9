"""What a step of a run may cost, in seconds, so that the remaining time weighs a long training more than a table.

The first of these that is known: the mean of the same step (rule, data set, method) in this run; the seconds of its
trainings in the records of the last run of this name, else of the published one, times how much longer than recorded
the trainings of this run have taken; the mean of the rule in this run; the mean of its kind, trainings or all others,
in this run; a constant.
"""

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from jcae.jobs.records import parse_block

TRAININGS = ("train_method", "sweep_method", "pretrain_autoencoder")
"""Rules that train."""
START = 5.0
"""Seconds to start Python and read the data: most of any step that trains nothing."""
TRAINING = 30.0
"""Seconds of a training of which nothing is known."""


@dataclass(frozen=True)
class Step:
    """A job of the workflow.

    Attributes
    ----------
    rule : str
    dataset, method, block : str
        Empty where it has none; an autoencoder counts as a method.
    counts : str
        Numbers of clusters that it runs over; empty where it has its own.
    """

    rule: str
    dataset: str = ""
    method: str = ""
    block: str = ""
    counts: str = ""

    @property
    def what(self) -> str:
        """`train method`."""
        return self.rule.rstrip("_0123456789").replace("_", " ")

    @property
    def trains(self) -> bool:
        return self.rule in TRAININGS

    @property
    def on(self) -> str:
        """`digits/dec/0-4`; over numbers of clusters `digits/dec/2-20/0-4`."""
        return "/".join(filter(None, (self.dataset, self.method, self.counts, self.block)))

    @property
    def name(self) -> str:
        """`train method digits/dec/0-4`."""
        return f"{self.what} {self.on}".strip()


def make_step(rule: str, wildcards: Mapping[str, str]) -> Step:
    """The step of a rule with its wildcards."""
    dataset = wildcards.get("dataset") or wildcards.get("catalogued", "")
    method = wildcards.get("method") or wildcards.get("autoencoder", "")
    return Step(rule, dataset, method, wildcards.get("block", ""), wildcards.get("counts", ""))


class Costs:
    """Seconds of steps: those that were measured, and those that are expected.

    Parameters
    ----------
    recorded : mapping of (str, str, str) to float
        Seconds of the training of one seed, by rule, data set and method (`read_recorded`).
    """

    def __init__(self, recorded: Mapping[tuple[str, str, str], float] | None = None) -> None:
        self._recorded = dict(recorded or {})
        self._measured: dict[object, list[float]] = defaultdict(list)
        self._took = self._was_due = 0.0

    def measure(self, step: Step, seconds: float) -> None:
        """Learn from a step that has come to its end."""
        due = self._from_records(step)
        if due is not None:
            self._took += seconds
            self._was_due += due
        for key in _keys(step):
            self._measured[key].append(seconds)

    def expect(self, step: Step) -> float:
        """Seconds that a step may take."""
        same, *alike = _keys(step)
        if same in self._measured:
            return mean(self._measured[same])
        if (due := self._from_records(step)) is not None:
            return due * (self._took / self._was_due if self._was_due else 1.0)
        for key in alike:
            if key in self._measured:
                return mean(self._measured[key])
        return TRAINING if step.trains else START

    def _from_records(self, step: Step) -> float | None:
        seconds = self._recorded.get((step.rule, step.dataset, step.method))
        if seconds is None:
            return None
        counts = len(parse_block(step.counts)) if step.counts else 1
        return START + seconds * len(parse_block(step.block)) * counts


def _keys(step: Step) -> tuple[object, ...]:
    """What a step has in common with others, from the same step to all of its kind."""
    return (step.rule, step.dataset, step.method), step.rule, step.trains


def read_recorded(run: str, results: Path = Path("results")) -> dict[tuple[str, str, str], float]:
    """Seconds per seed of the trainings of the last run of this name, else of the published one of this name."""
    for file in (results / run / "records.csv", results / "reference" / run / "records.csv"):
        if file.exists():
            found = defaultdict(list)
            with file.open(newline="", encoding="utf-8") as handle:
                for row in csv.DictReader(handle):
                    for key, column in (
                        (("train_method", row["dataset"], row["method"]), "seconds"),
                        (("sweep_method", row["dataset"], row["method"]), "seconds"),
                        (("pretrain_autoencoder", row["dataset"], row["autoencoder"]), "pretrain_seconds"),
                    ):
                        if row.get(column):
                            found[key].append(float(row[column]))
            return {key: mean(values) for key, values in found.items()}
    return {}
