"""Tables on stdout in the format that was asked for: aligned text, Markdown, CSV or JSON."""

from __future__ import annotations

import enum
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.commands.printing import one_line, print_json, visible

Rows = Sequence[Mapping[str, Any]]


class Format(str, enum.Enum):
    """Choose how a table is written."""

    text = "text"
    md = "md"
    csv = "csv"
    json = "json"


def write(rows: Rows, form: Format) -> None:
    """Print rows, all of whose columns are shown, in the order in which they first come."""
    WRITERS[form](rows)


def columns(rows: Rows) -> list[str]:
    """Return the names of all columns."""
    return list(dict.fromkeys(name for row in rows for name in row))


def _cells(rows: Rows) -> list[list[str]]:
    return [["" if row.get(name) is None else str(row[name]) for name in columns(rows)] for row in rows]


def _text(rows: Rows) -> None:
    table = [[name.upper() for name in columns(rows)], *([visible(one_line(cell)) for cell in row] for row in _cells(rows))]
    widths = [max(len(row[place]) for row in table) for place in range(len(table[0]))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _markdown(rows: Rows) -> None:
    names = columns(rows)
    for row in [names, ["---"] * len(names), *_cells(rows)]:
        print("| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in row) + " |")


def _csv(rows: Rows) -> None:
    import csv

    writer = csv.DictWriter(sys.stdout, columns(rows), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _json(rows: Rows) -> None:
    print_json(list(rows))


WRITERS = {Format.text: _text, Format.md: _markdown, Format.csv: _csv, Format.json: _json}
