"""Exports of one grid that was run in pieces (other seeds, data sets or machines), put together."""

import gzip
import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from jcae.data.formats import read_arrays
from jcae.files import atomic_folder
from jcae.publish.export import RUNS, SWEEPS, exported_records
from jcae.scores.evaluation import RUN, read_records, read_scores
from jcae.scores.gallery import chosen, records_on
from jcae.scores.sweep import RECORDS, SCORES, SWEEP_RUN, has_sweep, read_sweep_records


def merge(parts: Sequence[str | Path], out: str | Path) -> None:
    """Put exports together into one, of which tables and figures can be made.

    Parameters
    ----------
    parts : sequence of path
        Folders that `jcae.publish.export.export` wrote.
    out : path
        Folder that is written, whole or not at all: as an export, without tables.

    Raises
    ------
    ValueError
        A folder is no export; a run is in two of them; the same data set has other points, or the same method on it
        other parameters.

    Notes
    -----
    Where the seeds of a method on a data set come from several parts, `stability` and the consensus are left out: they
    compare the labels of the seeds with each other, and an export has none.
    """
    folders = [Path(part) for part in parts]
    by_folder = {folder: exported_records(folder) for folder in folders}
    for folder, runs in by_folder.items():
        if not runs:
            raise ValueError(f"{folder} has no {RUNS}; expected a folder that `jcae export` wrote")
    _check_same(by_folder)
    records, scores = _joined(folders, read_records, "scores.csv", RUN)
    apart = _apart(records, RUN[:2])
    swept = [folder for folder in folders if has_sweep(folder)]
    of_sweeps = {folder: exported_records(folder, SWEEPS) for folder in swept}
    _check_same(of_sweeps, but=("n_clusters", "n_components"))
    with atomic_folder(out) as folder:
        records.drop(columns="part").to_csv(folder / "records.csv", index=False)
        scores.to_csv(folder / "scores.csv", index=False)
        _write_runs(folder / RUNS, by_folder)
        if swept:
            rows, values = _joined(swept, read_sweep_records, SCORES, SWEEP_RUN)
            rows.drop(columns="part").to_csv(folder / RECORDS, index=False)
            values.to_csv(folder / SCORES, index=False)
            _write_runs(folder / SWEEPS, of_sweeps)
        for dataset in records["dataset"].unique():
            split = {method for other, method in apart if other == dataset}
            _merge_gallery(folders, records, dataset, folder, split)
        for part in reversed(folders):  # of what two have, the first one's
            if (part / "equivalence").is_dir():
                shutil.copytree(part / "equivalence", folder / "equivalence", dirs_exist_ok=True)


def _joined(
    folders: Sequence[Path], read: Callable[[Path], pd.DataFrame], file: str, key: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Records, with the part that each is from, and scores of all parts; no stability where it spans several."""
    records = pd.concat([read(folder).assign(part=str(folder)) for folder in folders], ignore_index=True)
    records = records.sort_values(key, ignore_index=True)
    _check_twice(records, key)
    scores = pd.concat([read_scores(folder / file) for folder in folders], ignore_index=True)
    without_seed = key[:-1]
    apart = _apart(records, without_seed)
    compared = pd.Series(list(scores[without_seed].itertuples(index=False, name=None)), scores.index).isin(apart)
    return records, scores[~(compared & (scores["metric"] == "stability"))].sort_values(key, kind="stable")


def _apart(records: pd.DataFrame, key: list[str]) -> set[tuple]:
    """What has its seeds from several parts."""
    several = records.groupby(key)["part"].transform("nunique") > 1
    return set(records.loc[several, key].itertuples(index=False, name=None))


def _write_runs(path: Path, by_folder: dict[Path, dict[str, dict[str, Any]]]) -> None:
    with gzip.GzipFile(path, "wb", mtime=0) as lines:
        for runs in by_folder.values():
            for run, record in runs.items():
                lines.write(json.dumps({"run": run, **record}, ensure_ascii=False).encode() + b"\n")


def _check_twice(records: pd.DataFrame, key: list[str]) -> None:
    twice = records[records.duplicated(key, keep=False)]
    if len(twice):
        first = twice.iloc[0]
        places = " and ".join(twice[(twice[key] == first[key]).all(axis=1)]["part"])
        raise ValueError(f"seed {first['seed']} of {first['method']} on {first['dataset']} is in {places}; keep one")


def _check_same(by_folder: dict[Path, dict[str, dict[str, Any]]], but: tuple[str, ...] = ()) -> None:
    """Refuse to call two things by one name: other points, or other parameters, `but` for these."""
    points: dict[str, dict[str, Path]] = defaultdict(dict)
    parameters: dict[tuple[str, str], dict[str, Path]] = defaultdict(dict)
    for folder, runs in by_folder.items():
        for record in runs.values():
            dataset, method = record["dataset"], record["method"]
            points[dataset].setdefault((record.get("data") or {}).get("features_sha256"), folder)
            left_out = ("random_state", "device", *but)
            params = {k: v for k, v in (record.get("params") or {}).items() if k not in left_out}
            parameters[dataset, method].setdefault(json.dumps(params, sort_keys=True), folder)
    for dataset, found in points.items():
        if len(found) > 1:
            raise ValueError(f"{dataset}: other points in {' and '.join(map(str, found.values()))}")
    for (dataset, method), found in parameters.items():
        if len(found) > 1:
            (one, first), (two, second), *_ = ((json.loads(text), folder) for text, folder in found.items())
            name = next(name for name in sorted({*one, *two}) if one.get(name) != two.get(name))
            raise ValueError(
                f"{method} on {dataset}: {name} is {one.get(name)!r} in {first} and {two.get(name)!r} in {second}; "
                "give one of them another name"
            )


def _merge_gallery(
    folders: Sequence[Path], records: pd.DataFrame, dataset: str, out: Path, split: Collection[str]
) -> None:
    """What the figures of one data set show, of the run that stands for each method among those of all parts.

    `split` are the methods whose seeds come from several parts.
    """
    galleries = [folder / "gallery" / dataset for folder in folders if (folder / "gallery" / dataset).is_dir()]
    if not galleries:
        return
    place = out / "gallery" / dataset
    (place / "methods").mkdir(parents=True)
    shutil.copy(galleries[0] / "data.npz", place)
    for record in chosen(records_on(records, dataset, out)):
        for gallery in galleries:
            file = gallery / "methods" / f"{record['method']}.npz"
            if file.is_file() and int(read_arrays(file, "seed")["seed"]) == record["seed"]:
                shutil.copy(file, place / "methods")
    for file in (file for gallery in galleries for file in gallery.glob("confidence/*.npz")):
        if file.stem not in split:
            (place / "confidence").mkdir(exist_ok=True)
            shutil.copy(file, place / "confidence")
    for name in ("curves.csv.gz", "score_curves.csv.gz", "confidence.csv.gz"):
        curves = [pd.read_csv(gallery / name) for gallery in galleries if (gallery / name).is_file()]
        curves = [rows for rows in curves if len(rows)] or curves[:1]
        if not curves:
            continue
        joined = pd.concat(curves, ignore_index=True)
        joined = joined[~joined["method"].isin(split)] if name.startswith("confidence") else joined
        joined = joined.sort_values([key for key in ("method", "seed") if key in joined], kind="stable")
        joined.to_csv(place / name, index=False, compression={"method": "gzip", "mtime": 0})
