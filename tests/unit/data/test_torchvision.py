"""What torchvision says about a set of images and what the catalogue says; what its readers give and what ours give."""

import gzip
import hashlib

import image_files
import numpy as np
import pytest
from data_files import write
from torchvision import datasets

from jcae.data.catalogue import CATALOGUE
from jcae.data.loaders import LOADERS


def test_torchvision_was_made_for_the_installed_torch():
    import torch
    from torchvision import ops
    from torchvision.transforms import v2

    # With another build of torch its compiled operators are missing.
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 10, 10], [20, 20, 30, 30]])
    assert ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist() == [0, 2]
    image = torch.arange(48, dtype=torch.uint8).reshape(3, 4, 4)
    assert v2.functional.horizontal_flip(image).equal(image.flip(2))


def stated(name):
    """Addresses and md5 sums of the files that we use, as torchvision has them."""
    if name in ("mnist", "fashion_mnist", "kmnist"):
        cls = {"mnist": datasets.MNIST, "fashion_mnist": datasets.FashionMNIST, "kmnist": datasets.KMNIST}[name]
        return [([mirror + file for mirror in cls.mirrors], md5) for file, md5 in cls.resources]
    if name == "emnist_letters":
        return [([datasets.EMNIST.url], datasets.EMNIST.md5)]
    if name == "qmnist":
        return [([url], md5) for part in ("train", "test") for url, md5 in datasets.QMNIST.resources[part]]
    if name == "svhn":
        return [([url], md5) for url, _, md5 in (datasets.SVHN.split_list[part] for part in ("train", "test"))]
    return [([datasets.STL10.url], datasets.STL10.tgz_md5)]


@pytest.mark.parametrize("name", ["kmnist", "emnist_letters", "qmnist", "svhn", "stl10"])
def test_addresses_and_checksums_are_those_of_torchvision(name):
    ours = [(list(source.addresses), source.md5) for source in CATALOGUE[name].sources]
    # Where torchvision asks without encryption, we ask the same server with it.
    theirs = [([url.replace("http://", "https://") for url in urls], md5) for urls, md5 in stated(name)]
    assert ours == theirs


def test_cifar_lies_beside_the_pickled_archive_of_torchvision():
    for name, cls in (("cifar10", datasets.CIFAR10), ("cifar100", datasets.CIFAR100)):
        (source,) = CATALOGUE[name].sources
        assert source.addresses == (cls.url.replace("-python", "-binary"),)
        assert source.md5 != cls.tgz_md5


def test_mnist_has_the_names_of_torchvision_and_its_checksums(mirror):
    for name in ("mnist", "fashion_mnist"):
        for (urls, checksum), source in zip(stated(name), CATALOGUE[name].sources, strict=True):
            assert urls[0].endswith(f"/{source.name}.gz")
            path = mirror / CATALOGUE[name].folder / f"{source.name}.gz"
            if path.exists():
                assert hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == checksum


def test_class_names_are_those_of_torchvision():
    assert CATALOGUE["kmnist"].class_names == tuple(datasets.KMNIST.classes)
    # The first name stands for the label 0, which no letter has.
    assert CATALOGUE["emnist_letters"].class_names == tuple(datasets.EMNIST.classes_split_dict["letters"][1:])
    assert CATALOGUE["qmnist"].class_names == tuple(name[0] for name in datasets.QMNIST.classes)


def raw(root, cls, packed):
    """Put unpacked files where torchvision looks for them."""
    folder = root / cls.__name__ / "raw"
    folder.mkdir(parents=True)
    write(folder, *((name.rpartition("/")[2][:-3], gzip.decompress(content)) for name, content in packed.items()))


def check(name, files, parts, *, first_label=0):
    """Our points are those of torchvision, row by row, its parts in turn."""
    X, y = LOADERS[CATALOGUE[name].loader](files)
    images = [np.asarray(image) for part in parts for image, _ in part]
    np.testing.assert_array_equal((X * 255).round(), [image.ravel() for image in images])
    assert (X.dtype, X.min() >= 0, X.max() <= 1) == (np.float32, True, True)
    np.testing.assert_array_equal(y, [label + first_label for part in parts for _, label in part])
    if CATALOGUE[name].image_shape[2:]:
        assert images[0].shape == CATALOGUE[name].image_shape


def test_kmnist_reads_as_torchvision_does(tmp_path):
    files = image_files.mnist(np.random.RandomState(0))
    raw(tmp_path, datasets.KMNIST, files)
    parts = [datasets.KMNIST(tmp_path, train=train) for train in (True, False)]
    check("kmnist", write(tmp_path, *files.items()), parts)


def test_qmnist_reads_as_torchvision_does(tmp_path):
    files = image_files.qmnist(np.random.RandomState(0))
    raw(tmp_path, datasets.QMNIST, files)
    parts = [datasets.QMNIST(tmp_path, train=train) for train in (True, False)]
    check("qmnist", write(tmp_path, *files.items()), parts)


def test_emnist_reads_as_torchvision_does_but_upright(tmp_path):
    members = image_files.emnist(np.random.RandomState(0))
    raw(tmp_path, datasets.EMNIST, members)
    parts = [datasets.EMNIST(tmp_path, "letters", train=train) for train in (True, False)]
    upright = [[(np.asarray(image).T, label) for image, label in part] for part in parts]
    others = image_files.emnist(np.random.RandomState(1), split="digits", labels=(0, 10))
    files = write(tmp_path, ("gzip.zip", image_files.zipped(others | members)))
    check("emnist_letters", files, upright)


def test_svhn_reads_as_torchvision_does(tmp_path, monkeypatch):
    random = np.random.RandomState(0)
    files = write(tmp_path, *((f"{part}_32x32.mat", image_files.svhn(random)) for part in ("train", "test")))
    monkeypatch.setattr(datasets.SVHN, "_check_integrity", lambda self: True)  # made-up files have other checksums
    check("svhn", files, [datasets.SVHN(tmp_path, part) for part in ("train", "test")])


def test_stl10_reads_as_torchvision_does(tmp_path, monkeypatch):
    members = image_files.stl10(np.random.RandomState(0))
    (tmp_path / "stl10_binary").mkdir()
    write(tmp_path, *members.items())
    monkeypatch.setattr(datasets.STL10, "_check_integrity", lambda self: True)
    parts = [datasets.STL10(tmp_path, part) for part in ("train", "test")]
    path = image_files.archive(tmp_path / "stl10_binary.tar.gz", members)
    check("stl10", [path], parts, first_label=1)
