"""Make a step fit the recipe that came before it: the label is left alone, columns that are not there are left out, and what remains is a valid step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipelines.config.recipe import COMBINING, ON_ROWS, RecipeStep, fitted
from pipelines.flow.translation import Scene, Step, Untranslated
from pipelines.jobs import job_module

STEP: TypeAdapter[Any] = TypeAdapter(RecipeStep)
MAY_NAME_THE_LABEL = ("drop_duplicates", "drop_missing", "move_columns")
BY_COLUMN = ("fitted", "order")
SILENT = ("cast",)


def fit(step: Step, scene: Scene, before: Sequence[Mapping[str, Any]]) -> tuple[Step | None, list[str]]:
    """Return the step as it can stand after others, None if nothing of it is left, and what was left out of it.

    Raises:
        Untranslated: it cannot stand there, or is not valid.
    """
    members, lost = dict(step.step), []
    if members["step"] == "derive":
        _check_expressions(members["columns"], scene)
    else:
        lost = _leave_out(members, scene)
        if "columns" in members and not members["columns"] and step.step["columns"]:
            return None, lost
    valid = validated(members)
    _check_place(valid, before)
    return replace(step, step=members), lost


def validated(members: Mapping[str, Any]) -> Any:
    """Return the step as the configuration holds it.

    Raises:
        Untranslated: it is not valid.
    """
    try:
        return STEP.validate_python(dict(members))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"][1:])
        raise Untranslated(f"the step {members['step']} would not be valid: {key + ': ' if key else ''}{first['msg']}") from None


def _leave_out(members: dict[str, Any], scene: Scene) -> list[str]:
    """Take the label and unknown columns out of a step; return what is to be told about it."""
    named, name = members.get("columns"), members["step"]
    if named is None or name in COMBINING:
        return []
    label = [] if name in MAY_NAME_THE_LABEL else [column for column in named if column == scene.label]
    absent = [column for column in named if _absent(column, scene)]
    out = {*label, *absent}
    members["columns"] = {key: value for key, value in named.items() if key not in out} if isinstance(named, Mapping) else [c for c in named if c not in out]
    for key in BY_COLUMN:
        if key in members:
            members[key] = {column: value for column, value in members[key].items() if column not in out}
    told = [f"the label {column!r}: a recipe leaves it as it is" for column in label if name not in SILENT]
    return told + [f"the column {column!r}: no step before makes it" for column in absent]


def _absent(column: str, scene: Scene) -> bool:
    """Tell whether a column is known not to be there."""
    return scene.columns is not None and column not in scene.columns and not column.startswith(scene.open)


def _check_expressions(made: Mapping[str, str], scene: Scene) -> None:
    read = [column for source in made.values() for column in job_module("jobkit.expression").names(source)]
    if scene.label in read or scene.label in made:
        raise Untranslated(f"it reads or makes the label {scene.label!r}: the model would be told the answer")
    absent = [column for column in read if _absent(column, scene)]
    if absent:
        raise Untranslated(f"it reads the column {absent[0]!r}, which no step before makes")


def _check_place(step: Any, before: Sequence[Mapping[str, Any]]) -> None:
    if step.step in COMBINING and any(other["step"] not in (*COMBINING, "cast") for other in before):
        raise Untranslated("inputs are combined first in a recipe, and here other transforms come before")
    if step.step in ON_ROWS and any(fitted(validated(other)) for other in before):
        raise Untranslated(f"{step.step} acts on all rows before the split, and here a step comes before it that is fitted on the training split")
