"""Read captured records of a span one by one, however many there are: the columns that came in, the answer, and the truth where it is known.

A line that cannot be used is counted and told with its place; the first few are kept in words.
"""

from __future__ import annotations

import csv
import re
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from jobkit.drift import window as times
from jobkit.drift.model import MULTICLASS, REGRESSION, Model
from jobkit.drift.window import Window
from jobkit.failure import JobError
from jobkit.monitor import captured, payload
from jobkit.monitor.captured import CAPTURE, METADATA, TRUTH, Bad, Record
from jobkit.monitor.captured_rows import INPUT, OUTPUT
from jobkit.monitor.rows import files_of
from jobkit.serving import columns_given

PROBABILITY, LABEL = ("probability", "score", "predicted_probability"), ("label", "predicted_label", "prediction", "value")
NUMBER = re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")


class Attributes(NamedTuple):
    """Name where in an answer label and probability stand, by name or place; None leaves it to what packages of ours and the service's algorithms answer."""

    label: Optional[str] = None
    probability: Optional[str] = None


class Row(NamedTuple):
    """Hold one row: its cells by column, the model's label and probability as text, and the label that turned out to be true."""

    cells: Dict[str, Optional[str]]
    label: Optional[str]
    probability: Optional[str]
    truth: Optional[str]


class Tally:
    """Count lines that were read and lines that were not used, by reason, and keep the first of those in words."""

    def __init__(self) -> None:
        self.counts: Dict[str, int] = {}
        self.bad: List[Bad] = []

    def add(self, name: str, number: int = 1) -> None:
        """Count."""
        self.counts[name] = self.counts.get(name, 0) + number

    def unusable(self, bad: Bad) -> None:
        """Count a line that cannot be used."""
        self.add("records_unusable")
        if len(self.bad) < captured.TOLD_BAD:
            self.bad.append(bad)

    def notes(self) -> List[str]:
        """Return what to tell of lines that were not used."""
        return captured.told(self.bad)


class Asked(NamedTuple):
    """Say what is read: where the records lie, of which span, of which model, with which truth (None: none was given) and attributes."""

    place: Path
    window: Window
    model: Model
    truths: Optional[Mapping[str, str]] = None
    attributes: Attributes = Attributes()


def truths(place: Path, tally: Tally) -> Dict[str, str]:
    """Return ground truth by inference id or event id: JSON Lines as the service takes them, or CSV of id and label with a header.

    Raises:
        JobError: there is no file.
    """
    known: Dict[str, str] = {}
    files = files_of(place, "the ground truth")
    root = place if place.is_dir() else place.parent
    for path in files:
        for key, value in _of_csv(path) if path.suffix == ".csv" else _of_lines(path, root, tally):
            if key in known:
                tally.add("truths_replaced")
            known[key] = value
    return known


def _of_csv(path: Path) -> Iterator[Sequence[str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for row in list(csv.reader(stream))[1:]:
            if len(row) > 1:
                yield row[0], row[1]


def _of_lines(path: Path, root: Path, tally: Tally) -> Iterator[Sequence[str]]:
    for entry in captured.stream([path], root, TRUTH):
        keys = captured.keys(entry.document) if isinstance(entry, Record) else []
        if isinstance(entry, Bad) or not keys:
            tally.add("truths_unusable")
            continue
        yield keys[0], str(entry.document[TRUTH].get("data", ""))


def rows(asked: Asked, tally: Tally) -> Iterator[Row]:
    """Yield the rows of the records of the span, in the order of the files; `tally` hears what is not used.

    Raises:
        JobError: there is no file at all.
    """
    root = asked.place if asked.place.is_dir() else asked.place.parent
    files = [path for path in files_of(asked.place, "the captured records") if asked.window.may_hold(path.relative_to(root))]
    for entry in captured.stream(files, root):
        if isinstance(entry, Bad):
            tally.unusable(entry)
        elif captured.is_shadow(entry):
            tally.add("records_shadow")
        elif not _inside(entry, asked.window, tally):
            tally.add("records_outside")
        else:
            yield from _of_record(entry, asked, tally)


def _inside(record: Record, window: Window, tally: Tally) -> bool:
    """Tell whether a record is of the span; one that does not say when it came about is."""
    try:
        moment: Optional[datetime] = times.parse(str(record.document[METADATA]["inferenceTime"]), "inferenceTime")
    except (KeyError, JobError):
        moment = None
    if moment is None:
        tally.add("records_without_time")
        return True
    return window.holds(moment)


def _of_record(record: Record, asked: Asked, tally: Tally) -> Iterator[Row]:
    try:
        sides = _sides(record, asked.model)
        answers = sides.get(OUTPUT) or [None] * len(sides.get(INPUT, ()))
        inputs = sides.get(INPUT) or [{}] * len(answers)
        if len(inputs) != len(answers) or not inputs:
            raise payload.Unreadable("got {} rows in and {} out; expected as many".format(len(inputs), len(answers)))
        known = _truths(record, asked, len(inputs))
        made = [Row(_named(row, asked.model), *answered(answer, asked), truth) for row, answer, truth in zip(inputs, answers, known)]
    except payload.Unreadable as error:
        tally.unusable(Bad(record.file, record.line, str(error)))
        return
    tally.add("records")
    if asked.truths is not None and known[0] is None:
        tally.add("records_without_truth")
    yield from made


def _sides(record: Record, model: Model) -> Dict[str, List[Any]]:
    held = record.document[CAPTURE]
    found = {}
    for side in (INPUT, OUTPUT):
        if isinstance(held.get(side), dict):
            names = model.columns() if side == INPUT else ()
            found[side] = payload.split_header(payload.rows(held[side]), names, str(held[side].get("observedContentType") or ""))
    return payload.agree(found)


def _truths(record: Record, asked: Asked, count: int) -> List[Optional[str]]:
    """Return the truth of each row of a record: one line, or one cell, a row."""
    if asked.truths is None:
        return [None] * count
    found = next((asked.truths[key] for key in captured.keys(record.document) if key in asked.truths), None)
    if found is None:
        return [None] * count
    lines = [line.strip() for line in found.strip().splitlines()]
    cells = lines if len(lines) == count else next(csv.reader(lines[:1]), [])
    if len(cells) != count:
        raise payload.Unreadable("got {} labels as ground truth; expected {}, one a row".format(len(cells), count))
    return [cell.strip('"') or None for cell in cells]


def _named(row: Any, model: Model) -> Dict[str, Optional[str]]:
    if isinstance(row, dict):
        names = columns_given.as_written(model.known, list(row)) if model.known else list(row)
        return dict(zip(names, row.values()))
    return dict(zip(model.names(len(row)), row))


def answered(answer: Any, asked: Asked) -> Sequence[Optional[str]]:
    """Return label and probability of an answer: a row of cells by place or by name, None where the output was not captured."""
    if answer is None:
        return None, None
    cells = answer if isinstance(answer, dict) else {str(place): cell for place, cell in enumerate(answer)}
    label, probability = (_given(cells, name) for name in asked.attributes)
    if label is None and probability is None:
        label, probability = _usual(cells, asked.model)
    if label is None and probability is not None and NUMBER.match(probability):
        label = str(int(float(probability) >= asked.model.threshold))
    return label, probability


def _given(cells: Mapping[str, Optional[str]], name: Optional[str]) -> Optional[str]:
    if name is None:
        return None
    if name not in cells:
        raise payload.Unreadable("the answer has no {!r}; got {}".format(name, ", ".join(cells)))
    return cells[name]


def _usual(cells: Mapping[str, Optional[str]], model: Model) -> Sequence[Optional[str]]:
    """Return label and probability where packages of ours and the service's algorithms have them."""
    label = next((cells[name] for name in LABEL if name in cells), None)
    probability = next((cells[name] for name in PROBABILITY if name in cells), None)
    if label is not None or probability is not None:
        return label, probability
    values = list(cells.values())
    if model.problem in (REGRESSION, MULTICLASS):
        return values[0] if values else None, None
    if len(values) > 1:
        return values[1], values[0]
    return (None, values[0]) if values and NUMBER.match(values[0] or "") else (values[0] if values else None, None)
