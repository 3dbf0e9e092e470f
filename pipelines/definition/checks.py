"""Deep checks of a definition: every problem at once, each with its place and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.definition import check_references, check_steps
from pipelines.definition.model import Definition, parse
from pipelines.errors import DefinitionError, Problem


def check(document: object, *, executable: frozenset[str] | None = None) -> tuple[Problem, ...]:
    """Return every problem of a parsed JSON document; `error` blocks, `warning` does not.

    With `executable`, step types that are not in it are errors too.
    """
    try:
        definition = parse(document)
    except DefinitionError as error:
        return error.problems
    return tuple(dict.fromkeys(_all(definition, executable)))


def _all(definition: Definition, executable: frozenset[str] | None) -> Iterator[Problem]:
    yield from check_steps.document(definition)
    yield from check_steps.parameters(definition)
    for step in definition.all_steps():
        yield from check_steps.step(definition, step, executable)
    yield from check_references.references_of(definition)
    yield from check_references.graph_of(definition)
