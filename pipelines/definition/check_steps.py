"""Checks of one place at a time: the document's limits, parameters, and each step's keys and request."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipelines.definition import check_drift, shapes
from pipelines.definition.catalog import STEP_TYPES, StepType
from pipelines.definition.conditions import COMBINATIONS, COMPARISONS, every_condition
from pipelines.definition.expressions import expression_kind
from pipelines.definition.model import DEFINITION_CHARACTERS, MISSING, TOP_KEYS, Definition, Parameter, Step
from pipelines.errors import Problem

Problems = Iterator[Problem]

STEP_NAME = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9_])*-*")
LIMITS = {"step name": 64, "display name": 256, "description": 3072, "parameters": 200, "parameter name": 256, "parameter value": 1024, "error message": 3072}
FAULTS = ("Step.SERVICE_FAULT", "Step.THROTTLING", "SageMaker.JOB_INTERNAL_ERROR", "SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT", "Emr.RESOURCE_LIMIT")
DURATION = re.compile(r"P?(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?", re.IGNORECASE)
SECRETS = (
    (re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"), "an AWS access key id"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}"), "a GitHub token"),
    (re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}"), "a Slack token"),
)
SECRET_NAME = re.compile(r"(?:^|_)(password|passwd|secret|secret_key|api_?key|access_?key|token|credentials?)$", re.IGNORECASE)


def document(definition: Definition) -> Problems:
    """Yield problems of the document as a whole: its size, unknown keys, number of steps and parameters."""
    size = len(json.dumps(definition.raw, separators=(",", ":"), default=str))
    if size > DEFINITION_CHARACTERS:
        yield Problem("$", f"{size} characters; the service takes at most {DEFINITION_CHARACTERS}", code="limit")
    for key in definition.raw:
        if key not in TOP_KEYS:
            yield Problem(f"$.{key}", "a definition has no such key", f"It has: {', '.join(sorted(TOP_KEYS))}.", code="unknown-member")
    if definition.version != "2020-12-01":
        yield Problem("$.Version", f"unknown version {definition.version[:40]!r}", "The service knows 2020-12-01.", "warning", "version")
    if not definition.steps:
        yield Problem("$.Steps", "there is no step", "A pipeline has at least one.", code="limit")
    yield from _names(definition)


def _names(definition: Definition) -> Problems:
    seen: dict[str, str] = {}
    for step in definition.all_steps():
        if step.name in seen:
            yield Problem(
                f"{step.path}.Name", f"the step {step.name!r} is also at {seen[step.name]}", "A step has one name and one place.", code="duplicate-step"
            )
        seen.setdefault(step.name, step.path)


def parameters(definition: Definition) -> Problems:
    """Yield problems of the parameters: names, defaults of another type, values outside the enum."""
    if len(definition.parameters) > LIMITS["parameters"]:
        yield Problem("$.Parameters", f"{len(definition.parameters)} parameters; the service takes at most {LIMITS['parameters']}", code="limit")
    seen: set[str] = set()
    for index, parameter in enumerate(definition.parameters):
        path = f"$.Parameters[{index}]"
        if not parameter.name or len(parameter.name) > LIMITS["parameter name"] or not re.fullmatch(r"[A-Za-z0-9\-_]*", parameter.name):
            yield Problem(f"{path}.Name", f"{parameter.name[:80]!r} is no parameter name", "Use 1 to 256 letters, digits, - and _.", code="pattern")
        if parameter.name in seen:
            yield Problem(f"{path}.Name", f"the parameter {parameter.name!r} is declared twice", code="duplicate-parameter")
        seen.add(parameter.name)
        yield from _default(parameter, path)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


FITS: Mapping[str, Callable[[Any], bool]] = {
    "String": lambda value: isinstance(value, str),
    "Integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "Float": _is_number,
    "Boolean": lambda value: isinstance(value, bool),
}


def _default(parameter: Parameter, path: str) -> Problems:
    if parameter.default is MISSING:
        return
    if not FITS[parameter.type](parameter.default):
        yield Problem(f"{path}.DefaultValue", f"{str(parameter.default)[:60]!r} is not of the type {parameter.type}", code="type")
    elif parameter.enum_values and parameter.default not in parameter.enum_values:
        known = ", ".join(map(str, parameter.enum_values))[:200]
        yield Problem(f"{path}.DefaultValue", f"{str(parameter.default)[:60]!r} is not among the EnumValues", f"They are: {known}.", code="enum")
    elif len(str(parameter.default)) > LIMITS["parameter value"]:
        yield Problem(f"{path}.DefaultValue", f"longer than {LIMITS['parameter value']} characters", code="limit")


def step(definition: Definition, step: Step, executable: frozenset[str] | None) -> Problems:
    """Yield problems of one step: its name, type, texts, caching, retries and request."""
    if not STEP_NAME.fullmatch(step.name) or len(step.name) > LIMITS["step name"]:
        yield Problem(f"{step.path}.Name", f"{step.name[:80]!r} is no step name", "Use 1 to 64 letters, digits, - and _.", code="pattern")
    for what, text, key in (("display name", step.display_name, "DisplayName"), ("description", step.description, "Description")):
        if text is not None and len(text) > LIMITS[what]:
            yield Problem(f"{step.path}.{key}", f"{len(text)} characters; the service takes at most {LIMITS[what]}", code="limit")
    kind = STEP_TYPES.get(step.type)
    if kind is None:
        near = difflib.get_close_matches(step.type, STEP_TYPES, 1, 0.5)
        hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(STEP_TYPES)}."
        yield Problem(f"{step.path}.Type", f"unknown step type {step.type[:60]!r}", hint, code="step-type")
        return
    if executable is not None and step.type not in executable:
        hint = f"It can be upserted. These run here: {', '.join(sorted(executable))}."
        yield Problem(f"{step.path}.Type", f"a {step.type} step does not run locally", hint, code="not-executable")
    yield from _own_keys(step, kind)
    yield from _cache(step, kind)
    yield from _retries(step, kind)
    yield from _secrets(step.raw.get("Arguments"), f"{step.path}.Arguments", "")
    if kind.operation:
        yield from shapes.check_request(kind.operation, step.arguments, f"{step.path}.Arguments", kind.filled)
    if step.type in BY_TYPE:
        yield from BY_TYPE[step.type](step)


def _own_keys(step: Step, kind: StepType) -> Problems:
    for key in step.extra:
        if key not in kind.extra:
            near = difflib.get_close_matches(key, ["Arguments", "DependsOn", "DisplayName", "CacheConfig", "RetryPolicies", *kind.extra], 1)
            hint = f"Did you mean {near[0]}?" if near else ""
            yield Problem(f"{step.path}.{key}", f"a {step.type} step has no such key", hint, code="unknown-member")
    for key in sorted(kind.needs - set(step.extra)):
        yield Problem(step.path, f"{key} is missing", f"A {step.type} step needs it.", code="missing-member")


def _cache(step: Step, kind: StepType) -> Problems:
    if step.cache_config and not kind.caches:
        yield Problem(f"{step.path}.CacheConfig", f"the service does not cache {step.type} steps", "Remove it.", "warning", "no-effect")
    expires = step.cache_config.expire_after if step.cache_config else None
    if expires is not None and not DURATION.fullmatch(expires):
        yield Problem(f"{step.path}.CacheConfig.ExpireAfter", f"{expires[:40]!r} is no ISO 8601 duration", "E.g. P30D or PT12H.", code="pattern")


def _retries(step: Step, kind: StepType) -> Problems:
    if step.retry_policies and not kind.retries:
        yield Problem(f"{step.path}.RetryPolicies", f"a {step.type} step takes no retry policies", "Remove them.", code="unknown-member")
    for index, policy in enumerate(step.retry_policies):
        path = f"{step.path}.RetryPolicies[{index}]"
        for fault in policy.exception_types:
            if fault not in FAULTS:
                yield Problem(f"{path}.ExceptionType", f"unknown fault {fault[:60]!r}", f"Known: {', '.join(FAULTS)}.", code="enum")
        if (policy.max_attempts is None) == (policy.expire_after_min is None):
            yield Problem(path, "a retry policy has one end", "Give MaxAttempts or ExpireAfterMin, not both.", code="retry")
        for key, value, low, high in (
            ("IntervalSeconds", policy.interval_s, 1, 43200),
            ("MaxAttempts", policy.max_attempts, 1, 20),
            ("ExpireAfterMin", policy.expire_after_min, 1, 14400),
            ("BackoffRate", policy.backoff_rate, 1, float("inf")),
        ):
            if value is not None and not low <= value <= high:
                yield Problem(f"{path}.{key}", f"out of range: got {value}", f"Use {low} to {high:g}.", code="range")


def _secrets(value: Any, path: str, name: str) -> Problems:
    """Look for literals that are secrets by their form, or by the name they stand under: a definition is readable to all who may describe it."""
    if isinstance(value, Mapping) and not expression_kind(value):
        for key, item in value.items():
            if key not in ("IfSteps", "ElseSteps", "ForEachBody"):
                yield from _secrets(item, f"{path}.{key}", str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _secrets(item, f"{path}[{index}]", name)
    elif isinstance(value, str):
        hint = "Keep it in Secrets Manager and let the job read it; everyone who may describe the pipeline reads this."
        for form, what in SECRETS:
            if form.search(value):
                yield Problem(path, f"this looks like {what}", hint, code="secret")
        if SECRET_NAME.search(name) and value and not value.startswith(("arn:", "secretsmanager:", "ssm:", "{{")):
            yield Problem(path, f"a literal under the name {name!r} looks like a secret", hint, "warning", "secret")


def _processing(step: Step) -> Problems:
    arguments = step.arguments
    inputs = arguments.get("ProcessingInputs") or []
    outputs = (arguments.get("ProcessingOutputConfig") or {}).get("Outputs") if isinstance(arguments.get("ProcessingOutputConfig"), Mapping) else []
    for what, items, key, name in (("inputs", inputs, "S3Input", "InputName"), ("outputs", outputs or [], "S3Output", "OutputName")):
        if not isinstance(items, list):
            continue
        if len(items) > 10:
            yield Problem(f"{step.path}.Arguments", f"{len(items)} processing {what}; the service takes at most 10", code="limit")
        names = _names_of(items, name)
        for twice in sorted({n for n in names if names.count(n) > 1}):
            yield Problem(f"{step.path}.Arguments", f"two {what} are called {twice!r}", code="duplicate-name")
        yield from _local_paths(step, items, key)
    yield from _datasets(step, inputs)
    outputs_named = _names_of(outputs, "OutputName")
    for index, file in enumerate(step.property_files):
        if file.output_name not in outputs_named:
            hint = f"The outputs are: {', '.join(outputs_named) or 'none'}."
            yield Problem(f"{step.path}.PropertyFiles[{index}].OutputName", f"there is no output {file.output_name!r}", hint, code="property-file")


def _datasets(step: Step, inputs: Any) -> Problems:
    """Yield problems of inputs that are queries: botocore's model lets a DatasetDefinition hold no query, two of them, and no folder."""
    yield from _local_paths(step, inputs if isinstance(inputs, list) else [], "DatasetDefinition")
    for index, item in enumerate(inputs if isinstance(inputs, list) else []):
        dataset = item.get("DatasetDefinition") if isinstance(item, Mapping) else None
        if not isinstance(dataset, Mapping) or expression_kind(dataset):
            continue
        place = f"{step.path}.Arguments.ProcessingInputs[{index}].DatasetDefinition"
        kinds = [key for key in ("AthenaDatasetDefinition", "RedshiftDatasetDefinition") if dataset.get(key)]
        if len(kinds) != 1:
            yield Problem(place, f"got {' and '.join(kinds) or 'no query'}", "Give AthenaDatasetDefinition or RedshiftDatasetDefinition.", code="dataset")
        if not dataset.get("LocalPath"):
            yield Problem(place, "LocalPath is missing", "The job reads the result there, below /opt/ml/processing.", code="missing-member")


def _names_of(items: Any, key: str) -> list[str]:
    """Return the names that the entries of a list carry as text."""
    found = [item.get(key) for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
    return [name for name in found if isinstance(name, str)]


def _local_paths(step: Step, items: list[Any], key: str) -> Problems:
    for index, item in enumerate(items):
        source = item.get(key) if isinstance(item, Mapping) else None
        if not isinstance(source, Mapping):
            continue
        place = f"{step.path}.Arguments: {key}[{index}]"
        path, uri = source.get("LocalPath"), source.get("S3Uri")
        if isinstance(path, str) and (not path.startswith("/opt/ml/processing") or ".." in path.split("/")):
            yield Problem(
                f"{place}.LocalPath", f"{path[:80]!r} is not below /opt/ml/processing", "Inputs and outputs of processing jobs live there.", code="local-path"
            )
        if isinstance(uri, str) and uri.startswith("s3://") and ".." in uri.split("/"):
            yield Problem(f"{place}.S3Uri", f"{uri[:80]!r} climbs out of its prefix", "Write the key without '..'.", code="s3-uri")


CONDITIONS = (*COMPARISONS, *COMBINATIONS)


def _condition(step: Step) -> Problems:
    if not step.conditions:
        yield Problem(f"{step.path}.Arguments.Conditions", "there is no condition", "Give at least one.", code="condition")
    place = f"{step.path}.Arguments.Conditions"
    for condition in every_condition(step.arguments.get("Conditions") or []):
        kind = condition.get("Type") if isinstance(condition, Mapping) else None
        if not isinstance(kind, str) or kind not in CONDITIONS:
            near = difflib.get_close_matches(str(kind), CONDITIONS, 1)
            hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(CONDITIONS)}."
            yield Problem(place, f"unknown condition {str(kind)[:40]!r}", hint, code="condition")
        elif kind in COMPARISONS and not {"LeftValue", "RightValue"} <= set(condition):
            yield Problem(place, f"{kind} needs LeftValue and RightValue", code="condition")
    for child in (*step.if_steps, *step.else_steps):
        if child.type in _CONDITIONS:
            yield Problem(
                child.path, "a condition inside a condition", "The service's guide forbids it, the SDK writes it; it runs here.", "warning", "nested-condition"
            )


_CONDITIONS = frozenset({"Condition"})


def _fail(step: Step) -> Problems:
    message = step.arguments.get("ErrorMessage")
    if message is None:
        yield Problem(f"{step.path}.Arguments", "ErrorMessage is missing", "A Fail step says why it fails.", code="missing-member")
    elif not isinstance(message, str) and not expression_kind(message):
        yield Problem(f"{step.path}.Arguments.ErrorMessage", "wrong type: expected text or an expression", code="type")
    elif isinstance(message, str) and len(message) > LIMITS["error message"]:
        yield Problem(f"{step.path}.Arguments.ErrorMessage", f"{len(message)} characters; the service takes at most {LIMITS['error message']}", code="limit")


def _for_each(step: Step) -> Problems:
    items, parallel = step.arguments.get("IterableItems"), step.arguments.get("MaxConcurrency", 1)
    if isinstance(items, list) and not 1 <= len(items) <= 100:
        yield Problem(f"{step.path}.Arguments.IterableItems", f"{len(items)} items", "Use 1 to 100.", code="limit")
    if isinstance(parallel, int) and not 1 <= parallel <= 50:
        yield Problem(f"{step.path}.Arguments.MaxConcurrency", f"out of range: got {parallel}", "Use 1 to 50.", code="range")
    for child in step.body_steps:
        if child.type in NOT_IN_A_BODY:
            yield Problem(child.path, f"a {child.type} step cannot stand in the body of a ForEach step", code="for-each")


NOT_IN_A_BODY = frozenset({"Condition", "Fail", "ForEach"})


def _endpoint_config(step: Step) -> Problems:
    if "DataCaptureConfig" in step.arguments:
        hint = "Whether the service takes it in a pipeline is not known; test it on a small endpoint."
        yield Problem(f"{step.path}.Arguments.DataCaptureConfig", "data capture in an EndpointConfig step", hint, "warning", "data-capture")


def _drift_check(step: Step) -> Problems:
    yield from _processing(step)
    yield from check_drift.check(step)


BY_TYPE: Mapping[str, Callable[[Step], Problems]] = {
    "Processing": _processing,
    "QualityCheck": _drift_check,
    "ClarifyCheck": _drift_check,
    "Condition": _condition,
    "Fail": _fail,
    "ForEach": _for_each,
    "EndpointConfig": _endpoint_config,
}
