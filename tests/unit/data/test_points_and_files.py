"""Points that are refused with place and value, and files of arrays that are refused wherever they are damaged."""

import os
import pickle
import warnings

import numpy as np
import pytest

from jcae.data.arrays import array_sha256
from jcae.data.formats import DataError, DataFormatError
from jcae.data.points import check_features, encode_labels
from jcae.data.prepare import prepare
from jcae.data.stored import load_features, load_truth


def test_encode_labels():
    y, names = encode_labels(["b", "a", "b"])
    assert (y.tolist(), names.tolist(), y.dtype) == ([1, 0, 1], ["a", "b"], np.int64)
    y, names = encode_labels([10, 9, 10])
    assert (y.tolist(), names.tolist()) == ([1, 0, 1], ["9", "10"]), "numbers in numeric order"
    for bad in ([1.0, np.nan], [object(), None]):
        with pytest.raises(DataError, match="cannot be coded"):
            encode_labels(bad)


X_GOOD = np.array([[0, 1], [2, 1], [4, 1], [6, 1]], np.float32)  # one constant feature is fine
Y_GOOD = np.array([0, 1, 1, 0])


def changed(row, column, value):
    X = X_GOOD.copy()
    X[row, column] = value
    return X


def test_good_features_pass():
    check_features(X_GOOD, Y_GOOD, 2, "here")
    check_features(X_GOOD.astype(np.float64), Y_GOOD.astype(np.uint8), 2, "here")


@pytest.mark.parametrize(
    ("X", "y", "n_clusters", "say"),
    [
        (changed(2, 1, np.nan), Y_GOOD, 2, "1 NaN and 0 infinite values .* first nan at row 2, column 1"),
        (changed(1, 0, -np.inf), Y_GOOD, 2, "0 NaN and 1 infinite values .* first -inf at row 1, column 0"),
        (np.full((4, 2), np.nan, np.float32), Y_GOOD, 2, "8 NaN and 0 infinite"),
        (np.tile(np.float32([1, 2]), (4, 1)), Y_GOOD, 2, r"all features are constant, every point equals \[1. 2.\]"),
        (X_GOOD[0], Y_GOOD, 2, r"features have shape \(2,\)"),
        (X_GOOD[:, :, None], Y_GOOD, 2, r"features have shape \(4, 2, 1\)"),
        (X_GOOD[:0], Y_GOOD[:0], 2, r"features have shape \(0, 2\)"),
        (X_GOOD[:, :0], Y_GOOD, 2, r"features have shape \(4, 0\)"),
        (X_GOOD.astype(int), Y_GOOD, 2, r"features are int64 \(allowed: float32, float64\)"),
        (X_GOOD.astype(object), Y_GOOD, 2, "features are object"),
        (X_GOOD, Y_GOOD[:, None], 2, r"labels have shape \(4, 1\)"),
        (X_GOOD, Y_GOOD.astype(float), 2, "labels are float64 instead of integers"),
        (X_GOOD, Y_GOOD[:3], 2, "4 points but 3 labels"),
        (X_GOOD, Y_GOOD, 5, "4 points are fewer than 5 clusters"),
        (X_GOOD, Y_GOOD + 1, 2, r"label 2 \(allowed: 0 to 1\)"),
        (X_GOOD, Y_GOOD - 1, 2, r"label -1 \(allowed: 0 to 1\)"),
        (X_GOOD, Y_GOOD * 0, 2, "no point of class 1"),
    ],
)
def test_refusals_say_what_and_where(X, y, n_clusters, say):
    with pytest.raises(DataError, match=f"^here: .*{say}"):
        check_features(X, y, n_clusters, "here")


def test_checksum_of_arrays_sees_dtype_shape_and_contents():
    array = np.arange(6, dtype=np.int64)
    others = [array.reshape(2, 3), array.astype(np.int32), array[::-1], array.reshape(3, 2)]
    assert len({array_sha256(a) for a in [array, *others]}) == 5
    assert array_sha256(np.asfortranarray(array.reshape(2, 3))) == array_sha256(array.reshape(2, 3))


def test_unpickling_is_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "sprung"),))

    np.savez(tmp_path / "a.npz", X=np.array([Trap()], dtype=object))
    (tmp_path / "b.npz").write_bytes(pickle.dumps(Trap()))
    for name in ("a.npz", "b.npz"):
        with pytest.raises(DataError, match=f"{name}: not a file of arrays"):
            load_features(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


def test_readers_refuse_other_files(tmp_path):
    path = tmp_path / "file.npz"
    with pytest.raises(DataError, match="not a file of arrays"):
        load_features(path)
    np.savez(path, Z=X_GOOD)
    with pytest.raises(DataError, match="has the arrays Z, needed: X"):
        load_features(path)
    with pytest.raises(DataError, match="has the arrays Z, needed: y, class_names"):
        load_truth(path)
    for bad in (X_GOOD.astype(float), X_GOOD[0]):
        np.savez(path, X=bad)
        with pytest.raises(DataError, match="instead of float32"):
            load_features(path)
    np.savez(path, X=changed(0, 0, np.nan))
    with pytest.raises(DataError, match="1 NaN"):
        load_features(path)
    np.savez(path, y=np.array([0, 2]), class_names=np.array(["a", "b"]))
    with pytest.raises(DataError, match="labels from 0 to 2 for 2 class names"):
        load_truth(path)
    np.savez(path, y=np.array([0.0]), class_names=np.array(["a"]))
    with pytest.raises(DataError, match="y is float64"):
        load_truth(path)
    with open(path, "wb") as file:
        np.save(file, X_GOOD)
    with pytest.raises(DataError, match="not a file of arrays"):
        load_features(path)


def test_damaged_file_is_refused_wherever_it_is_damaged(tmp_path):
    prepare("wine", tmp_path, tmp_path)
    good = (tmp_path / "features.npz").read_bytes()
    X = load_features(tmp_path / "features.npz")
    refused = 0
    for position in range(0, len(good), 97):
        (tmp_path / "bad.npz").write_bytes(good[:position] + bytes([good[position] ^ 0xFF]) + good[position + 1 :])
        try:
            with warnings.catch_warnings(action="ignore"):
                found = load_features(tmp_path / "bad.npz")
        except DataError:
            refused += 1
        else:
            np.testing.assert_array_equal(found, X)  # bytes of the zip directory that nothing depends on
    assert refused > 0.9 * len(range(0, len(good), 97))


def test_format_errors_are_data_errors():
    assert issubclass(DataFormatError, DataError)
