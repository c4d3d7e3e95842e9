"""The most typical and the most doubtful points of every cluster: images, or else the numbers of their rows."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jcae.figures import style
from jcae.figures.sources import choice, chosen_runs, image_shape, title
from jcae.scores.gallery import is_of_images

COLUMNS = ["method", "name", "seed", "space", "cluster", "size", "kind", "rank", "row", "margin", "distance"]
COLUMNS += ["next_cluster", "next_distance"]
KINDS = ("typical", "doubtful")
PER_ROW = 4
SHOWN = 20
"""Clusters drawn at most, the largest; the csv has all."""


def examples(results: Path, dataset: str, *, reference: str | None = None) -> tuple[Figure | str, pd.DataFrame]:
    """Draw a panel per method with a line per cluster: its points of the largest margin, then of the smallest.

    `jcae.scores.examples.examples` says what the margin is. Reads `records.csv` and the gallery.
    """
    chosen = chosen_runs(results, dataset, "example_rows", reference)
    if not chosen:
        return style.empty(f"no ok run on {dataset} has two clusters, or the gallery is of an older version", COLUMNS)
    images = is_of_images(results, dataset)
    n_lines = [min(len(arrays["example_clusters"]), SHOWN) for _, arrays in chosen]
    if images:
        figure, axes = _image_grid(n_lines, chosen[0][1]["example_rows"].shape[2], image_shape(results, dataset))
    else:
        figure, axes = style.grid(len(chosen), 2, 0.135 * (max(n_lines) + 1) + 0.25, extra=0.5)
    for ax, (record, arrays) in zip(axes, chosen, strict=True):
        lines = np.sort(np.argsort(-arrays["example_sizes"], kind="stable")[:SHOWN])
        if images:
            _draw_images(ax, arrays, lines, image_shape(results, dataset))
        else:
            _write_rows(ax, arrays, lines)
        ax.set_title(title(record))
    cut = f" The {SHOWN} largest clusters; the csv has all." if max(_counts(chosen)) > SHOWN else ""
    style.caption(
        figure,
        f"{dataset}: of each cluster (own labels) the points that lie most clearly in it, then those that hardly do, "
        "most extreme first. Margin: (b - a) / max(a, b), of the distances a to the mean of the own cluster and b "
        "to the next mean, in the space in which the method clusters: its embedding, its code, or the features. "
        f"Below 0 the point lies nearer to another mean.{cut} {choice(chosen)}",
    )
    return figure, pd.concat([_frame(record, arrays) for record, arrays in chosen], ignore_index=True)


def _counts(chosen: list[tuple[pd.Series, dict[str, np.ndarray]]]) -> list[int]:
    return [len(arrays["example_clusters"]) for _, arrays in chosen]


def _image_grid(n_lines: list[int], n_examples: int, shape: tuple[int, ...]) -> tuple[Figure, list[Axes]]:
    panel = style.PAGE / PER_ROW
    height = (panel - 0.35) / ((2 * n_examples + 1) * (shape[1] + 1)) * (shape[0] + 1) * max(n_lines)
    return style.grid(len(n_lines), PER_ROW, height + 0.38, extra=0.45)


def _draw_images(ax: Axes, arrays: dict[str, np.ndarray], lines: np.ndarray, shape: tuple[int, ...]) -> None:
    levels = arrays["example_images"][lines].astype(float)
    levels[arrays["example_rows"][lines] == -1] = np.nan
    n = levels.shape[2]
    # An empty place between both kinds.
    images = np.full((len(lines), 2 * n + 1, *shape), np.nan)
    images[:, :n], images[:, n + 1 :] = levels.reshape(len(lines), 2, n, *shape).swapaxes(0, 1)
    style.show(ax, images, 0, 255)
    style.hide_frame(ax)
    height, width = shape[0] + 1, shape[1] + 1
    ax.set_xticks([n * width / 2, (1.5 * n + 1) * width], KINDS)
    ax.set_yticks([i * height + shape[0] / 2 - 0.5 for i in range(len(lines))], arrays["example_clusters"][lines])
    ax.tick_params(length=0, labeltop=True, labelbottom=False, pad=2)


def _write_rows(ax: Axes, arrays: dict[str, np.ndarray], lines: np.ndarray) -> None:
    """Write a line per cluster: number, size, and of both kinds the rows and the margin of the most extreme one."""
    heads = ("cluster", "size", "typical rows", "margin", "doubtful rows", "margin")
    places = (0.09, 0.19, 0.22, 0.57, 0.6, 0.97)
    sides = ("right", "right", "left", "right", "left", "right")
    style.hide_frame(ax)
    ax.set_xlim(0, 1)
    ax.set_ylim(len(lines) + 0.5, -0.5)
    for head, x, side in zip(heads, places, sides, strict=True):
        ax.text(x, 0, head, ha=side, va="center", color="#606060")
    for i, c in enumerate(lines, 1):
        cells = [arrays["example_clusters"][c], f"{arrays['example_sizes'][c]:,}"]
        for kind in range(2):
            rows = arrays["example_rows"][c, kind]
            margin = arrays["example_margins"][c, kind, 0]
            cells += [", ".join(str(row) for row in rows if row != -1), "–" if np.isnan(margin) else f"{margin:.2f}"]
        for cell, x, side in zip(cells, places, sides, strict=True):
            ax.text(x, i, cell, ha=side, va="center")


def _frame(record: pd.Series, arrays: dict[str, np.ndarray]) -> pd.DataFrame:
    c, kind, rank = np.nonzero(arrays["example_rows"] != -1)
    frame = pd.DataFrame({"cluster": arrays["example_clusters"][c], "size": arrays["example_sizes"][c]})
    frame = frame.assign(kind=np.array(KINDS)[kind], rank=rank + 1, space=str(arrays["space"]))
    for column, name in (
        ("row", "rows"),
        ("margin", "margins"),
        ("distance", "distances"),
        ("next_cluster", "next_clusters"),
        ("next_distance", "next_distances"),
    ):
        frame[column] = arrays[f"example_{name}"][c, kind, rank]
    return frame.assign(method=record["method"], name=record["name"], seed=record["seed"])[COLUMNS]
