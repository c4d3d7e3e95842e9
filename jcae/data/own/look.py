"""A look at a file before it is named in a config: what is in it, and the lines that would name it."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from jcae.data.formats import DataError
from jcae.data.own.arrays import npz_array, open_npz
from jcae.data.own.columns import Column, are_pixels, of_array, of_table, scale_for
from jcae.data.own.folders import image_size, images_in
from jcae.data.own.h5ad import Opened
from jcae.data.own.loaded import Loaded
from jcae.data.own.reading import READERS
from jcae.data.own.source import ALLOWED, FOLDERS, OwnData, format_of
from jcae.data.own.tables import open_table
from jcae.data.own.truth import plain, read_labels

LARGEST_SIDE = 32
"""Height and width, in pixels, that are proposed at most for a folder of images."""
_N_CLUSTERS = 10
_NAMED = 8
"""Columns that a comment names."""


@dataclass(frozen=True)
class Line:
    """An option of the config and why it has its value."""

    option: str
    value: Any
    reason: str = ""


@dataclass(frozen=True)
class Look:
    """What is in a file.

    Attributes
    ----------
    path : Path
    format : str
        A key of `jcae.data.own.source.FORMATS`, or "images".
    n : int
        Points.
    columns : tuple of Column
        All columns: features and others; none for images.
    classes : tuple of (str, int)
        What could be the truth, and the number of its classes.
    lines : tuple of Line
        Proposed options.
    notes : tuple of str
        What is to be seen to.
    """

    path: Path
    format: str
    n: int
    columns: tuple[Column, ...]
    classes: tuple[tuple[str, int], ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]

    @property
    def options(self) -> dict[str, Any]:
        """The proposed options without their reasons."""
        return {line.option: line.value for line in self.lines}

    @property
    def d(self) -> int:
        """Features, if the proposal is taken."""
        if self.format == "images":
            return math.prod(self.options["image_shape"])
        others = {self.options["truth"], *self.options.get("drop", ())}
        return sum(column.name not in others for column in self.columns)

    @property
    def n_clusters(self) -> int:
        """Clusters, if the proposal is taken."""
        return self.options.get("n_clusters") or dict(self.classes)[str(self.options["truth"])]


def look(path: Path) -> Look:
    """Look at a file: shape, types, gaps, ranges, and what could be classes.

    Parameters
    ----------
    path : Path
        In a format of `jcae.data.own.source.FORMATS`, or a folder of images.

    Returns
    -------
    Look

    Raises
    ------
    DataError
        Not there, in no such format, or damaged.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    kind = format_of(path)
    if kind is None:
        raise DataError(f"{path}: unknown format (allowed: {ALLOWED})")
    if kind == "images":
        return _folder(path)
    if kind in ("text", "parquet"):
        columns = of_table(open_table(path))
        _check_rows(path, columns)
        classes = [column for column in columns if column.may_be_classes]
        return _proposal(path, kind, columns, classes, _likely(classes), None)
    loaded = READERS[kind](OwnData(path, n_clusters=2))
    columns = of_array(loaded)
    _check_rows(path, columns)
    classes = [column for column in _beside(path, kind, len(loaded.values)) if column.may_be_classes]
    likely = _likely(classes) or (classes[0] if len(classes) == 1 else None)
    return _proposal(path, kind, columns, classes, likely, loaded)


def config_lines(look: Look, name: str) -> str:
    """Write what was found as an entry of a config, to be pasted below `datasets:`.

    Parameters
    ----------
    look : Look
    name : str
        What the data set shall be called.

    Returns
    -------
    str
        YAML with comments, which `jcae.data.own.reading.read` can read, unless a note says what must be seen to first.
    """
    notes = [f"    # {_comment(note)}" for note in look.notes]
    return "\n".join([f"  {to_yaml(name)}:", *notes, *entry_lines(look.lines, indent=4)]) + "\n"


def entry_lines(lines: Sequence[Line], indent: int) -> list[str]:
    """Write options, a line each, with their reasons behind them."""
    rows = [(f"{' ' * indent}{line.option}: {to_yaml(line.value)}", line.reason) for line in lines]
    width = min(max(len(text) for text, _ in rows), 40)
    return [f"{row:<{width}}  # {_comment(reason)}" if reason else row for row, reason in rows]


def to_yaml(value: Any) -> str:
    """Write a value as YAML on one line."""
    written = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=math.inf)
    return written.removesuffix("...\n").strip()


def _comment(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _check_rows(path: Path, columns: list[Column]) -> None:
    n = columns[0].n if columns else 0
    if n < 2:
        raise DataError(f"{path}: {n} row{'s' * (n != 1)} (needed: at least 2)")


def _likely(classes: list[Column]) -> Column | None:
    """Of the columns that could be classes the one that most likely is: by its name, else the last one of text."""
    named = [column for column in classes if column.is_called_class]
    texts = [column for column in classes if column.text]
    return (named or texts or [None])[-1]


def _beside(path: Path, kind: str, n: int) -> list[Column]:
    """Labels that lie beside the features: other arrays of an npz, columns of the obs of an h5ad."""
    found = []
    if kind == "npz":
        with open_npz(path) as archive:
            for name in archive.files:
                array = npz_array(archive, name, str(path))
                if array.shape == (n,):
                    found.append(_labels(name, array))
    elif kind == "h5ad":
        with Opened(path) as file:
            for name in file.obs_columns():
                try:
                    labels = file.column(name)
                except DataError:
                    continue  # of a kind that is not read, and so not to be proposed
                if labels.shape == (n,):
                    found.append(_labels(name, labels))
    elif kind == "idx" and "images-idx3" in path.name:
        labels = path.with_name(path.name.replace("images-idx3", "labels-idx1"))
        if labels.is_file():
            column = Column(labels.as_posix())
            column.add(read_labels(labels, n))
            found.append(column)
    return found


def _labels(name: str, array: np.ndarray) -> Column:
    column = Column(name)
    array = plain(array)
    if array.dtype.kind == "U":
        column.add(np.where(array == "", None, array.astype(object)))
        column.text = True
    elif array.dtype.kind in "biuf":
        column.add(array)
    return column


def _proposal(
    path: Path, kind: str, columns: list[Column], classes: list[Column], truth: Column | None, loaded: Loaded | None
) -> Look:
    drop, reasons, notes = [], [], []
    for column in columns:
        if column is truth:
            continue
        why = _reason_to_drop(column)
        if why and not (loaded is not None and loaded.image_shape):
            drop.append(column.name)
            reasons.append(f"{column.name}: {why}")
    gaps = [column for column in columns if column.missing]
    if gaps:
        notes.append(f"empty, NaN or infinite in {_names(gaps)}: fill them, or leave these columns out")
    features = [column for column in columns if column is not truth and column.name not in drop]
    if not features:
        notes.append("no column is left as a feature")
    lines = [Line("file", path.as_posix()), *_truth_lines(truth, columns[0].n)]
    others = [column for column in classes if column is not truth]
    if others:
        notes.append(f"could be classes, too: {_names(others)}")
    if drop:
        more = f"; and {len(drop) - _NAMED} more" if len(drop) > _NAMED else ""
        lines.append(Line("drop", drop, "; ".join(reasons[:_NAMED]) + more))
    if features:
        lines.append(Line("scale", *scale_for(features)))
        side = math.isqrt(len(features))
        if loaded is not None and loaded.image_shape:
            notes.append(f"images of shape {list(loaded.image_shape)}")
        elif are_pixels(features) and side * side == len(features):
            lines.append(Line("image_shape", [side, side], "if the columns are the pixels of square images"))
    found = tuple((str(column.name), len(column.values)) for column in classes)
    return Look(path, kind, columns[0].n, tuple(columns), found, tuple(lines), tuple(notes))


def _truth_lines(truth: Column | None, n: int) -> list[Line]:
    if truth is None:
        return [
            Line("truth", None),
            Line("n_clusters", min(_N_CLUSTERS, n), "no column looks like classes: say how many clusters you want"),
        ]
    return [Line("truth", truth.name, f"{'text' if truth.text else 'whole numbers'}, {truth.distinct} classes")]


def _reason_to_drop(column: Column) -> str | None:
    if column.text:
        return f"text, {column.distinct} different values"
    if column.is_identifier:
        return "it numbers the rows"
    if column.missing:
        return f"{column.missing} cells are empty, NaN or infinite"
    return None


def _names(columns: list[Column]) -> str:
    named = ", ".join(f"{column.name!r} ({_about(column)})" for column in columns[:_NAMED])
    return named + (f", and {len(columns) - _NAMED} more" if len(columns) > _NAMED else "")


def _about(column: Column) -> str:
    return f"{column.missing} of {column.n}" if column.missing else f"{column.distinct} values"


def _folder(path: Path) -> Look:
    files = images_in(path)
    sizes = Counter(image_size(file) for file in files)
    (height, width, colour), count = sizes.most_common(1)[0]
    shape = [min(height, LARGEST_SIDE), min(width, LARGEST_SIDE), *([3] if colour else [])]
    folders = Counter(file.parent.name for file in files if file.parent != path)
    lines = [Line("file", path.as_posix())]
    classes = ()
    if folders.total() == len(files) and 2 <= len(folders) <= len(files) // 2:
        classes = ((FOLDERS, len(folders)),)
        lines.append(Line("truth", FOLDERS, f"{len(folders)} classes, one folder each"))
    else:
        lines += _truth_lines(None, len(files))
    smaller = f", made smaller: at most {LARGEST_SIDE} a side" if max(height, width) > LARGEST_SIDE else ""
    colours = "in colour" if colour else "in grey"
    reason = f"{count} of {len(files)} images have {height} x {width} pixels {colours}{smaller}"
    lines.append(Line("image_shape", shape, reason))
    return Look(path, "images", len(files), (), classes, tuple(lines), ())
