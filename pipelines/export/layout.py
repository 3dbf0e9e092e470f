"""Python values and calls as source text within PEP 8's 79 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 79
INDENT = 4


@dataclass(frozen=True)
class Group:
    """Hold something in brackets; each item is an optional prefix such as `name=` with its code."""

    opening: str
    items: tuple[tuple[str, Code], ...]
    closing: str


Code = str | Group


def literal(value: Any) -> Code:
    """Return a JSON-ready value as code: floats to the last bit, strings in double quotes where they can be."""
    if isinstance(value, Mapping):
        return Group("{", tuple((f"{text(key)}: ", literal(item)) for key, item in value.items()), "}")
    if isinstance(value, tuple):
        return Group("(", tuple(("", literal(item)) for item in value), ",)" if len(value) == 1 else ")")
    if isinstance(value, list):
        return Group("[", tuple(("", literal(item)) for item in value), "]")
    return text(value) if isinstance(value, str) else repr(value)


def text(value: Any) -> str:
    """Return a string as code."""
    shown = repr(value)
    return f'"{shown[1:-1]}"' if shown.startswith("'") and '"' not in shown and "\\'" not in shown else shown


def call(function: str, *arguments: Code, **named: Code) -> Group:
    """Return a call as code."""
    items = [("", argument) for argument in arguments] + [(f"{name}=", argument) for name, argument in named.items()]
    return Group(f"{function}(", tuple(items), ")")


def flat(code: Code) -> str:
    """Return the code on one line."""
    if isinstance(code, str):
        return code
    return code.opening + ", ".join(prefix + flat(item) for prefix, item in code.items) + code.closing


def render(code: Code, column: int = 0, indent: int = 0, tail: int = 0) -> str:
    """Return the code from a column on; what does not fit before WIDTH stands in lines of its own, `indent` deep, with `tail` characters to come."""
    line = flat(code)
    if isinstance(code, str) or not code.items or column + len(line) + tail <= WIDTH:
        return line
    if code.opening == "[" and all(isinstance(item, str) for _, item in code.items):
        return _packed(code, indent)
    inner = indent + INDENT
    lines = [f"{' ' * inner}{prefix}{render(item, inner + len(prefix), inner, 1)}," for prefix, item in code.items]
    return "\n".join([code.opening, *lines, " " * indent + code.closing.lstrip(",")])


def _packed(code: Group, indent: int) -> str:
    """Return a list of plain values with as many on a line as fit."""
    lines = [""]
    for _, item in code.items:
        word = f"{flat(item)},"
        if lines[-1] and indent + INDENT + len(lines[-1]) + 1 + len(word) > WIDTH:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else ''}{word}"
    return "\n".join(["[", *(" " * (indent + INDENT) + line for line in lines), " " * indent + "]"])


def assign(name: str, code: Code, indent: int = 0) -> str:
    """Return an assignment as indented source text."""
    start = f"{' ' * indent}{name} = "
    return start + render(code, len(start), indent)


def comment(words: str, indent: int = 0) -> str:
    """Return a comment of as many lines as it needs."""
    import textwrap

    lead = " " * indent + "# "
    return "\n".join(textwrap.wrap(words, WIDTH, initial_indent=lead, subsequent_indent=lead, break_long_words=False, break_on_hyphens=False))


def ordered(names: Sequence[str]) -> list[str]:
    """Return the names once each, in their order."""
    return list(dict.fromkeys(names))
