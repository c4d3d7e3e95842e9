import math
import re
import subprocess
import sys
from urllib.parse import unquote

import pytest

from jcae.data import catalogue
from jcae.data.loaders import LOADERS

ALL = list(catalogue.CATALOGUE.values())


OF_THE_PAPER = {
    "mnist",
    "fashion_mnist",
    "usps",
    "cifar10",
    "newsgroups",
    "reuters10k",
    "10x_73k",
    "pendigits",
}

COUNTS_UNKNOWN = {"qmnist"}


def test_the_data_sets_are_there():
    assert set(catalogue.CATALOGUE) == OF_THE_PAPER | {
        "acm",
        "amap",
        "bat",
        "breast_cancer",
        "citeseer",
        "cora",
        "cifar100",
        "dblp",
        "digits",
        "eat",
        "emnist_letters",
        "five_gaussians",
        "four_gaussians",
        "four_gaussians_moved",
        "har",
        "iris",
        "kmnist",
        "letter",
        "mnist_16",
        "mnist_box_16",
        "mnist_rotated",
        "optdigits",
        "orl",
        "qmnist",
        "satimage",
        "segment",
        "stl10",
        "svhn",
        "wine",
    }


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("mnist", (70000, 784, 10)),
        ("fashion_mnist", (70000, 784, 10)),
        ("cifar10", (60000, 3072, 10)),
        ("usps", (9298, 256, 10)),
        ("pendigits", (10992, 16, 10)),
        ("newsgroups", (18846, 2000, 20)),
        ("reuters10k", (10000, 2000, 4)),
        ("10x_73k", (73233, 720, 8)),
    ],
)
def test_shapes_are_those_of_the_paper(name, shape):
    dataset = catalogue.get(name)
    assert (dataset.n, dataset.d, dataset.n_clusters) == shape


@pytest.mark.parametrize("dataset", ALL, ids=lambda d: d.name)
def test_entry_is_consistent(dataset):
    if dataset.name in COUNTS_UNKNOWN:
        assert dataset.class_counts == ()
    else:
        assert sum(dataset.class_counts) == dataset.n
        assert len(dataset.class_counts) == len(dataset.class_names) == dataset.n_clusters
    assert len(set(dataset.class_names)) == dataset.n_clusters
    assert dataset.loader in LOADERS
    assert dataset.image_shape is None or math.prod(dataset.image_shape) == dataset.d
    assert dataset.image_shape is None or dataset.image_shape[2:] in ((), (3,))
    assert bool(dataset.sources) == bool(dataset.folder)
    for text in (dataset.title, dataset.preparation, dataset.licence, dataset.citation):
        assert text == text.strip()
        assert text
        assert "|" not in text  # would break the table


@pytest.mark.parametrize("dataset", [d for d in ALL if d.sources], ids=lambda d: d.name)
def test_sources_are_safe_and_distinct(dataset):
    assert len({s.name for s in dataset.sources}) == len(dataset.sources)
    checksums = [c for s in dataset.sources for c in (s.sha256, s.md5, *s.also) if c]
    assert len(set(checksums)) == len(checksums)
    for source in dataset.sources:
        assert all(re.fullmatch(r"[0-9a-f]{64}", sha256) for sha256 in (source.sha256, *source.also) if sha256)
        assert source.md5 is None or re.fullmatch(r"[0-9a-f]{32}", source.md5)
        assert not source.also or source.sha256, "another accepted file needs a first one"
        assert re.fullmatch(r"[\w.-]+", source.name)
        assert source.addresses
        for address in source.addresses:
            assert address.startswith("https://")
        # The first address is the publisher's or, for an archive, may be a deposit that numbers its files.
        ends = (f"/{source.name}", f"/{source.name}.gz")
        names = [unquote(address).replace(" ", "_") for address in source.addresses]
        assert any(name.endswith(ends) for name in names)


def test_unchecked_files_are_these_and_no_others():
    unchecked = {source.name for dataset in ALL for source in dataset.sources if not source.checked}
    assert unchecked == {
        "sat.trn",
        "sat.tst",
        "segmentation.data",
        "segmentation.test",
        "amazon_electronics_photo.npz",
        *(f"lyrl2004_tokens_{part}.dat.gz" for part in ("test_pt0", "test_pt1", "test_pt2", "test_pt3", "train")),
        *(source.name for source in catalogue.get("10x_73k").sources),
    }


@pytest.mark.parametrize(
    ("slip", "meant"),
    [("mnits", "mnist"), ("Fashion-MNIST", "fashion_mnist"), ("USPS", "usps"), ("10x-73k", "10x_73k")],
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


def test_import_is_light():
    code = "import sys, jcae.data.catalogue; print({'numpy', 'sklearn', 'torch', 'pooch', 'pandas'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_planning_does_not_import_what_only_reading_needs():
    code = "import sys, jcae.data.loaders; print({'scipy', 'sklearn', 'torch', 'pooch', 'pandas'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
