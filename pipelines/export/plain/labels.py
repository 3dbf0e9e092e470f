"""Turn the label into numbers: two values, several classes, or an amount."""

from __future__ import annotations

import numpy as np

from pipelines.export.plain.given import CLASSES, LABEL, POSITIVE
from pipelines.export.plain.values import as_text, kind_of


def positives(label):
    """Return the label as 1.0 for the positive value and 0.0 for the other."""
    found = as_text(label).map(str.strip, na_action="ignore")
    levels = sorted(found.dropna().unique())
    positive = POSITIVE
    if positive not in levels:
        positive = {"true": "1", "false": "0"}.get(positive.lower(), positive)
    if found.isna().any() or len(levels) != 2 or positive not in levels:
        raise ValueError(f"the label {LABEL!r} is missing or holds {levels}")
    return (found == positive).astype("float64")


def class_numbers(label):
    """Return the label as the place of its class in CLASSES."""
    found = as_text(label).map(str.strip, na_action="ignore")
    strange = sorted(set(found.dropna().unique()) - set(CLASSES))
    if found.isna().any() or strange:
        raise ValueError(f"the label {LABEL!r} is missing or holds {strange}")
    return found.map(
        {name: place for place, name in enumerate(CLASSES)}
    ).astype("float64")


def amounts(label):
    """Return the label as numbers."""
    if kind_of(label) != "number" or label.isna().any():
        raise ValueError(f"the label {LABEL!r} is missing or holds no numbers")
    return label.astype("float64")


def tenths(target):
    """Return in which tenth of the rows each amount lies."""
    ranks = np.empty(len(target))
    ranks[np.argsort(target, kind="stable")] = np.arange(len(target))
    parts = min(10, max(1, len(target) // 10))
    return np.floor(ranks * parts / max(1, len(target)))
