"""Validation errors in our words: dotted key, got, expected, nearest key, one line each."""

from __future__ import annotations

import datetime
import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, get_origin

from pydantic import BaseModel

from pipelines.config.gate import BARS
from pipelines.config.model import FORMS, PipelineConfig
from pipelines.config.recipe import STEPS
from pipelines.config.section import INSTANCE_TYPE

Error = Mapping[str, Any]
Location = Sequence[Any]

NOTHING = object()


def describe_all(errors: Iterable[Error], values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (dotted key, what is wrong) of Pydantic's errors about these values; what the members of a union say about one place is one problem."""
    places: dict[tuple[Any, ...], list[Error]] = {}
    members: dict[tuple[Any, ...], list[Error]] = {}
    for error in _first_causes(list(errors)):
        keys, below = _split(error, values)
        (places if below is None else members).setdefault(keys, []).append(error)
        if below is not None:
            places.setdefault(keys, [])
    return [problem for keys, alone in places.items() for problem in [*map(_described(keys), alone), *_of_union(keys, members.get(keys, []), values)]]


def _first_causes(errors: Sequence[Error]) -> list[Error]:
    """Leave out lists that are too short only because an entry in them is wrong."""
    wrong = {tuple(error["loc"][:place]) for error in errors for place in range(len(error["loc"]))}
    return [error for error in errors if error["type"] != "too_short" or tuple(error["loc"]) not in wrong]


def _described(keys: tuple[Any, ...]) -> Callable[[Error], tuple[str, str]]:
    return lambda error: _keyed(dotted(keys), TOLD.get(error["type"], _as_told)(error))


def _keyed(key: str, text: str) -> tuple[str, str]:
    """Return the pair; a validator of a whole section names the key it means first, as in `value: missing`."""
    inner = re.match(r"([a-z_]+): ", text)
    return (f"{key}.{inner[1]}", text[inner.end() :]) if inner else (key, text)


def _split(error: Error, values: Any) -> tuple[tuple[Any, ...], int | None]:
    """Return the keys of an error's location without the tags that Pydantic adds, and where in the location a member of a plain union stands, if any.

    After a list's index a text is always a tag (recipe and gate); elsewhere a part that the values do not have is one, unless a key is missing.
    """
    keys: list[Any] = []
    location = error["loc"]
    for place, part in enumerate(location):
        if isinstance(part, str) and place and isinstance(location[place - 1], int):
            continue
        missing = error["type"] == "missing" and place == len(location) - 1
        below = _at(values, part)
        if below is NOTHING and not missing:
            return tuple(keys), place
        keys.append(part)
        values = below
    return tuple(keys), None


def _at(values: Any, part: Any) -> Any:
    if isinstance(values, Mapping):
        return values.get(part, NOTHING)
    return values[part] if isinstance(values, (list, tuple)) and isinstance(part, int) and part < len(values) else NOTHING


def _of_union(keys: tuple[Any, ...], errors: list[Error], values: Any) -> list[tuple[str, str]]:
    """Return what is wrong with entries inside when one member fits that far, else one problem that names every member."""
    deep = [(rest, error) for error in errors for rest in [error["loc"][_split(error, values)[1] + 1 :]] if rest]  # type: ignore[operator]
    if deep:
        return [_keyed(dotted((*keys, *rest)), TOLD.get(error["type"], _as_told)(error)) for rest, error in deep]
    if not errors:
        return []
    words = list(dict.fromkeys(EXPECTED.get(error["type"]) or str(error.get("ctx", {}).get("expected", error["msg"])) for error in errors))
    expected = " or ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
    return [(dotted(keys), f"wrong type; got {got(errors[0].get('input'))}, expected {expected}.")]


def dotted(keys: Location) -> str:
    """Return keys and indices as one text, e.g. `gate[0].metric`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in keys)
    return text.removeprefix(".")


def short(value: Any) -> str:
    """Return a value in at most 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def nearest(name: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """Return a hint that names the known word nearest to this one, with a blank before it; empty when none is near."""
    folded = {word.lower(): word for word in known}
    near = difflib.get_close_matches(name.lower(), folded, 1, cutoff)
    return f" Did you mean {folded[near[0]]}?" if near else ""


KINDS: Mapping[type, str] = {type(None): "nothing", dict: "keys and values", list: "a list", bytes: "binary data"}
QUOTE: Mapping[type, str] = {
    bool: " YAML reads yes, no, on and off as true and false; put the text in quotes.",
    datetime.date: " YAML reads this as a date; put the text in quotes.",
    datetime.datetime: " YAML reads this as a time; put the text in quotes.",
    int: " YAML reads this as a number; put the text in quotes.",
    float: " YAML reads this as a number; put the text in quotes.",
}


def got(value: Any) -> str:
    """Return a value and its type in words."""
    return KINDS[type(value)] if type(value) in (type(None), bytes) else f"{short(value)} ({KINDS.get(type(value), type(value).__name__)})"


def _wrong_type(error: Error) -> str:
    value, kind = error.get("input"), error["type"]
    hint = QUOTE.get(type(value), "") if kind == "string_type" else ""
    if isinstance(value, str) and kind in ("int_type", "float_type", "bool_type"):
        hint = _unquoted(value, kind)
    return f"wrong type; got {got(value)}, expected {EXPECTED[kind]}.{hint}"


def _unquoted(text: str, kind: str) -> str:
    try:
        number = float(text)
    except ValueError:
        return ""
    # YAML takes 1e-3 as text; it wants a dot and a sign.
    return f" Write {number:g} without quotes." if kind != "bool_type" and "e" not in f"{number:g}" else ""


def _unknown(error: Error) -> str:
    known = known_keys(error["loc"])
    return f"unknown key; expected one of: {', '.join(known)}.{nearest(str(error['loc'][-1]), known)}"


def _literal(error: Error) -> str:
    value, expected = error.get("input"), str(error.get("ctx", {}).get("expected", ""))
    hint = nearest(str(value), re.findall(r"'([^']*)'", expected))
    quotes = QUOTE.get(type(value), "").replace("the text", "it") if isinstance(value, (bool, int, float)) else ""
    return f"not allowed; got {short(value)}, expected {expected}.{hint}{quotes}"


def _no_step(error: Error) -> str:
    given = error.get("ctx", {}).get("tag", "")
    return f"got {f'step {given!r}' if given else 'no step'}, expected step: one of {', '.join(STEPS)}.{nearest(given, STEPS, 0.4)}"


def _no_bar(error: Error) -> str:
    value = error.get("input")
    if not isinstance(value, Mapping):
        return f"wrong type; got {got(value)}, expected a bar such as {{metric: accuracy, at_least: 0.8}}."
    hints = [nearest(str(key), BARS) for key in value if key not in BARS]
    return f"a bar holds one of {', '.join(BARS)}; got {', '.join(map(str, value)) or 'nothing'}.{next(filter(None, hints), '')}"


def _form(error: Error) -> str:
    pattern, value = error.get("ctx", {}).get("pattern", ""), error.get("input")
    near = f" Did you mean ml.{value}?" if pattern == INSTANCE_TYPE and re.match(pattern, f"ml.{value}") else ""
    return f"the wrong form; got {short(value)}, expected {FORMS.get(pattern, pattern)}.{near}"


def _range(words: str, limit: str) -> Callable[[Error], str]:
    return lambda error: f"out of range; got {short(error.get('input'))}, expected {words.format(error.get('ctx', {}).get(limit))}."


def _as_told(error: Error) -> str:
    if error["type"] == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    return f"{error['msg']}; got {short(error.get('input'))}."


EXPECTED: Mapping[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
}
TOLD: Mapping[str, Callable[[Error], str]] = {
    "extra_forbidden": _unknown,
    "literal_error": _literal,
    "union_tag_invalid": _no_step,
    "union_tag_not_found": _no_step,
    "bar_kind": _no_bar,
    "missing": lambda error: "missing; this key is needed.",
    "string_pattern_mismatch": _form,
    "greater_than": _range("more than {:g}", "gt"),
    "greater_than_equal": _range("at least {:g}", "ge"),
    "less_than": _range("less than {:g}", "lt"),
    "less_than_equal": _range("at most {:g}", "le"),
    "string_too_short": _range("at least {} characters", "min_length"),
    "string_too_long": _range("at most {} characters", "max_length"),
    "too_short": _range("at least {} entries", "min_length"),
    **dict.fromkeys(EXPECTED, _wrong_type),
}


def known_keys(location: Location) -> list[str]:
    """Return the keys that the model has beside the last part of a Pydantic location."""
    model: type[BaseModel] = PipelineConfig
    for place, part in enumerate(location[:-1]):
        if isinstance(part, str):
            tagged = place and isinstance(location[place - 1], int)
            # A part that is no field is a key of the user's own, as in data.others.<name>; the model is that of its values already.
            known = model.model_fields.get(part)
            inner = [{**STEPS, **BARS}[part]] if tagged else _models(known.annotation) if known else []
            model = inner[0] if inner else model
    return sorted(model.model_fields)


def _models(annotation: Any) -> list[type[BaseModel]]:
    if inspect.isclass(annotation) and not get_origin(annotation) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in getattr(annotation, "__args__", ()) for model in _models(inner)]
