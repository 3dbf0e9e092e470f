"""A pipeline as one self-contained SVG picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

from pipelines.definition.model import Definition
from pipelines.report.graph_layout import Bend, Layout, Link, lay_out
from pipelines.report.graph_style import OTHER, STATUSES, STYLE, TYPES, em
from pipelines.report.graph_view import Edge, Vertex, View, view
from pipelines.report.words import clean, cut, wrap

CARD, PAD, ICON, MARGIN = 244.0, 12.0, 28.0, 24.0
BODY_PAD = 18.0
ARROW = 7.0
NAME, NOTE, STRONG = em(13, bold=True), em(11), em(11, bold=True)
EMPTY = (260.0, 40.0)


@dataclass(frozen=True)
class _Text:
    """Write a line of a card: CSS class, words, where its baseline is."""

    css: str
    words: str
    x: float
    y: float


@dataclass(frozen=True)
class _Card:
    """Hold a step's lines, its size, and the drawing inside a ForEach with the place of its top left corner."""

    vertex: Vertex
    lines: tuple[_Text, ...]
    width: float
    height: float
    body: _Drawing | None = None
    body_at: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class _Drawing:
    """Hold the cards of a view and where they go."""

    cards: Mapping[str, _Card]
    edges: tuple[Edge, ...]
    layout: Layout


def svg(definition: Definition, states: Mapping[str, str] | None = None) -> str:
    """Return the picture, light or dark as the reader prefers; the same bytes for the same definition and states.

    Hovering over a step tells its description and what matters of its arguments.

    Raises:
        DefinitionError: steps wait for each other in a circle.
    """
    return picture(view(definition, states or {}))


def picture(shown: View, title: str = "") -> str:
    """Return the picture of anything that is shown as steps and edges; the title is that of a pipeline if empty."""
    drawing = _draw(shown)
    width = max(drawing.layout.width, 0.0 if shown.vertices else EMPTY[0]) + 2 * MARGIN
    height = max(drawing.layout.height, 0.0 if shown.vertices else EMPTY[1]) + 2 * MARGIN
    size = f'width="{_px(width)}" height="{_px(height)}" viewBox="0 0 {_px(width)} {_px(height)}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="swg" {size} role="img">',
        f"<title>{escape(title) or _count(shown)}</title>",
        f"<desc>{escape(_in_words(shown))}</desc>",
        f"<style>{STYLE}</style>",
        '<rect class="bg" width="100%" height="100%"/>',
        f'<g transform="translate({_px(MARGIN)} {_px(MARGIN)})">',
        *(_drawn(drawing) if shown.vertices else ['<text class="note" x="0" y="24">This pipeline has no steps.</text>']),
        "</g>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _count(shown: View) -> str:
    return f"Pipeline of {len(shown.vertices)} step{'' if len(shown.vertices) == 1 else 's'}"


def _in_words(shown: View) -> str:
    """Return what a reader who does not see the picture needs: the steps in order and what each follows."""
    before: dict[str, list[str]] = {}
    for edge in shown.edges:
        before.setdefault(edge.target, []).append(shown.vertices[edge.source].name + (f" ({edge.label})" if edge.label else ""))
    sentences = []
    for name, vertex in shown.vertices.items():
        after = f" after {', '.join(before[name])}" if name in before else ""
        sentences.append(f"{vertex.name}, {vertex.type}{after}{', ' + vertex.status if vertex.status else ''}.")
    return " ".join(sentences)


def _draw(shown: View) -> _Drawing:
    cards = {name: _card(vertex) for name, vertex in shown.vertices.items()}
    links = [Link(edge.source, edge.target, _group(edge), _room(edge.label)) for edge in shown.edges]
    return _Drawing(cards, shown.edges, lay_out({name: (card.width, card.height) for name, card in cards.items()}, links))


def _group(edge: Edge) -> str:
    return f"{edge.kind} {edge.label}"


def _room(label: str) -> float:
    return STRONG(label) + 14 if label else 0.0


def _card(vertex: Vertex) -> _Card:
    """Lay a step's lines out in its card: name, type, marks, conditions, status."""
    body = _draw(vertex.body) if vertex.body else None
    width = max(CARD, body.layout.width + 2 * BODY_PAD) if body else CARD
    lines = list(_lines(vertex, width))
    height = max(lines[-1].y + 11, PAD + ICON + PAD)
    if body is None:
        return _Card(vertex, tuple(lines), width, height)
    at = ((width - body.layout.width) / 2, height + 4)
    return _Card(vertex, tuple(lines), width, at[1] + body.layout.height + BODY_PAD, body, at)


def _lines(vertex: Vertex, width: float) -> Iterator[_Text]:
    left = PAD + ICON + 10
    y = 12.0
    for row in wrap(vertex.title, width - left - PAD, 2, NAME):
        y += 16
        yield _Text("name", row, left, y - 4)
    for note in (vertex.type, *vertex.marks):
        y += 15
        yield _Text("note", cut(note, width - left - PAD, NOTE), left, y - 2)
    y = max(y, PAD + ICON) + 4
    for css, row in _below(vertex, width - 2 * PAD):
        y += 18 if css == "state" else 15
        yield _Text(css, row, PAD, y)


def _below(vertex: Vertex, room: float) -> Iterator[tuple[str, str]]:
    """Yield the lines over the whole width: at most four conditions, and the status."""
    for condition in vertex.conditions[:4]:
        yield from (("test", row) for row in wrap(condition, room, 2, NOTE))
    if len(vertex.conditions) > 4:
        yield "note", f"and {len(vertex.conditions) - 4} more"
    if vertex.status:
        yield "state", cut(vertex.status, room, STRONG)


def _drawn(drawing: _Drawing) -> Iterator[str]:
    """Yield edges, then cards, then the labels of the edges, so that nothing covers a word."""
    layout = drawing.layout
    for edge in drawing.edges:
        yield _edge(edge, layout)
    for name, card in drawing.cards.items():
        yield from _drawn_card(card, layout.boxes[name].x, layout.boxes[name].y)
    for (source, group), (label, kind) in {(edge.source, _group(edge)): (edge.label, edge.kind) for edge in drawing.edges if edge.label}.items():
        x, room = layout.ports[source, group]
        yield _pill(label, kind, x, layout.boxes[source].bottom + 5, room)


def _edge(edge: Edge, layout: Layout) -> str:
    bends = layout.bends[edge.source, edge.target, _group(edge)]
    target = layout.boxes[edge.target]
    path = "".join(_curve(bend, ARROW - 1 if bend.y2 == target.y and bend.x2 == round(target.centre, 1) else 0.0) for bend in bends)
    x, y = target.centre, target.y
    tip = f"{_px(x)},{_px(y)} {_px(x - 4.5)},{_px(y - ARROW)} {_px(x + 4.5)},{_px(y - ARROW)}"
    said = escape(f"{clean(edge.source)} to {clean(edge.target)}{', ' + edge.label if edge.label else ''}")
    return f'<g class="edge {edge.kind}"><title>{said}</title><path d="{path}"/><polygon points="{tip}"/></g>'


def _curve(bend: Bend, short: float) -> str:
    """Return a path that leaves and arrives straight down; `short` pixels before its end when an arrow's head comes there."""
    end = bend.y2 - short
    middle = (bend.y1 + end) / 2
    down = f"M{_px(bend.x0)} {_px(bend.y0)}V{_px(bend.y1)}"
    if bend.x0 == bend.x2:
        return f"{down}V{_px(end)}"
    return f"{down}C{_px(bend.x0)} {_px(middle)} {_px(bend.x2)} {_px(middle)} {_px(bend.x2)} {_px(end)}"


def _drawn_card(card: _Card, x: float, y: float) -> Iterator[str]:
    vertex = card.vertex
    colour, icon = TYPES.get(vertex.type, OTHER)
    css = f"step {STATUSES.get(vertex.status, '')}".strip()
    yield f'<g class="{css}" transform="translate({_px(x)} {_px(y)})">'
    yield f"<title>{escape(_hover(vertex))}</title>"
    yield f'<rect class="card" width="{_px(card.width)}" height="{_px(card.height)}" rx="8"/>'
    if card.body:
        top = card.body_at[1] - 8
        yield f'<rect class="box" x="8" y="{_px(top)}" width="{_px(card.width - 16)}" height="{_px(card.height - top - 8)}" rx="6"/>'
    yield f'<rect x="{_px(PAD)}" y="{_px(PAD)}" width="{_px(ICON)}" height="{_px(ICON)}" rx="6" fill="{colour}"/>'
    yield f'<path class="icon" transform="translate({_px(PAD + 6)} {_px(PAD + 6)})" d="{icon}"/>'
    for line in card.lines:
        yield f'<text class="{line.css}" x="{_px(line.x)}" y="{_px(line.y)}">{escape(line.words)}</text>'
    if card.body:
        yield f'<g transform="translate({_px(card.body_at[0])} {_px(card.body_at[1])})">'
        yield from _drawn(card.body)
        yield "</g>"
    yield "</g>"


def _hover(vertex: Vertex) -> str:
    heading = f"{vertex.name} ({vertex.type})" + (f": {vertex.status}" if vertex.status else "")
    tests = ["when " + " and ".join(vertex.conditions)] if vertex.conditions else []
    told = [f"{name}: {words}" for name, words in vertex.facts]
    return "\n".join([heading, *([vertex.description] if vertex.description else []), *tests, *vertex.marks, *told])


def _pill(label: str, kind: str, x: float, y: float, room: float) -> str:
    rect = f'<rect x="{_px(x - room / 2)}" y="{_px(y)}" width="{_px(room)}" height="17" rx="8.5"/>'
    return f'<g class="pill {kind}">{rect}<text x="{_px(x)}" y="{_px(y + 12.5)}">{escape(label)}</text></g>'


def _px(value: float) -> str:
    return f"{round(value, 1):g}" if abs(value) < 100000 else str(round(value))
