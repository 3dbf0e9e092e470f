"""Boxes stand below what they wait for, never on one another, and edges meet their boxes."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.report.graph_layout import GAP_X, ROW_LIMIT, Link, lay_out, layers, settle


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 14))
    sizes = {f"s{index}": (draw(st.sampled_from([100.0, 244.0, 600.0])), draw(st.sampled_from([50.0, 90.0, 300.0]))) for index in range(count)}
    pairs = draw(st.sets(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=30))
    return sizes, [Link(f"s{low}", f"s{high}", draw(st.sampled_from(["data", "yes"])), 40.0) for low, high in sorted(pairs) if low < high]


@settings(deadline=None, max_examples=60)
@given(graphs())
def test_no_two_boxes_overlap_and_all_stand_inside_the_picture(graph):
    found = lay_out(*graph)
    for one, other in combinations(found.boxes.values(), 2):
        apart = one.x + one.width <= other.x or other.x + other.width <= one.x or one.bottom <= other.y or other.bottom <= one.y
        assert apart
    assert all(box.x >= -0.1 and box.x + box.width <= found.width + 0.1 and box.bottom <= found.height for box in found.boxes.values())


@settings(deadline=None, max_examples=60)
@given(graphs())
def test_every_edge_leads_down_and_its_drawn_pieces_lead_to_its_target(graph):
    found = lay_out(*graph)
    for link in graph[1]:
        bends = found.bends[link.source, link.target, link.group]
        box = found.boxes[link.target]
        assert found.boxes[link.source].bottom < box.y
        assert (bends[-1].x2, bends[-1].y2) == (pytest.approx(box.centre, abs=0.1), box.y)
        assert all(bend.y0 <= bend.y1 < bend.y2 for bend in bends)


def test_a_chain_is_one_straight_line():
    links = [Link("a", "b", "data"), Link("b", "c", "data")]
    assert len({box.centre for box in lay_out(dict.fromkeys("abc", (100.0, 50.0)), links).boxes.values()}) == 1


def test_edges_that_can_be_uncrossed_are_uncrossed():
    links = [Link("a", "d", "data"), Link("b", "c", "data")]
    boxes = lay_out(dict.fromkeys("abcd", (100.0, 50.0)), links).boxes
    assert (boxes["a"].x < boxes["b"].x) == (boxes["d"].x < boxes["c"].x)


def test_an_edge_past_a_row_goes_around_its_boxes():
    links = [Link("a", "b", "data"), Link("b", "c", "data"), Link("a", "c", "data")]
    found = lay_out(dict.fromkeys("abc", (100.0, 50.0)), links)
    passing = found.bends["a", "c", "data"][0].x2
    assert not found.boxes["b"].x <= passing <= found.boxes["b"].x + 100


def test_a_piece_that_edges_share_is_drawn_once():
    links = [Link("a", "b", "data"), Link("b", "c", "data"), Link("c", "d", "data"), Link("a", "c", "data"), Link("a", "d", "data")]
    bends = lay_out(dict.fromkeys("abcd", (100.0, 50.0)), links).bends
    pieces = [bend for held in bends.values() for bend in held]
    assert len(pieces) == len(set(pieces))
    assert len(bends["a", "d", "data"]) < 3


def test_no_row_holds_more_boxes_than_its_limit():
    names = ["root", *(f"s{index}" for index in range(20))]
    rows = layers(names, [Link("root", name, "data") for name in names[1:]])
    assert rows["root"] == 0
    assert max(list(rows.values()).count(row) for row in set(rows.values())) == ROW_LIMIT


def test_settling_keeps_the_order_and_the_gap_and_is_nearest_to_what_was_wanted():
    assert settle([0.0, 500.0], [100.0, 100.0], [1.0, 1.0]) == [0.0, 500.0]
    assert settle([0.0, 0.0], [100.0, 100.0], [1.0, 1.0]) == [-(100 + GAP_X) / 2, (100 + GAP_X) / 2]
    assert settle([10.0, 0.0], [100.0, 100.0], [3.0, 1.0]) == [10 - (110 + GAP_X) / 4, 10 - (110 + GAP_X) / 4 + 100 + GAP_X]
