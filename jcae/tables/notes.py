"""What the notes under the tables say: seeds, direction of the scores, tuning and origin of the numbers."""

from collections.abc import Iterable

import pandas as pd

from jcae.jobs.records import format_block
from jcae.scores.metrics import METRICS


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
