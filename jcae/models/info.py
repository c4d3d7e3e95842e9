"""What a method says about itself; tables, documentation and the report print it, nobody types it twice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Info:
    """Facts about a method that travel with its class.

    Attributes
    ----------
    label : str
        Short name for tables and figures.
    summary : str
        One sentence: what the method does.
    reference : str
        DOI or arXiv identifier of the paper, or an address when there is neither.
    deviations : tuple of str
        Every known difference from the paper, one sentence each.
    presets : mapping of str to mapping
        Named settings that somebody published, as constructor parameters.
    fixed : mapping of str to Any
        What `published` and the runs of a config give parameters that nothing else is said of, where the constructor's
        own default is another one (a rule that looks at the data's size): a run does not change with the rule.
    control : bool
        Not a method but a bound of the scores: never ranked, never set in bold.
    """

    label: str
    summary: str
    reference: str
    deviations: tuple[str, ...] = ()
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))
    fixed: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    control: bool = False
