"""One folder with the tables and figures of the AE-CM paper, made of any run or export: nothing more, nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from jcae.figures import IMAGES_ONLY, PER_DATASET, draw
from jcae.files import atomic_folder
from jcae.scores.evaluation import KINDS, attempted, labelled, read_results
from jcae.scores.gallery import is_of_images
from jcae.tables.cells import MAIN_METRICS
from jcae.tables.equivalence import algebra_table, equivalence_table
from jcae.tables.mean_best import mean_best_table
from jcae.tables.rendering import Table, write_all
from jcae.tables.scores import scores_table

PAPER = "arXiv:2012.03740"
METHOD = "jcae.models.aecm.AECM", "jcae.AECM"
"""How configs name the paper's method."""
TABLES = (
    *(f"scores_{metric}{suffix}" for suffix in ("", "_refit") for metric in MAIN_METRICS),
    *(f"mean_best_{metric}" for metric in MAIN_METRICS),
    *("equivalence", "algebra"),
)
FIGURES = (
    *("centroids", "interpolations", "maps", "curves", "score_curves"),
    *(f"effects_{metric}" for metric in MAIN_METRICS),
)
"""What the paper shows, in the order in which docs/figures.md lists it; a number is the place in this list."""


def write_paper(
    results: str | Path, out: str | Path, *, dataset: str | None = None, reference: str | None = None
) -> list[str]:
    """Write `table_<number>_<name>` as csv, md, tex and html and `figure_<number>_<name>` as svg, pdf and csv.

    Parameters
    ----------
    results : path
        `results/<run>` or an export of one: `scores.csv`, `records.csv`, and as far as there are any `gallery/` and
        `equivalence/`.
    out : path
        Folder that is written, whole or not at all; an older one is replaced. Its `README.md` lists what is there, and
        what is not made and why.
    dataset : str, optional
        Whose pictures are shown; by default the largest data set of images or, without images, the largest.
    reference : str, optional
        Method that stands first; by default the first run of AE-CM, a pretrained one before others.

    Returns
    -------
    list of str
        A line for every table and figure: its number and name, or why it is not made.

    Raises
    ------
    ValueError
        There is no run on `dataset`, or none of `reference`; the message lists those that are.
    """
    results = Path(results)
    _, records = read_results(results)
    datasets, methods = sorted(records["dataset"].unique()), list(dict.fromkeys(records["method"]))
    for kind, value, known in (("data set", dataset, datasets), ("method", reference, methods)):
        if value is not None and value not in known:
            raise ValueError(f"no {kind} {value!r} in {results}; there are: {', '.join(known)}")
    dataset = dataset or _largest(results)
    reference = reference or _aecm(results)
    with atomic_folder(out) as folder:
        lines = [*_tables(results, folder), *_figures(results, folder, dataset, reference)]
        about = (
            f"# Tables and figures of {PAPER}\n\nMade of `{results.name}`. The numbers are places in this project's "
            f"own list (docs/figures.md), not those of the paper. Pictures: {dataset or 'no data set has any'}. First "
            f"method: {reference or 'none'}.\n\n"
        )
        (folder / "README.md").write_text(about + "".join(f"- {line}\n" for line in lines), encoding="utf-8")
    return lines


def _tables(results: Path, folder: Path) -> Iterator[str]:
    scores, records = read_results(results)
    known = labelled(attempted(records))
    made: dict[str, Table] = {}
    if len(known):
        for metric in MAIN_METRICS:
            for kind in KINDS:
                made[f"scores_{metric}{'' if kind == 'own' else '_' + kind}"] = scores_table(
                    scores, known, metric, kind
                )
            made[f"mean_best_{metric}"] = mean_best_table(scores, known, metric)
    for name, file, table in (("equivalence", "summary", equivalence_table), ("algebra", "algebra", algebra_table)):
        path = results / "equivalence" / f"{file}.csv"
        if path.is_file():
            made[name] = table(pd.read_csv(path))
    for number, name in enumerate(TABLES, 1):
        table = made.get(name)
        if table is None or table.cells.empty:
            compared = name in ("equivalence", "algebra")
            why = "module and mixture were not compared" if compared else "no run has such a score against a truth"
            yield f"Table {number}, {name}, is not made: {why}"
            continue
        for path in write_all([table], folder):
            path.rename(path.with_name(f"table_{number}_{path.name}"))
        yield f"Table {number}: {name}. {table.caption}"


def _figures(results: Path, folder: Path, dataset: str | None, reference: str | None) -> Iterator[str]:
    for number, name in enumerate(FIGURES, 1):
        of_dataset = name in PER_DATASET
        if of_dataset and dataset is None:
            found = "the folder has no gallery"
        elif name in IMAGES_ONLY and not is_of_images(results, dataset):
            found = f"{dataset} holds no images"
        else:
            stem = folder / f"figure_{number}_{name}"
            found = draw(name, results, stem, dataset if of_dataset else None, reference=reference)
        if isinstance(found, str):
            yield f"Figure {number}, {name}, is not made: {found}"
        else:
            yield f"Figure {number}: {name}{f', {dataset}' if of_dataset else ''}"


def _largest(results: Path) -> str | None:
    """The data set whose pictures are shown."""
    _, records = read_results(results)
    sizes = records.groupby("dataset")["n"].max()
    drawn = [name for name in sizes.index if (results / "gallery" / name / "data.npz").is_file()]
    return max(drawn, key=lambda name: (is_of_images(results, name), sizes[name]), default=None)


def _aecm(results: Path) -> str | None:
    _, records = read_results(results)
    mine = records[records["use"].isin(METHOD)]
    mine = mine.assign(random=mine["autoencoder"].isna() if "autoencoder" in mine else False)
    return next(iter(mine.sort_values("random", kind="stable")["method"]), None)
