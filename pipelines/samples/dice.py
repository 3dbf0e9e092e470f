"""Seeded draws whose bytes are the same with every Python and NumPy: all are made from one stream of uniform numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float64]]


class Dice:
    """Draw columns of `rows` values."""

    def __init__(self, rows: int, seed: int) -> None:
        """Take the length of a column and the seed."""
        import numpy

        self._numpy, self._rows, self._generator = numpy, rows, numpy.random.Generator(numpy.random.PCG64(seed))

    def uniform(self) -> Floats:
        """Return float64 in [0, 1), shape (rows,)."""
        return self._generator.random(self._rows)

    def level(self, shares: Mapping[str, float]) -> Any:
        """Return texts drawn by their shares, shape (rows,); what is left goes to the last one."""
        edges = self._numpy.cumsum(list(shares.values()))[:-1]
        return self._numpy.array(list(shares))[self._numpy.searchsorted(edges, self.uniform(), side="right")]

    def count(self, *shares: float) -> Any:
        """Return whole numbers 0, 1, 2 … drawn by their shares; what is left goes to the last one."""
        return self._numpy.searchsorted(self._numpy.cumsum(shares), self.uniform(), side="right")

    def exponential(self, scale: float) -> Floats:
        """Return float64 of an exponential distribution with this mean."""
        return -scale * self._numpy.log(1.0 - self.uniform())

    def normal(self, mean: float = 0.0, deviation: float = 1.0) -> Floats:
        """Return float64 of about a normal distribution: the sum of twelve uniform numbers, which no library's logarithm touches."""
        total = sum((self.uniform() for _ in range(12)), start=self._numpy.zeros(self._rows))
        return mean + deviation * (total - 6.0)

    def happens(self, score: Floats) -> Any:
        """Return True with the probability that the logistic function gives a score, shape (rows,)."""
        return self.uniform() < 1.0 / (1.0 + self._numpy.exp(-score))
