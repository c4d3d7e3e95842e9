"""What a run says, in sentences made from its numbers."""

from collections.abc import Iterable

import pandas as pd

from jcae.jobs.records import format_block
from jcae.report.source import Source
from jcae.scores.evaluation import SKIPPED, attempted
from jcae.scores.metrics import METRICS
from jcae.statistics.how_many import RULES
from jcae.statistics.shared import compared, count, endings
from jcae.tables.cells import MAIN_METRICS, mean_sd, number, own_rows

NAMED = 6
"""Data sets, methods or runs that a sentence names; of more, it gives the number."""


def listed(names: Iterable[str]) -> str:
    """a, b and c."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def what_ran(source: Source) -> list[str]:
    """Methods, data sets, seeds, and how the runs ended; machine, time and commit."""
    records = source.records
    datasets = f" ({listed(source.datasets)})" if len(source.datasets) <= NAMED else ""
    numbers = sorted(records["seed"].unique().tolist())
    seeds = f"seed{'s' * (len(numbers) > 1)} {format_block(numbers)}"
    said = [
        f"{count(len(source.methods), 'method')} on {count(len(source.datasets), 'data set')}{datasets}, "
        f"{seeds}: {runs_and_endings(records)}."
    ]
    hours = (records["seconds"].sum() + records.drop_duplicates("pretrain_seconds")["pretrain_seconds"].sum()) / 3600
    devices = listed(dict.fromkeys(records["device_name"].dropna())) if records["device_name"].notna().any() else "?"
    first, last = records["started"].min()[:10], records["finished"].max()[:10]
    when = f"on {first}" if first == last else f"from {first} to {last}"
    said.append(f"{_duration(hours)} of training {when}, on {devices}.")
    return said


def _duration(hours: float) -> str:
    return f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.0f} minutes" if hours >= 1 / 30 else "Seconds"


def runs_and_endings(records: pd.DataFrame) -> str:
    """320 runs, all ok; or how many of each status."""
    tried = attempted(records)
    text = f"{count(len(tried), 'run')}, {endings(tried['status'].value_counts())}"
    skipped = len(records) - len(tried)
    return text + (f" ({skipped} skipped: nothing to do there)" if skipped else "")


def what_failed(source: Source) -> list[str]:
    """Which methods failed where; nothing where all runs are ok."""
    bad = source.records[~source.records["status"].isin(["ok", SKIPPED])]
    if bad.empty:
        return []
    groups = bad.groupby(["dataset", "method"]).size()
    named = [f"{source.methods[m]} on {d} ({count(n, 'run')})" for (d, m), n in groups.items()][:NAMED]
    more = [] if len(groups) <= NAMED else [f"{len(groups) - NAMED} others"]
    return [f"Not ok: {listed([*named, *more])}. They are counted in every table and part of no mean."]


def what_came_out(source: Source) -> list[str]:
    """The best method by ACC on every data set with a truth, and whether the methods can be told apart over all."""
    table = own_rows(source.data("scores_acc"))
    if table.empty:
        return ["No data set has a truth: methods are shown by scores that need none."]
    table = table[table["method"].isin(compared(source.records)["method"]) & (table["n_ok"] > 0)]
    said = []
    best = table.sort_values("mean", ascending=False).drop_duplicates("dataset").sort_values("dataset")
    if len(best) <= NAMED:
        leaders = [
            f"on {r.dataset} {source.methods[r.method]} ({mean_sd(r.mean, r.sd, 'acc')})" for r in best.itertuples()
        ]
        said += [f"The highest mean ACC has {listed(leaders)}."] if leaders else []
    else:
        wins = best["method"].value_counts()
        said.append(
            "The highest mean ACC has "
            + listed(f"{source.methods[m]} on {count(n, 'data set')}" for m, n in list(wins.items())[:NAMED])
            + "."
        )
    ranks = source.data("ranks_acc")
    if "friedman_p" in ranks and ranks["friedman_p"].notna().any():
        p, n = ranks["friedman_p"].iloc[0], int(ranks["n_datasets"].max())
        verdict = "do not tell the methods apart" if p >= 0.05 else "tell methods apart"
        said.append(f"Over {count(n, 'data set')} their ranks {verdict} (Friedman test, p = {p:.2g}).")
    return said


def the_claim(source: Source) -> list[str]:
    """Where AE-CM scores above every method that starts from the same autoencoders."""
    table = source.data("claim_acc")
    if table.empty or "verdict" not in table or table["verdict"].isna().all():
        return []
    table = table.dropna(subset=["verdict"])
    label = source.methods.get(table["method"].iloc[0], table["method"].iloc[0])
    parts = []
    for verdict, group in table.groupby("verdict", sort=False):
        where = [
            f"{r.dataset} ({source.methods.get(r.reference, r.reference)}: {100 * r.difference:+.1f})"
            if pd.notna(r.difference)
            else r.dataset
            for r in group.itertuples()
        ]
        parts.append(f"{verdict} on {listed(where) if len(where) <= NAMED else count(len(where), 'data set')}")
    return [
        f"The paper's claim, that {label} scores above every method that starts from the same autoencoders: "
        f"{'; '.join(parts)}. In brackets its strongest rival there, and the difference in points of ACC."
    ]


def the_equivalence(source: Source) -> list[str]:
    """Whether the identities hold, and whether module and mixture score alike."""
    algebra, fits = source.data("algebra"), source.data("equivalence")
    said = []
    if not algebra.empty:
        holds = int(algebra["holds"].astype(bool).sum())
        which = "All" if holds == len(algebra) else f"{holds} of"
        said.append(
            f"{which} {len(algebra)} identities that make the clustering module an isotropic Gaussian mixture hold; "
            f"the largest relative error is {algebra['error'].max():.1e}."
        )
    for metric in MAIN_METRICS:
        counts = fits.get(f"verdict_{metric}", pd.Series(dtype=str)).value_counts()
        if len(counts):  # without a truth there is no verdict
            said.append(
                f"Fitted side by side, their {METRICS[metric].label}s are "
                + listed(f"{verdict} on {count(n, 'data set')}" for verdict, n in counts.items())
                + "."
            )
            break
    return said


def how_sure(source: Source) -> list[str]:
    """How far seeds agree, where most and where least, and what their consensus is worth."""
    table = source.data("confidence")
    if table.empty:
        return []
    best, least = (table.loc[table["agreement"].agg(which)] for which in ("idxmax", "idxmin"))
    ends = [f"{number(r.agreement, 'acc')} % ({source.methods[r.method]} on {r.dataset})" for r in (best, least)]
    said = [
        f"The agreement of the seeds with their consensus, mean over all points of a data set, lies between {ends[1]} "
        f"and {ends[0]}."
    ]
    known = table.dropna(subset=["acc", "acc_consensus"])
    if len(known):
        gain = known["acc_consensus"] - known["acc"]
        above = int((gain > 0).sum())
        said.append(
            f"The consensus has a higher ACC than the mean of its seeds in {above} of {count(len(known), 'case')}; the "
            f"median difference is {100 * gain.median():+.1f} points."
        )
    if table["auc"].notna().any():
        said.append(
            "A point in the cluster of its class has a greater agreement than one in another with a chance of "
            f"{100 * table['auc'].min():.0f} to {100 * table['auc'].max():.0f} % (50: agreement tells nothing)."
        )
    return said


def what_peeking_buys(source: Source) -> list[str]:
    """How much a choice of the update by labels adds to ACC, in the middle and at most."""
    table = source.data("peeking")
    if table.empty:
        return []
    most = table.loc[table["acc_gain"].idxmax()]
    return [
        f"Choosing the update by labels would have added {100 * table['acc_gain'].median():.1f} points of ACC in the "
        f"median of {count(len(table), 'pair')} of method and data set, and at most {100 * most.acc_gain:.1f} "
        f"({source.methods[most.method]} on {most.dataset}). No other table has such numbers."
    ]


def how_often_right(source: Source) -> list[str]:
    """How often each rule that chooses a number of clusters finds the number of classes, over all methods."""
    table = source.data("how_many_rules")
    over_all = table[table["method"].isna() & (table["n"] > 0)] if "rule" in table else table
    if over_all.empty:
        return []
    parts = [f"{RULES[r.rule].label} in {r.n_right} of {r.n}" for r in over_all.itertuples()]
    return [f"Each rule, over methods and data sets with known classes, finds their number: {listed(parts)}."]


def of_method_on(source: Source, dataset: str, method: str) -> list[tuple[str, str]]:
    """Every score's label and mean ± sd of one method on one data set, own labels."""
    here = source.own_scores.get((dataset, method))
    if here is None:
        return []
    return [
        (METRICS[metric].label, mean_sd(values.mean(), values.std(), metric))
        for metric, values in here.groupby("metric", sort=False)["value"]
        if metric in METRICS
    ]
