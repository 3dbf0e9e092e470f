"""Find the training images of a definition that nothing here stands for, before anything starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.algorithms.table import ELSEWHERE
from pipelines.definition.model import Definition
from pipelines.errors import Problem
from pipelines.local.images import why_unknown
from pipelines.local.images.mapped import ImageMap
from pipelines.local.images.uri import URI


def unrunnable(definition: Definition, mapped: ImageMap) -> tuple[Problem, ...]:
    """Return a problem for each training image, written out in the definition, that is a built-in algorithm which does not run here."""
    found: list[Problem] = []
    for step in definition.all_steps():
        for path, specification in _specifications(step.arguments, f"{step.path}.Arguments"):
            image = specification.get("TrainingImage")
            match = URI.fullmatch(image) if isinstance(image, str) else None
            if match and match["repository"] in ELSEWHERE and not specification.get("ContainerEntrypoint") and not mapped.find(match[0]):
                found.append(Problem(f"{path}.TrainingImage", f"step {step.name}: {why_unknown(match['repository'])}.", code="not-executable"))
    return tuple(found)


def _specifications(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each AlgorithmSpecification of a training or a tuning request with its path."""
    if not isinstance(value, Mapping):
        return
    several = [(f"TrainingJobDefinitions[{index}]", each) for index, each in enumerate(value.get("TrainingJobDefinitions") or ())]
    for key, holder in (("", value), ("TrainingJobDefinition", value.get("TrainingJobDefinition")), *several):
        if isinstance(holder, Mapping) and isinstance(holder.get("AlgorithmSpecification"), Mapping):
            yield f"{path}.{key + '.' if key else ''}AlgorithmSpecification", holder["AlgorithmSpecification"]
