"""Tables that are made from the code while the site is built: of a method, of all methods, of the data sets.

What stands inside the blocks is for those who read the pages in the repository; the table takes its place.
"""

import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from numpydoc.docscrape import ClassDoc
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from jcae.data.catalogue import CATALOGUE
from jcae.data.facts import Dataset
from jcae.jobs.classes import load_class

METHODS = Path(__file__).parents[1] / "methods"
_DIRECTIVE = re.compile(r"^```\{facts\} (\S+)$", re.MULTILINE)


def pages() -> dict[str, str]:
    """Dotted path of every method -> name of the page that has its ``{facts}`` block, in the order of the pages."""
    files = sorted(METHODS.glob("*.md"))
    return {use: file.stem for file in files for use in _DIRECTIVE.findall(file.read_text(encoding="utf-8"))}


def table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Write a table in Markdown; cells may hold Markdown, too."""
    rows = [[" ".join(str(cell).split()).replace("|", r"\|") for cell in row] for row in (head, *rows)]
    rows.insert(1, ["---"] * len(rows[0]))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def linked(text: str) -> str:
    """Make DOIs and arXiv numbers links."""
    text = re.sub(r"\b(?:doi:)?(10\.\d{4,}/[\w./-]*\w)", r"[doi:\1](https://doi.org/\1)", text)
    return re.sub(r"\barXiv:(\d+\.\d+)", r"[arXiv:\1](https://arxiv.org/abs/\1)", text)


def facts(use: str) -> str:
    """Write what a class says about itself: parameters, presets, deviations.

    Raises
    ------
    MethodError
        The dotted path leads to no class.
    """
    cls = load_class(use)
    info, name = cls.info, cls.__name__
    lines = [
        f"{info.summary} {linked(info.reference)}. Label in tables: *{info.label}*. "
        f"Class: [`{use}`](#{cls.__module__}.{name}).\n",
        f"**Parameters of {name}**\n",
        table(("parameter", "default", "meaning"), _parameters(cls)),
    ]
    if info.fixed:
        values = ", ".join(f"`{key}={value!r}`" for key, value in info.fixed.items())
        lines += [f"`{name}.published()` has, and the runs of a config have where nothing else is said: {values}.\n"]
    if info.presets:
        names = list(dict.fromkeys(name for preset in info.presets.values() for name in preset))
        rows = [(f"`{key}`", *(_value(preset, name) for name in names)) for key, preset in info.presets.items()]
        lines += [f"**Presets of {name}**\n", table(("preset", *(f"`{name}`" for name in names)), rows)]
    if info.deviations:
        lines += [f"**Deviations of {name} from the paper**\n", "".join(f"- {text}\n" for text in info.deviations)]
    return "\n".join(lines)


def _parameters(cls: type) -> Iterable[tuple[str, str, str]]:
    defaults = inspect.signature(cls).parameters
    for parameter in ClassDoc(cls)["Parameters"]:
        names = [name.strip() for name in parameter.name.split(",")]
        meaning = " ".join(parameter.desc).strip()
        kind = f"*{parameter.type}*" if parameter.type else ""
        yield (
            "<br>".join(f"`{name}`" for name in names),
            "<br>".join(f"`{defaults[name].default!r}`" for name in names),
            ". ".join(part for part in (kind, meaning) if part),
        )


def _value(preset: Any, name: str) -> str:
    return f"`{preset[name]!r}`" if name in preset else ""


def methods() -> str:
    """Write the table of all methods."""
    rows = []
    for use, page in pages().items():
        info = load_class(use).info
        label = f"{info.label} (control)" if info.control else info.label
        rows.append((f"[{label}]({page}.md)", f"{info.summary}<br>`{use}`", linked(info.reference)))
    return table(("method", "what it does, and its class", "paper"), rows)


def datasets() -> str:
    """Write the tables of the catalogue: sizes and licence; preparation, source and citation."""
    facts = [
        (f"`{d.name}`", d.title, d.n, d.d, _image(d), d.n_clusters, _spread(d), d.licence) for d in CATALOGUE.values()
    ]
    texts = [(f"`{d.name}`", d.preparation, _files(d), linked(d.citation)) for d in CATALOGUE.values()]
    head = ("name", "data set", "points", "features", "image", "classes", "points per class", "licence")
    return "\n".join((table(head, facts), table(("name", "preparation", "files from", "citation"), texts)))


def _image(data: Dataset) -> str:
    return " × ".join(map(str, data.image_shape)) if data.image_shape else ""


def _spread(data: Dataset) -> str:
    if not data.class_counts:
        return "not stated"
    low, high = min(data.class_counts), max(data.class_counts)
    return str(low) if low == high else f"{low} to {high}"


def _files(data: Dataset) -> str:
    if not data.sources:
        return "none needed"
    hosts = ", ".join(dict.fromkeys(urlsplit(address).netloc for s in data.sources for address in s.addresses))
    checked = sum(source.checked for source in data.sources)
    return f"{hosts} ({checked} of {len(data.sources)} with a known checksum)"


class Facts(SphinxDirective):
    """``{facts} <dotted path>``: what the class says about itself."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Give the parsed text."""
        self.env.note_reread()  # the code may have changed since
        return self.parse_text_to_nodes(facts(self.arguments[0]))


class Methods(SphinxDirective):
    """``{methods}``: the table of all methods."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Give the parsed table."""
        self.env.note_reread()
        return self.parse_text_to_nodes(methods())


class Datasets(SphinxDirective):
    """``{datasets}``: the tables of all data sets."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Give the parsed tables."""
        self.env.note_reread()
        return self.parse_text_to_nodes(datasets())


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    for directive in (Facts, Methods, Datasets):
        app.add_directive(directive.__name__.lower(), directive)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
