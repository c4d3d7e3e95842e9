"""Loaders of the image data sets. Each takes its files in the order of the catalogue and gives X and y."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jcae.data.formats import DataFormatError, codes, read_idx, read_table, read_tar, within

Arrays = tuple[np.ndarray, np.ndarray]

_CIFAR10_FILES = (
    *(f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)),
    "cifar-10-batches-bin/test_batch.bin",
)
_CIFAR10_RECORD = 1 + 3 * 32 * 32  # a label and the planes red, green, blue


def mnist(files: Sequence[Path]) -> Arrays:
    """MNIST and Fashion-MNIST: images and labels of the training part, then of the test part."""
    parts, labels = [], []
    for image_file, label_file in zip(files[::2], files[1::2], strict=True):
        images = read_idx(image_file.read_bytes(), str(image_file))
        digits = read_idx(label_file.read_bytes(), str(label_file))
        if images.dtype != np.uint8 or images.ndim != 3:
            raise DataFormatError(f"{image_file}: {images.ndim}-D {images.dtype} instead of 3-D uint8 images")
        if digits.dtype != np.uint8 or digits.shape != images.shape[:1]:
            raise DataFormatError(
                f"{label_file}: {digits.dtype} labels of shape {digits.shape} for {len(images)} images of {image_file}"
            )
        parts.append(images.reshape(len(images), -1))
        labels.append(digits)
    return np.concatenate(parts).astype(np.float32) / np.float32(255), np.concatenate(labels).astype(np.int64)


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


def cifar10(files: Sequence[Path]) -> Arrays:
    """CIFAR-10 from its binary archive; the other archive of the same images is pickled, and is not read."""
    (archive,) = files
    batches = dict(read_tar(archive, _CIFAR10_FILES.__contains__))
    if missing := [name for name in _CIFAR10_FILES if name not in batches]:
        raise DataFormatError(f"{archive}: the archive holds no {', '.join(missing)}")
    # One batch after the other into the whole: a concatenation would need twice the memory.
    records = [read_cifar10(batches.pop(name), f"{archive}: {name}") for name in _CIFAR10_FILES]
    X = np.empty((sum(len(labels) for _, labels in records), _CIFAR10_RECORD - 1), np.float32)
    start = 0
    for pixels, _ in records:
        np.divide(pixels, np.float32(255), out=X[start : start + len(pixels)])
        start += len(pixels)
    return X, np.concatenate([labels for _, labels in records])


def read_cifar10(content: bytes, where: str) -> Arrays:
    """Read one batch of CIFAR-10 in its binary form.

    Parameters
    ----------
    content : bytes
        Records of a label byte and the 32 x 32 bytes of red, of green and of blue.
    where : str
        Name of the file, for messages.

    Returns
    -------
    pixels : ndarray, shape (n, 3072), uint8
        Row by row, red, green and blue of a pixel side by side.
    labels : ndarray, shape (n,), int64

    Raises
    ------
    DataFormatError
        Not a whole number of records, or a label above 9.
    """
    if not content or len(content) % _CIFAR10_RECORD:
        raise DataFormatError(
            f"{where}: {len(content)} bytes are no whole number of records of {_CIFAR10_RECORD} bytes"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, _CIFAR10_RECORD)
    labels = records[:, 0].astype(np.int64)
    if labels.max() > 9:
        row = int((labels > 9).argmax())
        raise DataFormatError(f"{where}: record {row + 1} has label {labels[row]} (allowed: 0 to 9)")
    pixels = records[:, 1:].reshape(-1, 3, 1024).transpose(0, 2, 1)
    return np.ascontiguousarray(pixels).reshape(len(records), -1), labels
