"""Run records (run.json), and what is written in them and in names: blocks of seeds, parameters.

Pure: importing this module loads neither torch nor scikit-learn.
"""

import json
import re
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jcae.files import atomic_write

SCHEMA_VERSION = 1
STATUSES = ("ok", "failed", "diverged", "collapsed", "skipped")

_PACKAGE = Path(__file__).resolve().parents[1]
_SCHEMA_FILE = _PACKAGE.parent / "workflow" / "schemas" / "run.schema.yaml"


class RecordError(ValueError):
    """A run.json that is not one; the message names file, key and value."""


# --- run.json ---------------------------------------------------------------------------------------------------------


def write_record(path: str | Path, record: Mapping[str, Any]) -> None:
    """Check a record against the schema and write it, whole or not at all.

    Parameters
    ----------
    path : path
        The run.json to write; its folders are made.
    record : mapping
        The record, as described in ``workflow/schemas/run.schema.yaml``.

    Raises
    ------
    RecordError
        Where the record breaks the schema or holds what JSON cannot (NaN included).
    """
    path = Path(path)
    try:
        text = json.dumps(record, indent=2, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RecordError(f"{path}: not JSON: {error}") from error
    _validate(path, json.loads(text))  # what a reader will see: tuples are lists by now
    atomic_write(path, lambda handle: handle.write((text + "\n").encode()))


def read_record(path: str | Path) -> dict[str, Any]:
    """Read a run.json and check it against the schema.

    Raises
    ------
    RecordError
        Where the file is no JSON or breaks the schema.
    FileNotFoundError
        Where there is no such file.
    """
    path = Path(path)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: not JSON: {error}") from error
    _validate(path, record)
    return record


@cache
def _validator() -> Any | None:
    """Return the schema's validator, or None where a bare machine has not what it needs."""
    try:
        import yaml
        from jsonschema import Draft202012Validator

        schema = yaml.safe_load(_SCHEMA_FILE.read_text(encoding="utf-8"))
    except (ImportError, FileNotFoundError) as error:
        warnings.warn(f"run records are not validated: {error}", RuntimeWarning, stacklevel=4)
        return None
    return Draft202012Validator(schema)


def _validate(path: Path, record: Any) -> None:
    validator = _validator()
    if validator is None:
        return
    errors = sorted(validator.iter_errors(record), key=lambda error: list(map(str, error.absolute_path)))
    if errors:
        raise RecordError(f"{path}: " + "; ".join(_explain(error) for error in errors[:5]))


def _explain(error: Any) -> str:
    if error.context:  # one of several allowed forms: the complaint that goes deepest is the one meant
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    key = ".".join(map(str, error.absolute_path))
    if error.validator in ("required", "additionalProperties"):
        return (f"key '{key}': " if key else "") + error.message
    value = json.dumps(error.instance)
    shown = value if len(value) <= 80 else value[:77] + "..."
    if error.validator == "enum":
        return f"key '{key}' is {shown}, allowed are {error.validator_value}"
    return f"key '{key}' is {shown}, which breaks {error.validator}: {json.dumps(error.validator_value)}"


# --- blocks of seeds --------------------------------------------------------------------------------------------------


def parse_block(text: str) -> list[int]:
    """Turn ``"0-4"``, ``"0,2,5"`` or ``"0-2,7"`` into the list of seeds.

    Raises
    ------
    ValueError
        Where the text is no block, runs backwards or names a seed twice.
    """
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if not found or int(found[2] or found[1]) < int(found[1]):
            raise ValueError(f"block {text!r}: {part!r} is neither a seed nor a range; write for instance 0-4 or 0,2,5")
        seeds.extend(range(int(found[1]), int(found[2] or found[1]) + 1))
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"block {text!r} names a seed twice")
    return seeds


def format_block(seeds: Sequence[int]) -> str:
    """Turn a list of seeds into the shortest text that `parse_block` reads: ``[0, 1, 2, 5]`` is ``"0-2,5"``.

    Raises
    ------
    ValueError
        Where the list is empty, or a seed is negative or there twice.
    """
    ordered = sorted(seeds)
    if not ordered or ordered[0] < 0 or len(set(ordered)) < len(ordered):
        raise ValueError(f"seeds {list(seeds)} are no block: one or more different seeds from 0 upwards are")
    runs: list[list[int]] = []
    for seed in ordered:
        if runs and seed == runs[-1][1] + 1:
            runs[-1][1] = seed
        else:
            runs.append([seed, seed])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def jsonable(value: Any) -> Any:
    """Turn a parameter into what JSON can hold: arrays and tuples become lists, the rest its repr."""
    if isinstance(value, float):
        return float(value) if value == value and abs(value) != float("inf") else repr(float(value))
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        return jsonable(value.tolist())
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))  # an address in memory would differ from run to run
