"""What cannot be used of a user's own files: refused, with the file, the place and what would help."""

import os
import pickle
import struct
import sys
import zlib

import numpy as np
import pandas as pd
import pytest
from own_files import SPECIES, X, csv, frame, h5ad, picture, pictures, text

from jcae.data.formats import DataError
from jcae.data.own import folders
from jcae.data.own.h5ad import Opened
from jcae.data.own.h5ad_heads import read_heads
from jcae.data.own.reading import digest, read
from jcae.data.own.source import OwnData

HOLE = np.arange(X.size).reshape(X.shape) == 14
"""True at row 3, column 2."""


def refused(path, say, **options):
    """Reading fails, and the message names the file and says so."""
    if "truth" not in options:
        options.setdefault("n_clusters", 2)
    with pytest.raises(DataError, match=say) as caught:
        read(OwnData(path, **options))
    assert str(caught.value).startswith(str(path)), caught.value


@pytest.mark.parametrize(
    ("content", "options", "say"),
    [
        ("", {}, "empty"),
        ("\n \n", {}, "empty"),
        ("a,b\n", {}, "0 rows"),
        ("a,b\n1,2\n", {}, r"1 row \(needed: at least 2\)"),
        ("a,b\n1,2\n\n3,x\n", {}, "line 4, column 'b': 'x' is no number; add the column to drop, or make it the truth"),
        ('a,b\n"1\n",x\n', {}, "line 2, column 'b': 'x'"),
        ("a,b\n1,2\n3,1_000\n", {}, "line 3, column 'b': '1_000' is no number"),
        ("a,b\n1,2\n3,\n", {}, "line 3, column 'b': empty or NaN; fill it"),
        ("a,b\n1,2\nNA,3\n", {}, "line 3, column 'a': empty or NaN"),
        ("a,b\n1,-inf\n3,4\n", {}, "line 2, column 'b': -inf is infinite"),
        ("a,b\n1,1e39\n3,4\n", {}, "line 2, column 'b': .* beyond what float32 holds"),
        ("a,b\n1,1e39\n3,4\n", {"scale": "standard"}, r"line 2, column 'b': 1e\+39 is infinite or beyond"),
        ("a,b,a\n1,2,3\n4,5,6\n", {}, "two columns have the name 'a'"),
        ("1.5,2,3\n4,5,6\n7,8,9\n", {}, r"first line holds numbers where the names .* should be \(1.5, 2, 3"),
        ("a,b\n1,2\n3,4,5\n", {}, "line 3 has 3 fields, the head 2"),
        ("a,b\n1,2,3\n4,5\n", {}, "line 2 has 3 fields, the head 2"),
        ("a,b\n1,2,3\n4,5,6\n", {}, "line 2 has 3 fields, the head 2"),
        ("a,b\n1,2\n3\n", {}, "line 3 has 1 fields, the head 2"),
        ("a,b\n1,2\n3\n", {"drop": ["b"]}, "line 3 has 1 fields, the head 2"),
        ("a,c\n1,x\n2\n3,y\n4,x\n", {"truth": "c"}, "line 3 has 1 fields, the head 2"),
        ('a,b\n1,2\n3,"4\n', {}, "not a table .*EOF inside string"),
        ("a,b\n1,2\n3,\0\n", {}, "a zero byte in line 3"),
        ("ä,b\n1,2\n3,4\n".encode("latin-1"), {}, "line 1 is not UTF-8; save the file as UTF-8"),
        ("a,b\n1,2\n3,4\n".encode("utf-16"), {}, "not UTF-8"),
        ("a,b\n1,2\n3,ä".encode()[:-1], {}, "cut off, the last byte is not UTF-8"),
        ("a,b\n1,2\n3,4\n", {"drop": ["a", "b"]}, "no features are left .columns: 'a', 'b'"),
        ("alpha,b\n1,2\n3,4\n", {"drop": ["alfa"]}, r"no column 'alfa' \(there are: 'alpha'\)"),
        ("species,b\n1,2\n3,4\n", {"truth": "Species"}, r"no column 'Species' \(there are: 'species'\)"),
        ("a,b\n1,2\n3,4\n", {"n_clusters": 3}, "n_clusters is 3, but there are 2 points only"),
        ("a,b\n1,2\n3,4\n", {"image_shape": [2, 2]}, r"image_shape \[2, 2\] has 4 pixels for 2 features"),
        ("a,b\n1,1\n2,1\n3,1\n", {"truth": "b"}, "all points have the label 1"),
        ("a,b\n1,x\n2,x\n3,x\n", {"truth": "b"}, "all points have the label x"),
        ("a,b\n1,1\n2,2\n3,3\n", {"truth": "b"}, "3 classes for 3 points; an identifier or a quantity"),
        ("a,b\n1,x\n2,y\n3,z\n4,x\n", {"truth": "b"}, "3 classes for 4 points"),
        ("a,b\n1,1\n2,2.5\n3,1\n4,1\n", {"truth": "b"}, "line 3 has the label 2.5; a quantity to predict"),
        ("a,b\n1,1\n2,1e30\n3,1\n4,1e30\n", {"truth": "b"}, r"line 3 has the label 1e\+30"),
        ("a,b\n1,x\n2,\n3,y\n4,x\n", {"truth": "b"}, r"line 3 has no label \(1 have none\)"),
        (
            "a,b\n1,x\n2,y\n3,y\n4,x\n",
            {"truth": "b", "n_clusters": 3},
            "2 classes, but n_clusters is 3; leave n_clusters",
        ),
    ],
)
@pytest.mark.parametrize("name", ["p.csv", "p.csv.gz"])
def test_text(name, content, options, say, tmp_path):
    refused(text(tmp_path / name, content), say, **options)


def test_first_bad_cell_of_a_later_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr("jcae.data.own.text._CHUNK", 6)
    rows = [f"{i},{i}" for i in range(20)]
    rows[13] = "13,thirteen"
    refused(text(tmp_path / "p.csv", "a,b\n" + "\n".join(rows)), "line 15, column 'b': 'thirteen'")
    rows[13] = "13,"
    refused(text(tmp_path / "p.csv", "a,b\n" + "\n".join(rows)), "line 15, column 'b': empty")
    rows[13] = "13,13,13"
    refused(text(tmp_path / "p.csv", "a,b\n" + "\n".join(rows)), "line 15 has 3 fields")


def test_places_that_are_not_there_and_names_that_say_nothing(tmp_path):
    refused(tmp_path / "none.csv", "no such file or folder")
    refused(text(tmp_path / "p.xlsx", "a"), r"unknown format \(allowed: csv, tsv, .* or a folder of images\)")
    with pytest.raises(DataError, match=r"none\.csv: no such file"):
        digest(OwnData(tmp_path / "none.csv", n_clusters=2))
    csv(tmp_path / "p.csv", frame())
    with pytest.raises(DataError, match=r"none\.txt: cannot be read \(No such file"):
        read(OwnData(tmp_path / "p.csv", truth=str(tmp_path / "none.txt")))


def test_parquet(tmp_path):
    path = tmp_path / "p.parquet"
    frame(day=pd.Timestamp("2020-01-01")).to_parquet(path)
    refused(path, "row 0, column 'day': 2020-01-01 .* is no number")
    frame(many=[[1, 2]] * len(X)).to_parquet(path)
    refused(path, "column 'many'")
    frame(gap=[None, *range(1, len(X))]).to_parquet(path)
    refused(path, "row 0, column 'gap': empty or NaN")
    frame(species=[None, *SPECIES[1:]]).to_parquet(path)
    refused(path, "row 0 has no label", truth="species")
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    refused(path, "not a parquet file, or damaged or cut off")
    path.write_bytes(b"")
    refused(path, "not a parquet file")


class Bomb:
    def __reduce__(self):
        return os.mkdir, (os.environ["JCAE_TEST_BOMB"],)


def test_pickles_are_not_opened(tmp_path, monkeypatch):
    monkeypatch.setenv("JCAE_TEST_BOMB", str(tmp_path / "exploded"))
    np.save(tmp_path / "p.npy", np.array([Bomb(), Bomb()], dtype=object))
    np.savez(tmp_path / "p.npz", X=np.array([Bomb(), Bomb()], dtype=object))
    (tmp_path / "q.npy").write_bytes(pickle.dumps(Bomb()))
    (tmp_path / "q.npz").write_bytes(pickle.dumps(Bomb()))
    for name in ("p.npy", "p.npz", "q.npy", "q.npz"):
        refused(tmp_path / name, "holds Python objects in place of numbers, which are never unpickled")
    np.save(tmp_path / "good.npy", X)
    with pytest.raises(DataError, match="never unpickled"):
        read(OwnData(tmp_path / "good.npy", truth=str(tmp_path / "p.npy")))
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("array", "options", "say"),
    [
        (X[:1], {}, "1 row"),
        (X[:, :0], {}, r"shape \(12, 0\) .allowed: .points, features."),
        (X[:, 0], {}, r"shape \(12,\) .allowed: .points, features."),
        (X.reshape(2, 2, 2, 3, 2), {}, r"shape \(2, 2, 2, 3, 2\)"),
        (X.astype(str), {}, "values of type <U.* .allowed: integers, floats"),
        (X + 1j, {}, "values of type complex128"),
        (X.view([("a", float), ("b", float)]), {}, "values of type"),
        (np.where(HOLE, np.nan, X), {}, "row 3, column 2: empty or NaN"),
        (np.where(HOLE, np.inf, X), {"drop": [0]}, "row 3, column '2': inf is infinite"),
        (X, {"drop": [4]}, r"no column 4 \(allowed in drop: numbers from 0 to 3\)"),
        (X, {"drop": ["a"]}, "no column 'a'"),
        (X, {"drop": [0, 1, 2, 3]}, "no features are left"),
        (X.reshape(3, 4, 4), {"drop": [0]}, r"drop is for tables, and these are images of shape \(4, 4\)"),
        (X, {"truth": "species"}, "truth 'species' .allowed: a file of labels, or null"),
        (X, {"image_shape": [3, 3]}, "has 9 pixels for 4 features"),
        (np.array([[1e-200], [2e-200]]), {"scale": "standard"}, "feature 0 lie too close to each other"),
    ],
)
def test_npy(array, options, say, tmp_path):
    np.save(tmp_path / "p.npy", array)
    refused(tmp_path / "p.npy", say, **options)


def test_npz(tmp_path):
    path = tmp_path / "p.npz"
    np.savez(path, a=X, b=X, y=SPECIES)
    refused(path, r"2 arrays could be the features .arrays: a, b, y.; call the one X")
    np.savez(path, y=SPECIES)
    refused(path, "0 arrays could be the features")
    np.savez(path, X=X, labels=SPECIES[:-1])
    refused(path, r"no array 'label' .there are: 'labels'", truth="label")
    refused(path, r"labels: shape \(11,\) for 12 points", truth="labels")
    np.save(tmp_path / "archive.npy", X)
    (tmp_path / "archive.npy").rename(path)
    refused(path, "not an archive of arrays")
    np.savez(path, X=X)
    path.rename(tmp_path / "archive.npy")
    refused(tmp_path / "archive.npy", "an archive of arrays; call it .npz")


def test_npz_that_unpacks_to_more_than_memory_holds(tmp_path, monkeypatch):
    monkeypatch.setattr("jcae.data.own.arrays.LARGEST_CONTENT", 300)
    np.savez_compressed(tmp_path / "p.npz", X=np.zeros((1000, 2)))
    refused(tmp_path / "p.npz", "X: unpacks to 16128 bytes, over 300")


@pytest.mark.parametrize(
    ("content", "say"),
    [
        ("x\ny\n", "2 labels for 12 points"),
        ("x,y\n" * 12, "line 1 has several columns"),
        ("x\n\n" + "y\n" * 10, "label 2 has no label"),
        ("1.5\n" * 6 + "2\n" * 6, "label 1 has the label 1.5"),
        ("ä\n".encode("latin-1") * 12, "byte 0 is not UTF-8"),
    ],
)
def test_files_of_labels(content, say, tmp_path):
    np.save(tmp_path / "p.npy", X)
    labels = text(tmp_path / "y.csv", content)
    with pytest.raises(DataError, match=say) as caught:
        read(OwnData(tmp_path / "p.npy", truth=str(labels)))
    assert str(caught.value).startswith(str(labels))


def test_label_arrays_of_other_shapes(tmp_path):
    np.save(tmp_path / "p.npy", X)
    for shape, say in (((12, 2), r"labels of shape \(12, 2\)"), ((11,), "11 labels for 12 points")):
        np.save(tmp_path / "y.npy", np.zeros(shape))
        with pytest.raises(DataError, match=say):
            read(OwnData(tmp_path / "p.npy", truth=str(tmp_path / "y.npy")))


def test_h5ad(tmp_path):
    h5py = pytest.importorskip("h5py", reason="needs h5py to write an h5ad file")
    path = h5ad(tmp_path / "p.h5ad", h5py)
    refused(path, r"no column of obs 'Species' .there are: 'species'", truth="Species")
    refused(path, "no column 'e'", drop=["e"])
    path.write_bytes(path.read_bytes()[:-500])
    refused(path, "not an h5ad file, or damaged or cut off")
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    refused(path, "not an h5ad file")
    with h5py.File(path, "w") as file:
        file["X"] = X
        file["obs"] = np.zeros(12, dtype=[("a", int)])
    refused(path, "obs is no group", truth="a")


def test_h5ad_whose_sparse_matrix_points_beside_itself(tmp_path):
    h5py = pytest.importorskip("h5py", reason="needs h5py to write an h5ad file")
    path = h5ad(tmp_path / "p.h5ad", h5py, "csr_matrix")
    with h5py.File(path, "r+") as file:
        file["X/indices"][3] = 1_000_000
    refused(path, "not an h5ad file, or damaged")
    with h5py.File(path, "r+") as file:
        file["X/indices"][3] = 3
        file["X"].attrs["shape"] = (1 << 40, 1 << 40)
    refused(path, "not an h5ad file, or damaged|fit into memory")


def test_h5ad_reads_no_other_file(tmp_path):
    h5py = pytest.importorskip("h5py", reason="needs h5py to write an h5ad file")
    h5ad(tmp_path / "secret.h5", h5py)
    path = tmp_path / "p.h5ad"
    (tmp_path / "raw").write_bytes(X.tobytes())
    with h5py.File(path, "w") as file:
        file["X"] = h5py.ExternalLink("secret.h5", "X")
    refused(path, "X is a link to another place")
    with h5py.File(path, "w") as file:
        file.create_dataset("X", (12, 4), float, external=[(str(tmp_path / "raw"), 0, X.nbytes)])
    refused(path, "X lies in another file")
    layout = h5py.VirtualLayout((12, 4), float)
    layout[:] = h5py.VirtualSource(tmp_path / "secret.h5", "X", (12, 4))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("X", layout)
    refused(path, "X lies in another file")


@pytest.mark.parametrize(
    ("behaviour", "say"),
    [
        ("kill -SEGV $$", r"damaged, HDF5 crashed on it \(signal 11\)"),
        ("exec sleep 60", "was not done .* after 0.5 sec"),
    ],
)
def test_h5ad_on_which_the_library_dies(behaviour, say, tmp_path, monkeypatch):
    h5py = pytest.importorskip("h5py", reason="needs h5py to write an h5ad file")
    path = h5ad(tmp_path / "p.h5ad", h5py)
    python = text(tmp_path / "python", f"#!/bin/sh\n{behaviour}\n")
    python.chmod(0o755)
    monkeypatch.setattr("jcae.data.own.probe.SECONDS", 0.5)
    monkeypatch.setattr("sys.executable", str(python))
    refused(path, say)


def test_h5ad_that_the_probe_finds_whole(tmp_path, monkeypatch):
    h5py = pytest.importorskip("h5py", reason="needs h5py to write an h5ad file")
    touched = []
    monkeypatch.setattr(Opened, "column", lambda file, name: touched.append(name) or np.zeros(1))
    read_heads(h5ad(tmp_path / "p.h5ad", h5py))
    assert touched == ["gaps", "number", "plain", "species"]


def test_h5ad_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    refused(text(tmp_path / "p.h5ad", "x"), r'reading h5ad needs the package h5py: pip install "jcae\[h5ad\]"')


def test_folder_of_images(tmp_path):
    folder = pictures(tmp_path / "animals")
    refused(folder, r"say image_shape: \[height, width\]", truth="folders")
    options = {"image_shape": [2, 2]}
    refused(folder, r"truth 'animal' .allowed: folders, or a file of labels", truth="animal", **options)
    refused(folder, "drop is for tables", drop=["a"], **options)
    picture(folder / "stray.png")
    refused(folder, "stray.png: lies in no folder of a class", truth="folders", **options)
    (folder / "stray.png").rename(folder / "stray.bmp")
    refused(folder, "stray.bmp: not an image .allowed: .png, .jpg, .jpeg", **options)
    (folder / "stray.bmp").unlink()
    picture(folder / "cat/deep/1.png")
    refused(folder, "cat/deep: a folder in a folder of a class", **options)
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "holds no images", **options)


def test_images_that_are_none(tmp_path):
    folder = pictures(tmp_path / "animals")
    options = {"truth": "folders", "image_shape": [2, 2]}
    good = (folder / "cat/0.png").read_bytes()
    for content in (b"", b"GIF89a", good[:40], good[:-30], b"not an image"):
        (folder / "cat/0.png").write_bytes(content)
        refused(folder, "cat/0.png: not an image, or damaged or cut off", **options)


def test_images_of_16_bits(tmp_path):
    from PIL import Image

    folder = pictures(tmp_path / "animals")
    Image.fromarray(np.full((5, 6), 40_000, np.uint16)).save(folder / "cat/0.png")
    refused(folder, r"cat/0.png: pixels of kind I;16 .allowed: 8 bits", truth="folders", image_shape=[2, 2])


def announcing(width, height):
    """A PNG of a few bytes with a head that announces an image of this size."""

    def part(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = part(b"IHDR", head) + part(b"IDAT", zlib.compress(bytes(1000))) + part(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("size", [(9000, 9000), (30_000, 30_000), (1 << 31, 1 << 31)])
def test_image_that_announces_more_than_memory_holds(size, tmp_path, monkeypatch):
    folder = pictures(tmp_path / "animals")
    (folder / "cat/0.png").write_bytes(announcing(*size))
    monkeypatch.setattr("PIL.Image.Image.convert", lambda *_: pytest.fail("decoded"))
    monkeypatch.setattr(folders, "images_in", lambda *_: [folder / "cat/0.png"])
    refused(folder, "cat/0.png: ", truth="folders", image_shape=[2, 2])


def test_links_that_lead_elsewhere(tmp_path):
    folder = pictures(tmp_path / "animals")
    outside = picture(tmp_path / "outside.png")
    link = folder / "cat/link.png"
    options = {"truth": "folders", "image_shape": [2, 2]}
    for target, say in (
        (outside, "a link that leads out of animals"),
        ("../../outside.png", "a link that leads out of animals"),
        (tmp_path, "a link that leads out of animals"),
        (folder / "nothing.png", "a link that leads nowhere or in a circle"),
        (link, "a link that leads nowhere or in a circle"),
        (folder, "a link to a folder"),
        (folder / "dog", "a link to a folder"),
    ):
        link.symlink_to(target)
        refused(folder, f"cat/link.png: {say}", **options)
        with pytest.raises(DataError, match=say):
            digest(OwnData(folder, **options))
        link.unlink()
    assert len(read(OwnData(folder, **options)).X) == 6
