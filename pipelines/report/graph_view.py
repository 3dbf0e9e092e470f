"""What every picture of a pipeline shows: its steps in a topological order, and the edges between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pipelines.definition.expressions import references
from pipelines.definition.graph import Graph, Node
from pipelines.definition.model import Definition, Dependency, Step
from pipelines.report.words import NESTED_STEPS, clean, condition_words, facts

TRIGGER_WORDS: Mapping[str, str] = {"Failed": "on failure", "Stopped": "on stop", "Any": "on any end"}
BRANCH_WORDS: Mapping[bool, str] = {True: "yes", False: "no"}


@dataclass(frozen=True)
class Edge:
    """Lead from a step to one that waits for it; `kind` is yes, no (a branch's first steps), trigger, data or order, `label` what to write on it."""

    source: str
    target: str
    kind: str
    label: str = ""


@dataclass(frozen=True)
class Vertex:
    """Hold what is shown of a step; texts are safe to print, `status` is empty when unknown, `retries` counts its policies."""

    name: str
    title: str
    type: str
    description: str
    status: str
    branch: tuple[str, bool] | None
    conditions: tuple[str, ...]
    marks: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    body: View | None = None


@dataclass(frozen=True)
class View:
    """Hold vertices by step name in topological order, and edges in the order of the steps that they lead to."""

    vertices: Mapping[str, Vertex]
    edges: tuple[Edge, ...]


def view(definition: Definition, states: Mapping[str, str]) -> View:
    """Return what to show of a definition; `states` gives a status by step name.

    Raises:
        DefinitionError: steps wait for each other in a circle.
    """
    graph = Graph.of(definition)
    vertices = {name: _vertex(graph.nodes[name], definition, states) for name in graph.order}
    return View(vertices, tuple(edge for name in graph.order for edge in _edges(graph, name)))


def _vertex(node: Node, definition: Definition, states: Mapping[str, str]) -> Vertex:
    step = node.step
    return Vertex(
        name=clean(step.name, 256),
        title=clean(step.display_name or "", 256) or clean(step.name, 256) or "(no name)",
        type=clean(step.type, 64),
        description=clean(step.description or "", 1000),
        status=clean(states.get(step.name, ""), 40),
        branch=node.branch,
        conditions=tuple(clean(condition_words(condition)) for condition in step.conditions),
        marks=tuple(_marks(step)),
        facts=facts(step.arguments),
        body=view(replace(definition, steps=step.body_steps), states) if step.body_steps else None,
    )


def _marks(step: Step) -> Iterator[str]:
    if step.cache_config and step.cache_config.enabled:
        yield clean(f"cached {step.cache_config.expire_after or ''}", 40)
    if step.retry_policies:
        most = max((policy.max_attempts or 0 for policy in step.retry_policies), default=0)
        yield f"retries up to {most}x" if most else "retries"


def _edges(graph: Graph, name: str) -> Iterator[Edge]:
    node = graph.nodes[name]
    read = _reads(node.step)
    inner = node.branch is not None and any(_inside(graph, d.step, node.branch) for d in node.dependencies)
    for dependency in node.dependencies:
        edge = _edge(node, dependency, read)
        if not (inner and edge.kind in BRANCH_WORDS.values()):
            yield edge


def _reads(step: Step) -> frozenset[str]:
    own = {key: value for key, value in step.arguments.items() if key not in NESTED_STEPS}
    bodies = [body.raw for body in step.body_steps]
    return frozenset(reference.name for reference in references([own, *bodies, dict(step.extra)]) if reference.kind == "Steps")


def _edge(node: Node, dependency: Dependency, read: frozenset[str]) -> Edge:
    name = node.step.name
    if node.branch and dependency.step == node.branch[0]:
        word = BRANCH_WORDS[node.branch[1]]
        return Edge(dependency.step, name, word, word)
    if dependency.trigger in TRIGGER_WORDS:
        return Edge(dependency.step, name, "trigger", TRIGGER_WORDS[dependency.trigger])
    return Edge(dependency.step, name, "data" if dependency.step in read else "order")


def _inside(graph: Graph, name: str, branch: tuple[str, bool]) -> bool:
    """Return whether a step stands in a branch, at whatever depth."""
    place = graph.nodes[name].branch
    while place is not None and place != branch:
        place = graph.nodes[place[0]].branch
    return place == branch


def as_json(definition: Definition, states: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return nodes and edges as JSON-ready members; nodes in topological order, a ForEach with its body as `body`.

    Raises:
        DefinitionError: steps wait for each other in a circle.
    """
    return _as_json(view(definition, states or {}))


def _as_json(shown: View) -> dict[str, Any]:
    nodes = [
        {
            "name": name,
            "title": vertex.title,
            "type": vertex.type,
            "description": vertex.description,
            "status": vertex.status or None,
            "branch": vertex.branch and {"condition": vertex.branch[0], "when": BRANCH_WORDS[vertex.branch[1]]},
            "conditions": list(vertex.conditions),
            "marks": list(vertex.marks),
            "facts": dict(vertex.facts),
            "body": vertex.body and _as_json(vertex.body),
        }
        for name, vertex in shown.vertices.items()
    ]
    return {"nodes": nodes, "edges": [asdict(edge) for edge in shown.edges]}
