"""Figures of a finished run. They read result files only, never train, and need no torch."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from jcae.extras import extra

with extra("bench", "jcae.figures"):
    import pandas as pd
    from matplotlib.figure import Figure

from jcae.figures import style
from jcae.figures.atoms import atoms
from jcae.figures.centroids import centroids
from jcae.figures.comparison import critical_differences, improvement, performance_profiles
from jcae.figures.confidence import confidence
from jcae.figures.confusion import confusion
from jcae.figures.cost import cost
from jcae.figures.curves import curves
from jcae.figures.doubtful import doubtful
from jcae.figures.effects import effects
from jcae.figures.equivalence import algebra, equivalence
from jcae.figures.examples import examples
from jcae.figures.glance import glance
from jcae.figures.how_many import how_many
from jcae.figures.interpolations import interpolations
from jcae.figures.maps import maps
from jcae.figures.peeking import peeking
from jcae.figures.score_curves import score_curves
from jcae.figures.scores import scores
from jcae.figures.sizes import sizes
from jcae.figures.trees import trees
from jcae.figures.variants import variants
from jcae.statistics.shared import LEVEL

FIGURES: dict[str, Callable[..., tuple[Figure | str, pd.DataFrame]]] = {
    "scores_acc": partial(scores, metric="acc"),
    "scores_nmi": partial(scores, metric="nmi"),
    "scores_ari": partial(scores, metric="ari"),
    "scores_silhouette": partial(scores, metric="silhouette_features"),
    "scores_stability": partial(scores, metric="stability"),
    "variants_acc": partial(variants, metric="acc"),
    "variants_nmi": partial(variants, metric="nmi"),
    "cost": cost,
    "peeking": peeking,
    "glance": glance,
    "curves": curves,
    "score_curves": score_curves,
    "maps": maps,
    "centroids": centroids,
    "interpolations": interpolations,
    "atoms": atoms,
    "confusion": confusion,
    "sizes": sizes,
    "trees": trees,
    "examples": examples,
    "confidence": confidence,
    "doubtful": doubtful,
    "equivalence": equivalence,
    "algebra": algebra,
    "critical_difference": critical_differences,
    "performance_profiles": performance_profiles,
    "improvement": improvement,
    "effects_acc": partial(effects, metric="acc"),
    "effects_nmi": partial(effects, metric="nmi"),
    "effects_ari": partial(effects, metric="ari"),
    "how_many": how_many,
}
"""Name -> `f(results, dataset, reference=...)`: results folder, data set (None = all), method that stands first."""

PER_DATASET = (
    *("glance", "curves", "score_curves", "maps", "centroids", "interpolations", "atoms"),
    *("confusion", "sizes", "trees", "examples", "confidence", "doubtful"),
)
"""Figures of one data set: these need `dataset`, and read its gallery."""

OF_EQUIVALENCE = ("equivalence", "algebra")
"""Figures of the comparison of clustering module and mixture: they read `equivalence/` instead of the scores."""

OF_SWEEP = ("how_many",)
"""Figures of one data set that show runs over numbers of clusters: they read these instead of the gallery."""

OF_COMPARISON = (
    *("critical_difference", "performance_profiles", "improvement"),
    *("effects_acc", "effects_nmi", "effects_ari"),
)
"""Figures of the comparison of methods: these also take `level`."""

IMAGES_ONLY = ("centroids", "interpolations", "atoms")
"""Figures that exist only where the data have an `image_shape`."""

NOT_MADE = "not_made.txt"
"""Beside the figures: a line for each that has nothing to show."""


def draw(
    name: str,
    results: str | Path,
    stem: str | Path,
    dataset: str | None = None,
    *,
    reference: str | None = None,
    level: float = LEVEL,
) -> list[Path] | str:
    """Draw one figure and write `<stem>.svg`, `<stem>.pdf` and `<stem>.csv`, the numbers drawn.

    Where no run has what the figure shows (all failed, or the data have no truth) it is not made, and files that an
    earlier call left at its place are removed: a failure is a result and does not stop the figures of the others.

    Parameters
    ----------
    name : str
        Key of `FIGURES`.
    results : path
        `results/<run>` with `scores.csv`, `records.csv` and `gallery/`.
    stem : path
        Where to write, without suffix.
    dataset : str, optional
        Needed by the figures of `PER_DATASET`; restricts the others to one data set.
    reference : str, optional
        Method that stands first, in blue; the figures of `OF_COMPARISON` compare the others with it.
    level : float
        Level of their tests and intervals.

    Returns
    -------
    list of Path, or str
        The files written; of a figure with nothing to show, why.

    Raises
    ------
    ValueError
        Unknown figure, no data set where one is needed, one without runs, or one without images where they are needed.
    """
    if name not in FIGURES:
        raise ValueError(f"unknown figure {name!r}; known: {', '.join(FIGURES)}")
    if name in PER_DATASET + OF_SWEEP and dataset is None:
        raise ValueError(f"figure {name!r} shows one data set: say which")
    settings = {"level": level} if name in OF_COMPARISON else {}
    with style.applied():
        figure, data = FIGURES[name](Path(results), dataset, reference=reference, **settings)
        if isinstance(figure, str):
            for path in style.paths(stem):
                path.unlink(missing_ok=True)
            return figure
        return style.save(figure, data, stem)


def draw_all(
    names: Iterable[str], results: str | Path, folder: str | Path, dataset: str | None = None, **settings: Any
) -> Iterator[str]:
    """Draw several figures into one folder, and name in its `not_made.txt` those that have nothing to show.

    Parameters
    ----------
    names : iterable of str
    results, dataset, settings
        As in `draw`.
    folder : path
        Gets `<name>.svg`, `.pdf`, `.csv`.

    Yields
    ------
    str
        Every file that was written, and a line for every figure that was not made: which, and why.
    """
    folder, missing = Path(folder), []
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        found = draw(name, results, folder / name, dataset, **settings)
        if isinstance(found, str):
            missing.append(f"{name} is not made: {found}")
            yield missing[-1]
        else:
            yield from map(str, found)
    if missing:
        (folder / NOT_MADE).write_text("".join(f"{line}\n" for line in missing), encoding="utf-8")
    else:
        (folder / NOT_MADE).unlink(missing_ok=True)
