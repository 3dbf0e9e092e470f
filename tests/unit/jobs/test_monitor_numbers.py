"""Numbers as Java prints them, and JSON as Jackson prints it."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobkit.monitor import java_json


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (100.0, "100.0"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (9.99e-4, "9.99E-4"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (12345678.9, "1.23456789E7"),
        (-1.5e-5, "-1.5E-5"),
        (2e23, "2.0E23"),
        (5e-324, "4.9E-324"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (math.nan, '"NaN"'),
        (math.inf, '"Infinity"'),
        (-math.inf, '"-Infinity"'),
    ],
)
def test_doubles_are_written_as_java_writes_them(value, text):
    assert java_json.double(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_comes_back_and_has_the_form_that_its_size_asks_for(value):
    text = java_json.double(value)
    assert float(text) == value and math.copysign(1, float(text)) == math.copysign(1, value)
    plain = value == 0 or 1e-3 <= abs(value) < 1e7
    assert re.fullmatch(r"-?\d+\.\d+" if plain else r"-?[1-9]\.\d+E-?[1-9]\d*", text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_fewer_digits_would_give_the_same_double(value):
    shortest = Decimal(repr(value)).normalize().as_tuple().digits
    written = Decimal(java_json.double(value)).normalize().as_tuple().digits
    assert len(written) == max(len(shortest), 1) or (len(shortest) == 1 and len(written) == 2)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_json_that_says_the_same(value):
    assert json.loads(java_json.dumps(value)) == value


def test_objects_are_indented_and_lists_are_not():
    assert (
        java_json.dumps({"a": [1, 2.0], "b": {}, "c": [], "d": [{"e": None}]})
        == '{\n  "a" : [ 1, 2.0 ],\n  "b" : { },\n  "c" : [ ],\n  "d" : [ {\n    "e" : null\n  } ]\n}'
    )


def test_text_is_escaped_where_jackson_escapes_it():
    assert java_json.text('"\\\n\x1fé\ud800') == '"\\"\\\\\\n\\u001Fé?"'
