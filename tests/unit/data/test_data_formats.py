"""File formats: what is read, and that anything else is refused with what and where."""

import gzip
import struct
import tarfile
import zipfile

import numpy as np
import pytest
from data_files import idx, tar
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jcae.data import formats
from jcae.data.formats import DataFormatError, read_idx, read_table, read_tar, read_zip

GOOD = idx(np.arange(24, dtype=">u1").reshape(2, 3, 4))


@pytest.mark.parametrize("pack", [lambda b: b, gzip.compress])
@pytest.mark.parametrize(
    ("code", "dtype"), [(0x08, ">u1"), (0x09, ">i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")]
)
def test_idx_round_trip(pack, code, dtype):
    array = np.arange(-12, 12).astype(dtype).reshape(2, 3, 4)
    found = read_idx(pack(idx(array, code)), "file")
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("content", "say"),
    [
        (b"", "not an IDX file"),
        (b"<html>", "not an IDX file, it begins with b'<htm'"),
        (b"\0\0\x07\1" + GOOD[4:], "unknown IDX type 0x07 .allowed: 0x08, "),
        (b"\0\0\x08\0", "0 dimensions .allowed: 1 to 8"),
        (b"\0\0\x08\xff" + bytes(2000), "255 dimensions"),
        (GOOD[:10], "cut off in the header, 10 bytes instead of 16"),
        (GOOD[:-1], r"39 bytes, but the header .shape \(2, 3, 4\). announces 40"),
        (GOOD + b"x", "41 bytes, .* announces 40"),
        (b"\0\0\x08\1\0\0\0\0", "empty array"),
        (gzip.compress(GOOD)[:-9], "damaged or cut off gzip"),
        (b"\x1f\x8b", "damaged or cut off gzip"),
    ],
)
def test_idx_refusals_say_what_and_where(content, say):
    with pytest.raises(DataFormatError, match=f"^some/file: .*{say}"):
        read_idx(content, "some/file")


# Bytes that look nearly right reach deeper into the reader than noise does.
_headers = st.tuples(
    st.sampled_from([b"\0\0", b"\0\1", b"\x1f\x8b"]),
    st.sampled_from([0x08, 0x0B, 0x0D, 0x0E, 0x00]) | st.integers(0, 255),
    st.integers(0, 9) | st.integers(0, 255),
    st.lists(st.integers(0, 4) | st.integers(0, 2**32 - 1), max_size=4),
    st.binary(max_size=80),
).map(lambda t: t[0] + bytes(t[1:3]) + struct.pack(f">{len(t[3])}I", *t[3]) + t[4])


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.binary(max_size=80) | _headers | _headers.map(gzip.compress))
@example(b"\0\0\x08\x04" + b"\xff" * 16)
@example(b"\0\0\x08\x08" + bytes(4) + b"\xff" * 28)
def test_idx_gives_an_array_or_a_format_error(content):
    try:
        array = read_idx(content, "file")
    except DataFormatError as error:
        assert str(error).startswith("file: ")  # noqa: PT017 - the other outcome is as good
    else:
        assert array.size > 0
        assert array.nbytes <= len(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_idx_with_one_byte_changed(position, value):
    content = bytearray(GOOD)
    content[position] = value
    try:
        array = read_idx(bytes(content), "file")
    except DataFormatError:
        assert position < 16
    else:
        assert array.size * array.itemsize == 24


@pytest.mark.parametrize(
    ("content", "say"),
    [
        (b"", "no lines"),
        (b" \n\n", "no lines"),
        (b"1 2 3\n1 2\n", "not a table of numbers"),
        (b"1 2 x\n", "not a table of numbers"),
        (b"1 2 # 3\n", "not a table of numbers"),
        (b"\xff\xfe", "not a table of numbers"),
        (b"1 2\n", "2 numbers per line instead of 3"),
    ],
)
def test_table_refusals(content, say):
    with pytest.raises(DataFormatError, match=f"^file: .*{say}"):
        read_table(content, "file", columns=3)


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def all_of(name):
    return True


def test_tar_gives_the_wanted_regular_files(tmp_path):
    folder = tarfile.TarInfo("a")
    folder.type = tarfile.DIRTYPE
    path = tar(tmp_path / "x.tar.gz", folder, ("a/b", b"one"), link("a/c", "b"), ("a/d", b"two"), ("e", b""))
    assert dict(read_tar(path, all_of)) == {"a/b": b"one", "a/d": b"two", "e": b""}
    assert dict(read_tar(path, "a/d".__eq__)) == {"a/d": b"two"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.tar.gz"], "nothing is unpacked"


@pytest.mark.parametrize(
    "member",
    [
        ("../out", b"x"),
        ("a/../../out", b"x"),
        link("a", "/etc/passwd"),
        link("a", "../../out"),
        link("a", "../b", b"1"),
    ],
    ids=lambda member: member[0] if isinstance(member, tuple) else f"{member.name} to {member.linkname}",
)
def test_tar_that_leads_outside_is_refused(tmp_path, member):
    path = tar(tmp_path / "x.tar.gz", ("good", b"1"), member)
    with pytest.raises(DataFormatError, match=r"x\.tar\.gz: an archive that leads outside of itself"):
        list(read_tar(path, all_of))


@pytest.mark.parametrize("size", [0, 5, 300, -1])
def test_damaged_tar(tmp_path, size):
    path = tar(tmp_path / "x.tar.gz", ("a", np.random.RandomState(0).bytes(5000)))
    path.write_bytes(path.read_bytes()[:size] if size >= 0 else b"<html>no archive</html>")
    with pytest.raises(DataFormatError, match=r"x\.tar\.gz: damaged or cut off (archive|gzip file)"):
        list(read_tar(path, all_of))


def test_huge_member_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "LARGEST_MEMBER", 10)
    path = tar(tmp_path / "x.tar.gz", ("a", bytes(11)))
    with pytest.raises(DataFormatError, match="'a' has 11 bytes, over 10"):
        list(read_tar(path, all_of))
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a", bytes(11))
    with pytest.raises(DataFormatError, match="'a' has 11 bytes, over 10"):
        read_zip(tmp_path / "x.zip", "x.zip", ["a"])


def test_zip(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b", b"two")
        archive.writestr("a", b"one" * 1000)
    assert read_zip(path, "here", ["a", "b"]) == [b"one" * 1000, b"two"]
    with pytest.raises(DataFormatError, match=r"^here: the archive holds no 'c'"):
        read_zip(path, "here", ["c"])
    content = bytearray(path.read_bytes())
    content[32] ^= 0xFF  # within the data of b
    for bad in (bytes(content), bytes(content[:60]), b"<html>"):
        path.write_bytes(bad)
        with pytest.raises(DataFormatError, match=r"^here: damaged or cut off archive"):
            read_zip(path, "here", ["a", "b"])
