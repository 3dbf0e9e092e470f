"""Write a definition back as JSON, from its typed values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipelines.definition.model import MISSING, Definition, Parameter, RetryPolicy, Step


def dump(definition: Definition) -> dict[str, Any]:
    """Return the document as JSON-ready members, written from the typed values; keys that this language does not know come from `raw`."""
    known: dict[str, Any] = {
        "Version": definition.version,
        "Metadata": dict(definition.metadata),
        "Parameters": [_dump_parameter(parameter) for parameter in definition.parameters],
        "PipelineExperimentConfig": definition.experiment,
        "MlflowConfig": definition.mlflow,
        "Steps": [_dump_step(step) for step in definition.steps],
    }
    return _over(definition.raw, known)


def _over(raw: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return raw members with the known ones in place of those that are there, and known ones that hold something."""
    return {**raw, **{key: value for key, value in known.items() if raw.get(key) is not None or (key not in raw and value)}}


def _dump_parameter(parameter: Parameter) -> dict[str, Any]:
    default = {} if parameter.default is MISSING else {"DefaultValue": parameter.default}
    enums = {"EnumValues": list(parameter.enum_values)} if parameter.enum_values or "EnumValues" in parameter.raw else {}
    described = {"Description": parameter.description} if parameter.description is not None else {}
    return {**parameter.raw, "Name": parameter.name, "Type": parameter.type, **default, **enums, **described}


def _dump_step(step: Step) -> dict[str, Any]:
    nested = {"IfSteps": step.if_steps, "ElseSteps": step.else_steps, "ForEachBody": step.body_steps}
    arguments = {**step.arguments, **{key: [_dump_step(child) for child in children] for key, children in nested.items() if children}}
    cache = step.cache_config and _over(
        (step.raw.get("CacheConfig") or {}), {"Enabled": step.cache_config.enabled, "ExpireAfter": step.cache_config.expire_after}
    )
    known: dict[str, Any] = {
        "Name": step.name,
        "Type": step.type,
        "Arguments": arguments,
        "DisplayName": step.display_name,
        "Description": step.description,
        "DependsOn": [dependency.step if dependency.bare else {"Step": dependency.step, "Trigger": dependency.trigger} for dependency in step.depends_on],
        "PropertyFiles": [{**f.raw, "PropertyFileName": f.name, "OutputName": f.output_name, "FilePath": f.file_path} for f in step.property_files],
        "CacheConfig": cache,
        "RetryPolicies": [_dump_retry(policy) for policy in step.retry_policies],
    }
    return {**_over(step.raw, known), **step.extra}


def _dump_retry(policy: RetryPolicy) -> dict[str, Any]:
    kinds: Any = list(policy.exception_types) if policy.listed else policy.exception_types[0]
    numbers = {
        "IntervalSeconds": policy.interval_s,
        "BackoffRate": policy.backoff_rate,
        "MaxAttempts": policy.max_attempts,
        "ExpireAfterMin": policy.expire_after_min,
    }
    return {**policy.raw, "ExceptionType": kinds, **{key: value for key, value in numbers.items() if value is not None}}


def dumps(definition: Definition) -> str:
    """Return the document as compact JSON text."""
    return json.dumps(dump(definition), separators=(",", ":"), ensure_ascii=False)
