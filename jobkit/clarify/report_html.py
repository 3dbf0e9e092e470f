"""The report as one HTML page without any request, in the look of the profile."""

from __future__ import annotations

from html import escape
from typing import Callable, Dict, List, Sequence, Tuple

from jobkit.clarify.report_view import Bars, Block, Content, Curve, Section, Table, Words, is_numeric, limit, sections
from jobkit.page import frame, svg

MORE = """
.note{border-left:4px solid var(--medium);padding:6px 12px;background:var(--card);max-width:none}
.charts{max-width:820px}.charts .scroll svg{min-width:600px}
"""
WIDTH, BAR, GAP, LEFT, RIGHT = 720.0, 13.0, 9.0, 190.0, 64.0


def page(content: Content) -> str:
    """Return the page."""
    parts = [(section.anchor, section.heading, _section(section)) for section in sections(content)]
    return frame.whole(content.title, "<h1>{}</h1>".format(escape(content.title)), parts, MORE)


def _section(section: Section) -> str:
    drawn: List[str] = []
    beside: List[str] = []
    for block in section.blocks:
        if isinstance(block, Curve) or isinstance(block, Table) and block.beside:
            beside.append(_block(block))
            continue
        drawn += [_cards(beside), _block(block)]
        beside = []
    body = "".join([*drawn, _cards(beside)])
    return frame.section(section.anchor, section.heading, body)


def _cards(beside: Sequence[str]) -> str:
    return '<div class="cards two">{}</div>'.format("".join('<div class="card">{}</div>'.format(card) for card in beside)) if beside else ""


def _block(block: Block) -> str:
    return DRAWN[type(block)](block)


def _words(block: Words) -> str:
    return "<p{}>{}</p>".format(' class="note"' if block.strong else "", escape(block.text))


def _table(block: Table) -> str:
    def cells(row: Sequence[str], tag: str) -> str:
        kinds = [' class="n"' if place in block.numeric else "" for place in range(len(row))]
        return "<tr>{}</tr>".format("".join("<{0}{1}>{2}</{0}>".format(tag, kind, escape(cell)) for kind, cell in zip(kinds, row)))

    title = "<h3>{}</h3>".format(escape(block.title)) if block.title else ""
    body = "".join(cells(row, "td") for row in block.rows)
    return '{}<div class="scroll" tabindex="0"><table><thead>{}</thead><tbody>{}</tbody></table></div>'.format(title, cells(block.heading, "th"), body)


def _bars(block: Bars) -> str:
    most = limit(block)
    negative = any(value is not None and value < 0 for _, values, _ in block.series for value in values)
    left = LEFT if max(map(len, block.names)) > 8 else 60.0
    zero = (left + WIDTH) / 2 if negative else left  # room for a value at either end
    scale = (WIDTH - RIGHT - zero) / most
    tall = len(block.series) * BAR + GAP
    parts: List[str] = []
    bottom = 6 + tall * len(block.names)
    for tick in svg.ticks(-most if negative else 0.0, most, 6):
        x = zero + tick * scale
        parts += [svg.line(x, 2, x, bottom, "grid"), svg.text(x, bottom + 14, svg.number(tick), "middle")]
    for place, name in enumerate(block.names):
        y = 6 + tall * place
        parts.append(svg.text(left - 8, y + (tall - GAP) / 2 + 4, name, "end", 26, ' class="ink"'))
        for order, (series, values, told) in enumerate(block.series):
            parts += _bar(values[place], told[place], (zero, y + order * BAR, scale, most), order, "{}: {}".format(series, name))
    parts += [svg.line(zero, 2, zero, bottom), svg.text(zero if negative else (left + WIDTH - RIGHT) / 2, bottom + 30, block.unit, "middle")]
    title = "<h3>{}</h3>".format(escape(block.title)) if block.title else ""
    names = [series for series, _, _ in block.series]
    chart = svg.drawing(WIDTH, bottom + 36, block.unit, parts)
    return '<div class="card charts">{}{}<div class="scroll" tabindex="0">{}</div></div>'.format(title, svg.legend(names) if len(names) > 1 else "", chart)


def _bar(value: object, told: str, box: Tuple[float, float, float, float], order: int, title: str) -> List[str]:
    zero, y, scale, most = box
    if not isinstance(value, (int, float)):
        return [svg.text(zero + 4, y + BAR - 3, told)]
    end = max(-most, min(most, float(value))) * scale
    wide = max(0.8, abs(end))
    bar = svg.rect((zero + min(0.0, end), y, wide, BAR - 2), "c{}".format(order % svg.COLOURS), "{}: {}".format(title, told))
    beyond = ("‹ " if value < 0 else "› ") if abs(value) > most else ""
    return [bar, svg.text(zero + end + (4 if end >= 0 else -4), y + BAR - 3, beyond + told, "start" if end >= 0 else "end")]


def _curve(block: Curve) -> str:
    width, height, left, bottom = 400.0, 220.0, 56.0, 40.0
    numeric = is_numeric(block)
    across = [float(value) for value in block.x] if numeric else [float(place) for place in range(len(block.x))]
    low_x, high_x = _frame(across, 0.0)
    low_y, high_y = _frame([value for _, values in block.series for value in values], 0.06)
    kinds = None if numeric else [svg.short(name, 10) for name in block.x]

    def at(x: float, y: float) -> Tuple[float, float]:
        return (
            left + (width - left - 14) * (x - low_x) / (high_x - low_x),
            height - bottom - (height - bottom - 10) * (y - low_y) / (high_y - low_y),
        )

    parts: List[str] = []
    for tick in svg.ticks(low_y, high_y, 4):
        y = at(low_x, tick)[1]
        parts += [svg.line(left, y, width - 14, y, "grid"), svg.text(left - 5, y + 4, svg.number(tick), "end")]
    for tick, name in svg.axis_ticks(low_x, high_x, kinds, None):
        x = at(tick, low_y)[0]
        parts.append(svg.text(x, height - bottom + 15, name, "middle" if numeric or left + 30 < x < width - 40 else "start" if x < width / 2 else "end", 10))
    for order, (_, values) in enumerate(block.series):
        parts += _line([at(x, y) for x, y in zip(across, values)], order, numeric)
    parts.append(svg.text((left + width) / 2, height - 5, block.title, "middle", 40))
    key = svg.legend([name for name, _ in block.series]) if len(block.series) > 1 else ""
    return "<h3>{}</h3>{}{}".format(escape(block.title), key, svg.drawing(width, height, "{} by {}".format(block.y_name, block.title), parts))


def _line(points: Sequence[Tuple[float, float]], order: int, joined: bool) -> List[str]:
    colour = order % svg.COLOURS
    path = " ".join("{:.1f},{:.1f}".format(*point) for point in points)
    made = ['<polyline points="{}" fill="none" style="stroke:var(--s{})" stroke-width="1.8"/>'.format(path, colour)] if joined else []
    return made + ['<circle cx="{:.1f}" cy="{:.1f}" r="2.8" class="c{}"/>'.format(x, y, colour) for x, y in points]


def _frame(values: Sequence[float], room: float) -> Tuple[float, float]:
    low, high = min(values), max(values)
    wide = (high - low) or abs(high) or 1.0
    return (low - wide * room, high + wide * room) if high > low else (low - wide / 2, high + wide / 2)


DRAWN: Dict[type, Callable[..., str]] = {Words: _words, Table: _table, Bars: _bars, Curve: _curve}
