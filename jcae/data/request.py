"""What a run asks for under the name of a data set: where the points come from, and what is done to them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from jcae.data import catalogue
from jcae.data.facts import Dataset
from jcae.data.own.source import OwnData
from jcae.data.variants import Imbalance

METRICS = ("euclidean", "cosine", "dot")
ORIGINAL = "original"
"""As a split: the training part of the publishers, and their test part."""


class RequestError(ValueError):
    """An entry that names no data, or options that do not go together; `place` is the option that is wrong."""

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True)
class Split:
    """Which rows methods are fitted on; the others are scored.

    Attributes
    ----------
    train : float or None
        Share of the points, drawn at random without regard to the classes.
    seed : int
        Of the draw.
    file : Path or None
        In place of a share: a file of row numbers from 0 (npy, or a text file with one per line).
    original : bool
        In place of both: the publishers' training part.
    """

    train: float | None = None
    seed: int = 0
    file: Path | None = None
    original: bool = False


@dataclass(frozen=True)
class GraphRequest:
    """Where a graph comes from that the data do not bring.

    Attributes
    ----------
    knn : int or None
        Neighbours of each point.
    metric : str
        How near they are, one of `METRICS`.
    file : Path or None
        In place of neighbours: a file of edges.
    """

    knn: int | None = None
    metric: str = "euclidean"
    file: Path | None = None


@dataclass(frozen=True)
class Request:
    """A data set as a run asks for it; exactly one of `catalogue`, `own` and `transfer` says where the points are.

    Attributes
    ----------
    name : str
        What the run calls it.
    catalogue : str or None
        Key of the catalogue.
    own : OwnData or None
        The user's own files.
    transfer : (Request, Request) or None
        Methods are fitted on the first and scored on the second.
    subset : int or None
        Number of points that are kept; None keeps all.
    range : (float, float) or None
        Least and greatest value that the features of the whole data set are given, all by the same affine map.
    imbalance : Imbalance or None
        None: the classes have the sizes that they have.
    noise_features : int or None
        Number of features that are added and tell nothing.
    split : Split or None
        None: methods are scored on the points that they are fitted on.
    graph : GraphRequest or None
        None: the graph that the data bring, if any.
    entry : mapping
        All of it, as the config says it.
    """

    name: str
    catalogue: str | None = None
    own: OwnData | None = None
    transfer: "tuple[Request, Request] | None" = None
    subset: int | None = None
    range: tuple[float, float] | None = None
    imbalance: Imbalance | None = None
    noise_features: int | None = None
    split: Split | None = None
    graph: GraphRequest | None = None
    entry: Mapping[str, Any] | None = None

    @classmethod
    def of(
        cls, name: str, entry: Mapping[str, Any] | None = None, others: Mapping[str, Any] | None = None
    ) -> "Request":
        """Read an entry of a config.

        Parameters
        ----------
        name : str
            Its key.
        entry : mapping, optional
            As `datasets` of the schema has it; what is not there, or null, is not asked for. An entry without a file
            and without a transfer is of the catalogue, under its own name unless the key ``catalogue`` gives another.
        others : mapping, optional
            The entries among which a transfer finds its source and its target; the catalogue has the others.

        Raises
        ------
        RequestError
            No such data set, or options that are wrong or do not go together.
        """
        entry = {key: value for key, value in (entry or {}).items() if key != "params"}
        given = {key: value for key, value in entry.items() if value is not None}
        own = _own(entry)
        transfer = _transfer(name, given, others or {})
        if sum(part is not None for part in (own, transfer, given.get("catalogue"))) > 1:
            raise RequestError("has more than one of catalogue, file and transfer; give one of them")
        known = given.get("catalogue", name) if own is None and transfer is None else None
        if known is not None:
            _check_known(known, "catalogue" if "catalogue" in given else "")
        if transfer is not None:
            entry["transfer"] = {
                side: {"name": part.name, "entry": dict(part.entry or {})}
                for side, part in zip(("source", "target"), transfer, strict=True)
            }
            for key in ("subset", "imbalance", "noise_features", "split"):
                if key in given:
                    raise RequestError("does not go with transfer; say it of the source or of the target", key)
        return cls(
            name,
            known,
            own,
            transfer,
            given.get("subset"),
            _range(given.get("range")),
            Imbalance(**given["imbalance"]) if "imbalance" in given else None,
            given.get("noise_features"),
            _split(given.get("split"), catalogue.CATALOGUE.get(known)),
            _graph(given.get("graph")),
            {key: value for key, value in entry.items() if key in ("truth", "transfer") or value is not None},
        )

    @property
    def is_plain(self) -> bool:
        """Whether it is a data set of the catalogue, of which at most a subset or another range is asked for."""
        return self.catalogue == self.name and set(self.entry or {}) <= {"subset", "range"}

    @cached_property
    def folder(self) -> str:
        """Name of the folder below `data` in which it is prepared: another request has another one."""
        if not self.is_plain:
            return f"prepared-{hashlib.sha256(self.options.encode()).hexdigest()[:10]}"
        name = "prepared" if self.subset is None else f"prepared-{self.subset}"
        return name if self.range is None else f"{name}-from{self.range[0]:g}to{self.range[1]:g}"

    @property
    def options(self) -> str:
        """The entry as JSON: what `jcae prepare` is told."""
        return json.dumps(self.entry or {}, sort_keys=True, default=str)

    def catalogued(self) -> tuple[Dataset, ...]:
        """The data sets of the catalogue that it is made of."""
        if self.transfer is not None:
            return tuple(dict.fromkeys(dataset for part in self.transfer for dataset in part.catalogued()))
        return (catalogue.get(self.catalogue),) if self.catalogue is not None else ()

    def files(self) -> tuple[Path, ...]:
        """The user's own files that it is made of."""
        own = [self.own.file, self.own.truth_file] if self.own is not None else []
        own += [part.file for part in (self.split, self.graph) if part is not None]
        own += [file for part in self.transfer or () for file in part.files()]
        return tuple(file for file in own if file is not None)


def _own(entry: Mapping[str, Any]) -> OwnData | None:
    options = {field.name for field in fields(OwnData)}
    if entry.get("file") is None:
        for key in ("truth", "drop", "scale", "n_clusters", "image_shape"):
            if key in entry:
                raise RequestError(
                    "is for own data, which have a file; data sets of the catalogue are as they are", key
                )
        return None
    try:
        return OwnData(**{key: value for key, value in entry.items() if key in options and value is not None})
    except ValueError as error:
        raise RequestError(str(error)) from None


def _check_known(name: str, place: str) -> None:
    try:
        catalogue.get(name)
    except catalogue.UnknownDatasetError as error:
        raise RequestError(f"{error}; for own data, give a file", place) from None


def _transfer(name: str, given: Mapping[str, Any], others: Mapping[str, Any]) -> "tuple[Request, Request] | None":
    if "transfer" not in given:
        return None
    parts = []
    for side in ("source", "target"):
        part = given["transfer"][side]
        if isinstance(part, Mapping):  # as `options` has it
            parts.append(Request.of(part["name"], part["entry"]))
            continue
        if part == name:
            raise RequestError(f"{part!r} is this data set itself", f"transfer.{side}")
        if part not in others and part not in catalogue.CATALOGUE:
            near = get_close_matches(part, [*others, *catalogue.CATALOGUE], n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            raise RequestError(
                f"{part!r} is no data set of this config, and none of the catalogue{meant}", f"transfer.{side}"
            )
        parts.append(Request.of(part, others.get(part), others))
        if parts[-1].split is not None or parts[-1].transfer is not None:
            raise RequestError(f"{part!r} is split already; take a data set that is whole", f"transfer.{side}")
    return parts[0], parts[1]


def _range(ends: Any) -> tuple[float, float] | None:
    if ends is None:
        return None
    low, high = map(float, ends)
    if not float("-inf") < low < high < float("inf"):
        raise RequestError(f"range from {low:g} to {high:g} (allowed: two numbers, the first the smaller)", "range")
    return low, high


def _split(split: Any, dataset: Dataset | None) -> Split | None:
    if split is None:
        return None
    if split == ORIGINAL:
        if dataset is None or dataset.n_train is None:
            raise RequestError("the data have no training part of their publishers; give train, or a file", "split")
        return Split(original=True)
    if ("train" in split) == ("file" in split):
        raise RequestError("needs one of train (a share of the points) and file (of row numbers)", "split")
    return Split(split.get("train"), split.get("seed", 0), Path(split["file"]) if "file" in split else None)


def _graph(graph: Any) -> GraphRequest | None:
    if graph is None:
        return None
    if ("knn" in graph) == ("file" in graph):
        raise RequestError("needs one of knn (neighbours of each point) and file (of edges)", "graph")
    if "file" in graph and "metric" in graph:
        raise RequestError("a file of edges needs no metric", "graph")
    return GraphRequest(
        graph.get("knn"), graph.get("metric", "euclidean"), Path(graph["file"]) if "file" in graph else None
    )
