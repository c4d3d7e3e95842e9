"""Loaders of the sets of colour images, on small files in the exact formats."""

import io

import image_files
import numpy as np
import pytest
from data_files import write
from scipy.io import savemat

from jcae.data import formats
from jcae.data.formats import DataFormatError
from jcae.data.loaders import LOADERS
from jcae.data.loaders.colour import read_cifar, read_stl10, read_svhn

RANDOM = np.random.RandomState(0)


def test_cifar100_has_the_fine_labels(tmp_path):
    members = {
        "cifar-100-binary/fine_label_names.txt": b"apple\n",
        "cifar-100-binary/test.bin": image_files.cifar100((3, 42)),
        "cifar-100-binary/train.bin": image_files.cifar100((19, 99), (0, 7)),
    }
    X, y = LOADERS["cifar100"]([image_files.archive(tmp_path / "c.tar.gz", members)])
    assert (X.dtype, X.shape) == (np.float32, (3, 3072))
    assert y.tolist() == [99, 7, 42]
    images = (X * 255).round().reshape(3, 32, 32, 3)
    np.testing.assert_array_equal(images[..., 0], np.broadcast_to(y[:, None, None], (3, 32, 32)))
    np.testing.assert_array_equal(images[..., 1], 100)
    np.testing.assert_array_equal(images[0, 1, :, 2], np.arange(32, 64))


def test_cifar100_refusals(tmp_path):
    members = {"cifar-100-binary/train.bin": image_files.cifar100((0, 0))}
    with pytest.raises(DataFormatError, match=r"c\.tar\.gz: the archive holds no cifar-100-binary/test\.bin"):
        LOADERS["cifar100"]([image_files.archive(tmp_path / "c.tar.gz", members)])
    for content, say in (
        (image_files.cifar100((0, 0))[:-1], "3073 bytes are no whole number of records of 3074 bytes"),
        (image_files.cifar100((0, 0), (20, 0)), r"record 2 has label 20 .allowed: 0 to 19"),
        (image_files.cifar100((0, 100)), r"record 1 has label 100 .allowed: 0 to 99"),
    ):
        with pytest.raises(DataFormatError, match=f"^part: {say}"):
            read_cifar(content, "part", classes=(20, 100))


@pytest.mark.parametrize("kind", ["uint8", "float64"])
def test_svhn_puts_zero_first_whatever_the_type_of_the_labels(kind, tmp_path):
    labels = np.array([[10], [1], [9]], kind)
    X = np.zeros((32, 32, 3, 3), np.uint8)
    X[4, 7, 2, 1] = 255  # row 4, column 7, blue, of the second
    (file,) = write(tmp_path, ("s.mat", image_files.mat(X=X, y=labels)))
    pixels, found = read_svhn(file)
    assert (pixels.dtype, pixels.shape) == (np.uint8, (3, 3072))
    assert found.tolist() == [0, 1, 9]
    assert np.argwhere(pixels.reshape(3, 32, 32, 3)).tolist() == [[1, 4, 7, 2]]


def old_format():
    buffer = io.BytesIO()
    savemat(buffer, {"X": np.zeros((2, 2)), "y": np.ones((2, 1))}, format="4")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "say"),
    [
        (b"", "not a file of Matlab's format 5"),
        (b"<html>gone</html>" * 20, "not a file of Matlab's format 5"),
        (image_files.svhn(RANDOM)[:-40], "cut off"),
        (old_format(), "not a file of Matlab's format 5"),
        (image_files.mat(X=np.zeros((32, 32, 3, 2), np.uint8)), "no numbers y; those of the file: X"),
        (image_files.svhn(RANDOM, X=np.zeros((32, 32, 3, 5))), r"X is float64 of shape \(32, 32, 3, 5\) instead"),
        (image_files.svhn(RANDOM, y=np.array([["a", 1]], object)), "no numbers y; those of the file: X"),
        (image_files.svhn(RANDOM, y={"a": 1}), "no numbers y; those of the file: X"),
        (image_files.svhn(RANDOM, X=np.zeros((32, 31, 3, 5), np.uint8)), r"X is uint8 of shape \(32, 31, 3, 5\)"),
        (image_files.svhn(RANDOM, X=np.zeros((32, 32, 3), np.uint8)), r"X is uint8 of shape \(32, 32, 3\) instead"),
        (image_files.svhn(RANDOM, y=np.ones((4, 1), np.uint8)), r"labels of shape \(4, 1\) for 5 images"),
        (image_files.svhn(RANDOM, y=np.zeros((5, 1), np.uint8)), "line 1 has label 0"),
        (image_files.svhn(RANDOM, y=np.full((5, 1), 1.5)), "line 1 has label 1.5"),
    ],
)
def test_svhn_refusals(content, say, tmp_path):
    (file,) = write(tmp_path, ("s.mat", content))
    with pytest.raises(DataFormatError, match=rf"s\.mat: .*{say}"):
        read_svhn(file)


def test_stl10_passes_over_what_has_no_labels(tmp_path, monkeypatch):
    members = image_files.stl10(RANDOM)
    unlabelled = bytes(30 * 27648)
    first = image_files.archive(tmp_path / "a.tar.gz", {"stl10_binary/unlabeled_X.bin": unlabelled} | members)
    last = image_files.archive(tmp_path / "b.tar.gz", members | {"stl10_binary/unlabeled_X.bin": unlabelled})
    monkeypatch.setattr(formats, "LARGEST_MEMBER", 5 * 27648)
    X, y = LOADERS["stl10"]([first])
    assert (X.dtype, X.shape, len(y)) == (np.float32, (7, 27648), 7)
    np.testing.assert_array_equal(LOADERS["stl10"]([last])[0], X)
    # In the end nothing is looked at that is not needed: the rest may even be missing.
    content = first.read_bytes(), last.read_bytes()
    last.write_bytes(content[1][:-200])
    np.testing.assert_array_equal(LOADERS["stl10"]([last])[0], X)
    first.write_bytes(content[0][:-200])
    with pytest.raises(DataFormatError, match=r"a\.tar\.gz: damaged or cut off"):
        LOADERS["stl10"]([first])


def test_stl10_refusals(tmp_path):
    good = image_files.stl10(RANDOM)
    for change, say in (
        ({"train_y": b"\1\2\3"}, "train_y.bin: 3 labels for 4 images of stl10_binary/train_X.bin"),
        ({"train_y": b"\1\2\3\x0b"}, r"train_y.bin: line 4 has label 11 \(allowed: 1, 2, "),
        ({"test_y": b"\0\1\1"}, r"test_y.bin: line 1 has label 0"),
        ({"test_X": bytes(27647)}, "test_X.bin: 27647 bytes are no whole number of images of 27648 bytes"),
        ({"test_X": b""}, "test_X.bin: 0 bytes are no whole number"),
        ({"test_y": None}, "the archive holds no stl10_binary/test_y.bin"),
    ):
        members = good | {f"stl10_binary/{name}.bin": content for name, content in change.items()}
        members = {name: content for name, content in members.items() if content is not None}
        with pytest.raises(DataFormatError, match=rf"s\.tar\.gz: .*{say}"):
            LOADERS["stl10"]([image_files.archive(tmp_path / "s.tar.gz", members)])


def test_stl10_goes_column_by_column():
    content = np.zeros((1, 3, 96, 96), np.uint8)
    content[0, 1, 7, 4] = 255  # green, column 7, row 4
    found = read_stl10(content.tobytes(), "part").reshape(96, 96, 3)
    assert np.argwhere(found).tolist() == [[4, 7, 1]]
