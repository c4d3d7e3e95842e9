"""The config that is printed for a file: it runs as it stands, with a network for data of that size."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from own_files import SPECIES, csv, frame, h5ad, idx_bytes, pictures, text
from typer.testing import CliRunner

from jcae.cli import app
from jcae.data.own.look import look
from jcae.jobs.overlay import LARGE, architecture, overlay

CONFIG = Path(__file__).parents[4] / "config.yaml"


def small(*, labelled):
    return csv(Path("small.csv"), frame(species=SPECIES) if labelled else frame())


def array(n, d):
    np.save("points.npy", np.random.RandomState(0).uniform(size=(n, d)).astype(np.float32))
    return "points.npy"


def images():
    text(Path("train-images-idx3-ubyte"), idx_bytes(np.arange(20 * 16, dtype=np.uint8).reshape(20, 4, 4)))
    return "train-images-idx3-ubyte"


@pytest.mark.parametrize(
    ("make", "d", "n_clusters"),
    [
        (lambda: small(labelled=True), 4, 2),
        (lambda: small(labelled=False), 4, 10),
        (lambda: array(40, 7), 7, 10),
        (images, 16, 10),
        (lambda: pictures(Path("animals"), size=(50, 20)), 20 * 32 * 3, 2),
    ],
)
def test_what_is_printed_passes_the_check(make, d, n_clusters, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = make()
    added = CliRunner().invoke(app, ["data", "add", str(file), "--name", "no"])
    assert added.exit_code == 0, added.output
    Path("no.yaml").write_text(added.stdout, encoding="utf-8")
    checked = CliRunner().invoke(app, ["check-config", str(CONFIG), "no.yaml"])
    assert checked.exit_code == 0, checked.output
    assert "run no: " in checked.stdout
    found = look(Path(file))
    assert (found.d, found.n_clusters) == (d, n_clusters)
    written = yaml.safe_load(added.stdout)
    assert written["only"] == {"datasets": ["no"]}
    assert written["datasets"]["no"]["file"] == str(file)
    assert written["datasets"]["no"]["params"]["code_dim"] >= n_clusters


def test_classes_of_an_h5ad_are_counted(tmp_path):
    h5py = pytest.importorskip("h5py", reason="needs h5py to write an h5ad file")
    found = look(h5ad(tmp_path / "p.h5ad", h5py, "dense"))
    assert (found.d, found.n_clusters) == (4, 2)


@pytest.mark.parametrize(
    ("n", "d", "n_clusters", "wanted"),
    [  # the data sets of config.yaml, MNIST, and what lies at the ends
        (2, 1, 2, ([64, 64, 256], 20, 16)),
        (178, 13, 3, ([64, 64, 256], 20, 16)),
        (569, 30, 2, ([64, 64, 256], 20, 32)),
        (1797, 64, 10, ([128, 128, 256], 20, 64)),
        (9999, 5000, 100, ([128, 128, 256], 100, 64)),
        (10000, 16, 10, ([64, 64, 256], 20, 256)),
        (70000, 784, 10, ([500, 500, 2000], 20, 256)),
    ],
)
def test_the_network_goes_with_the_size(n, d, n_clusters, wanted):
    assert tuple(line.value for line in architecture(n, d, n_clusters)) == wanted


def test_many_points_get_a_word_about_epochs(tmp_path):
    for n in (LARGE - 1, LARGE):
        np.save(tmp_path / "p.npy", np.random.RandomState(0).uniform(size=(n, 1)))
        assert (f"takes long with {n} points" in overlay(look(tmp_path / "p.npy"), "p")) == (n == LARGE)


@pytest.mark.parametrize(("n", "wanted"), [(160, (4, 480, 300)), (1984, (13, 155, 97)), (12800, (49, 96, 60))])
def test_alpha_and_passes_go_with_the_batch(n, wanted, tmp_path):
    np.save(tmp_path / "p.npy", np.random.RandomState(0).uniform(size=(n, 1)))
    written = yaml.safe_load(overlay(look(tmp_path / "p.npy"), "p"))
    alpha, long, short = wanted
    methods = {name: entry["datasets"]["p"] for name, entry in written["methods"].items()}
    assert methods.pop("aecm_pretrained") == {"alpha": alpha, "epochs": short}
    assert methods == {name: {"alpha": alpha, "epochs": long} for name in ("cm_random", "cm_pretrained", "aecm_random")}
    assert written["autoencoders"]["shared"]["datasets"]["p"] == {"epochs": short}


@pytest.mark.parametrize("name", ["", "a b", "../x", "a\nb", "ä", "x" * 65])
def test_a_name_that_no_folder_can_have_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(app, ["data", "add", str(small(labelled=True)), "--name", name])
    assert refused.exit_code == 2
    assert "allowed: letters, digits" in refused.output
    assert refused.stdout == ""


@pytest.mark.parametrize(
    ("file", "name"), [("2020.csv", "2020"), ("no.csv", "no"), ("my points (1).csv", "my_points_1")]
)
def test_a_name_comes_from_the_file(file, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    csv(Path(file), frame(species=SPECIES))
    written = yaml.safe_load(CliRunner().invoke(app, ["data", "add", file]).stdout)
    assert (written["run"], list(written["datasets"]), written["only"]["datasets"]) == (name, [name], [name])
    assert written["datasets"][name]["file"] == file
