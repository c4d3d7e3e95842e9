"""The claim of the AE-CM paper, tested: does it lie above every method that starts from the same autoencoders?"""

import numpy as np
import pandas as pd

from jcae.comparison import LEVEL, paired

VERDICTS = HOLDS, FAILS, UNTESTED = ("holds", "does not hold", "is not tested")
COLUMNS = [
    "dataset",
    "method",
    "mean",
    "reference",
    "reference_mean",
    "difference",
    "difference_low",
    "difference_high",
    "n_pairs",
    "n_rivals",
    "not_below",
    "no_pairs",
    "verdict",
]


def claim(
    scores: pd.DataFrame, records: pd.DataFrame, metric: str, method: str | None, level: float = LEVEL
) -> pd.DataFrame:
    """Set a method against its rivals, which are the methods that start from the same autoencoders, seed by seed.

    A rival is below where its mean difference over the pairs of seeds is negative; no test is asked for, since the
    claim is one about means. `jcae.comparison.paired` has the tests.

    Parameters
    ----------
    scores, records : DataFrame
        As `jcae.evaluation.read_results` gives them.
    metric : str
        Key of `jcae.metrics.METRICS`, with a better direction.
    method : str or None
        Whose claim it is. None, one that was not run, or one that starts from no autoencoder has no rivals.
    level : float
        Intervals cover 1 - level.

    Returns
    -------
    DataFrame
        One row per data set on which the method was run: its mean, its strongest rival (`reference`) with that one's
        mean and `difference` (method minus rival over the pairs, in the direction of the score, with its interval),
        `n_rivals`, the rivals that are `not_below` it and those with `no_pairs` (both joined by a comma), and
        `verdict`: `holds`, `does not hold`, or `is not tested` where no rival has a pair.
    """
    table = paired(scores, records, metric, method, level=level)
    rows = []
    for dataset, runs in records[records["method"] == method].groupby("dataset", sort=True):
        start = runs["autoencoder"].iloc[0]
        here = records[(records["dataset"] == dataset) & (records["autoencoder"] == start) & ~records["control"]]
        table_here = table[table["dataset"] == dataset].set_index("method")
        rivals = table_here.loc[[name for name in dict.fromkeys(here["method"]) if name != method]]
        met = rivals[rivals["n_pairs"] > 0].sort_values("difference", ascending=False, kind="stable")
        above = met.index[met["difference"] >= 0]
        row = {
            "dataset": dataset,
            "method": method,
            "mean": table_here.loc[method, "mean"],
            "reference": None,
            "reference_mean": np.nan,
            "difference": np.nan,
            "difference_low": np.nan,
            "difference_high": np.nan,
            "n_pairs": 0,
            "n_rivals": len(rivals),
            "not_below": ",".join(above),
            "no_pairs": ",".join(rivals.index[rivals["n_pairs"] == 0]),
            "verdict": UNTESTED if met.empty else FAILS if len(above) else HOLDS,
        }
        if len(met):
            strongest = met.iloc[0]
            row |= {
                "reference": strongest.name,
                "reference_mean": strongest["mean"],
                "difference": -strongest["difference"],
                "difference_low": -strongest["difference_high"],
                "difference_high": -strongest["difference_low"],
                "n_pairs": int(strongest["n_pairs"]),
            }
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)
