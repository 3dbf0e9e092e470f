"""Preprocess as CSV, for the algorithms that do not read Parquet."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from jobkit import write
from jobkit.failure import JobError


@settings(deadline=None)
@given(npst.arrays(np.float32, st.tuples(st.integers(1, 5), st.just(2)), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_numbers_are_the_same_when_they_are_read_again(tmp_path_factory, table):
    path = tmp_path_factory.mktemp("c") / "train/train.csv"
    write.csv({"a": table[:, 0], "b": np.ones(len(table), np.uint8), "c": table[:, 1]}, path)
    read = np.loadtxt(path, delimiter=",", dtype=np.float32, ndmin=2)
    np.testing.assert_array_equal(read, np.column_stack([table[:, 0], np.ones(len(table)), table[:, 1]]))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_refused_by_the_name_of_its_column(tmp_path, value):
    with pytest.raises(JobError, match="the column 'price' has 1 missing or infinite values"):
        write.csv({"price": np.array([1, value], np.float32)}, tmp_path / "a.csv")
    assert not (tmp_path / "a.csv").exists()
