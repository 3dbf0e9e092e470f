"""Divide rows into train, validation and test by a seed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipelines.export.plain.given import SEED, SPLIT
from pipelines.export.plain.labels import tenths
from pipelines.export.plain.values import (
    as_numbers,
    as_text,
    kind_of,
    to_dates,
)


def cuts(count):
    """Return where the first and the second split end."""
    shares = np.cumsum([SPLIT["train"], SPLIT["validation"]])
    ends = np.round(shares * count).astype(int)
    first = min(max(1, ends[0]), count - 2)
    return first, min(max(first + 1, ends[1]), count - 1)


def shuffled(places, generator):
    """Deal row positions at random."""
    order = np.argsort(generator.random(len(places)), kind="stable")
    return np.split(places[order], cuts(len(places)))


def split_at_random(target, by):
    """Return the row positions of train, validation and test."""
    generator = np.random.default_rng(SEED)
    parts = shuffled(np.arange(len(target)), generator)
    return [np.sort(part) for part in parts]


def split_by_class(target, by):
    """Return row positions of three splits with the same share of classes."""
    generator = np.random.default_rng(SEED)
    pieces = [
        shuffled(np.flatnonzero(target == value), generator)
        for value in np.unique(target)
    ]
    return [np.sort(np.concatenate(part)) for part in zip(*pieces)]


def split_by_tenths(target, by):
    """Return row positions of three splits, each from all over the range."""
    return split_by_class(tenths(target), by)


def split_by_group(target, by):
    """Return row positions of three splits; groups stay together."""
    codes, groups = pd.factorize(as_text(by).to_numpy())
    if (codes < 0).any() or len(groups) < 3:
        raise ValueError("a row has no group, or there are fewer than three")
    generator = np.random.default_rng(SEED)
    order = np.argsort(generator.random(len(groups)), kind="stable")
    ends = np.cumsum(np.bincount(codes)[order])
    train, both = SPLIT["train"], SPLIT["train"] + SPLIT["validation"]
    first = int(np.searchsorted(ends, train * len(codes))) + 1
    second = int(np.searchsorted(ends, both * len(codes))) + 1
    first = min(max(1, first), len(groups) - 2)
    second = min(max(first + 1, second), len(groups) - 1)
    part_of = np.empty(len(groups), dtype="int64")
    numbers = np.arange(len(groups))
    part_of[order] = np.searchsorted([first, second], numbers, side="right")
    return [np.flatnonzero(part_of[codes] == part) for part in range(3)]


def split_by_time(target, by):
    """Return row positions of three splits in time.

    Rows of one time stay together.
    """
    if kind_of(by) == "text":
        by = pd.Series(to_dates(by, SPLIT["formats"]))
    times = as_numbers(by)
    if np.isnan(times).any():
        raise ValueError("a row has no time, or one that cannot be read")
    order = np.argsort(times, kind="stable")
    starts = np.flatnonzero(np.diff(times[order]) > 0) + 1
    if len(starts) < 2:
        raise ValueError("there are fewer than three different times")
    first, second = cuts(len(order))
    one = min(int(np.argmin(np.abs(starts - first))), len(starts) - 2)
    two = max(int(np.argmin(np.abs(starts - second))), one + 1)
    return [
        np.sort(part) for part in np.split(order, [starts[one], starts[two]])
    ]
