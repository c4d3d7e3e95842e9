"""A verb that a fork runs is what it would have been by itself; and nothing is left of the forks."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from jcae import forkserver

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="there are forks on Linux alone"),
]

METHODS = '''
"""Methods that say who runs them, wait, or take their process down."""
import atexit
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np


class Says:
    def __init__(self, n_clusters=2):
        self.n_clusters = n_clusters

    def fit(self, X):
        told = [os.getpid(), os.getppid(), "torch" in sys.modules, os.getcwd(), os.environ["SAID"], np.random.rand()]
        Path(os.environ["SAID"]).write_text(repr(told))
        atexit.register(lambda: Path(os.environ["SAID"] + ".end").write_text(repr(sys.path)))
        self.labels_ = np.arange(len(X)) % self.n_clusters
        return self


class Waits(Says):
    def fit(self, X):
        super().fit(X)
        while not Path("go").exists():
            time.sleep(0.05)
        return self


class Dies(Says):
    def fit(self, X):
        os.kill(os.getpid(), signal.SIGSEGV)
'''
STARTER = """
import os, sys
from jcae import forkserver
forkserver.start()
print(os.environ[forkserver.PLACE], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def wine(tmp_path_factory):
    from jcae.data.prepare import prepare

    folder = tmp_path_factory.mktemp("wine")
    prepare("wine", folder, folder / "wine")
    (folder / "methods.py").write_text(METHODS)
    return folder


def start(**streams):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, **streams}
    return subprocess.Popen([sys.executable, "-c", STARTER], text=True, **pipes)


@pytest.fixture
def place():
    """The folder of a fork server, whose starter is told to end afterwards."""
    starter = start()
    yield starter.stdout.readline().strip()
    starter.stdin.close()
    starter.wait()


def train(wine, name, place=None, **environment):
    spec = {"dataset": "wine", "method": "m", "use": f"{wine}/methods.py:{name}"}
    words = ["--spec", json.dumps(spec), "--features", wine / "wine/features.npz", "--seeds", "0", "--out", wine / name]
    environment = {**os.environ, **dict.fromkeys(forkserver.THREADS, "1"), "SAID": str(wine / "said"), **environment}
    environment |= {forkserver.PLACE: place} if place else {}
    return subprocess.Popen(
        [sys.executable, "-m", "jcae", "train", *map(str, words)],
        cwd=wine,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(what):
    deadline = time.monotonic() + 300
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_fork_has_folder_environment_and_streams_of_its_caller(wine, place):
    said = []
    for wanted in ("plain", "torch", "plain"):
        caller = train(wine, "Says", place, JCAE_PRELOADED=wanted)
        output, _ = caller.communicate()
        assert caller.returncode == 0, output
        assert output.startswith("seed 0: ok")
        said.append(eval((wine / "said").read_text()))
        assert caller.pid not in said[-1], "the caller did it itself"
    processes, parents, has_torch, folders, environments, drawn = zip(*said, strict=True)
    assert len(set(processes)) == 3
    assert has_torch == (False, True, False)
    assert parents[0] == parents[2] != parents[1]
    assert set(folders) == {str(wine)}
    assert set(environments) == {str(wine / "said")}
    assert len(set(drawn)) == 3, "the forks share their random numbers"
    record = json.loads((wine / "Says/0/run.json").read_text())
    assert record["command"].startswith("jcae train --spec ")


def test_fork_finds_modules_where_its_caller_does_and_does_what_is_left_for_the_end(wine, place):
    found = []
    for where in (place, None):
        (wine / "said.end").unlink(missing_ok=True)
        path = os.pathsep.join([str(wine / "elsewhere"), *filter(None, sys.path)])
        assert train(wine, "Says", where, PYTHONPATH=path).wait() == 0
        found.append(eval((wine / "said.end").read_text()))
    assert found[0] == found[1]
    assert str(wine / "elsewhere") in found[0]


def test_starter_under_a_server_takes_that(place):
    environment = {**os.environ, forkserver.PLACE: place}
    inner = start(env=environment)
    assert inner.stdout.readline().strip() == place
    assert psutil.Process(inner.pid).children() == []
    inner.communicate()
    outdated = start(env={**environment, forkserver.PLACE: "/nowhere"})
    assert Path(outdated.stdout.readline().strip()).is_dir()
    outdated.communicate()


def test_verb_runs_by_itself_without_a_server_or_with_more_threads(wine, place):
    for where, threads in ((None, "1"), ("/nowhere", "1"), (place, "2")):
        caller = train(wine, "Says", where, OMP_NUM_THREADS=threads)
        output, _ = caller.communicate()
        assert caller.returncode == 0, output
        assert eval((wine / "said").read_text())[0] == caller.pid


def test_caller_ends_as_its_fork_does(wine, place):
    caller = train(wine, "Dies", place)
    caller.wait()
    assert caller.returncode == 128 + signal.SIGSEGV
    alone = train(wine, "Dies")
    alone.wait()
    assert alone.returncode == -signal.SIGSEGV
    assert not (wine / "Dies").exists()
    for where in (place, None):
        refused = train(wine, "Unknown", where)
        assert "has no class 'Unknown'" in refused.communicate()[0]
        assert refused.returncode == 1


def started_fork(wine):
    wait_for(lambda: (wine / "said").exists() and (wine / "said").read_text().endswith("]"))
    return psutil.Process(eval((wine / "said").read_text())[0])


def test_killed_caller_takes_its_fork_along(wine, place):
    (wine / "said").unlink(missing_ok=True)
    caller = train(wine, "Waits", place)
    fork = started_fork(wine)
    caller.kill()
    caller.wait()
    wait_for(lambda: not fork.is_running())


def test_server_ends_in_silence():
    starter = start(stderr=subprocess.STDOUT)
    place = Path(starter.stdout.readline().strip())
    assert starter.communicate()[0] == ""  # closes its input
    assert not place.exists()


def test_server_ends_with_its_starter_however_that_ends(wine):
    starter = start()
    place = starter.stdout.readline().strip()
    assert train(wine, "Says", place).wait() == 0
    servers = psutil.Process(starter.pid).children(recursive=True)
    assert len(servers) == len(forkserver.PRELOADED)
    starter.kill()
    starter.wait()
    wait_for(lambda: not any(server.is_running() for server in servers))
    assert not Path(place).exists()
    assert train(wine, "Says", place).wait() == 0


def test_without_the_server_that_was_killed_verbs_run_by_themselves(wine, place):
    (wine / "said").unlink(missing_ok=True)
    caller = train(wine, "Waits", place)
    fork = started_fork(wine)
    fork.parent().kill()
    wait_for(lambda: not fork.is_running())
    (wine / "go").touch()
    following = train(wine, "Says", place)
    for process in (caller, following):
        output, _ = process.communicate()
        assert process.returncode == 0, output
    assert (wine / "Waits/0/run.json").exists()
    assert eval((wine / "said").read_text())[0] in (caller.pid, following.pid)
