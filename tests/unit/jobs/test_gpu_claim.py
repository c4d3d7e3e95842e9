"""Several GPUs on one machine: every job gets one of its own, and a killed job gives it back."""

import signal
import subprocess
import sys
import time

import pytest

from jcae.jobs.gpu import claim

CARDS = {"cuda:0": "GPU-a", "cuda:1": "GPU-b"}
HOLDER = """
import sys, time
from pathlib import Path
from jcae.jobs.gpu import claim
with claim("cuda", folder=Path({folder!r}), identities={cards!r}) as device:
    print(device, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def job(tmp_path):
    children = []

    def start(cards=CARDS):
        script = HOLDER.format(folder=str(tmp_path), cards=cards)
        child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.wait()


@pytest.mark.slow
def test_two_jobs_get_two_cards_and_the_third_waits_for_the_one_that_is_killed(job, tmp_path):
    first, second = job(), job()
    assert {first.stdout.readline().strip(), second.stdout.readline().strip()} == set(CARDS)
    third = job()
    time.sleep(2.0)
    assert third.poll() is None
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert third.stdout.readline().strip() in CARDS


def test_a_card_is_the_same_under_any_number(job, tmp_path):
    """A job that sees only the second card calls it cuda:0."""
    first = job()
    assert first.stdout.readline().strip() == "cuda:0"
    other = job({"cuda:0": "GPU-b"})
    assert other.stdout.readline().strip() == "cuda:0"
    with claim("cuda", folder=tmp_path, identities=CARDS | {"cuda:2": "GPU-c"}) as device:
        assert device == "cuda:2"


@pytest.mark.parametrize("device", ["cpu", "cuda:1"])
def test_what_is_named_is_taken_as_it_is(device, tmp_path):
    with claim(device, folder=tmp_path / "none") as found:
        assert found == device
    assert not (tmp_path / "none").exists()


def test_a_card_is_free_again_after_the_job(tmp_path):
    for _ in range(2):
        with claim("cuda", folder=tmp_path, identities={"cuda:0": "GPU-a"}) as device:
            assert device == "cuda:0"
    with pytest.raises(RuntimeError), claim("cuda", folder=tmp_path, identities={"cuda:0": "GPU-a"}):
        raise RuntimeError
    with claim("cuda", folder=tmp_path, identities={"cuda:0": "GPU-a"}) as device:
        assert device == "cuda:0"
