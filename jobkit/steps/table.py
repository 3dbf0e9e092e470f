"""Every step of a recipe by name."""

from __future__ import annotations

from typing import Dict

from jobkit.steps import custom, layout, levels, numbers, rows, texts
from jobkit.steps.base import Step

STEPS: Dict[str, Step] = {**rows.STEPS, **layout.STEPS, **numbers.STEPS, **levels.STEPS, **texts.STEPS, **custom.STEPS}
# What acts on the set of rows; it is done once, before the split.
ON_ROWS = tuple(rows.STEPS)
# What learns from the rows it is fitted on; the split comes before the first of them.
FITTED = ("impute", "outliers", "replace_rare", "one_hot", "ordinal", "target_encode", "frequency_encode", "scale", "bin")
# Columns that number or date the rows of exported data; never features.
IDS = ("row_number", "timestamp")
# What reads the label.
TARGETED = ("target_encode",)
