"""The picture is well-formed, complete, deterministic, inert, and its words fit their cards."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from graph_samples import definition, step
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.report import svg
from pipelines.report.graph_style import em
from pipelines.report.graph_view import view

NAME = "{http://www.w3.org/2000/svg}"
MEASURES = {"name": em(13, bold=True), "note": em(11), "test": em(11), "state": em(11, bold=True)}


def parsed(text):
    return ElementTree.fromstring(text)


def of_class(root, css):
    return [found for found in root.iter(f"{NAME}g") if css in (found.get("class") or "").split()]


def title(element):
    return element.find(f"{NAME}title").text


@pytest.mark.parametrize("which", ["hotel", "every_kind", "large"])
def test_every_step_and_edge_is_drawn_once(which, request):
    drawn = request.getfixturevalue(which)
    root = parsed(svg(drawn))
    shown = view(drawn, {})
    edges = [*shown.edges, *(edge for vertex in shown.vertices.values() if vertex.body for edge in vertex.body.edges)]
    told = [f"{edge.source} to {edge.target}{', ' + edge.label if edge.label else ''}" for edge in edges]
    assert sorted(title(found) for found in of_class(root, "edge")) == sorted(told)
    assert sorted(title(found).split(" (")[0] for found in of_class(root, "step")) == sorted(step.name for step in drawn.all_steps())
    assert all(found.find(f"{NAME}path").get("d") for found in of_class(root, "edge"))


@pytest.mark.parametrize("which", ["hotel", "every_kind", "large"])
def test_every_line_of_text_fits_its_card(which, request):
    drawn = request.getfixturevalue(which)
    for card in of_class(parsed(svg(drawn, {found.name: "CompletedWithFailures" for found in drawn.all_steps()})), "step"):
        width, height = (float(card.find(f"{NAME}rect").get(side)) for side in ("width", "height"))
        for text in card.findall(f"{NAME}text"):
            assert float(text.get("x")) + MEASURES[text.get("class")](text.text) <= width - 8
            assert 12 <= float(text.get("y")) <= height - 8


def test_branches_and_triggers_are_labelled_once_a_port(every_kind):
    labels = [text.text for pill in of_class(parsed(svg(every_kind)), "pill") for text in pill.findall(f"{NAME}text")]
    assert sorted(labels) == ["no", "on any end", "on failure", "yes", "yes"]


def test_a_foreach_encloses_the_cards_of_its_body(every_kind):
    outer = next(found for found in of_class(parsed(svg(every_kind)), "step") if title(found).startswith("PerCountry"))
    assert [title(found).split(" (")[0] for found in of_class(outer, "step")] == ["PerCountry", "FitOne", "ScoreOne"]


def test_a_status_gives_a_class_and_is_written_out(hotel):
    steps = {title(found).split(" (")[0]: found for found in of_class(parsed(svg(hotel, {"Train": "Failed", "Evaluate": "Dreaming"})), "step")}
    assert [steps[name].get("class") for name in ("Preprocess", "Train", "Evaluate")] == ["step", "step bad", "step"]
    assert "Dreaming" in [text.text for text in steps["Evaluate"].findall(f"{NAME}text")]


def test_the_hover_tells_description_conditions_and_arguments(hotel):
    titles = {title(found).split(" (")[0]: title(found) for found in of_class(parsed(svg(hotel)), "step")}
    assert "Drops duplicates, splits, then fits the recipe on the training rows." in titles["Preprocess"]
    assert "InstanceType: ProcessingInstanceType" in titles["Preprocess"]
    assert "when accuracy >= MinAccuracy and confusion_matrix.1.0 <= MaxFalseNegative" in titles["QualityGate"]
    assert "ErrorMessage: Missed MinAccuracy" in titles["QualityGateFailed"]


def test_a_reader_who_cannot_see_it_hears_the_steps_in_order(hotel):
    root = parsed(svg(hotel, {"Train": "Failed"}))
    assert (root.get("role"), title(root)) == ("img", "Pipeline of 6 steps")
    assert root.find(f"{NAME}desc").text.startswith("Preprocess, Processing. Train, Training after Preprocess, Failed. Evaluate, Processing after")


ATTACKS = [
    "<script>alert(1)</script>",
    "</title></g></svg><script/>",
    "\"onload='x'",
    "a&amp;&lt;",
    "]]><!--",
    "\x00\x1b\uffff\n",
    "W" * 5000,
    "日本語" * 50,
]


@pytest.mark.parametrize("name", ATTACKS)
def test_a_name_is_text_and_never_markup(name):
    hostile = step(name, kind=name, DisplayName=name, Description=name, arguments={"ImageUri": name})
    text = svg(definition(hostile, step("After", after=[name])), {name: name})
    elements = {found.tag.removeprefix(NAME) for found in parsed(text).iter()}
    assert elements <= {"svg", "title", "desc", "style", "rect", "g", "path", "polygon", "text"}
    assert {key for found in parsed(text).iter() for key in found.keys() if key.startswith("on") or "href" in key} == set()  # noqa: SIM118
    assert "<script" not in text
    text.encode()


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=60))
def test_any_text_gives_well_formed_xml(name):
    assert len(of_class(parsed(svg(definition(step(name, kind=name, Description=name)), {name: name})), "step")) == 1


def test_nothing_is_loaded_from_elsewhere(hotel):
    text = svg(hotel).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|url\(|@import|<image|<use|<script", text)


def test_it_follows_the_readers_preference_for_dark(hotel):
    assert "@media(prefers-color-scheme:dark)" in svg(hotel)


def test_a_definition_without_steps_says_so():
    assert "This pipeline has no steps." in svg(definition())


def test_the_bytes_do_not_depend_on_the_hash_seed():
    program = "import graph_samples as g; from pipelines.report import svg, mermaid, tree; d = g.large(); print(svg(d), mermaid(d), tree(d))"
    here = Path(__file__)
    paths = os.pathsep.join([str(here.parent), str(here.parents[3])])
    texts = {
        subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1
