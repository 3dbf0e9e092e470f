"""The flowchart holds every step and edge, and no name can break out of its label."""

from __future__ import annotations

import re

import pytest
from graph_samples import definition, step
from hypothesis import given
from hypothesis import strategies as st

from pipelines.report import mermaid
from pipelines.report.graph_mermaid import escape
from pipelines.report.graph_view import view

# Everything that a line may be: nothing of a name stands outside quotes.
LINE = re.compile(
    r"flowchart TD|subgraph n[\dx]*\[\"[^\"]*\"\]|direction TB|end|n[\dx]*[\[({/\\]{1,2}\"[^\"]*\"[\])}/\\]{1,2}"
    r'|n[\dx]* (-->|-\.->|==>)(\|"[a-z ]+"\|)? n[\dx]*|classDef [A-Z][a-z]+ \S+|class [n\dx,]+ [A-Z][a-z]+'
)


def lines(text):
    return [line.strip() for line in text.splitlines()]


def test_the_hotel_flowchart_has_a_shape_per_type_and_labelled_branches(hotel):
    found = lines(mermaid(hotel))
    assert 'n4[("Register the model<br/>RegisterModel")]' in found
    assert 'n5{{"QualityGateFailed<br/>Fail"}}' in found
    assert next(line for line in found if line.startswith("n3{")).startswith('n3{"Good enough#63;<br/>Condition<br/>accuracy #62;#61; MinAccuracy<br/>')
    assert {'n3 ==>|"yes"| n4', 'n3 ==>|"no"| n5', "n0 --> n1", "n1 --> n4"} <= set(found)


def test_a_trigger_is_labelled_and_dotted_and_a_body_is_a_subgraph(every_kind):
    text = mermaid(every_kind)
    assert '-.->|"on failure"|' in text and '-.->|"on any end"|' in text
    assert 'subgraph n2["PerCountry #40;ForEach#41;"]' in text
    assert "n2x0 --> n2x1" in text


def test_each_status_has_a_class_and_an_unknown_one_has_none(every_kind):
    found = lines(mermaid(every_kind, {"Profile": "Succeeded", "Split": "Succeeded", "FitOne": "Failed", "Gate": "Sleeping"}))
    assert {"class n0,n1 Succeeded", "class n2x0 Failed"} == {line for line in found if line.startswith("class ")}
    assert sum(line.startswith("classDef ") for line in found) == 2
    assert any("Sleeping" in line for line in found)


@pytest.mark.parametrize("which", ["hotel", "every_kind", "large"])
def test_every_step_and_edge_is_there(which, request):
    drawn = request.getfixturevalue(which)
    found = lines(mermaid(drawn))
    shown = view(drawn, {})
    edges = len(shown.edges) + sum(len(vertex.body.edges) for vertex in shown.vertices.values() if vertex.body)
    assert sum(bool(re.match(r"n[\dx]+ (-->|-\.->|==>)", line)) for line in found) == edges
    assert sum(bool(re.match(r'(subgraph )?n[\dx]+\W{1,2}"', line)) for line in found) == len(list(drawn.all_steps()))


ATTACKS = ['"]; click n0 "javascript:alert(1)"', "<script>alert(1)</script>", "end", "a\nn0 --> n1", "%%{init: {}}%%", "#quot;]", "`x`", "|b|{c}", "W" * 5000]


@pytest.mark.parametrize("name", ATTACKS)
def test_a_name_never_leaves_its_label(name):
    found = lines(mermaid(definition(step(name, DisplayName=name), step("After", reads=[]), step("Fail", after=[name])), {name: name}))
    assert all(LINE.fullmatch(line) for line in found), found
    assert max(len(line) for line in found) < 500


@given(st.text(min_size=1, max_size=60))
def test_no_text_at_all_leaves_its_label(name):
    assert all(LINE.fullmatch(line) for line in lines(mermaid(definition(step(name, kind=name)), {name: name})))


def test_what_mermaid_would_read_inside_quotes_is_kept_apart():
    assert escape("$$x\\n") == "#36;#8203;#36;#8203;x#92;#8203;n"
    assert escape("fa:fa-car") == "fa#8203;#58;fa-car"
    assert (escape("1. first"), escape("- dash"), escape("a-b.c")) == ("1#46; first", "#45; dash", "a-b.c")


def test_the_same_definition_gives_the_same_text(every_kind):
    assert mermaid(every_kind) == mermaid(every_kind)
