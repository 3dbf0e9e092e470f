"""Draw a column's distribution at the baseline and now, one over the other, from its two entries of statistics.json."""

from __future__ import annotations

from html import escape
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from jobkit.monitor import kll
from jobkit.page import svg

BINS, LEVELS = 20, 8
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 340, 170, 44, 34, 8, 8
THEN, NOW = "then", "now"
CSS = (
    ".then{fill:var(--s0);opacity:.42}.now{fill:var(--s1);opacity:.9}"
    ".card small{display:block;margin-bottom:4px}.finding small{display:inline}"
    ".finding .badge{text-transform:none}.facts{grid-template-columns:auto 1fr}\n"
)
Entry = Mapping[str, Any]
Pair = Tuple[float, float]


def legend() -> str:
    """Return which colour is which."""
    spot = '<span><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" class="{}"/></svg>{}</span>'
    return '<div class="legend">{}{}</div>'.format(spot.format(THEN, "baseline"), spot.format(NOW, "now"))


def overlay(before: Optional[Entry], now: Entry) -> str:
    """Return the chart of a column, of what is known of it; empty when nothing is."""
    sketches = [_sketch(entry) for entry in (before, now)]
    if any(sketches):
        return _numbers(str(now["name"]), sketches)
    counts = [_counts(entry) for entry in (before, now)]
    return _texts(str(now["name"]), counts, before is not None) if any(counts) else ""


def _sketch(entry: Optional[Entry]) -> List[List[float]]:
    found: List[List[float]] = (entry or {}).get("numerical_statistics", {}).get("distribution", {}).get("kll", {}).get("sketch", {}).get("data") or []
    return found


def _counts(entry: Optional[Entry]) -> Dict[str, int]:
    buckets = (entry or {}).get("string_statistics", {}).get("distribution", {}).get("categorical", {}).get("buckets", [])
    return {str(bucket["value"]): int(bucket["count"]) for bucket in buckets}


def _numbers(name: str, sketches: Sequence[List[List[float]]]) -> str:
    weighted = [kll.weighted(sketch) for sketch in sketches]
    held = [values for values, _ in weighted if len(values)]
    low, high = float(min(values[0] for values in held)), float(max(values[-1] for values in held))
    if not high > low:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    shares = [_shares(values, below, edges) for values, below in weighted]
    across, down = (WIDTH - LEFT - RIGHT) / BINS, HEIGHT - BOTTOM - TOP
    most = max(max(share) for share in shares) or 1.0
    parts = _across(most, down)
    for place in range(BINS):
        told = "{} to {}".format(svg.number(edges[place]), svg.number(edges[place + 1]))
        box = (LEFT + across * place, across, HEIGHT - BOTTOM, down / most)
        parts += _bars(box, (shares[0][place], shares[1][place]), told)
    parts += [_tick(value, low, high) for value in svg.ticks(low, high)]
    parts += [svg.line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM), svg.text((WIDTH + LEFT) / 2, HEIGHT - 4, name, "middle", 40)]
    return svg.drawing(WIDTH, HEIGHT, "Distribution of {} at the baseline and now".format(name), parts)


def _tick(value: float, low: float, high: float) -> str:
    x = LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / (high - low)
    anchor = "end" if x > WIDTH - 26 else "start" if x < LEFT + 8 else "middle"
    return svg.text(x, HEIGHT - BOTTOM + 14, svg.number(value), anchor)


def _shares(values: np.ndarray, below: np.ndarray, edges: np.ndarray) -> List[float]:
    if not len(values):
        return [0.0] * BINS
    weights = np.diff(np.append(0.0, below))
    places = np.searchsorted(edges[1:-1], values, side="right")
    return [float(weight) for weight in np.bincount(places, weights=weights, minlength=BINS) / below[-1]]


def _across(most: float, down: float) -> List[str]:
    parts = []
    for tick in svg.ticks(0, most, 3):
        y = HEIGHT - BOTTOM - down * tick / most
        parts += [svg.line(LEFT, y, WIDTH - RIGHT, y, "grid"), svg.text(LEFT - 5, y + 4, percent(tick), "end")]
    return parts


def _bars(box: Tuple[float, float, float, float], pair: Pair, told: str) -> List[str]:
    """Return the baseline's bar and, narrower and before it, that of now."""
    x, wide, floor, scale = box
    made = []
    for share, kind, inset in ((pair[0], THEN, 0.06), (pair[1], NOW, 0.28)):
        if share > 0:
            tall = max(0.8, share * scale)
            words = "{}: {} {}".format(told, "baseline" if kind == THEN else "now", percent(share))
            made.append(svg.rect((x + wide * inset, floor - tall, wide * (1 - 2 * inset), tall), kind, words))
    return made


def percent(share: float) -> str:
    """Return a share as a percentage short enough for an axis."""
    return "{:.3g} %".format(100 * share)


def _texts(name: str, counts: Sequence[Mapping[str, int]], both: bool) -> str:
    totals = [float(sum(count.values())) or 1.0 for count in counts]
    pairs = {value: (counts[0].get(value, 0) / totals[0], counts[1].get(value, 0) / totals[1]) for value in {**counts[0], **counts[1]}}
    shown = sorted(pairs, key=lambda value: (-max(pairs[value]), value))[:LEVELS]
    rows: List[Tuple[str, Pair]] = [(value, pairs[value]) for value in shown]
    rest = [pair for value, pair in pairs.items() if value not in set(shown)]
    if rest:
        rows.append(("{} others".format(len(rest)), (sum(pair[0] for pair in rest), sum(pair[1] for pair in rest))))
    return _lying(name, rows, both)


def _lying(name: str, rows: Sequence[Tuple[str, Pair]], both: bool) -> str:
    """Return the chart of shares of texts; without `both` there is no baseline to draw beside what is now."""
    tall, left, room = 27, 116, 50
    most = max(max(pair) for _, pair in rows) or 1.0
    parts = []
    for place, (value, pair) in enumerate(rows):
        y = 4.0 + tall * place
        parts.append(svg.text(left - 6, y + 15, value if value.strip() else repr(value), "end", 18))
        for share, kind, down in ((pair[0], THEN, 0.0), (pair[1], NOW, 11.0)) if both else ((pair[1], NOW, 5.5),):
            wide = (WIDTH - left - room) * share / most
            told = "{}: {} {}".format(value, "baseline" if kind == THEN else "now", percent(share))
            if share:
                parts.append(svg.rect((left, y + down, max(0.8, wide), 9.5), kind, told))
            parts.append(svg.text(left + wide + 4, y + down + 9, percent(share)))
    return svg.drawing(WIDTH, 8 + tall * len(rows), "Values of {} at the baseline and now".format(name), parts)


def caption(words: str) -> str:
    """Return small words under a heading."""
    return "<small>{}</small>".format(escape(words))
