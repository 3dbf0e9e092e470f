"""Values of pipeline parameters: from text or JSON to the declared type, as StartPipelineExecution would take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipelines.definition.model import MISSING, Parameter
from pipelines.errors import UsageError

VALUE_CHARACTERS = 1024


def _integer(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    return int(value)


def _float(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError
    return number


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}[str(value).lower()]


def _string(value: Any) -> str:
    if not isinstance(value, (str, int, float)):
        raise ValueError
    return str(value)


TYPES: Mapping[str, Callable[[Any], Any]] = {"String": _string, "Integer": _integer, "Float": _float, "Boolean": _boolean}


def coerce(parameter: Parameter, value: Any) -> Any:
    """Return a value in the parameter's type.

    Raises:
        UsageError: there is neither a value nor a default, or the value is not of the type, not in the enum, or over 1,024 characters.
    """
    where = f"parameter {parameter.name}"
    if value is MISSING:
        raise UsageError("this parameter has no default and was given no value", where=where, hint=f"Give one with -p {parameter.name}=VALUE.")
    try:
        typed = TYPES[parameter.type](value)
    except (ValueError, KeyError, TypeError):
        raise UsageError("the value has the wrong type", where=where, got=repr(value), expected=parameter.type) from None
    if parameter.enum_values and typed not in parameter.enum_values:
        raise UsageError("the value is not allowed", where=where, got=repr(typed), expected=f"one of: {', '.join(map(str, parameter.enum_values))}")
    if len(str(typed)) > VALUE_CHARACTERS:
        raise UsageError("the value is too long", where=where, got=f"{len(str(typed))} characters", expected=f"at most {VALUE_CHARACTERS}")
    return typed
