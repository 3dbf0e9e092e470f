"""Load a configuration: read the layers, merge them, validate, and remember where every value came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipelines.config import overlay, yaml_text
from pipelines.config.model import PipelineConfig
from pipelines.config.overlay import Origin
from pipelines.config.parameters import section_parameters
from pipelines.config.problems import describe_all, nearest
from pipelines.config.rules import impossible
from pipelines.config.salvage import further_problems
from pipelines.config.values import parameter_values, read_params_file
from pipelines.config.yaml_text import together
from pipelines.errors import ConfigError

__all__ = ["DEFAULT", "Loaded", "load", "parameter_values", "read_params_file"]

DEFAULT = Origin("default")


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
    layers = _Layers(dict(document.values), {key: Origin("yaml", str(path), line) for key, line in document.lines.items() if key})
    if profile is not None:
        layers = layers.on(yaml_text.read(_profile(path, profile), may_be_empty=True))
    for key, text in sets.items():
        layers = layers.set(key, yaml_text.scalar(text, f"--set {key}"))
    loaded = Loaded(_validated(path, layers), layers.origins, path, path.absolute().parent)
    parameter_values(loaded, flags, params_file)
    return loaded


@dataclass(frozen=True)
class _Layers:
    values: dict[str, Any]
    origins: dict[str, Origin] = field(default_factory=dict)

    def on(self, document: yaml_text.Document) -> _Layers:
        """Return these layers with a profile on them."""
        origins = {key: Origin("profile", str(document.path), line) for key, line in document.lines.items() if key}
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
        raise ConfigError(
            "there is no such profile", where=str(file), got=name, expected=f"one of: {', '.join(known) or 'none yet'}", hint=nearest(name, known).strip()
        )
    return file


def _validated(path: Path, layers: _Layers) -> PipelineConfig:
    try:
        config = PipelineConfig(**layers.values)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        problems = [*describe_all(errors, layers.values), *further_problems(layers.values, [each["loc"] for each in errors])]
    else:
        problems = list(impossible(config))
        if not problems:
            return _settled(config, layers.origins)
    raise together(str(path), [(_place(path, layers.origins, key), f"{key}: {what}") for key, what in sorted(problems, key=_line(layers.origins))])


def _line(origins: Mapping[str, Origin]) -> Callable[[tuple[str, str]], tuple[int, int]]:
    """Return a sort key for problems: the strongest layer last, in the order of its lines; what is missing comes first."""

    def key(problem: tuple[str, str]) -> tuple[int, int]:
        origin = _nearest_origin(origins, problem[0])
        return (origin.strength, origin.line or 0) if origin else (0, 0)

    return key


def _settled(config: PipelineConfig, origins: Mapping[str, Origin]) -> PipelineConfig:
    """Leave out entries of `parameters` whose own configuration key was set in a stronger layer, so that e.g. --set wins over a profile."""
    beaten = {
        parameter.name
        for parameter in section_parameters(config)
        if parameter.name in config.parameters
        and origins.get(parameter.config_key, DEFAULT).strength > origins.get(f"parameters.{parameter.name}", DEFAULT).strength
    }
    kept = {name: value for name, value in config.parameters.items() if name not in beaten}
    return config.model_copy(update={"parameters": kept}) if beaten else config


def _place(path: Path, origins: Mapping[str, Origin], key: str) -> str:
    origin = _nearest_origin(origins, key)
    return origin.place if origin else str(path)


def _nearest_origin(origins: Mapping[str, Origin], key: str) -> Origin | None:
    """Return the origin of a key, or of the nearest key above it."""
    while key and key not in origins:
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    return origins.get(key) if key else None
