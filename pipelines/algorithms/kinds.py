"""Kinds of hyperparameters, and the containers' wording when a value is refused (AWS developer guide, "XGBoost hyperparameters")."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

INFINITY = float("inf")


WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")


class CustomerError(Exception):
    """Refuse what the user gave; the text goes to the job's FailureReason."""


def _unparsed(name: str, text: str, expected: str) -> CustomerError:
    return CustomerError(f"Hyperparameter {name}: could not parse value (caused by ValueError); got {text!r}, expected {expected}")


@dataclass(frozen=True)
class Number:
    """Accept a number between two bounds, each of which may be excluded."""

    parse: Callable[[str], float]
    low: float = -INFINITY
    high: float = INFINITY
    open_low: bool = False
    open_high: bool = False

    @property
    def told(self) -> str:
        """Say in words what is accepted."""
        what = "a whole number" if self.parse in (int, whole) else "a number"
        low = "" if self.low == -INFINITY else f" above {self.low:.10g}" if self.open_low else f" from {self.low:.10g}"
        return what + low + ("" if self.high == INFINITY else f" to {self.high:.10g}")

    def __call__(self, name: str, text: str) -> float:
        """Return the value of a hyperparameter's text.

        Raises:
            CustomerError: it is no number of this kind, or out of range.
        """
        try:
            value = self.parse(text)
        except ValueError:
            raise _unparsed(name, text, self.told) from None
        # Written so that NaN, which compares with nothing, is refused.
        above = value > self.low or (value == self.low and not self.open_low)
        below = value < self.high or (value == self.high and not self.open_high)
        if not (above and below and abs(value) < INFINITY):
            raise CustomerError(f"Hyperparameter {name}: {value} is not in {self.range}")
        return value

    @property
    def range(self) -> str:
        """Return the range in mathematical notation, as the containers print it."""
        low = "(-inf" if self.low == -INFINITY else f"{'(' if self.open_low else '['}{self.low:g}"
        high = "+inf)" if self.high == INFINITY else f"{self.high:g}{')' if self.open_high else ']'}"
        return f"{low}, {high}"


@dataclass(frozen=True)
class Choice:
    """Accept one of a list of words."""

    words: tuple[str, ...]

    @property
    def told(self) -> str:
        """Say in words what is accepted."""
        return f"one of {', '.join(self.words)}"

    def __call__(self, name: str, text: str) -> str:
        """Return the word.

        Raises:
            CustomerError: it is not in the list.
        """
        if text not in self.words:
            raise CustomerError(f"Hyperparameter {name}: {text} is not in {list(self.words)}")
        return text


class Kind(Protocol):
    """Read a hyperparameter's text, and say in words what is accepted."""

    @property
    def told(self) -> str:
        """Say in words what is accepted."""

    def __call__(self, name: str, text: str) -> Any:
        """Return the value; raise CustomerError when the text is none of this kind."""


@dataclass(frozen=True)
class Auto:
    """Accept the word `auto`, which leaves the value to the algorithm, beside what another kind accepts."""

    kind: Kind

    @property
    def told(self) -> str:
        """Say in words what is accepted."""
        return f"auto or {self.kind.told}"

    def __call__(self, name: str, text: str) -> Any:
        """Return None for auto, else the value.

        Raises:
            CustomerError: it is neither.
        """
        return None if text == "auto" else self.kind(name, text)


@dataclass(frozen=True)
class Either:
    """Accept some words, or what another kind accepts."""

    words: tuple[str, ...]
    kind: Kind

    @property
    def told(self) -> str:
        """Say in words what is accepted."""
        return f"{', '.join(self.words)} or {self.kind.told}"

    def __call__(self, name: str, text: str) -> Any:
        """Return the word, or the other kind's value.

        Raises:
            CustomerError: it is neither.
        """
        return text if text in self.words else self.kind(name, text)


@dataclass(frozen=True)
class Listed:
    """Accept words separated by commas, each of them one of a list or accepted by a rule."""

    words: Collection[str]
    rule: Callable[[str], bool] = lambda word: False

    @property
    def told(self) -> str:
        """Say in words what is accepted."""
        return f"some of {', '.join(self.words)}, separated by commas"

    def __call__(self, name: str, text: str) -> list[str]:
        """Return the words.

        Raises:
            CustomerError: one of them is not in the list.
        """
        found = [word.strip() for word in text.split(",")]
        if not all(word in self.words or self.rule(word) for word in found):
            raise CustomerError(f"Hyperparameter {name}: value {found} not in range {list(self.words)}")
        return found


@dataclass(frozen=True)
class Literal:
    """Accept a Python literal such as `(0, 1)` or `[[0, 1]]` whose numbers, at this depth of nesting, pass a test; it stays a text, as XGBoost wants it."""

    depth: int
    test: Callable[[Any], bool]
    allowed: str

    @property
    def told(self) -> str:
        """Say in words what is accepted."""
        return f"numbers of {self.allowed} in brackets"

    def __call__(self, name: str, text: str) -> str:
        """Return the text.

        Raises:
            CustomerError: it is no such literal, or a number in it is not allowed.
        """
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            raise _unparsed(name, text, self.told) from None
        numbers = [value]
        for _ in range(self.depth):
            if not all(isinstance(part, (tuple, list)) for part in numbers):
                raise _unparsed(name, text, self.told)
            numbers = [inner for part in numbers for inner in part]
        if not all(isinstance(number, int) and self.test(number) for number in numbers):
            raise CustomerError(f"Hyperparameter {name}: value {value} not in range {self.allowed}")
        return text


@dataclass(frozen=True)
class Truth:
    """Accept true and false, in any case, as Python's own texts come from the SDK."""

    told: str = "true or false"

    def __call__(self, name: str, text: str) -> bool:
        """Return the truth value.

        Raises:
            CustomerError: it is another text.
        """
        if text.lower() not in ("true", "false"):
            raise CustomerError(f"Hyperparameter {name}: value {text} not in [true, false]")
        return text.lower() == "true"


@dataclass(frozen=True)
class Words:
    """Accept a JSON list of words, one or more."""

    words: tuple[str, ...]

    @property
    def told(self) -> str:
        """Say in words what is accepted."""
        return f"a JSON list of {', '.join(self.words)}"

    def __call__(self, name: str, text: str) -> tuple[str, ...]:
        """Return the words.

        Raises:
            CustomerError: it is no such list.
        """
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, list) or not found or any(word not in self.words for word in found):
            raise CustomerError(f"Hyperparameter {name}: could not parse value: {text}")
        return tuple(found)


@dataclass(frozen=True)
class Anything:
    """Accept any text, for what steers the service and means nothing here."""

    told: str = "any text"

    def __call__(self, name: str, text: str) -> str:
        """Return the text."""
        return text


def whole(text: str) -> int:
    """Return a whole number of at most 18 digits.

    Raises:
        ValueError: it is none.
    """
    if not WHOLE_NUMBER.fullmatch(text):
        raise ValueError
    return int(text)


def finite(text: str) -> float:
    """Return a number that is neither infinite nor NaN.

    Raises:
        ValueError: it is none.
    """
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


def text(name: str, value: str) -> str:
    """Accept any text."""
    return value


WHOLE, REAL = int, float
FRACTION = Number(REAL, 0, 1, open_low=True)
