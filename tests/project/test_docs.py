"""The pages say what the code says."""

import doctest
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from sklearn.datasets import load_digits
from typer.testing import CliRunner

from jcae.cli import app
from jcae.jobs.classes import load_class

ROOT = Path(__file__).parents[2]

TEXTS = [ROOT / "README.md", ROOT / "benchmarks/README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def flat(text):
    return re.sub(r"\s+", " ", text)


def blocks(page, *languages):
    """Code blocks of a page in these languages; "" are those without one."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [text for language, text in found if language in languages]


FACTS = {
    use: page
    for page in sorted((ROOT / "docs/methods").glob("*.md"))
    for use in re.findall(r"^```\{facts\} (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
}


@pytest.mark.parametrize("use", FACTS)
def test_pages_leave_the_facts_to_the_class(use):
    """Parameters, presets and deviations come from the class when the site is built; a page does not repeat them."""
    text = flat(FACTS[use].read_text(encoding="utf-8"))
    for sentence in load_class(use).info.deviations:
        assert flat(sentence) not in text, f"{FACTS[use].name} has a deviation that the site takes from the class"


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_blocks_that_the_site_fills_are_not_empty_in_the_repository(page):
    for name, body in re.findall(
        r"^```\{(facts|methods|datasets)\}[^\n]*\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S
    ):
        assert body.strip(), f"{page.name}: the block {name} says nothing to those who read it in the repository"


def test_commands_are_those_of_the_environment():
    """The README says once how to enter it; no page repeats the path."""
    for page in [*TEXTS, *sorted((ROOT / "results/reference").glob("*/README.md"))]:
        text = page.read_text(encoding="utf-8")
        assert ".venv/bin/" not in text.replace("source .venv/bin/activate", "", 1), page.relative_to(ROOT)


def test_every_method_has_a_page():
    files = {path.stem for path in (ROOT / "baselines").glob("*.py")} - {"__init__"}
    assert files <= {use.split(".")[1] for use in FACTS if use.startswith("baselines.")}
    assert {"jcae.AECM", "jcae.Autoencoder", "jcae.ClusteringModule", "jcae.IsotropicMixture"} <= set(FACTS)


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_to_files_lead_somewhere(page):
    """As they are read on a code host; test_site.py follows those of the site, anchors too."""
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "mailto:", "#")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}, which is not there"


WITH_PYTHON = [page for page in TEXTS if blocks(page, "python")]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.name)
def test_python_blocks_run(page, tmp_path, monkeypatch):
    """One after the other, on so few points that an epoch is one update; some write files."""
    monkeypatch.chdir(tmp_path)
    X, y = load_digits(return_X_y=True)
    names = {"__name__": "page", "X": X[:60] / 16, "y": y[:60]}
    for text in blocks(page, "python"):
        exec(compile(text, str(page), "exec"), names)


@pytest.mark.parametrize("name", ["jcae.models.aecm", "jcae.models.clustering_module"])
def test_examples_of_docstrings_run(name):
    result = doctest.testmod(import_module(name))
    assert result.attempted
    assert not result.failed


def test_no_module_with_examples_is_forgotten():
    with_examples = {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        for folder in ("jcae", "baselines")
        for path in (ROOT / folder).rglob("*.py")
        if ">>> " in path.read_text(encoding="utf-8")
    }
    assert with_examples == {"jcae.models.aecm", "jcae.models.clustering_module"}


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_yaml_blocks_can_be_read(page):
    for text in blocks(page, "yaml"):
        assert isinstance(yaml.safe_load(text), dict)


def commands(page):
    """Calls of jcae and make in a page, as lists of words: in blocks of shell, and in code within a line."""
    text = page.read_text(encoding="utf-8")
    lines = "".join(blocks(page, "bash", "sh", "")).replace("\\\n", " ").splitlines()
    lines += re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    for line in lines:
        if re.match(r"(\S+/)?(jcae|make) ", line):
            words = shlex.split(re.sub(r"<[^>]*>", "NAME", line), comments=True)
            yield [words[0].rpartition("/")[2], *words[1:]]


def is_known(words):
    """Whether `jcae` has this verb and these options: asked for help, it still refuses what it does not know."""
    return CliRunner().invoke(app, [*words, "--help"]).exit_code == 0


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_exist(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for program, *words in commands(page):
        if words[0] == "NAME":  # jcae <verb>
            continue
        if program == "jcae":
            assert is_known(words), f"{page.name}: jcae {' '.join(words)}"
            continue
        for word in words:
            name, is_variable, _ = word.partition("=")
            pattern = rf"\$\({name}\)|ifdef {name}$" if is_variable else rf"^{name}:"
            assert re.search(pattern, makefile, re.MULTILINE), f"{page.name}: make knows no {name}"


@pytest.mark.parametrize("words", ["frobnicate", "train --sed 0-4", "equivalence algbra", "fetch --list --all"])
def test_a_wrong_command_is_seen(words):
    assert not is_known(words.split())


def test_commands_are_found():
    found = [" ".join(words[:2]) for page in TEXTS for words in commands(page)]
    for command in ("jcae explain", "jcae tune", "jcae check-config", "make bench", "make docs"):
        assert command in found


TEST = re.compile(r"`(tests/\S+\.py)::(\w+)`")


def test_tests_that_pages_name_are_there():
    named = [(page, *found) for page in TEXTS for found in TEST.findall(page.read_text(encoding="utf-8"))]
    assert len(named) > 30
    for page, file, name in named:
        assert f"\ndef {name}(" in (ROOT / file).read_text(encoding="utf-8"), f"{page.name}: {file} has no {name}"
