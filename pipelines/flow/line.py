"""The one line of transforms that a recipe can be: from a source to the deepest transform, with the other inputs that join it."""

from __future__ import annotations

from pipelines.flow.document import Flow, Node

TRANSFORMS = ("SOURCE", "TRANSFORM")


def main_line(flow: Flow) -> list[Node]:
    """Return the nodes from a source to the transform with most nodes before it, by the first input of each."""
    return _before(flow, _end(flow))


def _end(flow: Flow) -> Node | None:
    depth: dict[str, int] = {}
    for node in flow.nodes:
        depth[node.id] = 1 + max((depth[key] for key in node.inputs), default=0)
    candidates = [node for node in flow.nodes if node.type in TRANSFORMS]
    return max(candidates, key=lambda node: depth[node.id], default=None)


def _before(flow: Flow, end: Node | None) -> list[Node]:
    nodes = {node.id: node for node in flow.nodes}
    line = []
    while end is not None:
        line.append(end)
        end = nodes[end.inputs[0]] if end.inputs else None
    return line[::-1]


def side_inputs(flow: Flow, line: list[Node]) -> dict[str, list[list[Node]]]:
    """Return for every node of the line the chains that come in by its further inputs, each from its source on."""
    return {node.id: [_before(flow, flow.node(key)) for key in node.inputs[1:]] for node in line if len(node.inputs) > 1}
