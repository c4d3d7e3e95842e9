import gzip
import hashlib
import struct

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jcae.data.loaders import LOADERS, DataFormatError, read_idx, read_table, standardise


def idx(array, code=0x08):
    array = np.asarray(array)
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


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


def mnist_files(images=(3, 2), labels=(3, 2), dtype=np.uint8, code=0x08):
    out = []
    for part, (n, m) in enumerate(zip(images, labels, strict=True)):
        out.append((f"images{part}", idx(np.full((n, 2, 2), 51 + part, dtype), code)))
        out.append((f"labels{part}", idx(np.arange(m, dtype=np.uint8))))
    return out


def test_mnist_is_train_then_test_over_255():
    X, y = LOADERS["mnist"](mnist_files())
    assert X.dtype == np.float32
    assert X.shape == (5, 4)
    np.testing.assert_array_equal(X[:, 0], np.array([51, 51, 51, 52, 52], np.float32) / np.float32(255))
    np.testing.assert_array_equal(y, [0, 1, 2, 0, 1])


def test_mnist_files_must_fit_together():
    with pytest.raises(DataFormatError, match=r"^labels0: uint8 labels of shape \(4,\) for 3 images of images0"):
        LOADERS["mnist"](mnist_files(labels=(4, 2)))
    with pytest.raises(DataFormatError, match=r"^images0: 3-D >i2 instead of 3-D uint8"):
        LOADERS["mnist"](mnist_files(dtype=">i2", code=0x0B))
    swapped = mnist_files()
    with pytest.raises(DataFormatError, match=r"^labels0: 1-D uint8 instead of 3-D uint8"):
        LOADERS["mnist"]([swapped[1], swapped[0], *swapped[2:]])


def test_usps_is_shifted_to_0_1():
    lines = [b"6.0000 " + b"-1.0000 " * 255 + b"0.5 \n", b"9 " + b"1 " * 256 + b"\n"]
    X, y = LOADERS["usps"]([("a", lines[0]), ("b", lines[1])])
    assert X.dtype == np.float32
    np.testing.assert_array_equal(X, [[0] * 255 + [0.75], [1] * 256])
    np.testing.assert_array_equal(y, [6, 9])


@pytest.mark.parametrize(
    ("line", "say"),
    [
        (b"6 " + b"2 " * 256, r"line 1 has the value 2, outside \[-1, 1\]"),
        (b"6 " + b"nan " * 256, "line 1 has the value nan"),
        (b"10 " + b"0 " * 256, "line 1 has label 10, which is no digit"),
        (b"1.5 " + b"0 " * 256, "label 1.5"),
        (b"1 " + b"0 " * 255, "256 numbers per line instead of 257"),
    ],
)
def test_usps_refusals(line, say):
    with pytest.raises(DataFormatError, match=f"^zip.train: .*{say}"):
        LOADERS["usps"]([("zip.train", line)])


def test_pendigits_over_100():
    X, y = LOADERS["pendigits"]([("a", b" 47,100" + b",  0" * 14 + b", 8\n"), ("b", b"25" + b", 50" * 15 + b", 0\n")])
    assert X.dtype == np.float32
    np.testing.assert_allclose(X[:, :2], [[0.47, 1], [0.25, 0.5]], rtol=1e-7)
    np.testing.assert_array_equal(y, [8, 0])
    with pytest.raises(DataFormatError, match=r"^a: line 1 has the value 101, outside \[0, 100\]"):
        LOADERS["pendigits"]([("a", b"101" + b",0" * 16)])


def test_standardise():
    X = standardise(np.array([[1.0, 5.0, 1e6], [3.0, 5.0, 1e6 + 1], [5.0, 5.0, 1e6 + 2]]))
    assert X.dtype == np.float32
    np.testing.assert_allclose(X[:, 0], [-np.sqrt(1.5), 0, np.sqrt(1.5)], rtol=1e-6)
    np.testing.assert_array_equal(X[:, 1], 0)
    np.testing.assert_allclose(X[:, 2], X[:, 0], rtol=1e-6)


def test_five_gaussians_are_the_same_everywhere():
    X, y = LOADERS["five_gaussians"]([])
    assert hashlib.sha256(y.astype("<i8").tobytes()).hexdigest().startswith("90563d0b8259dc11")
    # Not a checksum: logarithms may differ in the last digit between processors.
    np.testing.assert_allclose(X[:2], [[3.4355461, 0.40077573], [-0.96691024, 2.3458388]], rtol=1e-6)


def test_five_gaussians_are_neither_trivial_nor_hopeless():
    X, y = LOADERS["five_gaussians"]([])
    centres = np.array([X[y == k].mean(axis=0) for k in range(5)])
    nearest = ((X[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    assert 0.90 < (nearest == y).mean() < 0.94
    for k in range(5):
        np.testing.assert_allclose(np.cov(X[y == k].T), np.eye(2), atol=0.2)
