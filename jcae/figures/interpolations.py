"""Decoded points on the straight line between one centroid and the next."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from jcae.figures import style
from jcae.figures.sources import choice, chosen_runs, image_shape, pixel_range, title, truth
from jcae.scores.metrics import match_clusters

COLUMNS = ["method", "name", "seed", "cluster", "next_cluster", "class", "position"]
PER_ROW = 4


def interpolations(results: Path, dataset: str, *, reference: str | None = None) -> tuple[Figure | str, pd.DataFrame]:
    """Draw, per method, one row of images for each centroid on its way to the next (the last to the first).

    A row is labelled by the classes that both clusters are matched to; by their numbers without a truth. Reads
    `records.csv` and the gallery. The csv holds the pixels (`p0`, `p1`, ...).
    """
    shape, (low, high) = image_shape(results, dataset), pixel_range(results, dataset)
    chosen = chosen_runs(results, dataset, "interpolations", reference)
    if not chosen:
        return style.empty(f"no ok run on {dataset} has decoded interpolations", COLUMNS)
    K, steps = chosen[0][1]["interpolations"].shape[:2]
    y, class_names = truth(results, dataset) or (None, [])
    room = style.PAGE / PER_ROW - 0.07 * (2 * max(map(len, class_names), default=2) + 1) - 0.1
    figure, axes = style.grid(
        len(chosen), PER_ROW, room / (steps * (shape[1] + 1)) * (shape[0] + 1) * K + 0.22, extra=0.3
    )
    frames = []
    for ax, (record, arrays) in zip(axes, chosen, strict=True):
        lines = arrays["interpolations"]
        K, steps, d = lines.shape
        # A decoder may overshoot, a single centroid far enough to grey all others: every method has the data's scale.
        style.show(ax, lines.reshape(K, steps, *shape), low, high)
        style.hide_frame(ax)
        side = shape[0] + 1
        mapping = {} if y is None else match_clusters(y, arrays["labels"])
        ends = [class_names[mapping[k]] if k in mapping else str(k) if y is None else "+" for k in range(K)]
        ax.set_yticks(
            [k * side + shape[0] / 2 - 0.5 for k in range(K)], [f"{ends[k]}–{ends[(k + 1) % K]}" for k in range(K)]
        )
        ax.tick_params(length=0)
        ax.set_title(title(record))
        k, position = np.divmod(np.arange(K * steps), steps)
        frame = pd.DataFrame({"cluster": k, "next_cluster": (k + 1) % K, "position": position / (steps - 1)})
        frame["class"] = frame["cluster"].map(mapping).astype("Int64")
        frame = frame.assign(method=record["method"], name=record["name"], seed=record["seed"])[COLUMNS]
        pixels = pd.DataFrame(lines.reshape(-1, d), columns=[f"p{i}" for i in range(d)])
        frames.append(pd.concat([frame, pixels], axis=1))
    about = "" if y is None else " Named by the classes that the two are matched to (own labels), + without one."
    style.caption(
        figure,
        f"{dataset}: decoded points on the line from the centroid of one cluster to that of the next.{about} "
        f"{choice(chosen)}",
    )
    return figure, pd.concat(frames, ignore_index=True)
