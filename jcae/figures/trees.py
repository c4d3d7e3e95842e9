"""Trees of hierarchical methods: how many clusters are left after every round, and how pure they are."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from jcae.figures import style
from jcae.figures.sources import choice, chosen_runs, title, truth

COLUMNS = ["method", "name", "seed", "round", "clusters", "purity"]
PER_ROW = 3


def trees(results: Path, dataset: str, *, reference: str | None = None) -> tuple[Figure | str, pd.DataFrame]:
    """Draw a panel per method with a tree: clusters over the rounds and, where there is a truth, their purity.

    Reads `records.csv` and the gallery. A dotted line is the number of classes.
    """
    chosen = chosen_runs(results, dataset, "tree_clusters", reference)
    if not chosen:
        return style.empty(f"no ok run on {dataset} has a tree", COLUMNS)
    known = truth(results, dataset)
    frames = []
    figure, axes = style.grid(len(chosen), PER_ROW, 1.5, extra=0.75)
    handles = [Line2D([], [], color=style.OKABE_ITO[0], label="clusters")]
    handles += [Line2D([], [], color=style.OKABE_ITO[1], label="purity (%, right)")] if known else []
    figure.legend(handles=handles, loc="outside upper left", ncols=2)
    for i, (ax, (record, arrays)) in enumerate(zip(axes, chosen, strict=True)):
        clusters = arrays["tree_clusters"]
        frame = pd.DataFrame({"round": range(len(clusters)), "clusters": clusters, "purity": arrays.get("tree_purity")})
        frames.append(frame.assign(method=record["method"], name=record["name"], seed=record["seed"])[COLUMNS])
        ax.plot(frame["round"], frame["clusters"], marker="o", ms=2, color=style.OKABE_ITO[0])
        ax.set_yscale("log")
        ax.set_title(title(record))
        ax.set_xlabel("round", labelpad=1)
        if i % PER_ROW == 0:
            ax.set_ylabel("clusters")
        if known:
            ax.axhline(len(known[1]), ls=":", lw=0.8, color=style.GREY)
            right = ax.twinx()
            right.plot(frame["round"], 100 * frame["purity"], color=style.OKABE_ITO[1])
            right.set_ylim(0, 105)
            right.spines["right"].set_visible(True)
    against = " Purity: share of the points that are of the most frequent class of their cluster; dotted: the classes."
    style.caption(
        figure,
        f"{dataset}: clusters after every round of a hierarchical method.{against if known else ''} {choice(chosen)}",
    )
    return figure, pd.concat(frames, ignore_index=True)
