"""Charts of a model card: curves, matrices and bars, as SVG or tables that follow light and dark."""

from __future__ import annotations

from html import escape
from typing import Any, List, Mapping, Sequence

WIDTH, HEIGHT = 360, 250
LEFT, BOTTOM, TOP, RIGHT = 52, 40, 10, 12
MOST_BARS = 30


def curve(entry: Mapping[str, Any]) -> str:
    """Return points as a line in a frame that holds all of them, from 0 to 1 where they are shares."""
    from jobkit.page.svg import drawing, line, number, text, ticks

    points = entry["value"]
    frame = [_span([point[axis] for point in points]) for axis in (0, 1)]

    def at(axis: int, value: float) -> float:
        low, high = frame[axis]
        share = (value - low) / (high - low)
        return LEFT + share * (WIDTH - LEFT - RIGHT) if axis == 0 else HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)

    parts: List[str] = []
    for tick in ticks(*frame[1]):
        parts += [line(LEFT, at(1, tick), WIDTH - RIGHT, at(1, tick), "grid"), text(LEFT - 5, at(1, tick) + 4, number(tick), "end")]
    for tick in ticks(*frame[0]):
        parts += [line(at(0, tick), HEIGHT - BOTTOM, at(0, tick), HEIGHT - BOTTOM + 4), text(at(0, tick), HEIGHT - BOTTOM + 16, number(tick), "middle")]
    told = " ".join("{:.1f},{:.1f}".format(at(0, x), at(1, y)) for x, y in points)
    parts.append('<polyline points="{}" class="drawn"/>'.format(told))
    parts.append(text((LEFT + WIDTH) / 2, HEIGHT - 6, _words(entry.get("x_axis_name", "")), "middle", 44))
    middle = (HEIGHT - BOTTOM + TOP) / 2
    parts.append(text(12, middle, _words(entry.get("y_axis_name", "")), "middle", 34, ' transform="rotate(-90 12 {:.0f})"'.format(middle)))
    return drawing(WIDTH, HEIGHT, "{}: {} points".format(_words(entry["name"]), len(points)), parts)


def _span(values: Sequence[float]) -> Sequence[float]:
    low, high = min(values), max(values)
    if low >= 0 and high <= 1:
        return (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _words(name: Any) -> str:
    return str(name).replace("_", " ")


def matrix(entry: Mapping[str, Any]) -> str:
    """Return cells as a table; a fuller colour is a larger share of its row."""
    down = entry.get("y_axis_name") or [""] * len(entry["value"][0])
    across = entry.get("x_axis_name") or [""] * len(entry["value"])
    head = "".join('<th class="n" scope="col">{}</th>'.format(escape(str(name))) for name in down)
    rows = "".join(
        '<tr><th scope="row">{}</th>{}</tr>'.format(escape(str(name)), "".join(_cell(value, sum(row)) for value in row))
        for name, row in zip(across, entry["value"])
    )
    told = '<div class="scroll" tabindex="0"><table class="matrix"><tr><th><small>actual \\ predicted</small></th>{}</tr>{}</table></div>'
    return told.format(head, rows)


def _cell(value: float, whole: float) -> str:
    share = value / whole if whole else 0.0
    style = "background:rgba(var(--pos),{:.2f})".format(0.05 + 0.6 * max(0.0, min(1.0, share)))
    return '<td class="n" style="{}">{:,}<small>{:.0%}</small></td>'.format(style, value, share)


def bars(entry: Mapping[str, Any]) -> str:
    """Return lying bars from 0, the largest as wide as there is room; values below 0 are red."""
    labels = entry.get("x_axis_name") or [str(place) for place in range(len(entry["value"]))]
    pairs = list(zip(labels, entry["value"]))
    most = max((abs(value) for _, value in pairs), default=0) or 1.0
    shown = "".join(_bar(str(label), value, most) for label, value in pairs[:MOST_BARS])
    more = "<small>{} more are in the card's JSON</small>".format(len(pairs) - MOST_BARS) if len(pairs) > MOST_BARS else ""
    return '<div class="lying" role="group" aria-label="{}">{}</div>{}'.format(escape(str(entry["name"]), quote=True), shown, more)


def _bar(label: str, value: float, most: float) -> str:
    told = (
        '<span class="name" title="{0}">{0}</span><svg viewBox="0 0 1000 20" preserveAspectRatio="none" aria-hidden="true">'
        '<rect x="0" y="3" width="{1:.1f}" height="14" class="{2}"/></svg><span class="value">{3}</span>'
    )
    return told.format(escape(label, quote=True), max(1.0, 1000 * abs(value) / most), "c0" if value >= 0 else "c1", figure(value))


def figure(value: Any) -> str:
    """Return a number as it is read: whole numbers with separators, others with four digits."""
    if isinstance(value, int) or float(value).is_integer():
        return "{:,.0f}".format(value)
    return "{:.4f}".format(value) if 1e-3 <= abs(value) < 1e5 else "{:.3g}".format(value)
