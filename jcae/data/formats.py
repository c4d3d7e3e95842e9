"""File formats, from bytes to arrays. Nothing here unpickles, and no archive is unpacked to disk."""

import gzip
import io
import lzma
import math
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import IO

import numpy as np

# IDX type code -> numpy type; the format is big-endian.
_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_IDX_MAX_DIMENSIONS = 8  # the format allows 255, numpy 64; images need 3

# Bytes of one decompressed file that is read, and of all that a container holds. STL-10 unpacks to 3 GB, nine tenths of
# which are passed over.
LARGEST_MEMBER = 1 << 30
LARGEST_CONTENT = 4 << 30


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
        content = unpacked(io.BytesIO(content), where).read()
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


class _Unpacked(io.RawIOBase):
    """What a gzip file holds, up to a limit: a file of a few megabytes can unpack to what no memory holds."""

    def __init__(self, packed: IO[bytes], where: str) -> None:
        self._content = gzip.GzipFile(fileobj=packed)
        self._where = where
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        try:
            count = self._content.readinto(buffer)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataFormatError(f"{self._where}: damaged or cut off gzip file ({error})") from None
        self._size += count
        if self._size > LARGEST_CONTENT:
            raise DataFormatError(f"{self._where}: unpacks to over {LARGEST_CONTENT} bytes")
        return count


def unpacked(packed: IO[bytes], where: str) -> io.BufferedReader:
    """Read through gzip.

    Parameters
    ----------
    packed : binary file
    where : str
        Its name, for messages.

    Returns
    -------
    BufferedReader
        Reading raises `DataFormatError` where the file is damaged or cut off, or holds more than `LARGEST_CONTENT`.
    """
    return io.BufferedReader(_Unpacked(packed, where), 1 << 16)


def read_arrays(path: str | Path, *needed: str) -> dict[str, np.ndarray]:
    """Read a file of arrays (npz).

    Parameters
    ----------
    path : path
    *needed : str
        Arrays that it must hold.

    Returns
    -------
    dict of str to ndarray
        All that it holds.

    Raises
    ------
    FileNotFoundError
        No such file.
    DataFormatError
        Damaged, cut off, Python objects in place of numbers, or without an array that is needed.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = dict(archive)
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged file makes zipfile, zlib, numpy and tokenize raise a dozen kinds
        raise DataFormatError(f"{path}: not a file of arrays ({error})") from None
    if not arrays.keys() >= set(needed):
        raise DataFormatError(f"{path}: has the arrays {', '.join(arrays)}, needed: {', '.join(needed)}")
    return arrays


def read_tar(path: Path, wanted: Callable[[str], object]) -> Iterator[tuple[str, bytes]]:
    """Walk through a gzipped tar archive, without unpacking it.

    Parameters
    ----------
    path : Path
    wanted : callable
        Given the name of a file in the archive, says whether to read it.

    Yields
    ------
    name : str
        Of a regular file; links, devices and folders are passed over.
    content : bytes

    Raises
    ------
    DataFormatError
        No such archive, cut off, a member whose path leads out of the archive, a device, or one that is absurdly large.
    """
    try:
        with open(path, "rb") as packed, tarfile.open(fileobj=unpacked(packed, str(path)), mode="r|") as archive:
            for member in archive:
                tarfile.data_filter(member, f"{path.absolute()}.unpacked")  # it never is; the filter wants a place
                if not (member.isreg() and wanted(member.name)):
                    continue
                if member.size > LARGEST_MEMBER:
                    raise DataFormatError(f"{path}: {member.name!r} has {member.size} bytes, over {LARGEST_MEMBER}")
                yield member.name, archive.extractfile(member).read()
    except tarfile.FilterError as error:
        raise DataFormatError(f"{path}: an archive that leads outside of itself ({error})") from None
    except DataFormatError:
        raise
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise DataFormatError(f"{path}: damaged or cut off archive ({error})") from None


def read_zip(path: Path | IO[bytes], where: str, names: Collection[str]) -> list[bytes]:
    """Read files of a zip archive.

    Parameters
    ----------
    path : Path or binary file
        The archive.
    where : str
        Its name, for messages.
    names : collection of str
        Names in the archive.

    Returns
    -------
    list of bytes
        In the order of the names.

    Raises
    ------
    DataFormatError
        No such archive, damaged, a name that it lacks, or an absurdly large file.
    """
    contents = []
    try:
        with zipfile.ZipFile(path) as archive:
            for name in names:
                if (size := archive.getinfo(name).file_size) > LARGEST_MEMBER:
                    raise DataFormatError(f"{where}: {name!r} has {size} bytes, over {LARGEST_MEMBER}")
                contents.append(archive.read(name))
    except KeyError:
        raise DataFormatError(f"{where}: the archive holds no {name!r}") from None
    except DataFormatError:
        raise
    except (zipfile.BadZipFile, EOFError, OSError, zlib.error, lzma.LZMAError, RuntimeError, ValueError) as error:
        raise DataFormatError(f"{where}: damaged or cut off archive ({error})") from None
    return contents


def within(values: np.ndarray, low: float, high: float, where: str) -> np.ndarray:
    """Refuse values outside of [low, high]; NaN is outside.

    Parameters
    ----------
    values : ndarray, shape (n, d)
    low, high : float
    where : str
        Name of the file, for messages.

    Returns
    -------
    ndarray
        The values.

    Raises
    ------
    DataFormatError
        Names the first bad value and its line.
    """
    bad = ~((values >= low) & (values <= high))
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise DataFormatError(
            f"{where}: line {row + 1} has the value {values[row, column]:g}, outside [{low:g}, {high:g}]"
        )
    return values


def codes(values: np.ndarray, allowed: Collection[int], where: str) -> np.ndarray:
    """Turn a column of floats into integer labels.

    Parameters
    ----------
    values : ndarray, shape (n,)
    allowed : collection of int
        The labels that the format has.
    where : str
        Name of the file, for messages.

    Returns
    -------
    ndarray, shape (n,), int64

    Raises
    ------
    DataFormatError
        Names the first other value and its line.
    """
    bad = ~np.isin(values, list(allowed))
    if bad.any():
        row = int(bad.argmax())
        raise DataFormatError(
            f"{where}: line {row + 1} has label {values[row]:g} (allowed: {', '.join(map(str, allowed))})"
        )
    return values.astype(np.int64)
