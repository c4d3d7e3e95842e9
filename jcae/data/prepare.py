"""From files to what every later step reads: features, truth and card; and where asked for, a graph and rows to fit on.

Features and truth are kept apart so that a training job cannot read the labels. The same input gives the same bytes.
"""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from jcae.data.arrays import array_sha256, save_arrays
from jcae.data.facts import Dataset
from jcae.data.fetch import examine
from jcae.data.formats import DataError
from jcae.data.loaders import GRAPHS, LOADERS
from jcae.data.points import Points, check_features, encode_labels, peculiarities
from jcae.data.request import Request, Split
from jcae.data.variants import NOISE_SEED, SUBSET_SEED, vary
from jcae.files import replacing


def prepare(request: Request | str, raw: Path, out_dir: Path) -> dict[str, Any]:
    """Load a data set, check it, and write features.npz, card.json, and what else the request has.

    Parameters
    ----------
    request : Request or str
        A name alone is a data set of the catalogue as it is. What it asks of the whole set is done in the order of
        `jcae.data.variants.vary`; points keep their order, and a split is drawn from what is left.
    raw : Path
        Folder with one folder per data set of the catalogue, with its files as `jcae.data.fetch.fetch` left them; not
        read where there are none.
    out_dir : Path
        Folder that receives the files; made when missing.

        ``features.npz``
            X (n, d), float32: the points that are scored.
        ``truth.npz``
            y (n,) and class_names, and y_fit (m,) of the points that methods are fitted on, where these are others and
            have the same classes; absent where nobody knows the classes.
        ``fit.npz``
            X (m, d) of the points that methods are fitted on, where these are others.
        ``graph.npz``
            Graph of the points that methods are fitted on, where there is one.
        ``card.json``
            All that is known about them.

    Returns
    -------
    dict
        What was written to card.json.

    Raises
    ------
    RequestError
        No such data set.
    DataError
        A file is missing or has a wrong checksum or format, or the data are not what the catalogue expects.
    """
    request = Request.of(request) if isinstance(request, str) else request
    points, fit, split = _parts(request, Path(raw))
    fitted_on = points if fit is None else fit
    if request.graph is not None:
        fitted_on = replace(fitted_on, graph=_build_graph(request, fitted_on.X))
    X, y, graph = np.ascontiguousarray(points.X, dtype="<f4"), points.y, fitted_on.graph
    class_names = np.array(points.class_names)
    card = {
        "name": request.name,
        "n": len(X),
        "d": X.shape[1],
        "n_clusters": points.n_clusters,
        "class_counts": None if y is None else np.bincount(y, minlength=points.n_clusters).tolist(),
        "min": float(X.min()),
        "max": float(X.max()),
        # Rounded: the last digits hang on the order in which a processor adds. Plus zero: no -0.0.
        "mean": round(float(X.mean(dtype=np.float64)), 6) + 0.0,
        "image_shape": list(points.image_shape) if points.image_shape else None,
        **peculiarities(X),
        "preparation": points.preparation,
        "subset": request.subset and {"points": request.subset, "of": points.subset_of, "seed": SUBSET_SEED},
        "range": request.range and list(request.range),
        "imbalance": request.imbalance and asdict(request.imbalance),
        "noise_features": request.noise_features and {"features": request.noise_features, "seed": NOISE_SEED},
        "split": split,
        "graph": None if graph is None else _graph_facts(graph, fitted_on.y),
        "features_sha256": array_sha256(X),
        "truth_sha256": None if y is None else array_sha256(y.astype("<i8"), class_names),
        "sources": points.sources if fit is None or not request.transfer else [*fit.sources, *points.sources],
        "licence": points.licence,
        "citation": points.citation,
        "entry": dict(request.entry or {}),
        "scaling": points.scaling,
    }
    out_dir = Path(out_dir)
    classes = {} if y is None else {"y": y.astype("<i8"), "class_names": class_names} | _classes_of(fit, points)
    arrays = {
        "features.npz": {"X": X},
        "truth.npz": classes or None,
        "fit.npz": None if fit is None else {"X": np.ascontiguousarray(fit.X, dtype="<f4")},
    }
    for name, content in arrays.items():
        if content is None:
            (out_dir / name).unlink(missing_ok=True)
            continue
        with replacing(out_dir / name) as part:
            save_arrays(part, **content)
    if graph is None:
        (out_dir / "graph.npz").unlink(missing_ok=True)
    else:
        from jcae.data.graphs.graph import save

        save(out_dir / "graph.npz", graph)
    # The card comes last: where it is, the arrays that it describes are there too.
    with replacing(out_dir / "card.json") as part:
        part.write_bytes((json.dumps(card, indent=2, ensure_ascii=False, default=str) + "\n").encode())
    return card


def _classes_of(fit: Points | None, points: Points) -> dict[str, np.ndarray]:
    """The classes of the points that are fitted on, if they are named as those of the points that are scored."""
    same = fit is not None and fit.y is not None and fit.class_names == points.class_names
    return {"y_fit": fit.y.astype("<i8")} if same else {}


def _parts(request: Request, raw: Path) -> tuple[Points, Points | None, dict[str, Any] | None]:
    """The points that are scored; those that are fitted on, where these are others; and what the card says of that."""
    if request.transfer is not None:
        fit, points = (vary(_whole(part, raw), request.name, request.range) for part in request.transfer)
        check_transfer(request, (fit.X.shape[1], fit.n_clusters), (points.X.shape[1], points.n_clusters))
        how = f"fitted on {request.transfer[0].name}, scored on {request.transfer[1].name}"
        graph = fit.graph
    else:
        whole = _whole(request, raw)
        if request.split is None:
            return whole, None, None
        rows, how = split_rows(request.split, len(whole.X), whole.n_train, request.name)
        fit, points = whole.rows(rows), whole.rows(np.setdiff1d(np.arange(len(whole.X)), rows))
        graph = fit.graph
    for part, what in ((fit, "the rows to fit on"), (points, "the rows that are scored")):
        check_features(part.X, part.y, part.n_clusters, f"{request.name}, {what}")
    facts = {"fit": len(fit.X), "score": len(points.X), "how": how, "fit_sha256": array_sha256(_stored(fit.X))}
    return replace(points, graph=None), replace(fit, graph=graph), facts


def _whole(request: Request, raw: Path) -> Points:
    """The points of a request that is no transfer, before they are split."""
    points = _of_catalogue(request.catalogued()[0], raw) if request.own is None else own_points(request)
    return vary(points, request.name, request.range, request.imbalance, request.subset, request.noise_features)


def _of_catalogue(dataset: Dataset, raw: Path) -> Points:
    files, checksums = _files(dataset, raw / dataset.name)
    X, raw_labels = LOADERS[dataset.loader](files)
    y = _codes(dataset, raw_labels)
    check_features(X, y, dataset.n_clusters, dataset.name, expected=dataset)
    graph = GRAPHS[dataset.loader](files) if dataset.loader in GRAPHS else None
    if graph is not None and graph.shape[0] != len(X):
        raise DataError(f"{dataset.name}: a graph of {graph.shape[0]} nodes for {len(X)} points")
    if graph is not None and dataset.n_edges is not None and graph.nnz // 2 != dataset.n_edges:
        raise DataError(f"{dataset.name}: {graph.nnz // 2} edges, expected {dataset.n_edges}")
    return Points(
        X=X,
        y=y,
        class_names=dataset.class_names,
        n_clusters=dataset.n_clusters,
        graph=graph,
        image_shape=dataset.image_shape,
        n_train=dataset.n_train,
        preparation=dataset.preparation,
        licence=dataset.licence,
        citation=dataset.citation,
        sources=[
            {"file": source.name, "sha256": sha256, "checked": source.checked}
            for source, sha256 in zip(dataset.sources, checksums, strict=True)
        ],
    )


def own_points(request: Request) -> Points:
    """Read and check the user's own file.

    Parameters
    ----------
    request : Request
        With `own`; variants and splits are left to `prepare`.

    Returns
    -------
    Points

    Raises
    ------
    DataError
        The file is not what the request says, or no data to compare methods on.
    """
    from jcae.data.own.reading import read

    own = request.own
    found = read(own)
    y, names = (None, ()) if found.labels is None else encode_labels(found.labels)
    n_clusters = own.n_clusters if y is None else len(names)
    check_features(found.X, y, n_clusters, str(own.file))
    return Points(
        X=found.X,
        y=y,
        class_names=tuple(map(str, names)),
        n_clusters=n_clusters,
        image_shape=found.image_shape,
        preparation=found.preparation,
        citation="the user's own file",
        sources=[{**source, "checked": False} for source in found.sources],
        scaling={**found.scaling.as_json(), "columns": found.columns and list(found.columns)},
    )


def check_transfer(request: Request, source: tuple[int, int], target: tuple[int, int]) -> None:
    """Refuse a transfer between data sets of other features or another number of clusters.

    Parameters
    ----------
    request : Request
    source, target : (int, int)
        Features and clusters of each.

    Raises
    ------
    DataError
        They differ.
    """
    names = " and ".join(part.name for part in request.transfer or ())
    for what, one, other in zip(("features", "clusters"), source, target, strict=True):
        if one != other:
            raise DataError(f"{request.name}: {names} have {one} and {other} {what}; a transfer needs as many in both")


def split_rows(split: Split, n: int, n_train: int | None, where: str) -> tuple[np.ndarray, str]:
    """Which rows methods are fitted on.

    Parameters
    ----------
    split : Split
    n : int
        Points.
    n_train : int or None
        The publishers' training part, from the first point on.
    where : str
        Name of the data, for messages.

    Returns
    -------
    rows : ndarray, shape (m,), int64, ascending
    how : str
        In words.

    Raises
    ------
    DataError
        Row numbers that are none, or no points on one of the sides.
    """
    if split.original:
        if n_train is None or n_train >= n:
            raise DataError(f"{where}: a subset has no training part of its publishers; take train, or the whole set")
        rows, how = np.arange(n_train), "the publishers' training part"
    elif split.file is not None:
        rows, how = _row_numbers(split.file, n), f"the rows that {split.file.name} names"
    else:
        # RandomState and not Generator: numpy promises its stream for ever.
        rows = np.sort(np.random.RandomState(split.seed).permutation(n)[: round(n * split.train)])
        how = f"{split.train:g} of the points, drawn with the seed {split.seed}"
    if not 0 < len(rows) < n:
        raise DataError(f"{where}: {len(rows)} of {n} points to fit on; both parts need some")
    return rows, how


def _row_numbers(file: Path, n: int) -> np.ndarray:
    from jcae.data.own.truth import read_labels

    rows = read_labels(file, None)
    if rows.dtype.kind not in "iu":
        raise DataError(f"{file}: holds {rows.dtype} instead of row numbers")
    bad = (rows < 0) | (rows >= n)
    if bad.any():
        at = int(bad.argmax())
        raise DataError(f"{file}: row number {rows[at]}, the {at + 1}th (allowed: 0 to {n - 1})")
    distinct, first = np.unique(rows, return_index=True)
    if len(distinct) < len(rows):
        twice = np.setdiff1d(np.arange(len(rows)), first)[0]
        raise DataError(f"{file}: row number {rows[twice]} is there twice")
    return distinct.astype(np.int64)


def _build_graph(request: Request, X: np.ndarray) -> Any:
    from jcae.data.graphs.edges import read_edges
    from jcae.data.graphs.neighbours import knn_graph

    asked = request.graph
    return read_edges(asked.file, len(X)) if asked.file is not None else knn_graph(X, asked.knn, asked.metric)


def _graph_facts(graph: Any, y: np.ndarray | None) -> dict[str, Any]:
    from jcae.data.graphs.graph import facts

    return facts(graph, y)


def _files(dataset: Dataset, raw_dir: Path) -> tuple[list[Path], list[str]]:
    """The files of a data set and their sha256, checked again: since they were fetched anything may have happened."""
    paths = [raw_dir / source.name for source in dataset.sources]
    checksums = []
    for source, path in zip(dataset.sources, paths, strict=True):
        try:
            sha256, complaint = examine(source, path)
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}); fetch {dataset.name!r} first") from None
        if complaint:
            raise DataError(f"{path}: {complaint}; fetch {dataset.name!r} again")
        checksums.append(sha256)
    return paths, checksums


def _codes(dataset: Dataset, labels: np.ndarray) -> np.ndarray:
    """Labels as 0..C-1 in the order of the catalogue's class names."""
    y, found = encode_labels(labels)
    # Numbers have no names of their own and take those of the catalogue in turn; text must be in the same order.
    if np.asarray(labels).dtype.kind == "U" and tuple(found) != dataset.class_names:
        raise DataError(f"{dataset.name}: classes {', '.join(found)}, expected {', '.join(dataset.class_names)}")
    return y


def _stored(X: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(X, dtype="<f4")
