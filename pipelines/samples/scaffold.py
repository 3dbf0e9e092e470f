"""Look at someone's CSV and write a pipeline.yaml for it, with a reason beside every choice."""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.config.schema import schema_text
from pipelines.errors import UsageError
from pipelines.samples import SCHEMA_FILE, write_files

if TYPE_CHECKING:
    import pandas as pd

ENCODINGS = ("utf-8", "latin-1")
DELIMITERS = ",;\t|"
POSITIVE_WORDS = ("1", "true", "true.", "yes", "y", "t", "churn", "churned", "cancelled", "canceled", "default", "fraud", "positive", "bad")
MOST_LEVELS, MOST_MISSING = 50, 0.8
HEAD_BYTES = 65_536
GATE_SHARE = 0.95


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
    looked = _look(data)
    positive = _positive(looked.rows, label, data)
    plain = name or re.sub(r"[^a-zA-Z0-9]+", "-", data.stem).strip("-").lower() or "pipeline"
    text = "".join(f"{line}\n" for line in _lines(looked, data, directory, label, positive, plain))
    profile = b"# sagewright upsert --profile prod --role-arn ... --bucket ...\nretry:\n  max_attempts: 5\n"
    return write_files(directory, {Path("pipeline.yaml"): text.encode(), Path("profiles/prod.yaml"): profile, Path(SCHEMA_FILE): schema_text().encode()})


def _look(path: Path) -> Looked:
    import pandas

    if not path.is_file():
        raise UsageError("there is no such file", where="--data", got=str(path), expected="a CSV file")
    encoding = next((name for name in ENCODINGS if _decodes(path, name)), ENCODINGS[-1])
    head = path.read_bytes()[:HEAD_BYTES].decode(encoding, "replace")
    if not head.strip():
        raise UsageError("the file is empty", where=str(path), expected="a header and rows")
    delimiter = _delimiter(head)
    try:
        rows = pandas.read_csv(path, sep=delimiter, encoding=encoding, na_values=["", "NULL", "NA", "null", "None"], keep_default_na=False, low_memory=False)
    except (ValueError, pandas.errors.ParserError) as error:
        raise UsageError(f"this is not a table: {str(error).strip()}", where=str(path), expected="CSV with a header") from None
    if rows.empty:
        raise UsageError("the file has a header and no rows", where=str(path))
    return Looked(rows, delimiter, encoding)


def _decodes(path: Path, encoding: str) -> bool:
    try:
        path.read_bytes().decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(head: str) -> str:
    try:
        return csv.Sniffer().sniff(head.splitlines()[0], DELIMITERS).delimiter
    except csv.Error:
        return ","


def _positive(rows: pd.DataFrame, label: str, path: Path) -> Any:
    if label not in rows:
        near = difflib.get_close_matches(label, map(str, rows.columns), 1)
        raise UsageError(
            f"there is no column {label!r}",
            where=str(path),
            expected=f"one of: {', '.join(map(str, rows.columns))}"[:400],
            hint=f"Did you mean {near[0]}?" if near else "",
        )
    values = [value.item() if hasattr(value, "item") else value for value in rows[label].dropna().unique()]
    if len(values) != 2:
        got = ", ".join(map(repr, values[:6]))
        raise UsageError("the label must have two values", where=f"{path}: {label}", got=f"{len(values)}: {got}", expected="two classes")
    return next((value for value in values if _word(value) in POSITIVE_WORDS), sorted(values, key=str)[1])


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
        elif levels == len(values) and (text or re.search(r"(^|_|\s)id$", column.lower())):
            found[column] = "an identifier"
    return found


def _numeric(values: pd.Series[Any]) -> bool:
    import pandas

    return bool(pandas.api.types.is_numeric_dtype(values) or pandas.api.types.is_bool_dtype(values))


def _lines(looked: Looked, data: Path, directory: Path, label: str, positive: Any, name: str) -> Iterator[str]:
    rows = looked.rows
    dropped = _reasons_to_drop(rows, label)
    kept = [str(column) for column in rows if column != label and column not in dropped]
    missing = [column for column in kept if _numeric(rows[column]) and rows[column].isna().any()]
    share = float((rows[label] == positive).mean())
    yield f"# yaml-language-server: $schema={SCHEMA_FILE}"
    yield f"# Made by `sagewright init` from {data.name}: {len(rows):,} rows, {rows.shape[1]} columns. Every choice is yours to change."
    yield f"name: {name}"
    yield from _section("data", {"input": _relative(data, directory), "delimiter": looked.delimiter, "encoding": looked.encoding})
    yield from _section("label", {"column": label, "positive": positive})
    yield f"                                    # {share:.1%} of the rows are positive"
    yield from _recipe(dropped, missing)
    yield from (
        "",
        "split: {train: 0.7, validation: 0.15, stratify: true}",
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
    yield from ("  - {metric: auc, at_least: 0.7}", "", "registration:", f"  model_package_group: {name[:63]}")


def _section(key: str, values: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{key}:"
    for name, value in values.items():
        yield f"  {name}: {_quoted(value)}"


def _quoted(value: Any) -> str:
    import json

    return str(value).lower() if isinstance(value, bool) else json.dumps(value, ensure_ascii=False)


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
    import os

    return os.path.relpath(data.absolute(), directory.absolute())
