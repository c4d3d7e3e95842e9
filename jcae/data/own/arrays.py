"""Arrays: npy (mapped, not copied), npz and IDX. Nothing is unpickled."""

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from jcae.data.formats import LARGEST_CONTENT, DataError, DataFormatError, read_idx
from jcae.data.own.loaded import Loaded, unknown
from jcae.data.own.source import OwnData


def map_array(path: Path) -> np.ndarray:
    """Map the array of an npy file into memory.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ndarray
        Read-only.

    Raises
    ------
    DataError
        Cannot be read, cut off, or Python objects in place of numbers.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    except Exception as error:  # a damaged header makes numpy, tokenize and mmap raise a dozen kinds
        raise DataFormatError(f"{path}: {_not_an_array(error)}") from None
    if not isinstance(array, np.ndarray):
        array.close()
        raise DataFormatError(f"{path}: an archive of arrays; call it .npz")
    return array


def _not_an_array(error: Exception) -> str:
    if "pickle" in str(error) or "Python objects" in str(error):
        return "holds Python objects in place of numbers, which are never unpickled; save an array of numbers"
    return f"not an array, or damaged or cut off ({error})"


def read_npy(source: OwnData) -> Loaded:
    """Read an npy file: (n, d), or images (n, height, width) or (n, height, width, channels).

    Parameters
    ----------
    source : OwnData
        Columns are dropped by number.

    Returns
    -------
    Loaded

    Raises
    ------
    DataError
        Not such a file, or no such column.
    """
    return _flat(map_array(source.file), source, str(source.file))


def read_npz(source: OwnData) -> Loaded:
    """Read an npz file: the array X, or the only one that has two or more dimensions.

    Parameters
    ----------
    source : OwnData
        The truth is the name of another array.

    Returns
    -------
    Loaded

    Raises
    ------
    DataError
        Not such a file, no such array or column, or several that could be the features.
    """
    where = str(source.file)
    with open_npz(source.file) as archive:
        labels = None
        if source.truth is not None and source.truth_file is None:
            if source.truth not in archive.files:
                raise DataError(f"{where}: {unknown(source.truth, archive.files, 'array')}")
            labels = npz_array(archive, source.truth, where)
        name = features_of(archive, where, without=source.truth)
        loaded = _flat(npz_array(archive, name, where), source, f"{where}: {name}")
    if labels is not None and labels.shape != (len(loaded.values),):
        raise DataError(f"{where}: {source.truth}: shape {labels.shape} for {len(loaded.values)} points")
    return replace(loaded, labels=labels)


def open_npz(path: Path) -> np.lib.npyio.NpzFile:
    """Open an npz file; the arrays are read one by one.

    Raises
    ------
    DataError
        Not such a file, or one that unpacks to more than `LARGEST_CONTENT` bytes an array.
    """
    try:
        archive = np.load(path, allow_pickle=False)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    except Exception as error:  # as above, and what zipfile and zlib raise
        raise DataFormatError(f"{path}: {_not_an_array(error)}") from None
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise DataFormatError(f"{path}: not an archive of arrays")
    return archive


def npz_array(archive: np.lib.npyio.NpzFile, name: str, where: str) -> np.ndarray:
    """Read one array of an npz file; the errors are those of `open_npz`."""
    try:
        member = name if name in archive.zip.namelist() else f"{name}.npy"
        info = archive.zip.getinfo(member)
        if info.compress_type != zipfile.ZIP_STORED and info.file_size > LARGEST_CONTENT:
            raise DataFormatError(
                f"{where}: {name}: unpacks to {info.file_size} bytes, over {LARGEST_CONTENT}; use npy"
            )
        array = archive[name]
    except DataFormatError:
        raise
    except Exception as error:  # as above
        raise DataFormatError(f"{where}: {name}: {_not_an_array(error)}") from None
    if not isinstance(array, np.ndarray):
        raise DataFormatError(f"{where}: {name}: not an array")
    return array


def features_of(archive: np.lib.npyio.NpzFile, where: str, without: str | None = None) -> str:
    """Name of the array that holds the features: X, or the only one that has two or more dimensions.

    Raises
    ------
    DataError
        None, or several.
    """
    if "X" in archive.files:
        return "X"
    found = [name for name in archive.files if name != without and npz_array(archive, name, where).ndim >= 2]
    if len(found) != 1:
        raise DataError(
            f"{where}: {len(found)} arrays could be the features (arrays: {', '.join(archive.files) or 'none'}); "
            "call the one X"
        )
    return found[0]


def read_idx_file(source: OwnData) -> Loaded:
    """Read an IDX file, plain or gzipped: of images, or of a table.

    Parameters
    ----------
    source : OwnData

    Returns
    -------
    Loaded

    Raises
    ------
    DataError
        Not such a file, or no such column.
    """
    where = str(source.file)
    return _flat(read_idx(content_of(source.file), where), source, where)


def content_of(path: Path) -> bytes:
    """Bytes of a file that has to be read whole; over `LARGEST_CONTENT` it is refused by a `DataError`."""
    try:
        size = path.stat().st_size
        if size > LARGEST_CONTENT:
            raise DataFormatError(f"{path}: {size} bytes, over {LARGEST_CONTENT}; save the array as npy")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None


def _flat(array: np.ndarray, source: OwnData, where: str) -> Loaded:
    """One row per point; images keep their shape aside."""
    if array.dtype.kind not in "biuf":
        raise DataFormatError(f"{where}: values of type {array.dtype} (allowed: integers, floats)")
    if array.ndim < 2 or array.ndim > 4 or 0 in array.shape:
        raise DataFormatError(
            f"{where}: shape {array.shape} (allowed: (points, features), (points, height, width), "
            "(points, height, width, channels))"
        )
    if array.ndim > 2:
        if source.drop:
            raise DataError(f"{where}: drop is for tables, and these are images of shape {array.shape[1:]}")
        return Loaded(array.reshape(len(array), -1), image_shape=tuple(map(int, array.shape[1:])))
    if not source.drop:
        return Loaded(array)
    d = array.shape[1]
    for column in source.drop:
        if not isinstance(column, int) or isinstance(column, bool) or not 0 <= column < d:
            raise DataError(f"{where}: no column {column!r} (allowed in drop: numbers from 0 to {d - 1})")
    features = [column for column in range(d) if column not in source.drop]
    return Loaded(array[:, features], columns=tuple(map(str, features)))
