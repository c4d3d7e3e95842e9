"""A data set at a glance: the code of one method with its centroids in it, and the scores of all methods."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from jcae.figures import style
from jcae.figures.labels import apart, write_apart
from jcae.figures.scores import draw_panel
from jcae.figures.sources import (
    against_truth,
    choice,
    chosen_runs,
    image_shape,
    looks,
    map_points,
    pixel_range,
    records_of,
    title,
    truth,
)
from jcae.scores.evaluation import read_results
from jcae.scores.gallery import is_of_images
from jcae.scores.metrics import METRICS, match_clusters

COLUMNS = ["kind", "method", "name", "seed", "point", "x", "y", "cluster", "matched_class", "labels", "metric", "value"]
SIDE = 0.24
"""Width of a centroid's image, in inches."""


def glance(results: Path, dataset: str, *, reference: str | None = None) -> tuple[Figure | str, pd.DataFrame]:
    """Draw the code of the first method by cluster, of images with the decoded centroids, beside the scores of all.

    The first method that has a code, which is the reference if that has one; mapped by t-SNE, where the gallery has
    that, or by PCA. The scores are ACC or, without a truth, the silhouette. Reads `scores.csv`, `records.csv` and the
    gallery.
    """
    chosen = chosen_runs(results, dataset, "plane", reference)
    if not chosen:
        return style.empty(f"no ok run on {dataset} has a code", COLUMNS)
    record, arrays = chosen[0]
    known, points = truth(results, dataset), map_points(results, dataset)
    metric = "silhouette_features" if known is None else "acc"
    places = arrays.get("neighbours", arrays["plane"])
    mapping = {} if known is None else match_clusters(known[0], arrays["labels"])
    frame = pd.DataFrame({"kind": "map", "point": points, "x": places[:, 0], "y": places[:, 1]})
    frame = frame.assign(cluster=arrays["labels"][points], method=record["method"], name=record["name"])
    frame = frame.assign(seed=record["seed"], matched_class=frame["cluster"].map(mapping).astype("Int64"))
    frame = frame[frame["x"].notna()].reset_index(drop=True)

    figure = style.new(style.PAGE, 3.1)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.15])
    group = frame["cluster"] if known is None else frame["matched_class"]
    palette = style.colours(len(style.PALETTE))
    colour = [style.GREY if pd.isna(g) or g < 0 else palette[int(g) % len(palette)] for g in group]
    size = np.clip(4000 / len(frame), 1.5, 10)
    left.scatter(frame["x"], frame["y"], c=colour, s=size, lw=0, alpha=0.75, rasterized=True)
    left.set_title(title(record), loc="left")
    style.hide_frame(left)
    scores = _scores(right, results, dataset, metric, reference)
    p, wide = int(arrays["width"]), int(arrays["width"]) > 2
    how = f", {p}-d, by {'t-SNE' if 'neighbours' in arrays else 'PCA'}" if wide else ""
    images = "centroids" in arrays and is_of_images(results, dataset)
    style.caption(
        figure,
        f"{dataset}. Left: the code of {record['name']}{how}, coloured by "
        f"{'cluster' if known is None else 'the class that its cluster is matched to'}"
        f"{', with the decoded centroids' if images else ''}. {choice(chosen[:1])} Right: every method, a mark per ok "
        "seed (filled: own labels; hollow: k-means on the code), a stroke at the mean; grey: controls, their mean "
        "where it lies beyond the axis.",
    )
    figure.draw_without_rendering()  # only now it is known how much room there is
    medians = frame.groupby("cluster")[["x", "y"]].median()
    medians = medians[medians.index >= 0]
    if images:
        frames = [
            style.GREY if known and k not in mapping else palette[mapping.get(k, k) % len(palette)]
            for k in medians.index
        ]
        shape, pixels = image_shape(results, dataset), pixel_range(results, dataset)
        _centroids(left, medians, arrays["centroids"], frames, shape, pixels)
    elif len(medians) <= len(style.PALETTE):
        names = [str(k) if known is None or k not in mapping else str(known[1][mapping[k]]) for k in medians.index]
        write_apart(left, medians.to_numpy(), names)
    return figure, pd.concat([frame, scores], ignore_index=True)[COLUMNS]


def _scores(ax: Axes, results: Path, dataset: str, metric: str, reference: str | None) -> pd.DataFrame:
    """Draw the scores of all methods, and return them."""
    records = records_of(results, dataset, reference)
    records = records if metric != "acc" else against_truth(records)[0]
    values, _ = read_results(results)
    columns = ["dataset", "method", "name", "control", "seed", "order", "colour"]
    data = records[columns].merge(values[values["metric"] == metric])
    draw_panel(ax, data, records, looks(records), metric)
    ax.locator_params(axis="x", nbins=7)
    ax.set_xlabel(METRICS[metric].label + (" (%)" if METRICS[metric].percent else ""))
    return data.assign(kind="score")


def _centroids(
    ax: Axes,
    places: pd.DataFrame,
    centroids: np.ndarray,
    frames: list[str],
    shape: tuple[int, ...],
    pixels: tuple[float, float],
) -> None:
    """Place the image of every centroid at the median of its cluster, pushed apart where two would overlap."""
    extent = ax.get_window_extent().size / ax.figure.get_dpi()
    at = ax.transLimits.transform(places.to_numpy()) * extent
    box = np.array([SIDE, SIDE * shape[0] / shape[1]])
    moved = np.clip(apart(at, np.tile(box + 0.06, (len(at), 1))), box / 2, extent - box / 2)
    low, high = pixels
    grey = mpl.colormaps["gray_r"]
    for k, (x, y), start, end, colour in zip(places.index, places.to_numpy(), at, moved, frames, strict=True):
        image = np.clip((centroids[k].reshape(shape) - low) / (high - low), 0, 1)
        drawn = OffsetImage(
            image if image.ndim == 3 else grey(image), zoom=72 * SIDE / shape[1], interpolation="nearest"
        )
        line = {"arrowstyle": "-", "lw": 0.5, "color": "#606060"}
        place = {"xybox": tuple(72 * (end - start)), "boxcoords": "offset points", "pad": 0.06, "frameon": True}
        holder = AnnotationBbox(drawn, (x, y), **place, arrowprops=line, bboxprops={"lw": 1.2, "ec": colour})
        holder.set_in_layout(False)
        ax.add_artist(holder)
