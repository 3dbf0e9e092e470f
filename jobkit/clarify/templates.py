"""Write rows as the model wants to be asked: CSV, or JSON by the templates of `predictor` in analysis_config.json, in requests that are not too large.

Placeholders as the developer guide has them (clarify-processing-job-configure-analysis): of JSON Lines `content_template` holds `$features`; of JSON it holds
`$records`, or `$record` for one record a request, and `record_template` one of `$features`, `$features_kvp`, `"${name}"`; `$feature_names` in both.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

import numpy as np

from jobkit.clarify.config import CSV, FILE, JSON, JSON_LINES
from jobkit.clarify.dataset import Dataset, number_text
from jobkit.failure import JobError

# SageMaker Runtime takes 6 MB a request.
LARGEST_BYTES = 6_000_000
# So many rows become text at once.
ROWS = 20_000
PLACEHOLDER = re.compile(r'"\$\{(?P<name>.+?)\}"|\$(?P<word>features_kvp|feature_names|features|records|record)\b')


class Form(NamedTuple):
    """Hold what stands before, between and after the records of a request, whether it takes one only, and the function that writes records of rows."""

    before: str
    between: str
    after: str
    single: bool
    write: Callable[[Dataset], List[str]]


def requests(form: Form, rows: Dataset, largest: int = LARGEST_BYTES) -> Iterator[Tuple[bytes, int]]:
    """Yield the bodies that together ask about all rows, each with its number of rows."""
    around, between = len((form.before + form.after).encode("utf-8")), len(form.between.encode("utf-8"))
    gathered, size = [], around  # type: List[str], int
    for start in range(0, rows.rows, ROWS):
        for record in form.write(part(rows, start, start + ROWS)):
            added = (len(record) if record.isascii() else len(record.encode("utf-8"))) + between
            if gathered and (form.single or size + added > largest):
                yield _body(form, gathered), len(gathered)
                gathered, size = [], around
            gathered.append(record)
            size += added
    if gathered:
        yield _body(form, gathered), len(gathered)


def _body(form: Form, records: Sequence[str]) -> bytes:
    return (form.before + form.between.join(records) + form.after).encode("utf-8")


def part(rows: Dataset, start: int, stop: int) -> Dataset:
    """Return the rows from `start` to before `stop`."""
    if start == 0 and stop >= rows.rows:
        return rows
    columns = {name: values[start:stop] for name, values in rows.columns.items()}
    return rows._replace(columns=columns, rows=min(stop, rows.rows) - start)


def form(content_type: str, names: Sequence[str], predictor: Mapping[str, Any], header: bool) -> Form:
    """Return how rows of columns `names` are written; `header` puts their names before each request of CSV.

    Raises:
        JobError: the content type or a template is none that can be written.
    """
    if content_type not in FORMS:
        told = "{}: predictor.content_type: got {!r}, expected one of {}"
        raise JobError(told.format(FILE, content_type, ", ".join(FORMS)))
    return FORMS[content_type](names, predictor, header)


def _csv(names: Sequence[str], predictor: Mapping[str, Any], header: bool) -> Form:
    before = ",".join(map(_quoted, names)) + "\n" if header else ""
    return Form(before, "\n", "\n", False, _csv_records)


def _csv_records(rows: Dataset) -> List[str]:
    columns = [_csv_cells(rows.columns[name]) for name in rows.names]
    # A row of one missing cell would be an empty line, which is no row.
    return [line or '""' for line in map(",".join, zip(*columns))]


def _csv_cells(values: np.ndarray) -> List[str]:
    if values.dtype.kind == "f":
        return _numbers(values, "")
    known: Dict[Any, str] = {value: "" if value is None else _quoted(str(value)) for value in set(values.tolist())}
    return [known[value] for value in values.tolist()]


def _quoted(text: str) -> str:
    marked = text == "" or any(mark in text for mark in ',"\r\n') or text != text.strip()
    return '"{}"'.format(text.replace('"', '""')) if marked else text


def _numbers(values: np.ndarray, missing: str) -> List[str]:
    """Return numbers in the fewest digits, whole ones without a point; what is not finite is `missing`."""
    known = {value: number_text(value) if value - value == 0 else missing for value in set(values.tolist())}
    return [known.get(value, missing) for value in values.tolist()]


def _json_cells(values: np.ndarray) -> List[str]:
    if values.dtype.kind == "f":
        return _numbers(values, "null")
    known = {value: json.dumps(value, ensure_ascii=False) for value in set(values.tolist())}
    return [known[value] for value in values.tolist()]


def _lines(names: Sequence[str], predictor: Mapping[str, Any], header: bool) -> Form:
    template = _template(predictor, "content_template", '{"features": $features}')
    _check(template, "content_template", ("features", "feature_names"), ("features",))
    return Form("", "\n", "\n", False, _writer(template, names))


def _json(names: Sequence[str], predictor: Mapping[str, Any], header: bool) -> Form:
    content = _template(predictor, "content_template", "$records")
    record = _template(predictor, "record_template", "$features_kvp")
    _check(content, "content_template", ("record", "records", "feature_names"), ("record", "records"))
    _check(record, "record_template", ("features", "features_kvp", "feature_names"), ())
    listed = json.dumps(list(names), ensure_ascii=False)
    filled = PLACEHOLDER.sub(lambda found: listed if found["word"] == "feature_names" else found[0], content)
    place = next(found for found in PLACEHOLDER.finditer(filled) if found["word"] in ("record", "records"))
    single = place["word"] == "record"
    before, after = filled[: place.start()], filled[place.end() :]
    return Form(before + ("" if single else "["), ", ", ("" if single else "]") + after, single, _writer(record, names))


FORMS: Mapping[str, Callable[[Sequence[str], Mapping[str, Any], bool], Form]] = {CSV: _csv, JSON_LINES: _lines, JSON: _json}


def _template(predictor: Mapping[str, Any], key: str, usual: str) -> str:
    found = predictor.get(key)
    if found is not None and not isinstance(found, str):
        raise JobError("{}: predictor.{}: got {!r}, expected text such as {!r}".format(FILE, key, found, usual))
    return usual if found is None else found


def _check(template: str, key: str, known: Sequence[str], needed: Sequence[str]) -> None:
    """Raise a JobError when a template has placeholders that are not known there, or not exactly one of those needed."""
    words = [found["word"] for found in PLACEHOLDER.finditer(template) if found["word"]]
    strange = [word for word in words if word not in known]
    if strange or (needed and sum(word in needed for word in words) != 1):
        told = "{}: predictor.{}: got {!r}, expected exactly one of {}"
        raise JobError(told.format(FILE, key, template[:200], ", ".join("$" + word for word in needed or known)))


def _writer(template: str, names: Sequence[str]) -> Callable[[Dataset], List[str]]:
    """Return the function that fills a template for each row.

    Raises:
        JobError: the template names a column that is none of the features.
    """
    constants, fills, end = [], [], 0  # type: List[str], List[Callable[[List[List[str]]], List[str]]], int
    for found in PLACEHOLDER.finditer(template):
        constants.append(template[end : found.start()])
        fills.append(_named(found["name"], names) if found["name"] is not None else _fill(found["word"], names))
        end = found.end()
    last = template[end:]

    def write(rows: Dataset) -> List[str]:
        columns = [_json_cells(rows.columns[name]) for name in rows.names]
        filled = [fill(columns) for fill in fills]
        return ["".join(constant + text for constant, text in zip(constants, texts)) + last for texts in zip(*filled)]

    return write


def _named(name: str, names: Sequence[str]) -> Callable[[List[List[str]]], List[str]]:
    if name not in names:
        raise JobError("{}: predictor.record_template: there is no feature {!r}; got {}".format(FILE, name, ", ".join(names)[:300]))
    place = list(names).index(name)
    return lambda columns: columns[place]


def _fill(word: str, names: Sequence[str]) -> Callable[[List[List[str]]], List[str]]:
    listed = [json.dumps(name, ensure_ascii=False) for name in names]
    if word == "feature_names":
        return lambda columns: ["[" + ", ".join(listed) + "]"] * len(columns[0])
    if word == "features":
        return lambda columns: ["[" + ", ".join(cells) + "]" for cells in zip(*columns)]
    return lambda columns: ["{" + ", ".join(map(": ".join, zip(listed, cells))) + "}" for cells in zip(*columns)]
