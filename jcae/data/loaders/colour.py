"""Loaders of the sets of colour images. Each takes its files in the order of the catalogue and gives X and y.

A point is an image row by row, red, green and blue of a pixel side by side. Pixels stay bytes until they pass into X.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from jcae.data.formats import DataFormatError, codes, read_tar
from jcae.data.loaders.images import over_255
from jcae.data.loaders.matlab import read_matlab

Arrays = tuple[np.ndarray, np.ndarray]

_CIFAR10_FILES = (
    *(f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)),
    "cifar-10-batches-bin/test_batch.bin",
)
_CIFAR100_FILES = ("cifar-100-binary/train.bin", "cifar-100-binary/test.bin")
_CIFAR_PIXELS = 3 * 32 * 32  # the planes red, green, blue
_STL10_FILES = tuple(f"stl10_binary/{part}_{kind}.bin" for part in ("train", "test") for kind in ("X", "y"))
_STL10_SIDE = 96


def cifar10(files: Sequence[Path]) -> Arrays:
    """CIFAR-10 from its binary archive; the other archive of the same images is pickled, and is not read."""
    return _cifar(files, _CIFAR10_FILES, classes=(10,))


def cifar100(files: Sequence[Path]) -> Arrays:
    """CIFAR-100 from its binary archive, with its fine classes."""
    return _cifar(files, _CIFAR100_FILES, classes=(20, 100))


def svhn(files: Sequence[Path]) -> Arrays:
    """SVHN, cropped digits, from Matlab's files; the label 10 is the digit 0."""
    parts = [read_svhn(file) for file in files]
    labels = np.concatenate([labels for _, labels in parts])
    return over_255([pixels for pixels, _ in parts]), labels


def stl10(files: Sequence[Path]) -> Arrays:
    """STL-10 from its binary archive: what has labels, 1 to 10."""
    (archive,) = files
    members = _members(archive, _STL10_FILES)
    parts, labels = [], []
    for image_file, label_file in zip(_STL10_FILES[::2], _STL10_FILES[1::2], strict=True):
        where = f"{archive}: {label_file}"
        labels.append(codes(np.frombuffer(members.pop(label_file), np.uint8), range(1, 11), where))
        parts.append(read_stl10(members.pop(image_file), f"{archive}: {image_file}"))
        if len(labels[-1]) != len(parts[-1]):
            raise DataFormatError(f"{where}: {len(labels[-1])} labels for {len(parts[-1])} images of {image_file}")
    return over_255(parts), np.concatenate(labels)


def read_cifar(content: bytes, where: str, classes: Sequence[int] = (10,)) -> Arrays:
    """Read one file of CIFAR-10 or CIFAR-100 in its binary form.

    Parameters
    ----------
    content : bytes
        Records of label bytes and the 32 x 32 bytes of red, of green and of blue.
    where : str
        Name of the file, for messages.
    classes : sequence of int
        Number of classes of each label of a record: (10,), or coarse and fine, (20, 100).

    Returns
    -------
    pixels : ndarray, shape (n, 3072), uint8
        Row by row, red, green and blue of a pixel side by side.
    labels : ndarray, shape (n,), int64
        The last label of each record.

    Raises
    ------
    DataFormatError
        Not a whole number of records, or a label above the last class.
    """
    size = len(classes) + _CIFAR_PIXELS
    if not content or len(content) % size:
        raise DataFormatError(f"{where}: {len(content)} bytes are no whole number of records of {size} bytes")
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    for column, count in enumerate(classes):
        labels = records[:, column].astype(np.int64)
        if labels.max() >= count:
            row = int((labels >= count).argmax())
            raise DataFormatError(f"{where}: record {row + 1} has label {labels[row]} (allowed: 0 to {count - 1})")
    pixels = records[:, len(classes) :].reshape(-1, 3, 1024).transpose(0, 2, 1)
    return np.ascontiguousarray(pixels).reshape(len(records), -1), labels


def read_svhn(path: Path) -> Arrays:
    """Read one file of SVHN's cropped digits.

    Parameters
    ----------
    path : Path
        Matlab's format 5 with the variables X, uint8 (32, 32, 3, n), and y, (n, 1).

    Returns
    -------
    pixels : ndarray, shape (n, 3072), uint8
        Row by row, red, green and blue of a pixel side by side.
    labels : ndarray, shape (n,), int64
        0 to 9.

    Raises
    ------
    DataFormatError
        Not such a file, damaged, or a label other than 1 to 10.
    """
    arrays = read_matlab(path.read_bytes(), str(path))
    if missing := [name for name in ("X", "y") if name not in arrays]:
        raise DataFormatError(f"{path}: no numbers {' and '.join(missing)}; those of the file: {', '.join(arrays)}")
    X, y = arrays["X"], arrays["y"]
    if X.dtype != np.uint8 or X.ndim != 4 or X.shape[:3] != (32, 32, 3) or not X.size:
        raise DataFormatError(f"{path}: X is {X.dtype} of shape {X.shape} instead of uint8 (32, 32, 3, images)")
    if y.shape != (X.shape[3], 1):
        raise DataFormatError(f"{path}: labels of shape {y.shape} for {X.shape[3]} images")
    labels = codes(y[:, 0], range(1, 11), str(path)) % 10
    return np.ascontiguousarray(X.transpose(3, 0, 1, 2)).reshape(len(labels), -1), labels


def read_stl10(content: bytes, where: str) -> np.ndarray:
    """Read images of STL-10.

    Parameters
    ----------
    content : bytes
        Per image the 96 x 96 bytes of red, of green and of blue, each column by column.
    where : str
        Name of the file, for messages.

    Returns
    -------
    ndarray, shape (n, 27648), uint8
        Row by row, red, green and blue of a pixel side by side.

    Raises
    ------
    DataFormatError
        Not a whole number of images.
    """
    size = 3 * _STL10_SIDE**2
    if not content or len(content) % size:
        raise DataFormatError(f"{where}: {len(content)} bytes are no whole number of images of {size} bytes")
    planes = np.frombuffer(content, np.uint8).reshape(-1, 3, _STL10_SIDE, _STL10_SIDE)
    return np.ascontiguousarray(planes.transpose(0, 3, 2, 1)).reshape(len(planes), -1)


def _cifar(files: Sequence[Path], names: Sequence[str], classes: Sequence[int]) -> Arrays:
    (archive,) = files
    batches = _members(archive, names)
    records = [read_cifar(batches.pop(name), f"{archive}: {name}", classes) for name in names]
    labels = np.concatenate([labels for _, labels in records])
    return over_255([pixels for pixels, _ in records]), labels


def _members(archive: Path, names: Collection[str]) -> dict[str, bytes]:
    """Files of an archive, which is read no further than to the last of them."""
    found: dict[str, bytes] = {}
    for name, content in read_tar(archive, names.__contains__):
        found[name] = content
        if len(found) == len(names):
            break
    if missing := [name for name in names if name not in found]:
        raise DataFormatError(f"{archive}: the archive holds no {', '.join(missing)}")
    return found
