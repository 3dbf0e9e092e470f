"""Write what a flow became as a pipeline.yaml with a comment on every node."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.flow import charts
from pipelines.flow.document import Node
from pipelines.flow.importing import NOT, TRANSLATED, Imported
from pipelines.flow.translation import Step
from pipelines.samples import SCHEMA_FILE
from pipelines.scaffold.text import OBJECTIVES, POSITIVE_WORDS, WIDTH, comment, flow, quoted

PROBLEMS: Mapping[str, str] = {
    "binary": "binary_classification",
    "multiclass": "multiclass_classification",
    "regression": "regression",
    "": "binary_classification",
}
NO_INPUT = "data.csv"
LIST_WIDTH = 110


def yaml_text(made: Imported) -> str:
    """Return pipeline.yaml."""
    return "".join(f"{line}\n" for line in _lines(made))


def code_text(made: Imported) -> str:
    """Return the file of functions that the flow's own code became."""
    head = f'"""Code of {made.flow.file}, made into functions by `sagewright import-flow`: look at it before it runs."""\n'
    return "\n\n".join([head.replace("\\", ""), *(f"{body}\n" for _, body in sorted(made.code.items()))])


def problem(made: Imported) -> str:
    """Return the kind of problem: what the flow's report says, else two classes; several when it saw more than two."""
    found = PROBLEMS[charts.problem_of(made.flow)]
    return "multiclass_classification" if found == "binary_classification" and len(charts.classes_of(made.flow)) > 2 else found


def name_of(made: Imported) -> str:
    """Return the pipeline's name, made from the file's."""
    stem = made.flow.file.rsplit(".", 1)[0] if "." in made.flow.file[1:] else made.flow.file
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", stem)
    return re.sub(r"[^a-zA-Z0-9]+", "-", words).strip("-").lower()[:63].strip("-") or "imported-flow"


def _lines(made: Imported) -> Iterator[str]:
    whole = sum(outcome.status == TRANSLATED for outcome in made.outcomes)
    yield f"# yaml-language-server: $schema={SCHEMA_FILE}"
    yield comment(f"Made by `sagewright import-flow` from {made.flow.file!r}: {whole} of {len(made.outcomes)} nodes translated whole. It is yours to change.")
    yield f"name: {quoted(name_of(made))}"
    yield f"problem: {problem(made)}"
    yield from _data(made)
    yield from _label(made)
    yield from _warned(made)
    yield from _recipe(made)
    yield from ("", "split: {train: 0.7, validation: 0.15, method: " + ("random" if problem(made) == "regression" else "stratified") + "}")
    yield from _profile(made)
    objective, metric = OBJECTIVES[problem(made)]
    yield from ("", "training:", "  algorithm: xgboost", '  version: "3.2-0"', "  hyperparameters:")
    yield from (f"    objective: {objective}", f"    eval_metric: {metric}", "    num_round: 100")
    yield from ("", "registration:", f"  model_package_group: {quoted(name_of(made))}")


def _data(made: Imported) -> Iterator[str]:
    yield from ("", "data:")
    data = made.data or {"input": NO_INPUT}
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield f"  {key}:"
            yield from (f"    {name}: {flow(item)}" for name, item in value.items())
        else:
            yield f"  {key}: {flow(value)}"
    if not made.data:
        yield "  # No source of the flow has an equivalent: put your file here."
    if made.others:
        yield "  others:"
        yield from (f"    {name}: {flow(value)}" for name, value in made.others.items())


def _label(made: Imported) -> Iterator[str]:
    yield from ("", "label:", f"  column: {quoted(made.label)}")
    classes, kind = charts.classes_of(made.flow), problem(made)
    if kind == "multiclass_classification":
        yield f"  classes: {flow(classes)}"
    if kind == "binary_classification":
        positive = next((value for value in classes if value.strip().lower() in POSITIVE_WORDS), classes[-1] if classes else "1")
        yield f"  positive: {quoted(int(positive) if re.fullmatch('[0-9]{1,15}', positive) else positive)}"


def _warned(made: Imported) -> Iterator[str]:
    if made.warnings:
        yield from ("", *(comment(line) for text in made.warnings for line in textwrap.wrap(f"! {text}", WIDTH, subsequent_indent="  ")))
    yield from (line for remark in made.remarks[:1] for line in ("", "# What the flow wrote, and the pipeline does not:"))
    yield from (comment(f"* {remark}") for remark in made.remarks)
    dropped = [outcome for outcome in made.outcomes if outcome.status != TRANSLATED]
    if dropped:
        yield from ("", "# Not translated, wholly or in part:")
        for outcome in dropped:
            yield from (comment(f"* {_title(outcome.node)}{'' if outcome.status == NOT else ' (in part)'}: {text}") for text in outcome.lost)


def _title(node: Node) -> str:
    kind = f" ({node.kind})" if node.kind else ""
    return f"{node.id[:8]} {node.short_operator}{kind}{f' {node.name}' if node.name and node.name != node.kind else ''}"


def _recipe(made: Imported) -> Iterator[str]:
    yield from ("", "recipe:" if made.steps else "recipe: []")
    for node, step in made.steps:
        yield from _step(node, step)
    if made.leaking:
        yield comment("The flow's report calls these target leaks; a recipe that still has them as features needs this step:")
        yield "  # - step: drop_columns"
        yield f"  #   columns: {flow(made.leaking)}"


def _step(node: Node | None, step: Step) -> Iterator[str]:
    members = dict(step.step)
    why = "; ".join(part for part in (_title(node) if node else "", step.reason) if part)
    yield f"  - step: {members.pop('step')}    {comment(why)}"
    for key, value in members.items():
        yield from _member(key, value, step.reasons if key == "columns" else {})


def _member(key: str, value: Any, reasons: Mapping[str, str]) -> Iterator[str]:
    short = f"    {key}: {flow(value)}"
    if not isinstance(value, (Mapping, list)) or not reasons and (len(short) <= LIST_WIDTH or not value):
        yield short
        return
    yield f"    {key}:"
    for name in value:
        entry = f"{quoted(name)}: {flow(value[name])}" if isinstance(value, Mapping) else f"- {flow(name)}"
        yield f"      {entry}" + (f"    {comment(reasons[name])}" if reasons.get(name) else "")


def _profile(made: Imported) -> Iterator[str]:
    if not made.profile:
        return
    yield from ("", "# What the flow drew and analysed; the step Profile looks at the raw rows.", "profile:")
    members = {key: value for key, value in made.profile.items() if key != "insights"}
    for key, value in members.items():
        if isinstance(value, list):
            yield from (f"  {key}:", *(f"    - {flow(item)}" for item in value))
        else:
            yield f"  {key}: {flow(value)}"
    if not members:
        yield "  quick_model: true"
