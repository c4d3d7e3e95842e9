"""The claim of the AE-CM paper, tested: does it lie above every method that starts from the same autoencoders?"""

import numpy as np
import pandas as pd

VERDICTS = HOLDS, FAILS, UNTESTED = ("holds", "does not hold", "is not tested")
COLUMNS = ["dataset", "method", "mean", "reference", "reference_mean", "difference", "difference_low"]
COLUMNS += ["difference_high", "n_pairs", "n_rivals", "not_below", "no_pairs", "verdict"]


def claim(pairs: pd.DataFrame, records: pd.DataFrame, method: str | None) -> pd.DataFrame:
    """Set a method against its rivals, which are the methods that start from the same autoencoders, seed by seed.

    A rival is below where its mean difference over the pairs of seeds is negative; no test is asked for, since the
    claim is one about means.

    Parameters
    ----------
    pairs : DataFrame
        As `jcae.statistics.pairs.paired` gives it with the method as reference.
    records : DataFrame
        As `jcae.scores.evaluation.read_results` gives them.
    method : str or None
        Whose claim it is. None, one that was not run, or one that starts from no autoencoder has no rivals.

    Returns
    -------
    DataFrame
        One row per data set on which the method was run: its mean, its strongest rival (`reference`) with that one's
        mean and `difference` (method minus rival over the pairs, in the direction of the score, with its interval),
        `n_rivals`, the rivals that are `not_below` it and those with `no_pairs` (both joined by a comma), and
        `verdict`: `holds`, `does not hold`, or `is not tested` where no rival has a pair.
    """
    rows = []
    for dataset, runs in records[records["method"] == method].groupby("dataset", sort=True):
        start = runs["autoencoder"].iloc[0]
        same_start = records[(records["dataset"] == dataset) & (records["autoencoder"] == start) & ~records["control"]]
        here = pairs[pairs["dataset"] == dataset].set_index("method")
        rivals = here.loc[[name for name in dict.fromkeys(same_start["method"]) if name != method]]
        met = rivals[rivals["n_pairs"] > 0].sort_values("difference", ascending=False, kind="stable")
        not_below = met.index[met["difference"] >= 0]
        strongest = met.iloc[0] if len(met) else pd.Series(np.nan, index=met.columns, name=None)
        rows.append(
            {
                "dataset": dataset,
                "method": method,
                "mean": here.loc[method, "mean"],
                "reference": strongest.name,
                "reference_mean": strongest["mean"],
                "difference": 0 - strongest["difference"],  # and not its negative: a tie is no -0.0
                "difference_low": 0 - strongest["difference_high"],
                "difference_high": 0 - strongest["difference_low"],
                "n_pairs": int(strongest["n_pairs"]) if len(met) else 0,
                "n_rivals": len(rivals),
                "not_below": ",".join(not_below),
                "no_pairs": ",".join(rivals.index[rivals["n_pairs"] == 0]),
                "verdict": UNTESTED if met.empty else FAILS if len(not_below) else HOLDS,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)
