"""How long a training may take, said once to whoever watches it, from how long its first updates took."""

import sys
import time

from tqdm import tqdm

LONG = 30.0
"""Seconds from which it is said."""
AFTER = 3.0
"""Seconds of training that the estimate is made from."""


class Forecast:
    """The estimate of one training, beside the bar of its epoch.

    Parameters
    ----------
    label : str
        Whose training it is.
    updates : int
        All that are ahead, those of trainings that follow included; a training that stops early takes fewer.
    """

    def __init__(self, label: str, updates: int):
        self.label, self.updates = label, updates
        self.done = 0
        self.begun: float | None = None
        self.said = False

    def count(self, now: float | None = None) -> None:
        """An update is done; `now` are seconds of a clock."""
        now = time.monotonic() if now is None else now
        if self.begun is None:  # the first update builds what later ones find
            self.begun = now
            return
        self.done += 1
        spent = now - self.begun
        if self.said or spent < AFTER:
            return
        self.said = True
        seconds = spent / self.done * self.updates
        if seconds > LONG:
            what = f"{self.label}: may take" if self.label else "It may take"
            tqdm.write(f"{what} about {duration(seconds)} for {self.updates:,} updates", file=sys.stderr)


class Watched:
    """The bar of an epoch, with the forecast of the training that it belongs to."""

    def __init__(self, bar: tqdm, forecast: Forecast | None):
        self.bar, self.forecast = bar, forecast

    def update(self) -> None:
        """An update is done."""
        self.bar.update()
        if self.forecast is not None:
            self.forecast.count()


def duration(seconds: float) -> str:
    """As people say it: ``40 s``, ``3 min``, ``2.5 h``."""
    if seconds < 90:
        return f"{10 * round(seconds / 10)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
