import re
import subprocess
import sys
from pathlib import Path

import pytest

from jcae.data import catalogue
from jcae.data.loaders import LOADERS

PAGE = Path(__file__).parents[2] / "docs" / "data-sets.md"
ALL = list(catalogue.CATALOGUE.values())


def test_the_eight_data_sets_are_there():
    assert set(catalogue.CATALOGUE) == {
        "breast_cancer",
        "digits",
        "fashion_mnist",
        "five_gaussians",
        "mnist",
        "pendigits",
        "usps",
        "wine",
    }


@pytest.mark.parametrize("dataset", ALL, ids=lambda d: d.name)
def test_entry_is_consistent(dataset):
    assert sum(dataset.class_counts) == dataset.n
    assert len(dataset.class_counts) == len(dataset.class_names) == dataset.n_clusters
    assert len(set(dataset.class_names)) == dataset.n_clusters
    assert dataset.loader in LOADERS
    assert dataset.image_shape is None or dataset.image_shape[0] * dataset.image_shape[1] == dataset.d
    assert bool(dataset.sources) == bool(dataset.folder)
    for text in (dataset.title, dataset.preparation, dataset.licence, dataset.citation):
        assert text == text.strip()
        assert text
        assert "|" not in text  # would break the table


@pytest.mark.parametrize("dataset", [d for d in ALL if d.sources], ids=lambda d: d.name)
def test_sources_are_safe_and_distinct(dataset):
    assert len({s.name for s in dataset.sources}) == len({s.sha256 for s in dataset.sources}) == len(dataset.sources)
    for source in dataset.sources:
        assert re.fullmatch(r"[0-9a-f]{64}", source.sha256)
        assert re.fullmatch(r"[\w.-]+", source.name)
        assert source.addresses
        for address in source.addresses:
            assert address.startswith("https://")
            assert address.endswith((f"/{source.name}", f"/{source.name}.gz"))


@pytest.mark.parametrize(
    ("slip", "meant"),
    [("mnits", "mnist"), ("Fashion-MNIST", "fashion_mnist"), ("USPS", "usps"), ("breast cancer", "breast_cancer")],
)
def test_unknown_name_gets_a_suggestion(slip, meant):
    with pytest.raises(catalogue.UnknownDatasetError, match=f"did you mean '{meant}'") as error:
        catalogue.get(slip)
    assert repr(slip) in str(error.value)
    assert all(name in str(error.value) for name in catalogue.CATALOGUE)


def test_name_like_no_other_gets_the_list_only():
    with pytest.raises(catalogue.UnknownDatasetError, match=r"unknown data set 'zzz' \(allowed: ") as error:
        catalogue.get("zzz")
    assert "did you mean" not in str(error.value)


def test_get_returns_the_entry():
    assert catalogue.get("mnist") is catalogue.CATALOGUE["mnist"]


def test_page_shows_the_catalogue():
    begin, end = "<!-- table: jcae.data.catalogue.markdown() -->\n", "<!-- end of table -->\n"
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    table, found, _ = rest.partition(end)
    assert found, f"{PAGE} lost its markers"
    assert table == catalogue.markdown(), "paste the output of jcae.data.catalogue.markdown() between the markers"


def test_import_is_light():
    code = "import sys, jcae.data.catalogue; print({'numpy', 'sklearn', 'torch', 'pooch', 'pandas'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
