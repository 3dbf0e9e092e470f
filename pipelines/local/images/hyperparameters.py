"""Kinds of hyperparameters and the containers' wording when a value is refused (AWS developer guide, "XGBoost hyperparameters")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

INFINITY = float("inf")


class CustomerError(Exception):
    """Refuse what the user gave; the text goes to the job's FailureReason."""


@dataclass(frozen=True)
class Number:
    """Accept a number between two bounds; the lower one may be excluded."""

    parse: Callable[[str], float]
    low: float = -INFINITY
    high: float = INFINITY
    open_low: bool = False

    def __call__(self, name: str, text: str) -> float:
        """Return the value of a hyperparameter's text.

        Raises:
            CustomerError: it is no number of this kind, or out of range.
        """
        try:
            value = self.parse(text)
        except ValueError:
            raise CustomerError(f"Hyperparameter {name}: could not parse value: {text}") from None
        if not self.low <= value <= self.high or (self.open_low and value == self.low):
            bracket = "(" if self.open_low else "["
            raise CustomerError(f"Hyperparameter {name}: value {text} not in range {bracket}{self.low:g}, {self.high:g}]")
        return value


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
            raise CustomerError(f"Hyperparameter {name}: value {text} not in [{', '.join(self.words)}]")
        return text


def text(name: str, value: str) -> str:
    """Accept any text."""
    return value


WHOLE, REAL = int, float
FRACTION = Number(REAL, 0, 1, open_low=True)
