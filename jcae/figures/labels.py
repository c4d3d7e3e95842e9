"""Labels that do not cover each other: pushed apart from where they belong, as little as that takes."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from jcae.figures import style

ROUNDS = 200


def spread(places: np.ndarray, gap: float, low: float, high: float) -> np.ndarray:
    """Move numbers apart until neighbours are `gap` from each other, their order kept, between two ends.

    Parameters
    ----------
    places : ndarray, shape (n,)
    gap, low, high : float
        Where n gaps do not fit between the ends, they shrink until they do.

    Returns
    -------
    ndarray, shape (n,)
    """
    order = np.argsort(places, kind="stable")
    gap = min(gap, (high - low) / max(len(places) - 1, 1))
    steps = gap * np.arange(len(places))
    # What is left is to fit an increasing line to the places: pooled, as in isotonic regression.
    blocks: list[list[float]] = []
    for value in places[order] - steps:
        blocks.append([value, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            value, n = blocks.pop()
            blocks[-1] = [(blocks[-1][0] * blocks[-1][1] + value * n) / (blocks[-1][1] + n), blocks[-1][1] + n]
    fitted = np.concatenate([np.full(n, value) for value, n in blocks]) if blocks else np.zeros(0)
    moved = np.empty(len(places))
    moved[order] = np.clip(fitted, low, high - gap * (len(places) - 1)) + steps
    return moved


def apart(places: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Move boxes apart until no two overlap, each along the axis on which less is to do.

    Parameters
    ----------
    places, sizes : ndarray, shape (n, 2)
        Centres of the boxes, their width and height.

    Returns
    -------
    ndarray, shape (n, 2)
        The same input gives the same output; after `ROUNDS` rounds some overlap may be left.
    """
    moved = places.astype(float)
    for _ in range(ROUNDS):
        still = True
        for i in range(len(moved)):
            for j in range(i):
                between = moved[i] - moved[j]
                overlap = (sizes[i] + sizes[j]) / 2 - np.abs(between)
                if (overlap > 1e-6).all():
                    axis = int(overlap[1] < overlap[0])
                    push = (0.5 * overlap[axis] + 1e-3) * (1 if between[axis] >= 0 else -1)
                    moved[i, axis] += push
                    moved[j, axis] -= push
                    still = False
        if still:
            break
    return moved


def write_apart(ax: Axes, places: np.ndarray, texts: list[str], colours: list[str] | None = None) -> None:
    """Write texts at places of the data, pushed apart, with a line back where one was moved far.

    Distances are those of the layout as it is: call it when limits are set and the figure was laid out
    (`Figure.draw_without_rendering`).
    """
    if not len(places):
        return
    extent = ax.get_window_extent().size * 72 / ax.figure.get_dpi()
    to_points = ax.transLimits.transform(ax.transScale.transform(places)) * extent
    sizes = np.array([[0.62 * style.TEXT * len(text) + 1, 1.1 * style.TEXT] for text in texts])
    moved = apart(to_points, sizes)
    moved = np.clip(moved, sizes / 2, np.maximum(extent - sizes / 2, sizes / 2))
    halo = [withStroke(linewidth=1.6, foreground="white")]
    for i, text in enumerate(texts):
        shift = moved[i] - to_points[i]
        far = np.hypot(*shift) > style.TEXT
        ax.annotate(
            text,
            tuple(places[i]),
            xytext=tuple(shift),
            textcoords="offset points",
            ha="center",
            va="center",
            color="black" if colours is None else colours[i],
            path_effects=halo,
            arrowprops={"arrowstyle": "-", "lw": 0.4, "shrinkA": 0, "shrinkB": 0, "color": "#606060"} if far else None,
        ).set_in_layout(False)
