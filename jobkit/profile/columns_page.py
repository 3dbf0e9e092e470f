"""The part of the page that shows every column: a chart coloured by the label, and its statistics."""

from __future__ import annotations

from html import escape
from typing import Any, List, Mapping, Tuple

from jobkit.page import svg
from jobkit.profile.findings import percent

OPEN_COLUMNS = 60
STATISTICS: Tuple[Tuple[str, str], ...] = (
    ("mean", "mean"),
    ("sd", "sd"),
    ("min", "min"),
    ("q1", "25 %"),
    ("median", "median"),
    ("q3", "75 %"),
    ("max", "max"),
    ("skew", "skew"),
    ("kurtosis", "kurtosis"),
    ("zeros", "zeros"),
    ("outliers", "outliers"),
)


def columns(found: Mapping[str, Any]) -> str:
    """Return a card for each column; those after the first 60 fold away."""
    cards = [_card(entry, found["label"] or "") for entry in found["fields"]]
    rest = cards[OPEN_COLUMNS:]
    more = '<details><summary>{} more columns</summary><div class="cards">{}</div></details>'.format(len(rest), "".join(rest)) if rest else ""
    return '<div class="cards">{}</div>{}'.format("".join(cards[:OPEN_COLUMNS]), more) if cards else ""


def _card(entry: Mapping[str, Any], label: str) -> str:
    told = [entry["kind"], "{:,} distinct".format(entry["distinct"])]
    told += ["{} missing".format(percent(entry["missing_share"]))] if entry["missing"] else []
    told += ["power {:.2f}".format(entry["power"])] if entry["power"] is not None else []
    chart = entry["histogram"]
    drawn = ""
    if chart:
        drawn = svg.legend(chart["series"], label) + (svg.bars if chart["ordered"] else svg.levels)(chart, entry["name"])
    return '<div class="card"><h3>{}</h3><small>{}</small>{}{}</div>'.format(escape(entry["name"]), escape(" · ".join(told)), drawn, _statistics(entry))


def _statistics(entry: Mapping[str, Any]) -> str:
    pairs: List[str] = []
    for key, words in STATISTICS:
        value = entry["statistics"].get(key)
        if value is not None:
            text = value if isinstance(value, str) else "{:,}".format(value) if isinstance(value, int) else svg.number(value)
            pairs.append("<dt>{}</dt><dd>{}</dd>".format(words, escape(text)))
    return "<dl>{}</dl>".format("".join(pairs)) if pairs else ""
