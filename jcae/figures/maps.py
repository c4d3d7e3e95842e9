"""Maps of the code: the same points by class and by cluster."""

from pathlib import Path

import matplotlib.patheffects
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from jcae.figures import style
from jcae.figures.sources import choice, chosen_runs, map_points, title, truth
from jcae.scores.metrics import match_clusters

COLUMNS = ["method", "name", "seed", "point", "x", "y", "class", "cluster", "matched_class"]


def maps(results: Path, dataset: str) -> tuple[Figure, pd.DataFrame]:
    """Draw the code of every method that has one in two dimensions, coloured by class and by cluster.

    A method that clusters in an embedding of its code shows that one. More than two dimensions are projected on their
    first two principal components. A cluster has the colour of the class it is matched to, grey without one; where the
    data have no truth, a colour of its own, and there is no map by class. Reads `records.csv` and the gallery.
    """
    chosen = chosen_runs(results, dataset, "plane")
    if not chosen:
        return style.empty(f"no ok run on {dataset} has a code", COLUMNS)
    y, class_names = truth(results, dataset) or (None, [])
    points = map_points(results, dataset)
    per_row = min(4 if y is None else 2, len(chosen))
    rows = -(-len(chosen) // per_row)
    # Long names would cover the points and each other: the map then shows numbers, and a legend the names.
    long = max(map(len, class_names), default=0) > 3
    short = [str(c) for c in range(len(class_names))] if long else class_names
    figure = style.new(style.PAGE if per_row > 1 else style.COLUMN * 1.3, 2.0 * rows + 0.45 + 0.25 * long)
    if long:
        handles = [Line2D([], [], ls="", marker="o", ms=4, color=c) for c in style.colours(len(class_names))]
        named = [f"{c} {name}" for c, name in enumerate(class_names)]
        figure.legend(handles, named, loc="outside upper left", ncols=5 if per_row == 2 else 3, handletextpad=0.1)
    blocks = figure.subfigures(rows, per_row, squeeze=False).flat
    frames = []
    for block, (record, arrays) in zip(blocks, chosen, strict=False):
        labels, plane = arrays["labels"], arrays["plane"]
        mapping = {} if y is None else match_clusters(y, labels)
        frame = pd.DataFrame({"point": points, "x": plane[:, 0], "y": plane[:, 1]})
        frame["class"] = pd.NA if y is None else y[points]
        frame["cluster"] = labels[points]
        frame["matched_class"] = frame["cluster"].map(mapping).astype("Int64")
        frames.append(frame.assign(method=record["method"], name=record["name"], seed=record["seed"]))
        p, share = int(arrays["width"]), float(arrays["share"])
        about = f"{p}-d" if p <= 2 else f"{p}-d, {100 * share:.0f} %"
        about = f"embedding, {about}" if _is_embedding(arrays) else about
        if y is None:
            block.suptitle(f"{title(record)}\n({about})", fontsize=8)
            clusters = frame["cluster"].where(frame["cluster"] >= 0)
            _scatter(block.subplots(), frame, clusters, {k: str(k) for k in np.unique(labels[labels >= 0]).tolist()})
            continue
        block.suptitle(f"{title(record)} ({about})", fontsize=8.5)
        left, right = block.subplots(1, 2)
        _scatter(left, frame, frame["class"], dict(enumerate(short)), "by class")
        _scatter(right, frame, frame["matched_class"], {c: f"{k}" for k, c in mapping.items()}, "by cluster")
    shown = [arrays for _, arrays in chosen]
    projected = (
        "projected on the first two principal components, with the share of variance they keep; "
        if any(arrays["width"] > 2 for arrays in shown)
        else ""
    )
    codes = "codes (embeddings where the method clusters in one)" if any(map(_is_embedding, shown)) else "codes"
    coloured = (
        "coloured by cluster; the data have no truth"
        if y is None
        else ("a cluster has the colour of its matched class, grey without one")
    )
    style.caption(
        figure,
        f"{dataset}: {codes}, {projected}{len(points)} points, the same everywhere. Own labels; {coloured}. "
        f"{choice(chosen)}",
    )
    return figure, pd.concat(frames, ignore_index=True)[COLUMNS]


def _is_embedding(arrays: dict[str, np.ndarray]) -> bool:
    return "space" in arrays and str(arrays["space"]) == "embedding"


def _scatter(ax: Axes, frame: pd.DataFrame, group: pd.Series, names: dict[int, str], heading: str = "") -> None:
    palette = style.colours(max(names, default=0) + 1)
    colour = [style.GREY if pd.isna(g) else palette[int(g)] for g in group]
    # One pixel image instead of thousands of vector marks keeps the file small.
    size = np.clip(4000 / len(frame), 2.5, 9)
    ax.scatter(frame["x"], frame["y"], c=colour, s=size, lw=0, alpha=0.7, rasterized=True)
    halo = [matplotlib.patheffects.withStroke(linewidth=1.8, foreground="white")]
    for g, name in names.items():
        mine = frame[(group == g).fillna(False).astype(bool)]
        if len(mine) and len(names) <= len(style.PALETTE):
            place = mine["x"].median(), mine["y"].median()
            ax.annotate(name, place, ha="center", va="center", fontsize=7, path_effects=halo, clip_on=True)
    ax.set_title(heading, fontsize=8, pad=2)
    style.hide_frame(ax)
