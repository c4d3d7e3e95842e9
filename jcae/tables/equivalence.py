"""Tables of the comparison of clustering module and mixture."""

from pathlib import Path

import pandas as pd

from jcae.scores.metrics import METRICS
from jcae.tables.cells import MAIN_METRICS, NONE, number
from jcae.tables.rendering import Table, write_all


def write_equivalence_tables(equivalence_dir: str | Path, out_dir: str | Path) -> list[Path]:
    """Write the tables of the comparison of clustering module and mixture as csv, md, tex and html.

    Parameters
    ----------
    equivalence_dir : path
        Holds `summary.csv` and `algebra.csv` (`jcae equivalence summarise`).
    out_dir : path
        Made if missing.

    Returns
    -------
    list of Path
        The files written: `equivalence` and `algebra`.
    """
    folder = Path(equivalence_dir)
    tables = [
        equivalence_table(pd.read_csv(folder / "summary.csv")),
        algebra_table(pd.read_csv(folder / "algebra.csv")),
    ]
    return write_all(tables, out_dir)


def equivalence_table(summary: pd.DataFrame) -> Table:
    """Clustering module, mixture and k-means from the same starts, and the verdicts of the equivalence tests.

    Parameters
    ----------
    summary : DataFrame
        One row per data set: `<score>_<method>`, `verdict_<score>`, `agreement_ari`, `changed`, `n_seeds`. A data set
        without a truth has neither scores nor verdicts.
    """
    without = summary.loc[summary[[f"verdict_{metric}" for metric in MAIN_METRICS]].isna().all(axis=1), "dataset"]

    def cell(row: pd.Series, metric: str) -> str:
        if row["dataset"] in set(without):
            return NONE
        means = " / ".join(number(row[f"{metric}_{method}"], metric) for method in ("cm", "gmm", "kmeans"))
        return f"{means}: {row[f'verdict_{metric}']}"

    cells = pd.DataFrame(
        [
            {
                "data set": row["dataset"],
                **{METRICS[metric].label: cell(row, metric) for metric in MAIN_METRICS},
                "agreement": number(row["agreement_ari"], "ari"),
                "changed": f"{100 * row['changed']:.1f} %",
            }
            for _, row in summary.iterrows()
        ]
    )
    n_seeds = "/".join(str(n) for n in sorted(set(summary["n_seeds"])))
    note = (
        f"Mean over {n_seeds} seeds of CM / isotropic mixture by EM / "
        "k-means, all from the same start per seed, and the verdict on CM against the mixture: two one-sided paired "
        "tests with the margin of the config, not a difference that failed to be significant. Agreement: median ARI "
        "between the partitions of CM and mixture. Changed: points that change cluster when CM starts at the EM "
        "solution and is trained. Scores and agreement: higher is better."
    )
    if len(without):
        note += f" No truth, hence no scores against it: {', '.join(without)}."
    return Table("equivalence", "The clustering module against the isotropic Gaussian mixture", note, summary, cells)


def algebra_table(algebra: pd.DataFrame) -> Table:
    """The identities behind the claim, each with its largest relative error where it must hold and elsewhere."""
    rows = []
    for check, group in algebra.groupby("check", sort=False):
        gating = group[group["gating"]]
        rows.append(
            {
                "check": check,
                "error": gating["relative_error"].max(),
                "tolerance": gating["tolerance"].min(),
                "holds": bool(gating["passed"].all()) if len(gating) else None,
                "n_checks": len(gating),
                "error_elsewhere": group.loc[~group["gating"], "relative_error"].max(),
            }
        )
    data = pd.DataFrame(rows)

    def scientific(value: float) -> str:
        return NONE if pd.isna(value) else f"{value:.1e}"

    cells = pd.DataFrame(
        [
            {
                "identity": row.check,
                "largest error": scientific(row.error),
                "tolerance": scientific(row.tolerance),
                "holds": {True: "yes", False: "NO", None: NONE}[row.holds],
                "far from the origin, not centred": scientific(row.error_elsewhere),
            }
            for row in data.itertuples()
        ]
    )
    names = ", ".join(dict.fromkeys(algebra["dataset"]))
    note = (
        f"Largest relative error in float64 over {names}, in place and moved by up to "
        f"{algebra['offset'].max():g} standard deviations. The last column reports what the forms that expand the "
        "square lose there; centring the data restores them."
    )
    return Table("algebra", "The identities that make the clustering module a mixture", note, data, cells)
