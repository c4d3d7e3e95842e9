"""How sure the clusters of a method are: its ok seeds against each other, and what they agree on against the truth."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from jcae.data.formats import read_arrays
from jcae.scores import metrics
from jcae.scores.consensus import agreement, are_right, consensus

LEAST = 2
"""Ok seeds below which there is nothing to hold against each other."""
DOUBT = 0.5
"""Agreement below which a point counts as doubtful."""
COLUMNS = ["method", "n_ok", "measure", "value"]


class Confidence(NamedTuple):
    """What the seeds of a method agree on.

    Attributes
    ----------
    labels : ndarray of int32, shape (n,)
        The consensus, see `jcae.scores.consensus.consensus`.
    agreement : ndarray of float32, shape (n,)
        How far the seeds agree with it, see `jcae.scores.consensus.agreement`.
    n_ok : int
        Seeds behind it.
    """

    labels: np.ndarray
    agreement: np.ndarray
    n_ok: int


def confidence(records: pd.DataFrame, results: Path) -> Confidence | None:
    """Hold the own labels of the ok runs against each other.

    Parameters
    ----------
    records : DataFrame
        Of one method on one data set.
    results : Path
        Folder of the run, that `records["run"]` starts from.

    Returns
    -------
    Confidence or None
        None of fewer than `LEAST` ok runs.
    """
    ok = records[records["status"] == "ok"].sort_values("seed")
    if len(ok) < LEAST:
        return None
    partitions = [read_arrays(results / run / "labels.npz", "labels")["labels"] for run in ok["run"]]
    labels = consensus(partitions)
    return Confidence(labels, agreement(partitions, labels), len(ok))


def measures(found: Confidence, X: np.ndarray, y: np.ndarray | None = None) -> dict[str, float]:
    """Say in numbers how sure a method is, and how good what its seeds agree on.

    Parameters
    ----------
    found : Confidence
    X : ndarray, shape (n, d)
        Features.
    y : ndarray of int, shape (n,), optional
        Classes.

    Returns
    -------
    dict of str to float
        `agreement`, the mean; `doubtful`, the share of points below `DOUBT`; with a truth `auc`, the chance that a
        point in the cluster of its class has a greater agreement than one in another (NaN where there are none of
        either kind). Then the scores of the consensus, as `jcae.scores.metrics.METRICS` has them.
    """
    sure = found.agreement
    values = {"agreement": float(sure.mean(dtype=np.float64)), "doubtful": float((sure < DOUBT).mean())}
    if y is not None:
        right = are_right(y, found.labels)
        values["auc"] = float(roc_auc_score(right, sure)) if 0 < right.sum() < len(right) else np.nan
    return values | metrics.score(found.labels, int(found.labels.max()) + 1, y, features=X)


def read_confidence(results: str | Path) -> pd.DataFrame:
    """Read the numbers of `measures` of all data sets and methods whose gallery has them.

    Returns
    -------
    DataFrame
        Columns dataset, method, n_ok, measure, value; without rows where there are none.
    """
    files = sorted(Path(results).glob("gallery/*/confidence.csv.gz"))
    found = [pd.read_csv(file, dtype={"method": "str"}).assign(dataset=file.parent.name) for file in files]
    found = [rows for rows in found if len(rows)]
    columns = ["dataset", *COLUMNS]
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)
