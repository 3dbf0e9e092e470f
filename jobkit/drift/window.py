"""The span of time whose captured records are looked at. Times are UTC, as the service's are; one without a zone is taken for UTC."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import PurePath
from typing import NamedTuple, Optional

from jobkit.failure import JobError

HOUR_FOLDER = re.compile(r"(?:^|/)(\d{4})/(\d{2})/(\d{2})/(\d{2})/[^/]+$")
HOUR = timedelta(hours=1)


class Window(NamedTuple):
    """Hold the first moment that counts and the first that does not any more, in UTC; None leaves a side open."""

    start: Optional[datetime] = None
    end: Optional[datetime] = None

    def holds(self, moment: datetime) -> bool:
        """Tell whether a moment is in the span."""
        return (self.start is None or moment >= self.start) and (self.end is None or moment < self.end)

    def may_hold(self, path: PurePath) -> bool:
        """Tell whether a file may have records of the span, by its folder yyyy/mm/dd/hh; records are written up to an hour after they came about."""
        found = HOUR_FOLDER.search(path.as_posix())
        if found is None:
            return True
        try:
            hour = datetime(*map(int, found.groups()), tzinfo=timezone.utc)  # type: ignore[arg-type,misc]
        except ValueError:
            return True
        return (self.start is None or hour + HOUR > self.start) and (self.end is None or hour < self.end + HOUR)

    def told(self) -> str:
        """Return the span in words."""
        return "{} to {}".format(*("…" if side is None else text(side) for side in self))


def text(moment: datetime) -> str:
    """Return a moment as the service writes it."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(words: str, where: str) -> datetime:
    """Return an ISO 8601 moment or day in UTC.

    Raises:
        JobError: it is none.
    """
    plain = re.sub(r"[zZ]$", "+00:00", words.strip())
    try:
        found = datetime.fromisoformat(re.sub(r"\.\d+", "", plain))
    except ValueError:
        raise JobError("{}: got {!r}; expected a time such as 2026-05-01T10:00:00Z, or a day".format(where, words[:60])) from None
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)


def of(start: Optional[str], end: Optional[str], hours: Optional[float]) -> Window:
    """Return the span from `start` to `end`, or of the `hours` before `end`.

    Raises:
        JobError: a time is none, hours come without an end, or the span holds nothing.
    """
    last = parse(end, "--to") if end else None
    if hours is not None and (last is None or start):
        raise JobError("--hours: got {}; expected it with an end and without a start".format("a start, too" if start else "no end"))
    first = parse(start, "--from") if start else last - timedelta(hours=hours) if last is not None and hours is not None else None
    if first is not None and last is not None and first >= last:
        raise JobError("--to: got {}; expected a time after {}".format(text(last), text(first)))
    return Window(first, last)
