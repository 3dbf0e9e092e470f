"""Check what can still be checked of a configuration with errors, so that every problem of a file comes at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from pipelines.config.gate import BiasBar, CellBar, Leaf, MetricBar, PrivacyBar, ProfileBar, QualityBar, leaves
from pipelines.config.model import PipelineConfig
from pipelines.config.rules import impossible

# What stands in for a needed section with an error; rules that look at it are not asked.
STANDINS: Mapping[str, Any] = {"name": "unknown", "data": {"input": "unknown"}, "label": {"column": "\0unknown"}}
# What a bar is held to; nothing is said of a bar while one of these sections has an error.
LOOKED_AT: Mapping[type[Leaf], frozenset[str]] = {
    MetricBar: frozenset({"problem", "evaluation", "registration", "package"}),
    CellBar: frozenset({"problem"}),
    BiasBar: frozenset({"bias"}),
    QualityBar: frozenset({"quality"}),
    ProfileBar: frozenset({"profile"}),
    PrivacyBar: frozenset({"privacy"}),
}
ENTRY = re.compile(r"^(recipe|gate)\[(\d+)\]")


def further_problems(values: Mapping[str, Any], locations: Iterable[tuple[Any, ...]]) -> list[tuple[str, str]]:
    """Return the impossible combinations among the values whose locations had no error; indices are those of the file."""
    places = list(locations)
    entries = {(place[0], place[1]) for place in places if len(place) > 1 and isinstance(place[1], int)}
    broken = {place[0] for place in places if place} - {name for name, _ in entries}
    kept = {name: _without(value, {index for section, index in entries if section == name}) for name, value in values.items() if name not in broken}
    try:
        config = PipelineConfig(**{**STANDINS, **kept})
    except ValidationError:
        return []
    numbers = {name: [index for index in range(len(value)) if (name, index) not in entries] for name, value in values.items() if isinstance(value, list)}
    unsure = broken | ({"parameters"} if {"gate", "registration"} & (broken | {name for name, _ in entries}) else set())
    doubtful = tuple(where for where, bar in leaves(config.gate) if LOOKED_AT[type(bar)] & broken)
    sure = [(key, what) for key, what in impossible(config) if re.split(r"[.\[]", key)[0] not in unsure and not key.startswith(doubtful)]
    return [(_in_file(key, numbers), what) for key, what in sure]


def _without(value: Any, indices: set[int]) -> Any:
    return [item for index, item in enumerate(value) if index not in indices] if indices else value


def _in_file(key: str, numbers: Mapping[str, list[int]]) -> str:
    return ENTRY.sub(lambda match: f"{match[1]}[{numbers[match[1]][int(match[2])]}]", key)
