"""A search for parameters as people see it: a line per trial, below it how far the search is, at the end the best."""

import time
from collections import Counter
from pathlib import Path
from typing import TextIO

import pandas as pd

from jcae.statistics.shared import count
from jcae.terminal.costs import Costs, Step
from jcae.terminal.display import Display
from jcae.terminal.steps import Steps, View

BEST = 5
"""Trials that are shown at the end."""


class Trials:
    """Shows a search while it lasts.

    Parameters
    ----------
    stream : text file
    dataset, method : str
    n_trials : int
        As many as there may be.
    checkpoints : Path
        Where the trainings of the search tell how far they are.
    """

    def __init__(self, stream: TextIO, dataset: str, method: str, n_trials: int, checkpoints: Path) -> None:
        self._trial, self._checkpoints = Step("trial", dataset, method), checkpoints
        self._begun = False
        start = Step("start", dataset, method)  # reads the data, and pretrains where the method needs it
        self._plan([start, *[self._trial] * n_trials], start)
        self._display = Display(stream, self._view)

    def report(self, line: str, left: int) -> None:
        """Write a line; one trial, or at first what comes before the trials, is done, and so many are left."""
        now = time.time()
        if self._begun:
            self._steps.finish(0, now)
            if left:
                self._steps.start(0, self._trial, now, self._checkpoints)
        else:
            self._begun = True
            self._plan([self._trial] * left, self._trial)
        self._display.say(line)

    def close(self) -> None:
        self._display.close()

    def _plan(self, planned: list[Step], first: Step) -> None:
        steps = Steps(planned, Costs(), time.time())
        if planned:
            steps.start(0, first, steps.begun, self._checkpoints)
        self._steps = steps

    def _view(self, now: float) -> View:
        return self._steps.view(now)


def summarise_trials(out: Path) -> str:
    """The best trials of a search, how many came to an end, and why the others did not.

    Parameters
    ----------
    out : Path
        Folder of the search, with ``trials.csv``.
    """
    trials = pd.read_csv(out / "trials.csv")
    ok = trials["state"] == "COMPLETE"
    best = trials[ok].sort_values("value", ascending=False, kind="stable").head(BEST)
    shown = best[["number", "value", *(name for name in best if name.startswith("params_"))]]
    table = shown.rename(columns=lambda name: name.removeprefix("params_")).to_string(
        index=False, float_format="{:.4g}".format
    )
    lines = [table, "", f"{count(len(trials), 'trial')}: {'all ok' if ok.all() else f'{ok.sum()} ok'}"]
    reasons = trials.get("user_attrs_reason", pd.Series(dtype=str)).reindex(trials.index)[~ok].fillna("not defined")
    lines += [f"  {number} not: {reason}" for reason, number in Counter(reasons).most_common()]
    return "\n".join(lines)
