"""Kinds of hyperparameters, and what the containers say of a value that they refuse (the sagemaker-xgboost container's wording, observed)."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

INFINITY = float("inf")
WHOLE, REAL = int, float


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

    def __call__(self, name: str, text: str) -> float:
        """Return the value of a hyperparameter's text.

        Raises:
            CustomerError: it is no number of this kind, or out of range.
        """
        try:
            value = self.parse(text)
        except ValueError:
            raise _unparsed(name, text, "a whole number" if self.parse is WHOLE else "a number") from None
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

    def __call__(self, name: str, text: str) -> str:
        """Return the word.

        Raises:
            CustomerError: it is not in the list.
        """
        if text not in self.words:
            raise CustomerError(f"Hyperparameter {name}: {text} is not in {list(self.words)}")
        return text


@dataclass(frozen=True)
class Listed:
    """Accept words separated by commas, each of them one of a list or accepted by a rule."""

    words: Collection[str]
    rule: Callable[[str], bool] = lambda word: False

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

    def __call__(self, name: str, text: str) -> str:
        """Return the text.

        Raises:
            CustomerError: it is no such literal, or a number in it is not allowed.
        """
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            raise _unparsed(name, text, "numbers in brackets") from None
        numbers = [value]
        for _ in range(self.depth):
            if not all(isinstance(part, (tuple, list)) for part in numbers):
                raise _unparsed(name, text, "numbers in brackets")
            numbers = [inner for part in numbers for inner in part]
        if not all(isinstance(number, int) and self.test(number) for number in numbers):
            raise CustomerError(f"Hyperparameter {name}: value {value} not in range {self.allowed}")
        return text


def text(name: str, value: str) -> str:
    """Accept any text."""
    return value


FRACTION = Number(REAL, 0, 1, open_low=True)
