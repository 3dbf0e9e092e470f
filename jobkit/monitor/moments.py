"""Sum numbers in their order, one after the other, as Spark does: pairwise sums, which are NumPy's, differ in the last bit."""

from __future__ import annotations

import numpy as np

# Above this many rows squares are summed at once, as no order of partitions is known any more; the result is then exact to about 1e-15.
STREAMED_ROWS = 1 << 16


def total(numbers: np.ndarray) -> float:
    """Return the sum of float64 numbers (shape (rows,), at least one)."""
    return float(np.cumsum(numbers)[-1])


def squares(numbers: np.ndarray) -> float:
    """Return the sum of squared distances from the mean of float64 numbers (shape (rows,)) by Spark's streaming update (`CentralMomentAgg`)."""
    if len(numbers) > STREAMED_ROWS:
        return float(np.sum((numbers - numbers.mean()) ** 2))
    count, mean, summed = 0.0, 0.0, 0.0
    for value in numbers.tolist():
        count += 1.0
        delta = value - mean
        step = delta / count
        mean += step
        summed += delta * (delta - step)
    return summed
