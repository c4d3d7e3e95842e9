"""What the notes under the tables say: seeds, direction of the scores, data, tuning and origin of the numbers."""

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from jcae.jobs.records import format_block
from jcae.scores.evaluation import SKIPPED, display_names, labelled, unlabelled
from jcae.scores.metrics import METRICS
from jcae.tables.rendering import Table


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
    how = {m: listed(runs["tuned_with"].dropna()) for m, runs in records.groupby("method")}
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
    if records.empty:
        return ""
    commits = [str(c)[:7] for c in records["git_commit"].dropna()]
    parts = [f"commit {listed(commits)}"] if commits else []
    if records["dirty"].fillna(False).astype(bool).any():
        parts.append("with uncommitted changes")
    parts.append(f"on {devices(records)}")
    if records["finished"].notna().any():
        parts.append(f"last run finished {max(records['finished'].dropna())[:10]}")
    return f"Runs: {', '.join(parts)}."


def devices(records: pd.DataFrame) -> str:
    """Name the devices of runs, each once."""
    pairs = records[["device", "device_name"]].drop_duplicates().itertuples(index=False)
    return listed(" ".join(str(part) for part in pair if pd.notna(part)) for pair in pairs)


def listed(texts: Iterable[str]) -> str:
    """Join texts in alphabetical order, each once, empty ones left out."""
    return ", ".join(sorted({str(text) for text in texts if text}))


def data_note(records: pd.DataFrame) -> str:
    """Say which methods skipped which data sets, and which data sets have points of their own to fit on."""
    parts, names = [], display_names(records)
    if "n_fit" in records:
        for row in records[records["n_fit"].notna()].drop_duplicates("dataset").sort_values("dataset").itertuples():
            how = f" ({row.split})" if isinstance(row.split, str) else ""
            others = f"fitted on {row.n_fit:,.0f} points, scored on {row.n_score:,.0f} others{how}"
            parts.append(f"{row.dataset}: {others}.")
    skipped = records[records["status"] == SKIPPED].fillna({"reason": "no reason recorded"})
    where = [
        f"{names[method]} on {listed(runs['dataset'])} ({reason})"
        for (method, reason), runs in skipped.groupby(["method", "reason"], sort=False)
    ]
    if where:
        parts.append(f"Skipped, which is no failure and in no count: {'; '.join(where)}.")
    return " ".join(parts)


def against_truth(table: Table, records: pd.DataFrame) -> Table:
    """Say under a table of scores against the truth which data sets are not in it; nothing else where none is.

    `records` are those of all data sets.
    """
    without, known = unlabelled(records), labelled(records)
    where = "scores_without_labels has the scores that need none"
    if known.empty and without:
        text = f"No data set of this run has a truth ({', '.join(without)}), so that this table is empty; {where}."
        return replace(table, note=text)
    left_out = f"Without a truth, and so not in this table: {', '.join(without)}; {where}." if without else ""
    return table.saying(data_note(known), left_out)


def reference_note(reference: str | None, names: dict[str, str], nothing: str) -> str:
    """Name the reference, or say what there is not without one."""
    if reference is None:
        return f"{nothing}: the config names no reference."
    if reference not in names:
        return f"{nothing}: the reference {reference!r} is not part of this run."
    return f"Reference: {names[reference]}."


def joined(parts: Iterable[str]) -> str:
    """Join the sentences of a note, empty ones left out."""
    return " ".join(part for part in parts if part)
