"""A look at a file: what it proposes can be pasted into a config and read."""

import numpy as np
import pytest
import yaml
from own_files import SPECIES, X, csv, frame, h5ad, idx_bytes, picture, pictures, text

from jcae.data.formats import DataError
from jcae.data.own.look import config_lines, look
from jcae.data.own.reading import read
from jcae.data.own.source import OwnData

PIXELS = np.random.RandomState(2).randint(0, 256, (20, 16)).astype(np.uint8)


def proposed(path, name="mine"):
    """The entry that is proposed, after it has been read as YAML; the lines, too."""
    lines = config_lines(look(path), name)
    return yaml.safe_load(f"datasets:\n{lines}")["datasets"][name], lines


def test_a_table_as_people_have_them(tmp_path):
    table = frame(id=range(100, 112), species=SPECIES, remark=[f"seen {i}" for i in range(12)])
    entry, lines = proposed(csv(tmp_path / "points.csv", table[["id", "a", "b", "c", "d", "remark", "species"]]))
    assert entry == {
        "file": (tmp_path / "points.csv").as_posix(),
        "truth": "species",
        "drop": ["id", "remark"],
        "scale": "standard",
    }
    assert "# text, 2 classes" in lines
    assert "# id: it numbers the rows; remark: text, 12 different values" in lines
    assert "# features range over 0." in lines
    found = read(OwnData(**entry))
    assert found.columns == tuple("abcd")
    assert found.labels.tolist() == SPECIES.tolist()


def tables():
    """Columns beside the four features, and what is proposed of them."""
    n = len(X)
    yield {}, {"truth": None, "n_clusters": 10}
    yield {"label": [0, 1, 2] * 4}, {"truth": "label"}
    yield {"colour": ["red", "blue"] * 6, "class": ["x", "y", "y"] * 4}, {"truth": "class", "drop": ["colour"]}
    yield {"gap": [np.nan, *range(1, n)]}, {"drop": ["gap"]}
    yield {"species": [None, *SPECIES[1:]]}, {"truth": None, "drop": ["species"]}
    yield {"no": SPECIES, "null": range(n)}, {"truth": "no", "drop": ["null"]}
    yield {'odd: "name" # 1': SPECIES}, {"truth": 'odd: "name" # 1'}
    yield {"": range(n)}, {"drop": [""]}
    yield {"few": [1, 2] * 6}, {"truth": None}
    yield {"flag": [True, False] * 6}, {"truth": None}
    yield {"day\nof": [f"2020-01-{i + 1:02}\x07" for i in range(n)]}, {"drop": ["day\nof"]}


@pytest.mark.parametrize(("more", "wanted"), list(tables()), ids=lambda value: None)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_proposals_for_tables_can_be_read(more, wanted, ending, tmp_path):
    path = tmp_path / f"p.{ending}"
    table = frame(**more)
    csv(path, table) if ending == "csv" else table.to_parquet(path)
    entry, _ = proposed(path)
    assert {key: entry.get(key) for key in wanted} == wanted
    found = read(OwnData(**entry))
    assert found.X.shape == (len(X), 4 + len(more) - len(entry.get("drop", ())) - (entry["truth"] is not None))
    assert (found.labels is None) == (entry["truth"] is None)


def test_what_could_be_classes_is_said(tmp_path):
    found = look(csv(tmp_path / "p.csv", frame(few=[1, 2] * 6, species=SPECIES)))
    assert found.classes == (("few", 2), ("species", 2))
    assert (found.n, len(found.columns)) == (12, 6)
    assert "could be classes, too: 'few' (2 values)" in config_lines(found, "mine")


def test_gaps_are_said(tmp_path):
    lines = config_lines(look(csv(tmp_path / "p.csv", frame(gap=[np.nan, np.inf, *range(10)]))), "mine")
    assert "empty, NaN or infinite in 'gap' (2 of 12): fill them, or leave these columns out" in lines
    assert "gap: 2 cells are empty, NaN or infinite" in lines


@pytest.mark.parametrize(
    ("values", "scale", "reason"),
    [
        (X / 1000, "none", "all values lie in [0, 1]"),
        (X, "standard", "features range over"),
        (X[:, :1] * [1, 5, 9] - 1, "none", "features range over about as much"),
        (PIXELS, "max", "as of pixels"),
        (PIXELS * 1.5, "none", "features range over about as much"),
    ],
)
def test_scales_that_are_proposed(values, scale, reason, tmp_path):
    np.save(tmp_path / "p.npy", values)
    entry, lines = proposed(tmp_path / "p.npy")
    assert entry["scale"] == scale
    assert reason in lines
    assert read(OwnData(**entry)).X.shape == values.shape


def test_table_of_pixels(tmp_path):
    table = frame()[[]].assign(**{str(i): PIXELS[:12, i] for i in range(16)}, label=[3, 1, 4] * 4)
    entry, _ = proposed(csv(tmp_path / "p.csv", table))
    assert (entry["truth"], entry["scale"], entry["image_shape"]) == ("label", "max", [4, 4])
    assert read(OwnData(**entry)).image_shape == (4, 4)


def test_arrays(tmp_path):
    np.save(tmp_path / "p.npy", np.where(np.arange(4) == 2, np.nan, X))
    entry, _ = proposed(tmp_path / "p.npy")
    assert entry["drop"] == [2]
    assert read(OwnData(**entry)).X.shape == (12, 3)
    np.savez(tmp_path / "p.npz", X=PIXELS.reshape(20, 4, 4), y=[0, 1] * 10, weight=np.arange(20.0))
    entry, lines = proposed(tmp_path / "p.npz")
    assert entry["truth"] == "y"
    assert "# images of shape [4, 4]" in lines
    assert read(OwnData(**entry)).image_shape == (4, 4)
    text(tmp_path / "train-images-idx3-ubyte.gz", idx_bytes(PIXELS.reshape(20, 4, 4)))
    entry, _ = proposed(tmp_path / "train-images-idx3-ubyte.gz")
    assert (entry["truth"], entry["n_clusters"], entry["scale"]) == (None, 10, "max")
    assert read(OwnData(**entry)).X.max() == 1
    text(
        tmp_path / "train-labels-idx1-ubyte.gz",
        idx_bytes([0, 1] * 10, 0x0B)[:8] + np.array([0, 1] * 10, ">i2").tobytes(),
    )
    entry, _ = proposed(tmp_path / "train-images-idx3-ubyte.gz")
    assert read(OwnData(**entry)).labels.tolist() == [0, 1] * 10


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dense", "csr_matrix"])
def test_h5ad(kind, tmp_path):
    h5py = pytest.importorskip("h5py", reason="needs h5py to write an h5ad file")
    path = h5ad(tmp_path / "p.h5ad", h5py, kind)
    assert look(path).classes == (("number", 2), ("plain", 2), ("species", 2))
    entry, _ = proposed(path)
    assert entry["truth"] == "species"
    assert read(OwnData(**entry)).labels.tolist() == SPECIES.tolist()


def test_folders_of_images(tmp_path):
    folder = pictures(tmp_path / "animals", size=(50, 20))
    picture(folder / "cat/other.png", size=(6, 6))
    entry, lines = proposed(folder)
    assert entry == {"file": folder.as_posix(), "truth": "folders", "image_shape": [20, 32, 3]}
    assert "6 of 7 images have 20 x 50 pixels in colour, made smaller: at most 32 a side" in lines
    assert read(OwnData(**entry)).X.shape == (7, 20 * 32 * 3)
    entry, lines = proposed(pictures(tmp_path / "flat", classes=(), colour=False))
    assert (entry["truth"], entry["n_clusters"], entry["image_shape"]) == (None, 3, [5, 6])
    assert read(OwnData(**entry)).X.shape == (3, 30)


def test_name_that_yaml_would_take_for_something_else(tmp_path):
    csv(tmp_path / "p.csv")
    for name in ("no", "1", "a: b", "ä"):
        assert proposed(tmp_path / "p.csv", name)[0]["truth"] == "species"


def test_refusals(tmp_path):
    for path, say in (
        (tmp_path / "none.csv", "no such file"),
        (text(tmp_path / "p.xlsx", "x"), "unknown format"),
        (text(tmp_path / "p.csv", "a,b\n"), "0 rows"),
        (text(tmp_path / "q.csv", "a,b\n1,2\n"), "1 row"),
        (text(tmp_path / "r.csv", "a,b\n1,2,3\n"), "line 2 has 3 fields"),
    ):
        with pytest.raises(DataError, match=say) as caught:
            look(path)
        assert str(caught.value).startswith(str(path))
