"""Checks of the steps that compare with a baseline: ClarifyCheck and QualityCheck (AWS developer guide, "Baseline calculation, drift detection …")."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.definition.expressions import expression_kind, references
from pipelines.definition.model import Step
from pipelines.errors import Problem

Problems = Iterator[Problem]

CHECK_TYPES: Mapping[str, tuple[str, ...]] = {
    "ClarifyCheck": ("DATA_BIAS", "MODEL_BIAS", "MODEL_EXPLAINABILITY"),
    "QualityCheck": ("DATA_QUALITY", "MODEL_QUALITY"),
}
# What has a model's answers in it, and so, unless the analysis configuration names an endpoint or a column with answers, needs a model.
ABOUT_A_MODEL = frozenset({"MODEL_BIAS", "MODEL_EXPLAINABILITY"})
# The parts of a baseline without which there is nothing to compare with.
COMPARED: Mapping[str, tuple[str, ...]] = {"DATA_QUALITY": ("SuppliedBaselineStatistics", "SuppliedBaselineConstraints")}
FLAGS = ("SkipCheck", "RegisterNewBaseline", "FailOnViolation")
TEXTS = ("CheckType", "ModelPackageGroupName", "SuppliedBaselineConstraints", "SuppliedBaselineStatistics", "ModelName")
OUTPUT = "/opt/ml/processing/output"


def check(step: Step) -> Problems:
    """Yield what the service would refuse of a check step beside its request, and what would surprise later."""
    yield from _kinds(step)
    yield from _check_type(step)
    yield from _previous(step)
    yield from _model(step)
    yield from _output(step)


def _kinds(step: Step) -> Problems:
    for names, kind, words in ((FLAGS, bool, "true or false"), (TEXTS, str, "text")):
        for name in names:
            value = step.extra.get(name)
            if value is not None and not isinstance(value, kind) and not expression_kind(value):
                yield Problem(f"{step.path}.{name}", f"wrong type: got {str(value)[:60]!r}, expected {words} or an expression", code="type")


def _check_type(step: Step) -> Problems:
    value, known = step.extra.get("CheckType"), CHECK_TYPES[step.type]
    if isinstance(value, str) and value not in known:
        near = difflib.get_close_matches(value, known, 1, 0.4)
        hint = f"Did you mean {near[0]}?" if near else f"Use one of {', '.join(known)}."
        yield Problem(f"{step.path}.CheckType", f"a {step.type} step has no type {value[:60]!r}", hint, code="enum")


def _previous(step: Step) -> Problems:
    """Find a step that needs a baseline and says nowhere which; where a flag is an expression, it may be true."""
    skip, register = (step.extra.get(name) for name in ("SkipCheck", "RegisterNewBaseline"))
    needed = any(value in (None, False) for value in (skip, register))
    supplied = COMPARED.get(str(step.extra.get("CheckType")), ("SuppliedBaselineConstraints",))
    missing = [name for name in supplied if not step.extra.get(name)]
    if needed and missing and not step.extra.get("ModelPackageGroupName"):
        why = "SkipCheck is false" if skip in (None, False) else "RegisterNewBaseline is false"
        hint = f"Give ModelPackageGroupName or {' and '.join(missing)}; or SkipCheck and RegisterNewBaseline true."
        yield Problem(step.path, f"{why}, so a previous baseline is needed, and nothing says which", hint, code="baseline")


def _model(step: Step) -> Problems:
    check_type, named = step.extra.get("CheckType"), step.extra.get("ModelName")
    if not isinstance(check_type, str):
        return
    if check_type in ABOUT_A_MODEL and not named:
        hint = "Give ModelName; without one its analysis configuration has to name an endpoint, or for MODEL_BIAS a predicted label."
        yield Problem(step.path, f"{check_type} names no model", hint, "warning", "no-model")
    if check_type not in ABOUT_A_MODEL and named:
        yield Problem(f"{step.path}.ModelName", f"{check_type} asks no model", "Remove it.", "warning", "no-effect")


def _output(step: Step) -> Problems:
    config = step.arguments.get("ProcessingOutputConfig")
    outputs = config.get("Outputs") if isinstance(config, Mapping) else None
    sources: list[Any] = [each.get("S3Output") for each in outputs if isinstance(each, Mapping)] if isinstance(outputs, list) else []
    own = [each for each in sources if isinstance(each, Mapping) and str(each.get("LocalPath")).rstrip("/") == OUTPUT]
    if not own and not expression_kind(config):
        hint = f"Give one with the LocalPath {OUTPUT}: reports and baselines are written there."
        yield Problem(f"{step.path}.Arguments.ProcessingOutputConfig", "the output of the check is missing", hint, code="missing-member")
    for output in own:
        if isinstance(output.get("S3Uri"), str) or not any(reference.kind != "Parameters" for reference in references(output.get("S3Uri"), "")):
            hint = "Put Execution.PipelineExecutionId into the URI, so that each execution keeps its own."
            message = "each execution writes to the same place, also over the baseline that a registered model names"
            yield Problem(f"{step.path}.Arguments.ProcessingOutputConfig", message, hint, "warning", "baseline-overwritten")
