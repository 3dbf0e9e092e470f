"""Make a table of captured records: the columns of the baseline for data quality, one column for each part of a record for model quality.

Data quality puts the outputs of an endpoint before its inputs (`output_columns_position`: START), as the service's own baselines have the label first. Cells
without a name take the names of the baseline that no named cell has, in their order; without a baseline they are `_c0`, `_c1`, ….
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

from jobkit.monitor import payload
from jobkit.monitor.captured import CAPTURE, TRUTH, Bad, Record
from jobkit.monitor.rows import from_columns

INPUT, OUTPUT = "endpointInput", "endpointOutput"
SIDES = (INPUT, OUTPUT)
START = "START"


class Wanted(NamedTuple):
    """Say what is read: which sides of a record, the names of the baseline's columns, where outputs stand, and whether each column tells its side."""

    sides: Tuple[str, ...] = SIDES
    names: Tuple[str, ...] = ()
    position: str = START
    apart: bool = False


def table(records: Sequence[Record], wanted: Wanted) -> Tuple[Any, Tuple[Bad, ...]]:
    """Return an Arrow table of the records' rows, a column that a row lacks being missing there, and the records that could not be used."""
    rows: List[Dict[str, payload.Cell]] = []
    bad: List[Bad] = []
    for record in records:
        try:
            rows += _rows(record.document, wanted)
        except payload.Unreadable as error:
            bad.append(Bad(record.file, record.line, str(error)))
    return of_rows(rows, wanted.names), tuple(bad)


def of_rows(rows: Sequence[Mapping[str, Any]], names: Sequence[str] = ()) -> Any:
    """Return an Arrow table of rows by name; columns of these names come first, others in the order in which they occur."""
    seen = dict.fromkeys(name for row in rows for name in row)
    order = [name for name in names if name in seen] + [name for name in seen if name not in set(names)]
    return from_columns(order, {name: [row.get(name) for row in rows] for name in order})


def _rows(document: Mapping[str, Any], wanted: Wanted) -> List[Dict[str, payload.Cell]]:
    sides = _sides(document, wanted)
    counts = {name: len(found) for name, found in sides.items()}
    if not counts or len(set(counts.values())) > 1:
        raise payload.Unreadable("got rows {}; expected as many on each side of {}".format(counts, ", ".join(wanted.sides)))
    name_row = _apart if wanted.apart else _together
    return [name_row(dict(zip(sides, row)), wanted.names) for row in zip(*sides.values())]


def _sides(document: Mapping[str, Any], wanted: Wanted) -> Dict[str, List[payload.Row]]:
    """Return the rows of each side that was captured, outputs first or last."""
    order = sorted(wanted.sides, key=lambda name: (name == OUTPUT) == (wanted.position != START))
    held = {**document[CAPTURE], **({TRUTH: document[TRUTH]} if wanted.apart and TRUTH in document else {})}
    found = {}
    for name in [*order, TRUTH]:
        if isinstance(held.get(name), dict):
            rows = payload.rows(held[name])
            found[name] = payload.split_header(rows, wanted.names, str(held[name].get("observedContentType") or ""))
    return payload.agree(found)


def _apart(sides: Mapping[str, payload.Row], names: Sequence[str]) -> Dict[str, payload.Cell]:
    """Return the cells as `endpointOutput_0` or `endpointOutput_<name>`, `groundTruthData_0`, and so on."""
    cells = {side: (row.items() if isinstance(row, dict) else enumerate(row)) for side, row in sides.items()}
    return {"{}_{}".format(side, name): value for side, found in cells.items() for name, value in found}


def _together(sides: Mapping[str, payload.Row], names: Sequence[str]) -> Dict[str, payload.Cell]:
    named: Dict[str, payload.Cell] = {}
    unnamed: List[payload.Cell] = []
    order: List[Any] = []
    for row in sides.values():
        if isinstance(row, dict):
            named.update(row)
            order += list(row)
        else:
            order += range(len(unnamed), len(unnamed) + len(row))
            unnamed += row
    free = [name for name in names if name not in named]
    places = free + ["_c{}".format(len(names) - len(free) + place) for place in range(len(free), len(unnamed))]
    return {place if isinstance(place, str) else places[place]: named[place] if isinstance(place, str) else unnamed[place] for place in order}
