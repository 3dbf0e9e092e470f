"""Write JSON as Model Monitor's analyzer does: Jackson's DefaultPrettyPrinter, with numbers as Java prints them (held against the published fixtures)."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, List, Mapping

ESCAPES: Mapping[str, str] = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
ESCAPED = re.compile(r'["\\\x00-\x1f]')
PLAIN_FROM, PLAIN_BELOW = 1e-3, 1e7


def write(path: Path, value: Any) -> None:
    """Write a value as UTF-8 without a final newline, as the service does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(dumps(value).encode("utf-8"))


def dumps(value: Any) -> str:
    """Return mappings, sequences, text, numbers, booleans and None as text; members stay in their order."""
    parts: List[str] = []
    _add(parts, value, "\n")
    return "".join(parts)


def double(value: float) -> str:
    """Return a double as Java's Double.toString gives it: at least one digit after the point, scientific below 1E-3 and from 1E7.

    The digits are the fewest that give the same double again (JDK 19 and later; earlier ones sometimes write one more). What is not finite is a text in
    quotes, since JSON has no such numbers.
    """
    if not math.isfinite(value):
        return '"NaN"' if math.isnan(value) else '"Infinity"' if value > 0 else '"-Infinity"'
    if value == 0 or PLAIN_FROM <= abs(value) < PLAIN_BELOW:
        return _plain(value)
    sign, digits, exponent = _digits(value)
    return "{}{}.{}E{}".format(sign, digits[0], digits[1:] or "0", exponent)


def _plain(value: float) -> str:
    shown = repr(value)
    return shown if "e" not in shown else "{:f}".format(value)


def _digits(value: float) -> Any:
    """Return sign, significant digits and the exponent of the first of them."""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, part = mantissa.partition(".")
    digits = (whole + part).lstrip("0")
    leading = len(whole) - 1 if whole.strip("0") else -(len(part) - len(part.lstrip("0"))) - 1
    digits = digits.rstrip("0")
    return "-" if value < 0 else "", _second(value, digits), leading + int(exponent or 0)


def _second(value: float, digits: str) -> str:
    """Return the digits; where one is enough Java takes of the two-digit numbers that give the same double the nearest one, as in 4.9E-324."""
    two = "{:.1e}".format(abs(value))
    return two[0] + two[2].rstrip("0") if len(digits) == 1 and two[0] != digits and float(two) == abs(value) else digits


def text(words: str) -> str:
    """Return a JSON string: what must be is escaped, everything else stays as it is; half a surrogate pair becomes a question mark, as Java encodes it."""
    whole = words.encode("utf-8", "replace").decode("utf-8")
    return '"{}"'.format(ESCAPED.sub(lambda found: ESCAPES.get(found.group(), "\\u{:04X}".format(ord(found.group()))), whole))


def _add(parts: List[str], value: Any, line: str) -> None:
    if isinstance(value, Mapping):
        _add_object(parts, value, line)
    elif isinstance(value, (list, tuple)):
        _add_array(parts, value, line)
    else:
        parts.append(_scalar(value))


def _add_object(parts: List[str], value: Mapping[str, Any], line: str) -> None:
    if not value:
        parts.append("{ }")
        return
    inner = line + "  "
    for place, (name, member) in enumerate(value.items()):
        parts.append("{}{}{} : ".format("," if place else "{", inner, text(name)))
        _add(parts, member, inner)
    parts.append(line + "}")


def _add_array(parts: List[str], values: Any, line: str) -> None:
    if not values:
        parts.append("[ ]")
        return
    parts.append("[ ")
    for place, member in enumerate(values):
        parts.append(", " if place else "")
        _add(parts, member, line)
    parts.append(" ]")


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return text(value)
    return str(value) if isinstance(value, int) else double(float(value))
