"""Values of pipeline parameters: from text or JSON to the declared type, as StartPipelineExecution would take them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipelines.definition.model import MISSING, Definition, Parameter
from pipelines.errors import UsageError
from pipelines.local.store import Store

VALUE_CHARACTERS = 1024
LOCAL_BUCKET = "sagewright-local"


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


def resolve_parameters(definition: Definition, given: Mapping[str, Any], store: Store, pipeline_name: str, here: Path) -> dict[str, Any]:
    """Return every parameter's value, defaults included, in its declared type; local files go into the store under their content hash.

    Raises:
        UsageError: a name is unknown, a value is missing or is not of the type or enum, a file is not there.
    """
    declared = {parameter.name: parameter for parameter in definition.parameters}
    for name in sorted(set(given) - set(declared)):
        near = difflib.get_close_matches(name, declared, 1)
        expected = f"one of: {', '.join(declared) or 'none'}"
        raise UsageError(f"the pipeline has no parameter {name!r}", expected=expected, hint=f"Did you mean {near[0]}?" if near else "")
    values = {name: coerce(parameter, given.get(name, parameter.default)) for name, parameter in declared.items()}
    return {name: _ingested(declared[name], value, store, pipeline_name, here) if name in given else value for name, value in values.items()}


def _ingested(parameter: Parameter, value: Any, store: Store, pipeline_name: str, here: Path) -> Any:
    """Store the local file that a parameter names, when the parameter takes a URI, and return the file's URI in its place."""
    if not isinstance(value, str) or value.startswith("s3://") or not _takes_uri(parameter, here / value):
        return value
    path = here / Path(value).expanduser()
    if not (path.is_file() or path.is_dir()):
        expected = "a local file or folder, or an s3:// URI"
        raise UsageError("there is no such file", where=f"parameter {parameter.name}", got=str(path), expected=expected)
    bucket = parameter.default[5:].split("/", 1)[0] if isinstance(parameter.default, str) else LOCAL_BUCKET
    return store.ingest(path, f"s3://{bucket}/{pipeline_name}/data")


def _takes_uri(parameter: Parameter, path: Path) -> bool:
    """Tell a parameter for data by its default; one without a default by a value that is a file."""
    default = parameter.default
    return isinstance(default, str) and default.startswith("s3://") or (default is MISSING and path.exists())
