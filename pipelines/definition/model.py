"""The definition document as frozen values: parse, dump, and find structural problems all at once."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.errors import DefinitionError, Problem

DEFINITION_CHARACTERS = 1_048_576
DEPTH = 100
LARGEST_INTEGER = 2**64
PARAMETER_TYPES = ("String", "Integer", "Float", "Boolean")
STEP_KEYS = frozenset({"Name", "Type", "Arguments", "DisplayName", "Description", "DependsOn", "PropertyFiles", "CacheConfig", "RetryPolicies"})
TOP_KEYS = frozenset({"Version", "Metadata", "Parameters", "PipelineExperimentConfig", "MlflowConfig", "Steps"})


class _Missing:
    """Stand for a value that is not there, where None is a value."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


@dataclass(frozen=True)
class Parameter:
    """Declare a pipeline parameter; `type` is one of String, Integer, Float, Boolean."""

    name: str
    type: str
    default: Any = MISSING
    enum_values: tuple[Any, ...] = ()
    description: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Dependency:
    """Name a step that comes first, and how it has to end: Completed, Failed, Stopped or Any."""

    step: str
    trigger: str = "Completed"
    bare: bool = field(default=True, compare=False, repr=False)


@dataclass(frozen=True)
class PropertyFile:
    """Name a JSON file below a processing output that conditions may read."""

    name: str
    output_name: str
    file_path: str
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class CacheConfig:
    """Enable caching for a step; `expire_after` is an ISO 8601 duration."""

    enabled: bool
    expire_after: str | None = None


@dataclass(frozen=True)
class RetryPolicy:
    """Say after which faults a step is tried again, how often or how long, and at what intervals (seconds)."""

    exception_types: tuple[str, ...]
    interval_s: float | None = None
    backoff_rate: float | None = None
    max_attempts: int | None = None
    expire_after_min: int | None = None
    listed: bool = field(default=True, repr=False, compare=False)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Step:
    """Hold one step: what every type shares as fields, `arguments` as the raw request, the type's own step-level keys in `extra`."""

    name: str
    type: str
    arguments: Mapping[str, Any]
    display_name: str | None = None
    description: str | None = None
    depends_on: tuple[Dependency, ...] = ()
    property_files: tuple[PropertyFile, ...] = ()
    cache_config: CacheConfig | None = None
    retry_policies: tuple[RetryPolicy, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    path: str = "$"
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    if_steps: tuple[Step, ...] = ()
    else_steps: tuple[Step, ...] = ()
    body_steps: tuple[Step, ...] = ()

    @property
    def conditions(self) -> list[Mapping[str, Any]]:
        """Return the raw conditions of a Condition step, an empty list for other types."""
        found = self.arguments.get("Conditions")
        return [condition for condition in found if isinstance(condition, Mapping)] if isinstance(found, list) else []

    def children(self) -> tuple[Step, ...]:
        """Return the steps of both branches, or of a ForEach body."""
        return (*self.if_steps, *self.else_steps, *self.body_steps)


@dataclass(frozen=True)
class Definition:
    """Hold a whole document; `raw` is what it was parsed from, so that nothing unknown is lost."""

    version: str
    metadata: Mapping[str, str]
    parameters: tuple[Parameter, ...]
    experiment: Mapping[str, Any] | None
    mlflow: Mapping[str, Any] | None
    steps: tuple[Step, ...]
    raw: Mapping[str, Any] = field(repr=False)

    def all_steps(self) -> Iterator[Step]:
        """Yield every step, a nested one after the step that holds it."""
        yield from _walk(self.steps)

    def step(self, name: str) -> Step:
        """Return a step by name.

        Raises:
            KeyError: there is none.
        """
        found = next((step for step in self.all_steps() if step.name == name), None)
        if found is None:
            raise KeyError(name)
        return found


def _walk(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from _walk(step.children())


@dataclass
class _Reader:
    """Collect problems while values are taken out of raw JSON."""

    problems: list[Problem] = field(default_factory=list)

    def problem(self, path: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(path, message, hint, code="structure"))

    def of(self, kind: type | tuple[type, ...], value: Any, path: str, what: str, default: Any) -> Any:
        """Return the value when it is of the kind (a bool is never a number), else the default and a problem."""
        fits = isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool)
        if not fits:
            self.problem(path, f"expected {what}, got {_kind(value)}")
        return value if fits else default

    def optional(self, kind: type | tuple[type, ...], raw: Mapping[str, Any], key: str, path: str, what: str) -> Any:
        value = raw.get(key)
        return None if value is None else self.of(kind, value, f"{path}.{key}", what, None)

    def listed(self, raw: Mapping[str, Any], key: str, path: str) -> list[Any]:
        value = raw.get(key)
        found: list[Any] = [] if value is None else self.of(list, value, f"{path}.{key}", "a list", [])
        return found


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "an integer", float: "a number", type(None): "null"}
    return names.get(type(value), type(value).__name__)


def _parameter(reader: _Reader, raw: Any, path: str) -> Parameter | None:
    raw = reader.of(dict, raw, path, "an object", None)
    if raw is None:
        return None
    name = reader.of(str, raw.get("Name"), f"{path}.Name", "a name", "")
    kind = raw.get("Type")
    if kind not in PARAMETER_TYPES:
        reader.problem(f"{path}.Type", f"no such parameter type: {str(kind)[:40]!r}", f"Use one of {', '.join(PARAMETER_TYPES)}.")
    enums = tuple(reader.listed(raw, "EnumValues", path))
    return Parameter(
        name,
        kind if kind in PARAMETER_TYPES else "String",
        raw.get("DefaultValue", MISSING),
        enums,
        reader.optional(str, raw, "Description", path, "text"),
        raw,
    )


def _dependency(reader: _Reader, raw: Any, path: str) -> Dependency | None:
    if isinstance(raw, str):
        return Dependency(raw)
    raw = reader.of(dict, raw, path, "a step name or {Step, Trigger}", None)
    if raw is None:
        return None
    step = reader.of(str, raw.get("Step"), f"{path}.Step", "a step name", "")
    trigger = raw.get("Trigger", "Completed")
    if trigger not in ("Completed", "Failed", "Stopped", "Any"):
        reader.problem(f"{path}.Trigger", f"no such trigger: {str(trigger)[:40]!r}", "Use Completed, Failed, Stopped or Any.")
        trigger = "Completed"
    return Dependency(step, trigger, bare=False)


def _property_file(reader: _Reader, raw: Any, path: str) -> PropertyFile | None:
    raw = reader.of(dict, raw, path, "an object", None)
    if raw is None:
        return None
    name, output, file = (reader.of(str, raw.get(key), f"{path}.{key}", "text", "") for key in ("PropertyFileName", "OutputName", "FilePath"))
    return PropertyFile(name, output, file, raw)


def _cache(reader: _Reader, raw: Mapping[str, Any], path: str) -> CacheConfig | None:
    config = reader.optional(dict, raw, "CacheConfig", path, "an object")
    if config is None:
        return None
    enabled = reader.of(bool, config.get("Enabled"), f"{path}.CacheConfig.Enabled", "true or false", False)
    return CacheConfig(enabled, reader.optional(str, config, "ExpireAfter", f"{path}.CacheConfig", "an ISO 8601 duration"))


def _retry(reader: _Reader, raw: Any, path: str) -> RetryPolicy | None:
    raw = reader.of(dict, raw, path, "an object", None)
    if raw is None:
        return None
    kinds = raw.get("ExceptionType")
    listed = [kinds] if isinstance(kinds, str) else reader.of(list, kinds, f"{path}.ExceptionType", "a list of fault names", [])
    interval, backoff, attempts, minutes = (
        reader.optional((int, float), raw, key, path, "a number") for key in ("IntervalSeconds", "BackoffRate", "MaxAttempts", "ExpireAfterMin")
    )
    return RetryPolicy(tuple(map(str, listed)), interval, backoff, attempts, minutes, not isinstance(kinds, str), raw)


def _each(reader: _Reader, items: list[Any], path: str, read: Callable[[_Reader, Any, str], Any]) -> tuple[Any, ...]:
    return tuple(found for index, item in enumerate(items) if (found := read(reader, item, f"{path}[{index}]")) is not None)


def _step(reader: _Reader, raw: Any, path: str) -> Step | None:
    raw = reader.of(dict, raw, path, "a step", None)
    if raw is None:
        return None
    arguments = reader.of(dict, raw.get("Arguments", {}), f"{path}.Arguments", "an object", {})
    inner = f"{path}.Arguments"
    return Step(
        name=reader.of(str, raw.get("Name"), f"{path}.Name", "a name", ""),
        type=reader.of(str, raw.get("Type"), f"{path}.Type", "a step type", ""),
        arguments=arguments,
        display_name=reader.optional(str, raw, "DisplayName", path, "text"),
        description=reader.optional(str, raw, "Description", path, "text"),
        depends_on=_each(reader, reader.listed(raw, "DependsOn", path), f"{path}.DependsOn", _dependency),
        property_files=_each(reader, reader.listed(raw, "PropertyFiles", path), f"{path}.PropertyFiles", _property_file),
        cache_config=_cache(reader, raw, path),
        retry_policies=_each(reader, reader.listed(raw, "RetryPolicies", path), f"{path}.RetryPolicies", _retry),
        extra={key: value for key, value in raw.items() if key not in STEP_KEYS},
        path=path,
        raw=raw,
        **{
            name: _each(reader, reader.listed(arguments, key, inner), f"{inner}.{key}", _step) if key in _NESTED.get(str(raw.get("Type")), ()) else ()
            for name, key in (("if_steps", "IfSteps"), ("else_steps", "ElseSteps"), ("body_steps", "ForEachBody"))
        },
    )


_NESTED: Mapping[str, tuple[str, ...]] = {"Condition": ("IfSteps", "ElseSteps"), "ForEach": ("ForEachBody",)}


def _too_deep(value: Any) -> bool:
    level: list[Any] = [value]
    for _ in range(DEPTH):
        level = [part for item in level for part in (item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())]
        if not level:
            return False
    return True


def _not_json(value: Any, path: str = "$") -> Iterator[Problem]:
    """Yield what no JSON text in UTF-8 can hold: NaN and infinity, half a surrogate pair, keys that are not text, objects of Python's own."""
    if isinstance(value, dict):
        for key, item in value.items():
            wrong = _not_a_scalar(key) if isinstance(key, str) else f"expected text, got {_kind(key)}"
            if wrong:
                yield Problem(path, f"a key: {wrong}", code="structure")
            else:
                yield from _not_json(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _not_json(item, f"{path}[{index}]")
    else:
        wrong = _not_a_scalar(value)
        if wrong:
            yield Problem(path, wrong, code="structure")


def _not_a_scalar(value: Any) -> str:
    if isinstance(value, str):
        return "" if _encodes(value) else f"{ascii(value)[:60]} is no Unicode text"
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"{value} is not a number that JSON can hold"
    if isinstance(value, int):
        return "" if -LARGEST_INTEGER <= value <= LARGEST_INTEGER else "an integer of more than 64 bits"
    return "" if value is None else f"expected JSON, got {_kind(value)}"


def _encodes(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def parse(document: object) -> Definition:
    """Return the definition that a parsed JSON document holds.

    Raises:
        DefinitionError: its structure is wrong, or it holds what is not JSON; carries every structural problem.
    """
    reader = _Reader()
    if _too_deep(document):
        raise DefinitionError((Problem("$", f"nested deeper than {DEPTH} levels", code="structure"),))
    strange = tuple(_not_json(document))
    if strange:
        raise DefinitionError(strange)
    raw = reader.of(dict, document, "$", "an object", {})
    if isinstance(document, dict) and not isinstance(document.get("Steps"), list):
        reader.problem("$.Steps", "expected a list of steps", "A definition has Version and Steps.")
    definition = Definition(
        version=reader.optional(str, raw, "Version", "$", "text") or "2020-12-01",
        metadata=reader.optional(dict, raw, "Metadata", "$", "an object") or {},
        parameters=_each(reader, reader.listed(raw, "Parameters", "$"), "$.Parameters", _parameter),
        experiment=reader.optional(dict, raw, "PipelineExperimentConfig", "$", "an object"),
        mlflow=reader.optional(dict, raw, "MlflowConfig", "$", "an object"),
        steps=_each(reader, raw["Steps"], "$.Steps", _step) if isinstance(raw.get("Steps"), list) else (),
        raw=raw,
    )
    if reader.problems:
        raise DefinitionError(tuple(reader.problems))
    return definition


def loads(text: str) -> Definition:
    """Return the definition in a JSON text.

    Raises:
        DefinitionError: it is no JSON, has a key twice, a NaN, is too long or too deep, or its structure is wrong.
    """
    if len(text) > DEFINITION_CHARACTERS:
        raise DefinitionError((Problem("$", f"{len(text)} characters; the service takes at most {DEFINITION_CHARACTERS}", code="limit"),))
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        raise DefinitionError((Problem("$", f"nested deeper than {DEPTH} levels", code="structure"),)) from None
    except ValueError as error:
        raise DefinitionError((Problem("$", f"not JSON: {error}", code="structure"),)) from None
    return parse(document)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for index, (key, _) in enumerate(pairs) if key in dict(pairs[:index]))
        raise ValueError(f"the key {twice[:80]!r} stands twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
