"""New points for a finished run: read from a file, and brought into the form of the points that it was fitted on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jcae.data.formats import DataError
from jcae.data.own.loaded import Loaded, check_values
from jcae.data.own.reading import READERS
from jcae.data.own.scaling import Scaling
from jcae.data.own.source import ALLOWED, OwnData, format_of
from jcae.data.own.tables import open_table
from jcae.data.points import map_range


def read_new(file: Path, card: Mapping[str, Any]) -> np.ndarray:
    """Read new points.

    Parameters
    ----------
    file : Path
        In any format of own data; without a truth. Of a table with named columns, those of the data set are taken,
        whatever their order, and the others are passed over.
    card : mapping
        card.json of the data set: how its file became features. A data set of the catalogue has no such file: there the
        values are taken as they are, and only a range is applied.

    Returns
    -------
    ndarray, shape (m, d), float32

    Raises
    ------
    DataError
        The file cannot be read, or has not the columns of the data set.
    """
    where, kind = str(file), format_of(file)
    if not file.exists() or kind is None:
        problem = "unknown format" if file.exists() else "no such file or folder"
        raise DataError(f"{where}: {problem} (allowed: {ALLOWED})")
    scaling = card.get("scaling") or {"kind": "none", "shift": 0.0, "divisor": 1.0, "columns": None}
    loaded = _load(file, kind, card, scaling["columns"])
    check_values(loaded, where, least=1)
    if loaded.values.shape[1] != card["d"]:
        raise DataError(f"{where}: {loaded.values.shape[1]} features, but {card['name']} has {card['d']}")
    X = Scaling.of_json(scaling).apply(loaded.values, where)
    if "range" in scaling:
        X = map_range(X, scaling["range"]["from"], scaling["range"]["to"])
    return X


def _load(file: Path, kind: str, card: Mapping[str, Any], columns: list[str] | None) -> Loaded:
    entry = card.get("entry") or {}
    shape = entry.get("image_shape") or card.get("image_shape")
    options = {"n_clusters": 2, "scale": "standard", "image_shape": shape if kind == "images" else None}
    if kind not in ("text", "parquet"):
        drop = [name for name in entry.get("drop", []) if isinstance(name, int)]
        loaded = READERS[kind](OwnData(file, **options))
        if drop and loaded.values.shape[1] == card["d"] + len(drop):
            loaded = READERS[kind](OwnData(file, drop=drop, **options))
        return loaded
    there = open_table(file).columns
    if columns is None:
        return READERS[kind](OwnData(file, **options))
    missing = [name for name in columns if name not in there]
    if missing:
        raise DataError(f"{file}: no column {missing[0]!r}, which {card['name']} has (there are: {', '.join(there)})")
    loaded = READERS[kind](OwnData(file, drop=[name for name in there if name not in columns], **options))
    order = [loaded.columns.index(name) for name in columns]
    return Loaded(loaded.values[:, order], columns=tuple(columns), place=loaded.place)
