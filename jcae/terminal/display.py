"""Shows a run: lines that stay, and below them on a terminal what runs now and the whole.

Where the stream is no terminal (a log file, a pipe, CI) only the lines are written, without any escape code.
"""

import os
import time
from collections.abc import Callable
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from jcae.terminal.steps import View
from jcae.training.heartbeat import Beat

ROWS = 12
"""Running steps that are shown at most."""


class Display:
    """Lines, and what moves below them.

    Parameters
    ----------
    stream : text file
    view : callable
        Gives what there is to show below the lines, at a time in seconds since the epoch; None for nothing.
    colour : bool
    """

    def __init__(self, stream: TextIO, view: Callable[[float], View | None], colour: bool = True) -> None:
        self._stream, self._view = stream, view
        self._live: Live | None = None
        if stream.isatty() and os.environ.get("TERM", "dumb") != "dumb":
            self._console = Console(
                file=stream, force_terminal=True, no_color=None if colour else True, highlight=False
            )
            self._live = Live(get_renderable=self._below, console=self._console, refresh_per_second=4, transient=True)
            self._live.start()

    def say(self, text: str, style: str = "") -> None:
        """Write lines that stay; of colours that are in the text, nothing is left."""
        plain = Text.from_ansi(text).plain
        if self._live is None:
            print(plain, file=self._stream, flush=True)
        else:
            self._console.print(Text(plain, style), soft_wrap=True)

    def close(self) -> None:
        """Take away what moves, and give the terminal back as it was; lines can still be written."""
        if self._live is not None:
            self._live.stop()

    def _below(self) -> RenderableType:
        view = self._view(time.time())
        if view is None:
            return Text("")
        rows = Table.grid(padding=(0, 2))
        shown = max(1, min(ROWS, self._console.height - 4))
        for running, beat in view.running[:shown]:
            rows.add_row(
                Text(running.step.name, overflow="ellipsis", no_wrap=True),
                Text(duration(time.time() - running.since), justify="right", no_wrap=True),
                Text(progress(beat) if beat else "", overflow="ellipsis", no_wrap=True),
            )
        more = len(view.running) - shown
        total = Table.grid(padding=(0, 2))
        total.add_row(
            ProgressBar(total=1.0, completed=view.share, width=24),
            Text(
                f"{view.share:4.0%}  {view.done} of {view.total} steps, {duration(view.elapsed)}, "
                f"about {duration(view.remaining)} left",
                overflow="ellipsis",
                no_wrap=True,
            ),
        )
        return Group(rows, *([Text(f"and {more} more")] if more > 0 else []), total)


def progress(beat: Beat) -> str:
    """`train: epoch 34/100, loss 0.0123`."""
    loss = "" if beat.loss is None else f", loss {beat.loss:.4g}"
    return f"{beat.phase}: epoch {beat.epoch}/{beat.epochs}{loss}"


def duration(seconds: float) -> str:
    """`12.3 s`, `3:20 min`, `1:02:40 h`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02} h"
