"""From a mirror to prepared data at full size, for sets whose real files are not at hand: made up, in their format."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from jcae.data.catalogue import CATALOGUE
from jcae.data.fetch import fetch
from jcae.data.prepare import prepare
from jcae.data.stored import load_features, load_truth

RANDOM = np.random.RandomState(0)


def lines(X, y, delimiter=",", label_first=False):
    rows = []
    for row, label in zip(X, y, strict=True):
        fields = [str(value) for value in row]
        rows.append(delimiter.join([str(label), *fields] if label_first else [*fields, str(label)]))
    return ("\n".join(rows) + "\n").encode()


def shuffled(counts, names):
    return RANDOM.permutation(np.repeat(names, counts))


def optdigits(y):
    X = RANDOM.randint(0, 17, (len(y), 64))
    return {"optdigits.tra": lines(X[:3823], y[:3823]), "optdigits.tes": lines(X[3823:], y[3823:])}


def satimage(y):
    y = np.array([1, 2, 3, 4, 5, 7])[y]
    X = RANDOM.randint(27, 158, (len(y), 36))
    return {"sat.trn": lines(X[:4435], y[:4435], " "), "sat.tst": lines(X[4435:], y[4435:], " ")}


def segment(y):
    y = np.array(CATALOGUE["segment"].class_names)[y]
    X = RANDOM.random_sample((len(y), 19)).round(4)
    X[:, 2] = 9
    head = b";; explanation\n;;\n\nREGION-CENTROID-COL,REGION-CENTROID-ROW,REGION-PIXEL-COUNT\n\n"
    return {
        "segmentation.data": head + lines(X[:210], y[:210], label_first=True),
        "segmentation.test": head + lines(X[210:], y[210:], label_first=True),
    }


def letter(y):
    y = np.array(CATALOGUE["letter"].class_names)[y]
    return {"letter-recognition.data": lines(RANDOM.randint(0, 16, (len(y), 16)), y, label_first=True)}


def har(y):
    X = np.zeros((len(y), 561), int)
    X[:, 0] = RANDOM.randint(-1, 2, len(y))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for part, rows in (("train", slice(0, 7352)), ("test", slice(7352, None))):
            text = io.StringIO()
            np.savetxt(text, X[rows], fmt="%d")
            archive.writestr(f"UCI HAR Dataset/{part}/X_{part}.txt", text.getvalue())
            archive.writestr(f"UCI HAR Dataset/{part}/y_{part}.txt", "".join(f"{k + 1}\n" for k in y[rows]))
    return {"UCI_HAR_Dataset.zip": buffer.getvalue()}


@pytest.mark.filterwarnings("ignore:.*no checksum of this file is known")
@pytest.mark.parametrize("make", [optdigits, satimage, segment, letter, har], ids=lambda make: make.__name__)
def test_from_the_mirror_to_the_card(make, tmp_path, monkeypatch):
    name = make.__name__
    dataset = CATALOGUE[name]
    y = shuffled(dataset.class_counts, range(dataset.n_clusters))
    made = make(y)
    assert set(made) == {source.name for source in dataset.sources}
    (tmp_path / "mirror" / dataset.folder).mkdir(parents=True)
    for file, content in made.items():
        (tmp_path / "mirror" / dataset.folder / file).write_bytes(content)
    # Made-up files have other checksums than the real ones, and nothing may be asked of the servers.
    sources = tuple(replace(source, sha256=None, md5=None, also=(), addresses=()) for source in dataset.sources)
    monkeypatch.setitem(CATALOGUE, name, replace(dataset, sources=sources))

    fetch(CATALOGUE[name], tmp_path / "raw" / name, mirror=tmp_path / "mirror")
    card = prepare(name, tmp_path / "raw", tmp_path / "out")
    X = load_features(tmp_path / "out" / "features.npz")
    found, class_names = load_truth(tmp_path / "out" / "truth.npz")
    assert X.shape == (dataset.n, dataset.d) == (card["n"], card["d"])
    np.testing.assert_array_equal(found, y)
    assert tuple(class_names) == dataset.class_names
    assert card["constant_features"] == {"segment": 1, "har": 560}.get(name, 0)
    assert card["class_counts"] == list(dataset.class_counts)
