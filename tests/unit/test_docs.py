"""The pages say what the code says."""

import re
from pathlib import Path

import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

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


def flat(text):
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("method", PAGES, ids=lambda method: method.__name__)
def test_every_method_has_a_page_with_its_deviations(method):
    page = ROOT / "docs" / "methods" / f"{PAGES[method]}.md"
    text = flat(page.read_text(encoding="utf-8"))
    assert method.__name__ in text
    for sentence in method.info.deviations:
        assert flat(sentence) in text, f"{page.name} lacks a deviation that {method.__name__}.info states: {sentence}"


def test_every_baseline_has_a_page():
    classes = {method.__module__.removeprefix("baselines.") for method in PAGES}
    files = {path.stem for path in (ROOT / "baselines").glob("*.py")} - {"__init__"}
    assert files <= classes, f"no page is listed for {files - classes}"


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda page: page.name
)
def test_links_to_files_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}, which is not there"


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
