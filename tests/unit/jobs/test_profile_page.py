"""The page of a profile: one well-formed file that asks the network for nothing and takes no text of the data for markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from jobkit.page.svg import ticks
from jobkit.profile import page, profile

EVIL = "<script>alert('x')</script>\"&"
VOID = {"meta", "br", "line", "rect", "circle"}


class Reader(HTMLParser):
    """Keep the tags, and whether each is closed in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.links += [value for key, value in attributes if key in ("href", "src", "srcset", "action", "xlink:href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    return reader


def evil_rows() -> pd.DataFrame:
    r = np.random.RandomState(0)
    label = r.choice([EVIL, "other"], 200)
    values = {EVIL + "text": r.choice([EVIL, "b", "c" * 400], 200), "number": r.rand(200), "n" * 300: r.choice(["n/a", "1", "2"], 200)}
    return pd.DataFrame({EVIL + "label": label, **values, "leak" + EVIL: label, "when": pd.date_range("2020", periods=200)})


CHARTS = {
    "histograms": [{"column": EVIL + "text", "color_by": EVIL + "label", "name": EVIL}],
    "scatters": [{"x": "number", "y": EVIL + "text", "color_by": EVIL + "label", "facet_by": EVIL + "text", "name": EVIL}, {"x": "when", "y": "number"}],
}


def test_names_and_values_are_never_markup():
    text = page(profile(evil_rows(), EVIL + "label", settings=CHARTS))
    reader = read(text)
    assert not reader.wrong and not reader.open
    assert "script" not in reader.tags and "alert" in text and "<script" not in text


def test_the_page_asks_for_nothing():
    text = page(profile(evil_rows(), EVIL + "label", settings=CHARTS))
    assert all(link.startswith("#") for link in read(text).links)
    assert not re.search(r"url\(|@import|https?://", text) and "default-src 'none'" in text


@pytest.mark.parametrize("label", [None, "two", "many", "amount"])
def test_every_problem_has_a_page_with_its_sections(label):
    r = np.random.RandomState(0)
    frame = pd.DataFrame({"two": r.randint(0, 2, 300), "many": r.choice(list("abcde"), 300), "amount": r.rand(300), "x": r.rand(300)})
    text = page(profile(frame, label))
    assert not read(text).wrong
    assert ('id="model"' in text) == ('id="features"' in text) == (label is not None)
    assert ("Confusion matrix" in text) == (label in ("two", "many")) and 'id="columns"' in text and 'id="unusual"' in text


@pytest.mark.parametrize("frame", [pd.DataFrame(), pd.DataFrame({"a": [None, None]}), pd.DataFrame({"a": [1]})])
def test_a_table_with_nothing_in_it_has_a_page(frame):
    assert not read(page(profile(frame))).wrong


def test_every_chart_is_described_and_every_link_leads_somewhere():
    text = page(profile(evil_rows(), EVIL + "label", settings=CHARTS))
    drawings = re.findall(r"<svg[^>]*>", text)
    assert drawings and all("aria-label" in drawing or "aria-hidden" in drawing for drawing in drawings)
    assert {link[1:] for link in read(text).links} <= set(re.findall(r'id="([^"]+)"', text))


@pytest.mark.parametrize(("low", "high", "wanted"), [(0, 10, [0, 2, 4, 6, 8, 10]), (0, 0.5, [0, 0.1, 0.2, 0.3, 0.4, 0.5]), (3, 3, [3]), (-1e9, 1e9, None)])
def test_ticks_are_round_and_inside(low, high, wanted):
    found = ticks(low, high)
    assert all(low <= tick <= high for tick in found) and (wanted is None or found == pytest.approx(wanted))
