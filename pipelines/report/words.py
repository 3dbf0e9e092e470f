"""Short words for what a definition holds: names made safe to show, wrapped to a width; conditions and values as a person writes them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pipelines.definition.conditions import COMPARISONS, label
from pipelines.definition.expressions import expression_kind

Measure = Callable[[str], float]

# Marks that turn the direction of text around would let a name rewrite what stands next to it; the joiner holds emoji together.
HIDDEN = frozenset({"Cc", "Cf", "Cs"})
JOINER = "\u200d"
BREAKS = re.compile(r"(?<=[\-_./:,;=])|(?<=[a-z0-9])(?=[A-Z])")
SPACES = re.compile(r"\s+")


def clean(text: str, limit: int = 400) -> str:
    """Return text as one line of at most `limit` characters, safe to print: control, direction and broken characters become U+FFFD."""
    line = SPACES.sub(" ", text[: 4 * limit]).strip()
    line = line if len(line) <= limit else line[: limit - 1] + "…"
    return "".join("\ufffd" if _hidden(character) else character for character in line)


def _hidden(character: str) -> bool:
    code = ord(character)
    noncharacter = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return noncharacter or (character != JOINER and unicodedata.category(character) in HIDDEN)


def columns(text: str) -> float:
    """Return how many columns of a terminal the text takes."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or character == JOINER:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, room: float, measure: Measure = columns) -> str:
    """Return the text, its end replaced by an ellipsis when it is wider than `room`."""
    if measure(text) <= room:
        return text
    kept = text
    while kept and measure(kept + "…") > room:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def wrap(text: str, room: float, rows: int, measure: Measure = columns) -> list[str]:
    """Return at most `rows` lines no wider than `room`: broken at spaces, else inside long words; what is left over ends in an ellipsis."""
    lines = [""]
    for atom in _atoms(text, room, measure):
        if lines[-1] and measure((lines[-1] + atom).rstrip()) > room:
            lines.append("")
        lines[-1] += atom
        if len(lines) > rows:
            return [*(line.rstrip() for line in lines[: rows - 1]), cut(lines[rows - 1].rstrip() + "…", room, measure)]
    return [line.rstrip() for line in lines]


def _atoms(text: str, room: float, measure: Measure) -> Iterator[str]:
    """Yield the pieces that a line may end after, each no wider than `room`."""
    for word in re.findall(r"\S+\s*", text):
        for part in [word] if measure(word.rstrip()) <= room else BREAKS.split(word):
            yield from [part] if measure(part.rstrip()) <= room else part


def value_words(value: Any) -> str:
    """Return a value as a person writes it: an expression by the last names of its path, a list in brackets."""
    kind = expression_kind(value)
    if kind:
        return EXPRESSIONS[kind](value[kind])
    if isinstance(value, list):
        return f"[{', '.join(value_words(item) for item in value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _join_words(body: Any) -> str:
    parts = body.get("Values") if isinstance(body, Mapping) else None
    return str(body.get("On", "")).join(value_words(part) for part in parts) if isinstance(parts, list) else str(body)


EXPRESSIONS: Mapping[str, Callable[[Any], str]] = {
    "Get": lambda body: label({"Get": body}),
    "Std:Join": _join_words,
    "Std:JsonGet": lambda body: label({"Std:JsonGet": body}) if isinstance(body, Mapping) else str(body),
}


def condition_words(condition: Any) -> str:
    """Return a condition in words, such as `accuracy >= MinAccuracy`; one that cannot be read by its type alone."""
    if not isinstance(condition, Mapping):
        return str(condition)
    kind = str(condition.get("Type"))
    if kind in COMPARISONS:
        return f"{value_words(condition.get('LeftValue'))} {COMPARISONS[kind][0]} {value_words(condition.get('RightValue'))}"
    return COMBINATIONS[kind](condition) if kind in COMBINATIONS else kind


def _member_words(condition: Mapping[str, Any], word: str) -> str:
    query, values = condition.get("QueryValue", condition.get("Value")), condition.get("Values", condition.get("In"))
    return f"{value_words(query)} {word} {value_words(values)}"


def _all_words(conditions: Any, word: str) -> str:
    parts = [condition_words(part) for part in conditions] if isinstance(conditions, Sequence) and not isinstance(conditions, str) else []
    return parts[0] if len(parts) == 1 else f"({word.join(parts)})"


COMBINATIONS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "In": lambda condition: _member_words(condition, "in"),
    "NotIn": lambda condition: _member_words(condition, "not in"),
    "Not": lambda condition: f"not ({condition_words(condition.get('Condition', condition.get('Expression')))})",
    "Or": lambda condition: _all_words(condition.get("Conditions"), " or "),
    "And": lambda condition: _all_words(condition.get("Conditions"), " and "),
}

# What a reader wants to know of a step first, in this order; looked up by name anywhere in its arguments.
FACTS = (
    "InstanceType",
    "InstanceCount",
    "ImageUri",
    "TrainingImage",
    "Image",
    "ContainerEntrypoint",
    "ContainerArguments",
    "ModelPackageGroupName",
    "ModelApprovalStatus",
    "ModelName",
    "ErrorMessage",
    "IterableItems",
    "MaxConcurrency",
    "MaxNumberOfTrainingJobs",
    "MaxRuntimeInSeconds",
)
NESTED_STEPS = frozenset({"IfSteps", "ElseSteps", "ForEachBody"})


def facts(arguments: Mapping[str, Any], limit: int = 7) -> tuple[tuple[str, str], ...]:
    """Return (name, words) of the arguments worth telling, the first of each name, at most `limit`."""
    found: dict[str, str] = {}
    _collect({key: value for key, value in arguments.items() if key not in NESTED_STEPS}, found)
    return tuple((name, found[name]) for name in FACTS if name in found)[:limit]


def _collect(value: Any, found: dict[str, str]) -> None:
    for key, item in value.items() if isinstance(value, Mapping) else [("", item) for item in value] if isinstance(value, list) else []:
        if key in FACTS and key not in found:
            found[key] = clean(value_words(item), 120)
        _collect(item, found)
