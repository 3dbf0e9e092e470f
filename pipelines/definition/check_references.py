"""Checks of what refers to what: parameters, steps, property paths, property files, branches, circles."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipelines.definition import shapes
from pipelines.definition.catalog import EXECUTION_VARIABLES, STEP_TYPES
from pipelines.definition.expressions import ExpressionError, Path, Reference, expression_kind, json_get, parse_path, references
from pipelines.definition.graph import Graph
from pipelines.definition.model import Definition, Step
from pipelines.errors import DefinitionError, Problem

Problems = Iterator[Problem]
NESTED = ("IfSteps", "ElseSteps", "ForEachBody")


def own_arguments(step: Step) -> dict[str, Any]:
    """Return a step's arguments without the steps inside it."""
    return {key: value for key, value in step.arguments.items() if key not in NESTED}


def references_of(definition: Definition) -> Problems:
    """Yield every reference that leads nowhere, and every parameter that nothing refers to."""
    used: set[str] = set()
    steps = {step.name: step for step in definition.all_steps()}
    places: list[tuple[str, Any]] = [("$.PipelineExperimentConfig", definition.experiment), ("$.MlflowConfig", definition.mlflow)]
    for step in definition.all_steps():
        places += [(f"{step.path}.Arguments", own_arguments(step)), *((f"{step.path}.{key}", value) for key, value in step.extra.items())]
        yield from _depends_on(step, steps)
    for path, value in places:
        yield from _expressions(value, path)
        for reference in references(value, path):
            used |= {reference.name} if reference.kind == "Parameters" else set()
            yield from ROOTS.get(reference.kind, _unknown_root)(reference, definition, steps)
    for index, parameter in enumerate(definition.parameters):
        if parameter.name not in used:
            yield Problem(
                f"$.Parameters[{index}]", f"nothing reads the parameter {parameter.name!r}", "Remove it, or refer to it.", "warning", "unused-parameter"
            )


def _depends_on(step: Step, steps: Mapping[str, Step]) -> Problems:
    for index, dependency in enumerate(step.depends_on):
        path = f"{step.path}.DependsOn[{index}]"
        if dependency.step not in steps:
            yield Problem(path, f"there is no step {dependency.step[:80]!r}", _near(dependency.step, steps), code="reference")
        elif steps[dependency.step].type in _ENDS:
            yield Problem(path, f"{dependency.step!r} is a Fail step, which nothing can follow", "Depend on the step before it.", code="depends-on-fail")


_ENDS = frozenset({"Fail"})


def _near(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    return f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."[:300]


def _expressions(value: Any, path: str) -> Problems:
    """Yield expressions whose form is wrong."""
    kind = expression_kind(value)
    if kind:
        yield from FORMS[kind](value[kind], f"{path}['{kind}']")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _expressions(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _expressions(item, f"{path}[{index}]")


def _get_form(body: Any, path: str) -> Problems:
    try:
        if not isinstance(body, str):
            raise ExpressionError("Get takes a path as text", got=type(body).__name__)
        parse_path(body)
    except ExpressionError as error:
        yield Problem(path, error.what, error.expected and f"Expected {error.expected}.", code="expression")


def _join_form(body: Any, path: str) -> Problems:
    if not isinstance(body, Mapping) or not isinstance(body.get("Values"), list) or not isinstance(body.get("On", ""), str):
        yield Problem(path, "Std:Join takes On (text) and Values (a list)", code="expression")
        return
    yield from _expressions(body["Values"], f"{path}.Values")


def _json_get_form(body: Any, path: str) -> Problems:
    if not isinstance(body, Mapping) or not isinstance(body.get("Path"), str) or not {"PropertyFile", "S3Uri"} & set(body):
        yield Problem(path, "Std:JsonGet takes Path (text) and PropertyFile or S3Uri", code="expression")
        return
    try:
        json_get(_Anything(), body["Path"])
    except ExpressionError as error:
        yield Problem(f"{path}.Path", error.what, "Use names, ['quoted names'] and [0].", code="expression")
    for key in ("PropertyFile", "S3Uri"):
        yield from _expressions(body.get(key), f"{path}.{key}")


class _Anything:
    """Stand for a document that has every member, to try a path's form."""

    def __getitem__(self, key: object) -> _Anything:
        return self


FORMS: Mapping[str, Callable[[Any, str], Problems]] = {"Get": _get_form, "Std:Join": _join_form, "Std:JsonGet": _json_get_form}


def _parameter(reference: Reference, definition: Definition, steps: Mapping[str, Step]) -> Problems:
    names = {parameter.name: parameter for parameter in definition.parameters}
    if reference.name not in names:
        yield Problem(reference.json_path, f"there is no parameter {reference.name!r}", _near(reference.name, names), code="reference")


def _execution(reference: Reference, definition: Definition, steps: Mapping[str, Step]) -> Problems:
    if reference.name not in EXECUTION_VARIABLES:
        known = dict.fromkeys(sorted(EXECUTION_VARIABLES))
        yield Problem(reference.json_path, f"an execution has no {reference.name!r}", _near(reference.name, known), code="reference")


def _nothing(reference: Reference, definition: Definition, steps: Mapping[str, Step]) -> Problems:
    yield from ()


def _unknown_root(reference: Reference, definition: Definition, steps: Mapping[str, Step]) -> Problems:
    known = dict.fromkeys(ROOTS)
    yield Problem(reference.json_path, f"{reference.kind!r} leads nowhere", _near(reference.kind, known), code="reference")


def _step(reference: Reference, definition: Definition, steps: Mapping[str, Step]) -> Problems:
    target = steps.get(reference.name)
    if target is None:
        yield Problem(reference.json_path, f"there is no step {reference.name!r}", _near(reference.name, steps), code="reference")
    elif reference.property_file is not None:
        declared = {file.name: file for file in target.property_files}
        if reference.property_file not in declared:
            message = f"step {target.name} has no property file {reference.property_file!r}"
            yield Problem(reference.json_path, message, _near(reference.property_file, declared), code="property-file")
    else:
        problem = _path_problem(target, reference.path)
        if problem:
            yield Problem(reference.json_path, problem, f"It is read from step {target.name} ({target.type}).", code="property-path")


def _path_problem(target: Step, path: Path) -> str | None:
    kind, below = STEP_TYPES.get(target.type), path.segments[1:]
    if kind is None or "*" in kind.properties or (below and below[0] in kind.properties):
        return None
    if not below:
        return "a step has no value of its own; name one of its properties"
    if kind.describes is None:
        return f"a {target.type} step has no property {below[0]!r}"
    return shapes.resolve(kind.describes, below) or _output_problem(target, below)


def _output_problem(target: Step, below: tuple[str | int, ...]) -> str | None:
    """Look whether an output that is read by name is declared."""
    if below[:2] != ("ProcessingOutputConfig", "Outputs") or len(below) < 3 or not isinstance(below[2], str):
        return None
    config = target.arguments.get("ProcessingOutputConfig")
    outputs = config.get("Outputs") if isinstance(config, Mapping) else None
    names = {str(output.get("OutputName")): output for output in outputs if isinstance(output, Mapping)} if isinstance(outputs, list) else {}
    return None if below[2] in names else f"step {target.name} has no output {below[2]!r}; {_near(str(below[2]), names)}"


ROOTS: Mapping[str, Callable[[Reference, Definition, Mapping[str, Step]], Problems]] = {
    "Parameters": _parameter,
    "Steps": _step,
    "Execution": _execution,
    "ForEach": _nothing,
    "IterationOutput": _nothing,
}


def graph_of(definition: Definition) -> Problems:
    """Yield circles, also in the bodies of ForEach steps, and references into a branch from where that branch may not have been taken."""
    for step in definition.all_steps():
        try:
            Graph.of_steps(step.body_steps)
        except DefinitionError as error:
            yield from error.problems
    try:
        graph = Graph.of(definition)
    except DefinitionError as error:
        yield from error.problems
        return
    for name, node in graph.nodes.items():
        here = _branches(graph, name)
        for dependency in node.dependencies:
            there = _branches(graph, dependency.step)
            opposite = [condition for condition, taken in there.items() if here.get(condition, taken) != taken]
            if opposite:
                message = f"step {name} waits for {dependency.step}, which is in the other branch of {opposite[0]}: it can never run"
                yield Problem(node.step.path, message, "Move one of them.", code="unreachable")


def _branches(graph: Graph, name: str) -> dict[str, bool]:
    """Return the branches that a step stands in, by condition step."""
    found: dict[str, bool] = {}
    branch = graph.nodes[name].branch
    while branch:
        found[branch[0]] = branch[1]
        branch = graph.nodes[branch[0]].branch
    return found
