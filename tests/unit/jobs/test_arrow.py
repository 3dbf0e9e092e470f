"""Arrow arrays as NumPy arrays, and distinct values, against pyarrow's own conversion and pandas."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobkit.arrow import factorize, matrix_of, text_scalar, values_of

FLOATS = st.one_of(st.sampled_from([0.0, -0.0, math.nan, math.inf, 1.5]), st.floats(width=32))


@given(st.lists(FLOATS), st.sampled_from(["f4", "f8"]))
def test_floats_are_numbered_as_pandas_numbers_them(values: list[float], dtype: str):
    array = np.array(values, dtype=dtype)
    codes, found = factorize(array)
    expected, distinct = pd.factorize(array)
    assert codes.dtype == np.int64 and codes.tolist() == expected.tolist()
    assert found.dtype == array.dtype and found.tolist() == distinct.tolist()


def test_every_kind_of_nan_is_missing():
    kinds = np.array([0x7FF8000000000001, 0x3FF0000000000000, 0xFFF8000000000000, 0x7FF4000000000002], np.uint64).view(np.float64)
    codes, found = factorize(kinds)
    assert codes.tolist() == [-1, 0, -1, -1] and found.tolist() == [1.0]


@pytest.mark.parametrize("dtype", ["i1", "u1", "i4", "i8", "u8"])
def test_integers_are_numbered_as_pandas_numbers_them(dtype: str):
    array = np.random.RandomState(0).randint(0, 100, 1000).astype(dtype)
    codes, found = factorize(array)
    expected, distinct = pd.factorize(array)
    assert codes.tolist() == expected.tolist() and found.dtype == array.dtype and found.tolist() == distinct.tolist()


@given(st.lists(st.one_of(st.none(), st.integers(-100, 100))), st.integers(0, 20), st.sampled_from([pa.int8(), pa.int32(), pa.float32(), pa.float64()]))
def test_values_are_those_of_to_numpy_whatever_part_of_an_array_is_taken(values: list[int | None], start: int, kind: pa.DataType):
    array = pa.array(values, kind).slice(start)
    expected = array.to_numpy(zero_copy_only=False)
    found = values_of(array)
    assert np.array_equal(found, expected.astype(np.float64), equal_nan=True)
    assert array.null_count or found.dtype == expected.dtype or not len(array)
    chunked = pa.chunked_array([array, array.slice(1)], kind)
    assert np.array_equal(values_of(chunked), chunked.to_numpy().astype(np.float64), equal_nan=True)


@given(st.lists(st.booleans()), st.integers(0, 20))
def test_bits_become_booleans(values: list[bool], start: int):
    found = values_of(pa.array(values, pa.bool_()).slice(start))
    assert found.dtype == np.bool_ and found.tolist() == values[start:]


def test_a_table_becomes_a_matrix_and_text_a_scalar():
    table = pa.table({"a": pa.array([1, None], pa.int64()), "b": pa.array([0.1, 2.0], pa.float64()), "c": pa.array([True, False])})
    found = matrix_of(table)
    assert found.dtype == np.float32 and np.array_equal(found, np.array([[1, 0.1, 1], [math.nan, 2, 0]], np.float32), equal_nan=True)
    assert text_scalar("x").as_py() == "x" and text_scalar("").type == pa.string()
    assert values_of(pa.chunked_array([], pa.float64())).shape == (0,)
