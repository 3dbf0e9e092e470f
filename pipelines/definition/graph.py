"""The graph of a definition: what each step waits for, in which branch it stands, and an order in which all can run."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipelines.definition.expressions import references
from pipelines.definition.model import Definition, Dependency, Step
from pipelines.errors import DefinitionError, Problem


@dataclass(frozen=True)
class Node:
    """Hold a step, the branch (condition step, taken when true?) it stands in, and everything it waits for."""

    step: Step
    branch: tuple[str, bool] | None
    dependencies: tuple[Dependency, ...]


@dataclass(frozen=True)
class Graph:
    """Hold the nodes in the order of the definition, and a topological order with ties in that order."""

    nodes: Mapping[str, Node]
    order: tuple[str, ...]

    @staticmethod
    def of(definition: Definition) -> Graph:
        """Return the graph of a definition.

        Raises:
            DefinitionError: steps wait for each other in a circle.
        """
        return Graph.of_steps(definition.steps)

    @staticmethod
    def of_steps(steps: tuple[Step, ...]) -> Graph:
        """Return the graph of steps that stand side by side, as in the body of a ForEach step.

        Raises:
            DefinitionError: steps wait for each other in a circle.
        """
        nodes = {step.name: Node(step, branch, _dependencies(step, branch)) for step, branch in _placed(steps, None)}
        nodes = {name: Node(n.step, n.branch, tuple(d for d in n.dependencies if d.step in nodes)) for name, n in nodes.items()}
        return Graph(nodes, _ordered(nodes))

    def upstream(self, name: str) -> frozenset[str]:
        """Return every step that this one waits for, directly or not."""
        return self._reach(name, {node: [d.step for d in self.nodes[node].dependencies] for node in self.nodes})

    def downstream(self, name: str) -> frozenset[str]:
        """Return every step that waits for this one, directly or not."""
        ahead: dict[str, list[str]] = {node: [] for node in self.nodes}
        for node, held in self.nodes.items():
            for dependency in held.dependencies:
                ahead[dependency.step].append(node)
        return self._reach(name, ahead)

    @staticmethod
    def _reach(name: str, edges: Mapping[str, list[str]]) -> frozenset[str]:
        found: set[str] = set()
        open_: list[str] = list(edges[name])
        while open_:
            step = open_.pop()
            if step not in found:
                found.add(step)
                open_.extend(edges[step])
        return frozenset(found)


def _placed(steps: tuple[Step, ...], branch: tuple[str, bool] | None) -> Iterator[tuple[Step, tuple[str, bool] | None]]:
    for step in steps:
        yield step, branch
        yield from _placed(step.if_steps, (step.name, True))
        yield from _placed(step.else_steps, (step.name, False))


def _dependencies(step: Step, branch: tuple[str, bool] | None) -> tuple[Dependency, ...]:
    own = {key: value for key, value in step.arguments.items() if key not in ("IfSteps", "ElseSteps")}
    read = [Dependency(reference.name) for reference in references({"Arguments": own, **step.extra}) if reference.kind == "Steps"]
    explicit = {dependency.step for dependency in step.depends_on}
    owner = [Dependency(branch[0])] if branch else []
    return tuple(dict.fromkeys([*step.depends_on, *(d for d in [*read, *owner] if d.step not in explicit)]))


def _ordered(nodes: Mapping[str, Node]) -> tuple[str, ...]:
    place = {name: index for index, name in enumerate(nodes)}
    waiting = {name: {dependency.step for dependency in node.dependencies} for name, node in nodes.items()}
    ready = [(place[name], name) for name, before in waiting.items() if not before]
    heapq.heapify(ready)
    order: list[str] = []
    while ready:
        _, done = heapq.heappop(ready)
        order.append(done)
        for name, before in waiting.items():
            if done in before:
                before.discard(done)
                if not before:
                    heapq.heappush(ready, (place[name], name))
    if len(order) < len(nodes):
        circle = _circle({name: node for name, node in nodes.items() if name not in order})
        path = nodes[circle[0]].step.path
        told = " -> ".join(circle)
        raise DefinitionError((Problem(path, f"steps wait for each other in a circle: {told}", "Remove one of their references.", code="cycle"),))
    return tuple(order)


def _circle(stuck: Mapping[str, Node]) -> list[str]:
    """Return one way round, e.g. A, B, A: each step waits for the next. Every step in `stuck` waits for another one in it."""
    way = [next(iter(stuck))]
    while True:
        following = next(d.step for d in stuck[way[-1]].dependencies if d.step in stuck)
        if following in way:
            return [*way[way.index(following) :], following]
        way.append(following)
