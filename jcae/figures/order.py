"""One order of the methods, and one colour and marker of each, over all figures of a run."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from jcae.figures import style
from jcae.scores.evaluation import display_names

SHOWN = ("name", "order", "colour", "marker")
RANKED_BY = (("acc", "own"), ("silhouette_features", "own"))
"""Score and labels of the mean ranks: the first that any run has."""


@dataclass(frozen=True)
class Look:
    """What a method looks like in all figures of a run.

    Attributes
    ----------
    name : str
    order : int
        Its place among the methods.
    colour : str
        The reference is blue, controls are grey.
    marker : str
    """

    name: str
    order: int
    colour: str
    marker: str


def looks_of(records: pd.DataFrame, scores: pd.DataFrame, reference: str | None = None) -> dict[str, Look]:
    """Order the methods: the reference first, then by mean rank, controls last.

    Parameters
    ----------
    records, scores : DataFrame
        `records.csv` and `scores.csv` of all data sets.
    reference : str, optional
        Method; one that did not run is nobody's place.

    Returns
    -------
    dict of str to Look
        By method, in their order.
    """
    names, ranks = display_names(records), mean_ranks(records, scores)
    controls = set(records.loc[records["control"].astype(bool), "method"])
    order = sorted(names, key=lambda m: (m in controls, m != reference, ranks.get(m, np.inf)))
    # Blue is the reference's alone, also where there are more methods than colours.
    colours, others = style.PALETTE[1:] if reference in names else style.PALETTE, 0
    found = {}
    for i, method in enumerate(order):
        if method in controls:
            colour, marker = style.GREY, "o"
        elif method == reference:
            colour, marker = style.PALETTE[0], style.MARKERS[0]
        else:
            colour, marker = colours[others % len(colours)], style.MARKERS[1 + others % (len(style.MARKERS) - 1)]
            others += 1
        found[method] = Look(names[method], i, colour, marker)
    return found


def mean_ranks(records: pd.DataFrame, scores: pd.DataFrame) -> dict[str, float]:
    """Mean over the data sets of the rank of a method's mean score, 1 the best; without a score it ranks last.

    By ACC or, where no data have a truth, by the silhouette. A data set on which a method did not run does not count
    for it: the order of figures is to hold every method, where a comparison of ranks leaves some out.
    """
    for metric, labels in RANKED_BY:
        mine = scores[(scores["metric"] == metric) & (scores["labels"] == labels)]
        if len(mine):
            break
    else:
        return {}
    ran = records[["dataset", "method"]].drop_duplicates()
    means = mine.groupby(["dataset", "method"], as_index=False)["value"].mean()
    table = ran[ran["dataset"].isin(means["dataset"])].merge(means, how="left")
    table["rank"] = table.groupby("dataset")["value"].rank(ascending=False, na_option="bottom")
    return table.groupby("method")["rank"].mean().to_dict()
