"""Steps on numbers: impute (text too), outliers, scale, bin."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from pipelines.export.plain.values import (
    as_numbers,
    as_text,
    dates_of,
    finite,
    kind_of,
    plain_text,
    put,
    seconds_of,
)


def columns_of(rows, kind, excluded):
    """Return every column of a kind that may become a feature."""
    return [
        name
        for name in rows
        if name not in excluded and kind_of(rows[name]) == kind
    ]


def incomplete(rows, kinds, excluded):
    """Return every column of these kinds that misses values."""
    return [
        name
        for name in rows
        if name not in excluded
        and kind_of(rows[name]) in kinds
        and rows[name].isna().any()
    ]


def present(values):
    """Return the numbers that are not missing."""
    numbers = as_numbers(values)
    return numbers[~np.isnan(numbers)]


def approximate_median(numbers):
    """Return the least number that half of the numbers do not exceed."""
    middle = (len(numbers) - 1) // 2
    return float(np.partition(numbers, middle)[middle])


def learn_impute(rows, columns, strategy, value, indicator, given):
    """Find what to fill into each column, on the training rows."""
    values = {
        name: in_whole(
            rows[name],
            given[name]
            if name in given
            else fill_value(rows[name], strategy, value),
        )
        for name in columns
    }
    flags = {name: f"{name}_missing" for name in columns} if indicator else {}
    return {"values": values, "indicators": flags}


def in_whole(values, found):
    """Return the seconds of a date in whole microseconds."""
    if kind_of(values) != "date" or isinstance(found, str):
        return found
    return float(seconds_of(pd.Series(dates_of(np.array([found]))))[0])


def fill_value(values, strategy, value):
    """Return the mean, a median, the mode, or the constant."""
    is_text = kind_of(values) == "text"
    if strategy == "constant":
        if is_text:
            return plain_text(value)
        return value if isinstance(value, str) else float(value)
    if strategy == "mode":
        return most_frequent(values)
    if is_text and values.notna().any():
        raise ValueError(
            f"column {values.name!r} holds text, which has no {strategy}"
        )
    numbers = np.array([]) if is_text else present(values)
    if not len(numbers):
        return 0.0
    with np.errstate(all="ignore"):
        found = {
            "mean": np.mean,
            "median": np.median,
            "approximate_median": approximate_median,
        }[strategy](numbers)
    return (
        float(found) if math.isfinite(found) else approximate_median(numbers)
    )


def most_frequent(values):
    """Return the most frequent value; of several the least."""
    if kind_of(values) == "text":
        counts = values.value_counts()
        return min(counts.index[counts == counts.max()]) if len(counts) else ""
    numbers, counts = np.unique(present(values), return_counts=True)
    return float(numbers[np.argmax(counts)]) if len(numbers) else 0.0


def impute(rows, learned):
    """Fill missing values; 0/1 columns tell where they were missing."""
    changes = {
        name: filled(rows[name], value)
        for name, value in learned["values"].items()
    }
    for name, flag in learned["indicators"].items():
        changes[flag] = rows[name].isna().to_numpy().astype("uint8")
    return put(rows, changes)


def filled(values, value):
    """Return a column with its missing values filled."""
    missing = values.isna().to_numpy()
    if isinstance(value, str):
        return np.where(missing, value, as_text(values).to_numpy())
    if not missing.any():
        return values
    if kind_of(values) == "date":
        return np.where(
            missing, dates_of(np.array([value])), values.to_numpy()
        )
    return np.where(missing, float(value), blank_numbers(values))


def blank_numbers(values):
    """Return a column as numbers; one of text is all missing."""
    if kind_of(values) == "text":
        return np.full(len(values), np.nan)
    return as_numbers(values)


def learn_outliers(rows, columns, method, threshold, low, high, given):
    """Find the bounds of each column, on the training rows."""
    bounds = {}
    for name in columns:
        numbers = present(rows[name])
        if name in given:
            bounds[name] = list(given[name])
        elif method == "min_max":
            bounds[name] = [low, high]
        elif len(numbers) < 2:
            bounds[name] = [None, None]
        else:
            with np.errstate(all="ignore"):
                found = OUTLIER_BOUNDS[method](numbers, threshold)
            bounds[name] = [
                float(bound) if math.isfinite(bound) else None
                for bound in found
            ]
    return {"bounds": bounds}


def deviation_bounds(numbers, threshold):
    """Return the mean less and plus so many standard deviations."""
    mean, deviation = numbers.mean(), numbers.std(ddof=1)
    return mean - threshold * deviation, mean + threshold * deviation


def robust_bounds(numbers, threshold):
    """Return the median less and plus so many robust deviations.

    They are standard deviations of the values clipped to the 5th to 95th
    percentile.
    """
    low, median, high = np.quantile(numbers, [0.05, 0.5, 1 - 0.05])
    deviation = np.clip(numbers, low, high).std(ddof=1)
    return median - threshold * deviation, median + threshold * deviation


def quantile_bounds(numbers, share):
    """Return the values that cut off a share of the rows at each end."""
    low, high = np.quantile(numbers, [share, 1 - share])
    return low, high


OUTLIER_BOUNDS = {
    "standard_deviation": deviation_bounds,
    "robust": robust_bounds,
    "quantile": quantile_bounds,
}


def outliers_of(rows, learned):
    """Yield each column with its numbers, bounds, and what is outside."""
    for name, (low, high) in learned["bounds"].items():
        low = -math.inf if low is None else low
        high = math.inf if high is None else high
        numbers = blank_numbers(rows[name])
        yield name, numbers, low, high, (numbers < low) | (numbers > high)


def remove_outliers(rows, learned):
    """Remove rows with a value outside its bounds; of training rows only."""
    outside = np.zeros(len(rows), dtype=bool)
    for _, _, _, _, beyond in outliers_of(rows, learned):
        outside |= beyond
    return rows[~outside]


def clip_outliers(rows, learned):
    """Cut values outside their bounds to the bounds."""
    changes = {
        name: np.clip(numbers, low, high)
        for name, numbers, low, high, _ in outliers_of(rows, learned)
    }
    return put(rows, changes)


def blank_outliers(rows, learned):
    """Make values outside their bounds missing."""
    changes = {
        name: np.where(outside, np.nan, numbers)
        for name, numbers, _, _, outside in outliers_of(rows, learned)
    }
    return put(rows, changes)


def learn_scale(rows, columns, method):
    """Find centre and width of each column, on the training rows."""
    scales = {name: scale_of(present(rows[name]), method) for name in columns}
    return {"scales": scales}


def scale_of(numbers, method):
    """Return [centre, width]; the width of a constant column is 1."""
    if not len(numbers):
        return [0.0, 1.0]
    with np.errstate(all="ignore"):
        centre, width = SCALES[method](numbers)
    if not math.isfinite(centre):
        centre = approximate_median(numbers)
    usable = width > 0 and math.isfinite(width)
    return [float(centre), float(width) if usable else 1.0]


def interquartile(numbers):
    """Return the median and the range between the quartiles."""
    low, median, high = np.quantile(numbers, [0.25, 0.5, 0.75])
    return median, high - low


SCALES = {
    "standard": lambda numbers: (numbers.mean(), numbers.std()),
    "min_max": lambda numbers: (numbers.min(), numbers.max() - numbers.min()),
    "robust": interquartile,
    "max_abs": lambda numbers: (0.0, np.abs(numbers).max()),
}


def scale(rows, learned):
    """Return the rows with (value - centre) / width in each column."""
    changes = {}
    for name, (centre, width) in learned["scales"].items():
        with np.errstate(all="ignore"):
            scaled = (blank_numbers(rows[name]) - centre) / width
        changes[name] = finite(scaled)
    return put(rows, changes)


def learn_bin(rows, columns, method, bins, edges):
    """Find the inner edges of the bins, on the training rows."""
    found = {
        name: bin_edges(blank_numbers(rows[name]), method, bins, edges)
        for name in columns
    }
    return {"edges": found}


def bin_edges(numbers, method, bins, edges):
    """Return given, equally filled, or equally wide bins by inner edges."""
    if method == "edges":
        return [float(edge) for edge in edges]
    numbers = numbers[~np.isnan(numbers)]
    if not len(numbers):
        return []
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    low, high = numbers.min(), numbers.max()
    with np.errstate(all="ignore"):
        if method == "quantile":
            found = np.quantile(numbers, inner)
        else:
            found = low * (1 - inner) + high * inner
    return sorted({float(edge) for edge in found if low < edge < math.inf})


def into_bins(rows, learned):
    """Replace numbers by the number of their bin, 0 first."""
    changes = {}
    for name, edges in learned["edges"].items():
        numbers = blank_numbers(rows[name])
        place = np.searchsorted(edges, numbers, side="right")
        changes[name] = np.where(np.isnan(numbers), np.nan, place)
    return put(rows, changes)
