"""Stand-ins for what the exporter writes for a recipe."""

from __future__ import annotations

LABEL, POSITIVE, SEED = "label", "1", 0
CLASSES = ()
SPLIT = {"train": 0.7, "validation": 0.15, "column": None, "formats": ()}
READING = {"raw": {"format": "auto"}}
NULL_VALUES = ("",)
NOT_NEEDED = ()
READ_AS_TEXT = ()
NOT_FEATURES = (LABEL,)
MISSING_COLUMN, EXTRA_COLUMN, WRONG_TYPE = "null", "ignore", "null"
STATE = None


def combine(rows, others):
    """Stand in for the steps that combine inputs."""
    return rows


def before_split(rows, state):
    """Stand in for the steps before the split."""
    return rows


def learn(rows, target, state):
    """Stand in for the steps that learn."""
    return rows


def after_split(rows, state):
    """Stand in for the steps after the split."""
    return rows


def transform(rows, state=None):
    """Stand in for the whole recipe on raw rows."""
    return rows


def label_numbers(label):
    """Stand in for how the problem reads its label."""
    return label


def split_rows(target, by):
    """Stand in for the split that the configuration names."""
    return []
