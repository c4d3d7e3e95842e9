"""Readers of a user's own files on damaged and made-up bytes: a correct result, or a `DataError` that names the file.

HDF5 is read by a library in C, which crashes on some damaged files: `jcae.data.own.probe` sees to that. Here its cases
run without the probe, which would take half a second each, but in a process of their own.
"""

import csv as csv_module
import gzip
import io
import os
import subprocess
import sys
import warnings
from pathlib import Path
from random import Random

import numpy as np
import pytest
from fuzz import damaged
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from own_files import SPECIES, X, csv, frame, h5ad, idx_bytes, picture

from jcae.data.formats import DataError
from jcae.data.own.look import config_lines, look
from jcae.data.own.reading import digest, read
from jcae.data.own.source import OwnData

pytestmark = pytest.mark.slow

QUIET = {"deadline": None, "derandomize": True, "database": None, "suppress_health_check": list(HealthCheck)}
CASES = 250
"""Damaged files per format."""


@pytest.fixture(scope="module", name="good")
def valid_files(tmp_path_factory):
    """A valid file of every format, by its name."""
    folder = tmp_path_factory.mktemp("good")
    csv(folder / "p.csv")
    frame(species=SPECIES).to_parquet(folder / "p.parquet")
    np.save(folder / "p.npy", X)
    np.savez(folder / "p.npz", X=X, species=SPECIES)
    np.savez_compressed(folder / "q.npz", X=X, species=SPECIES)
    (folder / "p-ubyte").write_bytes(idx_bytes(np.arange(96).reshape(4, 4, 6).astype(np.uint8)))
    (folder / "p.tsv.gz").write_bytes(gzip.compress((folder / "p.csv").read_bytes().replace(b",", b"\t")))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def outcome(path, **options):
    """Read; the result is sound, or the error names the file."""
    with warnings.catch_warnings(action="ignore"):
        try:
            found = read(OwnData(path, **options))
        except DataError as error:
            assert str(path) in str(error), error  # noqa: PT017 - reading is as good an outcome
            return True
    assert found.X.dtype == np.float32
    assert found.X.ndim == 2
    assert np.isfinite(found.X).all()
    assert found.labels is None or len(found.labels) == len(found.X)
    return False


def seen(path):
    """Look; what it proposes can be written down, or the error names the file."""
    with warnings.catch_warnings(action="ignore"):
        try:
            config_lines(look(path), "mine")
        except DataError as error:
            assert str(path) in str(error), error  # noqa: PT017


NAMES = ["p.csv", "p.tsv.gz", "p.parquet", "p.npy", "p.npz", "q.npz", "p-ubyte"]


@pytest.mark.parametrize("name", NAMES)
def test_damaged_file(name, good, tmp_path, record_property):
    path, refused = tmp_path / name, 0
    options = {"n_clusters": 2} if name in ("p.npy", "p-ubyte") else {"truth": "species"}
    for number in range(CASES):
        random = Random(f"{name} {number}")
        path.unlink(missing_ok=True)
        path.write_bytes(damaged(good[name], random))
        refused += outcome(path, scale=random.choice(["none", "standard", "minmax", "max"]), **options)
        if number % 5 == 0:
            seen(path)
    record_property("fuzz cases", CASES)
    assert refused > CASES / 10


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_damaged_image(ending, tmp_path, record_property):
    folder, refused = tmp_path / "animals", 0
    path = picture(folder / f"cat/0.{ending}")
    picture(folder / "dog/1.png")
    content = path.read_bytes()
    for number in range(CASES):
        path.unlink()
        path.write_bytes(damaged(content, Random(f"{ending} {number}")))
        refused += outcome(folder, n_clusters=2, image_shape=[3, 3, 3])
        seen(folder)
    record_property("fuzz cases", CASES)
    assert refused > CASES / 10


HDF5 = """
import sys
from pathlib import Path
from random import Random
from fuzz import damaged
from test_own_fuzz import outcome, seen
from jcae.data.own import h5ad

h5ad.probe = lambda path: None
path, content = Path(sys.argv[1]), Path(sys.argv[2]).read_bytes()
for number in range(int(sys.argv[3]), int(sys.argv[4])):
    print(number, flush=True)
    path.unlink(missing_ok=True)
    path.write_bytes(damaged(content, Random(f"h5ad {number}")))
    outcome(path, truth="species")
    seen(path)
"""


@pytest.mark.parametrize("kind", ["dense", "csr_matrix"])
def test_damaged_h5ad(kind, tmp_path, record_property):
    h5py = pytest.importorskip("h5py", reason="needs h5py to write an h5ad file")
    good = h5ad(tmp_path / "good.h5ad", h5py, kind)
    script = ["-c", HDF5, str(tmp_path / "p.h5ad"), str(good), "0", str(CASES)]
    tests = Path(__file__).parents[3]
    paths = os.pathsep.join(map(str, (tests.parent, tests / "shared", Path(__file__).parent)))
    done = subprocess.run(
        [sys.executable, *script],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"case {done.stdout.split()[-1:]}: {done.stderr[-2000:]}"
    record_property("fuzz cases", CASES)


CELLS = (
    st.integers(-3, 12).map(str)
    | st.floats().map(repr)
    | st.sampled_from(
        [
            "",
            "x",
            "1.5",
            "2e400",
            " 7 ",
            "NA",
            "-0",
            "True",
            '"q"',
            '"a,b"',
            '"two\nlines"',
            "1_0",
            "ä",
            "0x1",
            "1e-400",
        ]
    )
)
"""As they are written between the delimiters."""


def records(content):
    """The table by the standard library alone: cells of all rows, without lines that are empty."""
    rows = csv_module.reader(io.StringIO(content, newline=""))
    return [row for row in rows if row and not (len(row) == 1 and not row[0].strip(" \t"))]


@settings(max_examples=700, **QUIET)
@given(
    lines=st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=7),
    head=st.lists(st.sampled_from(["a", "b", "c", " d", '"e"', "1", ""]), min_size=1, max_size=4),
    end=st.sampled_from(["\n", "\r\n", "\n\n", "\r"]),
    chunk=st.integers(1, 20),
)
@example(lines=[["1", "2", "3"], ["4", "5", "6"]], head=["a", "b"], end="\n", chunk=1)
@example(lines=[["1"], ["4", "5"], ["4", "5"]], head=["a", "b"], end="\n", chunk=20)
def _tables(path, count, lines, head, end, chunk):
    count()
    content = end.join(",".join(line) for line in [head, *lines])
    path.write_bytes(content.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jcae.data.own.text._CHUNK", chunk)
        if outcome(path, n_clusters=2):
            return
        found = read(OwnData(path, n_clusters=2)).X
    wanted = records(content)[1:]
    assert found.shape == (len(wanted), len(head))
    truths = {"true": 1.0, "false": 0.0}
    numbers = [
        [truths.get(cell.strip().lower()) or float(cell.lower().replace("false", "0")) for cell in row]
        for row in wanted
    ]
    np.testing.assert_array_equal(found, np.array(numbers).astype(np.float32))


def test_made_up_tables(tmp_path, record_property):
    number = 0

    def count():
        nonlocal number
        number += 1

    _tables(tmp_path / "p.csv", count)
    assert number >= 700
    record_property("fuzz cases", number)


@settings(max_examples=300, **QUIET)
@given(
    descr=st.sampled_from(["<f8", "|u1", ">i4", "|O", "<U3", "V8", "<c8", "<m8", "x", "f2"]),
    order=st.booleans() | st.none(),
    shape=st.lists(st.integers(-2, 6) | st.integers(), max_size=5),
    body=st.binary(max_size=200),
)
def _npy(path, count, descr, order, shape, body):
    count()
    head = repr({"descr": descr, "fortran_order": order, "shape": tuple(shape)}).encode() + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + body)
    outcome(path, n_clusters=2)
    digest(OwnData(path, n_clusters=2))


def test_made_up_npy(tmp_path, record_property):
    number = 0

    def count():
        nonlocal number
        number += 1

    _npy(tmp_path / "p.npy", count)
    assert number >= 300
    record_property("fuzz cases", number)
