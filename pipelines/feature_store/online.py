"""The online store: the latest record of each identifier by event time, in one SQLite file."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

TABLE = "CREATE TABLE IF NOT EXISTS records (id TEXT PRIMARY KEY, event_time REAL NOT NULL, record TEXT)"
# A record replaces another only when its event time is later (API reference of PutRecord); an older one is history and goes to the offline store only.
PUT = (
    "INSERT INTO records VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET event_time = excluded.event_time, record = excluded.record "
    "WHERE excluded.event_time > records.event_time"
)


@dataclass(frozen=True)
class Online:
    """Keep records in the file; a record without content was softly deleted."""

    file: Path

    def put(self, entries: Iterable[tuple[str, float, str | None]]) -> None:
        """Put (identifier, event time in seconds, record as JSON or None) one after the other, all or none."""
        with self._open() as connection:
            connection.executemany(PUT, entries)

    def get(self, key: str) -> list[dict[str, str]] | None:
        """Return a record as GetRecord does, None when there is none or it was deleted."""
        with self._open() as connection:
            row = connection.execute("SELECT record FROM records WHERE id = ?", (key,)).fetchone()
        return json.loads(row[0]) if row and row[0] is not None else None

    def event_time(self, key: str) -> float | None:
        """Return the event time of what is kept for an identifier, in seconds, also of a deletion."""
        with self._open() as connection:
            row = connection.execute("SELECT event_time FROM records WHERE id = ?", (key,)).fetchone()
        return float(row[0]) if row else None

    def remove(self, key: str) -> None:
        """Remove an identifier without a trace."""
        with self._open() as connection:
            connection.execute("DELETE FROM records WHERE id = ?", (key,))

    def count(self) -> int:
        """Return the number of records that can be got."""
        with self._open() as connection:
            return int(connection.execute("SELECT count(*) FROM records WHERE record IS NOT NULL").fetchone()[0])

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self.file, timeout=60)) as connection, connection:
            connection.execute(TABLE)
            yield connection
