"""The clustering module against the isotropic mixture: scores seed by seed with the test, and the algebra's errors."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from jcae.figures import style
from jcae.scores.metrics import METRICS

SCORES = ("acc", "nmi", "ari")
LOOK = {
    "cm": ("CM", "o", style.OKABE_ITO[0], 0.24),
    "gmm": ("isotropic GMM (EM)", "s", style.OKABE_ITO[1], 0.0),
    "kmeans": ("k-means", "D", style.GREY, -0.24),
}
VERDICTS = {"equivalent": style.OKABE_ITO[2], "different": style.OKABE_ITO[3], "undecided": style.GREY}
SCORE_COLUMNS = ["dataset", "score", "seed", "method", "value"]
TEST_COLUMNS = ["dataset", "score", "mean", "low", "high", "margin", "level", "n_seeds", "verdict"]
ALGEBRA_COLUMNS = ["check", "dataset", "form", "offset", "relative_error", "tolerance", "gating"]
ZERO = 1e-17
"""Where an error of exactly 0 is drawn on the logarithmic axis."""


def equivalence(
    results: Path, dataset: str | None = None, *, reference: str | None = None
) -> tuple[Figure | str, pd.DataFrame]:
    """Draw the scores of CM, EM and k-means from the same starts, and beside them CM - EM with its interval.

    Reads `equivalence/<dataset>/scores.csv` and `tests.csv`.
    """
    scores, tests = _read(results, "scores", dataset), _read(results, "tests", dataset)
    if scores.empty:
        return style.empty("no data set was compared", [*SCORE_COLUMNS, *TEST_COLUMNS[2:]])
    scores = scores.loc[scores["score"].isin(SCORES), SCORE_COLUMNS]
    if scores.empty:
        return style.empty(
            "clustering module and mixture were compared on data without a truth only: there are no scores to draw",
            [*SCORE_COLUMNS, *TEST_COLUMNS[2:]],
        )
    tests = tests.loc[tests["second"] == "gmm", TEST_COLUMNS]
    datasets = sorted(scores["dataset"].unique())
    figure = style.new(style.PAGE, 1.05 * len(datasets) + 1.25)
    axes = figure.subplots(len(datasets), 2, squeeze=False, sharex="col", width_ratios=(1.5, 1))
    for (left, right), name in zip(axes, datasets, strict=True):
        _dots(left, scores[scores["dataset"] == name])
        _intervals(right, tests[tests["dataset"] == name])
        left.set_title(name, loc="left")
    axes[-1, 0].set_xlabel("score (%)")
    axes[-1, 1].set_xlabel("CM − GMM (points)")
    _limits(axes[0, 1], tests)
    handles = [Line2D([], [], ls="", marker=m, color=c, ms=4, label=label) for label, m, c, _ in LOOK.values()]
    handles.append(Patch(color="#E3F0EA", label="margin"))
    handles += [Line2D([], [], marker="o", ms=4, color=c, label=verdict) for verdict, c in VERDICTS.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, handletextpad=0.4, columnspacing=1.4)
    first = tests.iloc[0]
    style.caption(
        figure,
        f"One mark per seed ({_counts(tests['n_seeds'])} seeds), all methods from the same start per seed; stroke: "
        f"mean. Right: mean paired difference and its {100 - 200 * first['level']:.0f} % interval; equivalent: it lies "
        f"within ±{100 * first['margin']:g} points, different: wholly outside.",
    )
    return figure, scores.merge(tests, on=["dataset", "score"], how="left")


def algebra(
    results: Path, dataset: str | None = None, *, reference: str | None = None
) -> tuple[Figure | str, pd.DataFrame]:
    """Draw the relative error of every identity against its tolerance, on a logarithmic axis.

    Reads `equivalence/algebra.csv` or `equivalence/<dataset>/algebra.csv`.
    """
    folder = Path(results) / "equivalence"
    data = _concat([*folder.glob("algebra.csv"), *folder.glob("*/algebra.csv")], ALGEBRA_COLUMNS)
    data = data[ALGEBRA_COLUMNS].drop_duplicates(["check", "dataset", "form", "offset"], ignore_index=True)
    if dataset is not None:
        data = data[data["dataset"] == dataset]
    if data.empty:
        return style.empty("the algebra was not checked", ALGEBRA_COLUMNS)
    checks = list(dict.fromkeys(data["check"]))[::-1]
    figure = style.new(style.PAGE, 0.21 * len(checks) + 1.2)
    ax, blue = figure.subplots(), style.OKABE_ITO[0]
    for i, check in enumerate(checks):
        ax.axhline(i, color="#E6E6E6", lw=0.5, zorder=0)
        mine = data[data["check"] == check]
        if mine["gating"].any():
            ax.plot(mine["tolerance"].iloc[0], i, ls="", marker="|", ms=11, mew=1.6, color="black", zorder=3)
        for gating, face, edge, shift in ((True, blue, blue, 0.14), (False, "none", style.GREY, -0.14)):
            error = mine.loc[mine["gating"] == gating, "relative_error"].clip(lower=ZERO)
            ax.plot(
                error,
                [i + shift] * len(error),
                ls="",
                marker="o",
                ms=3.2,
                mfc=face,
                mec=edge,
                mew=0.7,
                alpha=0.8,
                rasterized=True,
            )
    ax.set_yticks(range(len(checks)), checks)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.6, len(checks) - 0.4)
    ax.set_xscale("log")
    ax.set_xlim(ZERO / 3, max(1e-4, 3 * data["relative_error"].max()))
    ax.set_xlabel("relative error")
    handles = [
        Line2D([], [], ls="", marker="o", ms=4, color=blue, label="must hold"),
        Line2D([], [], ls="", marker="|", ms=9, mew=1.6, color="black", label="tolerance"),
        Line2D([], [], ls="", marker="o", ms=4, mfc="none", mec=style.GREY, label="reported only"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, handletextpad=0.2)
    offsets = ", ".join(f"{o:g}" for o in sorted(data["offset"].unique()))
    style.caption(
        figure,
        f"float64; one mark per data set ({', '.join(dict.fromkeys(data['dataset']))}) and offset ({offsets} standard "
        f"deviations per coordinate). An error of exactly 0 is drawn at {ZERO:g}. Grey: formulations that expand "
        "‖x − μ‖² lose digits far from the origin; centring the data restores them.",
    )
    return figure, data


def _read(results: Path, table: str, dataset: str | None) -> pd.DataFrame:
    columns = {"scores": [*SCORE_COLUMNS], "tests": [*TEST_COLUMNS, "second"]}[table]
    return _concat((Path(results) / "equivalence").glob(f"{dataset or '*'}/{table}.csv"), columns)


def _concat(paths, columns: list[str]) -> pd.DataFrame:
    frames = [pd.read_csv(path) for path in sorted(paths)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _dots(ax: Axes, scores: pd.DataFrame) -> None:
    for i, score in enumerate(reversed(SCORES)):
        ax.axhline(i, color="#E6E6E6", lw=0.5, zorder=0)
        for method, (_, marker, colour, shift) in LOOK.items():
            values = 100 * scores.loc[(scores["score"] == score) & (scores["method"] == method), "value"].dropna()
            y = i + shift
            ax.plot(
                values, [y] * len(values), ls="", marker=marker, ms=3, color=colour, alpha=0.65, mew=0, rasterized=True
            )
            if len(values):
                ax.plot(values.mean(), y, ls="", marker="|", ms=5, mew=1.2, color="black", zorder=3)
    _rows(ax)


def _intervals(ax: Axes, tests: pd.DataFrame) -> None:
    margin = 100 * tests["margin"].iloc[0]
    ax.axvspan(-margin, margin, color="#E3F0EA", lw=0, zorder=0)
    ax.axvline(0, color="white", lw=1.0, zorder=1)
    for i, score in enumerate(reversed(SCORES)):
        for row in tests[tests["score"] == score].itertuples():
            colour = VERDICTS[row.verdict]
            ax.plot([100 * row.low, 100 * row.high], [i, i], color=colour, lw=1.4, zorder=2)
            ax.plot(100 * row.mean, i, marker="o", ms=4, color=colour, zorder=3)
    _rows(ax)


def _rows(ax: Axes) -> None:
    ax.set_yticks(range(len(SCORES)), [METRICS[score].label for score in reversed(SCORES)])
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.55, len(SCORES) - 0.45)


def _limits(ax: Axes, tests: pd.DataFrame) -> None:
    reach = 100 * np.nanmax(np.abs(tests[["mean", "low", "high", "margin"]].to_numpy(dtype=float)))
    ax.set_xlim(-1.1 * reach, 1.1 * reach)


def _counts(n_seeds: pd.Series) -> str:
    low, high = n_seeds.min(), n_seeds.max()
    return f"{low}" if low == high else f"{low} to {high}"
