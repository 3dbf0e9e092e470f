"""A pipeline as a tree of text for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from pipelines.definition.model import Definition
from pipelines.report.graph_view import BRANCH_WORDS, Edge, Vertex, View, view
from pipelines.report.words import columns, cut, wrap

WIDTH = 100
ROOM = 40  # columns that a line keeps for its own words, however deep it stands
STATUS_MARKS: Mapping[str, str] = {"Succeeded": "✓", "Failed": "✗", "Stopped": "■", "Stopping": "■", "Executing": "●", "Starting": "●"}
PLAIN_MARKS: Mapping[str, str] = {"Succeeded": "ok", "Failed": "FAILED", "Stopped": "stopped", "Stopping": "stopping", "Executing": "...", "Starting": "..."}
PLAIN: Mapping[int, str] = str.maketrans({"├": "+", "└": "`", "─": "-", "│": "|", "·": "-", "…": "...", "\ufffd": "?"})


_Child = tuple[str, View, "str | None"]


@dataclass(frozen=True)
class _Line:
    """Hold one line: the branch lines in front of it, and its words."""

    prefix: str
    text: str


def tree(definition: Definition, states: Mapping[str, str] | None = None, *, ascii: bool = False) -> str:
    """Return the steps in the order they run in, at most 100 columns wide: what each waits for, a Condition's branches below it.

    `states` gives a status by step name; `ascii` draws with ASCII characters only, others are written as `\\uXXXX`.

    Raises:
        DefinitionError: steps wait for each other in a circle.
    """
    shown = view(definition, states or {})
    marks = PLAIN_MARKS if ascii else STATUS_MARKS
    lines = list(_level(_plain(shown) if ascii else shown, None, "", marks)) or [_Line("", "(no steps)")]
    return "\n".join(_fitted(line, ascii) for line in lines)


def _fitted(line: _Line, ascii: bool) -> str:
    text = _ascii(line.prefix + line.text) if ascii else line.prefix + line.text
    return text.rstrip() if columns(text) <= WIDTH else cut(text, WIDTH - 3).rstrip("… ") + ("..." if ascii else "…")


def _ascii(text: str) -> str:
    return text.translate(PLAIN).encode("ascii", "backslashreplace").decode()


def _plain(shown: View) -> View:
    """Return the view with its words in ASCII, so that they are measured as they will stand."""
    return View({name: _plain_vertex(vertex) for name, vertex in shown.vertices.items()}, shown.edges)


def _plain_vertex(vertex: Vertex) -> Vertex:
    conditions = tuple(_ascii(condition) for condition in vertex.conditions)
    body = _plain(vertex.body) if vertex.body else None
    return replace(vertex, name=_ascii(vertex.name), title=_ascii(vertex.title), status=_ascii(vertex.status), conditions=conditions, body=body)


def _level(shown: View, branch: tuple[str, bool] | None, prefix: str, marks: Mapping[str, str]) -> Iterator[_Line]:
    """Yield the lines of the steps in one branch; None for those in none."""
    for name in (name for name, vertex in shown.vertices.items() if vertex.branch == branch):
        yield from _step(shown, name, prefix, prefix, marks)


def _step(shown: View, name: str, first: str, rest: str, marks: Mapping[str, str]) -> Iterator[_Line]:
    """Yield a step's own line, what it waits for, its conditions, and the steps that it holds."""
    vertex = shown.vertices[name]
    first, rest = _shortened(first), _shortened(rest)
    children = _children(shown, name)
    yield _Line(first, _heading(vertex, WIDTH - columns(first), marks))
    stem = rest + ("│  " if children else "   ")
    for text in _details(shown, vertex, name):
        for row, words in enumerate(wrap(text, WIDTH - columns(stem) - 2, 4)):
            yield _Line(stem, ("  " if row else "") + words)
    for index, (word, scope, child) in enumerate(children):
        last = index == len(children) - 1
        dashes = "─" * (5 - len(word))
        inner = rest + ("   " if last else "│  ")
        corner = f"{rest}{'└' if last else '├'}─ {word} {dashes} "
        yield from _step(scope, child, corner, inner + "       ", marks) if child is not None else [_Line(corner, "(nothing)")]


def _shortened(prefix: str) -> str:
    room = WIDTH - ROOM
    return prefix if len(prefix) <= room else "… " + prefix[2 - room :]


def _children(shown: View, name: str) -> list[_Child]:
    """Return (word in front, where it is shown, step name) of every step that one holds; a branch without steps has None for a name."""
    return HELD[shown.vertices[name].type](shown, name) if shown.vertices[name].type in HELD else []


def _branches(shown: View, name: str) -> list[_Child]:
    return [child for taken, word in BRANCH_WORDS.items() for child in _branch(shown, (name, taken), word)]


def _branch(shown: View, branch: tuple[str, bool], word: str) -> list[_Child]:
    return [(word, shown, name) for name, vertex in shown.vertices.items() if vertex.branch == branch] or [(word, shown, None)]


def _body(shown: View, name: str) -> list[_Child]:
    body = shown.vertices[name].body
    return [("each", body, inner) for inner, held in body.vertices.items() if held.branch is None] if body else []


HELD: Mapping[str, Callable[[View, str], list[_Child]]] = {"Condition": _branches, "ForEach": _body}


def _heading(vertex: Vertex, room: float, marks: Mapping[str, str]) -> str:
    """Return a step's own line; the display name is what gives way when room is short."""
    mark = marks.get(vertex.status, "·") + " " if vertex.status else ""
    told = f"({', '.join(vertex.marks)})" if vertex.marks else ""
    parts = [mark + (cut(vertex.name, 64) or "(no name)"), vertex.type, "", told, f"[{vertex.status}]" if vertex.status else ""]
    left = room - columns("  ".join(part for part in parts if part)) - 4
    if vertex.title not in (vertex.name, "(no name)") and left >= 8:
        parts[2] = f'"{cut(vertex.title, left)}"'
    return "  ".join(part for part in parts if part)


def _details(shown: View, vertex: Vertex, name: str) -> Iterator[str]:
    if vertex.conditions:
        yield "when " + " and ".join(vertex.conditions)
    before = [edge for edge in shown.edges if edge.target == name and edge.kind not in BRANCH_WORDS.values()]
    if before:
        yield "after " + ", ".join(_before(shown, edge) for edge in before)


def _before(shown: View, edge: Edge) -> str:
    notes = {"trigger": f" ({edge.label})", "order": " (order only)"}
    return cut(shown.vertices[edge.source].name, 64) + notes.get(edge.kind, "")
