"""What snakemake's events look like on a terminal, in a pipe, and after an interrupt."""

import os
import pty
import select
import signal
import subprocess
import time

import pytest
from project import ROOT, Project

pytestmark = pytest.mark.slow

# Steps of our names that train nothing: what is shown hangs on snakemake alone.
SNAKEFILE = """
from snakemake.logging import logger


rule all:
    input:
        expand("results/mini/runs/wine/{method}/0", method=["kmeans", "dec"]),


rule train_method:
    output:
        directory("results/{run}/runs/{dataset}/{method}/{block}"),
    log:
        "logs/{run}/{dataset}/{method}/{block}.log",
    shell:
        "echo said by {wildcards.method} > {log}; sh {wildcards.method}.sh; mkdir -p {output}"


onstart:
    steps = [(job.rule.name, dict(job.wildcards_dict)) for job in workflow.dag.needrun_jobs() if job.output]
    logger.info("Run mini: 2 runs", extra={"run": "mini", "steps": steps})
"""
TRAINS = """
folder=results/mini/checkpoints/runs/wine/dec/0; mkdir -p $folder
echo '{"phase": "joint", "epoch": 3, "epochs": 10, "loss": 0.25, "share": 0.3}' > $folder/heartbeat.json
while [ ! -e seen ]; do sleep 0.1; done
"""


@pytest.fixture
def mini(tmp_path):
    project = Project(tmp_path)
    project.environment["PYTHONPATH"] = str(ROOT)
    project.write("Snakefile", SNAKEFILE)
    project.write("kmeans.sh", "")
    return project


def command(project, *arguments):
    return project.command("snakemake", "--logger", "jcae", "--cores", "2", "--keep-going", *arguments)


class Terminal:
    """A command on a pseudo-terminal of 24 lines and 100 columns, in a session of its own."""

    def __init__(self, words, project):
        self.text, self._bytes = "", b""
        self._ours, theirs = pty.openpty()
        environment = {**project.environment, "TERM": "xterm", "COLUMNS": "100", "LINES": "24"}
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
        # A shell's background job is started deaf to interrupts, and so are its children.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.process = subprocess.Popen(words, cwd=project.folder, env=environment, start_new_session=True, **streams)
        signal.signal(signal.SIGINT, before)
        os.close(theirs)

    def read_until(self, text, seconds=300):
        deadline = time.monotonic() + seconds
        while text not in self.text:
            assert time.monotonic() < deadline, self.text
            if not self._read():
                raise AssertionError(f"ended without {text!r}:\n{self.text}")

    def finish(self):
        while self._read():
            pass
        os.close(self._ours)
        return self.process.wait()

    def _read(self):
        if select.select([self._ours], [], [], 1)[0]:
            try:
                found = os.read(self._ours, 65536)
            except OSError:  # the other side is closed
                return False
            self._bytes += found
            self.text = self._bytes.decode(errors="replace")
            return bool(found)
        return True


def test_pipe_gets_plain_lines_and_failures_at_once_and_the_same_command_goes_on(mini):
    mini.write("kmeans.sh", "while [ ! -e go ]; do sleep 0.1; done")
    mini.write("dec.sh", "exit 3")
    words = command(mini, "--show-failed-logs")
    process = subprocess.Popen(
        words, cwd=mini.folder, env=mini.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if line == "  | said by dec\n":  # the other one waits for this
            mini.write("go", "")
    assert process.wait() == 1
    assert "\033" not in "".join(lines)
    assert lines[0] == "Run mini: 2 runs; steps to do: 2"
    assert "FAILED" in lines[1]
    assert lines[1].split()[:4] == ["1/2", "train", "method", "wine/dec/0"]
    assert lines[2:4] == ["  logs/mini/wine/dec/0.log:", "  | said by dec"]
    assert lines[4].split()[:4] == ["2/2", "train", "method", "wine/kmeans/0"]
    assert lines[5] == "FAILED: train method wine/dec/0"
    assert "1 of 2 steps done in " in lines[6]
    said = (mini.folder / lines[7].removeprefix("Snakemake's own log: ")).read_text()
    assert "Error in rule train_method" in said
    mini.write("dec.sh", "")
    again = mini.run(*command(mini)[2:])
    assert again.returncode == 0
    first, train, end = again.stdout.splitlines()
    assert first == "Run mini: 2 runs; steps to do: 1"
    assert train.split()[:4] == ["1/1", "train", "method", "wine/dec/0"]
    assert end.startswith("All steps done: 1 in ")
    assert mini.run(*command(mini)[2:]).stdout == "Nothing to do: all of it is there already.\n"


def test_terminal_shows_the_inner_progress_of_what_runs(mini):
    mini.write("dec.sh", TRAINS)
    terminal = Terminal(command(mini), mini)
    terminal.read_until("joint: epoch 3/10, loss 0.25")
    mini.write("seen", "")
    assert terminal.finish() == 0
    assert "of 2 steps" in terminal.text
    last = terminal.text[terminal.text.rindex("\033[?25h") :]  # the cursor is there again, and nothing moves after it
    assert "All steps done: 2 in " in last
    assert "epoch" not in last


def test_interrupt_ends_cleanly(mini):
    mini.write("dec.sh", "sleep 600")
    terminal = Terminal(command(mini), mini)
    terminal.read_until("train method wine/dec/0")
    os.killpg(terminal.process.pid, signal.SIGINT)
    assert terminal.finish() != 0
    last = terminal.text[terminal.text.rindex("\033[?25h") :]
    assert "cut off: train method wine/dec/0" in last
    assert "interrupted. What is finished stays" in last
    assert "FAILED" not in terminal.text
    assert "Traceback" not in terminal.text
