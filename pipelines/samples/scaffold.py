"""Look at someone's CSV and write a pipeline.yaml for it, with a reason beside every choice."""

from __future__ import annotations

import codecs
import csv
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.config.model import FORMS, GROUP_NAME, Data
from pipelines.config.problems import nearest
from pipelines.config.schema import schema_text
from pipelines.errors import UsageError
from pipelines.samples import SCHEMA_FILE, write_files

if TYPE_CHECKING:
    import pandas as pd

DELIMITERS = ",;\t|"
POSITIVE_WORDS = ("1", "true", "true.", "yes", "y", "t", "churn", "churned", "cancelled", "canceled", "default", "fraud", "positive", "bad")
MOST_LEVELS, MOST_MISSING = 50, 0.8
HEAD_BYTES = 65_536
GATE_SHARE = 0.95
ROWS_PER_LEVEL, SURE_SHARE = 20, 0.999
NULLS: tuple[str, ...] = Data.model_fields["null_values"].default
PROFILES: Mapping[str, str] = {
    "local": "# sagewright run --profile local: a quick look while the recipe changes.\ntraining:\n  hyperparameters:\n    num_round: 30\n",
    "dev": "# sagewright upsert --profile dev --role-arn ... --bucket ...: a small machine.\ntraining:\n  instance_type: ml.m5.large\n",
    "prod": "# sagewright upsert --profile prod --role-arn ... --bucket ...: patient retries.\nretry:\n  max_attempts: 5\n",
}


@dataclass(frozen=True)
class Looked:
    """Hold what a look at the file found."""

    rows: pd.DataFrame
    delimiter: str
    encoding: str


def scaffold(data: Path, label: str, directory: Path, name: str | None) -> list[Path]:
    """Write pipeline.yaml, a prod profile and the schema for a CSV file and return the new files.

    Raises:
        UsageError: the file cannot be read as a table, has no such label, or the label has not two values.
    """
    plain = _name(name, data)
    looked = _look(data)
    positive = _positive(looked.rows, label, data)
    text = "".join(f"{line}\n" for line in _lines(looked, data, directory, label, positive, plain))
    profiles = {Path(f"profiles/{profile}.yaml"): body.encode() for profile, body in PROFILES.items()}
    return write_files(directory, {Path("pipeline.yaml"): text.encode(), **profiles, Path(SCHEMA_FILE): schema_text().encode()})


def _name(given: str | None, data: Path) -> str:
    """Return the pipeline's name, at most 63 characters so that it also names the model package group."""
    name = given or re.sub(r"[^a-zA-Z0-9]+", "-", data.stem).strip("-").lower()[:63].strip("-") or "pipeline"
    if not re.fullmatch(GROUP_NAME, name):
        raise UsageError("this cannot name a pipeline", where="--name", got=repr(name), expected=FORMS[GROUP_NAME])
    return name


def _look(path: Path) -> Looked:
    import pandas

    if not path.is_file():
        raise UsageError("there is no such file", where="--data", got=str(path), expected="a CSV file")
    encoding = _encoding(path)
    head = path.read_bytes()[:HEAD_BYTES].decode(encoding, "replace")
    if not head.strip():
        raise UsageError("the file is empty", where=str(path), expected="a header and rows")
    delimiter = _delimiter(head)
    _check_header(next(csv.reader(head.splitlines(), delimiter=delimiter)), path)
    try:
        rows = pandas.read_csv(path, sep=delimiter, encoding=encoding, na_values=list(NULLS), keep_default_na=False, low_memory=False)
    except (ValueError, pandas.errors.ParserError) as error:
        raise UsageError(f"this is not a table: {str(error).strip()}", where=str(path), expected="CSV with a header") from None
    if rows.empty:
        raise UsageError("the file has a header and no rows", where=str(path))
    if not isinstance(rows.index, pandas.RangeIndex):
        raise UsageError("the rows have more cells than the header", where=str(path), expected="a name for every column")
    return Looked(rows, delimiter, encoding)


def _encoding(path: Path) -> str:
    body = path.read_bytes()
    if b"\0" in body:
        raise UsageError(
            "the file holds NUL bytes, as binary files and UTF-16 do", where=str(path), expected="CSV in UTF-8 or Latin-1", hint="Save it as UTF-8."
        )
    if body.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _check_header(header: Sequence[str], path: Path) -> None:
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise UsageError(f"the column {twice[0]!r} stands twice in the header", where=str(path), expected="every name once", hint="Rename one of them.")


def _delimiter(head: str) -> str:
    try:
        return csv.Sniffer().sniff(head.splitlines()[0], DELIMITERS).delimiter
    except csv.Error:
        return ","


def _positive(rows: pd.DataFrame, label: str, path: Path) -> Any:
    if label not in rows:
        raise UsageError(
            f"there is no column {label!r}",
            where=str(path),
            expected=f"one of: {', '.join(map(str, rows.columns))}"[:400],
            hint=nearest(label.strip(), map(str, rows.columns)).strip(),
        )
    missing = int(rows[label].isna().sum())
    if missing:
        raise UsageError(
            f"{missing:,} rows have no label", where=f"{path}: {label}", expected="a label in every row", hint="Remove these rows or fill them in."
        )
    values = [value.item() if hasattr(value, "item") else value for value in rows[label].unique()]
    if len(values) != 2:
        got = ", ".join(map(repr, values[:6]))
        raise UsageError("the label must have two values", where=f"{path}: {label}", got=f"{len(values)}: {got}", expected="two classes")
    found = next((value for value in values if _word(value) in POSITIVE_WORDS), max(values, key=_order))
    return found if not isinstance(found, float) else int(found) if found.is_integer() else str(found)


def _order(value: Any) -> tuple[float, str]:
    return (0.0 if isinstance(value, str) else float(value), str(value))


def _word(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip().lower()


def _reasons_to_drop(rows: pd.DataFrame, label: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for column in (str(name) for name in rows if name != label):
        values = rows[column]
        levels, missing = values.nunique(), float(values.isna().mean())
        text = not _numeric(values)
        if levels <= 1:
            found[column] = "has one value"
        elif missing > MOST_MISSING:
            found[column] = f"{missing:.0%} missing"
        elif text and levels > MOST_LEVELS:
            found[column] = f"{levels} levels of text"
        elif levels == len(values) and (text or re.search(r"(^|_|\s)id$|^unnamed: 0$", column.lower())):
            found[column] = "an identifier"
        elif (text or levels == 2) and _gives_away(values, rows[label], levels):
            found[column] = "gives the label away: is it known only afterwards?"
    return found


def _gives_away(values: pd.Series[Any], label: pd.Series[Any], levels: int) -> bool:
    """Tell whether nearly every row's label follows from a column of few levels; with few rows a level that is chance looks alike."""
    if levels > MOST_LEVELS or len(values) < ROWS_PER_LEVEL * levels:
        return False
    agreeing = label.groupby(values, dropna=False).agg(lambda group: int(group.value_counts().max())).sum()
    return bool(agreeing >= SURE_SHARE * len(label))


def _numeric(values: pd.Series[Any]) -> bool:
    import pandas

    return bool(pandas.api.types.is_numeric_dtype(values) or pandas.api.types.is_bool_dtype(values))


def _lines(looked: Looked, data: Path, directory: Path, label: str, positive: Any, name: str) -> Iterator[str]:
    rows = looked.rows
    dropped = _reasons_to_drop(rows, label)
    kept = [str(column) for column in rows if column != label and column not in dropped]
    if not kept:
        why = "; ".join(f"{column}: {reason}" for column, reason in dropped.items())[:400]
        raise UsageError("no column is left to learn from", where=str(data), got=why or "the label alone", expected="numbers, or text of few levels")
    missing = [column for column in kept if _numeric(rows[column]) and rows[column].isna().any()]
    share = float((rows[label].map(_word) == _word(positive)).mean())
    yield f"# yaml-language-server: $schema={SCHEMA_FILE}"
    yield f"# Made by `sagewright init` from {data.name!r}: {len(rows):,} rows, {rows.shape[1]} columns. Every choice is yours to change."
    yield f"name: {_quoted(name)}"
    yield from _section("data", {"input": _relative(data, directory), "delimiter": looked.delimiter, "encoding": looked.encoding})
    yield from _section("label", {"column": label, "positive": positive})
    yield f"                                    # {share:.1%} of the rows are positive"
    yield from _recipe(dropped, missing)
    yield from (
        "",
        "split: {train: 0.7, validation: 0.15, method: stratified}",
        "",
        "training:",
        "  algorithm: xgboost",
        '  version: "3.2-0"',
        "  hyperparameters:",
    )
    yield from ("    objective: binary:logistic", "    eval_metric: auc", "    num_round: 100", "    max_depth: 5", "    eta: 0.2", "    subsample: 0.8")
    yield from (
        "",
        "gate:",
        f"  - {{metric: accuracy, at_least: {max(share, 1 - share) * GATE_SHARE:.2f}}}     # a little below what always guessing the larger class reaches",
    )
    yield from ("  - {metric: auc, at_least: 0.7}", "", "registration:", f"  model_package_group: {_quoted(name)}")


def _section(key: str, values: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{key}:"
    for name, value in values.items():
        yield f"  {name}: {_quoted(value)}"


def _quoted(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else json.dumps(value, ensure_ascii=not str(value).isprintable())


def _recipe(dropped: Mapping[str, str], missing: Sequence[str]) -> Iterator[str]:
    yield ""
    yield "recipe:"
    if dropped:
        yield "  - step: drop_columns"
        yield "    columns:"
        for column, reason in dropped.items():
            yield f"      - {_quoted(column)}    # {reason}"
    yield "  - step: drop_duplicates"
    if missing:
        yield "  - step: impute"
        yield f"    columns: [{', '.join(map(_quoted, missing))}]"
        yield "    strategy: median"
    yield "  - step: one_hot"
    yield "    columns: auto"


def _relative(data: Path, directory: Path) -> str:
    return os.path.relpath(data.absolute(), directory.absolute())
