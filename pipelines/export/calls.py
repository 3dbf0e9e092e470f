"""Write each fitted step as a call of plain.py, with what it learnt as literals."""

from __future__ import annotations

import pprint
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.export.expressions import written

State = Mapping[str, Any]
WIDTH = 130


@dataclass(frozen=True)
class Call:
    """Hold one step: a sentence on it, and lines of code that change `rows`."""

    told: str
    lines: Sequence[str]


def literal(value: Any, indent: int = 0) -> str:
    """Return a value as Python source that fits the page."""
    return pprint.pformat(value, width=WIDTH - indent, compact=True, sort_dicts=False).replace("\n", "\n" + " " * indent)


def _call(function: str, /, **arguments: Any) -> list[str]:
    short = f"rows = {function}(rows, {', '.join(f'{name}={value!r}' for name, value in arguments.items())})"
    if len(short) <= WIDTH:
        return [short]
    lines = [f"rows = {function}(", "    rows,"]
    for name, value in arguments.items():
        lines += f"    {name}={literal(value, len(name) + 5)},".split("\n")
    return [*lines, ")"]


def _taken(function: str, told: str, *keys: str) -> Callable[[State], Iterator[Call]]:
    def write(state: State) -> Iterator[Call]:
        yield Call(told.format(**state), _call(function, **{key: state[key] for key in keys}))

    return write


def _outliers(state: State) -> Iterator[Call]:
    if state["action"] == "remove":
        yield Call("Outliers were removed from the training rows only; a row that is asked about is never removed.", [])
        return
    function, told = ("clip_outliers", "Cut outliers to their bounds") if state["action"] == "clip" else ("forget_outliers", "Make outliers missing")
    yield Call(f"{told} (method {state['method']}, learnt from the training split).", _call(function, bounds=state["bounds"]))


def _codes(told: str) -> Callable[[State], Iterator[Call]]:
    def write(state: State) -> Iterator[Call]:
        arguments = {"codes": state["codes"], "default": state["default"], "missing": state["missing_value"], "strict": state.get("unknown") == "fail"}
        yield Call(told, _call("encode", **arguments))

    return write


def _derive(state: State) -> Iterator[Call]:
    kinds = dict(state["kinds"])
    for name, source in state["columns"].items():
        yield Call(f"{name} = {source}", [f"rows = derived(rows, {name!r}, {written(source, kinds)})"])


def _python(state: State) -> Iterator[Call]:
    file, _, function = state["function"].rpartition(":")
    arguments = {"file": file, "function": function, "fitted": state["fitted"], "kinds": state["kinds"]}
    yield Call(f"Your own function {function} of {file}.", _call("own", **arguments))


def _rename(state: State) -> Iterator[Call]:
    yield Call("Give columns other names.", _call("rename_columns", names=state["columns"]))


def _bin(state: State) -> Iterator[Call]:
    yield Call("Replace numbers by the number of their bin.", _call("bins", edges=state["edges"]))


CALLS: Mapping[str, Callable[[State], Iterator[Call]]] = {
    "drop_columns": _taken("drop_columns", "Leave columns out.", "columns"),
    "rename_columns": _rename,
    "move_columns": _taken("move_columns", "Move columns.", "columns", "after"),
    "cast": _taken("cast", "Read columns as another type.", "columns", "kinds", "on_error", "formats", "thousands", "decimal"),
    "impute": _taken("impute", "Fill missing values ({strategy}, learnt from the training split).", "values", "indicators"),
    "outliers": _outliers,
    "replace_rare": _taken("replace_rare", "Put rare and unknown levels under one name.", "levels", "name"),
    "one_hot": _taken("one_hot", "One 0/1 column per level of the training split.", "columns", "levels", "names", "extra", "unknown", "missing"),
    "ordinal": _codes("Replace levels by their place."),
    "frequency_encode": _codes("Replace levels by their share of the training rows."),
    "target_encode": _codes("Replace levels by the label's mean in the training split, drawn towards the overall mean."),
    "scale": _taken("scale", "Scale numbers (centre and width of the training split).", "scales"),
    "dates": _taken("dates", "Make numbers from dates.", "columns", "parts", "since", "start", "unit", "formats", "keep"),
    "text": _taken("text", "Make columns from text.", "columns", "measures", "extract", "case", "strip", "keep"),
    "bin": _bin,
    "derive": _derive,
    "python": _python,
}


def calls(recipe: Mapping[str, Any]) -> list[Call]:
    """Return the calls of a fitted recipe, in its order."""
    return [call for state in recipe["steps"] for call in CALLS[state["step"]](state)]
