"""Labels that somebody made elsewhere: read, checked, scored and recorded as the runs of a method."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClusterMixin

from jcae.data.catalogue import get
from jcae.data.fetch import fetch
from jcae.data.formats import read_arrays
from jcae.data.prepare import prepare
from jcae.data.request import Request
from jcae.files import file_sha256
from jcae.jobs.records import format_block
from jcae.jobs.runner import train_block
from jcae.publish.export import export
from jcae.scores.evaluation import collect_records, collect_scores, evaluate
from jcae.scores.gallery import write_gallery

PROTOCOLS = {
    "last": "labels after the last update",
    "best-by-labels": "labels of an update that true labels chose",
    "refit": "a second clustering of the code",
    "transfer": "labels of points that were not trained on",
    "unknown": "how the labels came about is not stated",
}
"""What handed-in labels may be, and in words."""
ROWS = "id"
"""Column of a csv with the number of the point, from 0, where its rows have another order than the data."""


class SubmittedLabels(ClusterMixin, BaseEstimator):
    """The labels of a file, as if a method had found them; nothing is trained.

    Parameters
    ----------
    n_clusters : int
        Not used: the file says how many there are.
    file : path
        See `read_labels`.
    sha256 : str or None
        What the file must have; None takes it as it is.
    protocol : str
        Key of `PROTOCOLS`.
    random_state : int
        Which labelling of the file, from 0.
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        file: str | Path,
        sha256: str | None = None,
        protocol: str = "unknown",
        random_state: int = 0,
    ):
        self.n_clusters = n_clusters
        self.file = file
        self.sha256 = sha256
        self.protocol = protocol
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Set ``labels_`` (n_samples,), the file's for this seed; X is counted and not read, `y` ignored.

        Raises
        ------
        ValueError
            Another file than `sha256` says, labels of another number of points, no labels of this seed.
        """
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"protocol={self.protocol!r} is unknown; allowed are {', '.join(PROTOCOLS)}")
        if self.sha256 is not None and file_sha256(self.file) != self.sha256:
            raise ValueError(f"{self.file} is not the file that was recorded: its sha256 is {file_sha256(self.file)}")
        found = read_labels(self.file)
        if found.shape[1] != len(X):
            raise ValueError(f"{self.file}: labels of {found.shape[1]} points, the data set has {len(X)}")
        if self.random_state >= len(found):
            raise ValueError(f"{self.file}: no labels of seed {self.random_state}; it has {len(found)} labellings")
        self.labels_ = found[self.random_state]
        return self


def read_labels(file: str | Path) -> np.ndarray:
    """Read labels: whole numbers from 0, and -1 for noise.

    Parameters
    ----------
    file : path
        ``.csv``: a row per point, in the order of the data or with a column ``id`` (from 0), and a column per seed.
        ``.npy``: (n,) or (seeds, n). ``.npz``: the same, as ``labels``.

    Returns
    -------
    ndarray of int64, (seeds, n)

    Raises
    ------
    ValueError
        No such format; a missing or fractional label, one below -1, an ``id`` that is missing or there twice: with the
        first row where it is so.
    """
    file = Path(file)
    if file.suffix == ".csv":
        table = pd.read_csv(file, header=None if _is_headless(file) else "infer", skipinitialspace=True)
        if ROWS in table:
            rows = table.pop(ROWS)
            if sorted(rows) != list(range(len(rows))):
                odd = next((r for r in rows if r not in range(len(rows))), rows[rows.duplicated()].min())
                raise ValueError(f"{file}: id {odd} is there twice or not between 0 and {len(rows) - 1}")
            table = table.iloc[np.argsort(rows.to_numpy())]
        if not table.shape[1] or any(kind.kind not in "iuf" for kind in table.dtypes):
            raise ValueError(f"{file}: expected numbers, a column of labels per seed (and {ROWS!r})")
        labels = table.to_numpy(dtype=np.float64).T
    elif file.suffix in (".npy", ".npz"):
        labels = np.load(file, allow_pickle=False) if file.suffix == ".npy" else read_arrays(file, "labels")["labels"]
        labels = np.atleast_2d(labels)
    else:
        raise ValueError(f"{file}: labels are read from .csv, .npy and .npz, not from {file.suffix or 'no'} files")
    if labels.ndim != 2 or labels.dtype.kind not in "iuf" or not labels.size:
        raise ValueError(f"{file}: labels are {labels.dtype} of shape {labels.shape}; expected (n,) or (seeds, n)")
    bad = ~np.isfinite(labels) | (labels != np.round(labels)) | (labels < -1)
    if bad.any():
        seed, row = np.argwhere(bad)[0]
        raise ValueError(
            f"{file}: the label {labels[seed, row]:g} of point {row}, labelling {seed}, is none; allowed are whole "
            "numbers from 0, and -1 for noise"
        )
    return labels.astype(np.int64)


def _is_headless(file: Path) -> bool:
    """Whether the first line holds numbers already."""
    first = file.open(encoding="utf-8").readline().replace(",", " ").split()
    return all(word.lstrip("-").replace(".", "", 1).isdigit() for word in first)


def submit(
    file: str | Path,
    dataset: str,
    name: str,
    out: str | Path,
    *,
    protocol: str = "unknown",
    data: str | Path = "data",
    mirror: str | None = None,
) -> pd.DataFrame:
    """Score labels on a data set of the catalogue, and write them as an export that merges with others.

    Parameters
    ----------
    file : path
        See `read_labels`.
    dataset : str
        Key of the catalogue.
    name : str
        What tables call it, with ``(submitted)`` behind; the method is ``submitted_<name>``, so that no mean mixes it
        with runs of this project.
    out : path
        Folder that is written.
    protocol : str
        Key of `PROTOCOLS`.
    data : path
        Where data sets are fetched to and prepared, as the pipeline does.
    mirror : str, optional
        Folder or address that is asked first for the data.

    Returns
    -------
    DataFrame
        Its scores, see `jcae.scores.evaluation.evaluate`.

    Raises
    ------
    ValueError
        What `read_labels` and `SubmittedLabels.fit` refuse, an unknown data set or protocol.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol {protocol!r} is unknown; allowed are {', '.join(PROTOCOLS)}")
    method, seeds = f"submitted_{name}", range(len(read_labels(file)))
    prepared = _prepared(dataset, Path(data), mirror)
    spec = {
        "dataset": dataset,
        "method": method,
        "use": f"{__name__}.{SubmittedLabels.__name__}",
        "label": f"{name} (submitted)",
        "params": {"file": str(file), "sha256": file_sha256(file), "protocol": protocol},
    }
    spec["tuned_with"] = f"submitted, not made by this project; {PROTOCOLS[protocol]}"
    return _written(spec, prepared, list(seeds), Path(out))


def _prepared(dataset: str, data: Path, mirror: str | None) -> Path:
    prepared = data / "prepared" / dataset
    if not (prepared / "card.json").is_file():
        fetch(get(dataset), data / "raw" / dataset, mirror)
        prepare(Request.of(dataset, {}), data / "raw", prepared)
    if not (prepared / "truth.npz").is_file():
        raise ValueError(f"{dataset} has no truth that labels could be scored against")
    return prepared


def _written(spec: dict[str, Any], prepared: Path, seeds: Sequence[int], out: Path) -> pd.DataFrame:
    """Run the labels as a method in a folder that goes again, and export that."""
    dataset, method = spec["dataset"], spec["method"]
    with TemporaryDirectory() as scratch:
        run = Path(scratch)
        block = run / "runs" / dataset / method / format_block(seeds)
        block.parent.mkdir(parents=True)
        for record in train_block(spec, prepared / "features.npz", seeds, block, device="cpu"):
            if record["status"] == "failed":
                raise ValueError(record["reason"])
        graph = prepared / "graph.npz"
        parts = prepared / "truth.npz", prepared / "features.npz", graph if graph.is_file() else None
        (run / "scores" / dataset).mkdir(parents=True)
        evaluate([block], *parts).to_csv(run / "scores" / dataset / f"{method}.csv", index=False)
        scores = collect_scores(run)
        words = {dataset: {method: {"label": spec["label"], "tuned_with": spec["tuned_with"]}}}
        scores.to_csv(run / "scores.csv", index=False)
        collect_records(run, wording=words).to_csv(run / "records.csv", index=False)
        write_gallery(run, dataset, prepared, run / "gallery" / dataset)
        export(run, out)
    return scores
