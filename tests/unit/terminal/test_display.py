"""On a terminal something moves; elsewhere there are lines alone."""

import io

import pytest

from jcae.terminal.costs import Costs, Step
from jcae.terminal.display import Display, duration, progress
from jcae.terminal.steps import Steps
from jcae.training.heartbeat import Beat


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def steps():
    steps = Steps([Step("train_method", "wine", "dec", str(i)) for i in range(40)], Costs(), begun=0.0)
    for i in range(30):
        steps.start(i, Step("train_method", "wine", "dec", str(i)), 0.0)
    return steps


@pytest.mark.parametrize(("stream", "term"), [(io.StringIO, "xterm"), (Terminal, "dumb")])
def test_no_bars_and_no_colours_in_a_log_file(stream, term, steps, monkeypatch):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("FORCE_COLOR", "1")  # as some CI has it
    out = stream()
    display = Display(out, steps.view)
    display.say("\033[31mred\033[0m [bold]as it is[/bold]", "bold red")
    display.say("x" * 300)
    display.close()
    assert out.getvalue() == "red [bold]as it is[/bold]\n" + "x" * 300 + "\n"


def test_terminal_shows_what_runs_and_the_whole_and_is_given_back(steps, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "10")
    out = Terminal()
    display = Display(out, steps.view)
    display.say("a line that stays", "red")
    display.close()
    text = out.getvalue()
    assert "\033[31ma line that stays" in text
    assert "train method wine/dec/5" in text
    assert "train method wine/dec/6" not in text  # the window has ten lines
    assert "and 24 more" in text
    assert "0 of 40 steps" in text
    assert text.rindex("\033[?25h") > text.rindex("\033[?25l")  # the cursor is there again


def test_progress_of_a_training():
    assert progress(Beat("joint", 34, 100, 0.0123456, 0.3)) == "joint: epoch 34/100, loss 0.01235"
    assert progress(Beat("joint", 1, 2, None, 0.5)) == "joint: epoch 1/2"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (12.34, "12.3 s"), (59.94, "59.9 s"), (59.96, "1:00 min"), (200, "3:20 min"), (3760, "1:02:40 h")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text
