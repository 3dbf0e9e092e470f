"""The view holds every step and the edges that a reader needs."""

from __future__ import annotations

import json

import pytest
from graph_samples import condition, definition, step

from pipelines.errors import DefinitionError
from pipelines.report import as_json, mermaid, svg, tree
from pipelines.report.graph_view import Edge, view

ALWAYS = [{"Type": "Equals", "LeftValue": 1, "RightValue": 1}]


def test_hotel_has_data_edges_and_a_labelled_edge_into_each_branch(hotel):
    assert set(view(hotel, {}).edges) == {
        Edge("Preprocess", "Train", "data"),
        Edge("Preprocess", "Evaluate", "data"),
        Edge("Train", "Evaluate", "data"),
        Edge("Evaluate", "QualityGate", "data"),
        Edge("Train", "Register", "data"),
        Edge("QualityGate", "Register", "yes", "yes"),
        Edge("QualityGate", "QualityGateFailed", "no", "no"),
    }


def test_only_the_first_steps_of_a_branch_have_an_edge_from_the_condition():
    shown = view(definition(condition("Gate", ALWAYS, [step("A"), step("B", reads=["A"])], [step("C")])), {})
    assert set(shown.edges) == {Edge("Gate", "A", "yes", "yes"), Edge("A", "B", "data"), Edge("Gate", "C", "no", "no")}


def test_a_step_that_waits_for_one_in_a_deeper_branch_counts_as_inside():
    inner = condition("Inner", ALWAYS, [step("A")], [])
    shown = view(definition(condition("Gate", ALWAYS, [inner, step("B", reads=["A"])], [])), {})
    assert {edge for edge in shown.edges if edge.target == "B"} == {Edge("A", "B", "data")}


def test_a_trigger_and_an_order_only_dependency_are_told_apart_from_data():
    later = step("C", after=[{"Step": "A", "Trigger": "Failed"}, "B"])
    assert set(view(definition(step("A"), step("B"), later), {}).edges) == {Edge("A", "C", "trigger", "on failure"), Edge("B", "C", "order")}


def test_a_dependency_that_is_both_explicit_and_data_is_drawn_once_as_data():
    assert view(definition(step("A"), step("B", after=["A"], reads=["A"])), {}).edges == (Edge("A", "B", "data"),)


def test_a_foreach_holds_its_body_and_stands_for_what_its_body_reads(every_kind):
    shown = view(every_kind, {"FitOne": "Failed"})
    body = shown.vertices["PerCountry"].body
    assert body is not None and body.edges == (Edge("FitOne", "ScoreOne", "data"),)
    assert body.vertices["FitOne"].status == "Failed"
    assert Edge("Split", "PerCountry", "data") in shown.edges


def test_caching_and_retries_are_marked(hotel):
    vertices = view(hotel, {}).vertices
    assert (vertices["Preprocess"].marks, vertices["Train"].marks, vertices["Evaluate"].marks) == (("cached P30D", "retries up to 5x"), ("cached P30D",), ())


def test_caching_that_is_switched_off_is_not_marked():
    shown = view(definition(step("A", CacheConfig={"Enabled": False}, RetryPolicies=[{"ExceptionType": ["Step.THROTTLING"], "ExpireAfterMin": 5}])), {})
    assert shown.vertices["A"].marks == ("retries",)


def test_json_holds_every_step_status_and_edge_and_survives_json(hotel):
    found = json.loads(json.dumps(as_json(hotel, {"Train": "Failed"})))
    nodes = {node["name"]: node for node in found["nodes"]}
    assert list(nodes) == ["Preprocess", "Train", "Evaluate", "QualityGate", "Register", "QualityGateFailed"]
    assert (nodes["Train"]["status"], nodes["Evaluate"]["status"]) == ("Failed", None)
    assert nodes["QualityGateFailed"]["branch"] == {"condition": "QualityGate", "when": "no"}
    assert nodes["QualityGate"]["conditions"] == ["accuracy >= MinAccuracy", "confusion_matrix.1.0 <= MaxFalseNegative"]
    assert {"source": "QualityGate", "target": "Register", "kind": "yes", "label": "yes"} in found["edges"]
    assert len(found["edges"]) == 7


@pytest.mark.parametrize("draw", [tree, mermaid, svg, as_json])
def test_steps_that_wait_for_each_other_cannot_be_drawn(draw):
    with pytest.raises(DefinitionError, match="circle"):
        draw(definition(step("A", reads=["B"]), step("B", reads=["A"])))


@pytest.mark.parametrize("draw", [tree, mermaid, svg, as_json])
def test_a_foreach_body_that_waits_in_a_circle_cannot_be_drawn(draw):
    body = [step("A", after=["B"]), step("B", after=["A"])]
    with pytest.raises(DefinitionError, match="circle"):
        draw(definition({"Name": "Each", "Type": "ForEach", "Arguments": {"ForEachBody": body}}))
