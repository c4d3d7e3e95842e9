"""Loaders of the sets of grey images beyond MNIST, on small files in the exact formats."""

import gzip
from collections import Counter
from dataclasses import replace

import image_files
import numpy as np
import pytest
import sklearn.datasets._olivetti_faces
from data_files import idx, write

from jcae.data.catalogue import CATALOGUE
from jcae.data.fetch import fetch
from jcae.data.formats import DataError, DataFormatError
from jcae.data.loaders import LOADERS
from jcae.data.prepare import prepare
from jcae.data.stored import load_features


def mnist_16(folder, images):
    labels = np.zeros(len(images), np.uint8)
    files = write(folder, *((name, idx(array)) for name, array in zip("abcd", [images, labels] * 2, strict=True)))
    X, _ = LOADERS["mnist_16"](files)
    assert X.dtype == np.float32
    np.testing.assert_array_equal(X[: len(images)], X[len(images) :])
    return X[: len(images)].reshape(-1, 16, 16)


def test_mnist_16_is_the_mean_over_areas(tmp_path):
    images = image_files.pixels(np.random.RandomState(0), 6, 28, 28)
    images[0] = 255
    found = mnist_16(tmp_path, images)
    assert (found[0] == 1).all()
    # By counting: each pixel is 4 x 4 small ones, and 7 x 7 of these make one of the result.
    small = images.astype(np.float64).repeat(4, axis=1).repeat(4, axis=2)
    expected = small.reshape(-1, 16, 7, 16, 7).mean(axis=(2, 4)) / 255
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_mnist_16_keeps_the_light_and_its_place(tmp_path):
    images = np.zeros((1, 28, 28), np.uint8)
    images[0, 5, 20] = 196
    (found,) = mnist_16(tmp_path, images)
    assert found.sum() * 255 == pytest.approx(196 / 1.75**2, rel=1e-6)
    # Row 5 reaches from 2.86 to 3.43 sixteenths of the height, column 20 from 11.43 to 12.
    assert [tuple(place) for place in np.argwhere(found)] == [(2, 11), (3, 11)]
    assert found[3, 11] / found[2, 11] == pytest.approx(3)


def test_mnist_16_has_the_same_bits_whatever_the_order_of_sums(tmp_path):
    images = image_files.pixels(np.random.RandomState(1), 200, 28, 28)
    turned = mnist_16(tmp_path, np.ascontiguousarray(images[::-1, ::-1, ::-1]))
    np.testing.assert_array_equal(mnist_16(tmp_path, images), turned[::-1, ::-1, ::-1])


def test_mnist_16_needs_the_size_of_mnist(tmp_path):
    files = write(tmp_path, *((name, idx(np.zeros((2, 20, 20), np.uint8))) for name in "abcd"))
    with pytest.raises(DataFormatError, match=r"a: images of \(20, 20\) pixels instead of \(28, 28\)"):
        LOADERS["mnist_16"](files)


@pytest.mark.slow
def test_mnist_16_of_the_real_images(mirror, tmp_path):
    for source in CATALOGUE["mnist_16"].sources:
        path = mirror / "mnist" / source.name
        if not (path.exists() or path.with_name(f"{source.name}.gz").exists()):
            pytest.skip(f"needs {path}")
    fetch(CATALOGUE["mnist_16"], tmp_path / "raw" / "mnist_16", mirror=mirror)
    card = prepare("mnist_16", tmp_path / "raw", tmp_path / "out")
    assert (card["n"], card["d"], card["image_shape"], card["min"], card["max"]) == (70000, 256, [16, 16], 0, 1)
    X = load_features(tmp_path / "out" / "features.npz")
    # The mean over all pixels is kept by a mean over areas.
    big, _ = LOADERS["mnist"]([tmp_path / "raw" / "mnist_16" / source.name for source in CATALOGUE["mnist"].sources])
    assert X.mean(dtype=np.float64) == pytest.approx(big.mean(dtype=np.float64), rel=1e-6)


def test_parts_of_mnist_have_one_size(tmp_path):
    arrays = [np.zeros((2, 4, 4)), np.zeros(2), np.zeros((2, 4, 5)), np.zeros(2)]
    files = write(tmp_path, *((name, idx(a.astype(np.uint8))) for name, a in zip("abcd", arrays, strict=True)))
    with pytest.raises(DataFormatError, match=r"c: images of \(4, 5\) pixels instead of \(4, 4\)"):
        LOADERS["mnist"](files)


@pytest.mark.parametrize(
    ("labels", "code", "say"),
    [
        (np.zeros(5, np.uint8), 0x08, r"uint8 labels of shape \(5,\) instead of int32 \(images, 8\)"),
        (np.zeros((5, 7), ">i4"), 0x0C, r"labels of shape \(5, 7\) instead"),
        (np.zeros((4, 8), ">i4"), 0x0C, r"labels of shape \(4,\) for 5 images of .*images"),
        (np.full((5, 8), 10, ">i4"), 0x0C, r"line 1 has label 10 \(allowed: 0, 1, "),
        (np.full((5, 8), -1, ">i4"), 0x0C, r"line 1 has label -1"),
    ],
)
def test_qmnist_refusals(labels, code, say, tmp_path):
    files = image_files.qmnist(np.random.RandomState(0))
    files["qmnist-train-labels-idx2-int.gz"] = gzip.compress(idx(labels, code))
    with pytest.raises(DataFormatError, match=f"qmnist-train-labels-idx2-int.gz: .*{say}"):
        LOADERS["qmnist"](write(tmp_path, *files.items()))


def test_emnist_refusals(tmp_path):
    good = image_files.emnist(np.random.RandomState(0))
    name = "gzip/emnist-letters-test-labels-idx1-ubyte.gz"
    for content, say in (
        (None, f"the archive holds no '{name}'"),
        (gzip.compress(idx(np.array([1, 2], np.uint8))), rf"{name}: uint8 labels of shape \(2,\) for 3 images"),
        (gzip.compress(idx(np.array([1, 2, 27], np.uint8))), r"label 27 \(allowed: 1, 2, "),
        (good[name][:-9], f"{name}: damaged or cut off gzip"),
    ):
        members = {key: value for key, value in (good | {name: content}).items() if value is not None}
        with pytest.raises(DataFormatError, match=f"gzip.zip: .*{say}"):
            LOADERS["emnist_letters"](write(tmp_path, ("gzip.zip", image_files.zipped(members))))
    with pytest.raises(DataFormatError, match=r"gzip\.zip: damaged or cut off archive"):
        LOADERS["emnist_letters"](write(tmp_path, ("gzip.zip", image_files.zipped(good)[:-30])))


def test_set_without_stated_counts_takes_any_but_no_class_without_points(tmp_path, monkeypatch):
    made = image_files.qmnist(np.random.RandomState(0), counts=(400, 100))
    sources = tuple(replace(source, md5=None) for source in CATALOGUE["qmnist"].sources)
    monkeypatch.setitem(CATALOGUE, "qmnist", replace(CATALOGUE["qmnist"], n=500, sources=sources))
    (tmp_path / "raw" / "qmnist").mkdir(parents=True)
    files = write(tmp_path / "raw" / "qmnist", *made.items())
    card = prepare("qmnist", tmp_path / "raw", tmp_path / "out")
    _, y = LOADERS["qmnist"](files)
    assert card["class_counts"] == [Counter(y.tolist())[digit] for digit in range(10)]
    few = image_files.qmnist(np.random.RandomState(0), counts=(5, 6))
    write(tmp_path / "raw" / "qmnist", *few.items())
    monkeypatch.setitem(CATALOGUE, "qmnist", replace(CATALOGUE["qmnist"], n=11))
    with pytest.raises(DataError, match="qmnist: no point of class"):
        prepare("qmnist", tmp_path / "raw", tmp_path / "out")


def test_orl_is_what_scikit_learn_makes_of_the_same_file(tmp_path, monkeypatch):
    faces = np.random.RandomState(0).randint(9, 251, (4096, 400)).astype(np.uint8)
    (file,) = write(tmp_path, ("olivettifaces.mat", image_files.mat(faces=faces)))
    X, y = LOADERS["orl"]([file])
    (source,) = CATALOGUE["orl"].sources
    theirs = sklearn.datasets._olivetti_faces
    assert (source.name, source.sha256) == (theirs.FACES.filename, theirs.FACES.checksum)
    assert theirs.FACES.url in source.addresses
    monkeypatch.setattr(theirs, "_fetch_remote", lambda *args, **kwargs: str(file))
    expected = theirs.fetch_olivetti_faces(data_home=tmp_path / "home")
    np.testing.assert_array_equal(X, expected.data)
    np.testing.assert_array_equal(y, expected.target)
    assert (X.shape, X.dtype) == ((400, 4096), np.float32)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"X": np.eye(2)}, "faces is nothing of that name"),
        ({"faces": np.zeros((4096, 15))}, r"float64 of shape \(4096, 15\)"),
        ({"faces": np.zeros((4096, 10))}, "all the same"),
        ({"faces": np.full((4096, 10), np.nan)}, "not finite"),
    ],
)
def test_orl_refuses_what_is_not_it(variables, message, tmp_path):
    files = write(tmp_path, ("olivettifaces.mat", image_files.mat(**variables)))
    with pytest.raises(DataFormatError, match=message):
        LOADERS["orl"](files)


def of_mnist(name, folder, images):
    labels = np.zeros(len(images), np.uint8)
    files = write(folder, *((file, idx(array)) for file, array in zip("abcd", [images, labels] * 2, strict=True)))
    return LOADERS[name](files)[0][: len(images)]


def test_mnist_box_16_cuts_out_what_the_digit_fills_wherever_it_lies(tmp_path):
    images = np.zeros((3, 28, 28), np.uint8)
    digit = image_files.pixels(np.random.RandomState(0), 1, 20, 20)[0]
    digit[[0, -1]] = 9  # ink in the outer rows
    digit[:, [0, -1]] = 9
    images[0, 4:24, 4:24] = images[1, 1:21, 8:28] = digit
    images[2, 3:23, 10:16] = 255  # a narrow one lies in the middle of its box
    found = of_mnist("mnist_box_16", tmp_path, images).reshape(3, 16, 16)
    np.testing.assert_array_equal(found[0], found[1])
    small = digit.astype(np.float64).repeat(4, axis=0).repeat(4, axis=1)
    np.testing.assert_allclose(found[0], small.reshape(16, 5, 16, 5).mean(axis=(1, 3)) / 255, rtol=1e-6)
    np.testing.assert_array_equal(found[2], found[2][:, ::-1])
    assert (found[2][:, 6:10] == 1).all()


def test_mnist_rotated_turns_counter_clockwise(tmp_path):
    images = np.zeros((1, 28, 28), np.uint8)
    images[0, 13:15, 20:26] = 200  # to the right of the middle
    (found,) = of_mnist("mnist_rotated", tmp_path, images).reshape(1, 28, 28)
    rows, columns = np.indices((28, 28)) - 13.5
    right, up = (found * columns).sum() / found.sum(), -(found * rows).sum() / found.sum()
    assert np.degrees(np.arctan2(up, right)) == pytest.approx(30, abs=1)
    assert found.sum() == pytest.approx(12 * 200 / 255, rel=0.02)
    np.testing.assert_allclose(found * 255, np.round(found * 255), atol=1e-4)
