"""The report as files: pages from their templates, a style, a script, and copies of the figures."""

import shutil
from pathlib import Path

from jcae.report.pages import Report
from jcae.report.source import Source
from jcae.report.templating import environment, write_pages


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
    templates = environment()
    pages = list(report.pages())
    written = {
        page.path: templates.get_template(page.template).render(page=page, pages=pages, report=report, **page.values)
        for page in pages
    }
    first = write_pages(out, written)
    for path, figure in report.figures().items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(figure, out / path)
    return first
