"""Steps in the user's own words: expressions, and functions of their own."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, FrozenSet, Optional

import numpy as np

from jobkit import expression
from jobkit.columns import DATE, TEXT, Column, Table, from_frame, from_series, to_frame
from jobkit.failure import JobError
from jobkit.steps.base import Config, Context, Row, State, Step

if TYPE_CHECKING:
    import pandas as pd

CODE_ROOT = Path(__file__).resolve().parents[2]


# Expressions


def _fit_derive(rows: Table, config: Config, context: Context) -> State:
    kinds = {name: column.kind for name, column in rows.columns.items()}
    for name, source in config["columns"].items():
        if name != context.label and context.label in expression.names(source):
            raise JobError("recipe step derive: column {!r} would be made from the label {!r}".format(name, context.label))
        kinds[name] = expression.compile_expression(source, kinds).kind
    used = sorted({name for source in config["columns"].values() for name in expression.names(source)})
    return {"step": "derive", "columns": dict(config["columns"]), "kinds": {name: kinds[name] for name in used}}


def _apply_derive(rows: Table, state: State, context: Context) -> Table:
    for name, source in state["columns"].items():
        kinds = {other: column.kind for other, column in rows.columns.items()}
        rows = rows.replaced({name: expression.evaluate(expression.compile_expression(source, kinds), rows.columns, len(rows))})
    return rows


def _row_derive(state: State) -> Callable[[Row], None]:
    kinds = dict(state["kinds"])
    compiled = []
    for name, source in state["columns"].items():
        compiled.append((name, expression.compile_expression(source, kinds)))
        kinds[name] = compiled[-1][1].kind

    def run(row: Row) -> None:
        for name, ready in compiled:
            row[name] = expression.evaluate_row(ready, row)

    return run


# Functions


def load(reference: str) -> Callable[..., Any]:
    """Return a function named as FILE.py:FUNCTION from the folder of the job's code.

    Raises:
        JobError: the file or the function is not there, or the file fails.
    """
    file, _, name = reference.rpartition(":")
    path = CODE_ROOT / file
    spec = importlib.util.spec_from_file_location("sagewright_custom_" + hashlib.sha256(file.encode()).hexdigest()[:12], str(path))
    if spec is None or spec.loader is None or not path.is_file():
        raise JobError("recipe step python: there is no file {!r} beside the job".format(file))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function = getattr(module, name, None)
    if not callable(function):
        raise JobError("recipe step python: {} has no function {!r}".format(file, name))
    return function


def _fit_python(rows: Table, config: Config, context: Context) -> State:
    features = _features(rows, context)
    file = CODE_ROOT / config["function"].rpartition(":")[0]
    state: State = {"step": "python", "function": config["function"], "fitted": None}
    if config.get("fit"):
        state["fitted"] = _json_ready(load(config["fit"])(to_frame(features)), config["fit"])
    state["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None
    state["kinds"] = {name: column.kind for name, column in features.columns.items()}
    return state


def _features(rows: Table, context: Context) -> Table:
    return rows.having({name: column for name, column in rows.columns.items() if name not in _hidden(context)})


def _hidden(context: Context) -> FrozenSet[Optional[str]]:
    """Return what a function never sees, since it is not there at inference: the label and ids."""
    return frozenset((context.label, *context.ids))


def _json_ready(value: Any, reference: str) -> Any:
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise JobError("recipe step python: {} must return what JSON can hold; {}".format(reference, error)) from None


def _apply_python(rows: Table, state: State, context: Context) -> Table:
    made = from_frame(_called(state, to_frame(_features(rows, context))))
    hidden = _hidden(context)
    kept = {name: column for name, column in rows.columns.items() if name in hidden}
    return rows.having({**kept, **{name: column for name, column in made.columns.items() if name not in hidden}})


def _called(state: State, frame: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    function = load(state["function"])
    result = function(frame, state["fitted"]) if state["fitted"] is not None else function(frame)
    if not isinstance(result, pd.DataFrame) or len(result) != len(frame):
        got = "{} rows".format(len(result)) if isinstance(result, pd.DataFrame) else type(result).__name__
        raise JobError("recipe step python: {} got {} rows and must return a DataFrame with as many; got {}".format(state["function"], len(frame), got))
    if not result.index.equals(frame.index):
        raise JobError("recipe step python: {} changed the order of the rows".format(state["function"]))
    return result


def _row_python(state: State) -> Callable[[Row], None]:
    def run(row: Row) -> None:
        import pandas as pd

        frame = pd.DataFrame({name: _array(row.get(name), kind) for name, kind in state["kinds"].items()})
        result = _called(state, frame)
        row.clear()
        row.update((str(name), _value(from_series(result[name]))) for name in result)

    return run


def _array(value: Any, kind: str) -> Any:
    if kind == TEXT:
        import pandas as pd

        return pd.array(np.array([value], dtype=object), dtype=object)
    number = math.nan if value is None else float(value)
    if kind != DATE:
        return np.array([number])
    return to_frame(Table({"": Column(DATE, np.array([number]))}, np.arange(1)))[""].array


def _value(column: Column) -> Any:
    if column.kind != TEXT:
        return float(column.values[0])
    return None if column.values[0] < 0 else column.levels[column.values[0]]


STEPS: Dict[str, Step] = {"derive": Step(_fit_derive, _apply_derive, _row_derive), "python": Step(_fit_python, _apply_python, _row_python)}
