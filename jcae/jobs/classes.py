"""From the `use` of a config to a class, with errors that say which part is wrong and what there is instead.

`use` is a dotted path, ``sklearn.cluster.KMeans``, or a file and a class in it, ``../mine/method.py:Mine``.
"""

import inspect
import os
import pkgutil
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from jcae.jobs.exits import one_line


class MethodError(ImportError):
    """A `use` that leads to no class; the message names the part that is wrong and lists what there is."""


def load_class(use: str) -> type:
    """Import the class that a `use` names.

    Parameters
    ----------
    use : str
        ``package.module.Class``, where modules in the working directory are found, too; or ``path/to/file.py:Class``,
        where a relative path starts in the working directory, which is where ``config.yaml`` lies.

    Raises
    ------
    MethodError
        No such file, module or class, not a class, or a file that cannot be imported.
    """
    place, separator, name = use.rpartition(":")
    if separator:
        module = _import_file(use, place)
    else:
        place, _, name = use.rpartition(".")
        module = _import_module(use, place)
    if not hasattr(module, name):
        raise MethodError(f"{_kind(module)} {place} has no class {name!r}{hint(name, _classes(module))}")
    cls = getattr(module, name)
    if not inspect.isclass(cls):
        raise MethodError(f"{use} is a {type(cls).__name__}, expected a class")
    return cls


def own_file(cls: type) -> Path | None:
    """The file of a class that was named by its file; None for a class of a package or module."""
    return Path(sys.modules[cls.__module__].__file__) if Path(cls.__module__).is_absolute() else None


def class_name(cls: type) -> str:
    """How an error names a class: with its file, where that is how the config names it."""
    file = own_file(cls)
    return f"{cls.__name__} in {file}" if file else cls.__name__


def _import_module(use: str, path: str) -> ModuleType:
    if use.endswith(".py"):
        raise MethodError(f"{use!r} names a file and no class; write {use}:Class")
    if not path or not all(part.isidentifier() for part in use.split(".")):
        raise MethodError(
            f"{use!r} is not a dotted path such as sklearn.cluster.KMeans, nor a file and class such as mine.py:Mine"
        )
    _find_beside(os.getcwd())
    try:
        return import_module(path)
    except ModuleNotFoundError as error:
        if error.name is None or not (path == error.name or path.startswith(f"{error.name}.")):
            raise MethodError(f"importing {path} failed: {error}") from error
        raise MethodError(f"there is no module {error.name!r}{_siblings(error.name)}") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a method's file may hold anything, sys.exit included
        raise MethodError(f"importing {path} failed: {one_line(error)}") from error


def _import_file(use: str, place: str) -> ModuleType:
    """Import a file under its path, so that two files of one name are two modules; dots would mean packages."""
    file = Path(place).expanduser().resolve()
    if file.suffix != ".py":
        raise MethodError(f"{use!r}: {place} is not the path of a .py file")
    if not file.is_file():
        beside = hint(file.name, [f.name for f in file.parent.glob("*.py")]) if file.parent.is_dir() else ""
        raise MethodError(f"{use!r}: there is no file {file}{beside}")
    name = str(file.with_suffix("")).replace(".", "_")
    if name not in sys.modules:
        _find_beside(str(file.parent))
        spec = spec_from_file_location(name, file)
        module = sys.modules[name] = module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            sys.modules.pop(name, None)
            if isinstance(error, KeyboardInterrupt):
                raise
            raise MethodError(f"importing {place} failed: {one_line(error)}") from error
    return sys.modules[name]


def _find_beside(folder: str) -> None:
    """Let a user's own file import what lies in the folder; searched last, so that it hides nothing."""
    if folder not in sys.path:
        sys.path.append(folder)


def _kind(module: ModuleType) -> str:
    return "file" if Path(module.__name__).is_absolute() else "module"


def hint(name: Any, allowed: Iterable[str]) -> str:
    """End of an error message: the likely meaning of a wrong name, and the allowed ones."""
    allowed = sorted(map(str, allowed))
    close = get_close_matches(str(name), allowed, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    return f"{meant} Allowed: {', '.join(allowed)}" if meant else f"; allowed: {', '.join(allowed) or 'none'}"


def _classes(module: Any) -> list[str]:
    return [
        n for n in dir(module) if not n.startswith("_") and (n[:1].isupper() or inspect.isclass(vars(module).get(n)))
    ]


def _siblings(module: str) -> str:
    """What lies beside a module that is missing."""
    package, _, name = module.rpartition(".")
    if not package:
        return ""
    try:
        found = [m.name for m in pkgutil.iter_modules(import_module(package).__path__)]
    except (ImportError, AttributeError):
        return ""
    return hint(name, [n for n in found if not n.startswith("_")])
