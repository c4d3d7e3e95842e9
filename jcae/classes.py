"""From the dotted path in a config to a class, with errors that say which part is wrong and what there is instead."""

import inspect
import os
import pkgutil
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from importlib import import_module
from typing import Any


class MethodError(ImportError):
    """A dotted path that leads to no class; the message names the part that is wrong and lists what there is."""


def load_class(use: str) -> type:
    """Import the class that a dotted path names.

    Parameters
    ----------
    use : str
        ``package.module.Class``. Modules in the working directory are found, too.

    Raises
    ------
    MethodError
        No such module or class, not a class, or a file that cannot be imported.
    """
    path, _, name = use.rpartition(".")
    if not path or not all(part.isidentifier() for part in use.split(".")):
        raise MethodError(f"{use!r} is not a dotted path such as sklearn.cluster.KMeans")
    if os.getcwd() not in sys.path:  # a user's own file; last, so that it hides nothing
        sys.path.append(os.getcwd())
    try:
        module = import_module(path)
    except ModuleNotFoundError as error:
        if error.name is None or not (path == error.name or path.startswith(f"{error.name}.")):
            raise MethodError(f"importing {path} failed: {error}") from error
        raise MethodError(f"there is no module {error.name!r}{_siblings(error.name)}") from None
    except Exception as error:  # a method's file may hold anything
        raise MethodError(f"importing {path} failed: {type(error).__name__}: {error}") from error
    if not hasattr(module, name):
        raise MethodError(f"module {path} has no class {name!r}{hint(name, _classes(module))}")
    cls = getattr(module, name)
    if not inspect.isclass(cls):
        raise MethodError(f"{use} is a {type(cls).__name__}, expected a class")
    return cls


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
