"""How sure each method is of its points, and how often it is right where it is sure."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from jcae.figures import style
from jcae.figures.sources import confidences, truth
from jcae.scores.consensus import BINS, are_right, reliability

COLUMNS = ["method", "name", "n_ok", "low", "agreement", "right", "n", "share"]
PER_ROW = 4
FEW = 10
"""Points below which a share is drawn as a circle apart: it hangs on single points."""
NONE = "no agreement of seeds is known on {}."


def confidence(results: Path, dataset: str, *, reference: str | None = None) -> tuple[Figure | str, pd.DataFrame]:
    """Draw a panel per method: how many points have which agreement and, with a truth, the share of them that is right.

    `jcae.scores.consensus` says what both are. Reads `records.csv` and the gallery.
    """
    found, left_out = confidences(results, dataset, reference)
    if not found:
        return style.empty(NONE.format(dataset) + left_out, COLUMNS)
    classes = truth(results, dataset)
    figure, axes = style.grid(len(found), PER_ROW, 1.5, extra=0.75)
    frames = []
    for i, (ax, (record, arrays)) in enumerate(zip(axes, found, strict=True)):
        labels, sure = arrays["labels"], arrays["agreement"]
        right = np.full(len(sure), False) if classes is None else are_right(classes[0], labels)
        frame = pd.DataFrame(reliability(sure, right))
        frame = frame if classes is not None else frame.assign(right=np.nan)
        _panel(ax, frame)
        ax.set_title(record["name"])
        if i % PER_ROW == 0:
            ax.set_ylabel("%")
        if i >= len(found) - PER_ROW:
            ax.set_xlabel("agreement (%)", labelpad=1)
        frames.append(frame.assign(method=record["method"], name=record["name"], n_ok=int(arrays["n_ok"])))
    handles = [Patch(color="#D5DCE4"), Line2D([], [], color=style.OKABE_ITO[0], marker="o", ms=3)]
    shown = ["share of the points", "right of them"][: 1 + (classes is not None)]
    figure.legend(handles[: len(shown)], shown, loc="outside upper left", ncols=2)
    against = (
        "Right: in the cluster matched to its class. Dashed: as often right as the agreement says; above it: right "
        "more often than the seeds agree, below: wrong in spite of agreement. "
        f"Circles: of fewer than {FEW} points."
        if classes is not None
        else "No truth, so nothing to hold it against."
    )
    style.caption(
        figure,
        f"{dataset}: agreement of the ok seeds with their consensus, of each point, in {BINS} bins: the points "
        "that its clusters in a seed and in the consensus share, by the larger of both, mean over the seeds. "
        f"{against} In brackets: ok/all runs, where not all are ok.{left_out}",
    )
    data = pd.concat(frames, ignore_index=True)
    total = data.groupby("method")["n"].transform("sum")
    return figure, data.assign(share=data["n"] / total)[COLUMNS]


def _panel(ax: Axes, frame: pd.DataFrame) -> None:
    width = 100 / BINS
    ax.plot([0, 100], [0, 100], color=style.GREY, lw=0.6, ls=(0, (4, 3)), zorder=1)
    share = 100 * frame["n"] / frame["n"].sum()
    ax.bar(100 * frame["low"], share, 0.94 * width, align="edge", color="#D5DCE4", zorder=0)
    many, few = (frame[kept] for kept in (frame["n"] >= FEW, frame["n"] < FEW))
    blue = style.OKABE_ITO[0]
    ax.plot(100 * many["agreement"], 100 * many["right"], color=blue, marker="o", ms=3, zorder=3)
    ax.plot(
        100 * few["agreement"], 100 * few["right"], ls="", marker="o", ms=3, mfc="white", mec=blue, mew=0.6, zorder=2
    )
    ax.set_xlim(0, 101)
    ax.set_ylim(0, 103)
    ax.set_xticks([0, 50, 100])
    ax.set_yticks([0, 50, 100])
    ax.tick_params(labelsize=7)
