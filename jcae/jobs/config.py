"""Config files, laid over each other; and the error that says what is wrong with them."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from jcae.data.own.source import names_label_file
from jcae.jobs.schema import describe


class ConfigError(ValueError):
    """Every problem that was found in a config.

    Attributes
    ----------
    problems : tuple of str
        One line each: the place, the bad value, what is allowed.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(
            "\n".join([f"the config has {count}, nothing was started:", *(f"  {p}" for p in self.problems)])
        )


def read_config(paths: Sequence[str | Path], settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Read config files; a later one is laid over the earlier ones as `snakemake --configfile` does it.

    Mappings are merged key by key, anything else is replaced.

    Parameters
    ----------
    paths : sequence of path
    settings : mapping, optional
        Laid over the last file, as `snakemake --config` does it.

    Returns
    -------
    dict
        Paths of the user's own data, which start where their config file lies, start in the working directory here.

    Raises
    ------
    ConfigError
        A file that is not there, is not YAML, or has a key twice.
    """
    config: dict[str, Any] = {}
    for path in paths:
        layer = _read(Path(path))
        _place_files(layer, Path(path).parent)
        config = _merge(config, layer)
    return _merge(config, dict(settings or {}))


class _Loader(yaml.SafeLoader):
    """YAML without tags, in which no key may stand twice in one mapping: the first one would be lost in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """See `yaml.SafeLoader`; called before keys that are merged in by ``<<`` are among the others."""
        self._check_keys(node)
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """See `yaml.SafeLoader`; it is called first, and by merges alone."""
        self._check_keys(node)
        super().flatten_mapping(node)

    def _check_keys(self, node: yaml.MappingNode) -> None:
        if getattr(node, "keys_are_checked", False):  # what was merged in may stand a second time
            return
        node.keys_are_checked = True
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            name, line = (key.tag, key.value), key.start_mark.line + 1
            if name in lines:
                raise _DoubledKeyError(
                    f"line {line}: the key {key.value!r} is there already, in line {lines[name]}; put both into one"
                )
            lines[name] = line


class _DoubledKeyError(Exception):
    """Never leaves this file."""


def _read(path: Path) -> dict[str, Any]:
    try:
        layer = _Loader(path.read_text(encoding="utf-8")).get_single_data()
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}"]) from None
    except _DoubledKeyError as error:
        raise ConfigError([f"{path}: {error}"]) from None
    except (yaml.YAMLError, ValueError, TypeError, LookupError, RecursionError) as error:  # it leaks the latter four
        raise ConfigError([f"{path}: not YAML: {' '.join(str(error).split())}"]) from None
    if layer is None:
        return {}
    if not isinstance(layer, dict):
        raise ConfigError([f"{path}: holds {describe(layer)}, expected keys and values"])
    return layer


def _place_files(layer: Mapping[str, Any], folder: Path) -> None:
    """Let the paths of own data start in the working directory; what is no path is left to the schema."""
    entries = layer.get("datasets")
    for entry in entries.values() if isinstance(entries, dict) else ():
        if not isinstance(entry, dict):
            continue
        for part, key in ((entry, "file"), (entry.get("split"), "file"), (entry.get("graph"), "file")):
            if isinstance(part, dict) and isinstance(part.get(key), str):
                part[key] = _beside(folder, part[key])
        if isinstance(entry.get("truth"), str) and names_label_file(entry["truth"]):
            entry["truth"] = _beside(folder, entry["truth"])


def _beside(folder: Path, path: str) -> str:
    """From the working directory where it lies below it: then the whole folder can be moved, and nothing runs again."""
    placed = os.path.normpath(folder / Path(path).expanduser())
    return os.path.relpath(placed) if Path(placed).is_relative_to(Path.cwd()) else placed


def _merge(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    merged = dict(low)
    for key, value in high.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged
