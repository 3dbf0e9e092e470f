"""Text columns as what they are meant to be: numbers that are written with thousands, decimal commas, signs or words for nothing."""

from __future__ import annotations

import math
from typing import List, Sequence

import numpy as np

from jobkit.profile.fields import LARGEST, Field, numeric
from jobkit.profile.texts import NEARLY, SYMBOLS, hidden
from jobkit.steps.texts import parse_number


def as_meant(fields: Sequence[Field]) -> List[Field]:
    """Return the fields with texts that are numbers as numbers, as the recipe that the findings propose reads them; so they are scored and related."""
    return [_as_meant(field) for field in fields]


def _as_meant(field: Field) -> Field:
    found = hidden(field)
    if found is None or not found.numbers or found.numbers < NEARLY * (1 - found.null_share):
        return field
    thousands, decimal = found.options.get("thousands", ""), found.options.get("decimal", ".")
    values = field.column.each(lambda level: _number(level, thousands, decimal))
    return numeric(field.name, np.where(np.isfinite(values), values, math.nan).clip(-LARGEST, LARGEST))


def _number(level: str, thousands: str, decimal: str) -> float:
    return parse_number(SYMBOLS.sub("", level.strip()), thousands, decimal)
