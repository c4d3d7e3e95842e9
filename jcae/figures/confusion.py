"""Confusion matrices: classes by the clusters matched to them."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from jcae.figures import style
from jcae.figures.sources import choice, chosen_runs, title, truth
from jcae.scores.metrics import match_clusters

COLUMNS = ["method", "name", "seed", "class", "class_name", "cluster", "matched_class", "count", "share"]

SHOWN = 0.03
"""Smallest share that is also written as a number."""


def confusion(results: Path, dataset: str, *, reference: str | None = None) -> tuple[Figure | str, pd.DataFrame]:
    """Draw, per method, which share of each class lies in each cluster, clusters in the order of their matched class.

    Clusters without a class follow at the right. Reads `records.csv` and the gallery. `share` is the count
    over the size of the class.
    """
    chosen = chosen_runs(results, dataset, "labels", reference)
    if not chosen:
        return style.empty(f"no ok run on {dataset}", COLUMNS)
    known = truth(results, dataset)
    if known is None:
        return style.empty(f"{dataset} has no truth: there are no classes to set the clusters against", COLUMNS)
    y, class_names = known
    C = len(class_names)
    per_row = 4 if C <= 12 else 2
    rows = -(-len(chosen) // per_row)
    figure, axes = style.grid(len(chosen), per_row, min(0.95 * style.PAGE / per_row, 8.8 / rows), extra=0.5)
    frames = []
    for i, (ax, (record, arrays)) in enumerate(zip(axes, chosen, strict=True)):
        labels = arrays["labels"]
        mapping = match_clusters(y, labels)
        clusters = sorted(np.unique(labels).tolist(), key=lambda k: (mapping.get(k, C), k))
        counts = np.array([[np.sum((y == c) & (labels == k)) for k in clusters] for c in range(C)])
        share = counts / counts.sum(axis=1, keepdims=True)
        image = ax.imshow(100 * share, cmap="Blues", vmin=0, vmax=100, aspect="auto")
        if max(C, len(clusters)) <= 12:
            for c, k in zip(*np.nonzero(share >= SHOWN), strict=True):
                colour = "white" if share[c, k] > 0.55 else "black"
                ax.text(k, c, f"{100 * share[c, k]:.0f}", ha="center", va="center", fontsize=style.SMALL, color=colour)
        ax.set_xticks(range(len(clusters)), clusters)
        ax.set_yticks(range(C), class_names if i % per_row == 0 else [""] * C)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        ax.set_title(title(record))
        if i + per_row >= len(chosen):
            ax.set_xlabel("cluster")
        if i % per_row == 0:
            ax.set_ylabel("class")
        c, k = np.indices(counts.shape).reshape(2, -1)
        cluster = np.array(clusters)[k]
        frame = pd.DataFrame({"class": c, "class_name": np.array(class_names)[c], "cluster": cluster})
        frame["matched_class"] = frame["cluster"].map(mapping).astype("Int64")
        frame["count"], frame["share"] = counts.ravel(), share.ravel()
        frames.append(frame.assign(method=record["method"], name=record["name"], seed=record["seed"])[COLUMNS])
    figure.colorbar(image, ax=axes, label="share of the class (%)", shrink=0.5, aspect=30, pad=0.01)
    style.caption(
        figure,
        f"{dataset}: percent of each class in each cluster (own labels; below {100 * SHOWN:.0f} % colour only), "
        f"clusters in the order of the class they are matched to. {choice(chosen)}",
    )
    return figure, pd.concat(frames, ignore_index=True)
