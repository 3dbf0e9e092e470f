"""Charts as inline SVG, drawn with nothing but the standard library. Every text is escaped; colours are classes, so that they follow light and dark."""

from __future__ import annotations

import math
from html import escape
from typing import Any, List, Mapping, Optional, Sequence, Tuple

COLOURS = 6


def text(x: float, y: float, words: Any, anchor: str = "start", limit: int = 0, extra: str = "") -> str:
    """Return a text; one longer than the limit is cut and told whole in its title."""
    words = str(words)
    cut = words if not limit or len(words) <= limit else words[: max(1, limit - 1)] + "…"
    title = "<title>{}</title>".format(escape(words)) if cut != words else ""
    return '<text x="{:.1f}" y="{:.1f}" text-anchor="{}"{}>{}{}</text>'.format(x, y, anchor, extra, escape(cut), title)


def rect(box: Tuple[float, float, float, float], kind: str, title: str = "") -> str:
    """Return a rectangle of x, y, width and height, with a text that shows when it is pointed at."""
    told = "<title>{}</title>".format(escape(title)) if title else ""
    return '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" class="{}">{}</rect>'.format(*box, kind, told)


def line(x1: float, y1: float, x2: float, y2: float, kind: str = "axis") -> str:
    """Return a line."""
    return '<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"/>'.format(x1, y1, x2, y2, kind)


def drawing(width: float, height: float, label: str, parts: Sequence[str]) -> str:
    """Return a whole chart; `label` says to a screen reader what it shows."""
    head = '<svg viewBox="0 0 {:.0f} {:.0f}" width="{:.0f}" height="{:.0f}" role="img" aria-label="{}">'
    return head.format(width, height, width, height, escape(label, quote=True)) + "".join(parts) + "</svg>"


def legend(names: Sequence[str], heading: str = "") -> str:
    """Return the colours with their names."""
    if len(names) < 2 and not any(names):
        return ""
    spots = [
        '<span><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" class="c{}"/></svg>{}</span>'.format(
            place % COLOURS, escape(short(name, 40))
        )
        for place, name in enumerate(names)
    ]
    return '<div class="legend">{}{}</div>'.format(escape(heading) + ": " if heading else "", "".join(spots))


def short(words: Any, limit: int) -> str:
    """Return a text of at most so many characters."""
    words = str(words)
    return words if len(words) <= limit else words[: limit - 1] + "…"


def number(value: float) -> str:
    """Return a number short enough for an axis."""
    size = abs(value)
    for limit, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= limit:
            scaled = value / {"G": 1e9, "M": 1e6, "k": 1e3}[sign]
            return "{:.3g}{}".format(scaled, sign) if abs(scaled) < 1000 else "{:.0e}".format(value)
    return "{:.4g}".format(value)


def ticks(low: float, high: float, most: int = 5) -> List[float]:
    """Return round numbers from low to high."""
    if not high > low or not math.isfinite(high - low):
        return [low]
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((factor * power for factor in (1, 2, 5, 10) if factor * power >= raw), raw)
    first = math.ceil(low / step)
    return [step * place for place in range(first, int(math.floor(high / step)) + 1)] or [low]


def bars(chart: Mapping[str, Any], name: str, width: int = 320) -> str:
    """Return a histogram of numbers and dates: upright bars, one colour on the other."""
    counts, labels, edges = chart["counts"], chart["labels"], chart.get("edges")
    height, left, bottom, top = 170, 52, 34, 8
    totals = [sum(column) for column in zip(*counts)]
    most = max(totals or [0]) or 1
    across, down = (width - left - 6) / max(1, len(labels)), height - bottom - top
    parts = []
    for tick in ticks(0, most, 3):
        y = height - bottom - down * tick / most
        parts += [line(left, y, width - 6, y, "grid"), text(left - 5, y + 4, number(tick), "end")]
    for place in range(len(labels)):
        parts += _stack(chart, place, (left + across * place, height - bottom, across - (1 if across > 4 else 0), down / most))
    parts += _below(edges or labels, bool(edges), (left, height - bottom + 13, across), width)
    parts.append(text((left + width) / 2, height - 4, name, "middle", int(width / 8)))
    parts.append(text(11, (height - bottom) / 2, "rows", "middle", extra=' transform="rotate(-90 11 {})"'.format((height - bottom) / 2)))
    return drawing(width, height, "Histogram of {}".format(name), parts)


def _stack(chart: Mapping[str, Any], place: int, box: Tuple[float, float, float, float]) -> List[str]:
    x, y, wide, scale = box
    made = []
    for series, counts in enumerate(chart["counts"]):
        count = counts[place]
        if count:
            tall = max(0.6, count * scale)
            y -= tall
            made.append(rect((x, y, wide, tall), "c{}".format(series % COLOURS), _told(chart, series, place, count)))
    return made


def _told(chart: Mapping[str, Any], series: int, place: int, count: int) -> str:
    edges = chart.get("edges")
    value = "{} to {}".format(edges[place], edges[place + 1]) if edges else chart["labels"][place]
    colour = ", {} {}".format(chart.get("color_by") or "", chart["series"][series]) if chart["series"][series] else ""
    return "{}{}: {:,} rows".format(value, colour, count)


def _below(labels: Sequence[str], edges: bool, box: Tuple[float, float, float], width: int) -> List[str]:
    """Return the labels below the bars, as many as there is room for."""
    left, y, across = box
    longest = max((len(str(label)) for label in labels), default=1)
    every = max(1, math.ceil((min(longest, 12) * 6.2 + 10) / across))
    made = []
    for place in range(0, len(labels), every):
        x = left + across * (place + (0 if edges else 0.5))
        room = min(12, longest) * 3.1
        if x + room <= width + 2:
            made.append(text(max(x, left if edges else 0), y, labels[place], "middle", 12))
    return made


def levels(chart: Mapping[str, Any], name: str, width: int = 320) -> str:
    """Return the values of a text column: lying bars, most frequent first, one colour on the other."""
    labels, tall, left, room = chart["labels"], 19, 112, 48
    totals = [sum(column) for column in zip(*chart["counts"])]
    most = max(totals or [0]) or 1
    parts = []
    for place, label in enumerate(labels):
        x, y = float(left), 4 + tall * place
        parts.append(text(left - 6, y + 12, label if str(label).strip() else repr(label), "end", 17))
        for series, counts in enumerate(chart["counts"]):
            wide = (width - left - room) * counts[place] / most
            if counts[place]:
                parts.append(rect((x, y, max(0.6, wide), tall - 5), "c{}".format(series % COLOURS), _told(chart, series, place, counts[place])))
            x += wide
        parts.append(text(x + 4, y + 12, number(totals[place])))
    height = 4 + tall * len(labels) + 18
    parts.append(text((left + width - room) / 2, height - 3, "rows", "middle"))
    return drawing(width, height, "Most frequent values of {}".format(name), parts)


def scatter(chart: Mapping[str, Any], panel: Mapping[str, Any], frame: Tuple[float, float, float, float], width: int = 340) -> str:
    """Return one panel of a scatter plot; `frame` is low and high of x and of y, the same in all panels."""
    height, left, bottom, top = 250, 48, 38, 20 if panel["name"] else 8
    x_low, x_high, y_low, y_high = frame

    def at_x(value: float) -> float:
        return left + (width - left - 12) * (value - x_low) / (x_high - x_low)

    def at_y(value: float) -> float:
        return height - bottom - (height - bottom - top) * (value - y_low) / (y_high - y_low)

    parts = []
    for value, words in axis_ticks(y_low, y_high, chart["y_levels"], chart.get("y_kind")):
        parts += [line(left, at_y(value), width - 12, at_y(value), "grid"), text(left - 5, at_y(value) + 4, words, "end", 8)]
    for value, words in axis_ticks(x_low, x_high, chart["x_levels"], chart.get("x_kind")):
        parts += [line(at_x(value), height - bottom, at_x(value), height - bottom + 4), text(at_x(value), height - bottom + 15, words, "middle", 10)]
    parts.append(line(left, height - bottom, width - 12, height - bottom))
    for x, y, colour in panel["points"]:
        parts.append('<circle cx="{:.1f}" cy="{:.1f}" r="2.6" opacity=".55" class="c{}"/>'.format(at_x(x), at_y(y), colour % COLOURS))
    parts.append(text((left + width) / 2, height - 4, chart["x"], "middle", 40))
    parts.append(text(11, height / 2 - 8, chart["y"], "middle", 30, ' transform="rotate(-90 11 {:.0f})"'.format(height / 2 - 8)))
    if panel["name"]:
        parts.append(text(left, 13, "{} = {}".format(chart["facet_by"], panel["name"]), "start", 44, ' class="ink"'))
    return drawing(width, height, "{}: {} points".format(chart["name"], len(panel["points"])), parts)


def axis_ticks(low: float, high: float, names: Optional[Sequence[str]], kind: Optional[str]) -> List[Tuple[float, str]]:
    """Return where an axis is marked, and the words there: levels of text, dates, or round numbers."""
    if names:
        return [(float(place), name) for place, name in enumerate(names)]
    if kind == "date":
        from jobkit.columns import date_text  # it imports pandas, which the pages without dates do not need

        return [(low + (high - low) * share, date_text(low + (high - low) * share)[:10]) for share in (0.1, 0.5, 0.9)]
    return [(value, number(value)) for value in ticks(low, high)]


def heat(matrix: Mapping[str, Any], name: str) -> str:
    """Return a square of correlations; blue is positive, red negative, stronger is fuller."""
    names, values = matrix["columns"], matrix["values"]
    cell = 26 if len(names) <= 24 else 20
    left = 24 + 6.4 * min(24, max(len(name) for name in names))
    top = 14 + 0.88 * left
    side = cell * len(names)
    parts = []
    for row, label in enumerate(names):
        parts.append(text(left - 6, top + cell * row + cell / 2 + 4, label, "end", 24))
        x = left + cell * row + cell / 2 + 4
        parts.append(text(x, top - 6, label, "start", 24, ' transform="rotate(-60 {:.1f} {:.1f})"'.format(x, top - 6)))
        for column, value in enumerate(values[row]):
            parts.append(_cell(value, (left + cell * column, top + cell * row, cell - 1.0), "{} and {}".format(label, names[column]), len(names) <= 24))
    return drawing(left + side + 90, top + side + 6, "{} correlation of {} columns".format(name, len(names)), parts)


def _cell(value: Optional[float], box: Tuple[float, float, float], names: str, told: bool) -> str:
    x, y, size = box
    if value is None:
        return rect((x, y, size, size), "none", names + ": not defined")
    title = "{}: {:.3f}".format(names, value)
    fill = rect((x, y, size, size), "pos" if value >= 0 else "neg", title).replace(" class", ' opacity="{:.2f}" class'.format(0.06 + 0.94 * abs(value)))
    words = "{:.2f}".format(value).replace("0.", ".").replace("1.00", "1")
    style = ' style="font-size:8.5px{};pointer-events:none"'.format(";fill:#fff" if abs(value) > 0.6 else "")
    return fill + (text(x + size / 2, y + size / 2 + 3, words, "middle", extra=style) if told and abs(value) >= 0.1 else "")


def lying(entries: Sequence[Tuple[str, float, str]], label: str, unit: str, marks: Sequence[float] = ()) -> str:
    """Return lying bars from 0 to 1, as wide as there is room: name, value, class of its colour; dashed lines at the marks."""
    lines = "".join('<line x1="{0}" x2="{0}" y1="0" y2="20" class="mark"/>'.format(1000 * mark) for mark in marks)
    grid = "".join(line(1000 * tick, 0, 1000 * tick, 20, "grid") for tick in (0.25, 0.5, 0.75))
    row = (
        '<span class="name" title="{0}">{0}</span><svg viewBox="0 0 1000 20" preserveAspectRatio="none" aria-hidden="true">{1}'
        '<rect x="0" y="3" width="{2:.1f}" height="14" class="{3}"/>{4}</svg><span class="value">{5:.3f}</span>'
    )
    body = "".join(row.format(escape(name, quote=True), grid, max(1.0, 1000 * max(0.0, value)), kind, lines, value) for name, value, kind in entries)
    ticks_ = "".join("<span>{}</span>".format(number(tick)) for tick in (0, 0.25, 0.5, 0.75, 1))
    noted = "; dashed: {}".format(" and ".join("{:.2f}".format(mark) for mark in marks)) if marks else ""
    foot = '<span></span><span class="ticks">{}</span><span></span><span></span><small class="unit">{}{}</small><span></span>'.format(
        ticks_, escape(unit), noted
    )
    return '<div class="lying" role="group" aria-label="{}">{}{}</div>'.format(escape(label, quote=True), body, foot)
