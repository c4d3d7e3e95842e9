"""Links from pages to what lies outside docs/: other pages of the repository, and source files.

On a code host such a link leads to the file. In the site it leads to the page that shows the file, to the part of the
API reference that describes the module, or, for anything else, to a copy of the file.
"""

import os
import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
RESULTS = "results/reference/default"
PAGES = {"README.md": "index", f"{RESULTS}/README.md": "results", "benchmarks/README.md": "benchmarks"}
"""File of the repository -> page of the site that begins with it."""
_LINK = re.compile(r"(\]\()(?![a-z]+:|#)([^)\s#]+)")


def begin_with_the_file(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put a file of the repository before the text of the page that shows it, its links seen from there."""
    file = next((file for file, page in PAGES.items() if page == docname), None)
    if file is None:
        return
    app.env.note_dependency(ROOT / file)
    folder, here = (ROOT / file).parent, Path(app.srcdir, docname).parent
    text = (ROOT / file).read_text(encoding="utf-8")
    text = _LINK.sub(lambda link: link[1] + os.path.relpath(folder / link[2], here), text)
    source[0] = f"{text}\n{source[0]}"


def lead_to_pages(app: Sphinx, document: nodes.document) -> None:
    """Turn links to files into links to the pages that show them."""
    folder = Path(app.srcdir, app.env.docname).parent
    for link in list(document.findall(_leads_outside)):
        target = link["reftarget"]
        file = Path(f"{target}.md") if link.get("refdomain") == "doc" else (folder / target).resolve()
        path = file.relative_to(ROOT).as_posix()
        if path in PAGES:
            domain, kind, target = "std", "doc", f"/{PAGES[path]}"
        elif path.startswith("docs/tutorial/"):
            domain, kind, target = "std", "doc", f"/gallery/{file.stem}"
        elif path.startswith(RESULTS) and file.suffix == ".md":
            domain, kind, target = "std", "ref", f"results-{file.stem.replace('_', '-')}"
        elif file.suffix == ".py" and path.startswith(("jcae/", "baselines/")):
            domain, kind, target = "py", "mod", path.removesuffix(".py").replace("/", ".")
        else:
            continue
        known = {"refdoc": app.env.docname, "refexplicit": True, "refwarn": True}
        new = addnodes.pending_xref("", *link.children, refdomain=domain, reftype=kind, reftarget=target, **known)
        link.replace_self(new)


def _leads_outside(node: nodes.Node) -> bool:
    """Whether a node is what MyST makes of a link to a file outside docs/, a page or another one."""
    if isinstance(node, addnodes.pending_xref):
        return node.get("refdomain") == "doc" and node["reftarget"].startswith("/")
    return isinstance(node, addnodes.download_reference)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect both to the reading of pages."""
    app.connect("source-read", begin_with_the_file)
    app.connect("doctree-read", lead_to_pages, priority=100)  # before Sphinx collects what to copy
    return {"parallel_read_safe": True, "parallel_write_safe": True}
