"""How an estimator states its parameters: once, as annotated class fields with defaults, with one docstring each."""

import dataclasses
import inspect
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, dataclass_transform

from jcae.models.parameters import COMMON

_SECTION = re.compile(r"^(\S.*)\n-{3,}\n", re.MULTILINE)
_ENTRY = re.compile(r"^(\w+(?:, \w+)*)((?: : .*)?\n(?:[ \t].*\n|\n(?=[ \t]))*)", re.MULTILINE)


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(dataclasses.field,))
class Parameterised:
    """Base of estimators whose annotated fields are the keyword parameters of the constructor, inherited ones included.

    A subclass that restates a field, type and all, gives it a default of its own. What its docstring does not say under
    ``Parameters`` is taken from its bases. A class with an ``__init__`` of its own keeps it, and so do its subclasses.
    """

    def __init_subclass__(cls, **settings: Any):
        super().__init_subclass__(**settings)
        # scikit-learn reads the parameters from the signature of __init__, which has to store them unchanged: what a
        # dataclass writes. Type checkers know such classes by the decorator above (PEP 681).
        written = next(base for base in cls.__mro__ if "__init__" in vars(base))
        init = written is object or getattr(vars(written).get("__dataclass_params__"), "init", False)
        if init:
            _refuse_fields_without_type(cls)
        stated = cls.__doc__
        dataclasses.dataclass(init=init, eq=False, repr=False, kw_only=True)(cls)
        if stated:
            cls.__doc__ = completed(stated, inspect.signature(cls).parameters, cls.__mro__[1:])


def _refuse_fields_without_type(cls: type) -> None:
    """Without its type, a new default of an inherited field would be no field, and without effect."""
    bases = [base for base in cls.__bases__ if dataclasses.is_dataclass(base)]
    inherited = {field.name for base in bases for field in dataclasses.fields(base)}
    for name in inherited & (vars(cls).keys() - inspect.get_annotations(cls).keys()):
        value = vars(cls)[name]
        raise TypeError(
            f"{cls.__name__}: {name} = {value!r} has no effect without its type; write "
            f"{name}: {type(value).__name__} = {value!r}"
        )


class _Entry(NamedTuple):
    """Parameters that a docstring explains together; `rest` is their type and meaning."""

    names: list[str]
    rest: str


def completed(doc: str, parameters: Iterable[str], bases: Iterable[type]) -> str:
    """A class's docstring with all its parameters (K, its own, the common ones, those of its bases) and attributes.

    Parameters
    ----------
    doc : str
        In numpydoc's form; sections ``Parameters`` and ``Attributes`` are added where there are none.
    parameters : iterable of str
        Of the constructor.
    bases : iterable of type
        Nearest first; their docstrings are complete.

    Returns
    -------
    str
    """
    bases = list(bases)
    head, own, tail = _parts(_with_attributes(doc, bases), "Parameters")
    left = [name for name in parameters if not any(name in entry.names for entry in own)]
    inherited = []
    for base in bases:
        for entry in _parts(vars(base).get("__doc__") or "", "Parameters")[1]:
            if names := [name for name in entry.names if name in left]:
                inherited.append(_Entry(names, entry.rest))
                left = [name for name in left if name not in names]
    common = [_Entry([name], f" : {one.kind}\n    {one.meaning}\n") for name, one in COMMON.items()]
    entries = own + [entry for entry in common if entry.names[0] in left] + inherited
    entries.sort(key=lambda entry: entry.names[0] != "n_clusters")  # stable
    section = "".join(", ".join(entry.names) + entry.rest for entry in entries)
    return f"{head}\n\nParameters\n----------\n{section}\n{tail}".rstrip() + "\n" if entries else doc


def _with_attributes(doc: str, bases: Sequence[type]) -> str:
    """The docstring with the fitted attributes that its bases name and it does not."""
    head, entries, tail = _parts(doc, "Attributes")
    for base in bases:
        named = {name for entry in entries for name in entry.names}
        for entry in _parts(vars(base).get("__doc__") or "", "Attributes")[1]:
            if names := [name for name in entry.names if name not in named]:
                entries.append(_Entry(names, entry.rest))
    if not entries:
        return doc
    section = "".join(", ".join(entry.names) + entry.rest for entry in entries)
    return f"{head}\n\nAttributes\n----------\n{section}\n{tail}"


def _parts(doc: str, section: str) -> tuple[str, list[_Entry], str]:
    """What stands before the entries of a section, they themselves, and what stands after them.

    Without the section it would stand after the last that comes before it in numpydoc's order.
    """
    doc = inspect.cleandoc(doc) + "\n"
    starts = [(found.group(1), found.start(), found.end()) for found in _SECTION.finditer(doc)]
    starts.append(("", len(doc), len(doc)))
    for (name, start, end), (_, after, _) in pairwise(starts):
        if name == section:
            entries = [_Entry(names.split(", "), rest) for names, rest in _ENTRY.findall(doc[end:after])]
            return doc[:start].rstrip(), entries, doc[after:]
    first = next(start for name, start, _ in starts if section == "Parameters" or name != "Parameters")
    return doc[:first].rstrip(), [], doc[first:]
