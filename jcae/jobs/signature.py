"""What the constructor of a class takes, and which of its parameters a run sets by itself."""

import inspect
from functools import cache
from typing import Any


@cache  # a plan asks once per data set, method and parameter
def _taken(cls: type) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(cls).parameters.values())


def parameters(cls: type) -> dict[str, Any]:
    """Constructor parameters and what a run gives them by itself; the key `**` stands for any further keyword."""
    allowed = {}
    for parameter in _taken(cls):
        if parameter.kind is parameter.VAR_KEYWORD:
            allowed["**"] = None
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            allowed[parameter.name] = None if parameter.default is parameter.empty else parameter.default
    return {**allowed, **fixed(cls)}


def fixed(cls: type) -> dict[str, Any]:
    """What a run gives parameters that a config says nothing of, where that is not the constructor's default."""
    return dict(getattr(getattr(cls, "info", None), "fixed", {}))


def needed(cls: type) -> set[str]:
    """Constructor parameters without a default."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {p.name for p in _taken(cls) if p.default is p.empty and p.kind in named}


def cluster_count(cls: type) -> str | None:
    """Name of the parameter by which a class is told the number of clusters."""
    allowed = parameters(cls)
    return next((name for name in ("n_clusters", "n_components") if name in allowed), None)


def finds_clusters(cls: type) -> bool:
    """Whether a class finds the number of clusters by itself, unless it is told one: it says `finds_n_clusters`."""
    return bool(getattr(cls, "finds_n_clusters", False))


def reserved(cls: type) -> dict[str, str]:
    """Parameters that the run sets, and from what."""
    found = {"random_state": "it comes from `seeds`", "device": "it is the key `device` of the config"}
    if hasattr(cls, "fit_seeds"):
        found["verbose"] = "a run shows its progress by itself"
        found["autoencoder"] = "name a key of `autoencoders` in the method's own key `autoencoder`"
    if count := cluster_count(cls):
        what = "the method finds it" if finds_clusters(cls) else "it is the number of classes of the data set"
        found[count] = f"{what} (or see the method's own key `n_clusters`)"
    return found


def takes_graph(cls: type) -> bool:
    """Whether the `fit` of a class takes a graph beside the points."""
    # Not fit_seeds: every deep method has it from the base, with a graph that only some take.
    fit = getattr(cls, "fit", None)
    return fit is not None and "graph" in inspect.signature(fit).parameters
