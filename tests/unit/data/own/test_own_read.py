"""A user's own files: what each format gives, which options it has, and when its checksum changes."""

import numpy as np
import pytest
from own_files import SPECIES, X, csv, frame, h5ad, idx_bytes, picture, pictures, text

from jcae.data.formats import DataError
from jcae.data.own.reading import digest, read
from jcae.data.own.scaling import Scaling, measure
from jcae.data.own.source import OwnData

F32 = X.astype(np.float32)
IMAGES = np.random.RandomState(1).randint(0, 256, (8, 3, 4)).astype(np.uint8)


def scale(values, kind, where):
    """By way of what the card keeps of it."""
    return Scaling.of_json(measure(values, kind).as_json()).apply(values, where)


@pytest.mark.parametrize("name", ["p.csv", "p.tsv", "p.csv.gz", "p.TSV.gz", "p.parquet"])
def test_table(name, tmp_path):
    table = frame(id=range(len(X)), species=SPECIES, k=[0, 1, 10] * 4)[["id", "a", "species", "b", "c", "d", "k"]]
    if name.endswith("parquet"):
        table.to_parquet(tmp_path / name)
    else:
        csv(tmp_path / name, table, sep="\t" if "tsv" in name.lower() else ",")
    found = read(OwnData(tmp_path / name, truth="species", drop=["id", "k"]))
    np.testing.assert_array_equal(found.X, F32)
    assert found.X.dtype == np.float32
    assert found.X.flags.c_contiguous
    assert found.columns == tuple("abcd")
    assert found.labels.tolist() == SPECIES.tolist()
    assert found.image_shape is None
    assert found.preparation == "Values as in the file; without id, k."
    assert [part["file"] for part in found.sources] == [name]
    assert found.sources[0]["sha256"] == digest(OwnData(tmp_path / name, truth="species"))
    numbers = read(OwnData(tmp_path / name, truth="k", drop=["id", "species"])).labels
    assert numbers.tolist() == [0, 1, 10] * 4
    assert numbers.dtype == np.int64


def test_table_that_is_read_in_chunks_of_other_types(tmp_path, monkeypatch):
    monkeypatch.setattr("jcae.data.own.text._CHUNK", 4)
    path = text(tmp_path / "p.csv", "a,b\n1,0.5\n2,True\n3,False\n4,1e3\n5,12345678901234567890123\n6, 7 \n")
    found = read(OwnData(path, n_clusters=2))
    assert found.X.tolist() == [[1, 0.5], [2, 1], [3, 0], [4, 1000], [5, np.float32(12345678901234567890123)], [6, 7]]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a,b\n1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("\ufeff a , b \r\n1,2\r\n\r\n3,4\r\n\r\n", [[1, 2], [3, 4]]),
        ("a,b\r1,2\r3,4", [[1, 2], [3, 4]]),
        ('"a\nb",c\n"1",2\n3,4\n', [[1, 2], [3, 4]]),
        (",b\n1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("0,1\n1,2\n3,4\n", [[1, 2], [3, 4]]),
    ],
)
def test_text_of_every_habit(content, expected, tmp_path):
    assert read(OwnData(text(tmp_path / "p.csv", content), n_clusters=2)).X.tolist() == expected


def test_names_that_read_like_gaps_are_classes(tmp_path):
    path = text(tmp_path / "p.csv", "a,c\n1, NA\n2,None\n3,NA\n4,None\n")
    assert read(OwnData(path, truth="c")).labels.tolist() == ["NA", "None", "NA", "None"]


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, np.float32, np.float64, ">f4", bool])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy(dtype, order, tmp_path):
    array = np.asarray(X.astype(int) % 2, dtype=dtype, order=order)
    np.save(tmp_path / "p.npy", array)
    found = read(OwnData(tmp_path / "p.npy", n_clusters=3, drop=[1]))
    np.testing.assert_array_equal(found.X, array[:, [0, 2, 3]].astype(np.float32))
    assert found.labels is None


@pytest.mark.parametrize("shape", [(3, 4), (2, 2, 3), (1, 12, 1)])
def test_images_in_arrays(shape, tmp_path):
    images = IMAGES.reshape(8, *shape)
    np.save(tmp_path / "p.npy", images)
    np.savez_compressed(tmp_path / "p.npz", pictures=images, y=[0, 1] * 4)
    text(tmp_path / "p-ubyte.gz", idx_bytes(images))
    for name, options in (("p.npy", {"n_clusters": 2}), ("p.npz", {"truth": "y"}), ("p-ubyte.gz", {"n_clusters": 2})):
        found = read(OwnData(tmp_path / name, **options))
        np.testing.assert_array_equal(found.X, IMAGES.reshape(8, 12).astype(np.float32))
        assert found.image_shape == shape
        np.testing.assert_array_equal(read(OwnData(tmp_path / name, scale="max", **options)).X, found.X / found.X.max())


def test_npz_with_several_arrays(tmp_path):
    np.savez(tmp_path / "p.npz", X=X, other=X + 1, names=SPECIES)
    found = read(OwnData(tmp_path / "p.npz", truth="names", drop=[0]))
    np.testing.assert_array_equal(found.X, F32[:, 1:])
    assert found.labels.tolist() == SPECIES.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dense", "csr_matrix", "csc_matrix"])
def test_h5ad(kind, tmp_path):
    h5py = pytest.importorskip("h5py", reason="needs h5py to write an h5ad file")
    sparse = np.where(X > 50, X, 0)
    path = h5ad(tmp_path / "p.h5ad", h5py, kind, sparse)
    found = read(OwnData(path, truth="species", drop=["b"]))
    np.testing.assert_array_equal(found.X, sparse[:, [0, 2, 3]].astype(np.float32))
    assert found.labels.tolist() == SPECIES.tolist()
    assert found.columns == ("a", "c", "d")
    assert read(OwnData(path, truth="plain")).labels.tolist() == SPECIES.tolist()
    assert read(OwnData(path, truth="number")).labels.tolist() == (SPECIES == "virginica").astype(int).tolist()
    with pytest.raises(DataError, match="row 5 has no label"):
        read(OwnData(path, truth="gaps"))


def test_folder_of_images(tmp_path):
    from PIL import Image

    folder = pictures(tmp_path / "animals", size=(6, 5))
    (folder / ".DS_Store").write_bytes(b"whatever")
    found = read(OwnData(folder, truth="folders", image_shape=[5, 6, 3]))
    assert found.labels.tolist() == ["cat"] * 3 + ["dog"] * 3
    assert found.image_shape == (5, 6, 3)
    first = np.asarray(Image.open(folder / "cat/0.png"))
    np.testing.assert_array_equal(found.X[0], (first.reshape(-1) / 255).astype(np.float32))
    small = read(OwnData(folder, n_clusters=2, image_shape=[2, 3]))
    assert small.X.shape == (6, 6)
    assert 0 <= small.X.min() < small.X.max() <= 1
    assert small.labels is None
    assert small.preparation == "Images in grey, 2 x 3 pixels, divided by 255."


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.png"])
def test_grey_images_side_by_side_with_labels_of_their_own(name, tmp_path):
    for number in range(4):
        picture(tmp_path / "flat" / f"{number}{name}", colour=False, seed=number)
    labels = text(tmp_path / "flat/labels.txt", "x\ny\nx\ny\n")
    found = read(OwnData(tmp_path / "flat", truth=str(labels), image_shape=[5, 6]))
    assert found.X.shape == (4, 30)
    assert found.labels.tolist() == ["x", "y", "x", "y"]
    assert [part["file"] for part in found.sources] == ["flat", "labels.txt"]


def test_link_within_the_folder_is_an_image(tmp_path):
    folder = pictures(tmp_path / "animals")
    (folder / "dog/again.png").symlink_to(folder / "dog/0.png")
    found = read(OwnData(folder, truth="folders", image_shape=[5, 6]))
    np.testing.assert_array_equal(found.X[3], found.X[6])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("y.csv", "species\n" + "\n".join(SPECIES)),
        ("y.txt", '"' + '"\n"'.join(SPECIES) + '"\n\n'),
        ("y.txt.gz", "\n".join(SPECIES)),
    ],
)
def test_labels_in_a_text_file(name, content, tmp_path):
    np.save(tmp_path / "p.npy", X)
    found = read(OwnData(tmp_path / "p.npy", truth=str(text(tmp_path / name, content))))
    assert found.labels.tolist() == SPECIES.tolist()


def test_labels_in_arrays(tmp_path):
    np.save(tmp_path / "p.npy", X)
    y = (SPECIES == "setosa").astype(np.uint8)
    np.save(tmp_path / "y.npy", y[:, None].astype(float))
    text(tmp_path / "y-labels-idx1-ubyte.gz", idx_bytes(y))
    for name in ("y.npy", "y-labels-idx1-ubyte.gz"):
        labels = read(OwnData(tmp_path / "p.npy", truth=str(tmp_path / name), n_clusters=2)).labels
        assert labels.tolist() == y.tolist()
        assert labels.dtype.kind in "iu"


def test_scales_by_hand(monkeypatch):
    monkeypatch.setattr("jcae.data.own.loaded._BLOCK", 5)  # several blocks of rows and columns
    values = np.array([[0, 5, -4], [1, 5, 0], [3, 5, 8.0]])
    assert scale(values, "none", "f").tolist() == values.tolist()
    assert scale(values, "max", "f").tolist() == (values / 8).tolist()
    third = np.float32(1 / 3)
    assert scale(values, "minmax", "f").tolist() == [[0, 0, 0], [third, 0, third], [1, 0, 1]]
    standard = scale(values, "standard", "f")
    np.testing.assert_allclose(standard.mean(axis=0), 0, atol=1e-7)
    np.testing.assert_allclose(standard.std(axis=0), [1, 0, 1], rtol=1e-6)
    for kind in ("none", "minmax", "standard", "max"):
        assert scale(np.zeros((3, 2), np.uint8), kind, "f").tolist() == np.zeros((3, 2)).tolist()


def test_scaling_sees_digits_that_float32_does_not_have(tmp_path):
    table = frame(time=1_700_000_000 + np.arange(len(X)))[["a", "time"]]
    table.to_parquet(tmp_path / "p.parquet")
    np.save(tmp_path / "p.npy", table.to_numpy())
    for path in (csv(tmp_path / "p.csv", table), tmp_path / "p.parquet", tmp_path / "p.npy"):
        found = read(OwnData(path, n_clusters=2, scale="minmax")).X[:, 1]
        np.testing.assert_array_equal(found, (np.arange(len(X)) / (len(X) - 1)).astype(np.float32))


def test_digest_follows_content(tmp_path):
    path = csv(tmp_path / "p.csv")
    source = OwnData(path, truth="species")
    before = digest(source)
    assert digest(OwnData(path, n_clusters=2)) == before
    path.write_bytes(path.read_bytes().replace(b"setosa", b"Setosa", 1))
    assert digest(source) != before
    labels = text(tmp_path / "y.txt", "\n".join(SPECIES))
    with_labels = OwnData(path, truth=str(labels))
    before = digest(with_labels)
    labels.write_text("\n".join(SPECIES).upper())
    assert before != digest(with_labels) != digest(source)


def test_digest_of_a_folder_follows_names_and_content(tmp_path):
    source = OwnData(pictures(tmp_path / "animals"), truth="folders", image_shape=[2, 2])
    seen = {digest(source)}
    assert digest(source) in seen
    for change in (
        lambda: (source.file / "cat/0.png").rename(source.file / "cat/9.png"),
        lambda: (source.file / "cat/9.png").rename(source.file / "dog/9.png"),
        lambda: picture(source.file / "dog/9.png", seed=9),
        lambda: (source.file / "dog/9.png").unlink(),
    ):
        change()
        assert digest(source) not in seen
        seen.add(digest(source))


def test_same_table_in_every_format_is_the_same_data(tmp_path):
    h5py = pytest.importorskip("h5py", reason="needs h5py to write an h5ad file")
    csv(tmp_path / "p.csv", frame())
    frame().to_parquet(tmp_path / "p.parquet")
    np.save(tmp_path / "p.npy", X)
    np.savez(tmp_path / "p.npz", X=X)
    text(tmp_path / "p.idx", idx_bytes(X.astype(">f8"), 0x0E))
    h5ad(tmp_path / "p.h5ad", h5py)
    for kind in ("none", "standard"):
        arrays = [read(OwnData(path, n_clusters=2, scale=kind)).X for path in sorted(tmp_path.iterdir())]
        assert len(arrays) == 6
        assert all(np.array_equal(array, arrays[0]) for array in arrays)


@pytest.mark.parametrize(
    ("options", "say"),
    [
        ({}, "without a truth, say n_clusters"),
        ({"n_clusters": 1}, "n_clusters 1 .allowed: whole numbers from 2"),
        ({"n_clusters": 2.0}, "n_clusters 2.0"),
        ({"n_clusters": 2, "scale": "log"}, "scale 'log' .allowed: none, minmax, standard, max"),
        ({"n_clusters": 2, "image_shape": [28]}, r"image_shape \[28\] .allowed"),
        ({"n_clusters": 2, "image_shape": [28, 0]}, r"image_shape \[28, 0\]"),
        ({"n_clusters": 2, "image_shape": [28, 28, 4]}, r"image_shape \[28, 28, 4\]"),
    ],
)
def test_options_that_are_refused(options, say):
    with pytest.raises(ValueError, match=say):
        OwnData("p.csv", **options)
