"""Our reader of Matlab's format against SciPy's, on what SciPy writes; the fuzz tests give it damaged files."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from image_files import mat
from scipy.io import loadmat
from scipy.sparse import csc_array

from jcae.data.formats import DataFormatError
from jcae.data.loaders import matlab
from jcae.data.loaders.matlab import read_matlab

DTYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]
ARRAYS = st.sampled_from(DTYPES).flatmap(lambda t: arrays.arrays(t, arrays.array_shapes(min_dims=2, max_dims=4)))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.dictionaries(st.sampled_from(["X", "y", "a_name_of_more_letters"]), ARRAYS), st.booleans())
def test_reads_what_scipy_reads(variables, packed):
    content = mat(packed=packed, **variables)
    found, expected = read_matlab(content, "file"), loadmat(io.BytesIO(content))
    assert set(found) == set(variables)
    for name, array in found.items():
        np.testing.assert_array_equal(array, expected[name])
        assert array.dtype == expected[name].dtype


@pytest.mark.parametrize("packed", [False, True])
def test_whatever_is_no_array_of_real_numbers_is_passed_over(packed):
    others = {
        "cells": np.array([["a", 1]], object),
        "structure": {"X": np.eye(2), "deep": {"X": 1}},
        "text": "abc",
        "sparse": csc_array(np.eye(3)),
        "complex": np.array([[1 + 2j]]),
        "nothing": np.empty((0, 0)),
    }
    found = read_matlab(mat(packed=packed, **others, X=np.eye(2), **{"z": np.array([[True]])}), "file")
    np.testing.assert_array_equal(found["X"], np.eye(2))
    assert found["nothing"].shape == (0, 0)
    assert set(found) == {"nothing", "X", "z"}


def element(kind, content):
    tag = np.array([kind, len(content)], "<u4").tobytes()
    return tag + content + bytes(-len(content) % 8)


def variable(*parts):
    return bytes(124) + b"\x00\x01IM" + element(14, b"".join(parts))


FLAGS, SHAPE, NAME = element(6, b"\x09" + bytes(7)), element(5, bytes([2, 0, 0, 0, 1, 0, 0, 0])), element(1, b"X")


@pytest.mark.parametrize(
    ("content", "say"),
    [
        (b"MATLAB 5.0", "not a file of Matlab's format 5, it begins with b'MATLAB'"),
        (bytes(124) + b"\x01\x00MI", "not a file of Matlab's format 5"),
        (bytes(124) + b"\x00\x01IM" + b"abc", "cut off, 3 bytes instead of the 8 of a tag"),
        (variable(FLAGS, SHAPE, NAME, element(2, b"ab"))[:-8], "cut off, 56 bytes instead of the 64 of an element"),
        (variable(FLAGS, SHAPE, b"\x01\x00\x05\x00abcd"), "damaged, 5 bytes in an element of 4"),
        (variable(), "a variable without flags"),
        (variable(SHAPE), "a variable without flags"),
        (variable(FLAGS, NAME, SHAPE, element(2, b"ab")), "without shape, name or numbers"),
        (variable(FLAGS, SHAPE, NAME), "without shape, name or numbers"),
        (variable(FLAGS, SHAPE, NAME, element(8, b"ab")), "X has numbers of type 8 .allowed: 1, 2, "),
        (variable(FLAGS, SHAPE, NAME, element(2, b"abc")), r"X has 3 bytes of uint8 for the shape \(2, 1\)"),
        (variable(FLAGS, element(5, b"\2\0\0\0"), NAME, element(2, b"ab")), r"for the shape \(2,\)"),
        (variable(FLAGS, element(5, b"\xff" * 8), NAME, element(2, b"a")), r"for the shape \(-1, -1\)"),
        (bytes(124) + b"\x00\x01IM" + element(15, b"no zlib"), "damaged variable"),
        (mat(X=np.eye(9))[:-20], "cut off"),
    ],
)
def test_refusals_say_what_and_where(content, say):
    with pytest.raises(DataFormatError, match=f"^some/file: .*{say}"):
        read_matlab(content, "some/file")


def test_valid_variable_made_by_hand():
    found = read_matlab(variable(FLAGS, SHAPE, NAME, element(2, b"ab")), "file")
    assert found["X"].tolist() == [[97], [98]]


def test_variable_that_unpacks_to_more_than_memory_holds(monkeypatch):
    monkeypatch.setattr(matlab, "LARGEST_MEMBER", 100_000)
    with pytest.raises(DataFormatError, match="file: a variable that is cut off, or has over 100000 bytes"):
        read_matlab(mat(X=np.zeros((1000, 1000))), "file")
