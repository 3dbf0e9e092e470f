"""Curves per round as a chart of characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Curve = tuple[str, Sequence[int], Sequence[float | None]]
MARKS, PLAIN_MARKS = "●▲■◆✚✖", "ox+*#@"
SEVERAL, PLAIN_SEVERAL = "◍", "%"
COLOURS = (36, 33, 35, 32, 34, 31)


@dataclass(frozen=True)
class Style:
    """Choose width and height in characters, whether colours are written, and whether characters beyond ASCII are."""

    width: int = 64
    height: int = 11
    colour: bool = False
    unicode: bool = True


def chart(name: str, curves: Sequence[Curve], style: Style) -> str:
    """Return a chart with a mark for each run; where several runs meet in one place there is a mark of its own. Runs are told apart without colours."""
    points = [(run, [(step, value) for step, value in zip(steps, values, strict=True) if value is not None]) for run, steps, values in curves]
    every = [point for _, own in points for point in own]
    if not every:
        return f"{name}: no finite value"
    steps, values = [step for step, _ in every], [value for _, value in every]
    low, high = min(values), max(values)
    box = (min(steps), max(steps), low, high)
    grid = _grid([own for _, own in points], box, style)
    labels = _labels(low, high, style.height)
    axis = "│" if style.unicode else "|"
    lines = [f"{labels.get(row, ''):>9} {axis}{_painted(line, style)}".rstrip() for row, line in enumerate(grid)]
    corner, dash = ("└", "─") if style.unicode else ("+", "-")
    below = f"{' ' * 11}{box[0]:<{style.width - 10}}{box[1]:>10}"
    return "\n".join([f"{name}   {_legend(points, style)}", *lines, f"{' ' * 10}{corner}{dash * style.width}", below])


def _grid(curves: Sequence[Sequence[tuple[int, float]]], box: tuple[int, int, float, float], style: Style) -> list[list[int | None]]:
    """Return rows from the top: a run's number in each cell, -1 where several meet, None where nothing is."""
    first, last, low, high = box
    grid: list[list[int | None]] = [[None] * style.width for _ in range(style.height)]
    for number, curve in enumerate(curves):
        for step, value in curve:
            column = round((step - first) / ((last - first) or 1) * (style.width - 1))
            row = style.height - 1 - round((value - low) / ((high - low) or 1) * (style.height - 1))
            before = grid[row][column]
            grid[row][column] = number if before in (None, number) else -1
    return grid


def _labels(low: float, high: float, height: int) -> dict[int, str]:
    if low == high:
        return {height - 1: f"{low:.5g}"}
    return {0: f"{high:.5g}", height // 2: f"{(low + high) / 2:.5g}", height - 1: f"{low:.5g}"}


def _painted(cells: Sequence[int | None], style: Style) -> str:
    return "".join(" " if cell is None else _mark(cell, style) for cell in cells).rstrip()


def _mark(number: int, style: Style) -> str:
    if number < 0:
        return SEVERAL if style.unicode else PLAIN_SEVERAL
    mark = (MARKS if style.unicode else PLAIN_MARKS)[number % len(MARKS)]
    return f"\x1b[{COLOURS[number % len(COLOURS)]}m{mark}\x1b[0m" if style.colour else mark


def _legend(points: Sequence[tuple[str, Sequence[tuple[int, float]]]], style: Style) -> str:
    runs = [f"{_mark(number, style)} {run} {own[-1][1]:.5g}" if own else f"{run} none" for number, (run, own) in enumerate(points)]
    return "   ".join([*runs, f"{_mark(-1, style)} several"] if len(points) > 1 else runs)
