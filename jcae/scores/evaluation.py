"""From run folders to rows: scores of finished runs, one record per run, and which run stands for a method."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jcae.data.formats import DataError, read_arrays
from jcae.data.graphs.graph import load
from jcae.data.stored import read_features
from jcae.jobs.records import STATUSES, read_record
from jcae.scores import metrics
from jcae.trees.tree import Tree

SCORE_COLUMNS = ["dataset", "method", "seed", "labels", "metric", "value"]
RUN = ["dataset", "method", "seed"]
KINDS = {"own": "labels", "refit": "refit_labels"}
"""Kind of labels -> array of labels.npz."""
SKIPPED = "skipped"
"""Status of a run that its method cannot make on these data: no failure, and no run in any count."""
ENDS = tuple(status for status in STATUSES if status != SKIPPED)
"""Statuses of a run that was tried."""


def evaluate(
    run_dirs: Iterable[str | Path],
    truth_path: str | Path | None = None,
    features_path: str | Path | None = None,
    graph_path: str | Path | None = None,
) -> pd.DataFrame:
    """Score the runs of one data set: without labels, and against its truth where it has one.

    Parameters
    ----------
    run_dirs : iterable of path
        Folders of runs, or of blocks of runs: all seeds of a method, since stability compares them.
    truth_path : path, optional
        `truth.npz` with `y`, int, shape (n,), and perhaps `y_fit` of the points that were fitted on. None leaves out
        the scores against the truth.
    features_path : path, optional
        `features.npz` with `X`, shape (n, d). None leaves out the scores among the features.
    graph_path : path, optional
        `graph.npz` of the points that are scored. None leaves out the scores on the graph.

    Returns
    -------
    DataFrame
        Columns dataset, method, seed, labels (`own` | `refit`), metric, value. Runs that are not ok yield no rows.
        `stability` of a seed is its mean ARI with the other ok seeds of the method: their mean is that of all pairs.

    Raises
    ------
    ValueError
        Truth, features or graph are none, or do not fit each other; a folder holds no run, or arrays that do not fit
        them. The message names what is wrong.
    """
    y, y_fit = (None, None) if truth_path is None else _read_classes(truth_path)
    X = None if features_path is None else read_features(Path(features_path))
    graph = None if graph_path is None else load(Path(graph_path))
    if y is not None and X is not None and len(y) != len(X):
        raise DataError(f"{truth_path}: {len(y)} classes for the {len(X)} points of {features_path}")
    rows, partitions = [], defaultdict(dict)
    for folder in run_folders(run_dirs):
        run = read_record(folder / "run.json")
        if run["status"] != "ok":
            continue
        arrays = _arrays(folder / "labels.npz")
        code = _arrays(folder / "code.npz").get("code")
        tree = _arrays(folder / "tree.npz")
        for kind, array in KINDS.items():
            if array not in arrays:
                continue
            labels = arrays[array]
            try:
                asked = _asked_for(run) or len(np.unique(labels if y is None else y))
                of_fit = arrays.get(f"fit_{array}")
                source = None if y_fit is None or of_fit is None else (y, y_fit, of_fit)
                own = Tree(**tree) if tree and kind == "own" else None
                values = metrics.score(labels, asked, y, code, X, graph, source, own)
            except ValueError as error:
                raise ValueError(f"{folder} ({kind} labels): {error}") from error
            rows += [(run["dataset"], run["method"], run["seed"], kind, name, v) for name, v in values.items()]
            partitions[run["dataset"], run["method"], kind][run["seed"]] = labels
    for (dataset, method, kind), by_seed in partitions.items():
        found = zip(by_seed, metrics.stability(list(by_seed.values())), strict=True)
        rows += [(dataset, method, seed, kind, "stability", value) for seed, value in found if np.isfinite(value)]
    frame = pd.DataFrame(rows, columns=SCORE_COLUMNS)
    return frame.sort_values(RUN, kind="stable", ignore_index=True)


def _read_classes(path: str | Path) -> tuple[np.ndarray, np.ndarray | None]:
    """The classes of the points that are scored, and those of others that were fitted on, if they are there."""
    arrays = read_arrays(path, "y")
    for name in ("y", "y_fit"):
        y = arrays.get(name, arrays["y"])
        if y.ndim != 1 or y.dtype.kind not in "iu" or not len(y) or y.min() < 0:
            raise DataError(f"{path}: {name} is {y.dtype} of shape {y.shape} (needed: a whole number from 0 per point)")
    return arrays["y"], arrays.get("y_fit")


def collect_scores(results_dir: str | Path) -> pd.DataFrame:
    """Join `scores/<dataset>/<method>.csv` of a results folder into one table with the columns of `evaluate`."""
    frames = [read_scores(path) for path in sorted(Path(results_dir).glob("scores/*/*.csv"))]
    # A method without an ok run has a table without rows, whose columns would turn all others into objects.
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        return pd.DataFrame(columns=SCORE_COLUMNS)
    return pd.concat(frames, ignore_index=True)[SCORE_COLUMNS]


def collect_records(
    results_dir: str | Path,
    blocks: Collection[str] | None = None,
    wording: Mapping[str, Mapping[str, Mapping[str, str]]] | None = None,
) -> pd.DataFrame:
    """Read every `run.json` below `runs/` of a results folder.

    Parameters
    ----------
    results_dir : path
        `results/<run>`.
    blocks : collection of str, optional
        Read these blocks of seeds only: with another block size the folder may still hold older ones.
    wording : mapping, optional
        By data set and method, `label` and `tuned_with` in the words of the config. They are no part of a run, which is
        the same under any name.

    Returns
    -------
    DataFrame
        One row per run, sorted by data set, method and seed. `seconds` and `pretrain_seconds` (the shared autoencoder
        that it started from) are wall time per seed; memory in MiB; `objective` is lower-is-better; `run` is the
        folder relative to `results_dir`; `control` marks methods that only bound the scores; `params` holds all
        parameters of the method as one JSON object. `truth`: whether the data set has one. Of a data set with points of
        its own to fit on, `n_fit` and `n_score` count both kinds, and `split` says how they were divided.

    Raises
    ------
    ValueError
        The same data set, method and seed lies in two blocks.
    """
    results_dir = Path(results_dir)
    pretrain_seconds = {}
    for path in sorted(results_dir.glob("pretrained/*/*/*/*/run.json")):
        dataset, autoencoder, block, seed = path.parts[-5:-1]
        if blocks is not None and block not in blocks:
            continue
        pretrain_seconds[dataset, autoencoder, int(seed)] = read_record(path).get("seconds")

    rows = []
    for folder in run_folders([results_dir / "runs"]) if (results_dir / "runs").is_dir() else []:
        if blocks is not None and folder.parent.name not in blocks:
            continue
        run = read_record(folder / "run.json")
        record = record_row(run) | {"run": folder.relative_to(results_dir).as_posix()}
        record |= (wording or {}).get(run["dataset"], {}).get(run["method"], {})
        autoencoder = (run.get("pretrained") or {}).get("autoencoder")
        record["pretrain_seconds"] = pretrain_seconds.get((run["dataset"], autoencoder, run["seed"]))
        rows.append(record)
    records = pd.DataFrame(rows, columns=None if rows else [*record_row({}), "run", "pretrain_seconds"])
    twice = records[records.duplicated(RUN, keep=False)].sort_values(RUN)
    if len(twice):
        first = twice.iloc[0]
        places = ", ".join(twice[(twice[RUN] == first[RUN]).all(axis=1)]["run"])
        raise ValueError(
            f"seed {first['seed']} of {first['method']} on {first['dataset']} was run twice: {places}. "
            "Delete the block that is out of date."
        )
    return records.sort_values(RUN, ignore_index=True)


def read_results(results_dir: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read `scores.csv` and `records.csv` of a results folder, the scores restricted to runs that the records call ok.

    Returns
    -------
    scores, records : DataFrame
        Columns as `collect_scores` and `collect_records` give.
    """
    records = read_records(results_dir)
    return ok_scores(read_scores(Path(results_dir) / "scores.csv"), records), records


def read_records(results_dir: str | Path) -> pd.DataFrame:
    """Read `records.csv` of a results folder; columns as `collect_records` gives them."""
    return read_record_rows(Path(results_dir) / "records.csv")


def read_record_rows(path: str | Path) -> pd.DataFrame:
    """Read one table of records; columns as `collect_records` gives them."""
    # A method may be called "true", a commit may have digits only: neither is a truth value or a number.
    text = ("dataset", "method", "label", "use", "reason", "block", "tuned_with", "autoencoder", "params")
    text += ("git_commit", "run", "split", "variant_of")
    return pd.read_csv(path, dtype=dict.fromkeys(text, "str") | {"control": bool})


def ok_scores(scores: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Drop the scores of runs that are not, or no longer, ok in the records."""
    return scores.merge(records.loc[records["status"] == "ok", RUN], on=RUN)[SCORE_COLUMNS]


def labelled(records: pd.DataFrame) -> pd.DataFrame:
    """Keep the runs on data sets with a truth; records of an older version do not say so, and are all of such."""
    return records[records["truth"].ne(False)] if "truth" in records else records


def unlabelled(records: pd.DataFrame) -> list[str]:
    """Name the data sets without a truth."""
    return sorted(set(records["dataset"]) - set(labelled(records)["dataset"]))


def attempted(records: pd.DataFrame) -> pd.DataFrame:
    """Leave out the runs that were skipped."""
    return records[records["status"] != SKIPPED]


def count_runs(records: pd.DataFrame) -> pd.Series:
    """Count the runs of every data set and method that were not skipped; 0 where all were."""
    return (records["status"] != SKIPPED).groupby([records["dataset"], records["method"]]).sum()


def display_names(records: pd.DataFrame) -> dict[str, str]:
    """Map a method's name in the config to the one to show; control methods last, else in the order of their labels.

    Variants of one method share its label: these are told apart by their name in the config.
    """
    methods = records.drop_duplicates("method")
    methods = methods.assign(text=methods["label"].fillna(methods["method"]))
    shared = methods["text"].duplicated(keep=False)
    methods["text"] = methods["text"].where(~shared, methods["text"] + " (" + methods["method"] + ")")
    methods["fold"] = methods["text"].str.lower()
    methods = methods.sort_values(["control", "fold"])
    return dict(zip(methods["method"], methods["text"], strict=True))


def lowest_objective(records: pd.DataFrame) -> pd.DataFrame:
    """Choose one run per data set and method without labels: the ok run with the lowest objective (ties: lowest seed).

    Methods without an objective are absent.
    """
    able = records[(records["status"] == "ok") & np.isfinite(records["objective"].astype(float))]
    return able.sort_values(["objective", "seed"]).drop_duplicates(["dataset", "method"]).sort_values(RUN)


def read_scores(path: str | Path) -> pd.DataFrame:
    """Read one table of scores, of all runs that it holds; columns as `collect_scores` gives them."""
    text = ("dataset", "method", "labels", "metric")
    return pd.read_csv(path, dtype=dict.fromkeys(text, "str") | {"seed": "int64"}, keep_default_na=False)


def _asked_for(run: dict[str, Any]) -> int | None:
    """How many clusters the method was told to find; what it found, where it was told none."""
    params = run.get("params") or {}
    return params.get("n_clusters") or params.get("n_components") or run["clusters_found"]


def run_folders(places: Iterable[str | Path], blocks: Collection[str] | None = None) -> list[Path]:
    """Every folder of a run in these places, sorted; of runs in these blocks of seeds, where some are named.

    Raises
    ------
    ValueError
        A place holds none.
    """
    folders = []
    for place in map(Path, places):
        # A block is written beside its place as <block>.tmp.<process>.<random>: such a folder is not whole yet.
        found = [path.parent for path in place.rglob("run.json") if ".tmp." not in path.parent.parent.name]
        if blocks is not None:
            found = [folder for folder in found if folder.parent.name in blocks]
        if not found:
            raise ValueError(f"{place} holds no run.json")
        folders += found
    return sorted(set(folders))


def _arrays(path: Path) -> dict[str, np.ndarray]:
    return read_arrays(path) if path.exists() else {}


def record_row(run: dict[str, Any]) -> dict[str, Any]:
    """The row of `records.csv` of what a `run.json` holds, without what only the folder tells."""
    info, data, device, objective, code = ((run.get(k) or {}) for k in ("info", "data", "device", "objective", "code"))
    split, variant = data.get("split") or {}, data.get("variant") or {}
    use = run.get("use") or ""
    control = info.get("control", use.endswith(("RandomLabels", "TrueLabels")))
    block = run.get("block") or []
    same = ("dataset", "method", "label", "use", "seed")
    counts = ("clusters_found", "updates", "epochs", "seconds", "block_seconds", "peak_memory_mb", "peak_gpu_memory_mb")
    return (
        {key: run.get(key) for key in same}
        | {"control": bool(control), "block": " ".join(map(str, block))}
        | {key: run.get(key) for key in ("status", "reason")}
        | {"objective_name": objective.get("name"), "objective": objective.get("value")}
        | {key: run.get(key) for key in counts}
        | {"device": device.get("type"), "device_name": device.get("name"), "threads": device.get("threads")}
        | {
            "precision": device.get("precision"),
            "n": data.get("n"),
            "d": data.get("d"),
            "n_clusters": data.get("n_clusters"),
            "truth": data.get("truth"),
            "n_fit": split.get("fit"),
            "n_score": split.get("score"),
            "split": split.get("how"),
            "variant_of": variant.get("of"),
            "imbalance": variant.get("imbalance"),
            "noise_features": variant.get("noise_features"),
        }
        | {"autoencoder": (run.get("pretrained") or {}).get("autoencoder"), "tuned_with": run.get("tuned_with")}
        | {"params": json.dumps(run.get("params") or {})}
        | {"code_digest": code.get("digest"), "git_commit": code.get("git_commit"), "dirty": code.get("dirty")}
        | {key: run.get(key) for key in ("started", "finished")}
    )
