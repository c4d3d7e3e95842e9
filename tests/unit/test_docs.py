"""The pages say what the code says."""

import doctest
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score
from typer.testing import CliRunner

from baselines.ae_kmeans import AEKMeans
from baselines.dcn import DCN
from baselines.dec import DEC
from baselines.dkm import DKM
from baselines.idec import IDEC
from baselines.n2d import N2D
from baselines.random_labels import RandomLabels
from baselines.true_labels import TrueLabels
from baselines.vade import VaDE
from jcae import AECM, Autoencoder, ClusteringModule, IsotropicMixture
from jcae.classes import load_class
from jcae.cli import app

ROOT = Path(__file__).parents[2]
PAGES = {
    AECM: "aecm",
    AEKMeans: "ae-kmeans",
    Autoencoder: "ae-kmeans",
    ClusteringModule: "clustering-module",
    DCN: "dcn",
    DEC: "dec",
    DKM: "dkm",
    IDEC: "idec",
    IsotropicMixture: "isotropic-mixture",
    N2D: "n2d",
    RandomLabels: "controls",
    TrueLabels: "controls",
    VaDE: "vade",
}


TEXTS = [ROOT / "README.md", ROOT / "benchmarks/README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def flat(text):
    return re.sub(r"\s+", " ", text)


def blocks(page, *languages):
    """Code blocks of a page in these languages; "" are those without one."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [text for language, text in found if language in languages]


@pytest.mark.parametrize("method", PAGES, ids=lambda method: method.__name__)
def test_every_method_has_a_page_that_shows_its_facts(method):
    """Parameters, presets and deviations come from the class when the site is built; a page does not repeat them."""
    page = ROOT / "docs" / "methods" / f"{PAGES[method]}.md"
    text = page.read_text(encoding="utf-8")
    assert method in [load_class(use) for use in re.findall(r"^```\{facts\} (\S+)$", text, re.MULTILINE)]
    for sentence in method.info.deviations:
        assert flat(sentence) not in flat(text), f"{page.name} has a deviation that the site takes from the class"


def test_every_baseline_has_a_page():
    classes = {method.__module__.removeprefix("baselines.") for method in PAGES}
    files = {path.stem for path in (ROOT / "baselines").glob("*.py")} - {"__init__"}
    assert files <= classes, f"no page is listed for {files - classes}"


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_to_files_lead_somewhere(page):
    """As they are read on a code host; test_site.py follows those of the site, anchors too."""
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "mailto:", "#")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}, which is not there"


WITH_PYTHON = [page for page in TEXTS if blocks(page, "python")]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.name)
def test_python_blocks_run(page):
    """One after the other, on so few points that an epoch is one update."""
    X, y = load_digits(return_X_y=True)
    names = {"__name__": "page", "X": X[:60] / 16, "y": y[:60]}
    for text in blocks(page, "python"):
        exec(compile(text, str(page), "exec"), names)


@pytest.mark.parametrize("name", ["jcae.aecm", "jcae.clustering_module"])
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
    assert with_examples == {"jcae.aecm", "jcae.clustering_module"}


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


def test_the_method_of_the_tutorial_works(tmp_path, monkeypatch):
    """The file printed in docs/add-a-method.md is run as it stands there."""
    text = (ROOT / "docs" / "add-a-method.md").read_text(encoding="utf-8")
    source = next(block for block in re.findall(r"```python\n(.*?)```", text, re.S) if "class HardKMeans" in block)
    (tmp_path / "hard_kmeans.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    from hard_kmeans import HardKMeans

    X, y = load_digits(return_X_y=True)
    X = X[y < 3] / 16
    recipe = Autoencoder(epochs=60, batch_size=32)
    method = HardKMeans(3, hidden=(32,), code_dim=5, epochs=5, device="cpu", autoencoder=recipe)
    together = method.fit_seeds(X, [0, 1])
    alone = method.fit_seeds(X, [1])[0]
    assert (together[1].labels_ == alone.labels_).all()
    assert adjusted_rand_score(y[y < 3], alone.labels_) > 0.8
