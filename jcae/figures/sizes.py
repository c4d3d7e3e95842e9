"""Sizes of the clusters, largest first, beside those of the classes where these are known."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from jcae.figures import style
from jcae.figures.sources import choice, chosen_runs, title, truth

COLUMNS = ["method", "name", "seed", "cluster", "size", "share"]
PER_ROW = 4
NUMBERED = 20
"""Clusters up to which every bar has its number."""


def sizes(results: Path, dataset: str, *, reference: str | None = None) -> tuple[Figure | str, pd.DataFrame]:
    """Draw a panel per method with a bar per cluster, and a stroke per class.

    Noise (-1) is the last bar, in grey. Reads `records.csv` and the gallery.
    """
    chosen = chosen_runs(results, dataset, "labels", reference)
    if not chosen:
        return style.empty(f"no ok run on {dataset}", COLUMNS)
    known = truth(results, dataset)
    frames = [_sizes(record, arrays["labels"]) for record, arrays in chosen]
    figure, axes = style.grid(len(chosen), PER_ROW, 1.15, extra=0.35, sharey=True)
    classes = [] if known is None else np.sort(np.unique(known[0], return_counts=True)[1])[::-1] / len(known[0])
    highest = 100 * max(max(frame["share"].max() for frame in frames), *classes, 0)
    for i, (ax, frame, (record, _)) in enumerate(zip(axes, frames, chosen, strict=True)):
        colours = [style.GREY if k == -1 else record["colour"] for k in frame["cluster"]]
        ax.bar(range(len(frame)), 100 * frame["share"], color=colours, width=0.8)
        ax.plot(range(len(classes)), 100 * np.asarray(classes), ls="", marker="_", ms=5, mew=1.2, color="black")
        numbered = len(frame) <= NUMBERED
        names = ["–" if k == -1 else str(k) for k in frame["cluster"]]
        ax.set_xticks(range(len(frame)) if numbered else [], names if numbered else [])
        ax.tick_params(axis="x", length=0, labelsize=style.TEXT if len(frame) <= 12 else style.SMALL)
        ax.set_ylim(0, 1.05 * highest)
        ax.set_title(title(record))
        if i % PER_ROW == 0:
            ax.set_ylabel("points (%)")
    strokes = "" if known is None else " Strokes: sizes of the classes, largest first, whatever cluster they match."
    noise = " Grey: noise, in no cluster." if any((frame["cluster"] == -1).any() for frame in frames) else ""
    style.caption(
        figure,
        f"{dataset}: points in each cluster, largest first, below it the number of the cluster (own labels).{strokes}"
        f"{noise} {choice(chosen)}",
    )
    return figure, pd.concat(frames, ignore_index=True)


def _sizes(record: pd.Series, labels: np.ndarray) -> pd.DataFrame:
    clusters, counts = np.unique(labels, return_counts=True)
    frame = pd.DataFrame({"cluster": clusters.astype(int), "size": counts, "share": counts / len(labels)})
    frame = frame.assign(noise=frame["cluster"] == -1).sort_values(["noise", "size"], ascending=[True, False])
    return frame.assign(method=record["method"], name=record["name"], seed=record["seed"])[COLUMNS]
