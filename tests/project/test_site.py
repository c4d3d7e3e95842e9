"""The site: built strictly, with the tutorial run; its links lead somewhere, and nothing outside is asked for."""

import html
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from jcae.data.catalogue import CATALOGUE
from jcae.jobs.classes import load_class

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SOURCES = (
    "README.md",
    "Makefile",
    "docs",
    "jcae",
    "baselines",
    "benchmarks",
    "config",
    "workflow",
    "results/reference",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Folder of the site, built from a copy: the tutorial's output is written beside its source."""
    folder = tmp_path_factory.mktemp("project")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("gallery"))
        else:
            shutil.copy(ROOT / name, folder)
    command = re.search(r"^\t\$\(PY\) (-m sphinx .*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *command.split()], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


class Page(HTMLParser):
    """What a page asks the browser for (`loads`), where it leads to (`links`), and what can be led to (`ids`)."""

    def __init__(self, file: Path):
        super().__init__()
        self.loads, self.links, self.ids = [], [], set()
        self.text = file.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids |= {given[key] for key in ("id", "name") if given.get(key)}
        if tag == "a":
            self.links += [given["href"]] if "href" in given else []
        elif tag != "math":
            self.loads += [given[key] for key in ("src", "href", "data", "poster") if given.get(key)]
            self.loads += [part.split()[0] for part in given.get("srcset", "").split(",") if part.strip()]
            self.loads += re.findall(r"url\(([^)]*)\)", given.get("style", ""))


@pytest.fixture(scope="module")
def pages(site):
    return {file: Page(file) for file in site.rglob("*.html")}


def is_outside(address):
    return address.strip("\"' ").startswith(("http:", "https:", "//"))


def test_nothing_is_asked_for_outside(site, pages):
    assert len(pages) > 40
    for file, page in pages.items():
        assert not [address for address in page.loads if is_outside(address)], file
        styles = " ".join(re.findall(r"<style.*?</style>", page.text, re.DOTALL))
        assert not re.search(r"@import|url\(", styles), file
    for file in site.rglob("*.css"):
        text = file.read_text(encoding="utf-8")
        assert not [address for address in re.findall(r"url\(([^)]*)\)", text) if is_outside(address)], file
        assert not re.search(r"@import\s+[\"']?(https?:)?//", text), file


def test_links_within_the_site_lead_somewhere(site, pages):
    followed = 0
    for file, page in pages.items():
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or link == "#":
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            assert target.is_file(), f"{file.relative_to(site)} leads to {link}"
            if parts.fragment and target.suffix == ".html":
                assert unquote(parts.fragment) in pages[target].ids, f"{file.relative_to(site)} leads to {link}"
            followed += 1
    assert followed > 1000


def words(text):
    """Letters and digits of a page or a sentence, without tags and marks."""
    return " ".join(re.findall(r"\w+", html.unescape(re.sub(r"<[^>]+>", " ", text))))


METHODS = {
    use: file.stem
    for file in (ROOT / "docs/methods").glob("*.md")
    for use in re.findall(r"^```\{facts\} (\S+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
}


@pytest.mark.parametrize("use", METHODS)
def test_page_of_a_method_says_what_its_class_says(use, site):
    cls = load_class(use)
    text = words((site / f"methods/{METHODS[use]}.html").read_text(encoding="utf-8"))
    for sentence in (cls.info.summary, *cls.info.deviations, *cls.info.presets, *cls().get_params(deep=False)):
        assert words(sentence) in text, sentence
    assert words(cls.info.label) in words((site / "methods/index.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CATALOGUE)
def test_page_of_the_data_sets_shows_the_catalogue(name, site):
    data = CATALOGUE[name]
    text = words((site / "data-sets.html").read_text(encoding="utf-8"))
    facts = (name, data.title, f"{data.n} {data.d}", data.licence, data.preparation, data.citation)
    for fact in facts:
        assert words(fact) in text, fact


def test_tutorial_shows_what_it_printed(site):
    text = (site / "gallery/library.html").read_text(encoding="utf-8")
    assert "seed 0 as before: True" in text
    assert "AE-CM (pretrained)" in text
    assert text.count('src="../_images/sphx_glr_library') == 2
    assert list((site / "_downloads").rglob("library.ipynb"))
