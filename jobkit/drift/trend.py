"""Draw one number over executions: a line, a dot for each execution, and what it is held against as a dashed line."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Sequence, Tuple

from jobkit.page import svg
from jobkit.page.curves import short

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 340, 130, 50, 12, 10, 24
CSS = (
    ".dot0{fill:var(--s0)}.dot1{fill:var(--s1)}.card small{display:block;margin-bottom:4px}.finding small{display:inline}"
    ".finding .badge{text-transform:none}main a{color:var(--accent)}\n"
)


class Point(NamedTuple):
    """Hold an execution's time in words, the number, its limit then, and whether it violates."""

    time: str
    value: float
    limit: Optional[float]
    violated: bool


def draw(name: str, points: Sequence[Point]) -> str:
    """Return the chart of a number."""
    shown = [point.value for point in points] + [point.limit for point in points if point.limit is not None]
    low, high = min([*shown, 0.0]), max(shown)
    high = high if high > low else low + 1.0

    def at(place: int, value: float) -> Tuple[float, float]:
        across = (WIDTH - LEFT - RIGHT) * (place / (len(points) - 1) if len(points) > 1 else 0.5)
        return LEFT + across, HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value - low) / (high - low)

    parts = _grid(low, high, at) + _limit(points, at)
    if len(points) > 1:
        parts.append(
            '<polyline points="{}" class="l0"/>'.format(" ".join("{:.1f},{:.1f}".format(*at(place, point.value)) for place, point in enumerate(points)))
        )
    for place, point in enumerate(points):
        told = "{}: {}{}".format(point.time, short(point.value), ", violated" if point.violated else "")
        dot = '<circle cx="{:.1f}" cy="{:.1f}" r="4" class="dot{}"><title>{}</title></circle>'
        parts.append(dot.format(*at(place, point.value), int(point.violated), told))
    return svg.drawing(WIDTH, HEIGHT, "{} over {} executions".format(name, len(points)), parts + _times(points))


def _grid(low: float, high: float, at: object) -> List[str]:
    parts = []
    for tick in svg.ticks(low, high, 3):
        _, y = at(0, tick)  # type: ignore[operator]
        parts += [svg.line(LEFT, y, WIDTH - RIGHT, y, "grid"), svg.text(LEFT - 6, y + 4, svg.number(tick), "end")]
    return parts


def _limit(points: Sequence[Point], at: object) -> List[str]:
    """Return the dashed line of the limits; one that is the same all along goes from side to side."""
    limits = [(place, point.limit) for place, point in enumerate(points) if point.limit is not None]
    if not limits:
        return []
    if len({limit for _, limit in limits}) == 1:
        _, y = at(0, limits[0][1])  # type: ignore[operator]
        return [svg.line(LEFT, y, WIDTH - RIGHT, y, "mark")]
    path = " ".join("{:.1f},{:.1f}".format(*at(place, limit)) for place, limit in limits)  # type: ignore[operator]
    return ['<polyline points="{}" class="mark"/>'.format(path)]


def _times(points: Sequence[Point]) -> List[str]:
    if len(points) == 1:
        return [svg.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, points[0].time, "middle")]
    return [svg.text(LEFT, HEIGHT - 6, points[0].time, "start"), svg.text(WIDTH - RIGHT, HEIGHT - 6, points[-1].time, "end")]
