"""Loaders of images and tables, on small files in the exact formats; test_data_prepare.py reads the real files."""

import gzip
import hashlib
import io
import zipfile

import numpy as np
import pytest
from data_files import idx, tar, write

from jcae.data.formats import DataFormatError
from jcae.data.loaders import LOADERS
from jcae.data.loaders.colour import read_cifar
from jcae.data.loaders.tables import standardise


def mnist_files(images=(3, 2), labels=(3, 2), dtype=np.uint8, code=0x08):
    out = []
    for part, (n, m) in enumerate(zip(images, labels, strict=True)):
        out.append((f"images{part}", idx(np.full((n, 2, 2), 51 + part, dtype), code)))
        out.append((f"labels{part}", idx(np.arange(m, dtype=np.uint8))))
    return out


def test_mnist_is_train_then_test_over_255(tmp_path):
    X, y = LOADERS["mnist"](write(tmp_path, *mnist_files()))
    assert X.dtype == np.float32
    assert X.shape == (5, 4)
    np.testing.assert_array_equal(X[:, 0], np.array([51, 51, 51, 52, 52], np.float32) / np.float32(255))
    np.testing.assert_array_equal(y, [0, 1, 2, 0, 1])


def test_mnist_files_must_fit_together(tmp_path):
    with pytest.raises(DataFormatError, match=r"labels0: uint8 labels of shape \(4,\) for 3 images of .*images0"):
        LOADERS["mnist"](write(tmp_path, *mnist_files(labels=(4, 2))))
    with pytest.raises(DataFormatError, match=r"images0: 3-D >i2 instead of 3-D uint8"):
        LOADERS["mnist"](write(tmp_path, *mnist_files(dtype=">i2", code=0x0B)))
    swapped = mnist_files()
    with pytest.raises(DataFormatError, match=r"labels0: 1-D uint8 instead of 3-D uint8"):
        LOADERS["mnist"](write(tmp_path, swapped[1], swapped[0], *swapped[2:]))


def test_usps_is_shifted_to_0_1(tmp_path):
    lines = [b"6.0000 " + b"-1.0000 " * 255 + b"0.5 \n", b"9 " + b"1 " * 256 + b"\n"]
    X, y = LOADERS["usps"](write(tmp_path, ("a", lines[0]), ("b", lines[1])))
    assert X.dtype == np.float32
    np.testing.assert_array_equal(X, [[0] * 255 + [0.75], [1] * 256])
    np.testing.assert_array_equal(y, [6, 9])


@pytest.mark.parametrize(
    ("line", "say"),
    [
        (b"6 " + b"2 " * 256, r"line 1 has the value 2, outside \[-1, 1\]"),
        (b"6 " + b"nan " * 256, "line 1 has the value nan"),
        (b"10 " + b"0 " * 256, "line 1 has label 10 .allowed: 0, 1, 2"),
        (b"1.5 " + b"0 " * 256, "label 1.5"),
        (b"1 " + b"0 " * 255, "256 numbers per line instead of 257"),
    ],
)
def test_usps_refusals(line, say, tmp_path):
    with pytest.raises(DataFormatError, match=f"zip.train: .*{say}"):
        LOADERS["usps"](write(tmp_path, ("zip.train", line)))


def test_pendigits_over_100(tmp_path):
    parts = [("a", b" 47,100" + b",  0" * 14 + b", 8\n"), ("b", b"25" + b", 50" * 15 + b", 0\n")]
    X, y = LOADERS["pendigits"](write(tmp_path, *parts))
    assert X.dtype == np.float32
    np.testing.assert_allclose(X[:, :2], [[0.47, 1], [0.25, 0.5]], rtol=1e-7)
    np.testing.assert_array_equal(y, [8, 0])
    with pytest.raises(DataFormatError, match=r"a: line 1 has the value 101, outside \[0, 100\]"):
        LOADERS["pendigits"](write(tmp_path, ("a", b"101" + b",0" * 16)))


def test_optdigits_over_16(tmp_path):
    X, y = LOADERS["optdigits"](write(tmp_path, ("a", b"0,8" + b",16" * 62 + b",7\n"), ("b", b"4," * 64 + b"0\n")))
    assert (X.dtype, X.shape) == (np.float32, (2, 64))
    np.testing.assert_array_equal(X[:, :3], [[0, 0.5, 1], [0.25, 0.25, 0.25]])
    assert y.tolist() == [7, 0]
    with pytest.raises(DataFormatError, match=r"a: line 1 has the value 17, outside \[0, 16\]"):
        LOADERS["optdigits"](write(tmp_path, ("a", b"17," * 64 + b"1\n")))


def test_optdigits_test_part_is_what_scikit_learn_brings(tmp_path):
    from sklearn.datasets import _base, load_digits

    from jcae.data.catalogue import CATALOGUE

    source = CATALOGUE["optdigits"].sources[1]
    content = gzip.decompress((_base.resources.files("sklearn.datasets.data") / "digits.csv.gz").read_bytes())
    assert hashlib.sha256(content).hexdigest() == source.sha256
    X, y = LOADERS["optdigits"](write(tmp_path, (source.name, content)))
    np.testing.assert_array_equal(X, load_digits().data / 16)
    np.testing.assert_array_equal(y, load_digits().target)


def test_satimage_skips_the_class_without_points(tmp_path):
    lines = [b"92 115 120 94 " + b"0 " * 31 + b"255 3\n", b"1 " * 36 + b"7\r\n"]
    X, y = LOADERS["satimage"](write(tmp_path, ("a", lines[0]), ("b", lines[1])))
    assert (X.dtype, X.shape) == (np.float32, (2, 36))
    np.testing.assert_allclose(X[0, [0, -1]], [92 / 255, 1], rtol=1e-7)
    assert y.tolist() == [3, 7]
    with pytest.raises(DataFormatError, match=r"a: line 1 has label 6 \(allowed: 1, 2, 3, 4, 5, 7\)"):
        LOADERS["satimage"](write(tmp_path, ("a", b"1 " * 36 + b"6\n")))


def test_letter_gives_names(tmp_path):
    X, y = LOADERS["letter"](write(tmp_path, ("a", b"T,2,8" + b",3" * 13 + b",15\nI" + b",0" * 16 + b"\n")))
    assert (X.dtype, X.shape) == (np.float32, (2, 16))
    np.testing.assert_allclose(X[0, [0, 1, -1]], [2 / 15, 8 / 15, 1], rtol=1e-6)
    assert y.tolist() == ["T", "I"]


@pytest.mark.parametrize(
    ("content", "say"),
    [
        (b"", "no lines"),
        (b"T,1,2\n", "2 numbers after the name instead of 16: 'T,1,2'"),
        (b"T" + b",1" * 15 + b",x\n", "not a table of names and numbers"),
        (b"T" + b",1" * 15 + b",16\n", r"line 1 has the value 16, outside \[0, 15\]"),
        (b"\xff" + b",1" * 16 + b"\n", "not a table of names and numbers"),
        (b"<html>gone</html>", "0 numbers after the name"),
    ],
)
def test_letter_refusals(content, say, tmp_path):
    with pytest.raises(DataFormatError, match=f"letter.data: .*{say}"):
        LOADERS["letter"](write(tmp_path, ("letter.data", content)))


SEGMENT_HEAD = b";; Class names: BRICKFACE, SKY\n;;\n\nREGION-CENTROID-COL,REGION-CENTROID-ROW,REGION-PIXEL-COUNT\n\n"


def test_segment_passes_the_preamble_and_zeroes_the_constant_feature(tmp_path):
    def line(name, x):
        return f"{name},{x},{2 * x},9".encode() + b",0.1" * 16 + b"\n"

    parts = [("a", SEGMENT_HEAD + line("SKY", 1.0) + line("PATH", 3.0)), ("b", SEGMENT_HEAD + line("SKY", 5.0))]
    X, y = LOADERS["segment"](write(tmp_path, *parts))
    assert (X.dtype, X.shape) == (np.float32, (3, 19))
    np.testing.assert_allclose(X[:, 0], [-np.sqrt(1.5), 0, np.sqrt(1.5)], rtol=1e-6)
    np.testing.assert_array_equal(X[:, 2:], 0)
    assert y.tolist() == ["SKY", "PATH", "SKY"]
    with pytest.raises(DataFormatError, match="a: 2 numbers after the name instead of 19: 'SKY,1,2'"):
        LOADERS["segment"](write(tmp_path, ("a", SEGMENT_HEAD + line("SKY", 1.0) + b"SKY,1,2\n")))
    with pytest.raises(DataFormatError, match="no lines"):
        LOADERS["segment"](write(tmp_path, ("a", SEGMENT_HEAD)))


def test_keywords(tmp_path):
    files = [("a.txt", b"1 0 1 \r\n0.000000 1.000000 0 \r\n"), ("a_label.txt", b"2\r\n0\r\n")]
    X, y = LOADERS["keywords"](write(tmp_path, *files))
    assert X.dtype == np.float32
    np.testing.assert_array_equal(X, [[1, 0, 1], [0, 1, 0]])
    assert y.tolist() == [2, 0]
    for change, say in (
        ({"a.txt": b"1 0 1\n"}, "2 labels for 1 rows of .*a.txt"),
        ({"a.txt": b"1 0 1\n0 2 0\n"}, r"a.txt: line 2 has the value 2 \(allowed: 0, 1\)"),
        ({"a.txt": b"1 0 1\n0 1\n"}, "a.txt: not a table of numbers"),
        ({"a.txt": b""}, "a.txt: not a table of numbers"),
        ({"a_label.txt": b"0\n-1\n"}, "a_label.txt: line 2 has label -1"),
        ({"a_label.txt": b"0\n0.5\n"}, "a_label.txt: line 2 has label 0.5"),
    ):
        with pytest.raises(DataFormatError, match=say):
            LOADERS["keywords"](write(tmp_path, *(dict(files) | change).items()))


def har_zip(labels=(5, 1), test_value=b"-1.0000000e+000", left_out=None):
    line = b"  2.8858451e-001" + b" -9.9527860e-001" * 559
    files = {
        "UCI HAR Dataset/README.txt": b"hello",
        "UCI HAR Dataset/train/X_train.txt": (line + b"  1.0000000e+000\n") * 2,
        "UCI HAR Dataset/train/y_train.txt": "".join(f"{label}\n" for label in labels).encode(),
        "UCI HAR Dataset/test/X_test.txt": line + b" " + test_value + b"\n",
        "UCI HAR Dataset/test/y_test.txt": b"6\n",
        "__MACOSX/UCI HAR Dataset/test/._X_test.txt": b"\0",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            if name != left_out:
                archive.writestr(name, content)
    return buffer.getvalue()


def wrapped(content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("UCI HAR Dataset.names", b"about")
        archive.writestr("UCI HAR Dataset.zip", content)
    return buffer.getvalue()


@pytest.mark.parametrize("pack", [lambda content: content, wrapped], ids=["plain", "wrapped"])
def test_har(pack, tmp_path):
    X, y = LOADERS["har"](write(tmp_path, ("har.zip", pack(har_zip()))))
    assert (X.dtype, X.shape) == (np.float32, (3, 561))
    np.testing.assert_allclose(X[:, 0], 0.28858451, rtol=1e-6)
    np.testing.assert_array_equal(X[:, -1], [1, 1, -1])
    assert y.tolist() == [5, 1, 6]


@pytest.mark.parametrize(
    ("content", "say"),
    [
        (har_zip(labels=(5,)), "y_train.txt: 1 labels for 2 rows of .*X_train.txt"),
        (har_zip(labels=(5, 7)), "y_train.txt: line 2 has label 7"),
        (har_zip(test_value=b"1.5"), r"X_test.txt: line 1 has the value 1.5, outside \[-1, 1\]"),
        (har_zip(test_value=b"NaN"), "X_test.txt: line 1 has the value nan"),
        (har_zip(left_out="UCI HAR Dataset/test/X_test.txt"), "holds no 'UCI HAR Dataset/test/X_test.txt'"),
        (b"<html>", "damaged or cut off archive"),
    ],
)
def test_har_refusals(content, say, tmp_path):
    with pytest.raises(DataFormatError, match=f"har.zip: .*{say}"):
        LOADERS["har"](write(tmp_path, ("har.zip", content)))


def cifar_batch(*labels):
    """Records whose red is their label, green 100 and blue a ramp."""
    planes = bytes([100]) * 1024 + bytes(i % 256 for i in range(1024))
    return b"".join(bytes([label]) + bytes([label]) * 1024 + planes for label in labels)


CIFAR = [(f"cifar-10-batches-bin/data_batch_{i}.bin", cifar_batch(i)) for i in range(1, 6)]
CIFAR += [("cifar-10-batches-bin/batches.meta.txt", b"airplane\n")]


def test_cifar10_is_train_then_test_with_the_colours_of_a_pixel_together(tmp_path):
    # The archive lists its batches in no useful order.
    members = [("cifar-10-batches-bin/test_batch.bin", cifar_batch(9, 0)), *reversed(CIFAR)]
    X, y = LOADERS["cifar10"]([tar(tmp_path / "c.tar.gz", *members)])
    assert (X.dtype, X.shape) == (np.float32, (7, 3072))
    assert y.tolist() == [1, 2, 3, 4, 5, 9, 0]
    pixels = (X * 255).round().reshape(7, 32, 32, 3)
    np.testing.assert_array_equal(pixels[..., 0], np.broadcast_to(y[:, None, None], (7, 32, 32)))
    np.testing.assert_array_equal(pixels[..., 1], 100)
    np.testing.assert_array_equal(pixels[0, 1, :, 2], np.arange(32, 64))


def test_cifar10_refusals(tmp_path):
    with pytest.raises(DataFormatError, match=r"c\.tar\.gz: the archive holds no cifar-10-batches-bin/test_batch\.bin"):
        LOADERS["cifar10"]([tar(tmp_path / "c.tar.gz", *CIFAR)])
    for content, say in (
        (cifar_batch(1)[:-1], "3072 bytes are no whole number of records of 3073 bytes"),
        (b"", "0 bytes"),
        (cifar_batch(1, 10), "record 2 has label 10 .allowed: 0 to 9"),
    ):
        with pytest.raises(DataFormatError, match=f"^batch: {say}"):
            read_cifar(content, "batch")


@pytest.mark.slow
def test_cifar10_real_test_batch(mirror):
    path = mirror / "cifar10" / "test_batch.bin.gz"
    if not path.exists():
        pytest.skip(f"needs {path}")
    content = gzip.decompress(path.read_bytes())
    # Published for the file of this name in the archive.
    assert hashlib.sha256(content).hexdigest() == "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"
    pixels, labels = read_cifar(content, str(path))
    assert (pixels.shape, pixels.dtype) == ((10000, 3072), np.uint8)
    assert np.bincount(labels).tolist() == [1000] * 10
    assert labels[:5].tolist() == [3, 8, 8, 0, 6]
    # Neighbouring pixels are alike only if rows, columns and colours are taken apart rightly.
    images = pixels.reshape(-1, 32, 32, 3).astype(int)
    for axis, limit in ((1, 20), (2, 20)):
        assert np.abs(np.diff(images, axis=axis)).mean() < limit
    assert images[labels == 0][..., 2].mean() > images[labels == 0][..., 0].mean(), "airplanes are in the blue"


def test_standardise():
    X = standardise(np.array([[1.0, 0.1, 1e6], [3.0, 0.1, 1e6 + 1], [5.0, 0.1, 1e6 + 2]]))
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


def test_four_gaussians_move_towards_each_other():
    (X, y), (moved, of_moved) = (LOADERS[name]([]) for name in ("four_gaussians", "four_gaussians_moved"))
    centres = np.array([X[y == k].mean(axis=0) for k in range(4)])
    np.testing.assert_allclose(centres, 6 * np.eye(4, 8), atol=0.2)
    nearest = ((moved[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    assert 0.75 < (nearest == of_moved).mean() < 0.85
    own = np.array([moved[of_moved == k].mean(axis=0) for k in range(4)])
    assert (((moved[:, None] - own) ** 2).sum(axis=2).argmin(axis=1) == of_moved).mean() > 0.95
