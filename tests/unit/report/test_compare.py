"""Comparisons, columns and charts, from records to words and images."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from pipelines.errors import UsageError
from pipelines.report.compare_text import markdown, text
from pipelines.report.compare_view import compare
from pipelines.report.curves_svg import svg
from pipelines.report.curves_text import Style, chart
from pipelines.report.record_columns import cells, flat, less_is_better, order, resolve


def record(run, **changes):
    empty = {part: {} for part in ("parameters", "hyperparameters", "arguments", "logged", "metrics", "curves", "code", "data", "steps")}
    environment = {"python": "3.11", "libraries": {"numpy": "2"}}
    return {**empty, "run": run, "pipeline": "p", "status": "Succeeded", "started_at": "t", "seconds": 1.0, "environment": environment, "git": None, **changes}


def curves(values):
    return {"Train.validation:auc": {"steps": list(range(len(values))), "values": values}}


def test_only_what_differs_is_told():
    first = record("a", parameters={"x": 1, "y": 2}, code={"Train": {"sha256": "1" * 64}}, metrics={"E.auc": 0.5, "E.f1": 0.1})
    second = record("b", parameters={"x": 1, "z": 3}, code={"Train": {"sha256": "2" * 64}}, metrics={"E.auc": 0.75, "E.f1": 0.1})
    view = compare([first, second])
    assert {each["name"]: each["values"] for each in view["differences"]} == {
        "parameters.y": [2, None],
        "parameters.z": [None, 3],
        "code.Train": ["1" * 12, "2" * 12],
    }
    assert [(each["name"], each["deltas"], each["best"]) for each in view["metrics"]] == [("E.auc", [None, 0.25], [False, True])]
    assert view["same"]["metrics"] == 1


def test_a_metric_that_is_missing_or_no_number_has_no_delta():
    view = compare([record("a", metrics={"m": None, "n": 1.0}), record("b", metrics={"m": 1.0}), record("c", metrics={"m": None, "n": 1.0})])
    assert {each["name"]: each["deltas"] for each in view["metrics"]} == {"m": [None, None, None], "n": [None, None, 0.0]}
    assert "1 (same)" in text(view, Style())


def test_equal_runs_say_so():
    assert "No metric differs." in text(compare([record("a", metrics={"m": 1.0}), record("b", metrics={"m": 1.0})]), Style())


@pytest.mark.parametrize("told", [lambda view: text(view, Style()), markdown])
def test_what_differs_in_its_status_alone_has_no_table_of_differences(told):
    said = told(compare([record("a"), record("b", status="Failed")]))
    assert "Failed" in said and "different" not in said.lower() and "The same in all" in said


def test_markdown_escapes_what_would_break_a_table():
    view = compare([record("a", logged={"S.n": "x|y\nz <b>"}), record("b", logged={"S.n": "1"})])
    assert "| logged.S.n | x\\|y z &lt;b> | 1 |" in markdown(view).splitlines()


def test_a_chart_has_a_mark_for_each_run_and_one_for_places_that_they_share():
    drawn = chart("m", [("a", [0, 1, 2], [0.0, 1.0, 2.0]), ("b", [0, 1, 2], [0.0, 2.0, None])], Style(width=20, height=5))
    assert drawn.splitlines()[0] == "m   ● a 2   ▲ b 2   ◍ several"
    assert (drawn.count("●"), drawn.count("▲"), drawn.count("◍")) == (3, 2, 2)
    assert "\x1b" in chart("m", [("a", [0, 1], [0.0, 1.0])], Style(colour=True))
    assert chart("m", [("a", [0, 1], [0.0, 1.0])], Style(unicode=False)).isascii()


@pytest.mark.parametrize("values", [[1.0], [1.0, 1.0], [0.0, 0.0], [-5.0, -5.0], [None, None], [1e-300, 1e300], [None, 2.0]])
def test_flat_empty_and_extreme_curves_are_drawn(values):
    steps = list(range(len(values)))
    assert chart("m", [("a", steps, values)], Style()).startswith("m")
    ElementTree.fromstring(svg({"m": [{"run": "a", "steps": steps, "values": values}]}, ["a"]))


def test_an_image_has_a_line_for_each_run_in_each_panel_and_escapes_names():
    drawn = svg({name: [{"run": run, "steps": [0, 1], "values": [0.1, 0.2]} for run in "abc"] for name in ("x<y>", "z", "w")}, ["a", "b", "c"])
    tree = ElementTree.fromstring(drawn)
    assert len(tree.findall(".//{http://www.w3.org/2000/svg}polyline")) == 9
    assert len({line.get("stroke-dasharray") for line in tree.findall(".//{http://www.w3.org/2000/svg}polyline")}) == 3
    assert drawn == svg({name: [{"run": run, "steps": [0, 1], "values": [0.1, 0.2]} for run in "abc"] for name in ("x<y>", "z", "w")}, ["a", "b", "c"])


def test_only_curves_that_differ_are_drawn():
    assert compare([record("a", curves=curves([1, 2])), record("b", curves=curves([1, 2]))])["curves"] == {}
    assert set(compare([record("a", curves=curves([1, 2])), record("b")])["curves"]) == {"Train.validation:auc"}


def test_a_short_name_is_the_metric_of_the_last_step_before_anything_else():
    values = flat(record("a", metrics={"Tune.auc": 1, "Evaluate.auc": 2}, parameters={"auc": 3, "Seed": 4}))
    assert resolve("auc", values) == "metrics.Evaluate.auc"
    assert resolve("Tune.auc", values) == "metrics.Tune.auc"
    assert resolve("Seed", values) == "parameters.Seed"
    assert resolve("uc", values) is None


def test_an_unknown_column_names_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'Seed'"):
        cells("seed", [flat(record("a", parameters={"Seed": 4}))])
    assert cells("anything", []) == []


def test_missing_values_come_last_either_way_and_texts_after_numbers():
    column = [None, 2, "x", 1.5, True]
    assert order(column, descending=False) == [4, 3, 1, 2, 0]
    assert order(column, descending=True) == [2, 1, 3, 4, 0]


def test_losses_are_known_by_their_last_word():
    assert [less_is_better(name) for name in ("rmse", "metrics.Evaluate.mae", "validation:logloss", "merror@0.5", "auc", "loss_ratio")] == [True] * 4 + [
        False
    ] * 2
