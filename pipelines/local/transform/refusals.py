"""Find the transform jobs of a definition that the service would refuse, before any step starts; what parameters decide is looked at when the step starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.definition.model import Definition
from pipelines.errors import Problem

TYPES = frozenset({"Transform"})
# These are seldom written out, and do not matter for what goes together.
PLACES = (("TransformOutput", "S3OutputPath"), ("DataCaptureConfig", "DestinationS3Uri"))
PARTS = ("MaxPayloadInMB", "MaxConcurrentTransforms", "BatchStrategy", "ModelClientConfig", "DataProcessing", "DataCaptureConfig", "TransformOutput")


def refused(definition: Definition) -> tuple[Problem, ...]:
    """Return a problem for each thing wrong with a transform job whose settings are written out in the definition."""
    steps = [step for step in definition.all_steps() if step.type in TYPES]
    if not steps:
        return ()
    from pipelines.local.transform import settings

    found: list[Problem] = []
    for step in steps:
        request = _written_out(step.arguments)
        problems = settings.problems(request) if request else ()
        found += [Problem(f"{step.path}.Arguments", f"step {step.name}: {problem}", code="transform") for problem in problems]
    return tuple(found)


def _written_out(arguments: Any) -> dict[str, Any] | None:
    """Return the request with a place in S3 for each one that is an expression; None when a setting is an expression, or a part is missing."""
    if not isinstance(arguments, Mapping) or not all(isinstance(arguments.get(name), Mapping) for name in ("TransformInput", "TransformOutput")):
        return None
    request = dict(arguments)
    for part, name in PLACES:
        if isinstance(request.get(part), Mapping) and not isinstance(request[part].get(name), str):
            request[part] = {**request[part], name: "s3://bucket/prefix"}
    cut = {name: value for name, value in request["TransformInput"].items() if name != "DataSource"}
    return None if any(map(_has_expression, (cut, *(request.get(name) for name in PARTS)))) else request


def _has_expression(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(name == "Get" or name.startswith("Std:") or _has_expression(member) for name, member in value.items())
    return False
