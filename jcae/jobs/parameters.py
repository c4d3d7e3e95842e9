"""Arguments of a method's constructor: what the config says, completed, and as the record states them."""

import inspect
from collections.abc import Mapping
from typing import Any

from jcae.jobs import records
from jcae.jobs.classes import class_name, hint
from jcae.jobs.signature import finds_clusters, fixed


class ParameterError(ValueError):
    """A parameter that the class does not have, or lacks; the message lists the allowed ones."""


def resolve_params(
    cls: type, params: Mapping[str, Any], *, n_clusters: int | None = None, device: str = "auto"
) -> dict[str, Any]:
    """Complete the parameters of a method with what the block decides.

    Parameters
    ----------
    cls : type
    params : mapping
        As in the config; what it gives explicitly wins.
    n_clusters : int or None
        True number of clusters, from the data card; goes to ``n_clusters``, or to ``n_components`` where the signature
        has only that. A class that finds it by itself, ``finds_n_clusters = True``, is not told.
    device : str
        Goes to ``device`` where the signature has it.

    Returns
    -------
    dict
        Arguments of the constructor, all but ``random_state``.

    Raises
    ------
    ParameterError
        Where a parameter is unknown or missing, or ``random_state`` is given (it is the seed's).
    """
    signature = inspect.signature(cls).parameters
    named = [n for n, p in signature.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if "random_state" in params:
        raise ParameterError(f"{class_name(cls)}: random_state is the seed of the run and cannot be set in params")
    if not any(p.kind is p.VAR_KEYWORD for p in signature.values()):
        unknown = sorted(set(params) - set(named))
        if unknown:
            allowed = [name for name in named if name != "random_state"]
            raise ParameterError(f"{class_name(cls)}: unknown parameter {unknown[0]!r}{hint(unknown[0], allowed)}")
    resolved = {**fixed(cls), **params}
    counts = [name for name in ("n_clusters", "n_components") if name in named and not finds_clusters(cls)]
    if counts and n_clusters is not None:
        resolved.setdefault(counts[0], n_clusters)
    if "device" in named:
        resolved.setdefault("device", device)
    if counts and counts[0] not in resolved:  # its own default would be somebody else's K
        raise ParameterError(
            f"{class_name(cls)}: parameter {counts[0]!r} is needed; it comes from card.json beside the features, which "
            "is not there, or from params"
        )
    required = [n for n in named if signature[n].default is inspect.Parameter.empty and n != "random_state"]
    missing = [name for name in required if name not in resolved]
    if missing:
        raise ParameterError(f"{class_name(cls)}: parameter {missing[0]!r} is needed")
    return resolved


def recorded_params(
    cls: type, params: Mapping[str, Any], seed: int, by_rule: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return all parameters that can change a result as JSON: defaults included, and `by_rule` what a rule gave."""
    signature = inspect.signature(cls).parameters
    defaults = {name: p.default for name, p in signature.items() if p.default is not inspect.Parameter.empty}
    if hasattr(cls, "fit_seeds"):
        defaults.pop("verbose", None)
    return records.jsonable({**defaults, **params, **(by_rule or {}), **seed_argument(cls, seed)})


def seed_argument(cls: type, seed: int) -> dict[str, int]:
    """Return the seed as an argument, where the class takes one."""
    return {"random_state": seed} if "random_state" in inspect.signature(cls).parameters else {}
