"""A sample of the rows that a model learnt from and is judged by: as they came, and as features. What serves the model later must make the same of them."""

from __future__ import annotations

import csv
import io
import json
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from jobkit import delimited, write
from jobkit.columns import DATE, TEXT, Column, Table, date_text, number_text

VERSION = 1
BLOCK_BYTES, OPEN_BYTES = 1 << 20, 1 << 26
NEWLINE = 10
END = "\r\n"
ROWS, FEATURES, ABOUT = "rows.csv", "features.parquet", "sample.json"


class Chosen(NamedTuple):
    """Hold which rows are in a sample: their numbers among the raw rows (int64, ascending), and for each split the places of those within it."""

    rows: np.ndarray
    places: Dict[str, np.ndarray]


def choose(origins: Mapping[str, np.ndarray], states: Sequence[Mapping[str, Any]], count: int, seed: int) -> Chosen:
    """Return about `count` rows, of every split a share.

    Training rows are left out where a step encodes them by the other folds only: there, their features are others by design.
    """
    from jobkit.steps.table import TARGETED  # all kinds of steps: more than the check of a package needs

    apart = any(state["step"] in TARGETED for state in states)
    kept = {name: origin for name, origin in origins.items() if not (apart and name == "train") and len(origin)}
    dice = np.random.default_rng(seed)
    share = -(-count // max(1, len(kept)))
    places = {name: np.sort(dice.choice(len(origin), min(share, len(origin)), replace=False, shuffle=False)) for name, origin in kept.items()}
    rows = np.concatenate([kept[name][found] for name, found in places.items()]) if places else np.empty(0, dtype=np.int64)
    return Chosen(np.sort(rows), places)


def features(chosen: Chosen, origins: Mapping[str, np.ndarray], made: Mapping[str, Mapping[str, np.ndarray]]) -> Dict[str, np.ndarray]:
    """Return the features of the chosen rows (float32), in the order of the rows."""
    order = np.argsort(np.concatenate([origins[name][found] for name, found in chosen.places.items()]), kind="stable")
    names = list(next(iter(made.values())))
    return {name: np.concatenate([made[split][name][found].astype(np.float32) for split, found in chosen.places.items()])[order] for name in names}


def save(folder: Path, chosen: Chosen, columns: Dict[str, np.ndarray], text: Tuple[str, bool], source: Mapping[str, Any]) -> None:
    """Write rows.csv, features.parquet and sample.json; `text` is that of rows.csv and whether it is that of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ROWS).write_bytes(text[0].encode("utf-8", "surrogateescape"))
    write.parquet(columns, folder / FEATURES)
    about = {
        "version": VERSION,
        "rows": chosen.rows.tolist(),
        "splits": {name: len(found) for name, found in chosen.places.items()},
        "as_they_came": text[1],
        "delimiter": source.get("delimiter", ","),
        "quote": source.get("quote", '"'),
    }
    (folder / ABOUT).write_text(json.dumps(about, sort_keys=True) + "\n", encoding="utf-8")


def text(files: Sequence[Path], data: Mapping[str, Any], raw: Table, rows: np.ndarray) -> Tuple[str, bool]:
    """Return these raw rows as CSV with a header: the very lines of the files, or, where that cannot be told apart safely, the values that were read."""
    lines = _lines(files, data, rows, len(raw)) if files else None
    if lines is not None:
        return "\n".join(lines) + "\n", True
    return _written(raw.take(rows), data), False


def _lines(files: Sequence[Path], data: Mapping[str, Any], rows: np.ndarray, count: int) -> Optional[List[str]]:
    """Return header and lines, None when the files do not have as many lines as rows, or another order of columns."""
    cut_out = cut(files, data, rows, count)
    if cut_out is None:
        return None
    names, found = cut_out[0], [line.decode(data["encoding"]) for line in cut_out[1]]
    try:
        cells = list(csv.reader(found, delimiter=data["delimiter"], **_quoting(data)))
    except csv.Error:
        return None
    fits = len(cells) == len(found) and all(len(row) == len(names) for row in cells)
    return [_row_text(names, data), *(line.rstrip("\r") for line in found)] if fits else None


def cut(files: Sequence[Path], data: Mapping[str, Any], rows: np.ndarray, count: int) -> Optional[Tuple[List[str], List[bytes]]]:
    """Return the names of the columns and the very lines of these rows (int64, ascending) of CSV files that hold `count` rows.

    None when the files do not have as many lines as rows, another order of columns, or an encoding in which a line does not end with a byte of its own.
    """
    if data["encoding"].lower().startswith(("utf-16", "utf-32", "utf_16", "utf_32")):
        return None
    headers = [delimited.header(path, data) for path in files]
    if any(names != headers[0] for names in headers):
        return None
    found: List[bytes] = []
    passed, wanted = 0, rows.tolist()
    for path in files:
        skip = 0 if data.get("columns") else 1
        for first, size, line in _blocks(path, (data.get("quote", '"') or "\0").encode(), skip):
            start = passed + first
            while len(found) < len(wanted) and wanted[len(found)] < start + size:
                found.append(line(wanted[len(found)] - start))
            last = first + size
        passed += last
    return (headers[0], found) if passed == count and len(found) == len(wanted) else None


def _blocks(path: Path, quote: bytes, skip: int) -> Iterator[Tuple[int, int, Callable[[int], bytes]]]:
    """Yield the number of the first row of a block, the number of its rows, and what returns one of them; the first `skip` rows do not count."""
    rest, first = b"", -skip
    with delimited.opened(path) as stream:
        while len(rest) < OPEN_BYTES:
            block = stream.read(BLOCK_BYTES)
            ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == NEWLINE) if block else np.array([-1])
            if not len(ends):
                rest += block
            elif block and quote not in block and quote not in rest and not _blank(rest, ends):
                yield first, len(ends), partial(_line_of, rest, block, ends)
                first, rest = first + len(ends), block[ends[-1] + 1 :]
            else:
                body, end = rest + block, len(rest) + int(ends[-1]) + 1
                if block and body.count(quote, 0, end) % 2:
                    rest = body  # a cell goes on behind this block
                    continue
                lines, rest = list(_joined(body[:end], quote)), body[end:]
                yield first, len(lines), lines.__getitem__
                first += len(lines)
            if not block:
                return


def _blank(rest: bytes, ends: np.ndarray) -> bool:
    """Tell whether some line may be empty: none or one byte before its end."""
    return len(rest) + int(ends[0]) <= 1 or (len(ends) > 1 and int(np.diff(ends).min()) <= 2)


def _line_of(rest: bytes, block: bytes, ends: np.ndarray, place: int) -> bytes:
    return block[ends[place - 1] + 1 : ends[place]] if place else rest + block[: ends[0]]


def _joined(whole: bytes, quote: bytes) -> Iterator[bytes]:
    """Yield rows: lines, joined where a quoted cell holds line breaks; empty lines are no rows."""
    open_line = b""
    for line in whole.split(b"\n"):
        line = open_line + b"\n" + line if open_line else line
        if line.count(quote) % 2:
            open_line = line
            continue
        open_line = b""
        if line.strip(b"\r"):
            yield line


def _quoting(data: Mapping[str, Any]) -> Dict[str, Any]:
    quote = data.get("quote", '"')
    return {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE, "escapechar": "\\"}


def _row_text(cells: Sequence[str], data: Mapping[str, Any]) -> str:
    out = io.StringIO()
    # The end of a line decides which cells are quoted: those that hold a part of it.
    csv.writer(out, delimiter=data.get("delimiter", ","), lineterminator=END, **_quoting(data)).writerow(cells)
    return out.getvalue()[: -len(END)]


def _written(raw: Table, data: Mapping[str, Any]) -> str:
    columns = [texts(column, blank(data)) for column in raw.columns.values()]
    return "".join(_row_text(row, data) + "\n" for row in [list(raw.columns), *zip(*columns)])


def blank(data: Mapping[str, Any]) -> str:
    """Return the text that stands for a missing value: an empty one where that is read as missing, else the first that is."""
    nulls = list(data["null_values"])
    return "" if "" in nulls or not nulls else nulls[0]


def texts(column: Column, blank: str) -> List[str]:
    """Return the cells of a column as texts, `blank` where a value is missing."""
    if column.kind == TEXT:
        return [blank if code < 0 else str(column.levels[code]) for code in column.values.tolist()]
    tell = date_text if column.kind == DATE else number_text
    return [blank if value != value else tell(value) for value in column.numbers().tolist()]
