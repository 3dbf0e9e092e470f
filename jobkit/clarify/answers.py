"""Read what a model answers: scores and labels by `predictor.probability` and `predictor.label`, a column of CSV or a path into JSON."""

from __future__ import annotations

import ast
import csv
import io
import json
from typing import Any, Callable, List, Mapping, NamedTuple, NoReturn, Optional, Sequence, Tuple

import numpy as np

from jobkit.clarify import json_path
from jobkit.clarify.config import CSV, FILE, JSON, JSON_LINES, Column
from jobkit.failure import JobError

SHOWN_BYTES = 200


class Wanted(NamedTuple):
    """Say where scores and labels stand in an answer: columns from 0 of CSV, paths into JSON; None for the whole answer and for no labels."""

    accept: str
    probability: Optional[Column] = None
    label: Optional[Column] = None
    several: Tuple[int, ...] = ()


class Answers(NamedTuple):
    """Hold scores (float64, shape (rows, outputs)) and labels (objects: text, None where there is none, shape (rows,)); None for what was not answered."""

    scores: Optional[np.ndarray]
    labels: Optional[np.ndarray]


def wrong(body: bytes, told: str) -> JobError:
    """Return the error about an answer, with its first bytes."""
    shown = body[:SHOWN_BYTES].decode("utf-8", "replace")
    more = "…" if len(body) > SHOWN_BYTES else ""
    return JobError("the model's answer: {}. It begins with {!r}{}. Check predictor.accept_type, probability and label in {}".format(told, shown, more, FILE))


def read(body: bytes, wanted: Wanted, rows: int) -> Answers:
    """Return the answers about `rows` rows.

    Raises:
        JobError: the answer has another format, another number of rows, or no numbers where scores should be.
    """
    if wanted.accept not in READERS:
        raise JobError("{}: predictor.accept_type: got {!r}, expected one of {}".format(FILE, wanted.accept, ", ".join(READERS)))
    return READERS[wanted.accept](body, wanted, rows)


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise wrong(body, "got bytes that are not UTF-8, expected text") from None


# CSV


def _csv(body: bytes, wanted: Wanted, rows: int) -> Answers:
    cells = [row for row in csv.reader(io.StringIO(_text(body))) if row]
    if len(cells) == 1 and rows > 1 and len(cells[0]) % rows == 0:
        width = len(cells[0]) // rows  # all answers in one line
        cells = [cells[0][start : start + width] for start in range(0, len(cells[0]), width)]
    if len(cells) != rows:
        raise wrong(body, "got {} rows of CSV for the {} that were sent, expected as many".format(len(cells), rows))
    if any(len(row) != len(cells[0]) for row in cells):
        raise wrong(body, "got rows of CSV of different lengths, expected one length")
    columns = list(zip(*cells))
    labels = None if wanted.label is None else _labels(_column(columns, wanted.label, "label", body))
    if wanted.probability is not None:
        return Answers(_scores(_column(columns, wanted.probability, "probability", body), body), labels)
    return _all_columns(columns, wanted, labels, body)


def _column(columns: Sequence[Sequence[str]], place: Column, key: str, body: bytes) -> List[Any]:
    text = str(place)
    if not text.isdigit():
        raise JobError("{}: predictor.{}: got {!r}, expected the place of a column of CSV, from 0".format(FILE, key, place))
    if int(text) >= len(columns):
        raise wrong(body, "got {} columns of CSV, expected predictor.{} {} among them, from 0".format(len(columns), key, place))
    cells = list(columns[int(text)])
    return [_listed(cell) for cell in cells] if any(cell[:1] in ("[", " ") for cell in cells[:1]) else cells


def _listed(cell: str) -> Any:
    """Return the list that a cell holds, or the cell."""
    if not cell.lstrip().startswith("["):
        return cell
    try:
        return list(ast.literal_eval(cell.strip()))
    except (ValueError, SyntaxError):
        return cell


def _all_columns(columns: Sequence[Sequence[str]], wanted: Wanted, labels: Optional[np.ndarray], body: bytes) -> Answers:
    """Take every column of numbers for scores but that of the label, and a column of text for the label."""
    if wanted.several:
        return Answers(_scores([list(row) for row in zip(*(columns[place] for place in wanted.several if place < len(columns)))], body), labels)
    places = [place for place in range(len(columns)) if len(columns) == 1 or str(place) != str(wanted.label)]
    kept = [place for place in places if _is_number(columns[place][0])]
    if not kept:
        if labels is not None:
            return Answers(None, labels)
        kept = places
    text = [place for place in places if place not in kept]
    if labels is None and text:
        labels = _labels(columns[text[0]])
    if len(places) == 1 and _listed(columns[places[0]][0]) != columns[places[0]][0]:
        return Answers(_scores([_listed(cell) for cell in columns[places[0]]], body), labels)
    return Answers(_scores([list(row) for row in zip(*(columns[place] for place in kept))], body), labels)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell.lstrip().startswith("[")
    return True


# JSON


def _lines(body: bytes, wanted: Wanted, rows: int) -> Answers:
    values = [_parsed(line, body) for line in _text(body).split("\n") if line.strip()]
    if len(values) != rows:
        raise wrong(body, "got {} JSON Lines for the {} rows that were sent, expected as many".format(len(values), rows))
    scores = values if wanted.probability is None else [json_path.search(str(wanted.probability), value) for value in values]
    labels = None if wanted.label is None else _labels([json_path.search(str(wanted.label), value) for value in values])
    if wanted.probability is None and labels is not None:
        return Answers(None, labels)
    return Answers(_scores(scores, body), labels)


def _document(body: bytes, wanted: Wanted, rows: int) -> Answers:
    value = _parsed(_text(body), body)
    labels = None if wanted.label is None else _labels(_rows(json_path.search(str(wanted.label), value), rows, "label", body))
    if wanted.probability is None and labels is not None:
        return Answers(None, labels)
    found = value if wanted.probability is None else json_path.search(str(wanted.probability), value)
    return Answers(_scores(_rows(found, rows, "probability", body), body), labels)


def _rows(found: Any, rows: int, key: str, body: bytes) -> List[Any]:
    if rows == 1 and not (isinstance(found, list) and len(found) == 1):
        return [found]
    if not isinstance(found, list):
        raise wrong(body, "got no list where predictor.{} points, expected one entry for each of {} rows".format(key, rows))
    if len(found) != rows:
        raise wrong(body, "got {} entries where predictor.{} points for the {} rows that were sent, expected as many".format(len(found), key, rows))
    return found


def _parsed(text: str, body: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise wrong(body, "got no JSON, expected it") from None


READERS: Mapping[str, Callable[[bytes, Wanted, int], Answers]] = {CSV: _csv, JSON_LINES: _lines, JSON: _document}


# What is read


def _scores(values: Sequence[Any], body: bytes) -> np.ndarray:
    """Return scores of rows that are numbers, lists, or objects of numbers, float64 of shape (rows, outputs)."""
    plain = values and isinstance(values[0], (str, int, float))
    wide = [[value] for value in values] if plain else [_flat(value) for value in values]
    if len({len(row) for row in wide}) != 1 or not wide[0]:
        _refuse(body)
    try:
        scores = np.array(wide, dtype=np.float64)
    except (TypeError, ValueError):
        _refuse(body)
    if scores.ndim != 2 or not np.isfinite(scores).all():
        _refuse(body)
    return scores


def _refuse(body: bytes) -> NoReturn:
    raise wrong(body, "got no finite number for each row, expected scores or a list of them")


def _flat(value: Any) -> List[Any]:
    """Return the scores of a row as a list."""
    if isinstance(value, dict):
        return [item for item in value.values() if isinstance(item, (int, float))] if len(value) != 1 else _flat(next(iter(value.values())))
    if isinstance(value, list):
        return _flat(value[0]) if len(value) == 1 and isinstance(value[0], (list, dict)) else value
    return [value]


def _labels(values: Sequence[Any]) -> np.ndarray:
    """Return labels as objects; a list of several stays one, to be chosen from by the scores."""
    made = np.empty(len(values), dtype=object)
    made[:] = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in values]
    return made
