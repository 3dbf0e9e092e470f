"""Read the headers Content-Type and Accept: which format, and its parameters."""

from __future__ import annotations

from functools import lru_cache
from typing import Dict, Mapping, NamedTuple, Optional

from jobkit.serving.refusal import NOT_ACCEPTABLE, UNSUPPORTED, RequestError

CSV, JSON, LINES, PARQUET = "csv", "json", "jsonlines", "parquet"
TYPES: Mapping[str, str] = {
    "text/csv": CSV,
    "application/csv": CSV,
    "application/json": JSON,
    "application/jsonlines": LINES,
    "application/x-jsonlines": LINES,
    "application/jsonl": LINES,
    "application/x-ndjson": LINES,
    "application/x-parquet": PARQUET,
    "application/vnd.apache.parquet": PARQUET,
}
# What is answered in the format of the request, and under which name.
ANSWERED: Mapping[str, str] = {CSV: "text/csv", JSON: "application/json", LINES: "application/jsonlines"}
ANYTHING = ("*/*", "application/*", "text/*", "")
HEADERS, EXPLANATIONS = ("absent", "present", "same"), ("shap", "features")


class Media(NamedTuple):
    """Hold a format, the name under which it was asked for, and the parameters of the header."""

    format: str
    name: str
    parameters: Mapping[str, str]


class Answered(NamedTuple):
    """Say how to answer: the format, the content type to name, what to explain beside the answer, and whether CSV begins with a header."""

    format: str
    name: str
    explain: str
    header: str


def _parts(text: str) -> Media:
    name, *given = [part.strip() for part in text.split(";")]
    parameters: Dict[str, str] = {}
    for part in given:
        key, _, value = part.partition("=")
        parameters[key.strip().lower()] = value.strip().strip('"').lower()
    return Media(TYPES.get(name.lower(), ""), name.lower(), parameters)


@lru_cache(maxsize=64)
def content(header: Optional[str]) -> Media:
    """Return what a body is; CSV when the request does not say.

    Raises:
        RequestError: the content type is unknown (415), or a parameter has an unknown value (400).
    """
    media = _parts(header or "text/csv")
    if not media.format:
        known = "text/csv, application/json, application/jsonlines or application/x-parquet"
        raise RequestError("Content-Type: this model does not take {!r}; expected {}".format(header, known), UNSUPPORTED)
    if media.parameters.get("header", "absent") not in HEADERS[:2]:
        raise RequestError("Content-Type: header={}; expected present or absent".format(media.parameters["header"]))
    return media


@lru_cache(maxsize=64)
def accepted(header: Optional[str], request: str, csv_header: str = "") -> Answered:
    """Return how to answer a request of the format `request`; `csv_header` is what stands when the header does not say.

    Raises:
        RequestError: none of the formats in the header can be answered, or one of its parameters (406).
    """
    usual = request if request in ANSWERED else JSON
    for part in (header or "").split(","):
        media = _parts(part)
        format = usual if media.name in ANYTHING else media.format
        if format in ANSWERED:
            return _checked(format, media, csv_header)
    raise RequestError("Accept: this model does not answer {!r}; expected {}".format(header, ", ".join(ANSWERED.values())), NOT_ACCEPTABLE)


def _checked(format: str, media: Media, csv_header: str) -> Answered:
    explain, header = media.parameters.get("explain", ""), media.parameters.get("header", csv_header) or "absent"
    if explain and explain not in EXPLANATIONS:
        raise RequestError("Accept: explain={}; expected {}".format(explain, " or ".join(EXPLANATIONS)), NOT_ACCEPTABLE)
    if explain and format == CSV:
        raise RequestError("Accept: CSV has no place for explain={}; ask for application/json or application/jsonlines".format(explain), NOT_ACCEPTABLE)
    if header not in HEADERS:
        raise RequestError("Accept: header={}; expected {}".format(header, ", ".join(HEADERS)), NOT_ACCEPTABLE)
    return Answered(format, ANSWERED[format], explain, header)
