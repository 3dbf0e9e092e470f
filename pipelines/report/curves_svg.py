"""Curves per round as one SVG image: a panel a metric, a line a run, told apart by colour and by dashes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

COLUMNS, WIDTH, HEIGHT = 2, 460, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 34, 40
# Okabe and Ito's colours, which people who see few colours tell apart too.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2", "1 2")
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.title{font-weight:600;font-size:13px}.small{fill:#666;font-size:11px}"
    ".grid{stroke:#e5e5e5}.axis{stroke:#999}.line{fill:none;stroke-width:1.8}"
)


def svg(curves: Mapping[str, Sequence[Mapping[str, Any]]], runs: Sequence[str], *, axis: str = "round", zero: bool = False) -> str:
    """Return the image of a comparison's curves; `runs` gives the order, and so the colours. `axis` says what steps are; with `zero` values start there."""
    rows = max(1, math.ceil(len(curves) / COLUMNS))
    wide = min(COLUMNS, max(1, len(curves))) * WIDTH
    legend = _legend(runs, wide)
    head = len(legend) * 22 + 14
    body = [
        _panel(name, each, runs, axis, zero, ((place % COLUMNS) * WIDTH, head + (place // COLUMNS) * HEIGHT))
        for place, (name, each) in enumerate(curves.items())
    ]
    size = (wide, head + rows * HEIGHT)
    label = escape(f"Curves of {', '.join(curves) or 'nothing'} of the runs {', '.join(runs)}", quote=True)
    start = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" height="{size[1]}" role="img" aria-label="{label}">'
    none = [] if curves else [_text(LEFT, head + 40, "No metric per round differs between these runs.")]
    return "\n".join([start, f"<style>{STYLE}</style>", '<rect width="100%" height="100%" fill="#fff"/>', *legend, *body, *none, "</svg>"]) + "\n"


def _legend(runs: Sequence[str], wide: int) -> list[str]:
    across = max(1, (wide - LEFT) // 170)
    parts = []
    for row in range(0, len(runs), across):
        line = []
        for place, run in enumerate(runs[row : row + across]):
            x, y = LEFT + place * 170, 22 + row // across * 22
            line.append(f'<line x1="{x}" y1="{y - 4}" x2="{x + 28}" y2="{y - 4}" {_stroke(row + place)}/>{_text(x + 34, y, run)}')
        parts.append("".join(line))
    return parts


def _panel(name: str, curves: Sequence[Mapping[str, Any]], runs: Sequence[str], axis: str, zero: bool, corner: tuple[int, int]) -> str:
    points = {curve["run"]: [(s, v) for s, v in zip(curve["steps"], curve["values"], strict=True) if v is not None] for curve in curves}
    every = [point for own in points.values() for point in own]
    parts = [_text(LEFT, 20, name, "title")]
    if every:
        scale = _Scale(*_span([step for step, _ in every]), *_span([value for _, value in every] + [0.0] * zero))
        parts += [*_axes(scale, axis), *(_line(own, scale, runs.index(run)) for run, own in points.items() if own)]
    else:
        parts.append(_text(LEFT, 60, "no finite value", "small"))
    return f'<g transform="translate({corner[0]} {corner[1]})">{"".join(parts)}</g>'


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if low < high else (low - (abs(low) * 0.05 or 0.5), high + (abs(high) * 0.05 or 0.5))


class _Scale:
    """Turn rounds and values into places of a panel."""

    def __init__(self, first: float, last: float, low: float, high: float) -> None:
        self.first, self.last, self.low, self.high = first, last, low, high

    def x(self, step: float) -> float:
        return LEFT + (step - self.first) / (self.last - self.first) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)


def _axes(scale: _Scale, axis: str) -> list[str]:
    down, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for value in _ticks(scale.low, scale.high):
        y = scale.y(value)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>{_text(LEFT - 6, y + 4, _short(value), "small", "end")}')
    for step in _ticks(scale.first, scale.last, whole=True):
        parts.append(_text(scale.x(step), down + 16, f"{step:g}", "small", "middle"))
    parts.append(f'<line class="axis" x1="{LEFT}" y1="{down}" x2="{right}" y2="{down}"/>')
    return [*parts, _text((LEFT + right) / 2, down + 32, axis, "small", "middle")]


def _short(value: float) -> str:
    return f"{value:,.0f}" if 10_000 <= abs(value) < 10_000_000 else f"{value:.4g}"


def _line(points: Sequence[tuple[int, float]], scale: _Scale, number: int) -> str:
    path = " ".join(f"{scale.x(step):.1f},{scale.y(value):.1f}" for step, value in points)
    if len(points) == 1:
        x, y = path.split(",")
        return f'<circle cx="{x}" cy="{y}" r="3" fill="{COLOURS[number % len(COLOURS)]}"/>'
    return f'<polyline class="line" points="{path}" {_stroke(number)}/>'


def _stroke(number: int) -> str:
    dashes = DASHES[number % len(DASHES)]
    return f'stroke="{COLOURS[number % len(COLOURS)]}" stroke-width="1.8"' + (f' stroke-dasharray="{dashes}"' if dashes else "")


def _ticks(low: float, high: float, most: int = 6, *, whole: bool = False) -> list[float]:
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    step = max(1.0, math.ceil(step)) if whole else step
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [place * step for place in range(first, last + 1)]


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'
