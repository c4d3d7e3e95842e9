"""From a file of the user's own to the features and labels that a benchmark needs."""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from jcae.data.formats import DataError
from jcae.data.own import arrays, folders, h5ad, tables
from jcae.data.own.loaded import Loaded, check_values
from jcae.data.own.scaling import Scaling, measure
from jcae.data.own.source import ALLOWED, OwnData, format_of
from jcae.data.own.truth import check_labels, read_labels
from jcae.files import file_sha256

READERS: Mapping[str, Callable[[OwnData], Loaded]] = MappingProxyType(
    {
        "text": tables.read_table,
        "parquet": tables.read_table,
        "npy": arrays.read_npy,
        "npz": arrays.read_npz,
        "idx": arrays.read_idx_file,
        "h5ad": h5ad.read_h5ad,
        "images": folders.read_folder,
    }
)
_SCALED = MappingProxyType(
    {
        "none": "Values as in the file",
        "minmax": "Each feature scaled to [0, 1]",
        "standard": "Each feature standardised",
        "max": "Divided by the largest absolute value",
    }
)


@dataclass(frozen=True)
class OwnArrays:
    """A user's own data.

    Attributes
    ----------
    X : ndarray, shape (n, d), float32
        Features: finite, and scaled.
    labels : ndarray, shape (n,), or None
        Classes as they are called in the file: whole numbers or text.
    image_shape : tuple of int or None
        Shape of a point that is an image; its product is d.
    columns : tuple of str or None
        Names of the features.
    sources : list of dict
        `file` (name) and `sha256` of the data, then of the labels where they are a file of their own.
    preparation : str
        A sentence that says what was done.
    scaling : Scaling
        How the values of the file became features.
    """

    X: np.ndarray
    labels: np.ndarray | None
    image_shape: tuple[int, ...] | None
    columns: tuple[str, ...] | None
    sources: list[dict[str, str]]
    preparation: str
    scaling: Scaling


def read(source: OwnData) -> OwnArrays:
    """Read, check and scale a user's own data.

    Parameters
    ----------
    source : OwnData

    Returns
    -------
    OwnArrays

    Raises
    ------
    DataError
        Anything that makes the data useless for a benchmark, with the file, and where there are any, line and column.
    """
    where = str(source.file)
    kind = _format(source)
    loaded = READERS[kind](source)
    check_values(loaded, where)
    n, d = loaded.values.shape
    labels = _labels(source, loaded)
    if source.n_clusters is not None and source.n_clusters > n:
        raise DataError(f"{where}: n_clusters is {source.n_clusters}, but there are {n} points only")
    image_shape = source.image_shape or loaded.image_shape
    if image_shape is not None and math.prod(image_shape) != d:
        raise DataError(
            f"{where}: image_shape {list(image_shape)} has {math.prod(image_shape)} pixels for {d} features"
        )
    scaling = measure(loaded.values, source.scale)
    return OwnArrays(
        X=scaling.apply(loaded.values, where),
        labels=labels,
        image_shape=image_shape,
        columns=loaded.columns,
        sources=_sources(source),
        preparation=_sentence(source, kind),
        scaling=scaling,
    )


def digest(source: OwnData) -> str:
    """Checksum of all that is read: it changes when the content of a file does, or an image gets another name.

    Parameters
    ----------
    source : OwnData

    Returns
    -------
    str
        64 hexadecimal digits: those of the file itself where there is but one.

    Raises
    ------
    DataError
        Not there, in no format that is read here, or a folder that holds other things than images.
    """
    checksums = [part["sha256"] for part in _sources(source)]
    if len(checksums) == 1:
        return checksums[0]
    return hashlib.sha256("".join(checksums).encode()).hexdigest()


def _format(source: OwnData) -> str:
    if not source.file.exists():
        raise DataError(f"{source.file}: no such file or folder")
    kind = format_of(source.file)
    if kind is None:
        raise DataError(f"{source.file}: unknown format (allowed: {ALLOWED})")
    return kind


def _labels(source: OwnData, loaded: Loaded) -> np.ndarray | None:
    if source.truth is None:
        return None
    n, labels = len(loaded.values), loaded.labels
    if source.truth_file is not None:
        return check_labels(read_labels(source.truth_file, n), source.truth, _point, source.n_clusters)
    if labels is None:
        raise DataError(f"{source.file}: truth {source.truth!r} (allowed: a file of labels, or null)")
    return check_labels(labels, f"{source.file}: {source.truth}", loaded.place, source.n_clusters)


def _point(row: int) -> str:
    return f"label {row + 1}"


def _sources(source: OwnData) -> list[dict[str, str]]:
    found = []
    try:
        if _format(source) == "images":
            sha256 = folders.folder_sha256(source.file, source.truth_file)
        else:
            sha256 = file_sha256(source.file)
        found.append({"file": source.file.name, "sha256": sha256})
        if source.truth_file is not None:
            found.append({"file": source.truth_file.name, "sha256": file_sha256(source.truth_file)})
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror})") from None
    return found


def _sentence(source: OwnData, kind: str) -> str:
    sentence = _SCALED[source.scale]
    if kind == "images":
        height, width = source.image_shape[:2]
        colour = "grey" if len(source.image_shape) == 2 else "colour"
        sentence = f"Images in {colour}, {height} x {width} pixels, divided by 255"
        sentence += "" if source.scale == "none" else f"; {_SCALED[source.scale][0].lower()}{_SCALED[source.scale][1:]}"
    if source.drop:
        sentence += f"; without {', '.join(map(str, source.drop))}"
    return f"{sentence}."
