"""Divide rows into train, validation and test by a seed: at random, stratified, by group or by time."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

import numpy as np

from jobkit import dates
from jobkit.arrow import factorize
from jobkit.columns import TEXT, Column
from jobkit.failure import JobError

SPLITS = ("train", "validation", "test")
LEAST = len(SPLITS)

Parts = Dict[str, np.ndarray]


def split(target: np.ndarray, settings: Mapping[str, Any], seed: int, column: Optional[Column] = None) -> Parts:
    """Return the row positions (int64, sorted) of each split; every row is in one of them.

    `target` has shape (rows,) and holds the classes to stratify by; `column` holds the groups or times, one for each row.

    Raises:
        JobError: there are too few rows, classes or groups, or a time is missing.
    """
    if len(target) < LEAST:
        raise JobError("there are {} rows; expected at least {}, one for each split".format(len(target), LEAST))
    parts = METHODS[settings["method"]](target, settings, np.random.default_rng(seed), column)
    return {name: np.sort(part) for name, part in zip(SPLITS, parts)}


def _cuts(count: int, settings: Mapping[str, Any]) -> Tuple[int, int]:
    """Return where the first and the second split end among `count` things, so that each of three gets at least one."""
    ends = np.round(np.cumsum([settings["train"], settings["validation"]]) * count).astype(int)
    first = min(max(1, ends[0]), count - 2)
    return first, min(max(first + 1, ends[1]), count - 1)


def _random(target: np.ndarray, settings: Mapping[str, Any], generator: Any, column: Optional[Column]) -> List[np.ndarray]:
    return _shuffled(np.arange(len(target)), settings, generator)


def _shuffled(rows: np.ndarray, settings: Mapping[str, Any], generator: Any) -> List[np.ndarray]:
    """Deal the rows by the rank of a random number each; only who is below which rank matters, so nothing is sorted."""
    drawn = generator.random(len(rows))
    first, second = _cuts(len(rows), settings)
    low, high = np.partition(drawn, [first, second])[[first, second]]
    parts = [rows[drawn < low], rows[(drawn >= low) & (drawn < high)], rows[drawn >= high]]
    if [len(part) for part in parts[:2]] == [first, second - first]:
        return parts
    return np.split(rows[np.argsort(drawn, kind="stable")], [first, second])  # two numbers are equal just there


def _stratified(target: np.ndarray, settings: Mapping[str, Any], generator: Any, column: Optional[Column]) -> List[np.ndarray]:
    pieces = []
    for value in np.unique(target):
        rows = np.flatnonzero(target == value)
        if len(rows) < LEAST:
            raise JobError("a class has {} rows; expected at least {}, one for each split".format(len(rows), LEAST))
        pieces.append(_shuffled(rows, settings, generator))
    return [np.concatenate(part) for part in zip(*pieces)]


def _by_group(target: np.ndarray, settings: Mapping[str, Any], generator: Any, column: Optional[Column]) -> List[np.ndarray]:
    """Deal whole groups, in seeded order, until a split has its share of the rows."""
    assert column is not None
    keys = column.as_text()
    _refuse_missing(keys, settings, "group")
    codes, found = factorize(keys.values)
    if len(found) < LEAST:
        raise JobError("split.column {!r} holds {} groups; expected at least {}, one for each split".format(settings["column"], len(found), LEAST))
    order = np.argsort(generator.random(len(found)), kind="stable")
    ends = np.cumsum(np.bincount(codes)[order])
    first = int(np.searchsorted(ends, settings["train"] * len(codes))) + 1
    second = int(np.searchsorted(ends, (settings["train"] + settings["validation"]) * len(codes))) + 1
    first = min(max(1, first), len(found) - 2)
    second = min(max(first + 1, second), len(found) - 1)
    place = np.empty(len(found), dtype=np.int64)
    place[order] = np.searchsorted([first, second], np.arange(len(found)), side="right")
    return [np.flatnonzero(place[codes] == part) for part in range(LEAST)]


def _by_time(target: np.ndarray, settings: Mapping[str, Any], generator: Any, column: Optional[Column]) -> List[np.ndarray]:
    """Cut the rows in the order of time; rows of one time are never divided, so no training row is as late as a test row."""
    assert column is not None
    times = _times(column, settings)
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    starts = np.flatnonzero(np.diff(ordered) > 0) + 1
    if len(starts) < 2:
        raise JobError("split.column {!r} holds {} times; expected at least {}, one for each split".format(settings["column"], len(starts) + 1, LEAST))
    first, second = _cuts(len(order), settings)
    one = min(int(np.argmin(np.abs(starts - first))), len(starts) - 2)
    two = max(int(np.argmin(np.abs(starts - second))), one + 1)
    return np.split(order, [starts[one], starts[two]])


def _times(column: Column, settings: Mapping[str, Any]) -> np.ndarray:
    formats = settings.get("formats") or ()
    times = column.each(lambda level: dates.parse(level, formats)) if column.kind == TEXT else column.numbers()
    unread = np.isnan(times) & ~column.missing()
    if unread.any():
        text = column.as_text()
        first = text.levels[text.values[np.flatnonzero(unread)[0]]]
        raise JobError("split.column {!r}: {!r} is not a time; set split.formats, e.g. %m/%d/%Y".format(settings["column"], first))
    _refuse_missing(column, settings, "time")
    return times


def _refuse_missing(column: Column, settings: Mapping[str, Any], what: str) -> None:
    missing = int(column.missing().sum())
    if missing:
        raise JobError("split.column {!r}: {} rows have no {}; remove them (drop_missing) or fill them in".format(settings["column"], missing, what))


METHODS: Dict[str, Callable[[np.ndarray, Mapping[str, Any], Any, Optional[Column]], List[np.ndarray]]] = {
    "random": _random,
    "stratified": _stratified,
    "group": _by_group,
    "time": _by_time,
}
