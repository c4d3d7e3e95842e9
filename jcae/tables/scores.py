"""Tables of a finished run, made of its scores and records."""

import json
from collections.abc import Iterable
from pathlib import Path
from textwrap import shorten

import numpy as np
import pandas as pd

from jcae.jobs.records import STATUSES, format_block
from jcae.scores.evaluation import KINDS, RUN, display_names, lowest_objective, ok_scores, read_results
from jcae.scores.metrics import METRICS
from jcae.tables.rendering import Table, write_all

MAIN_METRICS = ("acc", "nmi", "ari")
COST = ["seconds", "pretrain_seconds", "updates", "peak_memory_mb", "peak_gpu_memory_mb"]
NONE = "–"
STARTS = ("random", "pretrained")
_SIDES = [f"{start}: {what}" for start in STARTS for what in ("mean ± sd", "best*")]


def write_tables(results_dir: str | Path, out_dir: str | Path) -> list[Path]:
    """Write every table of a results folder as csv, md, tex and html.

    Parameters
    ----------
    results_dir : path
        Holds `scores.csv` and `records.csv`.
    out_dir : path
        Made if missing.

    Returns
    -------
    list of Path
        The files written.
    """
    scores, records = read_results(results_dir)
    return write_all(make_tables(scores, records), out_dir)


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
        One row per data set: `<score>_<method>`, `verdict_<score>`, `agreement_ari`, `changed`, `n_seeds`.
    """

    def cell(row: pd.Series, metric: str) -> str:
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


def make_tables(scores: pd.DataFrame, records: pd.DataFrame) -> list[Table]:
    """Build `scores_<metric>` (own labels, `_refit`), `mean_best_<metric>`, `scores_full`, `failures` and `cost`.

    `scores` and `records` as `jcae.scores.evaluation.read_results` gives them.
    """
    main = [scores_table(scores, records, metric, kind) for kind in KINDS for metric in MAIN_METRICS]
    main += [mean_best_table(scores, records, metric) for metric in MAIN_METRICS]
    return [*main, full_table(scores, records), failures_table(records), cost_table(records)]


def scores_table(scores: pd.DataFrame, records: pd.DataFrame, metric: str, kind: str = "own") -> Table:
    """One score: methods by data sets, mean ± sd over the ok seeds.

    Parameters
    ----------
    scores, records : DataFrame
        As `jcae.scores.evaluation.read_results` gives them.
    metric : str
        Key of `jcae.scores.metrics.METRICS`.
    kind : {"own", "refit"}
        The method's own labels, or k-means on its code.
    """
    names, totals = display_names(records), records.groupby(["dataset", "method"]).size()
    scores = ok_scores(scores, records)
    scores = scores[(scores["metric"] == metric) & (scores["labels"] == kind)]
    # Refit labels exist for methods with a code only; such a method stays listed where all its seeds failed.
    methods = [m for m in names if kind == "own" or m in set(scores["method"])]
    datasets = sorted(records["dataset"].unique())

    rows = []
    for method in methods:
        for dataset in datasets:
            values = scores.loc[(scores["method"] == method) & (scores["dataset"] == dataset), "value"]
            n_total = int(totals.get((dataset, method), 0))
            rows.append((method, dataset, values.mean(), values.std(), len(values), n_total))
    data = pd.DataFrame(rows, columns=["method", "dataset", "mean", "sd", "n_ok", "n_total"])

    cells = pd.DataFrame("", index=range(len(methods)), columns=["method", *datasets])
    cells["method"] = [names[m] for m in methods]
    for row in data.itertuples():
        cells.loc[methods.index(row.method), row.dataset] = _mean_cell(row, metric)
    controls = set(records.loc[records["control"].astype(bool), "method"])
    bold = frozenset(
        (methods.index(m), 1 + j)
        for j, dataset in enumerate(datasets)
        for m in _best(data[(data["dataset"] == dataset) & ~data["method"].isin(controls)], metric)
    )
    label = METRICS[metric].label
    whose = "the methods' own labels" if kind == "own" else "k-means on the code (not the methods' own labels)"
    note = [
        seeds_note(records[records["method"].isin(methods)]),
        "Mean ± sample sd over all ok seeds, no run selected. A fraction in brackets counts the ok runs of all, where "
        f"not all were ok; {NONE}: none was.",
        direction_note([metric]),
        "Bold: best mean of the column, controls aside.",
        tuning_note(records[records["method"].isin(methods)], names),
        origin_note(records),
    ]
    is_control = [m in controls for m in methods]
    return Table(
        name=f"scores_{metric}" + ("" if kind == "own" else f"_{kind}"),
        caption=f"{label}{' in percent' if METRICS[metric].percent else ''}, {whose}",
        note=" ".join(note),
        data=data,
        cells=cells,
        bold=bold,
        rule_before=is_control.index(True) if any(is_control) and not all(is_control) else None,
    )


def statistics(scores: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """What is said of the ok runs of every data set, method, kind of labels and score: spread and two single runs.

    The single runs are the one with the lowest objective and the best by this score. `n_ok` counts the ok runs that
    have the score. A method without any has one row per data set, without a score.
    """
    scores = ok_scores(scores, records)
    totals = records.groupby(["dataset", "method"]).size()
    chosen = lowest_objective(records).set_index(["dataset", "method"])["seed"]
    groups = dict(list(scores.groupby(["dataset", "method", "labels", "metric"])))

    rows = []
    for (dataset, method), n_total in totals.items():
        found = [(kind, metric) for kind in KINDS for metric in METRICS if (dataset, method, kind, metric) in groups]
        for kind, metric in found:
            values = groups[dataset, method, kind, metric].sort_values("seed").set_index("seed")["value"]
            selected_seed = chosen.get((dataset, method))
            selected = values.get(selected_seed, np.nan)
            best_seed = None
            if METRICS[metric].needs == "truth":
                best_seed = values.idxmax() if METRICS[metric].higher_is_better else values.idxmin()
            best = np.nan if best_seed is None else values[best_seed]
            spread = (values.mean(), values.std(), values.median())
            rows.append(
                (dataset, method, kind, metric, *spread, selected, selected_seed, best, best_seed, len(values), n_total)
            )
        if not found:
            rows.append((dataset, method, None, None, *[np.nan] * 4, None, np.nan, None, 0, n_total))
    columns = ["dataset", "method", "labels", "metric", "mean", "sd", "median", "lowest_objective"]
    columns += ["lowest_objective_seed", "best_by_labels", "best_by_labels_seed", "n_ok", "n_total"]
    data = pd.DataFrame(rows, columns=columns)
    seed_columns = ["lowest_objective_seed", "best_by_labels_seed"]
    data[seed_columns] = data[seed_columns].astype("Int64")
    order = {method: i for i, method in enumerate(display_names(records))}
    data = data.assign(order=data["method"].map(order)).sort_values(["dataset", "order"], kind="stable")
    return data.drop(columns="order").reset_index(drop=True)


def full_table(scores: pd.DataFrame, records: pd.DataFrame) -> Table:
    """Every score of every data set, method and kind of labels, with its spread and two single runs.

    The single runs are the one with the lowest objective, which needs no labels, and the best by this score, which
    does and so is no result that a user could obtain. `n_ok` counts the ok runs that have the score. A method without
    an ok run keeps one row per data set, without a score.
    """
    names = display_names(records)
    data = statistics(scores, records)
    cells = pd.DataFrame(
        [
            {
                "data set": row.dataset,
                "method": names[row.method],
                "labels": row.labels if row.n_ok else NONE,
                "score": METRICS[row.metric].label if row.n_ok else NONE,
                "mean ± sd": mean_sd(row.mean, row.sd, row.metric),
                "median": number(row.median, row.metric),
                "lowest objective": number(row.lowest_objective, row.metric),
                "best by labels*": number(row.best_by_labels, row.metric),
                "ok/all": f"{row.n_ok}/{row.n_total}",
            }
            for row in data.itertuples()
        ]
    )
    note = [
        seeds_note(records),
        "Mean, sample sd and median over all ok seeds. Lowest objective: the ok run with the lowest training "
        "objective, chosen without labels. *Best by labels: the best ok run by this very score, chosen with the truth; "
        "an upper bound, not a result.",
        direction_note([m for m in METRICS if m in set(data["metric"])]),
        tuning_note(records, names),
        origin_note(records),
    ]
    return Table("scores_full", "Every score of every method", " ".join(note), data, cells)


def mean_best_table(scores: pd.DataFrame, records: pd.DataFrame, metric: str) -> Table:
    """Mean and best of the runs as the AE-CM paper prints them: random and pretrained start of a method side by side.

    Two methods share a row where their class and their label up to the bracket are the same, and their start is not.
    `params` of the records may be missing: the start is then read from the autoencoder alone.
    """
    names = display_names(records)
    records = records[~records["control"].astype(bool)]
    starts, families = _starts(records, names)
    own = scores[(scores["metric"] == metric) & (scores["labels"] == "own")]
    columns = ["dataset", "method", "start", "mean", "sd", "best_by_labels", "best_by_labels_seed", "n_ok", "n_total"]
    data = statistics(own, records).assign(start=lambda rows: rows["method"].map(starts))[columns]

    lines: dict[tuple[str, str], dict[str, str]] = {}
    places = {}
    for row in data.itertuples():
        key = (row.dataset, families[row.method])
        line = lines.setdefault(key, {"data set": key[0], "method": key[1], **dict.fromkeys(_SIDES, "")})
        line[f"{row.start}: mean ± sd"] = _mean_cell(row, metric)
        line[f"{row.start}: best*"] = f"({number(row.best_by_labels, metric)})" if row.n_ok else NONE
        places[row.dataset, row.method] = list(lines).index(key), list(line).index(f"{row.start}: mean ± sd")
    bold = frozenset(
        places[dataset, method] for dataset, here in data.groupby("dataset") for method in _best(here, metric)
    )
    note = [
        seeds_note(records),
        "Mean ± sample sd over all ok seeds, own labels. A fraction in brackets counts the ok runs of all, where not "
        f"all were ok; {NONE}: none was; empty: not run. *Best: the ok run with the best score, chosen by labels; an "
        "upper bound, not a result. Pretrained: from a shared autoencoder, or from k-means where there is none to "
        "pretrain (CM); random: every other start. Controls are left out.",
        "" if "params" in records else "The records are of an older version: a start from k-means counts as random.",
        direction_note([metric]),
        "Bold: best mean of the data set.",
        tuning_note(records, names),
        origin_note(records),
    ]
    caption = f"{METRICS[metric].label}{' in percent' if METRICS[metric].percent else ''}, mean and best of the runs"
    cells = pd.DataFrame(list(lines.values()), columns=["data set", "method", *_SIDES])
    return Table(f"mean_best_{metric}", caption, " ".join(filter(None, note)), data, cells, bold)


def _starts(records: pd.DataFrame, names: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Per method its start, and the name of the row that it shares with the other start of the same method."""
    starts, rows = {}, {}
    for method, runs in records.groupby("method"):
        run = runs.iloc[0]
        init = json.loads(run["params"]).get("init") if "params" in run and pd.notna(run["params"]) else None
        starts[method] = STARTS[bool(pd.notna(run["autoencoder"]) or init in ("pretrained", "kmeans"))]
        rows[method] = (run["use"], names[method].partition(" (")[0])
    shown = dict(names)
    for method, row in rows.items():
        if sorted(starts[other] for other in rows if rows[other] == row) == sorted(STARTS):
            shown[method] = row[1]
    return starts, shown


def failures_table(records: pd.DataFrame) -> Table:
    """Count the runs of each status per data set and method, with the reasons of those that are not ok."""
    names = display_names(records)
    unknown = sorted(set(records["status"]) - set(STATUSES))
    if unknown:
        raise ValueError(f"records hold status {unknown[0]!r}; known: {', '.join(STATUSES)}")
    rows = []
    for dataset in sorted(records["dataset"].unique()):
        for method in names:
            runs = records[(records["dataset"] == dataset) & (records["method"] == method)]
            if len(runs):
                counts = [int((runs["status"] == status).sum()) for status in STATUSES]
                rows.append((dataset, method, *counts, len(runs), _reasons(runs[runs["status"] != "ok"])))
    data = pd.DataFrame(rows, columns=["dataset", "method", *STATUSES, "n_total", "reasons"])
    cells = data.astype(str).rename(columns={"dataset": "data set", "n_total": "all"})
    cells["method"] = data["method"].map(names)
    cells["reasons"] = data["reasons"].map(lambda text: shorten(text, 150, placeholder=" ..."))
    note = [
        seeds_note(records),
        "Only ok runs enter the means of the other tables. Lower counts of failed, diverged and collapsed runs are "
        "better. No run selected. Long reasons are cut here, whole in the csv.",
        tuning_note(records, names),
        origin_note(records),
    ]
    return Table("failures", "Status of every run", " ".join(note), data, cells)


def cost_table(records: pd.DataFrame) -> Table:
    """Mean time and updates per seed and highest memory of the ok runs, per data set and method."""
    names = display_names(records)
    ok = records[records["status"] == "ok"]
    rows = []
    for dataset in sorted(records["dataset"].unique()):
        for method in names:
            here = (records["dataset"] == dataset) & (records["method"] == method)
            if not here.any():
                continue
            runs = ok[(ok["dataset"] == dataset) & (ok["method"] == method)]
            means = runs[COST[:3]].astype(float).mean()
            memory = runs[COST[3:]].astype(float).max()
            rows.append((dataset, method, *means, *memory, _devices(runs), len(runs), here.sum()))
    data = pd.DataFrame(
        rows,
        columns=["dataset", "method", *COST, "device", "n_ok", "n_total"],
    )
    cells = pd.DataFrame(
        {
            "data set": data["dataset"],
            "method": data["method"].map(names),
            "seconds": data["seconds"].map(_significant),
            "pretraining seconds": data["pretrain_seconds"].map(_significant),
            "updates": data["updates"].map(_thousands),
            "memory (MiB)": data["peak_memory_mb"].map(_thousands),
            "GPU memory (MiB)": data["peak_gpu_memory_mb"].map(_thousands),
            "device": data["device"].replace("", NONE),
            "ok/all": data["n_ok"].astype(str) + "/" + data["n_total"].astype(str),
        }
    )
    note = [
        seeds_note(records),
        "Mean over all ok seeds, no run selected. Seconds: wall time of a block of seeds over its number of seeds; "
        "pretraining is shared by all methods that start from the same autoencoder and not part of the seconds beside "
        "it. Memory: highest peak of the process that ran the block. Lower is better; compare on the same device only.",
        tuning_note(records, names),
        origin_note(records),
    ]
    return Table("cost", "Time, memory and updates per seed", " ".join(note), data, cells)


def number(value: float, metric: str) -> str:
    """Write a score as tables show it, in percent where papers do."""
    if pd.isna(value):
        return NONE
    if METRICS[metric].percent:
        return f"{100 * value:z.1f}"  # z: no -0.0
    return f"{value:z.1f}" if METRICS[metric].max is None else f"{value:z.3f}"


def mean_sd(mean: float, sd: float, metric: str) -> str:
    """Write a mean and its deviation, if there is one."""
    return number(mean, metric) + ("" if pd.isna(sd) else f" ± {number(sd, metric)}")


def _mean_cell(row: tuple, metric: str) -> str:
    if not row.n_total:
        return ""
    return mean_sd(row.mean, row.sd, metric) + ("" if row.n_ok == row.n_total else f" ({row.n_ok}/{row.n_total})")


def _best(data: pd.DataFrame, metric: str) -> list[str]:
    """Methods with the best mean as it is shown: what rounds to the same number is equally bold."""
    data = data[data["n_ok"] > 0]
    if data.empty or METRICS[metric].higher_is_better is None:
        return []
    best = data["mean"].max() if METRICS[metric].higher_is_better else data["mean"].min()
    shown = data["mean"].map(lambda mean: number(mean, metric))
    return data.loc[shown == number(best, metric), "method"].tolist()


def direction_note(names: Iterable[str]) -> str:
    """Say of each score which direction is better."""
    parts = []
    for higher, text in ((True, "higher is better"), (False, "lower is better"), (None, "no better direction")):
        labels = [METRICS[name].label for name in names if METRICS[name].higher_is_better is higher]
        parts += [f"{', '.join(labels)}: {text}."] if labels else []
    return " ".join(parts)


def seeds_note(records: pd.DataFrame) -> str:
    """All seeds that occur; methods with fewer of them show it in their counts."""
    seeds = sorted(set(records["seed"]))
    return f"Seed{'s' * (len(seeds) > 1)} {format_block(seeds)}." if seeds else ""


def tuning_note(records: pd.DataFrame, names: dict[str, str]) -> str:
    """How the hyper-parameters were found, method by method, since tuning with labels is no fair start."""
    records = records[~records["control"].astype(bool)]
    how = {m: _joined(runs["tuned_with"].dropna()) for m, runs in records.groupby("method")}
    groups: dict[str, list[str]] = {}
    for method in names:
        if method in how:
            text = f"chosen with {how[method]}" if how[method] else "not tuned on these data, fixed in the config"
            groups.setdefault(text, []).append(names[method])
    # The largest group goes last and unnamed: with many methods the list would drown the note.
    parts = sorted(groups.items(), key=lambda group: len(group[1]))
    if not parts:
        return ""
    last = parts.pop()[0]
    named = [f"{text} ({', '.join(methods)})" for text, methods in parts]
    return f"Hyper-parameters: {'; '.join([*named, ('all others ' if named else '') + last])}."


def origin_note(records: pd.DataFrame) -> str:
    """Commit, hardware and date of the numbers."""
    commits = [str(c)[:7] for c in records["git_commit"].dropna()]
    parts = [f"commit {_joined(commits)}"] if commits else []
    if records["dirty"].fillna(False).astype(bool).any():
        parts.append("with uncommitted changes")
    parts.append(f"on {_devices(records)}")
    if records["finished"].notna().any():
        parts.append(f"last run finished {max(records['finished'].dropna())[:10]}")
    return f"Runs: {', '.join(parts)}."


def _devices(records: pd.DataFrame) -> str:
    pairs = records[["device", "device_name"]].drop_duplicates().itertuples(index=False)
    return _joined(" ".join(str(part) for part in pair if pd.notna(part)) for pair in pairs)


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(sorted({str(text) for text in texts if text}))


def _reasons(runs: pd.DataFrame) -> str:
    """Reasons, each once, with the seeds it befell."""
    reasons = runs.assign(reason=runs["status"] + ": " + runs["reason"].fillna("no reason recorded").astype(str))
    groups = reasons.sort_values(RUN).groupby("reason", sort=False)["seed"]
    return "; ".join(
        f"{' '.join(reason.split())} (seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))})"
        for reason, seeds in groups
    )


def _significant(value: float) -> str:
    return NONE if pd.isna(value) else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _thousands(value: float) -> str:
    return NONE if pd.isna(value) else f"{value:,.0f}"
