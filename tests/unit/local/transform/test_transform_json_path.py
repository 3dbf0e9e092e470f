from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import UsageError
from pipelines.local.transform.bad_data import BadData
from pipelines.local.transform.json_path import parse

RECORD = {"id": 7, "features": [1, 2, 3], "a": {"b": {"c": "deep"}}, "dotted.key": True}


def pick(path, value=RECORD):
    return parse(path, "here").pick(value)


@pytest.mark.parametrize(
    ("path", "picked"),
    [
        ("$", RECORD),
        (" $ ", RECORD),
        ("$.id", 7),
        ("$['id']", 7),
        ('$["id"]', 7),
        ("$['dotted.key']", True),
        ("$.a.b.c", "deep"),
        ("$.features[-1]", 3),
        ("$.features.[0]", 1),
        ("$['id','features']", {"id": 7, "features": [1, 2, 3]}),
        ("$.['id', 'absent']", {"id": 7}),
        ("$.features[*]", [1, 2, 3]),
        ("$.a.*", [{"c": "deep"}]),
        ("$.a.*.c", ["deep"]),
        ("$.features[0,-1]", [1, 3]),
        ("$.features[:2]", [1, 2]),
        ("$.features[0,1:]", [1, 2, 3]),
    ],
)
def test_paths_pick_what_the_guide_says(path, picked):
    assert pick(path) == picked


@pytest.mark.parametrize(
    ("path", "row"),
    [
        ("$", "abcde"),
        ("$[1:]", "bcde"),
        ("$[:-1]", "abcd"),
        ("$[0,-1]", "ae"),
        ("$[0,3:]", "ade"),
        ("$[2]", "c"),
        ("$[*]", "abcde"),
        ("$[9:]", ""),
        ("$[3,1]", "db"),
    ],
)
def test_paths_pick_columns(path, row):
    assert parse(path, "here").row(list("abcde")) == list(row)


@given(st.lists(st.integers(), min_size=1, max_size=8), st.integers(-9, 9), st.integers(-9, 9))
def test_a_slice_is_one_of_python(values, start, end):
    assert pick(f"$[{start}:{end}]", values) == values[start:end]


@pytest.mark.parametrize("path", ["", "id", "$id", "$.", "$..id", "$[?(@.a)]", "$[1:4:2]", "$.f['a','b.c'][", "$[a]", "$[1", "$['a',1]", "$." + "a" * 70])
def test_what_batch_transform_does_not_take_is_refused(path):
    with pytest.raises(UsageError, match="here: this JSONPath is not one that batch transform takes; got .*expected \\$ followed by"):
        parse(path, "here")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("$.none", "no attribute 'none'"),
        ("$.features[3]", "index 3 is outside of a record of 3"),
        ("$.features[0,-4]", "index -4"),
        ("$[0]", "no array"),
        ("$.id['a','b']", "no attributes"),
    ],
)
def test_what_is_not_there_is_an_error(path, said):
    with pytest.raises(BadData, match=said):
        pick(path)


def test_a_path_knows_whether_it_goes_by_position():
    assert [parse(path, "x").by_position for path in ("$", "$[0,2:]", "$[*]", "$.a", "$['a','b']")] == [True, True, True, False, False]
