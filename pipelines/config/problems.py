"""Validation errors in our words: dotted key, got, expected, nearest key, one line each."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from pipelines.config.model import PipelineConfig, RecipeStep

Location = Sequence[Any]


def dotted(location: Location) -> str:
    """Return a Pydantic location as a dotted key; the names of union members that Pydantic adds are left out."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part not in UNION_NAMES:
            text += f".{part}" if text else str(part)
    return text


STEP_NAMES = ("drop_columns", "drop_duplicates", "impute", "outliers", "one_hot")
UNION_NAMES = frozenset({*STEP_NAMES, "MetricBar", "CellBar", "Registration", "str", "int", "float", "bool", "literal['auto']", "tuple[str, ...]"})


def describe(error: Mapping[str, Any]) -> tuple[str, str]:
    """Return (dotted key, what is wrong with got, expected and a hint) of one Pydantic error."""
    key = dotted(error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    if kind in TOLD:
        return key, TOLD[kind](error, context)
    return key, f"{error['msg'].removeprefix('Value error, ')}; got {short(error.get('input'))}"


def short(value: Any) -> str:
    """Return a value in at most 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _unknown(error: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    name = str(error["loc"][-1])
    known = known_keys(error["loc"][:-1])
    near = difflib.get_close_matches(name, known, 1, 0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"unknown key; expected one of: {', '.join(known)}.{hint}"


def _wrong_type(error: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    value = error.get("input")
    hint = (
        " Put it in quotes: YAML reads it as something else."
        if error["type"] in ("string_type", "literal_error") and not isinstance(value, (str, dict, list, type(None)))
        else ""
    )
    return f"wrong type; got {short(value)} ({type(value).__name__}), expected {EXPECTED.get(error['type'], error['type'])}.{hint}"


def _literal(error: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    value, expected = error.get("input"), str(context.get("expected", ""))
    near = difflib.get_close_matches(str(value), expected.replace("'", "").replace(" or ", ", ").split(", "), 1, 0.5)
    quotes = " Put it in quotes: YAML reads it as a number." if isinstance(value, (int, float)) else ""
    return f"not allowed; got {short(value)}, expected {expected}.{f' Did you mean {near[0]}?' if near else quotes}"


def _no_step(error: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    given = context.get("tag", "")
    near = difflib.get_close_matches(given, STEP_NAMES, 1, 0.4)
    got = f"step {given!r}" if given else "no step"
    return f"got {got}, expected step: one of {', '.join(STEP_NAMES)}.{f' Did you mean {near[0]}?' if near else ''}"


EXPECTED: Mapping[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
}
TOLD: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], str]] = {
    "extra_forbidden": _unknown,
    "literal_error": _literal,
    "union_tag_invalid": _no_step,
    "union_tag_not_found": _no_step,
    "missing": lambda error, context: "missing; this key is needed.",
    "string_pattern_mismatch": lambda error, context: f"the wrong form; got {short(error.get('input'))}, expected the form {context.get('pattern')}",
    **dict.fromkeys(EXPECTED, _wrong_type),
}


def known_keys(location: Location) -> list[str]:
    """Return the keys that the model has at a location."""
    model: Any = PipelineConfig
    for part in location:
        candidates = [
            inner for inner in _models(model) if not isinstance(part, str) or part in inner.model_fields or inner.__name__ == part or part in STEP_NAMES
        ]
        if isinstance(part, int) or not candidates:
            continue
        model = next((_step_model(part) for _ in (1,) if part in STEP_NAMES), None) or next(
            (
                inner if inner.__name__ == part else inner.model_fields[part].annotation
                for inner in candidates
                if inner.__name__ == part or part in inner.model_fields
            ),
            model,
        )
    return sorted({name for inner in _models(model) for name in inner.model_fields})


def _step_model(name: str) -> Any:
    return next(model for model in _models(RecipeStep) if model.model_fields["step"].annotation.__args__[0] == name)  # type: ignore[union-attr]


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in getattr(annotation, "__args__", ()) for model in _models(inner)]


def without_shadows(errors: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Drop the errors of union members that the value was clearly not meant to be: of each place keep the member with the fewest errors."""
    places: dict[tuple[Any, ...], dict[Any, list[Mapping[str, Any]]]] = {}
    for error in errors:
        location = list(error["loc"])
        cut = next((index for index, part in enumerate(location) if part in UNION_NAMES and part not in STEP_NAMES), None)
        place, member = (tuple(location[:cut]), location[cut]) if cut is not None else (tuple(location), None)
        places.setdefault(place, {}).setdefault(member, []).append(error)
    return [error for members in places.values() for error in min(members.values(), key=_unlikeliness)]


def _unlikeliness(errors: list[Mapping[str, Any]]) -> tuple[int, int]:
    return sum(error["type"] in ("missing", "extra_forbidden") for error in errors), len(errors)
