"""Event times: ISO 8601 text in UTC or seconds since 1970, the two forms that the service takes. PURE."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

ISO = re.compile(r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:\d\d(\.\d{3})?Z")
LATEST_S = 253402300799.0


def seconds(value: Any) -> float | None:
    """Return an event time in seconds since 1970, None when it is none: yyyy-MM-ddTHH:mm:ssZ, with or without milliseconds, or a number of 0 to year 9999."""
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= LATEST_S:
        return float(value)
    return None


def _of_text(text: str) -> float | None:
    if not ISO.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text[:-1]).replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return None


def iso(moment_s: float) -> str:
    """Return a time in seconds since 1970, rounded to milliseconds, as the text that the service takes."""
    whole_s, milliseconds = divmod(round(moment_s * 1000), 1000)
    text = datetime.fromtimestamp(whole_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{milliseconds:03d}Z" if milliseconds else "Z")


def partition(moment_s: float) -> tuple[str, str, str, str]:
    """Return year, month, day and hour (UTC) as the folders of the offline store write them."""
    moment = datetime.fromtimestamp(moment_s, timezone.utc)
    return f"{moment.year:04d}", f"{moment.month:02d}", f"{moment.day:02d}", f"{moment.hour:02d}"


def stamp(moment_s: float) -> str:
    """Return a time as it begins the name of a file of the offline store, e.g. 20200630T064401Z."""
    return datetime.fromtimestamp(moment_s, timezone.utc).strftime("%Y%m%dT%H%M%SZ")
