"""Names are made safe to show, text keeps to its width, conditions read as a person writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.report.words import clean, columns, condition_words, cut, facts, value_words, wrap


@pytest.mark.parametrize("hidden", ["\x1b", "\x00", "\u202e", "\u200b", "\ud800", "\uffff", "\ufdd0", "\U0001fffe"])
def test_a_character_that_could_rewrite_the_screen_or_break_xml_is_replaced(hidden):
    assert clean(f"a{hidden}b") == "a\ufffdb"


def test_line_breaks_and_tabs_become_single_spaces():
    assert clean(" a\n\n b\tc ") == "a b c"


def test_text_beyond_the_limit_is_cut_with_an_ellipsis():
    assert clean("x" * 1000, 10) == "x" * 9 + "…"


@given(st.text(max_size=200), st.integers(3, 40), st.integers(1, 4))
def test_no_wrapped_line_is_wider_than_its_room_and_none_is_too_many(text, room, rows):
    lines = wrap(clean(text), room, rows)
    assert len(lines) <= rows
    assert all(columns(line) <= room for line in lines)


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "Zs"]), max_size=80))
def test_wrapping_into_enough_lines_loses_no_word(text):
    assert "".join(wrap(clean(text), 9, 200)).replace(" ", "") == clean(text).replace(" ", "")


def test_a_long_name_breaks_where_its_words_meet():
    assert wrap("PreTrainingBiasCheck", 12, 2) == ["PreTraining", "BiasCheck"]


def test_a_wide_character_takes_two_columns_and_a_combining_one_none():
    assert (columns("日本"), columns("e\u0301")) == (4, 1)


def test_cut_text_ends_in_an_ellipsis_within_its_room():
    assert cut("abcdefgh", 5) == "abcd…"


def read(path):
    return {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "Path": path}}


LEFT = {"LeftValue": read("metrics.accuracy.value"), "RightValue": {"Get": "Parameters.MinAccuracy"}}


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"Type": "GreaterThanOrEqualTo", **LEFT}, "accuracy >= MinAccuracy"),
        ({"Type": "Equals", "LeftValue": {"Get": "Steps.Gate.Outcome"}, "RightValue": True}, "Gate.Outcome == true"),
        ({"Type": "In", "QueryValue": {"Get": "Parameters.Stage"}, "Values": ["a", "b"]}, "Stage in [a, b]"),
        ({"Type": "In", "Value": {"Get": "Parameters.Stage"}, "In": ["a"]}, "Stage in [a]"),
        ({"Type": "NotIn", "Value": {"Get": "Parameters.Stage"}, "In": ["a"]}, "Stage not in [a]"),
        ({"Type": "Not", "Condition": {"Type": "LessThan", **LEFT}}, "not (accuracy < MinAccuracy)"),
        ({"Type": "Not", "Expression": {"Type": "LessThan", **LEFT}}, "not (accuracy < MinAccuracy)"),
        (
            {"Type": "Or", "Conditions": [{"Type": "Equals", "LeftValue": 1, "RightValue": 2}, {"Type": "LessThan", **LEFT}]},
            "(1 == 2 or accuracy < MinAccuracy)",
        ),
        ({"Type": "And", "Conditions": [{"Type": "Equals", "LeftValue": 1, "RightValue": 2}]}, "1 == 2"),
        ({"Type": "Sometimes"}, "Sometimes"),
        ({}, "None"),
        ("nonsense", "nonsense"),
        ({"Type": "Equals", "LeftValue": {"Std:JsonGet": 7}, "RightValue": {"Std:Join": []}}, "7 == []"),
        ({"Type": "Or", "Conditions": "text"}, "()"),
    ],
)
def test_a_condition_reads_as_a_person_writes_it_and_a_broken_one_does_not_fail(condition, words):
    assert condition_words(condition) == words


def test_a_join_reads_as_its_parts_joined():
    assert value_words({"Std:Join": {"On": "/", "Values": ["s3:", {"Get": "Parameters.Bucket"}, 3]}}) == "s3:/Bucket/3"


def test_facts_come_from_any_depth_in_a_fixed_order_and_leave_nested_steps_and_the_rest_out():
    arguments = {
        "Resources": [{"ClusterConfig": {"InstanceCount": 2, "InstanceType": {"Get": "Parameters.Type"}}}],
        "RoleArn": "arn",
        "Environment": {"TOKEN": "secret"},
        "IfSteps": [{"Arguments": {"ErrorMessage": "inner"}}],
    }
    assert facts(arguments) == (("InstanceType", "Type"), ("InstanceCount", "2"))
