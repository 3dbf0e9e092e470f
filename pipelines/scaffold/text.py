"""Write the configuration as YAML with a comment on every choice."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.samples import SCHEMA_FILE
from pipelines.scaffold.choose import Choice, Chosen
from pipelines.scaffold.look import BINARY, MULTICLASS, NULLS, REGRESSION, Looked

POSITIVE_WORDS = (
    *("1", "true", "true.", "yes", "y", "t", "on", "churn", "churned", "cancelled", "canceled", "default", "fraud", "positive", "bad", "high"),
    *("ja", "oui", "si", "sí", "sì", "sim", "tak", "ano", "да", "kyllä", "evet", "はい", "是"),
)
# Training stops early by the last of several metrics; logloss, since ranks (auc) are right long before probabilities are.
OBJECTIVES: Mapping[str, tuple[str, str]] = {
    BINARY: ("binary:logistic", "auc,logloss"),
    MULTICLASS: ("multi:softprob", "mlogloss"),
    REGRESSION: ("reg:squarederror", "rmse"),
}
MOST_NOTES = 12
WIDTH = 150


def yaml_text(looked: Looked, chosen: Chosen, directory: Path, name: str) -> str:
    """Return pipeline.yaml."""
    return "".join(f"{line}\n" for line in _lines(looked, chosen, directory, name))


def _lines(looked: Looked, chosen: Chosen, directory: Path, name: str) -> Iterator[str]:
    profile = looked.profile
    yield f"# yaml-language-server: $schema={SCHEMA_FILE}"
    yield comment(
        f"Made by `sagewright init` from {looked.path.name!r}: {profile['rows']:,} rows, {profile['columns']} columns. Every choice is yours to change."
    )
    yield f"name: {quoted(name)}"
    if looked.problem != BINARY:
        yield f"problem: {looked.problem}"
    yield from _section("data", _data(looked, directory))
    yield from _label(looked)
    yield from _notes(chosen)
    yield ""
    yield "recipe:" if chosen.recipe else "recipe: []"
    for choice in chosen.recipe:
        yield from _step(choice)
    yield from ("", "split: {train: 0.7, validation: 0.15, method: stratified}")
    yield from _training(looked)
    if chosen.gate:
        yield from ("", "gate:")
        yield from (f"  - {flow(bar)}     # {why}" for bar, why in chosen.gate)
    yield from ("", "registration:", f"  model_package_group: {quoted(name)}")


def _data(looked: Looked, directory: Path) -> dict[str, Any]:
    data: dict[str, Any] = {"input": os.path.relpath(looked.path.absolute(), directory.absolute())}
    data.update({key: looked.reading[key] for key in ("delimiter", "encoding")})
    nulls = looked.reading["null_values"]
    return data if list(nulls) == list(NULLS) else {**data, "null_values": nulls}


def _label(looked: Looked) -> Iterator[str]:
    classes = (looked.profile["target"] or {}).get("classes") or []
    members: dict[str, Any] = {"column": looked.label}
    if looked.problem == BINARY:
        shares = {entry["value"]: entry["share"] for entry in classes}
        positive = _positive(list(shares))
        members["positive"] = _scalar(positive, looked.table[looked.label].kind == "number")
        told = f"{shares[positive]:.1%} of the rows are positive"
    elif looked.problem == MULTICLASS:
        members["classes"] = [entry["value"] for entry in classes]
        told = ", ".join(f"{entry['value']}: {entry['count']:,} rows" for entry in classes)
    else:
        found = next(entry for entry in looked.profile["fields"] if entry["name"] == looked.label)["statistics"]
        told = f"{found['min']:g} to {found['max']:g}, on average {found['mean']:.4g}" if found else "an amount"
    yield from _section("label", members)
    yield f"  {comment(told)}"


def _positive(values: list[str]) -> str:
    return next((value for value in values if value.strip().lower() in POSITIVE_WORDS), values[-1])


def _scalar(text: str, numeric: bool) -> Any:
    return int(text) if numeric and text.lstrip("-").isdigit() else text


def _notes(chosen: Chosen) -> Iterator[str]:
    if not chosen.notes:
        return
    yield from ("", "# Worth a look; nothing was done about these:")
    yield from (comment(f"* {note}") for note in chosen.notes[:MOST_NOTES])
    if len(chosen.notes) > MOST_NOTES:
        yield f"# * and {len(chosen.notes) - MOST_NOTES} more: `sagewright profile` shows all."


def _step(choice: Choice) -> Iterator[str]:
    step, reasons = dict(choice.step), choice.reasons
    yield f"  - step: {step.pop('step')}{_reason(reasons.get(''))}"
    columns = step.pop("columns", None)
    if isinstance(columns, str) or columns is not None and not any(name in reasons for name in columns):
        yield f"    columns: {flow(columns)}"
    elif columns is not None:
        yield "    columns:"
        for name in columns:
            entry = f"{quoted(name)}: {flow(columns[name])}" if isinstance(columns, Mapping) else f"- {quoted(name)}"
            yield f"      {entry}{_reason(reasons.get(name))}"
    for key, value in step.items():
        yield f"    {key}: {flow(value)}"


def _reason(text: str | None) -> str:
    return f"    {comment(text)}" if text else ""


def _training(looked: Looked) -> Iterator[str]:
    objective, metric = OBJECTIVES[looked.problem]
    yield from ("", "training:", "  algorithm: xgboost", '  version: "3.2-0"', "  hyperparameters:")
    yield from (f"    objective: {objective}", f"    eval_metric: {metric}", "    num_round: 300")
    yield "    early_stopping_rounds: 20    # stops by the validation split"
    yield from ("    max_depth: 5", "    eta: 0.1", "    subsample: 0.8")


def _section(key: str, values: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{key}:"
    for name, value in values.items():
        yield f"  {name}: {flow(value)}"


def comment(text: str) -> str:
    """Return a text as one line of comment: what does not print is written as an escape, what is too long is cut."""
    plain = "".join(character if character.isprintable() else character.encode("unicode_escape").decode() for character in " ".join(text.split(" ")))
    return f"# {plain if len(plain) <= WIDTH else plain[: WIDTH - 1] + '…'}"


def quoted(value: Any) -> str:
    """Return a scalar as YAML reads it back: text in double quotes, and a point in every number with an exponent."""
    if isinstance(value, float) and "e" in repr(value) and "." not in repr(value):
        return repr(value).replace("e", ".0e")
    return str(value).lower() if isinstance(value, bool) else json.dumps(value, ensure_ascii=not str(value).isprintable())


def flow(value: Any) -> str:
    """Return a value as YAML in flow style; plain words of ours stay without quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_word(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(flow, value)) + "]"
    return _word(value) if isinstance(value, str) else quoted(value)


def _word(text: str) -> str:
    return text if text in WORDS else quoted(text)


WORDS = frozenset(
    [
        "auto",
        "median",
        "constant",
        "number",
        "integer",
        "metric",
        "at_least",
        "at_most",
        "accuracy",
        "auc",
        "rmse",
        "f1",
        "lower",
        "upper",
        "amount",
        "length",
        "words",
        "utf-8",
        "utf-8-sig",
        "latin-1",
    ]
)
