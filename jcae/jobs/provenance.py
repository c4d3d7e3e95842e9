"""Where a number comes from: which code ran, with which packages, on which machine."""

import ast
import hashlib
import platform
import re
import subprocess
import sys
import sysconfig
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

from jcae.files import file_sha256
from jcae.jobs.classes import own_file

_PACKAGE = Path(__file__).resolve().parents[1]

# --- which code ran ---------------------------------------------------------------------------------------------------


def code_digest(cls: type, leave_out: Collection[str] = ()) -> str:
    """Digest of the code that a class runs on: a method is retrained when this changes, not when a plot does.

    Parameters
    ----------
    cls : type
        The class of the method.
    leave_out : collection of str
        Packages of ours whose code does not count.

    Returns
    -------
    str
        For our own classes and a user's own file: sha256 (hex) over the code (without comments, docstrings and words
        of `info`) of the source files that the class's file imports, directly or not, as far as they are part of
        ``jcae``, ``baselines`` or the class's own package, or lie beside a file that is in no package. Imports are read
        from the source text, also those within functions; ``import_module("...")`` is not seen.
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
        return _digest(_closure(path, path.stem, _package_folders(path.stem, path), leave_out))
    return _digest(_closure(path, cls.__module__, _package_folders(cls.__module__, path), leave_out))


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


def _closure(file: Path, module: str, folders: Mapping[str, Path], leave_out: Collection[str] = ()) -> dict[str, Path]:
    """Return module name -> file for everything that ``file`` imports within the packages of ``folders``."""
    found = {module: file}
    pending = [module]
    # jcae/__init__.py only names the lazy exports; following it would make every file part of every method
    looked_up = {module, "jcae"}
    while pending:
        name = pending.pop()
        for imported in _imports(found[name], name, folders):
            for part in _with_parents(imported):
                if part in leave_out:
                    break  # and what lies in it
                if part in looked_up:
                    continue
                looked_up.add(part)
                if target := _source(part, folders):
                    found[part] = target
                    pending.append(part)
    return found


def _imports(path: Path, module: str, folders: Mapping[str, Path]) -> Iterator[str]:
    """Yield the full names that a file imports, modules and attributes alike (what is no module has no file)."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    exports = _lazy_exports(folders)
    for level, base, name in _read(path.read_bytes(), str(path))[0]:
        if level:
            parent = package.split(".")
            parent = parent[: len(parent) - level + 1]
            base = ".".join([*parent, base] if base else parent)
        full = f"{base}.{name}" if name else base
        yield exports.get(full, full)


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


_WORDS = {"label", "summary", "reference", "deviations"}
"""What `jcae.models.info.Info` says in words."""


@cache
def _read(source: bytes, file: str) -> tuple[tuple[tuple[int, str, str | None], ...], bytes]:
    """Return what a source imports, and the source without what cannot change a result.

    The first is the level (0: absolute), the module and the name in it, or None, each once; the second lacks comments,
    docstrings, layout, and what `info` says in words. By the text and not by the file, which may change: parsing is
    most of what a digest costs, and methods share files.
    """
    tree = ast.parse(source, filename=file)
    imports: dict[tuple[int, str, str | None], None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports |= {(0, alias.name, None): None for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            imports[node.level, base, None] = None
            imports |= {(node.level, base, alias.name): None for alias in node.names}
        elif isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id == "jcae":
                imports[0, "jcae", node.attr] = None
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = node.body[ast.get_docstring(node, clean=False) is not None :] or [ast.Pass()]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Info":
            node.keywords = [keyword for keyword in node.keywords if keyword.arg not in _WORDS]
    return tuple(imports), ast.unparse(tree).encode("utf-8", "surrogatepass")


def _digest(files: Mapping[str, Path]) -> str:
    total = hashlib.sha256()
    for name in sorted(files):
        content = _read(files[name].read_bytes(), str(files[name]))[1]
        total.update(f"{name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


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
        CPU threads that the run used.
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
