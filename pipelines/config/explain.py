"""Say of every configuration key and pipeline parameter what its value is and where it came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.config.loader import DEFAULT, Loaded, parameter_values
from pipelines.config.overlay import Origin, flatten
from pipelines.config.parameters import pipeline_parameters


@dataclass(frozen=True)
class Row:
    """State a key, its value as text, the layer that gave it and the place in that layer."""

    key: str
    value: str
    source: str
    place: str


def explain(loaded: Loaded, flags: Mapping[str, str], params_file: Path | None) -> list[Row]:
    """Return a row for every configuration key, then one for every pipeline parameter.

    Raises:
        ConfigError: a flag or the parameters file names no parameter or has a wrong value.
    """
    keys = [_row(key, value, origin_of(loaded.origins, key)) for key, value in flatten(loaded.config.as_json())]
    values, origins = parameter_values(loaded, flags, params_file)
    rows = [
        _row(f"-p {p.name}", values.get(p.name, p.default), origins.get(p.name) or origin_of(loaded.origins, p.config_key))
        for p in pipeline_parameters(loaded.config)
    ]
    return [*keys, *rows]


def origin_of(origins: Mapping[str, Origin], key: str) -> Origin:
    """Return a key's origin; inside a list the origin of the entry or of the list."""
    while key:
        if key in origins:
            return origins[key]
        if not key.endswith("]"):
            return DEFAULT
        key = key[: key.rfind("[")]
    return DEFAULT


def _row(key: str, value: Any, origin: Origin) -> Row:
    return Row(key, value if isinstance(value, str) else json.dumps(value), origin.source, origin.place)
