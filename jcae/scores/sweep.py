"""Scores and records of runs over numbers of clusters.

They are apart from those of the other runs, in files of their own, and every row names its number of clusters as `k`:
what is averaged over the runs of a method never meets them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from jcae.jobs.records import read_record
from jcae.scores.evaluation import (
    RUN,
    SCORE_COLUMNS,
    evaluate,
    read_record_rows,
    read_scores,
    record_row,
    run_folders,
)

SWEEP_RUN = [*RUN[:2], "k", *RUN[2:]]
"""What names a run over numbers of clusters."""
SWEEP_SCORE_COLUMNS = [*SWEEP_RUN, *SCORE_COLUMNS[len(RUN) :]]
SCORES, RECORDS = "sweep_scores.csv", "sweep_records.csv"
"""Files of a results folder."""


def evaluate_sweep(
    places: Iterable[str | Path],
    truth_path: str | Path | None = None,
    features_path: str | Path | None = None,
    graph_path: str | Path | None = None,
    blocks: Collection[str] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score the runs on one data set, each method and number of clusters by itself.

    Parameters
    ----------
    places : iterable of path
        Folders ``sweeps/<data set>/<method>/<numbers>``, with ``<seeds>/<number>/<seed>/`` in them, or those of single
        blocks of seeds: all seeds of a number, since stability compares them.
    truth_path, features_path, graph_path : path, optional
        As `jcae.scores.evaluation.evaluate` takes them.
    blocks : collection of str, optional
        Read these blocks of seeds only.

    Returns
    -------
    scores, records : DataFrame
        Columns as `evaluate` and `jcae.scores.evaluation.collect_records` give them, and `k`; the records also have
        `bic`, NaN where the method has none.

    Raises
    ------
    ValueError
        As `evaluate`.
    """
    by_count: dict[str, dict[int, dict[Path, dict[str, Any]]]] = defaultdict(lambda: defaultdict(dict))
    for folder in (folder for place in places for folder in run_folders([place])):
        if blocks is None or folder.parent.parent.name in blocks:
            run = read_record(folder / "run.json")
            by_count[run["method"]][int(folder.parent.name)][folder] = run
    scores, rows = [], []
    for k, runs in (pair for counts in by_count.values() for pair in sorted(counts.items())):
        scores.append(evaluate(runs, truth_path, features_path, graph_path).assign(k=k))
        for folder, run in runs.items():
            place = {"bic": run.get("bic"), "run": Path(*folder.parts[-7:]).as_posix(), "pretrain_seconds": None}
            rows.append(record_row(run) | {"k": k} | place)
    return pd.concat(scores, ignore_index=True)[SWEEP_SCORE_COLUMNS], _sorted(pd.DataFrame(rows))


def collect_sweep(
    folders: Iterable[str | Path], wording: Mapping[str, Mapping[str, Mapping[str, str]]] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Join what `evaluate_sweep` gave of several data sets, as its verb has written it.

    Parameters
    ----------
    folders : iterable of path
        Each with ``scores.csv`` and ``records.csv``.
    wording : mapping, optional
        As `jcae.scores.evaluation.collect_records` takes it.

    Returns
    -------
    scores, records : DataFrame
    """
    folders = [Path(folder) for folder in folders]
    scores = [read_scores(folder / "scores.csv") for folder in folders]
    records = [read_record_rows(folder / "records.csv") for folder in folders]
    # Without an ok run a table has no rows, and its columns would turn all others into objects.
    scores = [table for table in scores if len(table)] or scores
    joined = pd.DataFrame([row for table in records for row in table.to_dict("records")])
    for (dataset, method), rows in joined.groupby(["dataset", "method"]):
        for name, text in (wording or {}).get(dataset, {}).get(method, {}).items():
            joined[name] = joined[name].astype(object)
            joined.loc[rows.index, name] = text
    return pd.concat(scores, ignore_index=True), _sorted(joined)


def read_sweep(results_dir: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read what a results folder has of runs over numbers of clusters, the scores restricted to runs that are ok.

    Returns
    -------
    scores, records : DataFrame
        As `collect_sweep` gives them.
    """
    records = read_sweep_records(results_dir)
    scores = read_scores(Path(results_dir) / SCORES)
    ok = records.loc[records["status"] == "ok", SWEEP_RUN]
    return scores.merge(ok, on=SWEEP_RUN)[SWEEP_SCORE_COLUMNS], records


def read_sweep_records(results_dir: str | Path) -> pd.DataFrame:
    """Read the records of the runs over numbers of clusters."""
    return read_record_rows(Path(results_dir) / RECORDS)


def has_sweep(results_dir: str | Path) -> bool:
    """Whether a results folder has runs over numbers of clusters."""
    return (Path(results_dir) / RECORDS).is_file()


def _sorted(records: pd.DataFrame) -> pd.DataFrame:
    return records.sort_values(SWEEP_RUN, ignore_index=True)
