"""Every reader of files from elsewhere, on damaged and made-up bytes: what it can read, or an error of its own kind.

Two sources of cases: valid files with bytes changed, cut, doubled and inserted, and files put together from parts that
look nearly right. An error must name the file. The number of cases is in the output of the test run.
"""

import gzip
import io
import json
import struct
import tarfile
import warnings
import zipfile
from random import Random

import image_files
import numpy as np
import pytest
import torch
from data_files import cells, idx, tar, tokens, topics
from fuzz import damaged
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jcae.data import formats, stored
from jcae.data.formats import DataError
from jcae.data.loaders import cells as cells_module
from jcae.data.loaders import colour, images, tables, text
from jcae.jobs.block_job import read_weights
from jcae.jobs.records import RecordError
from jcae.training import checkpoint

pytestmark = pytest.mark.slow

RANDOM = np.random.RandomState(0)


def saved(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path.read_bytes()


def zipped(path, compression, *members):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path.read_bytes()


@pytest.fixture(scope="module", name="good")
def valid_files(tmp_path_factory):
    """A valid file for every reader."""
    folder = tmp_path_factory.mktemp("good")
    link = tarfile.TarInfo("a/link")
    link.type, link.linkname = tarfile.SYMTYPE, "b"
    long = ("a/" + "x" * 150, b"long name")
    counts = RANDOM.randint(0, 3, (6, 4))
    checkpoint.save_checkpoint(folder / "state", "mark", {"x": torch.arange(12.0).reshape(3, 4)}, {"n": 1})
    from safetensors.numpy import save_file

    save_file({"w": np.arange(6, dtype=np.float32)}, folder / "weights")
    plain_tar = gzip.decompress(tar(folder / "t.tar.gz", ("a/b", bytes(range(256))), link, long).read_bytes())
    plain_cells = gzip.decompress(cells(folder / "c.tar.gz", counts).read_bytes())
    words = [(1, ["one", "two"] * 9), (2, []), (3, ["three"])]
    return {
        "idx": idx(np.arange(24, dtype=">u1").reshape(2, 3, 4)),
        "idx.gz": gzip.compress(idx(np.arange(24, dtype=">u1").reshape(2, 3, 4))),
        "table": b"1 2.5 -3e2\n4 5 6\n 7 8 nan\n",
        "named table": b"A,1,2,3\nB,4,5,6\n",
        "keywords": b"0 1 1\n1 0 0\n",
        "tar": plain_tar,
        "tar.gz": (folder / "t.tar.gz").read_bytes(),
        "zip": zipped(folder / "z", zipfile.ZIP_DEFLATED, ("a", b"one" * 50), ("b", b"two")),
        "zip.lzma": zipped(folder / "z", zipfile.ZIP_LZMA, ("a", b"one" * 50), ("b", b"two")),
        "zip.bz2": zipped(folder / "z", zipfile.ZIP_BZIP2, ("a", b"one" * 50), ("b", b"two")),
        "cells": plain_cells,
        "tokens": gzip.decompress(tokens(folder / "tok.gz", words).read_bytes()),
        "topics": gzip.decompress(topics(folder / "top.gz", [("CCAT", 1), ("GCAT", 2), ("C15", 1)]).read_bytes()),
        "cifar100": image_files.cifar100((0, 7), (19, 99)),
        "emnist": image_files.zipped(image_files.emnist(RANDOM, counts=(1, 1))),
        "qmnist labels": idx(RANDOM.randint(0, 10, (5, 8)).astype(">i4"), 0x0C),
        "orl": image_files.mat(faces=image_files.pixels(RANDOM, 4096, 10)),
        "stl10": RANDOM.bytes(2 * 27648),
        "svhn": image_files.svhn(RANDOM, n=2),
        "svhn unpacked": image_files.svhn(RANDOM, n=2, packed=False),
        "cifar10": bytes([3]) + bytes(3072) + bytes([9]) + bytes(3072),
        "features": saved(folder / "f.npz", X=RANDOM.rand(5, 3).astype(np.float32)),
        "truth": saved(folder / "y.npz", y=np.array([0, 1, 1]), class_names=np.array(["a", "b"])),
        "card": json.dumps({"n_clusters": 3, "name": "wine", "min": -1.5}).encode(),
        "checkpoint": (folder / "state").read_bytes(),
        "weights": (folder / "weights").read_bytes(),
    }


def of_path(read):
    """A reader of paths as a reader of bytes; the gzipped kinds get their gzip around the damaged content."""

    def call(content, path):
        path.unlink(missing_ok=True)  # some file systems wait for the disk when an old file is overwritten
        path.write_bytes(content)
        return read(path)

    return call


def packed(read):
    def call(content, path):
        path.unlink(missing_ok=True)
        path.write_bytes(gzip.compress(content, 1))
        return read(path)

    return call


def five_images(path):
    """Images that go with the labels of QMNIST."""
    beside = path.with_name("images")
    if not beside.exists():
        beside.write_bytes(idx(np.zeros((5, 2, 2), np.uint8)))
    return beside


def everything(name):
    return True


READERS = {
    "idx": lambda content, path: formats.read_idx(content, str(path)),
    "idx.gz": lambda content, path: formats.read_idx(content, str(path)),
    "table": lambda content, path: formats.read_table(content, str(path), columns=3),
    "named table": of_path(lambda path: tables.read_named_table(path, columns=3)),
    "keywords": of_path(lambda path: tables.keywords([path, path])),
    "tar": packed(lambda path: dict(formats.read_tar(path, everything))),
    "tar.gz": of_path(lambda path: dict(formats.read_tar(path, everything))),
    "zip": lambda content, path: formats.read_zip(io.BytesIO(content), str(path), ["a", "b"]),
    "zip.lzma": lambda content, path: formats.read_zip(io.BytesIO(content), str(path), ["a", "b"]),
    "zip.bz2": lambda content, path: formats.read_zip(io.BytesIO(content), str(path), ["a", "b"]),
    "cells": packed(cells_module.read_cells),
    "tokens": packed(lambda path: list(text.read_tokens(path))),
    "topics": packed(text.read_root_topics),
    "cifar100": lambda content, path: colour.read_cifar(content, str(path), classes=(20, 100)),
    "emnist": of_path(lambda path: images.emnist_letters([path])),
    "qmnist labels": of_path(lambda path: images.qmnist([five_images(path), path])),
    "orl": of_path(lambda path: images.orl([path])),
    "stl10": lambda content, path: colour.read_stl10(content, str(path)),
    "svhn": of_path(colour.read_svhn),
    "svhn unpacked": of_path(colour.read_svhn),
    "cifar10": lambda content, path: colour.read_cifar(content, str(path)),
    "features": of_path(stored.load_features),
    "truth": of_path(stored.load_truth),
    "card": of_path(stored.load_card),
    "checkpoint": of_path(lambda path: checkpoint.load_checkpoint(path, "mark")),
    "weights": of_path(lambda path: read_weights(path, {})),
}
CASES = 1500
"""Damaged files per reader."""


def outcome(read, content, path, errors):
    """Read; an error of another kind, or one that does not name the file, fails the test."""
    with warnings.catch_warnings(action="ignore"):
        try:
            read(content, path)
        except errors as error:
            assert str(path) in str(error), error  # noqa: PT017 - reading is as good an outcome
            return True
    return False


QUIET = {"deadline": None, "derandomize": True, "database": None, "suppress_health_check": list(HealthCheck)}


@pytest.mark.parametrize("name", READERS)
def test_damaged_file(name, good, tmp_path, record_property):
    path, refused = tmp_path / "some-file", 0
    for number in range(CASES):
        content = damaged(good[name], Random(f"{name} {number}"))
        refused += outcome(READERS[name], content, path, (DataError, RecordError))
    record_property("fuzz cases", CASES)
    assert refused > CASES / 10 or name in ("checkpoint", "cifar10", "cifar100", "stl10")


NUMBERS = st.integers(-3, 12) | st.integers() | st.floats() | st.sampled_from(["", "x", "1.5", "2e400", "%", "-0"])
LINES = st.lists(st.lists(NUMBERS, max_size=5), max_size=6)


@settings(max_examples=700, **QUIET)
@given(
    head=st.sampled_from(
        ["%%MatrixMarket matrix coordinate integer general", "%%MatrixMarket matrix array real general"]
    )
    | st.tuples(
        st.sampled_from(["%%MatrixMarket", "%MatrixMarket", ""]),
        st.sampled_from(["matrix", "vector", ""]),
        st.sampled_from(["coordinate", "array", "x"]),
        st.sampled_from(["integer", "real", "complex", "pattern", "unsigned-integer"]),
        st.sampled_from(["general", "symmetric", "skew-symmetric", "hermitian"]),
    ).map(" ".join),
    sizes=st.tuples(NUMBERS, NUMBERS, NUMBERS) | st.just((6, 4, 2)),
    lines=LINES,
)
def _matrix_market(folder, count, head, sizes, lines):
    count()
    body = "\n".join([head, " ".join(map(str, sizes)), *(" ".join(map(str, line)) for line in lines)])
    path = folder / "some-file"
    cells(path, np.ones((6, 4), int), matrix=body.encode())
    outcome(lambda content, path: cells_module.read_cells(path), b"", path, DataError)


@settings(max_examples=800, **QUIET)
@given(
    lines=LINES,
    separator=st.sampled_from([" ", ",", "\t", ", ", ";"]),
    end=st.sampled_from(["\n", "\r\n", "\n\n", "\r", "\0"]),
)
def _tables(folder, count, lines, separator, end):
    count()
    content = end.join(separator.join(map(str, line)) for line in lines).encode()
    path = folder / "some-file"
    for reader in ("table", "named table", "keywords"):
        outcome(READERS[reader], content, path, DataError)


@settings(max_examples=700, **QUIET)
@given(
    members=st.lists(
        st.tuples(
            st.sampled_from(["a", "a/b", "/a", "../a", "a/../../b", "a/./b", "x" * 200, "ä", "a\0b", ""])
            | st.text(max_size=8),
            st.sampled_from(
                [
                    tarfile.REGTYPE,
                    tarfile.SYMTYPE,
                    tarfile.LNKTYPE,
                    tarfile.CHRTYPE,
                    tarfile.BLKTYPE,
                    tarfile.FIFOTYPE,
                    tarfile.DIRTYPE,
                    tarfile.XHDTYPE,
                    tarfile.GNUTYPE_LONGNAME,
                    b"9",
                ]
            ),
            st.sampled_from(["", "b", "/etc/passwd", "../../b"]),
            st.binary(max_size=40),
            st.integers(0, 60) | st.integers(0, 2**34),
        ),
        max_size=5,
    ),
    format=st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def _tars(folder, count, members, format):
    count()
    content = b""
    for name, kind, target, body, size in members:
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.size = kind, target, size
        try:
            content += info.tobuf(format) + body.ljust(-(-len(body) // 512) * 512, b"\0")
        except (ValueError, UnicodeError):
            continue  # what cannot be written cannot come
    path = folder / "some-file"
    outcome(READERS["tar"], content + bytes(1024), path, DataError)


@settings(max_examples=800, **QUIET)
@given(
    st.tuples(
        st.sampled_from([b"\0\0", b"\0\1", b"\x1f\x8b"]),
        st.integers(0, 255),
        st.integers(0, 9) | st.integers(0, 255),
        st.lists(st.integers(0, 4) | st.integers(0, 2**32 - 1), max_size=4),
        st.binary(max_size=80),
    )
)
def _idx(folder, count, parts):
    count()
    magic, code, rank, shape, body = parts
    content = magic + bytes([code, rank]) + struct.pack(f">{len(shape)}I", *shape) + body
    for made in (content, gzip.compress(content)):
        outcome(READERS["idx"], made, folder / "some-file", DataError)


@pytest.mark.parametrize("cases", [_matrix_market, _tables, _tars, _idx], ids=lambda cases: cases.__name__.strip("_"))
def test_made_up_file(cases, tmp_path, record_property):
    number = 0

    def count():
        nonlocal number
        number += 1

    cases(tmp_path, count)
    assert number >= 700
    record_property("fuzz cases", number)
