"""Places for boxes and edges: layers by longest path, crossings reduced by barycentres, edges led around boxes in lanes.

The steps follow Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures", 1981. All lengths are pixels.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from statistics import median

GAP_X, GAP_Y = 26.0, 58.0
LANE = 8.0  # width of a lane in which an edge passes a row
ROW_LIMIT = 8  # boxes in one row before the next row takes the rest
SWEEPS, SETTLINGS = 24, 21
PILL_DROP = 26.0  # how far an edge with a label runs straight down before it may turn

Cell = tuple[str, str, int]  # a box is (name, "", 0); a lane is (source, group, row), shared by the edges of one group
Row = list[Cell]
Neighbours = Mapping[Cell, Sequence[Cell]]


@dataclass(frozen=True)
class Link:
    """Ask for an edge; those of one source and one non-empty `group` leave by one port, which is `room` wide for their label."""

    source: str
    target: str
    group: str
    room: float = 0.0


@dataclass(frozen=True)
class Box:
    """Place a box by its top left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> float:
        """Return the horizontal middle."""
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        """Return the lower border."""
        return self.y + self.height


@dataclass(frozen=True)
class Bend:
    """Lead an edge from (x0, y0) straight down to y1, then over to (x2, y2)."""

    x0: float
    y0: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True)
class Layout:
    """Hold boxes by name, the bends of each link (those of a lane it shares belong to the first link there), the ports by (source, group), the extent."""

    boxes: Mapping[str, Box]
    bends: Mapping[tuple[str, str, str], tuple[Bend, ...]]
    ports: Mapping[tuple[str, str], tuple[float, float]]
    width: float
    height: float


@dataclass
class _Work:
    """Collect rows of cells and the hops between neighbouring rows."""

    sizes: Mapping[str, tuple[float, float]]
    links: Sequence[Link]
    rows: list[Row] = field(default_factory=list)
    paths: dict[tuple[str, str, str], list[Cell]] = field(default_factory=dict)
    above: dict[Cell, list[Cell]] = field(default_factory=dict)
    below: dict[Cell, list[Cell]] = field(default_factory=dict)
    row_of: dict[Cell, int] = field(default_factory=dict)

    def width(self, cell: Cell) -> float:
        return LANE if cell[1] else self.sizes[cell[0]][0]

    def height(self, cell: Cell) -> float:
        return 0.0 if cell[1] else self.sizes[cell[0]][1]


def lay_out(sizes: Mapping[str, tuple[float, float]], links: Sequence[Link]) -> Layout:
    """Return where everything goes; `sizes` gives (width, height) by name in topological order, every link leads forward in it."""
    work = _Work(sizes, links)
    _fill_rows(work)
    _reduce_crossings(work)
    x = _settle_all(work)
    tops = _tops(work, x)
    left = min((x[cell] - work.width(cell) / 2 for row in work.rows for cell in row), default=0.0)
    right = max((x[cell] + work.width(cell) / 2 for row in work.rows for cell in row), default=0.0)
    x = {cell: round(value - left, 1) for cell, value in x.items()}
    boxes = {
        cell[0]: Box(x[cell] - work.width(cell) / 2, tops[index], work.width(cell), work.height(cell))
        for index, row in enumerate(work.rows)
        for cell in row
        if not cell[1]
    }
    ports = _ports(work, x, boxes)
    return Layout(boxes, _bends(work, x, boxes, ports, tops), ports, right - left, max((box.bottom for box in boxes.values()), default=0.0))


def layers(names: Iterable[str], links: Sequence[Link]) -> dict[str, int]:
    """Return the row of each name: below everything that leads to it, and no row with more than ROW_LIMIT."""
    before: dict[str, list[str]] = {}
    for link in links:
        before.setdefault(link.target, []).append(link.source)
    found: dict[str, int] = {}
    filled: dict[int, int] = {}
    for name in names:
        row = max((found[source] + 1 for source in before.get(name, ())), default=0)
        while filled.get(row, 0) >= ROW_LIMIT:
            row += 1
        found[name] = row
        filled[row] = filled.get(row, 0) + 1
    return found


def _fill_rows(work: _Work) -> None:
    row_of = layers(work.sizes, work.links)
    work.rows = [[] for _ in range(1 + max(row_of.values(), default=-1))]
    for name, row in row_of.items():
        work.rows[row].append((name, "", 0))
        work.row_of[name, "", 0] = row
    for link in work.links:
        lanes = [(link.source, link.group, row) for row in range(row_of[link.source] + 1, row_of[link.target])]
        work.paths[link.source, link.target, link.group] = path = [(link.source, "", 0), *lanes, (link.target, "", 0)]
        for upper, lower in pairwise(path):
            _hop(work, upper, lower)


def _hop(work: _Work, upper: Cell, lower: Cell) -> None:
    if lower[1] and lower not in work.above:
        work.rows[lower[2]].append(lower)
        work.row_of[lower] = lower[2]
    if upper not in work.above.setdefault(lower, []):
        work.above[lower].append(upper)
        work.below.setdefault(upper, []).append(lower)


def _reduce_crossings(work: _Work) -> None:
    """Sort rows by the mean place of their neighbours, downwards and upwards in turn, and keep the best of all."""
    best, fewest = [list(row) for row in work.rows], _crossings(work)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for index in range(len(work.rows)) if down else reversed(range(len(work.rows))):
            _sort_row(work, index, -1 if down else 1)
        found = _crossings(work)
        if found < fewest:
            best, fewest = [list(row) for row in work.rows], found
    work.rows = best


def _sort_row(work: _Work, index: int, side: int) -> None:
    if not 0 <= index + side < len(work.rows):
        return
    neighbours = work.above if side < 0 else work.below
    place = {cell: position for position, cell in enumerate(work.rows[index + side])}
    own = {cell: position for position, cell in enumerate(work.rows[index])}
    keys = {cell: _mean([place[other] for other in neighbours.get(cell, ())], own[cell]) for cell in own}
    work.rows[index].sort(key=lambda cell: (keys[cell], own[cell]))


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _crossings(work: _Work) -> int:
    return sum(_inversions(upper, lower, work.below) for upper, lower in pairwise(work.rows))


def _inversions(upper: Row, lower: Row, below: Neighbours) -> int:
    place = {cell: position for position, cell in enumerate(lower)}
    seen: list[int] = []
    crossed = 0
    for cell in upper:
        ends = sorted(place[other] for other in below.get(cell, ()))
        crossed += sum(len(seen) - bisect_right(seen, end) for end in ends)
        for end in ends:
            insort(seen, end)
    return crossed


def _settle_all(work: _Work) -> dict[Cell, float]:
    """Return the middle of every cell: pulled below and above its neighbours in turn, in the order of its row."""
    x = {cell: 0.0 for row in work.rows for cell in row}
    for turn in range(SETTLINGS):
        down = turn % 2 == 0
        side = work.above if down else work.below
        for row in work.rows if down else reversed(work.rows):
            wanted = [_middle([x[other] for other in side.get(cell, ())], x[cell]) for cell in row]
            x.update(zip(row, settle(wanted, [work.width(cell) for cell in row], [3.0 if cell[1] else 1.0 for cell in row]), strict=True))
    return x


def _middle(values: Sequence[float], default: float) -> float:
    """Return the median, which keeps more edges straight than the mean does."""
    return median(values) if values else default


def settle(wanted: Sequence[float], widths: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the middles nearest to those wanted (least squares) that keep the order and a gap between neighbours: isotonic regression."""
    steps = [(left + right) / 2 + GAP_X for left, right in pairwise(widths)]
    offsets = list(accumulate(steps, initial=0.0))[: len(widths)]
    blocks: list[tuple[float, float, int]] = []  # (weighted sum, weight, members)
    for want, offset, weight in zip(wanted, offsets, weights, strict=True):
        block = ((want - offset) * weight, weight, 1)
        while blocks and blocks[-1][0] / blocks[-1][1] >= block[0] / block[1]:
            held = blocks.pop()
            block = (held[0] + block[0], held[1] + block[1], held[2] + block[2])
        blocks.append(block)
    level = [total / weight for total, weight, members in blocks for _ in range(members)]
    return [value + offset for value, offset in zip(level, offsets, strict=True)]


def _tops(work: _Work, x: Mapping[Cell, float]) -> list[float]:
    """Return the top of every row; rows stand further apart where an edge has far to go sideways."""
    tops, y = [], 0.0
    for row in work.rows:
        tops.append(y)
        far = max((abs(x[cell] - x[other]) for cell in row for other in work.below.get(cell, ())), default=0.0)
        y += max((work.height(cell) for cell in row), default=0.0) + GAP_Y + min(50.0, far / 16)
    return [round(top, 1) for top in tops]


def _ports(work: _Work, x: Mapping[Cell, float], boxes: Mapping[str, Box]) -> dict[tuple[str, str], tuple[float, float]]:
    """Return (x, room of the label) where each group of edges leaves its box, ordered as the cells that they lead to."""
    groups: dict[str, dict[str, tuple[list[float], float]]] = {}
    for link in work.links:
        first = work.paths[link.source, link.target, link.group][1]
        groups.setdefault(link.source, {}).setdefault(link.group, ([], link.room))[0].append(x[first])
    found = {}
    for source, held in groups.items():
        ordered = sorted(held, key=lambda group: _mean(held[group][0], 0.0))
        rooms = [max(held[group][1], 10.0) + 12.0 for group in ordered]
        left = boxes[source].centre - sum(rooms) / 2
        for group, room, end in zip(ordered, rooms, accumulate(rooms), strict=True):
            found[source, group] = (round(left + end - room / 2, 1), held[group][1])
    return found


def _bends(
    work: _Work, x: Mapping[Cell, float], boxes: Mapping[str, Box], ports: Mapping[tuple[str, str], tuple[float, float]], tops: Sequence[float]
) -> dict[tuple[str, str, str], tuple[Bend, ...]]:
    drawn: set[tuple[Cell, ...]] = set()
    found = {}
    for key, path in work.paths.items():
        bends = []
        for upper, lower in pairwise(path):
            trunk, hop = (upper, (key[2], "", 0)), (upper, lower, (key[2], "", 0))
            if hop not in drawn:
                bend = _bend(work, x[lower], _start(upper, key[2], x, boxes, ports, tops), tops, work.row_of[upper])
                bends.append(replace(bend, y0=bend.y1) if trunk in drawn else bend)
            drawn.update((trunk, hop))
        found[key] = tuple(bends)
    return found


def _start(
    cell: Cell, group: str, x: Mapping[Cell, float], boxes: Mapping[str, Box], ports: Mapping[tuple[str, str], tuple[float, float]], tops: Sequence[float]
) -> tuple[float, float, float]:
    """Return (x, y, how far straight down at least) of where an edge leaves a cell."""
    if cell[1]:
        return x[cell], tops[cell[2]], 0.0
    port, room = ports[cell[0], group]
    return port, boxes[cell[0]].bottom, PILL_DROP if room else 0.0


def _bend(work: _Work, end: float, start: tuple[float, float, float], tops: Sequence[float], row: int) -> Bend:
    bottom = tops[row] + max(work.height(cell) for cell in work.rows[row])
    return Bend(start[0], start[1], max(bottom, start[1] + start[2]), end, tops[row + 1])
