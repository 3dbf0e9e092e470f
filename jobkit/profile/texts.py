"""What text columns hide: numbers, words for nothing, spellings that differ by case or blanks only."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

import numpy as np

from jobkit.columns import TEXT
from jobkit.profile.fields import DATED, Field

NULL_WORDS = frozenset(("", "?", "??", "-", "--", ".", "n/a", "#n/a", "na", "n.a.", "nan", "null", "(null)", "nil", "<na>", "\\n", "not available"))
NUMBER_NULL_WORDS = NULL_WORDS | {"none", "unknown", "undefined", "missing", "x", "tbd", "inf", "-inf", "infinity"}
HALF, NEARLY, LOOKED_AT = 0.5, 0.95, 20000
CODE = re.compile(r"0\d+")  # leading zeros: a code such as 01234 and not a number
SYMBOLS = re.compile(r"^\s*[$€£¥]\s*|\s*(%|[$€£¥])\s*$")


class Style(NamedTuple):
    """Hold a way to write numbers: its pattern and the options of `cast` that read it."""

    pattern: Any
    options: Mapping[str, str]


STYLES: Sequence[Style] = (
    Style(re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"), {}),
    Style(re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d*)?"), {"thousands": ","}),
    Style(re.compile(r"[+-]?\d+(,\d+)?"), {"decimal": ","}),
    Style(re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d*)?"), {"decimal": ",", "thousands": "."}),
    Style(re.compile(r"[+-]?(\d{1,3}([ \u00a0]\d{3})+|\d+)(\.\d*)?"), {"thousands": " "}),
    Style(re.compile(r"[+-]?(\d{1,3}('\d{3})+|\d+)(\.\d*)?"), {"thousands": "'"}),
)


class Hidden(NamedTuple):
    """Hold what a text column turned out to be: `numbers` is the share of the rows with a value that are numbers, 0 when they are less than half."""

    numbers: float
    options: Mapping[str, str]
    symbol: bool
    null_words: List[str]
    null_share: float
    stray: List[str]
    example: str


def hidden(field: Field) -> Optional[Hidden]:
    """Return what hides in a text column; None for another kind, dates, and columns of more than 20,000 levels."""
    if field.column.kind != TEXT or field.kind == DATED or not 0 < len(field.column.levels) <= LOOKED_AT:
        return None
    counts = field.counts()
    plain = [level.strip() for level in field.column.levels]
    bare = [SYMBOLS.sub("", level) for level in plain]
    fitting = [np.array([bool(style.pattern.fullmatch(level)) for level in bare]) for style in STYLES]
    shares = [float(counts[fits].sum() / field.present) for fits in fitting]
    best = int(np.argmax(shares))
    coded = any(CODE.fullmatch(level) for level in plain)
    fits, numeric = fitting[best], shares[best] >= HALF and not coded
    words = NUMBER_NULL_WORDS if numeric else NULL_WORDS
    nulls = np.array([level.lower() in words for level in plain])
    stray = [level for level, fit, null in zip(plain, fits, nulls) if not fit and not null] if numeric else []
    symbol = any(fit and level != short for level, short, fit in zip(plain, bare, fits))
    example = next((level for level, fit in zip(plain, fits) if fit and (best or symbol) and not level.isdigit()), plain[0])
    found = [level for level, null in zip(field.column.levels, nulls) if null]
    return Hidden(shares[best] if numeric else 0.0, STYLES[best].options, symbol, found, float(counts[nulls].sum() / field.present), stray, example)


def spellings(field: Field) -> List[List[str]]:
    """Return the levels that are one and the same but for case and blanks, together, e.g. [["Yes", "yes "]]."""
    if field.column.kind != TEXT or len(field.column.levels) > LOOKED_AT:
        return []
    groups: Dict[str, List[str]] = {}
    for level in field.column.levels:
        groups.setdefault(" ".join(level.split()).lower(), []).append(level)
    return [levels for levels in groups.values() if len(levels) > 1]
