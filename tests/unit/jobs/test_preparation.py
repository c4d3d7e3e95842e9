"""A data set is prepared again when the code that makes its arrays changes, whichever step that is, and else not."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from jcae.data import prepare
from jcae.data.loaders import tables
from jcae.data.own import reading
from jcae.data.request import Request
from jcae.jobs import provenance
from jcae.jobs.datasets import preparation_digest


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A copy of our sources, which can be changed; digests are of it."""
    package, copy = Path(provenance.__file__).parents[1], tmp_path / "jcae"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "_PACKAGE", copy)
    for module in (prepare, tables, reading):
        monkeypatch.setattr(module, "__file__", str(copy / Path(module.__file__).relative_to(package)))
    return copy


@pytest.fixture
def requests(tmp_path):
    file = tmp_path / "own.npz"
    np.savez(file, X=np.arange(12.0).reshape(6, 2))
    return {"wine": Request.of("wine"), "own": Request.of("own", {"file": str(file), "n_clusters": 2})}


STEPS = ("prepare", "variants", "points", "arrays", "formats", "graphs/neighbours", "graphs/graph")
WHO = {f"data/{step}.py": {"wine", "own"} for step in STEPS}
WHO |= {"data/loaders/tables.py": {"wine"}, "data/own/reading.py": {"own"}, "data/own/scaling.py": {"own"}}
WHO |= {"data/catalogue/images.py": set(), "models/aecm.py": set()}


@pytest.mark.parametrize("file", WHO)
def test_digest_follows_every_step(sources, requests, file):
    before = {name: preparation_digest(request) for name, request in requests.items()}
    with (sources / file).open("a") as handle:
        handle.write("\nCHANGED = 1\n")
    assert {name for name, request in requests.items() if preparation_digest(request) != before[name]} == WHO[file]
