"""What may be done to a whole data set: classes made unequal, features of noise, and the order of it all."""

import numpy as np
import pytest

from jcae.data.formats import DataError
from jcae.data.outline import outline
from jcae.data.points import Points
from jcae.data.prepare import prepare
from jcae.data.request import Request, RequestError
from jcae.data.stored import load_features, load_truth
from jcae.data.variants import Imbalance, imbalanced_counts, imbalanced_rows, vary


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def prepared(entry, folder, name="mine"):
    request = Request.of(name, entry)
    card = prepare(request, folder / "raw", folder / request.folder)
    return card, load_features(folder / request.folder / "features.npz"), folder / request.folder


def points(counts, d=3):
    y = np.repeat(np.arange(len(counts)), counts)
    X = np.random.default_rng(0).normal(size=(len(y), d)).astype(np.float32)
    return Points(X, y, tuple("abcdef"[: len(counts)]), len(counts))


def test_counts_by_hand():
    # 100, 100 / 2, 100 / 4 in the order that RandomState(0) gives three classes: 2, 1, 0.
    assert imbalanced_counts([100, 100, 100], Imbalance(4)).tolist() == [25, 50, 100]
    # The class 2 has 40 only, and may have four times what class 0 has: 40, 20, 10.
    assert imbalanced_counts([100, 100, 40], Imbalance(4)).tolist() == [10, 20, 40]
    # The class 1 is too small for a half of 100: 12, then 24 and 6.
    assert imbalanced_counts([100, 12, 100], Imbalance(4)).tolist() == [6, 12, 24]
    assert imbalanced_counts([30, 20, 10], Imbalance(1)).tolist() == [10, 10, 10]
    assert imbalanced_counts([9, 9], Imbalance(1000)).min() == 1
    assert imbalanced_counts([7], Imbalance(5)).tolist() == [7]


@pytest.mark.parametrize("ratio", [1, 2.5, 10, 100])
@pytest.mark.parametrize("seed", range(5))
def test_ratio_is_met_with_as_many_points_as_the_classes_allow(ratio, seed):
    counts = np.random.default_rng(seed).integers(500, 5000, 10)
    left = imbalanced_counts(counts, Imbalance(ratio, seed))
    assert left.max() / left.min() == pytest.approx(ratio, rel=0.1)
    assert (left <= counts).all()
    assert (left == counts).any(), "a class is kept whole"


def test_rows_are_a_choice_of_their_class():
    y = points([50, 80, 60]).y
    rows = imbalanced_rows(y, Imbalance(5, 3))
    assert (np.diff(rows) > 0).all()
    assert np.bincount(y[rows]).tolist() == imbalanced_counts([50, 80, 60], Imbalance(5, 3)).tolist()
    np.testing.assert_array_equal(rows, imbalanced_rows(y, Imbalance(5, 3)))
    assert set(rows) != set(imbalanced_rows(y, Imbalance(5, 4))), "another seed draws others"


def test_a_greater_ratio_does_not_move_the_points_that_both_keep():
    """So that a curve over ratios compares like with like: the smaller class is a part of the larger one."""
    y = points([100, 100, 100]).y
    weak, strong = (imbalanced_rows(y, Imbalance(ratio)) for ratio in (2, 20))
    assert set(strong) < set(weak)


def test_noise_has_the_scale_of_the_data_and_tells_nothing():
    whole = points([400, 600], d=4)
    whole = Points(5 + 3 * whole.X + 2 * whole.y[:, None].astype(np.float32), whole.y, whole.class_names, 2)
    noisy = vary(whole, "here", noise_features=7)
    np.testing.assert_array_equal(noisy.X[:, :4], whole.X)
    noise = noisy.X[:, 4:]
    assert noise.shape == (1000, 7)
    assert noise.dtype == np.float32
    assert noise.mean() == pytest.approx(whole.X.mean(), abs=0.2)
    assert noise.std() == pytest.approx(np.sqrt(whole.X.var(axis=0).mean()), rel=0.05)
    assert np.abs(np.corrcoef(np.column_stack([noise, whole.y]).T)[-1, :-1]).max() < 0.15
    np.testing.assert_array_equal(noisy.X, vary(whole, "here", noise_features=7).X)


def test_a_config_reaches_the_files(tmp_path):
    entry = {"catalogue": "digits", "imbalance": {"ratio": 10, "seed": 2}, "noise_features": 20}
    card, X, folder = prepared(entry, tmp_path)
    y, _ = load_truth(folder / "truth.npz")
    counts = np.bincount(y)
    assert card["class_counts"] == counts.tolist()
    assert counts.max() / counts.min() == pytest.approx(10, rel=0.05)
    assert X.shape == (card["n"], card["d"]) == (counts.sum(), 84)
    assert card["imbalance"] == {"ratio": 10, "seed": 2}
    assert card["noise_features"] == {"features": 20, "seed": 0}
    assert card["image_shape"] is None
    facts = outline(Request.of("mine", entry))
    assert (facts.n, facts.d, facts.has_images) == (len(X), 84, False), "known before anything is prepared"


def test_variants_do_not_touch_one_another(tmp_path):
    names = {Request.of("digits", entry).folder for entry in (
        {}, {"imbalance": {"ratio": 10}}, {"imbalance": {"ratio": 5}}, {"noise_features": 5}, {"subset": 300},
    )}  # fmt: skip
    assert len(names) == 5
    _, plain, _ = prepared({"catalogue": "digits"}, tmp_path)
    _, left, folder = prepared({"catalogue": "digits", "imbalance": {"ratio": 10}}, tmp_path)
    _, labels = load_truth(folder / "truth.npz")
    assert {row.tobytes() for row in left} <= {row.tobytes() for row in plain}
    assert len(labels) == 10


def test_subset_and_split_are_drawn_from_what_is_left(tmp_path):
    entry = {"catalogue": "digits", "imbalance": {"ratio": 4}, "subset": 400, "split": {"train": 0.5}}
    card, X, _ = prepared(entry, tmp_path)
    assert card["subset"]["points"] == 400
    assert card["subset"]["of"] < 1797
    assert card["split"]["fit"] == len(X) == 200


@pytest.mark.parametrize(
    ("entry", "say"),
    [
        ({"catalogue": "digits", "imbalance": {"ratio": 100}, "subset": 900}, r"subset of 900 points \(allowed: 1 to"),
        ({"file": "x.csv", "n_clusters": 2, "imbalance": {"ratio": 2}}, "imbalance needs classes, and nobody knows"),
    ],
)
def test_what_cannot_be_is_said_before_anything_runs(entry, say, tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n" + "\n".join(f"{i},{i * i % 7}" for i in range(30)) + "\n")
    request = Request.of("mine", entry)
    with pytest.raises(DataError, match=say):
        outline(request)
    with pytest.raises(DataError, match=say):
        prepare(request, tmp_path, tmp_path / "out")


@pytest.mark.parametrize("key", ["imbalance", "noise_features"])
def test_a_transfer_has_none_of_its_own(key):
    entry = {"transfer": {"source": "iris", "target": "wine"}, key: {"ratio": 2} if key == "imbalance" else 3}
    with pytest.raises(RequestError, match="does not go with transfer; say it of the source or of the target"):
        Request.of("mine", entry)
