"""From bytes to arrays, one function per data set. Nothing here unpickles, so a file can hold nothing that runs."""

import gzip
import io
import math
import zlib
from collections.abc import Callable, Sequence

import numpy as np

# IDX type code -> numpy type; the format is big-endian.
_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_IDX_MAX_DIMENSIONS = 8  # the format allows 255, numpy 64; images need 3

# Shared by the equal-variance Gaussians; nearest neighbours are 3.2 standard deviations apart.
_FIVE_CENTRES = np.array([[0.0, 0.0], [3.0, 1.0], [-1.0, 3.2], [-3.2, -0.8], [1.2, -3.0]])

Content = tuple[str, bytes]  # where the bytes are from (for messages), the bytes


class DataError(ValueError):
    """Data that cannot be used as they are; the message says what is wrong and where."""


class DataFormatError(DataError):
    """A file is not in its format."""


def read_idx(content: bytes, where: str) -> np.ndarray:
    """Read the IDX format of MNIST.

    Parameters
    ----------
    content : bytes
        A whole file, plain or gzipped.
    where : str
        Name of the file, for messages.

    Returns
    -------
    ndarray
        Shape and dtype as the header says.

    Raises
    ------
    DataFormatError
        Wrong magic number, unknown type, impossible dimensions, or a length that does not fit the header.
    """
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataFormatError(f"{where}: damaged or cut off gzip file ({error})") from None
    if len(content) < 4 or content[:2] != b"\0\0":
        raise DataFormatError(f"{where}: not an IDX file, it begins with {content[:4]!r} instead of two zero bytes")
    code, rank = content[2], content[3]
    if code not in _IDX_TYPES:
        allowed = ", ".join(f"0x{known:02x}" for known in _IDX_TYPES)
        raise DataFormatError(f"{where}: unknown IDX type 0x{code:02x} (allowed: {allowed})")
    if not 1 <= rank <= _IDX_MAX_DIMENSIONS:
        raise DataFormatError(f"{where}: IDX file with {rank} dimensions (allowed: 1 to {_IDX_MAX_DIMENSIONS})")
    start = 4 + 4 * rank
    if len(content) < start:
        raise DataFormatError(f"{where}: cut off in the header, {len(content)} bytes instead of {start}")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", count=rank, offset=4))
    dtype = np.dtype(_IDX_TYPES[code])
    expected = start + math.prod(shape) * dtype.itemsize
    if 0 in shape:
        raise DataFormatError(f"{where}: the header announces an empty array, shape {shape}")
    if len(content) != expected:
        raise DataFormatError(f"{where}: {len(content)} bytes, but the header (shape {shape}) announces {expected}")
    return np.frombuffer(content, dtype, offset=start).reshape(shape)


def read_table(content: bytes, where: str, columns: int, delimiter: str | None = None) -> np.ndarray:
    """Read numbers written as text, one point per line.

    Parameters
    ----------
    content : bytes
        ASCII text.
    where : str
        Name of the file, for messages.
    columns : int
        Numbers per line.
    delimiter : str, optional
        Default: white space.

    Returns
    -------
    ndarray, shape (n, columns), float64

    Raises
    ------
    DataFormatError
        Not text, not numbers, no lines, or another number of columns.
    """
    try:
        text = content.decode("ascii")
        if not text.strip():
            raise ValueError("no lines")
        table = np.loadtxt(io.StringIO(text), dtype=np.float64, delimiter=delimiter, comments=None, ndmin=2)
    except ValueError as error:  # UnicodeDecodeError is one
        raise DataFormatError(f"{where}: not a table of numbers ({error})") from None
    if table.shape[1] != columns:
        raise DataFormatError(f"{where}: {table.shape[1]} numbers per line instead of {columns}")
    return table


def _labels(values: np.ndarray, where: str) -> np.ndarray:
    """Digits 0 to 9 from a column of floats."""
    bad = ~np.isin(values, np.arange(10))
    if bad.any():
        row = int(bad.argmax())
        raise DataFormatError(f"{where}: line {row + 1} has label {values[row]:g}, which is no digit 0 to 9")
    return values.astype(np.int64)


def _within(values: np.ndarray, low: float, high: float, where: str) -> np.ndarray:
    """The values, all of them in [low, high]; NaN is not."""
    bad = ~((values >= low) & (values <= high))
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise DataFormatError(
            f"{where}: line {row + 1} has the value {values[row, column]:g}, outside [{low:g}, {high:g}]"
        )
    return values


def _mnist(contents: Sequence[Content]) -> tuple[np.ndarray, np.ndarray]:
    parts, labels = [], []
    for (image_file, image_bytes), (label_file, label_bytes) in zip(contents[::2], contents[1::2], strict=True):
        images, digits = read_idx(image_bytes, image_file), read_idx(label_bytes, label_file)
        if images.dtype != np.uint8 or images.ndim != 3:
            raise DataFormatError(f"{image_file}: {images.ndim}-D {images.dtype} instead of 3-D uint8 images")
        if digits.dtype != np.uint8 or digits.shape != images.shape[:1]:
            raise DataFormatError(
                f"{label_file}: {digits.dtype} labels of shape {digits.shape} for {len(images)} images of {image_file}"
            )
        parts.append(images.reshape(len(images), -1))
        labels.append(digits)
    return np.concatenate(parts).astype(np.float32) / np.float32(255), np.concatenate(labels).astype(np.int64)


def _usps(contents: Sequence[Content]) -> tuple[np.ndarray, np.ndarray]:
    tables = [(where, read_table(content, where, columns=257)) for where, content in contents]
    X = np.concatenate([_within(table[:, 1:], -1, 1, where) for where, table in tables])
    y = np.concatenate([_labels(table[:, 0], where) for where, table in tables])
    return ((X + 1) / 2).astype(np.float32), y


def _pendigits(contents: Sequence[Content]) -> tuple[np.ndarray, np.ndarray]:
    tables = [(where, read_table(content, where, columns=17, delimiter=",")) for where, content in contents]
    X = np.concatenate([_within(table[:, :-1], 0, 100, where) for where, table in tables])
    y = np.concatenate([_labels(table[:, -1], where) for where, table in tables])
    return (X / 100).astype(np.float32), y


def _digits(contents: Sequence[Content]) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return (X / 16).astype(np.float32), y


def _wine(contents: Sequence[Content]) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_wine

    X, y = load_wine(return_X_y=True)
    return standardise(X), y


def _breast_cancer(contents: Sequence[Content]) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    return standardise(X), y


def _five_gaussians(contents: Sequence[Content]) -> tuple[np.ndarray, np.ndarray]:
    # RandomState and not Generator: numpy promises its stream for ever.
    random = np.random.RandomState(0)
    y = random.permutation(np.repeat(np.arange(5), 400))
    return (_FIVE_CENTRES[y] + random.standard_normal((2000, 2))).astype(np.float32), y.astype(np.int64)


def standardise(X: np.ndarray) -> np.ndarray:
    """Take the mean from each feature and divide by the standard deviation (of the n points, not n - 1).

    Parameters
    ----------
    X : ndarray, shape (n, d)

    Returns
    -------
    ndarray, shape (n, d), float32
        A constant feature becomes 0.
    """
    X = np.asarray(X, dtype=np.float64)
    # fsum: exact sums, so that the checksum of the result does not hang on the order in which a processor adds.
    centred = X - np.array([math.fsum(column) for column in X.T]) / len(X)
    spread = np.sqrt(np.array([math.fsum(column) for column in (centred**2).T]) / len(X))
    return (centred / np.where(spread > 0, spread, 1)).astype(np.float32)


# Each takes the decompressed files in the order of the catalogue and gives X float32 (n, d) and y (n,).
LOADERS: dict[str, Callable[[Sequence[Content]], tuple[np.ndarray, np.ndarray]]] = {
    "breast_cancer": _breast_cancer,
    "digits": _digits,
    "five_gaussians": _five_gaussians,
    "mnist": _mnist,
    "pendigits": _pendigits,
    "usps": _usps,
    "wine": _wine,
}
