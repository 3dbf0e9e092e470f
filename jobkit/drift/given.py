"""What every analysis works on."""

from __future__ import annotations

from typing import Iterator, Mapping, NamedTuple, Optional

from jobkit.drift import reading
from jobkit.drift.asked import Asked
from jobkit.drift.model import Model
from jobkit.drift.reading import Row, Tally
from jobkit.failure import JobError


class Given(NamedTuple):
    """Hold what an analysis works on: the settings, what is known of the model, the truth by id, and the count of what is read."""

    asked: Asked
    model: Model
    truths: Optional[Mapping[str, str]]
    tally: Tally

    def rows(self) -> Iterator[Row]:
        """Yield the captured rows of the span."""
        asked = self.asked
        return reading.rows(reading.Asked(asked.captured, asked.window, self.model, self.truths, asked.attributes), self.tally)


def nothing(given: Given) -> JobError:
    """Return the error of a span without a row that can be used."""
    counts = ", ".join("{} {}".format(number, name.replace("_", " ")) for name, number in sorted(given.tally.counts.items())) or "no record"
    told = "".join(". " + note for note in given.tally.notes()[:1])
    return JobError("no captured row of {} can be used: got {}{}".format(given.asked.window.told(), counts, told))
