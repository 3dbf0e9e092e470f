"""The tree tells the order, what each step waits for, and the branches, within 100 columns."""

from __future__ import annotations

import pytest
from graph_samples import condition, definition, step

from pipelines.report import tree
from pipelines.report.words import columns


def test_the_hotel_tree_reads_as_it_should(hotel):
    assert tree(hotel, {"Preprocess": "Succeeded", "Train": "Failed"}).splitlines() == [
        '✓ Preprocess  Processing  "Clean and split the booki…"  (cached P30D, retries up to 5x)  [Succeeded]',
        '✗ Train  Training  "Train XGBoost"  (cached P30D)  [Failed]',
        "   after Preprocess",
        'Evaluate  Processing  "Measure on the test rows"',
        "   after Preprocess, Train",
        'QualityGate  Condition  "Good enough?"',
        "│  when accuracy >= MinAccuracy and confusion_matrix.1.0 <= MaxFalseNegative",
        "│  after Evaluate",
        '├─ yes ── Register  RegisterModel  "Register the model"',
        "│            after Train",
        "└─ no ─── QualityGateFailed  Fail",
    ]


def test_the_tree_of_every_kind_names_triggers_bodies_and_empty_branches(every_kind):
    lines = tree(every_kind).splitlines()
    for line in (
        "├─ each ─ FitOne  Training",
        "└─ each ─ ScoreOne  Processing",
        "   after PerCountry (order only), Split",
        "│         └─ no ─── (nothing)",
        "   after Evaluate (on failure), PerCountry (on any end)",
    ):
        assert line in lines


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("which", ["hotel", "every_kind", "large"])
def test_every_step_is_there_and_no_line_is_wider_than_100_columns(which, plain, request):
    drawn = request.getfixturevalue(which)
    text = tree(drawn, {step.name: "Succeeded" for step in drawn.all_steps()}, ascii=plain)
    assert all(columns(line) <= 100 for line in text.splitlines())
    assert all(f" {step.name}  {step.type}" in text for step in drawn.all_steps())


@pytest.mark.parametrize("plain", [False, True])
def test_very_long_names_and_deep_branches_stay_within_100_columns(plain):
    inner = step("日本語" * 60, DisplayName="é" * 300, Description="x")
    for depth in range(20):
        inner = condition(f"Gate{depth}" + "W" * 200, [{"Type": "Equals", "LeftValue": "v" * 500, "RightValue": 1}], [inner], [])
    lines = tree(definition(inner), ascii=plain).splitlines()
    assert max(columns(line) for line in lines) <= 100
    assert sum(line.endswith("(nothing)") for line in lines) == 20


def test_ascii_holds_ascii_only_and_keeps_a_foreign_name_readable_by_its_code():
    text = tree(definition(step("Café"), step("B", after=["Café"])), {"Café": "Failed"}, ascii=True)
    assert text.isascii()
    assert "FAILED Caf\\xe9  Processing  [Failed]" in text


def test_an_escape_sequence_in_a_name_never_reaches_the_terminal():
    text = tree(definition(step("A\x1b[31m", DisplayName="x\x1b]0;t\x07\ny\u202e")), {"A\x1b[31m": "\x1b[0m"})
    assert not {"\x1b", "\x07", "\u202e"} & set(text)
    assert len(text.splitlines()) == 1


def test_a_definition_without_steps_says_so():
    assert tree(definition()) == "(no steps)"
