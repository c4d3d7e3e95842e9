"""The report as files: pages from their templates, a style, a script, and copies of the figures."""

import shutil
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from jcae.report.pages import Report
from jcae.report.source import Source

STATIC = ("style.css", "tables.js")


def write_report(results: str | Path, shown: str | Path, out: str | Path) -> Path:
    """Write the pages and copy the figures that they show.

    Parameters
    ----------
    results : path
        Holds `scores.csv` and `records.csv`.
    shown : path
        Holds `tables/` and `figures/` made of them.
    out : path
        Folder of the report; what an earlier one left in it is removed.

    Returns
    -------
    Path
        The first page.
    """
    out, report = Path(out), Report(Source(Path(results), Path(shown)))
    templates = Environment(
        loader=PackageLoader("jcae.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages = list(report.pages())
    written = {
        page.path: templates.get_template(page.template).render(page=page, pages=pages, report=report, **page.values)
        for page in pages
    }
    written |= {name: templates.loader.get_source(templates, name)[0] for name in STATIC}
    shutil.rmtree(out, ignore_errors=True)
    for path, text in written.items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_text(text, encoding="utf-8")
    for path, figure in report.figures().items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(figure, out / path)
    return out / "index.html"
