"""A pipeline as a Mermaid flowchart, in the form that GitHub renders inside Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pipelines.definition.model import Definition
from pipelines.report.graph_view import Edge, Vertex, View, view
from pipelines.report.words import cut, wrap

# Letters and digits of any script pass; what Mermaid, Markdown or HTML could read becomes a numeric entity, which Mermaid writes `#35;`.
# A point or a dash before a space would start a Markdown list.
UNSAFE = re.compile(r"[^\w ,.\-/]|_|[.\-](?=\s|$)|^-")
# Mermaid reads these even in entities: $$ as a formula, \n as a line break, fa:fa-x as an icon. A space without width keeps them apart.
JOINED = re.compile(r"(?<=[$\\])|(?=:fa-)")
ROUND, BOX, HEXAGON, TRAPEZE = ("([", "])"), ("[", "]"), ("{{", "}}"), ("[/", "\\]")
SHAPES: Mapping[str, tuple[str, str]] = {
    "Processing": BOX,
    "Training": ("[[", "]]"),
    "Tuning": ("[[", "]]"),
    "AutoML": ("[[", "]]"),
    "Transform": ("[/", "/]"),
    "Model": ROUND,
    "RegisterModel": ("[(", ")]"),
    "Condition": ("{", "}"),
    "Fail": HEXAGON,
    "Lambda": TRAPEZE,
    "Callback": TRAPEZE,
    "QualityCheck": ("[\\", "\\]"),
    "ClarifyCheck": ("[\\", "\\]"),
    "EndpointConfig": ROUND,
    "Endpoint": ROUND,
}
ARROWS: Mapping[str, str] = {"data": "-->", "order": "-.->", "trigger": "-.->", "yes": "==>", "no": "==>"}
CLASSES: Mapping[str, str] = {
    "Succeeded": "fill:#dcfce7,stroke:#15803d,color:#052e16",
    "Failed": "fill:#fee2e2,stroke:#b91c1c,color:#450a0a",
    "Executing": "fill:#dbeafe,stroke:#1d4ed8,color:#172554",
    "Starting": "fill:#dbeafe,stroke:#1d4ed8,color:#172554",
    "Stopping": "fill:#fef3c7,stroke:#b45309,color:#451a03",
    "Stopped": "fill:#fef3c7,stroke:#b45309,color:#451a03",
}


def mermaid(definition: Definition, states: Mapping[str, str] | None = None) -> str:
    """Return a flowchart: a shape per step type, branches labelled yes and no, a colour per status; names are escaped, long ones cut.

    Raises:
        DefinitionError: steps wait for each other in a circle.
    """
    return flowchart(view(definition, states or {}))


def flowchart(shown: View) -> str:
    """Return the flowchart of anything that is shown as steps and edges."""
    lines = ["flowchart TD", *_scope(shown, "n", "  "), *(f"  {line}" for line in _classes(shown))]
    return "\n".join(lines) + "\n"


def _scope(shown: View, prefix: str, indent: str) -> Iterator[str]:
    """Yield the nodes and edges of one view; step names never become ids, so none can be a word of Mermaid's language."""
    ids = _ids(shown, prefix)
    for name, vertex in shown.vertices.items():
        if vertex.body:
            yield f'{indent}subgraph {ids[name]}["{_heading(vertex)}"]'
            yield f"{indent}  direction TB"
            yield from _scope(vertex.body, f"{ids[name]}x", indent + "  ")
            yield f"{indent}end"
        else:
            left, right = SHAPES.get(vertex.type, BOX)
            yield f'{indent}{ids[name]}{left}"{_label(vertex)}"{right}'
    yield from (f"{indent}{_edge(edge, ids)}" for edge in shown.edges)


def _ids(shown: View, prefix: str) -> dict[str, str]:
    return {name: f"{prefix}{index}" for index, name in enumerate(shown.vertices)}


def _edge(edge: Edge, ids: Mapping[str, str]) -> str:
    label = f'|"{edge.label}"|' if edge.label else ""
    return f"{ids[edge.source]} {ARROWS[edge.kind]}{label} {ids[edge.target]}"


def _heading(vertex: Vertex) -> str:
    """Return the one line that stands over a ForEach's body."""
    return escape(cut(" ".join([f"{vertex.title} ({vertex.type})", *vertex.marks, vertex.status]).strip(), 60, len))


def _label(vertex: Vertex) -> str:
    title = wrap(vertex.title, 26, 3, len)
    conditions = [row for condition in vertex.conditions[:4] for row in wrap(condition, 28, 2, len)]
    more = [f"and {len(vertex.conditions) - 4} more"] if len(vertex.conditions) > 4 else []
    below = [*vertex.marks, *([vertex.status] if vertex.status else [])]
    return "<br/>".join(escape(line) for line in [*title, vertex.type, *conditions, *more, *below])


def escape(text: str) -> str:
    """Return text as Mermaid shows it literally inside quotes; it holds no character of Mermaid's, Markdown's or HTML's language."""
    return UNSAFE.sub(lambda found: f"#{ord(found.group())};", JOINED.sub("\u200b", text))


def _classes(shown: View) -> Iterator[str]:
    members: dict[str, list[str]] = {}
    for node, status in _statuses(shown, "n"):
        members.setdefault(status, []).append(node)
    for status in (status for status in CLASSES if status in members):
        yield f"classDef {status} {CLASSES[status]}"
        yield f"class {','.join(members[status])} {status}"


def _statuses(shown: View, prefix: str) -> Iterator[tuple[str, str]]:
    for name, node in _ids(shown, prefix).items():
        vertex = shown.vertices[name]
        if vertex.status:
            yield node, vertex.status
        if vertex.body:
            yield from _statuses(vertex.body, f"{node}x")
