"""Config files, laid over each other; and the error that says what is wrong with them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

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


def read_config(paths: Sequence[str | Path]) -> dict[str, Any]:
    """Read config files; a later one is laid over the earlier ones as `snakemake --configfile` does it.

    Mappings are merged key by key, anything else is replaced.
    """
    config: dict[str, Any] = {}
    for path in paths:
        try:
            layer = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError([f"{path}: {error.strerror}"]) from None
        except (
            yaml.YAMLError,
            ValueError,
            TypeError,
            LookupError,
            RecursionError,
        ) as error:  # it leaks the latter four
            raise ConfigError([f"{path}: not YAML: {' '.join(str(error).split())}"]) from None
        if layer is None:
            continue
        if not isinstance(layer, dict):
            raise ConfigError([f"{path}: holds {describe(layer)}, expected keys and values"])
        config = _merge(config, layer)
    return config


def _merge(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    merged = dict(low)
    for key, value in high.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged
