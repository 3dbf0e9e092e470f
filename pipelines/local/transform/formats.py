"""Records as text: what data processing reads and writes. A CSV row is an array (RFC 4180, but without line breaks in a field), a line of JSON any value."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pipelines.local.transform.bad_data import BadData
from pipelines.local.transform.json_path import JsonPath

# Where the service keeps what it joins (API reference, DataProcessing, JoinSource).
OUTPUT, INPUT = "SageMakerOutput", "SageMakerInput"
INFERENCE_ID, INFERENCE_TIME = "SageMakerInferenceId", "SageMakerInferenceTime"


ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Format(Protocol):
    """Read, filter, join and write records of one kind."""

    def read(self, body: bytes) -> list[Any]:
        """Return the records of a body.

        Raises:
            BadData: it is not of this format.
        """

    def write(self, records: Sequence[Any], *, newline: bool) -> bytes:
        """Return records as a body, with a newline at its end if asked."""

    def pick(self, path: JsonPath, record: Any) -> Any:
        """Return what a path picks of a record.

        Raises:
            BadData: the record does not have it.
        """

    def join(self, record: Any, answer: Any) -> Any:
        """Return an input record together with the model's answer to it."""

    def mark(self, record: Any, identity: str, time: str) -> Any:
        """Return a record with its inference id and time (AWS developer guide, "Capture data from batch transform job")."""


class Csv:
    """Rows of a CSV file: the line itself where nothing is quoted, else a list of its fields. Millions of lists would cost more than the model."""

    def read(self, body: bytes) -> list[Any]:
        """Return the rows; lines that are empty are none.

        Raises:
            BadData: a quote is not closed on its line.
        """
        text = body.decode("utf-8", "surrogateescape")
        lines = [line for line in (text.replace("\r\n", "\n") if "\r" in text else text).split("\n") if line]
        if '"' not in text:
            return lines
        try:
            rows = list(csv.reader(lines, strict=True))
        except csv.Error as error:
            raise BadData(f"this is no CSV: {error}") from None
        if len(rows) != len(lines):
            raise BadData("a quoted field goes over the end of its line; batch transform takes no newline within a field")
        return rows

    def write(self, records: Sequence[Any], *, newline: bool) -> bytes:
        """Return rows as CSV; fields are quoted where they must be."""
        text = "\n".join([record if isinstance(record, str) else _line(record) for record in records])
        return (text + "\n" if newline and records else text).encode("utf-8", "surrogateescape")

    def pick(self, path: JsonPath, record: Any) -> Any:
        """Return the columns that a path picks.

        Raises:
            BadData: there is no such column.
        """
        return ",".join(path.row(record.split(","))) if isinstance(record, str) else path.row(record)

    def join(self, record: Any, answer: Any) -> Any:
        """Return the input's columns and then the answer's."""
        return f"{record},{answer}" if isinstance(record, str) and isinstance(answer, str) else [*_fields(record), *_fields(answer)]

    def mark(self, record: Any, identity: str, time: str) -> Any:
        """Return the row with two more columns."""
        return self.join(record, f"{identity},{time}")


def _fields(record: Any) -> list[str]:
    return record.split(",") if isinstance(record, str) else record


def _line(fields: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(fields)
    return buffer.getvalue()


class JsonLines:
    """Lines of JSON, a record each."""

    def read(self, body: bytes) -> list[Any]:
        """Return the values of the lines that are not empty.

        Raises:
            BadData: a line is no JSON.
        """
        return [_parse(line) for line in body.split(b"\n") if line.strip()]

    def write(self, records: Sequence[Any], *, newline: bool) -> bytes:
        """Return a line for each record."""
        text = "\n".join(map(ENCODER.encode, records))
        return (text + "\n" if newline and records else text).encode("utf-8", "surrogatepass")

    def pick(self, path: JsonPath, record: Any) -> Any:
        """Return what a path picks.

        Raises:
            BadData: the record does not have it.
        """
        return path.pick(record)

    def join(self, record: Any, answer: Any) -> Any:
        """Add the answer to an object, or make an object of both."""
        return {**record, OUTPUT: answer} if isinstance(record, dict) else {INPUT: record, OUTPUT: answer}

    def mark(self, record: Any, identity: str, time: str) -> Any:
        """Return the object with two more members; what is no object becomes the member SageMakerOutput of one."""
        return {**(record if isinstance(record, dict) else {OUTPUT: record}), INFERENCE_ID: identity, INFERENCE_TIME: time}


class JsonDocument(JsonLines):
    """One JSON value that may go over many lines."""

    def read(self, body: bytes) -> list[Any]:
        """Return the one value, or none of an empty body.

        Raises:
            BadData: the body is no JSON.
        """
        return [_parse(body)] if body.strip() else []


def _parse(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadData(f"this is no JSON: {error}: {text[:80]!r}") from None


CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/jsonlines"
FORMATS: Mapping[str, Format] = {CSV: Csv(), JSON: JsonLines(), JSON_LINES: JsonLines()}
DOCUMENT = JsonDocument()


def media_type(text: str | None) -> str:
    """Return a MIME type without its parameters, in lower case."""
    return (text or "").split(";")[0].strip().lower()
