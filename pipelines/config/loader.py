"""Load a configuration: read the layers, merge them, validate, and remember where every value came from."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipelines.config import overlay, yaml_text
from pipelines.config.model import PipelineConfig
from pipelines.config.overlay import Origin
from pipelines.config.parameters import PipelineParameter, pipeline_parameters
from pipelines.config.problems import describe, short, without_shadows
from pipelines.config.rules import impossible
from pipelines.errors import ConfigError


@dataclass(frozen=True)
class Loaded:
    """Hold a valid configuration, the origin of each dotted key, and the folder that its paths are relative to."""

    config: PipelineConfig
    origins: Mapping[str, Origin]
    path: Path
    root: Path


def load(
    path: Path,
    *,
    profile: str | None = None,
    params_file: Path | None = None,
    flags: Mapping[str, str] = {},  # noqa: B006  never changed
    sets: Mapping[str, str] = {},  # noqa: B006  never changed
) -> Loaded:
    """Return the configuration of a pipeline.yaml with profile and `--set` flags on it.

    `flags` and `params_file` give pipeline parameters their values for one run; they are checked here and read with `parameter_values`.

    Raises:
        ConfigError: a file is missing or damaged, or a value is wrong; every problem is named at once.
    """
    document = yaml_text.read(path)
    layers = _Layers(dict(document.values), {key: Origin("yaml", f"{path}:{line}") for key, line in document.lines.items()})
    if profile is not None:
        layers = layers.on(yaml_text.read(_profile(path, profile)))
    for key, text in sets.items():
        layers = layers.set(key, yaml_text.scalar(text))
    loaded = Loaded(_validated(path, layers), layers.origins, path, path.absolute().parent)
    parameter_values(loaded, flags, params_file)
    return loaded


@dataclass(frozen=True)
class _Layers:
    values: dict[str, Any]
    origins: dict[str, Origin] = field(default_factory=dict)

    def on(self, document: yaml_text.Document) -> _Layers:
        """Return these layers with a profile on them."""
        origins = {key: Origin("profile", f"{document.path}:{line}") for key, line in document.lines.items() if key}
        return _Layers(overlay.merged(self.values, document.values), {**_outside(self.origins, document.values), **origins})

    def set(self, key: str, value: Any) -> _Layers:
        """Return these layers with one key set by a flag."""
        try:
            layer = overlay.nested(key, value, self.values)
        except KeyError:
            raise ConfigError("this key leads nowhere", where=f"--set {key}", expected="a dotted key such as training.version or gate[0].at_least") from None
        return _Layers(overlay.merged(self.values, layer), {**self.origins, key: Origin("flag", f"--set {key}")})


def _outside(origins: Mapping[str, Origin], values: Mapping[str, Any]) -> dict[str, Origin]:
    """Leave out the origins inside lists that the next layer replaces."""
    replaced = [key for key, value in _lists(values)]
    return {key: origin for key, origin in origins.items() if not any(key.startswith(f"{name}[") for name in replaced)}


def _lists(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        yield key, value
    for name, item in value.items() if isinstance(value, Mapping) else ():
        yield from _lists(item, f"{key}.{name}" if key else str(name))


def _profile(path: Path, name: str) -> Path:
    folder = path.absolute().parent / "profiles"
    file = folder / f"{name}.yaml"
    if Path(name).name != name or not file.is_file():
        known = sorted(found.stem for found in folder.glob("*.yaml"))
        raise ConfigError("there is no such profile", where=str(file), got=name, expected=f"one of: {', '.join(known) or 'none yet'}")
    return file


def _validated(path: Path, layers: _Layers) -> PipelineConfig:
    try:
        config = PipelineConfig(**layers.values)
    except ValidationError as error:
        raise _collected(path, layers.origins, [describe(each) for each in without_shadows(error.errors(include_url=False))]) from None
    problems = list(impossible(config))
    if problems:
        raise _collected(path, layers.origins, problems)
    return config


def _collected(path: Path, origins: Mapping[str, Origin], problems: list[tuple[str, str]]) -> ConfigError:
    lines = [f"{_place(path, origins, key)}: {key or 'the file'}: {what}" for key, what in problems]
    if len(lines) == 1:
        where, _, what = lines[0].partition(": ")
        return ConfigError(what.rstrip("."), where=where)
    return ConfigError("\n".join([f"{len(lines)} problems", *(f"  {line}" for line in lines)]), where=str(path))


def _place(path: Path, origins: Mapping[str, Origin], key: str) -> str:
    """Return file and line of a key, or of the nearest key above it."""
    while key and key not in origins:
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    return origins[key].place if key in origins else str(path)


def read_params_file(path: Path) -> Mapping[str, Any]:
    """Return a YAML or JSON file of parameter names and values.

    Raises:
        ConfigError: it cannot be read, or a value is no scalar.
    """
    document = yaml_text.read(path)
    for name, value in document.values.items():
        if isinstance(value, (dict, list)) or value is None:
            raise ConfigError(
                "a parameter has one value", where=f"{path}:{document.lines[name]}: {name}", got=short(value), expected="text, a number or a boolean"
            )
    return document.values


def parameter_values(loaded: Loaded, flags: Mapping[str, str], params_file: Path | None) -> tuple[dict[str, Any], dict[str, Origin]]:
    """Return the values that flags and parameters file give for this run, in their types, and where each came from.

    Raises:
        ConfigError: a name is no parameter of this pipeline, or a value is of another type.
    """
    declared = {parameter.name: parameter for parameter in pipeline_parameters(loaded.config)}
    given: dict[str, tuple[Any, Origin]] = {}
    if params_file is not None:
        document = yaml_text.read(params_file)
        read_params_file(params_file)
        given.update({name: (value, Origin("params file", f"{params_file}:{document.lines[name]}")) for name, value in document.values.items()})
    given.update({name: (text, Origin("flag", f"-p {name}")) for name, text in flags.items()})
    values = {name: typed(declared, name, value, origin) for name, (value, origin) in given.items()}
    return values, {name: origin for name, (_, origin) in given.items()}


def _boolean(value: Any) -> bool:
    return value if isinstance(value, bool) else {"true": True, "false": False}[str(value).lower()]


def _whole(value: Any) -> int:
    if isinstance(value, (bool, float)):
        raise ValueError
    return int(value)


TYPES: Mapping[str, Callable[[Any], Any]] = {"String": str, "Integer": _whole, "Float": float, "Boolean": _boolean}


def typed(declared: Mapping[str, PipelineParameter], name: str, value: Any, origin: Origin) -> Any:
    """Return a value in its parameter's type.

    Raises:
        ConfigError: there is no such parameter, or the value is of another type or not in its enum.
    """
    if name not in declared:
        near = difflib.get_close_matches(name, declared, 1, 0.4)
        hint = f"Did you mean {near[0]}?" if near else ""
        raise ConfigError(f"the pipeline has no parameter {name!r}", where=origin.place, expected=f"one of: {', '.join(declared)}", hint=hint)
    parameter = declared[name]
    try:
        found = TYPES[parameter.type](value)
    except (ValueError, KeyError, TypeError):
        raise ConfigError("the value has the wrong type", where=origin.place, got=short(value), expected=parameter.type) from None
    if parameter.enum_values and found not in parameter.enum_values:
        raise ConfigError("the value is not allowed", where=origin.place, got=short(found), expected=f"one of: {', '.join(parameter.enum_values)}")
    return found
