"""Charts of lines and points over two axes, and of values with their intervals, as SVG."""

from __future__ import annotations

from html import escape
from typing import Callable, List, NamedTuple, Sequence, Tuple

from jobkit.page import svg

Points = Sequence[Tuple[float, float]]
HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 280, 52, 40, 10, 14


class Plot(NamedTuple):
    """Hold what is drawn: what it shows, the names of the axes, low and high of x and of y, lines and dots with the class of their colour, and marks.

    A line's class is l0 to l5 or `mark` (dashed); a dot is x, y, radius in pixels and what it says when it is pointed at; marks are dashed uprights at x.
    """

    label: str
    axes: Tuple[str, str]
    frame: Tuple[float, float, float, float]
    lines: Sequence[Tuple[Points, str]] = ()
    dots: Sequence[Tuple[float, float, float, str]] = ()
    marks: Sequence[float] = ()
    colour: str = "c0"


def draw(plot: Plot, width: int = 420) -> str:
    """Return the chart."""
    x_low, x_high, y_low, y_high = plot.frame

    def at(x: float, y: float) -> Tuple[float, float]:
        across = (width - LEFT - RIGHT) * (x - x_low) / ((x_high - x_low) or 1.0)
        return LEFT + across, HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (y - y_low) / ((y_high - y_low) or 1.0)

    parts = _axes(plot, at, width)
    for points, kind in plot.lines:
        path = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y in points)
        parts.append('<polyline points="{}" class="{}"/>'.format(path, kind))
    for mark in plot.marks:
        parts.append(svg.line(*at(mark, y_low), *at(mark, y_high), "mark"))
    for x, y, radius, words in plot.dots:
        title = "<title>{}</title>".format(escape(words)) if words else ""
        dot = '<circle cx="{:.1f}" cy="{:.1f}" r="{:.1f}" class="{}"{}>{}</circle>'
        parts.append(dot.format(*at(x, y), radius, plot.colour, "" if words else ' opacity=".45"', title))
    return svg.drawing(width, HEIGHT, plot.label, parts)


def _axes(plot: Plot, at: Callable[[float, float], Tuple[float, float]], width: int) -> List[str]:
    x_low, x_high, y_low, y_high = plot.frame
    parts = []
    for value in svg.ticks(y_low, y_high):
        place = at(x_low, value)
        parts += [svg.line(LEFT, place[1], width - RIGHT, place[1], "grid"), svg.text(LEFT - 6, place[1] + 4, svg.number(value), "end", 8)]
    for value in svg.ticks(x_low, x_high):
        place = at(value, y_low)
        parts += [svg.line(place[0], place[1], place[0], place[1] + 4), svg.text(place[0], place[1] + 16, svg.number(value), "middle", 10)]
    parts.append(svg.line(LEFT, HEIGHT - BOTTOM, width - RIGHT, HEIGHT - BOTTOM))
    middle = (HEIGHT - BOTTOM + TOP) / 2
    parts.append(svg.text((LEFT + width - RIGHT) / 2, HEIGHT - 4, plot.axes[0], "middle", 60))
    parts.append(svg.text(11, middle, plot.axes[1], "middle", 44, ' transform="rotate(-90 11 {:.0f})"'.format(middle)))
    return parts


def whiskers(entries: Sequence[Tuple[str, float, float, float]], label: str, mark: float) -> str:
    """Return values with their intervals, one below the other: name, value, lower and upper; the dashed line is at the mark."""
    low = min([mark, *(entry[2] for entry in entries)])
    high = max([mark, *(entry[3] for entry in entries)])
    low, high = _room(low, high)

    def at(value: float) -> float:
        return 1000 * (value - low) / (high - low)

    ticks = [tick for tick in svg.ticks(low, high, 4)]
    grid = "".join(svg.line(at(tick), 0, at(tick), 20, "grid") for tick in ticks) + svg.line(at(mark), 0, at(mark), 20, "mark")
    row = (
        '<span class="name" title="{0}">{0}</span><svg viewBox="0 0 1000 20" preserveAspectRatio="none" aria-hidden="true"><title>{1}</title>{2}'
        '<line x1="{3:.1f}" x2="{4:.1f}" y1="10" y2="10" class="l0"/><line x1="{5:.1f}" x2="{5:.1f}" y1="3" y2="17" class="l0 dot"/></svg>'
        '<span class="value">{6}</span>'
    )
    body = "".join(
        row.format(escape(name, quote=True), "{} to {}".format(short(lower), short(upper)), grid, at(lower), at(upper), at(value), short(value))
        for name, value, lower, upper in entries
    )
    places = "".join('<span style="left:{:.1f}%">{}</span>'.format(at(tick) / 10, svg.number(tick)) for tick in ticks)
    foot = '<span></span><span class="places">{}</span><span></span><span></span><small class="unit">dashed: all rows, {}</small><span></span>'
    return '<div class="lying" role="group" aria-label="{}">{}{}</div>'.format(escape(label, quote=True), body, foot.format(places, short(mark)))


def _room(low: float, high: float) -> Tuple[float, float]:
    room = (high - low) * 0.05 or abs(high) * 0.05 or 0.5
    return (max(0.0, low - room) if low >= 0 else low - room), (min(1.0, high + room) if high <= 1 else high + room)


def short(value: float) -> str:
    """Return a number as reports tell it: three decimals below 10, four digits below 10,000."""
    if abs(value) < 10:
        return "{:.3f}".format(value) if abs(value) >= 0.001 or not value else "{:.2g}".format(value)
    return "{:#.4g}".format(value).rstrip(".") if abs(value) < 1e4 else svg.number(value)
