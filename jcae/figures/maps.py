"""Maps of the code: the same points by class and by cluster, in its principal plane and by its neighbours."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from jcae.figures import style
from jcae.figures.labels import write_apart
from jcae.figures.sources import choice, chosen_runs, map_points, title, truth
from jcae.scores.metrics import match_clusters
from jcae.scores.neighbours import MAPPED, PERPLEXITY

COLUMNS = ["method", "name", "seed", "point", "x", "y", "neighbours_x", "neighbours_y"]
COLUMNS += ["class", "cluster", "matched_class"]
PLANES = {"plane": ("x", "y"), "neighbours": ("neighbours_x", "neighbours_y")}
HEIGHT = 1.3


def maps(results: Path, dataset: str, *, reference: str | None = None) -> tuple[Figure | str, pd.DataFrame]:
    """Draw the code of every method that has one in two dimensions, coloured by class and by cluster.

    A method that clusters in an embedding of its code shows that one. Up to two dimensions are drawn as they are; a
    wider code is projected on its first two principal components, and beside them mapped by t-SNE
    (`jcae.scores.neighbours`). A cluster has the colour of the class it is matched to, grey without one; where the data
    have no truth, a colour of its own, and there is no map by class. Reads `records.csv` and the gallery.
    """
    chosen = chosen_runs(results, dataset, "plane", reference)
    if not chosen:
        return style.empty(f"no ok run on {dataset} has a code", COLUMNS)
    y, class_names = truth(results, dataset) or (None, [])
    points = map_points(results, dataset)
    # Long names would cover the points and each other: the map then shows numbers, and a legend the names.
    long = max(map(len, class_names), default=0) > 3
    short = [str(c) for c in range(len(class_names))] if long else class_names
    frames = [_frame(record, arrays, points, y) for record, arrays in chosen]
    panels = [_panels(arrays, y is not None) for _, arrays in chosen]
    n_panels = max(map(len, panels))
    per_row = min(max(6 // n_panels, 1), len(chosen))
    rows = -(-len(chosen) // per_row)
    width = style.PAGE if per_row * n_panels > 3 else style.COLUMN
    figure = style.new(width, (HEIGHT + 0.3) * rows + 0.5 + 0.15 * long)
    if long:
        handles = [Line2D([], [], ls="", marker="o", ms=4, color=c) for c in style.colours(len(class_names))]
        named = [f"{c} {name}" for c, name in enumerate(class_names)]
        figure.legend(
            handles, named, loc="outside upper left", ncols=8 if width == style.PAGE else 3, handletextpad=0.1
        )
    blocks = figure.subfigures(rows, per_row, squeeze=False).flat
    drawn = []
    for block, (record, arrays), frame, shown in zip(blocks, chosen, frames, panels, strict=False):
        block.suptitle(f"{title(record)} ({_about(arrays)})")
        mapping = dict(frame[["matched_class", "cluster"]].dropna().drop_duplicates("matched_class").to_numpy())
        for ax, (plane, by) in zip(block.subplots(1, n_panels, squeeze=False)[0], shown, strict=False):
            heading = ("t-SNE" if plane == "neighbours" else "PCA" if arrays["width"] > 2 else "") + (
                f", by {by}" if by else ""
            )
            if by == "class":
                group, names = frame["class"], dict(enumerate(short))
            elif by == "cluster":
                group, names = frame["matched_class"], {c: str(k) for c, k in mapping.items()}
            else:
                group = frame["cluster"].where(frame["cluster"] >= 0)
                names = {k: str(k) for k in np.unique(arrays["labels"][arrays["labels"] >= 0]).tolist()}
            drawn.append((ax, frame[[*PLANES[plane]]].to_numpy(), group, names))
            _scatter(*drawn[-1][:3])
            ax.set_title(heading.removeprefix(", "))
        for ax in block.axes[len(shown) :]:
            ax.remove()
    shown = [arrays for _, arrays in chosen]
    style.caption(figure, _caption(dataset, shown, len(points), y is not None) + f" {choice(chosen)}")
    figure.draw_without_rendering()  # only now it is known how much room a label takes
    for ax, places, group, names in drawn:
        _label(ax, places, group, names)
    return figure, pd.concat(frames, ignore_index=True)[COLUMNS]


def _frame(record: pd.Series, arrays: dict[str, np.ndarray], points: np.ndarray, y: np.ndarray | None) -> pd.DataFrame:
    """A row per point of the maps."""
    labels = arrays["labels"]
    mapping = {} if y is None else match_clusters(y, labels)
    frame = pd.DataFrame({"point": points})
    for array, columns in PLANES.items():
        places = arrays.get(array, np.full((len(points), 2), np.nan))
        frame[list(columns)] = places
    frame["class"] = pd.NA if y is None else y[points]
    frame["cluster"] = labels[points]
    frame["matched_class"] = frame["cluster"].map(mapping).astype("Int64")
    return frame.assign(method=record["method"], name=record["name"], seed=record["seed"])


def _panels(arrays: dict[str, np.ndarray], truth: bool) -> list[tuple[str, str]]:
    """What is drawn of a method: which plane, coloured by what."""
    wide = "neighbours" in arrays
    if not truth:
        return [("plane", ""), *([("neighbours", "")] if wide else [])]
    first = [("plane", "class")]
    return first + ([("neighbours", "class"), ("neighbours", "cluster")] if wide else [("plane", "cluster")])


def _about(arrays: dict[str, np.ndarray]) -> str:
    p, share = int(arrays["width"]), float(arrays["share"])
    about = f"{p}-d" if p <= 2 else f"{p}-d, {100 * share:.0f} %"
    return f"embedding, {about}" if _is_embedding(arrays) else about


def _caption(dataset: str, shown: list[dict[str, np.ndarray]], n_points: int, truth: bool) -> str:
    codes = "codes (embeddings where the method clusters in one)" if any(map(_is_embedding, shown)) else "codes"
    said = f"{dataset}: {codes}, {n_points} points, the same everywhere"
    if any(arrays["width"] > 2 for arrays in shown):
        said += "; PCA: first two principal components, in brackets the share of variance that they keep"
    if any("neighbours" in arrays for arrays in shown):
        said += f"; t-SNE (perplexity {PERPLEXITY}, at most {MAPPED:,} points): near stays near, distances say nothing"
    coloured = (
        "a cluster has the colour of its matched class, grey without one"
        if truth
        else "coloured by cluster; the data have no truth"
    )
    return f"{said}. Own labels; {coloured}."


def _is_embedding(arrays: dict[str, np.ndarray]) -> bool:
    return "space" in arrays and str(arrays["space"]) == "embedding"


def _scatter(ax: Axes, places: np.ndarray, group: pd.Series) -> None:
    palette = style.colours(len(style.PALETTE))
    colour = [style.GREY if pd.isna(g) else palette[int(g) % len(palette)] for g in group]
    there = ~np.isnan(places[:, 0])
    # One pixel image instead of thousands of vector marks keeps the file small.
    size = np.clip(2500 / max(there.sum(), 1), 1.2, 6)
    ax.scatter(*places.T, c=colour, s=size, lw=0, alpha=0.7, rasterized=True)
    style.hide_frame(ax)


def _label(ax: Axes, places: np.ndarray, group: pd.Series, names: dict[int, str]) -> None:
    if len(names) > len(style.PALETTE):
        return
    found = {g: places[(group == g).fillna(False).to_numpy(bool) & ~np.isnan(places[:, 0])] for g in names}
    found = {g: np.median(mine, axis=0) for g, mine in found.items() if len(mine)}
    write_apart(ax, np.array(list(found.values())), [names[g] for g in found])
