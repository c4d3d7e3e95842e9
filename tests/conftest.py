"""What several tests share."""

import json
import os
import sys
from collections import Counter
from pathlib import Path

# One thread per process, as every job of the pipeline has: bitwise statements hold for it, and pytest's workers do not
# fight over the cores. Set before anything imports torch, numpy or scikit-learn.
os.environ["OMP_NUM_THREADS"] = "1"

from types import SimpleNamespace

import pytest
from stand_ins import RandomMap
from warm_process import WarmProcess

from jcae.data.fetch import MIRROR_VARIABLE

FITS = WarmProcess(["torch", "sklearn.datasets"])  # no more than `jcae.contract.bare_fit` has when it begins to look


def pytest_collection_modifyitems(items):
    """Files with slow tests first: with short ones at the end, all workers end at about the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_terminal_summary(terminalreporter):
    """Print, summed over the tests, the numbers that tests record: kills survived, cases tried."""
    counts = Counter()
    for report in terminalreporter.stats.get("passed", []):
        counts.update(dict(report.user_properties))
    for name, count in sorted(counts.items()):
        terminalreporter.write_line(f"{name}: {count}")


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Folder with the real data files; tests that need it are skipped elsewhere."""
    folder = os.environ.get(MIRROR_VARIABLE)
    if not folder:
        pytest.skip(f"needs the real data files: set {MIRROR_VARIABLE} to a folder that holds them")
    if not Path(folder).is_dir():
        pytest.skip(f"needs the real data files in a folder, but {MIRROR_VARIABLE} is {folder!r}")
    return Path(folder)


@pytest.fixture
def umap_stand_in(monkeypatch):
    """Put `RandomMap` in the place of UMAP, whether umap-learn is installed or not."""
    parts = {name: SimpleNamespace() for name in ("layouts", "umap_", "utils")}
    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=RandomMap, **parts))


@pytest.fixture
def warm_fits(monkeypatch):
    """Let the contract's look at a process fork; test_process.py shows that it finds the same as in fresh ones."""

    def start(asked, file, environment):
        given = json.dumps(asked, default=str)
        return FITS.run("jcae.contract.bare_fit", file, folder=Path.cwd(), environment=environment, given=given)

    monkeypatch.setattr("jcae.contract.process.start", start)


def pytest_make_parametrize_id(val, argname):
    """Bytes are no names: those of gzip hold the second in which they were made, and workers must agree on names."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(autouse=True)
def one_thread():
    """A test that leaves torch with more threads would change the bits of every later one in its process."""
    yield
    torch = sys.modules.get("torch")
    if torch is not None and (threads := torch.get_num_threads()) != 1:
        torch.set_num_threads(1)
        pytest.fail(f"left torch with {threads} threads")
