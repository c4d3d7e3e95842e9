"""Loaders of the sets of grey images. Each takes its files in the order of the catalogue and gives X and y."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jcae.data.formats import DataFormatError, codes, read_idx, read_table, read_zip, within
from jcae.data.loaders.matlab import read_matlab

Arrays = tuple[np.ndarray, np.ndarray]

_EMNIST_FILES = tuple(
    f"gzip/emnist-letters-{part}-{kind}-ubyte.gz"
    for part in ("train", "test")
    for kind in ("images-idx3", "labels-idx1")
)
_ORL_FACES = 10  # of a person
_QMNIST_COLUMNS = 8  # class, series, writer, ...: what is known about the scan


def mnist(files: Sequence[Path]) -> Arrays:
    """MNIST, Fashion-MNIST and Kuzushiji-MNIST: images and labels of the training part, then of the test part."""
    parts, labels = _parts(*_read(files))
    return over_255([images.reshape(len(images), -1) for images in parts]), labels


def mnist_16(files: Sequence[Path]) -> Arrays:
    """MNIST in 16 x 16 pixels, each the mean of the 1.75 x 1.75 pixels of the original that it covers."""
    parts, labels = _parts(*_read(files), shape=(28, 28))
    return _by_area(np.concatenate(parts)), labels


def mnist_box_16(files: Sequence[Path]) -> Arrays:
    """The 20 x 20 pixels of each digit of MNIST, without the margin, in 16 x 16 pixels; USPS has no margin either.

    The longer side of a digit of MNIST has 20 pixels; its centre of mass, and not its box, lies in the middle of the
    image.
    """
    parts, labels = _parts(*_read(files), shape=(28, 28))
    images = np.concatenate(parts)
    rows, columns = (_window(images.any(axis=axis), 20) for axis in (2, 1))
    return _by_area(images[np.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]]), labels


def mnist_rotated(files: Sequence[Path]) -> Arrays:
    """MNIST, each image turned by 30 degrees counter-clockwise around its middle, bilinearly, in whole grey values."""
    from scipy.ndimage import rotate

    parts, labels = _parts(*_read(files), shape=(28, 28))
    turned = [rotate(images, 30, axes=(1, 2), reshape=False, order=1) for images in parts]
    return over_255([images.reshape(len(images), -1) for images in turned]), labels


def emnist_letters(files: Sequence[Path]) -> Arrays:
    """EMNIST letters, from the archive of all its parts; labels 1 to 26."""
    (archive,) = files
    names = [f"{archive}: {name}" for name in _EMNIST_FILES]
    contents = read_zip(archive, str(archive), _EMNIST_FILES)
    parts, labels = _parts([read_idx(*content) for content in zip(contents, names, strict=True)], names)
    # Rows and columns are exchanged in this release.
    upright = [images.transpose(0, 2, 1).reshape(len(images), -1) for images in parts]
    return over_255(upright), codes(labels, range(1, 27), str(archive))


def qmnist(files: Sequence[Path]) -> Arrays:
    """QMNIST: images and facts about each, of which the first is the class; training part, then test part."""
    arrays, names = _read(files)
    for i in range(1, len(arrays), 2):
        facts = arrays[i]
        if facts.dtype != np.dtype(">i4") or facts.ndim != 2 or facts.shape[1] != _QMNIST_COLUMNS:
            raise DataFormatError(
                f"{names[i]}: {facts.dtype} labels of shape {facts.shape} instead of int32 (images, {_QMNIST_COLUMNS})"
            )
        arrays[i] = codes(facts[:, 0], range(10), names[i]).astype(np.uint8)
    parts, labels = _parts(arrays, names)
    return over_255([images.reshape(len(images), -1) for images in parts]), labels


def usps(files: Sequence[Path]) -> Arrays:
    """USPS in the text form of The Elements of Statistical Learning: a label and 256 values in [-1, 1] per line."""
    tables = [(str(file), read_table(file.read_bytes(), str(file), columns=257)) for file in files]
    X = np.concatenate([within(table[:, 1:], -1, 1, where) for where, table in tables])
    y = np.concatenate([codes(table[:, 0], range(10), where) for where, table in tables])
    return ((X + 1) / 2).astype(np.float32), y


def digits(files: Sequence[Path]) -> Arrays:
    """The test part of Optdigits, as bundled with scikit-learn."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return (X / 16).astype(np.float32), y


def optdigits(files: Sequence[Path]) -> Arrays:
    """Optdigits: 64 values 0 to 16 and a label per line."""
    tables = [(str(file), read_table(file.read_bytes(), str(file), columns=65, delimiter=",")) for file in files]
    X = np.concatenate([within(table[:, :-1], 0, 16, where) for where, table in tables])
    y = np.concatenate([codes(table[:, -1], range(10), where) for where, table in tables])
    return (X / 16).astype(np.float32), y


def orl(files: Sequence[Path]) -> Arrays:
    """ORL faces in the form of Roweis: 4096 numbers per face, column by column, ten faces of a person in turn."""
    (file,) = files
    faces = read_matlab(file.read_bytes(), str(file)).get("faces")
    if faces is None or faces.ndim != 2 or faces.shape[0] != 64 * 64 or faces.shape[1] % _ORL_FACES or not faces.size:
        found = "nothing of that name" if faces is None else f"{faces.dtype} of shape {faces.shape}"
        raise DataFormatError(f"{file}: faces is {found} instead of numbers (4096, ten times the persons)")
    X = faces.T.astype(np.float32).reshape(-1, 64, 64).transpose(0, 2, 1).reshape(-1, 64 * 64)
    X -= X.min()
    if not (np.isfinite(X).all() and X.max() > 0):
        raise DataFormatError(f"{file}: faces holds numbers that are not finite, or all the same")
    X /= X.max()
    return X, np.arange(len(X)) // _ORL_FACES


def over_255(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Join parts of images, and bring their values into [0, 1].

    Parameters
    ----------
    parts : sequence of ndarray, shape (points, features), uint8

    Returns
    -------
    ndarray, shape (all points, features), float32
    """
    # One part after the other into the whole: a concatenation would need twice the memory.
    X = np.empty((sum(map(len, parts)), parts[0].shape[1]), np.float32)
    start = 0
    for part in parts:
        np.divide(part, np.float32(255), out=X[start : start + len(part)])
        start += len(part)
    return X


def _window(ink: np.ndarray, size: int) -> np.ndarray:
    """Of rows that hold ink, (n, length), the `size` consecutive ones around their middle: numbers (n, size)."""
    length = ink.shape[1]
    first, last = ink.argmax(axis=1), length - 1 - ink[:, ::-1].argmax(axis=1)
    start = ((first + last + 1 - size) // 2).clip(0, length - size)
    return start[:, None] + np.arange(size)


def _by_area(images: np.ndarray) -> np.ndarray:
    """Images (n, length, length), uint8, to 16 x 16 pixels between 0 and 1, means over areas; 4 divides the length."""
    length = images.shape[1]
    # With every pixel repeated four times each way, a mean is one over (length / 4)^2 whole pixels.
    weights = np.eye(length, dtype=np.float32).repeat(4, axis=0).reshape(16, length // 4, length).sum(axis=1)
    # Sums of whole numbers below 2^24 are exact in float32, so every machine gives the same bits.
    sums = weights @ images.astype(np.float32) @ weights.T
    return (sums / np.float32((length // 4) ** 2 * 255)).reshape(len(images), -1)


def _read(files: Sequence[Path]) -> tuple[list[np.ndarray], list[str]]:
    return [read_idx(file.read_bytes(), str(file)) for file in files], [str(file) for file in files]


def _parts(
    arrays: Sequence[np.ndarray], names: Sequence[str], shape: tuple[int, int] | None = None
) -> tuple[list[np.ndarray], np.ndarray]:
    """Tell images and labels, which come in turn, apart; check that they fit together; join the labels.

    Without a `shape`, all images must have that of the first.
    """
    images, labels = arrays[::2], arrays[1::2]
    for i, (pixels, digits) in enumerate(zip(images, labels, strict=True)):
        image_file, label_file = names[2 * i : 2 * i + 2]
        if pixels.dtype != np.uint8 or pixels.ndim != 3:
            raise DataFormatError(f"{image_file}: {pixels.ndim}-D {pixels.dtype} instead of 3-D uint8 images")
        shape = shape or pixels.shape[1:]
        if pixels.shape[1:] != shape:
            raise DataFormatError(f"{image_file}: images of {pixels.shape[1:]} pixels instead of {shape}")
        if digits.dtype != np.uint8 or digits.shape != pixels.shape[:1]:
            raise DataFormatError(
                f"{label_file}: {digits.dtype} labels of shape {digits.shape} for {len(pixels)} images of {image_file}"
            )
    return list(images), np.concatenate(labels).astype(np.int64)
