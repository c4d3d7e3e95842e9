"""From a number in a table back to the runs behind it, and to the command that repeats one."""

import json
import re
import shlex
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from jcae.publish.export import RUNS, SWEEPS, exported_records
from jcae.scores.evaluation import ENDS, KINDS, SKIPPED, attempted, ok_scores, read_records, read_scores
from jcae.scores.metrics import METRICS
from jcae.scores.sweep import read_sweep_records
from jcae.statistics.how_many import BEST, RULES

KEYS = ("dataset", "method", "labels", "metric")
LISTED = 60
"""Rows that an error lists at most."""
_OF_ALL = ("failures", "reliability")
_TOTALS = ("n_total", "rate")
# What a method has only beside the reference.
_AGAINST = re.compile(
    r"difference.*|p|p_.*|smallest_p.*|n_pairs|n_unpaired|n_zero|rank_biserial|verdict|wins|ties|losses|"
    r"probability_of_improvement|improvement_.*|reference.*"
)
_OVER_ALL = ("average_rank", "friedman", "friedman_p", "critical_difference")


def explain(table: str | Path, row: str, column: str | None = None) -> str:
    """Name the runs behind a row, or behind one number, of a table in csv.

    Parameters
    ----------
    table : path
        `results/<run>/tables/<name>.csv`; `records.csv` lies in that folder or in the one above. A `.md`, `.tex` or
        `.html` of the same name stands for the csv.
    row : str
        Number of the row, 1 the first below the head, or values of its keys in any order: `digits/kmeans`.
    column : str, optional
        A column of the csv. Some are of one run (`lowest_objective`), some of all runs whatever their status
        (`n_total`), some of the reference, too (`p_holm`); without one: the ok runs of the row.

    Returns
    -------
    str
        Several lines: the number, then per data set and method its runs (folder, seed, status, score, objective), their
        parameters, digests, versions, device, and the command that repeats one.

    Raises
    ------
    FileNotFoundError
        No such table, or no records beside it.
    ValueError
        No such row (the message lists the rows) or column, or a table that is not made of runs.
    """
    path = Path(table).with_suffix(".csv")
    if not path.is_file():
        raise FileNotFoundError(f"{table}: there is no table {path}")
    data = pd.read_csv(path, dtype={**dict.fromkeys((*KEYS, "reference"), "str")})
    if "method" not in data:
        raise ValueError(f"{path}: its rows are no methods, so no runs of this kind stand behind them")
    place = next((folder for folder in path.resolve().parents[:2] if (folder / "records.csv").is_file()), None)
    if place is None:
        raise FileNotFoundError(f"{path}: there is no records.csv beside it or in the folder above")
    position = _position(path, data, row)
    if column is not None and column not in data:
        raise ValueError(f"{path}: there is no column {column!r}; columns: {', '.join(data)}")
    place = place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place
    chosen = data.iloc[position]
    metric, kind = _score(path.stem, chosen)
    swept = path.stem.startswith("how_many")
    runs, what = _runs(path.stem, chosen, column, (read_sweep_records if swept else read_records)(place))
    head = f"{path.name}, row {position + 1} ({_name(chosen)})"
    if column is not None:
        head += f": {column} = {_text(chosen[column])}"
    lines = [head, f"{len(runs)} run{'s' * (len(runs) != 1)}: {what}"]
    if metric is not None:
        scores = _scores(place)
        if scores is not None:
            of_kind = scores[(scores["metric"] == metric) & (scores["labels"] == kind)]
            runs = runs.merge(of_kind[["dataset", "method", "seed", "value"]], how="left")
    exported = exported_records(place, SWEEPS if swept else RUNS)
    groups = ["dataset", "method", *(["k"] if swept else [])]
    for (dataset, method, *_), group in runs.groupby(groups, sort=False):
        found = {run.seed: _record(place / run.run) or exported.get(run.run) for run in group.itertuples()}
        label = METRICS[metric].label if metric else None
        lines += ["", *describe_runs(place, dataset, method, group, found, label, kind)]
    return "\n".join(lines)


def _position(path: Path, data: pd.DataFrame, row: str) -> int:
    if re.fullmatch(r"\d+", row):
        if 1 <= int(row) <= len(data):
            return int(row) - 1
        raise ValueError(f"{path}: there is no row {row}; rows:\n{_rows(data, range(len(data)))}")
    wanted = row.split("/")
    names = [_keys(data.iloc[i]) for i in range(len(data))]
    found = [i for i, keys in enumerate(names) if all(part in keys for part in wanted)]
    if len(found) > 1:  # a consensus is meant only where it is named
        found = [i for i in found if "consensus" not in names[i] or "consensus" in wanted]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"{path}: {len(found)} rows are {row!r}; say which:\n{_rows(data, found)}")
    near = [i for i, keys in enumerate(names) if any(part in keys for part in wanted)] or range(len(data))
    raise ValueError(f"{path}: there is no row {row!r}; rows:\n{_rows(data, near)}")


def _rows(data: pd.DataFrame, positions: Any) -> str:
    positions = list(positions)
    lines = [f"  {i + 1:4}  {_name(data.iloc[i])}" for i in positions[:LISTED]]
    more = len(positions) - LISTED
    return "\n".join([*lines, *([f"  and {more} more"] if more > 0 else [])])


def _keys(row: pd.Series) -> list[str]:
    return [str(row[key]) for key in KEYS if key in row and pd.notna(row[key])]


def _name(row: pd.Series) -> str:
    return "/".join(_keys(row))


def _score(stem: str, row: pd.Series) -> tuple[str | None, str]:
    """The score that a row is about, and of which labels; None: about no score."""
    metric = row.get("metric")
    if metric is None or pd.isna(metric):
        metric = next((name for name in METRICS if re.search(rf"_{name}(_|$)", stem)), None)
    kind = row.get("labels")
    if kind not in KINDS:
        kind = "refit" if stem.endswith("_refit") else "own"
    return metric, kind


def _runs(stem: str, row: pd.Series, column: str | None, records: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The records behind a number, and in words which they are."""
    methods, what = [row["method"]], "the ok runs"
    here = pd.Series(True, index=records.index)
    if "dataset" in row:
        here &= records["dataset"] == row["dataset"]
    seed = row.get(column if str(column).endswith("_seed") else f"{column}_seed") if column else None
    if seed is not None and pd.notna(seed):
        here &= (records["seed"] == int(seed)) & (records["status"] == "ok")
        what = f"the one that {column.removesuffix('_seed')} names"
    elif stem == "how_many" and column in (*RULES, BEST):
        here &= (records["k"] == row[column]) & (records["status"] == "ok")
        what = "the ok runs with the number of clusters that was chosen; the choice compares them with all others"
    elif column in (*ENDS, SKIPPED):
        here &= records["status"] == column
        what = f"those with status {column}"
    elif column in _TOTALS:
        here &= records.index.isin(attempted(records).index)
        what = "all that were tried, whatever their status"
    elif stem in _OF_ALL:
        what = "all, whatever their status"
    else:
        here &= records["status"] == "ok"
        if row.get("labels") == "consensus":
            what += ", of whose labels it is the consensus"
        if column in _OVER_ALL:
            what += " of this method; the number depends on those of all other methods, too"
        reference = row.get("reference")
        if column is not None and _AGAINST.fullmatch(column) and isinstance(reference, str):
            methods.append(reference)
            what += f" of the method and of the reference {reference}"
    found = records[here & records["method"].isin(methods)]
    order = found["method"].map({method: i for i, method in enumerate(methods)})
    found = found.assign(order=order).sort_values(["dataset", "order", "seed"]).drop(columns="order")
    return found.reset_index(drop=True), what


def _scores(place: Path) -> pd.DataFrame | None:
    path = place / "scores.csv"
    return ok_scores(read_scores(path), read_records(place)) if path.is_file() else None


def describe_runs(
    place: Path,
    dataset: str,
    method: str,
    runs: pd.DataFrame,
    records: Mapping[int, dict[str, Any] | None],
    label: str | None,
    kind: str,
) -> list[str]:
    """All runs of one method on one data set: what differs per run, then what they share.

    Parameters
    ----------
    place : Path
        Folder with the records.
    dataset, method : str
    runs : DataFrame
        Rows of the records; with a column `value` where a score is told.
    records : mapping of int to dict or None
        What `run.json` holds, by seed; None where it is not here.
    label, kind : str
        What that score is called, and which labels it is of.
    """
    lines = [f"{dataset} / {method} ({runs['use'].iloc[0]})"]
    for run in runs.itertuples():
        parts = [f"  seed {run.seed:<3} {run.status}"]
        if label is not None and "value" in runs:
            parts.append(f"{label} of {kind} labels {_text(run.value)}")
        if pd.notna(run.objective):
            parts.append(f"{run.objective_name} {_text(run.objective)}")
        if pd.notna(run.reason):
            parts.append(run.reason)
        here = "" if (place / run.run).is_dir() else " (not here)"
        lines.append(f"{', '.join(parts)}\n           {place / run.run}{here}")
    found = [record for record in records.values() if record]
    if not found:
        first = runs.iloc[0]
        lines.append(f"  code: digest {first['code_digest']}, {_commit(first['git_commit'], first['dirty'])}")
        lines.append(f"  device: {_joined(runs['device'])} {_joined(runs['device_name'])}, {first['precision']}")
        return [*lines, "  The run folders are not here: parameters, versions and commands are in their run.json."]
    tuned_with = runs["tuned_with"].fillna("not tuned on these data, fixed in the config")
    for name, value in {"chosen with": _joined(tuned_with), **_shared(found)}.items():
        lines.append(f"  {name}: {value}")
    seed, record = next((seed, record) for seed, record in records.items() if record)
    if absent := _absent_inputs(record):
        lines.append("  its inputs are not here; to make them, with the config files of that run:")
        lines.append(f"    snakemake --cores 1 {shlex.join(absent)} --configfile ...")
    lines.append(f"  repeat seed {seed}, from the folder of the project:")
    lines.append(f"    {_repeat(record)}")
    return lines


def _record(folder: Path) -> dict[str, Any] | None:
    """Read a run.json as it is: one of an older version is to be explained, too."""
    try:
        return json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except json.JSONDecodeError as error:
        raise ValueError(f"{folder / 'run.json'}: not JSON: {error}") from None


def _shared(records: list[dict[str, Any]]) -> dict[str, str]:
    """What the runs have in common, in words; where they differ, every value once."""

    def each(text: Any) -> str:
        return "; ".join(dict.fromkeys(text(record) for record in records))

    def pairs(mapping: dict[str, Any]) -> str:
        return ", ".join(f"{name} {value}" for name, value in mapping.items() if value is not None)

    def parameters(record: dict[str, Any]) -> str:
        return json.dumps({name: v for name, v in record["params"].items() if name != "random_state"})

    def code(record: dict[str, Any]) -> str:
        facts = record["code"]
        return f"digest {facts['digest']}, {_commit(facts.get('git_commit'), facts.get('dirty'))}"

    lines = {
        "parameters": each(parameters),
        "data": each(lambda r: pairs(r["data"])),
        "code": each(code),
        "versions": each(lambda r: pairs(r["versions"])),
        "device": each(lambda r: pairs(r["device"])),
    }
    if any(record.get("pretrained") for record in records):
        lines["starts from"] = each(lambda r: f"seed {r['seed']}: {pairs(r.get('pretrained') or {})}")
    return lines


def _commit(commit: Any, dirty: Any) -> str:
    if not isinstance(commit, str):
        return "commit unknown"
    return f"commit {commit}{' with uncommitted changes' if dirty else ''}"


def _absent_inputs(record: dict[str, Any]) -> list[str]:
    """What the command reads and is not here: the prepared data, the pretrained autoencoder."""
    words = shlex.split(record["command"])
    read = [value for name, value in pairwise(words) if name in ("--features", "--pretrained")]
    return [path for path in read if not Path(path).exists()]


def _repeat(record: dict[str, Any]) -> str:
    """The command of the block, for this seed alone and into a folder of its own."""
    instead = {
        "--seeds": str(record["seed"]),
        "--out": f"repeat/{record['dataset']}/{record['method']}/{record['seed']}",
    }
    words, kept = iter(shlex.split(record["command"])), []
    for word in words:
        if word in instead:
            kept += [word, instead[word]]
        if word in (*instead, "--checkpoints", "--checkpoint-every"):
            next(words, None)  # its value
        else:
            kept.append(word)
    return shlex.join(kept)


def _joined(values: pd.Series) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in values.dropna()))


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "none" if pd.isna(value) else f"{value:.6g}"
    return str(value)
