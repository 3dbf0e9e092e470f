"""Selective execution: which steps run, and which take their results from an earlier run (SelectiveExecutionConfig)."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from pipelines.definition.graph import Graph
from pipelines.errors import UsageError
from pipelines.local.journal import RunState


@dataclass(frozen=True)
class Selection:
    """Name steps: `only` these, `start` with one and all after it, `until` one and all before it; results come from the run `source`."""

    only: tuple[str, ...] = ()
    start: str | None = None
    until: str | None = None
    source: str | None = None

    @property
    def needs_source(self) -> bool:
        """Tell whether steps are left out whose results other steps read."""
        return bool(self.only or self.start)


EVERYTHING = Selection()


@dataclass(frozen=True)
class Chosen:
    """State which steps run and which are carried over from the source run."""

    selected: frozenset[str]
    carried: tuple[str, ...]


def resolve(graph: Graph, selection: Selection, source: RunState | None) -> Chosen:
    """Return the steps to run and to carry over.

    Raises:
        UsageError: a name is no step, or a step that is needed did not succeed in the source run.
    """
    for name in (*selection.only, *filter(None, (selection.start, selection.until))):
        if name not in graph.nodes:
            near = difflib.get_close_matches(name, graph.nodes, 1)
            hint = f"Did you mean {near[0]}?" if near else ""
            raise UsageError(f"the pipeline has no step {name!r}", expected=f"one of: {', '.join(graph.nodes)}", hint=hint)
    selected = frozenset(graph.nodes)
    if selection.only:
        selected &= frozenset(selection.only)
    if selection.start:
        selected &= graph.downstream(selection.start) | {selection.start}
    if selection.until:
        selected &= graph.upstream(selection.until) | {selection.until}
    return Chosen(selected, _carried(graph, selected, source) if selection.needs_source else ())


def _carried(graph: Graph, selected: frozenset[str], source: RunState | None) -> tuple[str, ...]:
    needed = {dep.step for name in selected for dep in graph.nodes[name].dependencies} - selected
    done = {name for name, step in (source.steps if source else {}).items() if step.status == "Succeeded"}
    missing = sorted(needed - done)
    if missing and source:
        hint = f"Run `sagewright run --until {missing[0]}` first, or name another run with --source."
        raise UsageError(f"step {missing[0]} did not succeed in run {source.execution_id}", where="selective execution", hint=hint)
    upstream = frozenset().union(*(graph.upstream(name) for name in selected)) if selected else frozenset()
    return tuple(name for name in graph.order if name in (upstream - selected) and name in done)
