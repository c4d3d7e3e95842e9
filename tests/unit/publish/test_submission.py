"""Labels made elsewhere: read from files, refused by name, scored, and beside the runs of an export."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine
from sklearn.metrics import adjusted_rand_score
from typer.testing import CliRunner

from jcae.cli import app
from jcae.publish.export import exported_records
from jcae.publish.merge import merge
from jcae.publish.submission import SubmittedLabels, read_labels, submit

Y = load_wine().target


@pytest.fixture
def guesses():
    """Three labellings of wine, the second with noise."""
    rng = np.random.default_rng(0)
    labels = np.stack([np.where(rng.random(len(Y)) < 0.2, 0, Y) for _ in range(3)])
    labels[1, :5] = -1
    return labels


def written(guesses, path):
    if path.suffix == ".npy":
        np.save(path, guesses)
    elif path.suffix == ".npz":
        np.savez(path, labels=guesses)
    else:
        pd.DataFrame(guesses.T).to_csv(path, index=False, header=path.stem == "named" and list("abc"))
    return path


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "bare.csv", "named.csv"])
def test_formats(guesses, tmp_path, name):
    found = read_labels(written(guesses, tmp_path / name))
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, guesses)
    np.testing.assert_array_equal(read_labels(written(guesses[:1], tmp_path / "one.npy")), guesses[:1])


def test_rows_with_numbers_may_come_in_any_order(guesses, tmp_path):
    table = pd.DataFrame(guesses.T, columns=["s0", "s1", "s2"]).assign(id=range(len(Y)))
    table.sample(frac=1, random_state=0).to_csv(tmp_path / "mixed.csv", index=False)
    np.testing.assert_array_equal(read_labels(tmp_path / "mixed.csv"), guesses)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,a\n0,1\n0,2\n", "id 0 is there twice"),
        ("id,a\n0,1\n7,2\n", "id 7 is there twice or not between 0 and 1"),
        ("a\n1\n\n2.5\n", "label 2.5 of point 1, labelling 0"),
        ("a,b\n1,2\n1,\n", "label nan of point 1, labelling 1"),
        ("a\n1\n-2\n", "label -2 of point 1"),
        ("a\nx\ny\n", "expected numbers"),
    ],
)
def test_what_is_no_label_is_named(tmp_path, text, message):
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_labels(tmp_path / "bad.csv")


def test_other_files_are_refused(tmp_path):
    np.save(tmp_path / "cube.npy", np.zeros((2, 2, 2), int))
    for name, message in (("cube.npy", r"shape \(2, 2, 2\)"), ("labels.txt", "not from .txt files")):
        with pytest.raises(ValueError, match=message):
            read_labels(tmp_path / name)


def test_another_file_under_the_recorded_name_is_refused(guesses, tmp_path):
    file = written(guesses, tmp_path / "x.npy")
    with pytest.raises(ValueError, match="is not the file that was recorded"):
        SubmittedLabels(file=file, sha256="0" * 64).fit(Y[:, None])


def test_scored_recorded_and_marked(guesses, tmp_path):
    file = written(guesses, tmp_path / "x.npy")
    scores = submit(file, "wine", "mine", tmp_path / "out", protocol="best-by-labels", data=tmp_path / "data")
    ari = scores[(scores["metric"] == "ari") & (scores["seed"] == 0)]["value"].item()
    assert ari == pytest.approx(adjusted_rand_score(Y, guesses[0]))
    records = pd.read_csv(tmp_path / "out/records.csv")
    assert set(records["method"]) == {"submitted_mine"}
    assert set(records["label"]) == {"mine (submitted)"}
    assert records["tuned_with"].str.contains("labels of an update that true labels chose").all()
    record = next(iter(exported_records(tmp_path / "out").values()))
    assert len(record["params"]["sha256"]) == 64
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("tmp")] == []


def test_beside_others(guesses, tmp_path):
    parts = []
    for name in ("one", "two"):
        submit(written(guesses, tmp_path / "x.npy"), "wine", name, tmp_path / name, data=tmp_path / "data")
        parts.append(tmp_path / name)
    merge(parts, tmp_path / "both")
    assert len(pd.read_csv(tmp_path / "both/records.csv")) == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "nowhere"], "nowhere"),
        (["--dataset", "digits"], "labels of 178 points, the data set has 1797"),
        (["--dataset", "wine", "--protocol", "secret"], "protocol 'secret' is unknown; allowed are last"),
    ],
)
def test_the_verb_names_what_is_wrong(guesses, tmp_path, arguments, message):
    command = ["score", str(written(guesses, tmp_path / "x.npy")), "--name", "mine", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*command, "--data", str(tmp_path / "data"), *arguments])
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "out").exists()


def test_the_verb_shows_the_scores(guesses, tmp_path):
    command = ["score", str(written(guesses, tmp_path / "x.npy")), "--dataset", "wine", "--name", "mine"]
    result = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "out"), "--data", str(tmp_path / "data")])
    assert result.exit_code == 0, result.output
    assert "ACC" in result.output
    assert json.loads(next(iter((tmp_path / "data/prepared/wine").glob("card.json"))).read_text())["n"] == 178
