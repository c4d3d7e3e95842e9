"""What a data set will be once it is prepared: enough to judge a config by, before anything has been prepared."""

import hashlib
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from jcae.data.catalogue import CATALOGUE
from jcae.data.formats import DataError
from jcae.data.prepare import check_transfer, own_points, split_rows
from jcae.data.request import Request
from jcae.data.variants import imbalanced_counts
from jcae.files import replacing

CACHE = Path("data/outlines")
"""Where what was found in the user's own files is kept, by their checksum: reading them takes longer."""


@dataclass(frozen=True)
class Outline:
    """Facts about a data set that is asked for.

    Attributes
    ----------
    n, d, n_clusters : int
        Points that are scored, features, and clusters that methods are told. Where the classes are made unequal, and
        the catalogue does not count them, points are as many as there are before.
    n_fit : int
        Points that methods are fitted on; `n` where these are the same.
    is_split : bool
        Whether methods are fitted on other points than they are scored on.
    has_truth, has_graph, has_images : bool
        Whether there are classes, a graph, and points that are images.
    class_counts : tuple of int or None
        Points of each class of the whole data set, where they are known.
    """

    n: int
    d: int
    n_clusters: int
    n_fit: int
    is_split: bool
    has_truth: bool
    has_graph: bool
    has_images: bool
    class_counts: tuple[int, ...] | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """What `jcae.data.prepare.prepare` writes beside features.npz and card.json."""
        there = {"truth.npz": self.has_truth, "fit.npz": self.is_split, "graph.npz": self.has_graph}
        return tuple(name for name, is_there in there.items() if is_there)


def outline(request: Request) -> Outline:
    """Find out what a data set will be.

    Parameters
    ----------
    request : Request

    Returns
    -------
    Outline

    Raises
    ------
    DataError
        The user's own file, or the two sides of a transfer, are not what they must be.
    """
    if request.transfer is not None:
        source, target = map(outline, request.transfer)
        check_transfer(request, (source.d, source.n_clusters), (target.d, target.n_clusters))
        n, n_fit, whole = target.n, source.n_fit, target
        has_graph, d, has_images = source.has_graph, target.d, target.has_images
    else:
        whole = _of_catalogue(request.catalogue) if request.own is None else _of_own(request)
        n = whole.n if request.imbalance is None else _left(request, whole)
        if request.subset is not None and not 1 <= request.subset <= n:
            raise DataError(f"{request.name}: subset of {request.subset} points (allowed: 1 to {n})")
        n = n_fit = request.subset or n
        has_graph, d = whole.has_graph, whole.d + (request.noise_features or 0)
        has_images = whole.has_images and not request.noise_features
        if request.split is not None:
            is_part = request.subset is not None or request.imbalance is not None
            n_train = CATALOGUE[request.catalogue].n_train if request.catalogue and not is_part else None
            n_fit = len(split_rows(request.split, n, n_train, request.name)[0])
            n -= n_fit
    if request.graph is not None:
        _check_graph(request, n_fit)
    is_split = request.transfer is not None or request.split is not None
    has_graph = has_graph or request.graph is not None
    return Outline(n, d, whole.n_clusters, n_fit, is_split, whole.has_truth, has_graph, has_images)


def _left(request: Request, whole: Outline) -> int:
    """Points that are left when the classes are made unequal."""
    if not whole.has_truth:
        raise DataError(f"{request.name}: imbalance needs classes, and nobody knows them")
    counts = whole.class_counts
    return whole.n if counts is None else int(imbalanced_counts(counts, request.imbalance).sum())


def _check_graph(request: Request, n: int) -> None:
    from jcae.data.graphs.edges import read_edges

    graph = request.graph
    if graph.file is not None:
        read_edges(graph.file, n)
    elif not 1 <= graph.knn < n:
        raise DataError(f"{request.name}: {graph.knn} neighbours of {n} points (allowed: 1 to {n - 1})")


def request_digest(request: Request) -> str:
    """Checksum that changes when this request would be prepared differently, and not when a citation is reworded.

    Parameters
    ----------
    request : Request

    Returns
    -------
    str
        64 hexadecimal digits; of all files of the user's own, and of what the catalogue says that reaches the arrays.
    """
    from jcae.data.own.reading import digest

    facts = [
        (dataset.loader, dataset.n, dataset.d, dataset.class_names, dataset.n_train, _checksums(dataset.sources))
        for dataset in request.catalogued()
    ]
    own = [digest(part.own) for part in (request, *(request.transfer or ())) if part.own is not None]
    others = [request.split and request.split.file, request.graph and request.graph.file]
    others = [hashlib.sha256(file.read_bytes()).hexdigest() for file in others if file]
    return hashlib.sha256(repr((facts, own, others)).encode()).hexdigest()


def _checksums(sources: tuple[Any, ...]) -> list[str | None]:
    return [source.sha256 or source.md5 for source in sources]


def _of_catalogue(name: str) -> Outline:
    facts = CATALOGUE[name]
    has_graph, has_images = facts.n_edges is not None, bool(facts.image_shape)
    counts = tuple(facts.class_counts) if facts.class_counts else None
    return Outline(facts.n, facts.d, facts.n_clusters, facts.n, False, True, has_graph, has_images, counts)


def _of_own(request: Request) -> Outline:
    from jcae.data.own.reading import digest

    own = request.own
    options = [getattr(own, field.name) for field in fields(own) if field.name != "file"]
    key = hashlib.sha256(repr((digest(own), own.file.suffixes, options)).encode()).hexdigest()
    kept = CACHE / f"{key}.json"
    try:
        known = json.loads(kept.read_text(encoding="utf-8"))
        return Outline(**known | {"class_counts": known["class_counts"] and tuple(known["class_counts"])})
    except (OSError, ValueError, TypeError, KeyError):
        found = _look_into(request)
    with replacing(kept) as part:
        part.write_text(json.dumps({field.name: getattr(found, field.name) for field in fields(found)}), "utf-8")
    return found


def _look_into(request: Request) -> Outline:
    points = own_points(request)
    n, d = points.X.shape
    counts = None if points.y is None else tuple(np.bincount(points.y, minlength=points.n_clusters).tolist())
    return Outline(n, d, points.n_clusters, n, False, counts is not None, False, points.image_shape is not None, counts)
