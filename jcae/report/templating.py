"""How pages are made of templates and written, with the style and the script that they share."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

STATIC = ("style.css", "tables.js")


def environment() -> Environment:
    """Templates of this package; what they fill in is escaped, and what is missing an error."""
    return Environment(
        loader=PackageLoader("jcae.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def write_pages(out: Path, pages: Mapping[str, str]) -> Path:
    """Write pages, style and script into an empty folder.

    Parameters
    ----------
    out : Path
        Made if missing; what it holds is removed.
    pages : mapping of str to str
        Text by place below `out`; ``index.html`` is one of them.

    Returns
    -------
    Path
        The first page.
    """
    templates = Path(__file__).with_name("templates")
    texts = dict(pages) | {name: (templates / name).read_text(encoding="utf-8") for name in STATIC}
    shutil.rmtree(out, ignore_errors=True)
    for path, text in texts.items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_text(text, encoding="utf-8")
    return out / "index.html"
