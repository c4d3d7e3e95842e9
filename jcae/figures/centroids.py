"""Decoded centroids as images, next to the means of the classes they are matched to."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from jcae.figures import style
from jcae.figures.sources import choice, chosen_runs, class_means, image_shape, pixel_range, title, truth
from jcae.scores.metrics import match_clusters

COLUMNS = ["method", "name", "seed", "cluster", "class", "column"]
MEANS = "class means"


def centroids(results: Path, dataset: str, *, reference: str | None = None) -> tuple[Figure | str, pd.DataFrame]:
    """Draw class means and, below, the decoded centroids of each method in the order of their matched classes.

    Clusters without a class follow at the right. Without a truth there are no class means, and the centroids are in the
    order of their clusters. Reads `records.csv` and the gallery. The csv holds the pixels (`p0`, `p1`, ...).
    """
    shape = image_shape(results, dataset)
    chosen = chosen_runs(results, dataset, "centroids", reference)
    if not chosen:
        return style.empty(f"no ok run on {dataset} has decoded centroids", COLUMNS)
    y, class_names = truth(results, dataset) or (None, [])
    heads = [(MEANS, None, None, None, c, c) for c in range(len(class_names))]
    pixels = [] if y is None else [class_means(results, dataset)]
    low, high = pixel_range(results, dataset) if y is None else (pixels[0].min(), pixels[0].max())
    for record, arrays in chosen:
        mapping = {} if y is None else match_clusters(y, arrays["labels"])
        decoded = arrays["centroids"]
        order = sorted(range(len(decoded)), key=lambda k: (mapping.get(k, len(class_names)), k))
        spare = len(class_names)
        for k in order:
            c = mapping.get(k)
            # A class without a cluster leaves its column empty, so that columns stay comparable.
            column, spare = (spare, spare + 1) if c is None else (c, spare)
            heads.append((record["name"], record["method"], record["seed"], k, c, column))
        pixels.append(decoded[order])
    data = pd.DataFrame(heads, columns=["name", "method", "seed", "cluster", "class", "column"])
    for column in ("seed", "cluster", "class"):
        data[column] = data[column].astype("Int64")
    values = np.concatenate(pixels)

    names = list(dict.fromkeys(data["name"]))
    rows = [*([] if y is None else [MEANS]), *(title(record) for record, _ in chosen)]
    n_columns = data["column"].max() + 1
    images = np.full((len(names), n_columns, *shape), np.nan)
    for row, value in zip(data.itertuples(), values, strict=True):
        images[names.index(row.name), row.column] = value.reshape(shape)
    height, side = shape[0] + 1, shape[1] + 1
    figure = style.new(style.PAGE, (style.PAGE - 1.2) / (n_columns * side) * height * len(names) + 0.75)
    ax = figure.subplots()
    style.show(ax, images, low, high)
    style.hide_frame(ax)
    ax.set_yticks([i * height + shape[0] / 2 - 0.5 for i in range(len(names))], rows)
    spare = n_columns - len(class_names)
    ticks = list(range(n_columns)) if y is None else [*class_names, *[f"+{i + 1}" for i in range(spare)]]
    ax.set_xticks([j * side + shape[1] / 2 - 0.5 for j in range(n_columns)], ticks)
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    if max(len(str(tick)) for tick in ticks) > 7:
        ax.tick_params(axis="x", labelrotation=30)
    about = "decoded centroids by the number of their cluster; the data have no truth."
    if y is not None:
        about = "decoded centroids under the class they are matched to (own labels)."
        about += " +1, +2 ...: clusters without a class." if spare else ""
    style.caption(figure, f"{dataset}: {about} {choice(chosen)}")
    style.trim(figure, ax)
    pixel_columns = pd.DataFrame(values, columns=[f"p{i}" for i in range(values.shape[1])])
    return figure, pd.concat([data[COLUMNS], pixel_columns], axis=1)
