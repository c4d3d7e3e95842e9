"""Run records (run.json), files that are there whole or not at all, and the facts a record states.

Pure: importing this module loads neither torch nor scikit-learn.
"""

import ast
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any, BinaryIO

from jcae.classes import own_file

SCHEMA_VERSION = 1
STATUSES = ("ok", "failed", "diverged", "collapsed")

_PACKAGE = Path(__file__).resolve().parent
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


# --- files that are there whole or not at all -------------------------------------------------------------------------


def atomic_write(path: str | Path, writer: Callable[[BinaryIO], Any]) -> None:
    """Write a file beside its place, then move it there, so that nobody ever reads half of it.

    Parameters
    ----------
    path : path
        The file; its folders are made, an older one is replaced.
    writer : callable
        Gets the open binary file and writes to it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path)
    temporary = _temporary(path)
    try:
        with temporary.open("wb") as handle:
            writer(handle)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _fsync(path.parent)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path``; move it there at the end, or remove it when the body raises.

    An older folder at ``path`` is replaced.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path)
    temporary = _temporary(path)
    temporary.mkdir()
    try:
        yield temporary
        for folder, _, files in os.walk(temporary):
            for name in files:
                _fsync(Path(folder, name))
            _fsync(Path(folder))
        if path.exists():  # a folder with content cannot be replaced in one step
            old = path.with_name(f"{temporary.name}.old")
            os.rename(path, old)
            os.rename(temporary, path)
            shutil.rmtree(old)
        else:
            os.rename(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _fsync(path.parent)


def _temporary(path: Path) -> Path:
    return path.with_name(f"{path.name}.tmp.{os.getpid()}")


def remove_leftovers(path: Path) -> None:
    """Remove what dead processes left beside ``path``; a number that is ours now was a dead process's before."""
    pattern = re.compile(re.escape(path.name) + r"\.tmp\.(\d+)(\.old)?")
    for entry in list(os.scandir(path.parent)):
        found = pattern.fullmatch(entry.name)
        if not found or (int(found[1]) != os.getpid() and _is_alive(int(found[1]))):
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            Path(entry.path).unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# --- which code ran ---------------------------------------------------------------------------------------------------


def code_digest(cls: type) -> str:
    """Digest of the code that a class runs on: a method is retrained when this changes, not when a plot does.

    Parameters
    ----------
    cls : type
        The class of the method.

    Returns
    -------
    str
        For our own classes and a user's own file: sha256 (hex) over the source files that the class's file imports,
        directly or not, as far as they are part of ``jcae``, ``baselines`` or the class's own package, or lie beside a
        file that is in no package. Imports are read from the source text, also those within functions;
        ``import_module("...")`` is not seen.
        For an installed third package: ``name==version``.

    Raises
    ------
    ValueError
        Where the class has neither a source file nor a package, as when it was typed into a notebook.
    """
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    top = cls.__module__.partition(".")[0]
    if file and top not in ("jcae", "baselines") and _is_installed(Path(file)):
        names = _distributions().get(top)
        if names:
            return f"{names[0]}=={version(names[0])}"
    if not file or not file.endswith(".py"):
        raise ValueError(f"{cls.__module__}.{cls.__qualname__} has no source file; put the class into a .py file")
    path = Path(file).resolve()
    if own_file(cls):  # where that lies must not matter
        return _digest(_closure(path, path.stem, _package_folders(path.stem, path)))
    return _digest(_closure(path, cls.__module__, _package_folders(cls.__module__, path)))


def code_file(cls: type) -> dict[str, str] | None:
    """Return ``path`` and ``sha256`` of the file of a class that was named by its file, else None."""
    file = own_file(cls)
    return file and {"path": str(file), "sha256": file_sha256(file)}


@cache
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()


def _is_installed(file: Path) -> bool:
    places = {sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib")}
    return any(file.resolve().is_relative_to(Path(place).resolve()) for place in places)


def _package_folders(module: str, file: Path) -> dict[str, Path]:
    """Return where the modules lie whose files count: ours, and those of the class's package or beside its file."""
    top = module.partition(".")[0]
    folders = {"jcae": _PACKAGE, "baselines": _PACKAGE.parent / "baselines"}
    if module == file.stem:  # in no package
        for beside in file.parent.iterdir():
            if beside.suffix == ".py" or beside.is_dir():
                folders.setdefault(beside.stem, beside.with_suffix(""))
    elif own := getattr(sys.modules.get(top), "__path__", None):
        folders.setdefault(top, Path(next(iter(own))).resolve())
    return folders


def _closure(file: Path, module: str, folders: Mapping[str, Path]) -> dict[str, Path]:
    """Return module name -> file for everything that ``file`` imports within the packages of ``folders``."""
    found: dict[str, Path] = {}
    pending = [(module, file)]
    while pending:
        name, path = pending.pop()
        if name in found:
            continue
        found[name] = path
        for imported in _imports(path, name, folders):
            for part in _with_parents(imported):
                target = _source(part, folders)
                # jcae/__init__.py only names the lazy exports; following it would make every file part of every method
                if target and part != "jcae":
                    pending.append((part, target))
    return found


def _imports(path: Path, module: str, folders: Mapping[str, Path]) -> Iterator[str]:
    """Yield the full names that a file imports, modules and attributes alike (what is no module has no file)."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")
                parent = parent[: len(parent) - node.level + 1]
                base = ".".join([*parent, base] if base else parent)
            yield base
            for alias in node.names:
                yield _lazy_exports(folders).get(f"{base}.{alias.name}", f"{base}.{alias.name}")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "jcae":
            yield _lazy_exports(folders).get(f"jcae.{node.attr}", f"jcae.{node.attr}")


def _lazy_exports(folders: Mapping[str, Path]) -> dict[str, str]:
    """Return ``jcae.<class>`` -> its module, as ``jcae/__init__.py`` states it."""
    return _read_lazy_exports(folders["jcae"] / "__init__.py")


@cache
def _read_lazy_exports(file: Path) -> dict[str, str]:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "_HOME" for t in node.targets):
            return {f"jcae.{name}": home for name, home in ast.literal_eval(node.value).items()}
    return {}


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[: count + 1]) for count in range(len(parts)))


def _source(name: str, folders: Mapping[str, Path]) -> Path | None:
    top, *rest = name.split(".")
    if top not in folders:
        return None
    base = folders[top].joinpath(*rest)
    return next((file for file in (base / "__init__.py", base.with_suffix(".py")) if file.is_file()), None)


def _digest(files: Mapping[str, Path]) -> str:
    total = hashlib.sha256()
    for name in sorted(files):
        content = files[name].read_bytes()
        total.update(f"{name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def file_sha256(path: str | Path) -> str:
    """Return the sha256 (hex) of a file's bytes."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def git_state() -> dict[str, Any]:
    """Return ``git_commit`` (str or None) and ``dirty`` (bool) of the checkout that this package lies in.

    Outside a checkout, or without git, the commit is None. Dirty means: a file in ``jcae`` or ``baselines`` differs
    from the commit or is unknown to it.
    """
    # An installed copy inside some other project's checkout must not report that project's commit.
    if _git("ls-files", "--error-unmatch", "--", str(Path(__file__).resolve())) is None:
        return {"git_commit": None, "dirty": False}
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return {"git_commit": None, "dirty": False}
    places = [place for place in ("jcae", "baselines") if (_PACKAGE.parent / place).exists()]
    changes = _git("status", "--porcelain", "--", *places)
    return {"git_commit": commit.strip(), "dirty": changes is None or bool(changes.strip())}


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(_PACKAGE.parent), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


# --- on which machine -------------------------------------------------------------------------------------------------


def versions() -> dict[str, str | None]:
    """Return the versions of Python and of the packages that a result may depend on; None: not installed."""
    import jcae

    names = {"numpy": "numpy", "scipy": "scipy", "sklearn": "scikit-learn", "torch": "torch", "umap": "umap-learn"}
    return {
        "python": platform.python_version(),
        "jcae": jcae.__version__,
        **{key: _version(name) for key, name in names.items()},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def device_facts(device: str = "cpu", *, threads: int = 1, precision: str = "float32") -> dict[str, Any]:
    """Describe a device.

    Parameters
    ----------
    device : str
        ``cpu``, ``cuda`` or ``cuda:<index>``; torch is imported for the latter two only.
    threads : int
        CPU threads that the run is allowed.
    precision : str
        Floating point type of the computation.

    Returns
    -------
    dict
        ``type`` (cpu or cuda), ``name`` (model), ``threads``, ``precision``.
    """
    kind = device.partition(":")[0]
    if kind == "cuda":
        import torch

        name = torch.cuda.get_device_name(device)
    else:
        name = _processor()
    return {"type": kind, "name": name, "threads": threads, "precision": precision}


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine() or "unknown"


def peak_memory_mb() -> float:
    """Return the largest resident memory of this process so far, in MiB."""
    # Linux first: getrusage there starts from the memory of whatever process started this one.
    try:
        found = re.search(r"^VmHWM:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
        if found:
            return int(found[1]) / 1024
    except OSError:
        pass
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)


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
