"""The dictionaries of a method that has one for each cluster, and one point of every cluster taken apart."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jcae.figures import style
from jcae.figures.sources import choice, chosen_runs, image_shape, pixel_range, title

COLUMNS = ["method", "name", "seed", "cluster", "kind", "rank", "row", "weight"]
HEADS = ("atoms, most used first", "a point, rebuilt", "its largest parts")
SHOWN = 20
"""Clusters drawn at most, the first; the csv has all."""


def atoms(results: Path, dataset: str, *, reference: str | None = None) -> tuple[Figure | str, pd.DataFrame]:
    """Draw, per method, a line per cluster: its atoms, and beside them a point, its reconstruction and its parts.

    Reads `records.csv` and the gallery, which has the arrays of `jcae.models.atoms.Atoms`. The csv holds the pixels
    (`p0`, `p1`, ...). Its kinds: `atom`, whose weight is the mean coefficient; `point` (of the data, with its row) and
    `reconstruction`; `part`, whose weight is the coefficient.
    """
    shape, (low, high) = image_shape(results, dataset), pixel_range(results, dataset)
    chosen = chosen_runs(results, dataset, "atoms_used", reference)
    if not chosen:
        return style.empty(f"no ok run on {dataset} has dictionaries", COLUMNS)
    lines = [min(SHOWN, len(arrays["atoms_rows"])) for _, arrays in chosen]
    columns = max(arrays["atoms_used"].shape[1] + arrays["atoms_parts"].shape[1] for _, arrays in chosen) + 4
    line = (style.PAGE - 0.5) / (columns * (shape[1] + 1)) * (shape[0] + 1)
    figure = style.new(style.PAGE, line * sum(lines) + 0.5 * len(chosen) + 0.5)
    axes = figure.subplots(len(chosen), squeeze=False, height_ratios=lines)[:, 0]
    for ax, (record, arrays), n_lines in zip(axes, chosen, lines, strict=True):
        shown = {name: array[:n_lines] for name, array in arrays.items() if name.startswith("atoms_")}
        _draw(ax, shown, shape, (low, high))
        ax.set_ylabel(title(record))
    cut = any(len(arrays["atoms_rows"]) > SHOWN for _, arrays in chosen)
    style.caption(
        figure,
        f"{dataset}: one dictionary per cluster (own labels); every atom is scaled by its largest value, grey is zero. "
        "Right: the point of each cluster that the next dictionary explains worst, compared with its own, and the "
        "atoms with the largest coefficients in its code: their sign is in the image, their size in its corner. "
        f"{f'The first {SHOWN} clusters; the csv has all. ' if cut else ''}{choice(chosen)}",
    )
    return figure, pd.concat([_frame(record, arrays) for record, arrays in chosen], ignore_index=True)


def _draw(ax: Axes, arrays: dict[str, np.ndarray], shape: tuple[int, ...], values: tuple[float, float]) -> None:
    there, coefficients = arrays["atoms_rows"] != -1, arrays["atoms_coefficients"]
    pair = np.stack([arrays["atoms_points"], arrays["atoms_reconstructions"]], axis=1)
    pair = np.where(there[:, None, None], (pair - values[0]) / (values[1] - values[0]), np.nan)
    known = there[:, None] & (coefficients != 0)
    parts = np.where(known[..., None], _grey(arrays["atoms_parts"] * np.sign(coefficients)[..., None]), np.nan)
    between = np.full_like(pair[:, :1], np.nan)
    images = np.concatenate([_grey(arrays["atoms_used"]), between, pair, between, parts], axis=1)
    style.show(ax, images.reshape(*images.shape[:2], *shape), 0, 1)
    style.hide_frame(ax)
    height, width = shape[0] + 1, shape[1] + 1
    n_used, n_parts = arrays["atoms_used"].shape[1], coefficients.shape[1]
    ax.set_xticks([x * width for x in (n_used / 2, n_used + 2, n_used + 4 + n_parts / 2)], HEADS)
    ax.set_yticks([k * height + shape[0] / 2 - 0.5 for k in range(len(pair))], range(len(pair)))
    ax.tick_params(length=0, labeltop=True, labelbottom=False, pad=2)
    for k, i in zip(*np.nonzero(known), strict=True):
        place = (n_used + 4 + i) * width + shape[1] - 0.5, k * height + shape[0] - 0.5
        ax.text(
            *place, f"{abs(coefficients[k, i]):.1f}", ha="right", va="bottom", fontsize=style.SMALL, color="#D55E00"
        )


def _grey(images: np.ndarray) -> np.ndarray:
    """Images (rows, columns, d) between 0 and 1, zero at 1/2."""
    largest = np.abs(images).max(-1, keepdims=True)
    return 0.5 + images / np.where(largest == 0, 1, 2 * largest)


def _frame(record: pd.Series, arrays: dict[str, np.ndarray]) -> pd.DataFrame:
    """A line per image, cluster by cluster."""
    (K, n_used, d), n_parts = arrays["atoms_used"].shape, arrays["atoms_parts"].shape[1]
    pair = [arrays[f"atoms_{name}"][:, None] for name in ("points", "reconstructions")]
    pixels = np.concatenate([arrays["atoms_used"], *pair, arrays["atoms_parts"]], axis=1).reshape(-1, d)
    weights = np.hstack([arrays["atoms_use"], np.full((K, 2), np.nan), arrays["atoms_coefficients"]])
    kinds = [*["atom"] * n_used, "point", "reconstruction", *["part"] * n_parts]
    ranks = [*range(1, n_used + 1), 1, 1, *range(1, n_parts + 1)]
    frame = pd.DataFrame({"cluster": np.repeat(np.arange(K), len(kinds)), "kind": kinds * K, "rank": ranks * K})
    frame["row"] = np.where(frame["kind"] == "atom", -1, np.repeat(arrays["atoms_rows"], len(kinds)))
    frame = frame.assign(weight=weights.ravel(), method=record["method"], name=record["name"], seed=record["seed"])
    frame = pd.concat([frame[COLUMNS], pd.DataFrame(pixels, columns=[f"p{i}" for i in range(d)])], axis=1)
    return frame[(frame["kind"] == "atom") | (frame["row"] != -1)]
