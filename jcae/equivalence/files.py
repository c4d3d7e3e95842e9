"""What the command line calls: checks and fits of a data set as csv files, and the summary of all data sets."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from jcae.data.formats import read_arrays
from jcae.data.stored import load_card
from jcae.equivalence.algebra import algebra
from jcae.equivalence.fits import METHODS, SCORES, Training, agreement, fit_all, fixed_point, judge, scores
from jcae.files import atomic_write
from jcae.models.mixture import unit_variance
from jcae.randomness.seeds import numpy_generator


def _write_csv(table: pd.DataFrame, path: str | Path) -> None:
    atomic_write(path, lambda handle: table.to_csv(handle, index=False))


def _card_clusters(features_path: str | Path) -> int:
    return load_card(Path(features_path).with_name("card.json"))["n_clusters"]


def write_algebra(features_path: str | Path, name: str, out_csv: str | Path, *, n_clusters: int | None = None) -> None:
    """Write `algebra` of random data and of a data set as one csv file.

    Parameters
    ----------
    features_path : path
        ``features.npz`` with X (n, d).
    name : str
        Of the data set.
    out_csv : path
    n_clusters : int, optional
        K of the mixture drawn for the data set; by default that of the ``card.json`` beside the features.
    """
    n_clusters = n_clusters or _card_clusters(features_path)
    random = numpy_generator(0, "equivalence", "random").normal(size=(500, 20))
    tables = [
        algebra(random, "random", n_clusters=5),
        algebra(read_arrays(features_path, "X")["X"], name, n_clusters=n_clusters),
    ]
    _write_csv(pd.concat(tables, ignore_index=True), out_csv)


def write_empirics(
    features_path: str | Path,
    truth_path: str | Path | None,
    name: str,
    seeds: Sequence[int],
    out_dir: str | Path,
    *,
    n_clusters: int | None = None,
    margin: float = 0.02,
    level: float = 0.05,
    alpha_prior: float = Training.alpha,
    epochs: int | None = Training.epochs,
    batch_size: int = Training.batch_size,
    learning_rate: float = Training.learning_rate,
    device: str = Training.device,
) -> None:
    """Fit the three methods on a data set, compare them, and write one csv file per table.

    Parameters
    ----------
    features_path : path
        ``features.npz`` with X (n, d). All that the fits see.
    truth_path : path or None
        ``truth.npz`` with y (n,). Read after the fits, for the scores alone; None leaves out what needs it: these
        scores, and the tests.
    name : str
        Of the data set.
    seeds : sequence of int
    out_dir : path
        Gets ``scores.csv``, ``agreement.csv``, ``tests.csv`` and ``fixed_point.csv``.
    n_clusters : int, optional
        K; by default that of the ``card.json`` beside the features.
    margin, level : float
        Of the tests, see `judge`.
    alpha_prior, epochs, batch_size, learning_rate, device
        `Training` of the clustering module.
    """
    n_clusters = n_clusters or _card_clusters(features_path)
    X = unit_variance(read_arrays(features_path, "X")["X"], n_clusters)
    training = Training(alpha_prior, epochs, batch_size, learning_rate, device)
    fits = fit_all(X, seeds, n_clusters=n_clusters, training=training)
    fixed = fixed_point(X, name, seeds, n_clusters=n_clusters, training=training)
    y = None if truth_path is None else read_arrays(truth_path, "y")["y"]
    table = scores(X, y, name, seeds, fits)
    _write_csv(table, Path(out_dir) / "scores.csv")
    _write_csv(agreement(name, seeds, fits), Path(out_dir) / "agreement.csv")
    _write_csv(judge(table, margin=margin, level=level), Path(out_dir) / "tests.csv")
    _write_csv(fixed, Path(out_dir) / "fixed_point.csv")


TABLES = ("scores", "agreement", "tests", "fixed_point")


def summarise(equivalence_dir: str | Path) -> dict[str, pd.DataFrame]:
    """Read a run's ``equivalence`` folder into the frames that tables and figures show.

    Parameters
    ----------
    equivalence_dir : path
        Holds one folder per data set, and ``algebra.csv`` there or in each of them.

    Returns
    -------
    dict of str to DataFrame
        ``algebra`` (if there is one), ``scores``, ``agreement``, ``tests``, ``fixed_point``: the files, data sets
        together. ``summary``: one row per data set with ACC, NMI and ARI of each method (mean over seeds), the median
        agreement of CM with the mixture, the change under training, and the three verdicts; scores and verdicts are
        missing where the data set has no truth.

    Raises
    ------
    FileNotFoundError
        If no data set is there.
    """
    folder = Path(equivalence_dir)
    names = sorted(path.parent.name for path in folder.glob("*/tests.csv"))
    if not names:
        raise FileNotFoundError(f"{folder}: no <dataset>/tests.csv is there")
    frames = {t: pd.concat([pd.read_csv(folder / n / f"{t}.csv") for n in names], ignore_index=True) for t in TABLES}
    found = sorted([*folder.glob("algebra.csv"), *folder.glob("*/algebra.csv")])
    if found:
        # Every file has the rows of the random data.
        frames["algebra"] = pd.concat([pd.read_csv(path) for path in found], ignore_index=True).drop_duplicates(
            ["check", "dataset", "form", "offset"], ignore_index=True
        )
    frames["summary"] = pd.DataFrame([_summary(name, frames) for name in names])
    return frames


def _summary(name: str, frames: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    part = {table: frame[frame["dataset"] == name] for table, frame in frames.items() if table in TABLES}
    against = part["tests"][part["tests"]["second"] == "gmm"].set_index("score")
    pair = part["agreement"][(part["agreement"]["first"] == "cm") & (part["agreement"]["second"] == "gmm")]
    means = part["scores"].groupby(["score", "method"])["value"].mean()
    n_seeds = against["n_seeds"].min() if len(against) else pair["ari"].notna().sum()
    row: dict[str, Any] = {"dataset": name, "n_seeds": int(n_seeds)}
    row |= {f"{score}_{method}": means.get((score, method)) for score in SCORES for method in METHODS}
    row["agreement_ari"] = pair["ari"].median()
    row["changed"] = part["fixed_point"]["changed"].mean()
    row |= {f"verdict_{score}": against["verdict"].get(score) for score in SCORES}
    return row
