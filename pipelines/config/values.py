"""The values that flags and a parameters file give pipeline parameters for one run: read by type, and held to what the configuration allows."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pipelines.config import overlay, yaml_text
from pipelines.config.bars import bars
from pipelines.config.model import PipelineConfig
from pipelines.config.overlay import Origin
from pipelines.config.parameters import PipelineParameter, section_parameters
from pipelines.config.problems import describe_all, got, nearest, short

if TYPE_CHECKING:
    from pipelines.config.loader import Loaded

INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
BOOLEANS: Mapping[str, bool] = {"true": True, "false": False}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _whole(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(INTEGER.fullmatch(_text(value).strip())[0])  # type: ignore[index]


def _number(value: Any) -> float:
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    number = float(value if plain else FLOAT.fullmatch(_text(value).strip())[0])  # type: ignore[index]
    if not math.isfinite(number):
        raise ValueError
    return number


def _boolean(value: Any) -> bool:
    return value if isinstance(value, bool) else BOOLEANS[_text(value).strip().lower()]


READ: Mapping[str, tuple[Callable[[Any], Any], str]] = {
    "String": (_text, "String (text; put it in quotes)"),
    "Integer": (_whole, "Integer (a whole number)"),
    "Float": (_number, "Float (a finite number)"),
    "Boolean": (_boolean, "Boolean (true or false)"),
}


def converted(parameter: PipelineParameter, value: Any) -> Any:
    """Return a value of YAML or the text of a flag in its parameter's type.

    Raises:
        ValueError: the value is of another type, or not in the parameter's enum; the text says so in our words.
    """
    read, words = READ[parameter.type]
    try:
        found = read(value)
    except (ValueError, TypeError, KeyError, OverflowError):
        raise ValueError(f"the value has the wrong type; got {got(value)}, expected {words}.") from None
    if parameter.enum_values and found not in parameter.enum_values:
        hint = nearest(found, parameter.enum_values)
        raise ValueError(f"the value is not allowed; got {short(found)}, expected one of: {', '.join(parameter.enum_values)}.{hint}")
    return found


def refused(config: PipelineConfig, parameter: PipelineParameter, value: Any) -> str:
    """Return why a parameter cannot have a value, empty if it can: the type, the enum, or what the parameter's own configuration key allows."""
    try:
        found = converted(parameter, value)
    except ValueError as error:
        return str(error)
    if not parameter.config_key:
        return ""
    values = config.as_json()
    changed = overlay.merged(values, overlay.nested(parameter.config_key, found, values))
    try:
        made = PipelineConfig(**changed)
    except ValidationError as error:
        return describe_all(error.errors(include_url=False), changed)[0][1]
    return next((told for key, told in bars(made) if key == parameter.config_key), "")


def read_params_file(path: Path) -> Mapping[str, Any]:
    """Return a YAML or JSON file of parameter names and values.

    Raises:
        ConfigError: it cannot be read, or values are no scalars; all are named at once.
    """
    return _params_file(path).values


def _params_file(path: Path) -> yaml_text.Document:
    document = yaml_text.read(path)
    wrong = [
        (f"{path}:{document.lines[name]}", f"{name}: a parameter has one value; got {got(value)}, expected text, a number or a boolean.")
        for name, value in document.values.items()
        if not isinstance(value, (str, int, float, bool))
    ]
    if wrong:
        raise yaml_text.together(str(path), wrong)
    return document


def parameter_values(loaded: Loaded, flags: Mapping[str, str], params_file: Path | None) -> tuple[dict[str, Any], dict[str, Origin]]:
    """Return the values that flags and parameters file give for this run, in their types, and where each came from.

    Raises:
        ConfigError: names are no parameters of this pipeline, or values are not allowed; all are named at once.
    """
    given: dict[str, tuple[Any, Origin]] = {}
    if params_file is not None:
        document = _params_file(params_file)
        given.update({name: (value, Origin("params file", str(params_file), document.lines[name])) for name, value in document.values.items()})
    given.update({name: (text, Origin("flag", f"-p {name}")) for name, text in flags.items()})
    declared = {parameter.name: parameter for parameter in section_parameters(loaded.config)}
    problems = [(origin.place, _problem(loaded.config, declared, name, value)) for name, (value, origin) in given.items()]
    problems = [(place, what) for place, what in problems if what]
    if problems:
        raise yaml_text.together(str(loaded.path), problems)
    return {name: converted(declared[name], value) for name, (value, _) in given.items()}, {name: origin for name, (_, origin) in given.items()}


def _problem(config: PipelineConfig, declared: Mapping[str, PipelineParameter], name: str, value: Any) -> str:
    if name not in declared:
        return f"the pipeline has no parameter {name!r}; expected one of: {', '.join(declared)}.{nearest(name, declared, 0.6)}"
    return refused(config, declared[name], value)
