"""Find out how a file is written, read it as the job will, and profile it."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.config.model import Data
from pipelines.config.problems import nearest
from pipelines.errors import UsageError
from pipelines.jobs import job_module

DELIMITERS = (",", ";", "\t", "|")
HEAD_BYTES, HEAD_LINES = 262_144, 200
NULLS: tuple[str, ...] = Data.model_fields["null_values"].default
BINARY, MULTICLASS, REGRESSION = "binary_classification", "multiclass_classification", "regression"
FEW_CLASSES, MANY_CLASSES, FEWEST_ROWS, FEWEST_IN_CLASS, NEARLY = 4, 50, 10, 3, 0.95
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Looked:
    """Hold what a look at the data found: how it is written, its table (jobkit.columns.Table) and its profile (see docs/profile.md)."""

    path: Path
    reading: Mapping[str, Any]
    table: Any
    label: str
    problem: str
    profile: Mapping[str, Any]


def look(path: Path, label: str, problem: str | None, progress: Progress) -> Looked:
    """Read and profile a file or a folder of files.

    Raises:
        UsageError: it cannot be read as a table, lacks the label, or the label makes no problem to learn.
    """
    written = reading(path)
    progress("reading")
    table = _read(path, written)
    if label not in table:
        known = list(table.columns)
        raise UsageError(
            f"there is no column {label!r}", where=str(path), expected=f"one of: {', '.join(known)}"[:400], hint=nearest(label.strip(), known).strip()
        )
    chosen = problem or _guess(table[label])
    _check_values(f"{path}: {label}", label, chosen, table[label])
    found = _profile(table, label, chosen, progress)
    nulls = _null_words(found)
    if nulls:
        written = {**written, "null_values": [*NULLS, *nulls]}
        table = _read(path, written)
        found = _profile(table, label, chosen, progress)
    _check_label(path, label, chosen, found)
    return Looked(path, written, table, label, chosen, found)


def _profile(table: Any, label: str, problem: str, progress: Progress) -> Mapping[str, Any]:
    failure = job_module("jobkit.failure")
    try:
        found: Mapping[str, Any] = job_module("jobkit.profile").profile_table(table, label, problem, {"sample_rows": 20_000}, 0, progress)
    except failure.JobError as error:
        raise UsageError(str(error)) from None
    return found


def _null_words(profile: Mapping[str, Any]) -> list[str]:
    """Return the words for nothing that text columns hold beside text; numbers with such words are cast instead."""
    settings = [finding["setting"] for finding in profile["findings"] if finding["kind"] == "null-words" and finding["setting"]]
    words = [word for setting in settings for word in setting["data.null_values"]]
    return [word for word in dict.fromkeys(words) if word not in NULLS]


def _guess(label: Any) -> str:
    """Return the problem that the label's values make: two are classes, so is text, and so are up to four whole numbers; other numbers are amounts."""
    text = label.as_text().relabel(str.strip).present()
    if len(text.levels) <= 2:
        return BINARY
    few = len(text.levels) <= FEW_CLASSES and all(level.lstrip("-").isdigit() for level in text.levels)
    return REGRESSION if label.kind == "number" and not few else MULTICLASS


def _check_label(path: Path, label: str, problem: str, profile: Mapping[str, Any]) -> None:
    wrong = next((finding for finding in profile["findings"] if finding["kind"] == "label-problem"), None)
    if wrong:
        raise UsageError(wrong["message"].rstrip("."), where=f"{path}: {label}", hint=wrong["advice"] or f"Or choose another problem than {problem}.")


def _check_values(where: str, label: str, problem: str, column: Any) -> None:
    """Refuse a label that no pipeline could learn from, before anything is written."""
    plain = column.as_text().relabel(str.strip).present()
    counts = dict(zip(plain.levels, map(int, _counts(plain)), strict=True))
    if problem == REGRESSION:
        if len(plain.values) < FEWEST_ROWS:
            raise UsageError(f"there are {len(plain.values)} rows with a label", where=where, expected=f"at least {FEWEST_ROWS}")
        return
    alike = next((names for names in _alike(counts) if len(names) > 1), None)
    if alike is not None:
        raise UsageError("values of the label differ by case only", where=where, got=" and ".join(map(repr, alike)), hint="Write each class in one way.")
    hidden = job_module("jobkit.profile.texts").hidden(job_module("jobkit.profile.fields").look(_one(label, column))[0])
    if len(counts) > MANY_CLASSES and hidden is not None and hidden.numbers >= NEARLY:
        raise UsageError("the label holds numbers as text", where=where, got=f"such as {hidden.example!r}", expected="plain numbers such as 4512.5")
    few = next((name for name, count in counts.items() if count < FEWEST_IN_CLASS), None)
    if few is not None and 2 <= len(counts) <= MANY_CLASSES:
        told = f"class {few!r} has {counts[few]} row{'' if counts[few] == 1 else 's'}"
        raise UsageError(told, where=where, expected=f"at least {FEWEST_IN_CLASS} of each class: one for each split")


def _one(label: str, column: Any) -> Any:
    import numpy as np

    return job_module("jobkit.columns").Table({label: column}, np.arange(len(column.values)))


def _counts(column: Any) -> Any:
    import numpy as np

    return np.bincount(column.values[column.values >= 0], minlength=len(column.levels))


def _alike(names: Iterable[str]) -> Iterable[list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(" ".join(name.split()).lower(), []).append(name)
    return groups.values()


def _read(path: Path, reading: Mapping[str, Any]) -> Any:
    failure, table = job_module("jobkit.failure"), job_module("jobkit.table")
    try:
        if path.is_dir():
            return table.read_table(path, reading, table.Wanted())
        return table.read_files([path], reading, table.Wanted())
    except failure.JobError as error:
        raise UsageError(str(error)) from None


def reading(path: Path) -> dict[str, Any]:
    """Return how a file, or the first one of a folder, is written, as the section `data` says it.

    Raises:
        UsageError: it is not there, empty, or cannot be read.
    """
    if not path.exists():
        raise UsageError("there is no such file", where=str(path), expected="a table: CSV, Parquet or JSON Lines, or a folder of such files")
    first = path if path.is_file() else next((file for file in sorted(path.rglob("*")) if file.is_file() and not file.name.startswith((".", "_"))), None)
    if first is None:
        raise UsageError("there is no file in this folder" if path.is_dir() else "this is no file and no folder", where=str(path), expected="a table")
    plain = {"format": "auto", "delimiter": ",", "quote": '"', "encoding": "utf-8", "null_values": list(NULLS)}
    if job_module("jobkit.table").file_format(first, "auto") != "csv":
        return plain
    head = _head(first)
    encoding = _encoding(first)
    text = head.decode(encoding, "replace")
    if not text.strip():
        raise UsageError("the file is empty", where=str(first), expected="a header and rows")
    return {**plain, "delimiter": _delimiter(text), "encoding": encoding}


def _head(path: Path) -> bytes:
    try:
        with job_module("jobkit.delimited").opened(path) as stream:
            return bytes(stream.read(HEAD_BYTES))
    except (OSError, EOFError) as error:
        raise UsageError(f"the file cannot be read: {error}", where=str(path)) from None


def _encoding(path: Path) -> str:
    """Return utf-8, utf-8-sig or utf-16 by the bytes, else latin-1, which any bytes are."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with job_module("jobkit.delimited").opened(path) as stream:
        block = stream.read(HEAD_BYTES)
        if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        marked = block.startswith(codecs.BOM_UTF8)
        try:
            while block:
                decoder.decode(block)
                block = stream.read(HEAD_BYTES)
            decoder.decode(b"", True)
        except UnicodeDecodeError:
            return "latin-1"
    return "utf-8-sig" if marked else "utf-8"


def _delimiter(text: str) -> str:
    """Return the mark that cuts the header into the most cells among those with which the rows agree with it."""
    lines = text.splitlines()[:HEAD_LINES]

    def judged(mark: str) -> tuple[float, int]:
        try:
            rows = [len(cells) for cells in csv.reader(lines, delimiter=mark) if cells] or [0]
        except csv.Error:
            return 0.0, 0
        agreeing = sum(count == rows[0] for count in rows) / len(rows)
        return (round(agreeing, 1) if rows[0] > 1 else 0.0, rows[0])

    return max(DELIMITERS, key=judged)
