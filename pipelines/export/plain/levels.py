"""Steps on levels: rare ones, one-hot, and other encodings."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd

from pipelines.export.plain.values import as_text, put, to_numbers, to_texts


def counted(values):
    """Return the levels with their counts, most frequent first.

    Levels that are equally frequent are in alphabetical order.
    """
    counts = as_text(values).value_counts()
    found = [(str(level), int(count)) for level, count in counts.items()]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def safe_name(text):
    """Return a name of letters, digits and underscores."""
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_") or "empty"


def unique(name, taken):
    """Return the name, numbered when it is taken, and take it."""
    candidate, count = name, 2
    while candidate in taken:
        candidate, count = f"{name}_{count}", count + 1
    taken.add(candidate)
    return candidate


def check_level(name, values, levels, missing=None, unknown=None):
    """Raise an error for a value that the recipe declares an error."""
    values = as_text(values)
    if missing == "fail" and values.isna().any():
        raise ValueError(f"column {name!r} holds a missing value")
    if unknown == "fail":
        new = values[values.notna() & ~values.isin(list(levels))]
        if len(new):
            raise ValueError(
                f"column {name!r} holds the level {new.iloc[0]!r}, "
                "not seen in training"
            )


def learn_rare(rows, columns, min_share, max_levels):
    """Find the levels to keep, on the training rows."""
    least = min_share * len(rows)
    kept = {}
    for name in columns:
        frequent = counted(rows[name])[:max_levels]
        kept[name] = sorted(level for level, n in frequent if n >= least)
    return {"levels": kept}


def replace_rare(rows, learned, name):
    """Put all other levels under one name."""
    changes = {}
    for column, levels in learned["levels"].items():
        kept = set(levels)
        changes[column] = to_texts(
            as_text(rows[column]),
            lambda level, kept=kept: level if level in kept else name,
        )
    return put(rows, changes)


def learn_one_hot(
    rows, columns, max_levels, drop_last, unknown, missing, names, given
):
    """Find the levels and name the 0/1 columns, on the training rows."""
    taken = {name for name in rows if name not in columns}
    join = {"raw": "{}_{}".format, "safe": safe_feature}[names]
    learned = {
        "columns": list(columns),
        "levels": {},
        "names": {},
        "extra": {},
    }
    for name in columns:
        levels = [level for level, _ in counted(rows[name])][:max_levels]
        if drop_last and len(levels) > 1:
            levels = levels[:-1]
        learned["levels"][name] = list(given.get(name, levels))
    for name in columns:
        learned["names"][name] = [
            unique(join(name, level), taken)
            for level in learned["levels"][name]
        ]
        extra = {}
        if unknown == "other":
            extra["other"] = unique(join(name, "other"), taken)
        if missing == "level":
            extra["missing"] = unique(join(name, "missing"), taken)
        learned["extra"][name] = extra
    return learned


def safe_feature(column, level):
    """Return the name of a 0/1 column that CSV and XGBoost take."""
    return f"{safe_name(column)}_{safe_name(level)}"


def one_hot(rows, learned, unknown, missing):
    """Replace each column by one 0/1 column for each of its levels."""
    made = {}
    for name in learned["columns"]:
        values = as_text(rows[name])
        levels = learned["levels"][name]
        check_level(name, values, levels, missing, unknown)
        place = {level: number for number, level in enumerate(levels)}
        found = to_numbers(values, lambda level, at=place: at.get(level, -2))
        for number, feature in enumerate(learned["names"][name]):
            made[feature] = (found == number).astype("uint8")
        for suffix, feature in learned["extra"][name].items():
            inside = found == -2 if suffix == "other" else np.isnan(found)
            made[feature] = inside.astype("uint8")
    return put(rows.drop(columns=learned["columns"]), made)


def learn_ordinal(rows, columns, order, unknown):
    """Number the levels, on the training rows."""
    codes, default = {}, {}
    for name in columns:
        levels = order.get(name) or [level for level, _ in counted(rows[name])]
        codes[name] = {level: float(n) for n, level in enumerate(levels)}
        default[name] = float(len(levels)) if unknown == "last" else None
    return {"codes": codes, "default": default, "missing_value": {}}


def learn_frequency(rows, columns):
    """Find the share of each level, on the training rows."""
    total = max(len(rows), 1)
    codes = {
        name: {level: count / total for level, count in counted(rows[name])}
        for name in columns
    }
    shares = {name: float(rows[name].isna().sum()) / total for name in columns}
    return {
        "codes": codes,
        "default": dict.fromkeys(columns, 0.0),
        "missing_value": shares,
    }


def learn_target_encode(rows, target, columns, smoothing):
    """Find the label's mean for each level, on the training rows."""
    target = target.loc[rows.index].to_numpy()
    prior = float(target.mean()) if len(target) else 0.0
    everything = np.ones(len(rows), dtype=bool)
    codes, blanks = {}, {}
    for name in columns:
        places, levels = pd.factorize(as_text(rows[name]).to_numpy())
        means = level_means(
            places, len(levels), target, everything, prior, smoothing
        )
        codes[name] = {str(level): float(m) for level, m in zip(levels, means)}
        blanks[name] = float(means[-1])
    return {
        "codes": codes,
        "default": dict.fromkeys(columns, prior),
        "missing_value": blanks,
        "prior": prior,
    }


def level_means(places, count, target, used, prior, smoothing):
    """Return the smoothed mean of every level, and of missing values last."""
    places = np.where(places < 0, count, places)[used]
    counts = np.bincount(places, minlength=count + 1)
    sums = np.bincount(places, weights=target[used], minlength=count + 1)
    with np.errstate(all="ignore"):
        means = (sums + smoothing * prior) / (counts + smoothing)
    return np.where(counts == 0, prior, means)


def cross_fit(rows, target, learned, smoothing, folds, seed):
    """Encode training rows, each by the rows of the other folds only."""
    target = target.loc[rows.index].to_numpy()
    fold_of = np.random.default_rng(seed).permutation(len(rows)) % folds
    changes = {}
    for name in learned["codes"]:
        places, levels = pd.factorize(as_text(rows[name]).to_numpy())
        values = np.empty(len(rows))
        for fold in range(folds):
            inside, others = fold_of == fold, fold_of != fold
            prior = (
                float(target[others].mean())
                if others.any()
                else learned["prior"]
            )
            means = level_means(
                places, len(levels), target, others, prior, smoothing
            )
            values[inside] = means[places[inside]]
        changes[name] = values
    return put(rows, changes)


def encode(rows, learned, unknown=None):
    """Replace each level by its number."""
    changes = {}
    for name, codes in learned["codes"].items():
        values, default = as_text(rows[name]), learned["default"][name]
        check_level(name, values, codes, unknown=unknown)
        default = math.nan if default is None else default
        found = to_numbers(
            values, lambda level, to=codes, new=default: to.get(level, new)
        )
        blank = learned["missing_value"].get(name, math.nan)
        changes[name] = np.where(values.isna(), blank, found)
    return put(rows, changes)
