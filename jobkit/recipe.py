"""The recipe: steps fitted on the training split only, kept as readable JSON, and applied alike to one row or a million.

    read -> join, concat -> (schema) -> steps before the split -> split -> fit on training rows -> apply everywhere

The schema is that of the raw rows that a model is given later. Steps on the set of rows are done once, before the split, and never at inference; every other
step is applied to every row, in the order of the recipe.
"""

from __future__ import annotations

import json
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from jobkit import expression
from jobkit.columns import DATE, NUMBER, TEXT, Column, Table
from jobkit.failure import JobError
from jobkit.steps.base import Config, Context, State
from jobkit.steps.levels import safe_name, unique
from jobkit.steps.table import FITTED, IDS, ON_ROWS, STEPS, TARGETED

VERSION = 2
SAFE_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
COMBINING = ("join", "concat")
# Where a step keeps what was fitted elsewhere; with it for every column there is nothing to learn.
GIVEN = {"impute": "fitted", "one_hot": "fitted", "ordinal": "order", "outliers": "fitted"}

Fitted = Dict[str, Any]


def learns(step: Config) -> bool:
    """Tell whether a step acts on the training split: learns from it, or removes outliers from it."""
    if step["step"] in GIVEN and step["columns"] != "auto" and step.get("action") != "remove":
        return not set(step["columns"]) <= set(step.get(GIVEN[step["step"]]) or ())
    return step["step"] in FITTED or bool(step["step"] == "python" and step.get("fit"))


def divide(steps: Sequence[Config]) -> Tuple[List[Config], List[Config], List[Config]]:
    """Return the steps that combine inputs, those before the split, and those from the first fitted one on.

    Raises:
        JobError: a step on the set of rows comes after a fitted one, or inputs are combined after another step.
    """
    head = next((place for place, step in enumerate(steps) if step["step"] not in COMBINING), len(steps))
    cut = next((place for place, step in enumerate(steps) if learns(step)), len(steps))
    for place, step in enumerate(steps):
        if step["step"] in ON_ROWS and place > cut:
            raise JobError("recipe step {}: it acts on the set of rows and must come before the steps that are fitted".format(step["step"]))
        if step["step"] in COMBINING and place > head:
            raise JobError("recipe step {}: inputs are combined first; move it to the front".format(step["step"]))
    return list(steps[:head]), list(steps[head:cut]), list(steps[cut:])


def unused(steps: Sequence[Config], names: Sequence[str]) -> List[str]:
    """Return the columns that are dropped before any step looks at them; they need not even be read."""
    left, seen = list(names), set()
    for step in steps:
        if step["step"] in COMBINING:
            return []
        if step["step"] == "drop_columns":
            left = [name for name in left if name not in step["columns"] or name in seen]
            continue
        looked = _looked_at(step)
        if looked is None:
            break
        seen |= looked
    return [name for name in names if name not in left]


def without(steps: Sequence[Config], unread: Sequence[str]) -> List[Config]:
    """Return the steps for a table in which these columns were not read: nothing is left to drop of them."""
    return [{**step, "columns": [name for name in step["columns"] if name not in unread]} if step["step"] == "drop_columns" else step for step in steps]


def _looked_at(step: Config) -> Optional[set]:
    """Return the columns that a step names, None for a step that may look at any."""
    if step["step"] == "filter_rows":
        return set(expression.names(step["where"]))
    if step["step"] == "derive":
        return {name for source in step["columns"].values() for name in expression.names(source)} | set(step["columns"])
    if step["step"] in ("python", "drop_missing", "drop_duplicates", "keep_columns") or step.get("columns") in ("auto", None):
        return set(step["columns"]) if step["step"] in ("drop_missing", "drop_duplicates") and step["columns"] else None
    return set(step["columns"]) | {step.get("after"), step.get("since")}


def run(rows: Table, steps: Sequence[Config], context: Context) -> Tuple[List[State], Table]:
    """Fit and apply steps one after another; return their states and the rows."""
    states: List[State] = []
    context = context._replace(ids=context.ids | ids(steps))
    for config in steps:
        step = STEPS[config["step"]]
        with np.errstate(all="ignore"):
            given = _targeted(rows, context) if config["step"] in TARGETED else context
            state = step.fit(rows, config, given)
            rows = step.apply(rows, state, given)
        states.append(state)
    return states, rows


def ids(steps: Sequence[Config]) -> FrozenSet[str]:
    """Return the columns that steps make to number or date the rows; they are never features."""
    return frozenset(step["column"] for step in steps if step["step"] in IDS)


def _targeted(rows: Table, context: Context) -> Context:
    """Return the context with the label's numbers for these rows."""
    if context.target is None:
        return context
    return context._replace(target=context.target[rows.origin])


def schema_of(rows: Table, label: Optional[str]) -> List[Dict[str, str]]:
    """Return name and kind of every raw column but the label."""
    return [{"name": name, "kind": column.kind} for name, column in rows.columns.items() if name != label]


def finish(schema: Sequence[Mapping[str, str]], early: Sequence[State], late: Sequence[State], rows: Table, context: Context) -> Fitted:
    """Return the fitted recipe of the steps before (`early`) and after (`late`) the split, whose training rows ended as `rows`.

    Raises:
        JobError: text or dates are left, or no feature is.
    """
    left_out = {context.label, *ids([*early, *late])}
    columns = [name for name in rows.columns if name not in left_out]
    for kind, advice in ((TEXT, "text; add a one_hot step or drop them"), (DATE, "dates; add a dates step or drop them")):
        left = [name for name in columns if rows[name].kind == kind]
        if left:
            raise JobError("the columns {} still hold {}".format(", ".join(left)[:300], advice))
    if not columns:
        raise JobError("the recipe leaves no feature")
    before, after = ([state for state in states if state["step"] not in (*ON_ROWS, *IDS)] for states in (early, late))
    kept = {"steps": before + after, "first_fitted": len(before)}
    return {"version": VERSION, "schema": list(schema), **kept, "columns": columns, "features": safe_names(columns)}


def safe_names(names: Sequence[str]) -> List[str]:
    """Return the names with what CSV headers or XGBoost refuse replaced; one that is fine stays, and all stay different."""
    taken = {name for name in names if name and set(name) <= SAFE_LETTERS}
    return [name if name in taken else unique(safe_name(name), taken) for name in names]


def transform(rows: Table, recipe: Fitted) -> Table:
    """Return the typed rows of another split after the steps of the recipe from `recipe["first_fitted"]` on; no row is removed."""
    return apply_states(rows, recipe["steps"][recipe["first_fitted"] :])


def apply_states(rows: Table, states: Sequence[State]) -> Table:
    """Return typed rows after fitted steps, as at inference."""
    with np.errstate(all="ignore"):
        for state in states:
            rows = STEPS[state["step"]].apply(rows, state, Context())
    return rows


def features(rows: Table, recipe: Fitted) -> Dict[str, np.ndarray]:
    """Return the features of transformed rows by name: float32 (uint8 where only 0 and 1 occur), shape (rows,)."""
    return {feature: as_feature(rows[name]) for name, feature in zip(recipe["columns"], recipe["features"])}


def as_feature(column: Column) -> np.ndarray:
    """Return a column's values as float32, shape (rows,), missing where they exceed it; 0/1 columns stay uint8."""
    if column.kind != NUMBER:
        raise JobError("a column ended as {}, not as numbers".format(column.kind))
    if column.values.dtype == np.uint8:
        return column.values
    with np.errstate(over="ignore"):
        values = column.values.astype(np.float32)
    wide = np.isinf(values)
    return np.where(wide, np.float32(np.nan), values) if wide.any() else values


def dumps(recipe: Fitted) -> str:
    """Return the recipe as JSON text that is the same for the same recipe."""
    return json.dumps(recipe, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def loads(text: str) -> Fitted:
    """Return the recipe that a JSON text holds.

    Raises:
        JobError: it is not a recipe, or of another version.
    """
    try:
        recipe = json.loads(text)
    except ValueError as error:
        raise JobError("recipe.json: not JSON: {}".format(error)) from None
    if not isinstance(recipe, dict) or recipe.get("version") != VERSION:
        found = recipe.get("version") if isinstance(recipe, dict) else type(recipe).__name__
        raise JobError("recipe.json: got version {!r}, expected {}; run the pipeline again".format(found, VERSION))
    return recipe
