"""What a block is given: class, parameters, data, and the weights of the autoencoders that it starts from."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from jcae.data.formats import DataError
from jcae.data.stored import load_card, load_truth, read_features
from jcae.files import file_sha256
from jcae.jobs import records
from jcae.jobs.classes import MethodError, class_name, load_class
from jcae.jobs.parameters import resolve_params
from jcae.jobs.transfer import own_way


@dataclass(frozen=True)
class Start:
    """What a block starts from: the weights of the seeds that have some, and why the others have none."""

    autoencoder: str
    weights: dict[int, dict[str, np.ndarray]]
    digests: dict[int, str | None]
    lost: dict[int, str]


@dataclass(frozen=True)
class Files:
    """The prepared files that a block reads; all but the features are there for some data sets and methods only.

    Attributes
    ----------
    features : Path
        Points that are scored; its card lies beside it.
    fit : Path or None
        Points that the method is fitted on, where these are others.
    graph : Path or None
        Graph of the points that it is fitted on.
    truth : Path or None
        Classes of the points that are scored, for control methods.
    """

    features: Path
    fit: Path | None = None
    graph: Path | None = None
    truth: Path | None = None


@dataclass(frozen=True)
class BlockJob:
    """Everything that is known before the fit.

    `X` are the points of the fit, `scored` those that are labelled where they are others, and `way` is how the method
    meets these (`jcae.jobs.transfer.WAYS`).
    """

    spec: Mapping[str, Any]
    cls: type
    params: dict[str, Any]
    seeds: list[int]
    X: np.ndarray
    data: dict[str, Any]
    device: str
    threads: int
    command: str
    y: np.ndarray | None = None
    scored: np.ndarray | None = None
    way: str = "frozen"
    graph: Any = None
    start: Start | None = None
    clusters: bool = True
    keep: str = "all"

    @property
    def deep(self) -> bool:
        """Whether the class fits all seeds of a block together."""
        return hasattr(self.cls, "fit_seeds")

    @property
    def points(self) -> np.ndarray:
        """The points that get labels."""
        return self.X if self.scored is None else self.scored

    @property
    def control(self) -> bool:
        """Whether the class is no method but a bound of the scores."""
        return bool(getattr(getattr(self.cls, "info", None), "control", False))

    @property
    def given(self) -> dict[str, Any]:
        """What `fit` is given beside the points."""
        return {} if self.graph is None else {"graph": self.graph}

    @property
    def hindrance(self) -> str | None:
        """Why the method cannot be run on these data, though nothing is wrong with it."""
        if getattr(self.cls, "reads_truth", False) and self.y is None:
            return f"{class_name(self.cls)} shows the true classes, and nobody knows those of these data"
        if self.scored is not None and self.way == "frozen" and not hasattr(self.cls, "predict"):
            return (
                f"{class_name(self.cls)} has no predict, and these data are scored on points that it is not fitted on"
            )
        return None

    @property
    def name(self) -> str:
        """How messages and progress bars name the block."""
        return f"{self.spec['dataset']}/{self.spec['method']}/{records.format_block(self.seeds)}"


def prepare_job(
    spec: Mapping[str, Any],
    files: Files,
    seeds: Sequence[int],
    device: str,
    threads: int | None,
    command: str,
) -> BlockJob:
    """Read the data and complete the parameters; see `jcae.jobs.runner.train_block` for what is what."""
    records.format_block(seeds)  # refuses an empty block and doubled seeds
    cls = load_class(spec["use"])
    X = read_features(files.features)
    card_file = files.features.with_name("card.json")
    card = load_card(card_file) if card_file.exists() else {}
    n_clusters = card.get("n_clusters")
    params = resolve_params(cls, spec.get("params") or {}, n_clusters=n_clusters, device=device)
    job = BlockJob(
        spec=spec,
        cls=cls,
        params=params,
        seeds=list(seeds),
        X=X,
        data={
            "n": int(X.shape[0]),
            "d": int(X.shape[1]),
            "n_clusters": n_clusters,
            "features_sha256": card.get("features_sha256") or file_sha256(files.features),
            "truth": card["class_counts"] is not None if "class_counts" in card else None,
            "split": card.get("split"),
            "variant": _variant(card),
            "prepared": str(files.features.parent),
        },
        device=_resolve_device(params.get("device", "cpu")),
        threads=threads or int(os.environ.get("OMP_NUM_THREADS") or 1),
        command=command,
    )
    if getattr(cls, "reads_truth", False) and job.data["truth"] is not False:
        if files.truth is None:
            raise ValueError(f"{spec['use']} reads the truth, but no truth file was given")
        job = replace(job, y=load_truth(files.truth)[0])
    if files.fit is not None and job.control:  # it bounds the scores of these points, and has no use for others
        return replace(job, data={**job.data, "split": None})
    if files.fit is not None:
        fit = read_features(files.fit)
        if fit.shape[1] != X.shape[1]:
            raise DataError(f"{files.fit}: {fit.shape[1]} features, but {files.features} has {X.shape[1]}")
        way = spec.get("transfer") or own_way(cls)
        job = replace(job, X=fit, scored=X, way=way, data={**job.data, "transfer": way})
    if files.graph is not None:
        from jcae.data.graphs.graph import facts as graph_facts
        from jcae.data.graphs.graph import load

        graph = load(files.graph)
        if graph.shape[0] != len(job.X):
            raise DataError(f"{files.graph}: a graph of {graph.shape[0]} points for {len(job.X)}")
        known = graph_facts(graph)
        job = replace(job, graph=graph, data={**job.data, "graph": {key: known[key] for key in ("edges", "sha256")}})
    return job


def _resolve_device(device: str) -> str:
    """Return where the fit will run; a card that is asked for by name and missing is an error, not a slow run."""
    if device == "cpu":
        return "cpu"
    from jcae.models.fitted import resolve_device

    return str(resolve_device(device))


def read_start(spec: Mapping[str, Any], pretrained: str | Path | None, job: BlockJob) -> Start | None:
    """Read the autoencoders that the seeds start from; None where the method starts from none.

    Raises
    ------
    ValueError, MethodError
        The spec names an autoencoder and there is no folder, or the other way round; or the class starts from none.
    RecordError, FileNotFoundError
        The folder of a seed is damaged or missing.
    """
    name = spec.get("autoencoder")
    if name is None and pretrained is None:
        return None
    if name is None or pretrained is None:
        raise ValueError(f"{job.name}: autoencoder {name!r} and pretrained folder {str(pretrained)!r} go together")
    if not job.deep:
        raise MethodError(f"{spec['use']} has no fit_seeds and cannot start from the autoencoder {name!r}")
    start = Start(name, {}, {}, {})
    for seed in job.seeds:
        folder = Path(pretrained) / str(seed)
        file = folder / "weights.safetensors"
        record = records.read_record(folder / "run.json")
        start.digests[seed] = file_sha256(file) if file.exists() else None
        if record["status"] == "ok":
            start.weights[seed] = read_weights(file, record)
        else:
            start.lost[seed] = f"autoencoder {name!r} of seed {seed} {record['status']}: {record['reason']}"
    return start


def read_weights(file: Path, record: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Read the weights of a run, and hold them against its record: the format has no checksum of its own."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        weights = load_file(file)
    except SafetensorError as error:
        raise records.RecordError(
            f"{file}: not a file of weights ({error}); delete its block and train it again"
        ) from None
    if (stated := record.get("weights_sha256")) not in (None, found := file_sha256(file)):
        raise records.RecordError(
            f"{file}: damaged, its sha256 is {found}, run.json states {stated}; delete its block and train it again"
        )
    return weights


def _variant(card: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was done to the classes and features of a data set on purpose, and which data set that was."""
    imbalance, noise = card.get("imbalance"), card.get("noise_features")
    if not imbalance and not noise:
        return None
    entry = card.get("entry") or {}
    return {
        "of": str(entry.get("catalogue") or entry.get("file") or card["name"]),
        "imbalance": imbalance["ratio"] if imbalance else None,
        "noise_features": noise["features"] if noise else None,
    }
