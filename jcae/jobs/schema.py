"""A config against its schema: what does not fit, in plain words, and the defaults of what is not said."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from jcae.jobs.classes import hint

SCHEMA = Path(__file__).parents[2] / "workflow" / "schemas" / "config.schema.yaml"


@cache
def read_schema(path: str | Path) -> dict[str, Any]:
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def check_structure(config: Any, schema: Mapping[str, Any]) -> tuple[list[str], set[tuple]]:
    """Check against the schema; also return the entries (section, name) that must not be expanded."""
    import jsonschema

    problems, broken = [], set()
    for error in sorted(
        jsonschema.Draft202012Validator(schema).iter_errors(config), key=lambda e: list(map(str, e.path))
    ):
        problems += _explain(error)
        path = tuple(error.absolute_path)
        if path[:1] in {("datasets",), ("autoencoders",), ("methods",)}:
            if error.validator == "pattern" and len(path) == 1:  # a bad name: skip that entry, not its section
                path = (path[0], error.instance)
            broken.add(path[:2])
        elif error.validator == "additionalProperties" or path:
            broken.add(path[:1] or ("?",))
        else:
            broken.add(())
    return problems, broken


def _explain(error: Any) -> list[str]:
    """A schema error in plain words."""
    place = ".".join(str(p) for p in error.absolute_path)
    at = f"{place}: " if place else ""
    value, rule = error.instance, error.validator_value
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        return [f"{at}unknown key {key!r}{hint(key, known)}" for key in value if key not in known]
    if error.validator == "required":
        whole = "" if place else " (an overlay alone is no config: name config.yaml before it)"
        return [f"{at}the key {key!r} is missing{whole}" for key in rule if key not in value]
    if error.validator == "pattern" and "propertyNames" in error.absolute_schema_path:
        return [f"{at}{value!r} is not a safe name; use letters, digits, '_', '.', '-' (no '.' or '-' in front)"]
    if error.validator == "pattern" and error.schema.get("maxLength"):
        return [f"{at}{value!r} is not a safe name; use letters, digits, '_', '.', '-' (no '.' or '-' in front)"]
    if error.validator == "type":
        return [f"{at}is {describe(value)}, expected {_type_names(rule)}"]
    if error.validator == "anyOf":
        deepest = max(error.context, key=lambda e: len(e.absolute_path))
        if deepest.validator != "type" or len(deepest.absolute_path) > len(error.absolute_path):
            return _explain(deepest)
        rules = [e.validator_value for e in error.context if e.validator == "type"]
        return [f"{at}is {describe(value)}, expected {_type_names(rules)}"]
    if error.validator == "enum":
        return [f"{at}unknown value {value!r}{hint(value, rule)}"]
    if error.validator == "pattern":
        what = error.schema.get("description", "").partition(".")[0]
        return [f"{at}{value!r} is not allowed ({what}; must match {rule})"]
    return [f"{at}{error.message}"]


_TYPES = {
    "null": "null",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "keys and values",
}


def _type_names(types: str | Sequence[str]) -> str:
    return " or ".join(_TYPES.get(t, t) for t in ([types] if isinstance(types, str) else types))


def describe(value: Any) -> str:
    names = {type(None): "null", bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    names |= {list: "a list", dict: "keys and values"}
    kind = names.get(type(value), f"a {type(value).__name__}")
    return kind if value is None or isinstance(value, (list, dict)) else f"{value!r} ({kind})"


def with_defaults(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with the schema's defaults; entries under free names (methods, data sets) get none."""
    settings = dict(config)
    for key, sub in schema.get("properties", {}).items():
        if key not in settings and "default" in sub:
            settings[key] = json.loads(json.dumps(sub["default"]))
        if isinstance(settings.get(key), dict) and "properties" in sub:
            settings[key] = with_defaults(settings[key], sub)
    return settings
