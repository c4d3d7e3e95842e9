"""The points on which the seeds of a method agree least, cluster by cluster: images, or the numbers of their rows."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from jcae.figures import style
from jcae.figures.confidence import NONE
from jcae.figures.sources import confidences, image_shape, truth
from jcae.scores.gallery import is_of_images
from jcae.scores.metrics import match_clusters

COLUMNS = ["method", "name", "cluster", "size", "rank", "row", "agreement", "cluster_class", "point_class"]
PER_ROW = 4
SHOWN = 20
"""Clusters drawn at most, the largest; the csv has all."""
WRITTEN = 4
"""Rows written per cluster, where there are no images."""


def doubtful(results: Path, dataset: str, *, reference: str | None = None) -> tuple[Figure | str, pd.DataFrame]:
    """Draw a panel per method with a line per cluster of the consensus: its most doubtful points, least sure first.

    Reads `records.csv` and the gallery.
    """
    found, left_out = confidences(results, dataset, reference)
    if not found:
        return style.empty(NONE.format(dataset) + left_out, COLUMNS)
    unsure = [(record, arrays) for record, arrays in found if (arrays["doubtful"] != -1).any()]
    if not unsure:
        return style.empty(f"the seeds of every method agree on every point of {dataset}: none is doubtful", COLUMNS)
    classes, images = truth(results, dataset), is_of_images(results, dataset)
    frames = [_frame(record, arrays, classes) for record, arrays in unsure]
    most = max(len(_lines(frame)) for frame in frames)
    if images:
        shape, n = image_shape(results, dataset), unsure[0][1]["doubtful"].shape[1]
        panel = style.PAGE / PER_ROW
        height = (panel - 0.65) / (n * (shape[1] + 1)) * (shape[0] + 1) * most
        figure, axes = style.grid(len(unsure), PER_ROW, height + 0.35, extra=0.55)
    else:
        figure, axes = style.grid(len(unsure), 2, 0.145 * (most + 1) + 0.3, extra=0.55)
    for ax, (record, arrays), frame in zip(axes, unsure, frames, strict=True):
        if images:
            _draw_images(ax, arrays, frame, shape)
        else:
            _write_rows(ax, frame)
        ax.set_title(record["name"])
    rest = [record["name"] for record, arrays in found if not (arrays["doubtful"] != -1).any()]
    sure = f" All seeds agree on every point: {', '.join(rest)}." if rest else ""
    marked = f" {'Framed' if images else 'Starred'}: of another class than its cluster." if classes else ""
    more = max(frame["cluster"].nunique() for frame in frames) > SHOWN
    cut = f" The {SHOWN} largest clusters; the csv has all." if more else ""
    style.caption(
        figure,
        f"{dataset}: of each cluster of the consensus, the largest first, the points on which the ok seeds "
        "agree least, those first. Left: the class matched to the cluster, else its number; right: its lowest "
        "agreement, in percent."
        f"{marked}{cut}{sure}{left_out}",
    )
    return figure, pd.concat(frames, ignore_index=True)


def _frame(
    record: pd.Series, arrays: dict[str, np.ndarray], classes: tuple[np.ndarray, list[str]] | None
) -> pd.DataFrame:
    rows = arrays["doubtful"]
    cluster, rank = np.nonzero(rows != -1)
    row = rows[cluster, rank]
    frame = pd.DataFrame({"cluster": cluster, "size": np.bincount(arrays["labels"])[cluster], "rank": rank + 1})
    frame = frame.assign(row=row, agreement=arrays["agreement"][row], cluster_class=None, point_class=None)
    if classes is not None:
        y, names = classes
        matched = match_clusters(y, arrays["labels"])
        frame["cluster_class"] = [names[matched[k]] if k in matched else None for k in cluster]
        frame["point_class"] = [names[c] for c in y[row]]
    return frame.assign(method=record["method"], name=record["name"])[COLUMNS]


def _lines(frame: pd.DataFrame) -> list[tuple[int, pd.DataFrame]]:
    """The clusters that are drawn, with their points."""
    return list(frame.groupby("cluster"))[:SHOWN]


def _name(points: pd.DataFrame) -> str:
    first = points.iloc[0]
    return str(first["cluster"]) if pd.isna(first["cluster_class"]) else str(first["cluster_class"])


def _is_wrong(points: pd.DataFrame) -> np.ndarray:
    return (points["point_class"].notna() & (points["point_class"] != points["cluster_class"])).to_numpy()


def _draw_images(ax: Axes, arrays: dict[str, np.ndarray], frame: pd.DataFrame, shape: tuple[int, ...]) -> None:
    lines, height, width = _lines(frame), shape[0] + 1, shape[1] + 1
    images = np.full((len(lines), arrays["doubtful"].shape[1], *shape), np.nan)
    for i, (k, points) in enumerate(lines):
        images[i, : len(points)] = arrays["doubtful_images"][k, : len(points)].reshape(-1, *shape)
        for j in np.flatnonzero(_is_wrong(points)):
            frame_of_point = (j * width - 1, i * height - 1), width, height
            ax.add_patch(Rectangle(*frame_of_point, fill=False, ec=style.OKABE_ITO[3], lw=0.9, clip_on=False))
    style.show(ax, images, 0, 255)
    style.hide_frame(ax)
    places = [i * height + shape[0] / 2 - 0.5 for i in range(len(lines))]
    ax.set_yticks(places, [_name(points)[:9] for _, points in lines])
    ax.tick_params(length=0, labelsize=7, pad=2)
    for place, (_, points) in zip(places, lines, strict=True):
        lowest = f"{100 * points['agreement'].iloc[0]:.0f}"
        ax.text(images.shape[1] * width + 1, place, lowest, va="center", color="#606060")


def _write_rows(ax: Axes, frame: pd.DataFrame) -> None:
    """Write a line per cluster: name, size, the rows of its points, and the agreement of the first."""
    lines = _lines(frame)
    places, sides = (0.02, 0.38, 0.42, 0.98), ("left", "right", "left", "right")
    style.hide_frame(ax)
    ax.set_xlim(0, 1)
    ax.set_ylim(len(lines) + 0.5, -0.5)
    written = [("cluster", "size", "rows", "lowest")]
    for _, points in lines:
        stars = np.where(_is_wrong(points), "*", "")
        rows = [f"{row}{star}" for row, star in zip(points["row"], stars, strict=True)][:WRITTEN]
        lowest = f"{100 * points['agreement'].iloc[0]:.0f}"
        written.append((_name(points)[:22], f"{points['size'].iloc[0]:,}", ", ".join(rows), lowest))
    for i, cells in enumerate(written):
        for cell, x, side in zip(cells, places, sides, strict=True):
            ax.text(x, i, cell, ha=side, va="center", color="#606060" if i == 0 else "black")
