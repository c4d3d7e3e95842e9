"""The site: `make docs`. Everything it shows comes from docs/, README.md, results/reference and the code itself."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_site"), str(HERE.parent)]
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tutorial repeats bit for bit on one thread

from jcae import _HOME, __version__  # noqa: E402

project = "jcae"
author = copyright = "the jcae authors"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "facts",
    "outside",
    "mathml",
]
exclude_patterns = ["_site", "tutorial"]

nitpicky = False  # types in docstrings are words; links in pages are checked all the same
default_role = "py:obj"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
math_renderer = html_math_renderer = "mathml"

add_module_names = False
autodoc_typehints = "none"  # numpydoc says the types
autodoc_member_order = "bysource"
autodoc_default_options = {
    "members": True,
    "show-inheritance": True,
    # scikit-learn's metadata routing puts these on every class
    "exclude-members": ",".join(f"set_{verb}_request" for verb in ("fit", "inverse_transform", "predict", "transform")),
}
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "tutorial",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "run_stale_examples": True,  # the file may be old and the library new
    "abort_on_example_error": True,
    "only_warn_on_example_error": False,
    "write_computation_times": False,
    "min_reported_time": 3600,  # it would be that of whoever built the site
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
    "remove_config_comments": True,
}

html_theme = "furo"
html_title = "jcae"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = html_show_sourcelink = False


def resolve_public_name(app, env, node, text):
    """Lead `jcae.AECM`, the name to import, to `jcae.models.aecm.AECM`, where the class is described."""
    name = node.get("reftarget", "").removeprefix("jcae.")
    if name in _HOME:
        where = (env, node.get("refdoc"), app.builder)
        return env.domains.python_domain.resolve_xref(*where, "obj", f"{_HOME[name]}.{name}", node, text)


def setup(app):
    """Connect it to the resolution of names."""
    app.connect("missing-reference", resolve_public_name)
