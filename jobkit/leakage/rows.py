"""Rows, groups and entities that are on both sides of the split."""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, Sequence, Tuple

import numpy as np

from jobkit.columns import TEXT, Column
from jobkit.leakage.evidence import HIGH, LOW, MEDIUM, Case, Finding
from jobkit.profile.fields import ID_NAME

MIX, SHIFT, MISSING = np.uint64(0x9E3779B97F4A7C15), np.uint64(29), np.uint64(0xFFFFFFFFFFFFFFFF)
SMALL_MIX = np.uint32(0x9E3779B1)
ROWS, KEY_COLUMNS = 50000, 4
MANY, TWINS, SHARED = 0.01, 0.05, 0.05
FEW_LEVELS, MOST_LEVELS = 0.001, 0.95


def _bits(values: np.ndarray) -> np.ndarray:
    """Return values of any kind as 64 bits each, equal where the values are; a missing number equals a missing one."""
    if values.dtype.kind != "f":
        return values.astype(np.int64).view(np.uint64)
    wide = values.astype(np.float64) + 0.0
    return np.where(np.isnan(wide), MISSING, wide.view(np.uint64))


def hashed(columns: Sequence[np.ndarray], rows: int) -> np.ndarray:
    """Return a hash of every row of these columns (uint64, shape (rows,))."""
    mixed = np.zeros(rows, dtype=np.uint64)
    for values in columns:
        mixed = (mixed ^ _bits(values)) * MIX
        mixed ^= mixed >> SHIFT
    return mixed


def _sampled(features: Mapping[str, np.ndarray], rows: int, divisor: int) -> np.ndarray:
    """Return the positions (int64) of a sample chosen by content: equal rows are in it together, in every split."""
    if divisor < 2:
        return np.arange(rows)
    keys = np.zeros(rows, dtype=np.uint32)
    for name in sorted(features, key=lambda name: features[name].dtype.kind != "f")[:KEY_COLUMNS]:
        values = features[name]
        keys = (keys ^ (values.view(np.uint32) if values.dtype == np.float32 else values.astype(np.uint32))) * SMALL_MIX
        keys ^= keys >> np.uint32(15)
    return np.flatnonzero(keys % np.uint32(divisor) == 0)


def overlap(case: Case) -> Iterator[Finding]:
    """Yield what share of the test rows also stands in the training split, as the same raw row or as the same features."""
    divisor = sum(map(len, case.labels.values())) // ROWS
    marks: Dict[str, Tuple[np.ndarray, np.ndarray]] = {}
    for name, features in case.features.items():
        rows = _sampled(features, len(case.labels[name]), divisor)
        origins = case.origins[name][rows]
        raw = hashed([column.values[origins] for column in case.raw.columns.values()], len(rows))
        marks[name] = raw, hashed([values[rows] for values in features.values()], len(rows))
    if not len(marks["test"][0]) or not len(marks["train"][0]):
        return
    same, alike = (float(np.isin(marks["test"][place], marks["train"][place]).mean()) for place in range(2))
    if same:
        text = "{:.2%} of the test rows are copies of training rows: the test score is flattered."
        yield Finding("row-overlap", HIGH if same >= MANY else MEDIUM, [], same, text.format(same), "Add `- step: drop_duplicates` to the recipe.")
    if alike - same >= TWINS:
        text = "{:.1%} of the test rows have the features of a training row, though the raw rows differ."
        advice = "Expected with few or coarse columns; else look at what the recipe drops, or split by group."
        yield Finding("twin-rows", LOW, [], alike, text.format(alike), advice)


def groups(case: Case) -> Iterator[Finding]:
    """Yield groups of a split by group that were torn apart, and entities (columns named as ids whose values repeat) on both sides of the split."""
    split = case.job["split"]
    if split["method"] == "group":
        share = _shared(case.raw[split["column"]], case)
        if share:
            text = "{:.2%} of the test rows are of a group that also has training rows."
            yield Finding("group-overlap", HIGH, [split["column"]], share, text.format(share), "This should never happen: please report it.")
        return
    for name in _entities(case):
        share = _shared(case.raw[name], case)
        if share >= SHARED:
            text = "{:.1%} of the test rows have a {!r} that also has training rows: the model may know these already."
            advice = "To judge it on new ones: `split: {{method: group, column: {!r}}}`.".format(name)
            yield Finding("shared-entity", MEDIUM, [name], share, text.format(share, name), advice)


def _entities(case: Case) -> List[str]:
    found = []
    for name, column in case.raw.columns.items():
        if name != case.job["label"]["column"] and ID_NAME.search(name):
            present = column.values[~column.missing()]
            share = len(np.unique(present)) / max(1, len(present))
            found += [name] if FEW_LEVELS <= share <= MOST_LEVELS else []
    return found


def _shared(column: Column, case: Case) -> float:
    """Return the share of test rows whose value also stands in a training row; missing values are no value."""
    values = column.values if column.kind == TEXT else column.numbers()
    missing = column.missing()
    test, train = case.origins["test"], case.origins["train"]
    known = np.unique(values[train][~missing[train]])
    return float((np.isin(values[test], known) & ~missing[test]).mean()) if len(test) else 0.0
