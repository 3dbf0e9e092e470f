"""Read raw CSV files into one frame, with an error that says which file and row is wrong."""

from __future__ import annotations

import csv
import difflib
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import pandas as pd

from jobkit.failure import JobError

CELL_BYTES = 1048576
BLOCK_BYTES = 1 << 20
DELIMITERS = ",;\t|"


def read(folder: Path, data: Dict[str, Any], label: str) -> pd.DataFrame:
    """Return the rows of every file in a folder, in the order of the file names; columns keep their types as pandas reads them.

    `data` holds delimiter, encoding and null_values.

    Raises:
        JobError: there is no file, a file is empty, has no rows, lacks the label, or cannot be read as CSV.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    if not files:
        raise JobError("there is no input file in {}".format(folder))
    frames = [_read_file(path, data, label) for path in files]
    rows = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    if rows.empty:
        raise JobError("{}: the file has a header and no rows".format(files[0].name))
    return rows


def _read_file(path: Path, data: Dict[str, Any], label: str) -> pd.DataFrame:
    _check_bytes(path, data["encoding"])
    header = _header(path, data)
    if label not in header:
        raise JobError(_no_label(path, header, data["delimiter"], label))
    try:
        return pd.read_csv(path, sep=data["delimiter"], encoding=data["encoding"], na_values=list(data["null_values"]), keep_default_na=False, low_memory=False)
    except UnicodeDecodeError as error:
        raise JobError(_bad_byte(path, error)) from None
    except pd.errors.ParserError as error:
        raise JobError("{}: this is not CSV with delimiter {!r}: {}".format(path.name, data["delimiter"], str(error).strip())) from None


def _check_bytes(path: Path, encoding: str) -> None:
    """Look at the raw bytes once: no empty file, no NUL, no line that grows past the size of a cell."""
    size, since_break, row = 0, 0, 1
    with open(path, "rb") as handle:
        for block in iter(lambda: handle.read(BLOCK_BYTES), b""):
            size += len(block)
            first, last = block.find(b"\n"), block.rfind(b"\n")
            longest = since_break + (len(block) if first < 0 else first)
            if longest > CELL_BYTES:
                raise JobError("{}: the line after line {} is longer than {} bytes; expected rows of a table".format(path.name, row, CELL_BYTES))
            if b"\0" in block and not encoding.lower().startswith("utf-16"):
                raise JobError("{}: the file holds a NUL byte near line {}; it is not text".format(path.name, row))
            since_break = len(block) - last - 1 if last >= 0 else longest
            row += block.count(b"\n")
    if size == 0:
        raise JobError("{}: the file is empty; expected a header and rows".format(path.name))


def _header(path: Path, data: Dict[str, Any]) -> List[str]:
    try:
        with open(path, encoding=data["encoding"], newline="") as handle:
            header = next(csv.reader(handle, delimiter=data["delimiter"]), [])
    except UnicodeDecodeError as error:
        raise JobError(_bad_byte(path, error)) from None
    except (csv.Error, LookupError) as error:
        raise JobError("{}: the header cannot be read: {}".format(path.name, error)) from None
    header = [name.lstrip("\ufeff") for name in header]
    twice = sorted(name for name in set(header) if header.count(name) > 1)
    if twice:
        raise JobError("{}: the column {!r} stands twice in the header".format(path.name, twice[0]))
    return header


def _no_label(path: Path, header: Sequence[str], delimiter: str, label: str) -> str:
    seen = [mark for mark in DELIMITERS if mark != delimiter and len(header) == 1 and mark in header[0]]
    if seen:
        return "{}: one column was found with delimiter {!r}, but the header holds {!r}. Set data.delimiter to that.".format(path.name, delimiter, seen[0])
    near = difflib.get_close_matches(label, header, 1)
    hint = " Did you mean {!r}?".format(near[0]) if near else ""
    return "{}: there is no label column {!r}; got {} columns: {}.{}".format(path.name, label, len(header), ", ".join(header)[:300], hint)


def _bad_byte(path: Path, error: UnicodeDecodeError) -> str:
    """Name line and byte of what is not text in the expected encoding; decoders report offsets within a block, so the file is searched."""
    raw = path.read_bytes()
    try:
        raw.decode(error.encoding)
    except UnicodeDecodeError as exact:
        error = exact
    line = raw.count(b"\n", 0, error.start) + 1
    return "{}: byte {:#04x} in line {} is not {}; set data.encoding, e.g. latin-1, or mend the file".format(path.name, raw[error.start], line, error.encoding)


def positives(rows: pd.DataFrame, label: str, positive: Any) -> Tuple[pd.Series, List[str]]:
    """Return the label as float 0/1 (float32, shape (rows,)) and the texts of its two values, negative first.

    Raises:
        JobError: labels are missing, there are not exactly two values, or the positive one is not among them.
    """
    values = rows[label]
    if values.isna().any():
        raise JobError("column {!r}: {} rows have no label; remove them or fill them in".format(label, int(values.isna().sum())))
    texts = values.map(_text)
    found = sorted(texts.unique())
    wanted = _text(positive)
    if len(found) == 1:
        raise JobError("column {!r} has one class only: {!r}; a classifier needs two".format(label, found[0]))
    if len(found) > 2:
        raise JobError("column {!r} has {} values: {}; binary_classification needs two".format(label, len(found), ", ".join(found[:8])))
    if wanted not in found:
        raise JobError("column {!r} holds {} and never the positive value {!r}; set label.positive".format(label, " and ".join(map(repr, found)), wanted))
    return (texts == wanted).astype("float32"), [next(text for text in found if text != wanted), wanted]


def _text(value: Any) -> str:
    """Return a label's text; 1, 1.0 and True are written alike."""
    if isinstance(value, str):
        return value.strip()
    number = float(value)
    return str(int(number)) if number.is_integer() else str(number)
