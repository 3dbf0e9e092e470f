"""One check step: run the job with the baseline beside its data, then say what the step's baselines are and whether it failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipelines.definition.expressions import evaluate
from pipelines.local.checks import baselines, findings
from pipelines.local.checks.kinds import VIOLATIONS
from pipelines.local.checks.request import Check, read
from pipelines.local.context import Outcome, StepRun
from pipelines.local.executors import processing
from pipelines.local.executors.processing import BELOW, Additions
from pipelines.local.faults import ClientFault

OUTPUT = "/opt/ml/processing/output"


def execute(step_run: StepRun) -> Outcome:
    """Run one attempt and return DescribeProcessingJobResponse with the baselines' URIs as the step's properties.

    Raises:
        ClientFault: the previous baseline that the step needs is not there, or what CreateProcessingJob refuses.
    """
    check = read(evaluate(step_run.step.extra, step_run.scope))
    folder = _output(step_run.arguments)
    previous = baselines.previous(step_run.run, check) if check.needs_previous else {}
    outcome = processing.execute(step_run, _added(step_run, check, {} if check.skip else previous))
    return _judged(step_run, check, previous, folder, outcome) if outcome.status == "Succeeded" else outcome


def _output(request: Mapping[str, Any]) -> str:
    """Return the URI below which the job's results are uploaded."""
    outputs = [each["S3Output"] for each in (request.get("ProcessingOutputConfig") or {}).get("Outputs") or () if each.get("S3Output")]
    own = next((each for each in outputs if each["LocalPath"].rstrip("/") == OUTPUT), None)
    if own is None:
        raise ClientFault(f"a check needs an output with the LocalPath {OUTPUT}, where its job writes")
    return str(own["S3Uri"]).rstrip("/")


def _added(step_run: StepRun, check: Check, compared: Mapping[str, str]) -> Additions:
    """Return the baseline as files of the job, and the variables that name them (Model Monitor's container reads paths from its environment)."""
    items = {name: check.kind.items[name] for name in compared}
    files = {BELOW + items[name].reads: step_run.run.store.read(uri) for name, uri in compared.items()}
    environment = {item.variable: BELOW + item.reads for item in items.values() if item.variable}
    return Additions(environment, files, check.model_name)


def _judged(step_run: StepRun, check: Check, previous: Mapping[str, str], folder: str, outcome: Outcome) -> Outcome:
    store = step_run.run.store
    calculated = {name: f"{folder}/{item.file}" for name, item in check.kind.items.items()}
    count = findings.measured(store, check, calculated)
    found = [] if check.skip else findings.violations(store, folder)
    report = f"{folder}/{VIOLATIONS}"
    named = {f"CalculatedBaseline{name}": uri for name, uri in calculated.items()}
    named |= {f"BaselineUsedForDriftCheck{name}": uri for name, uri in (calculated if check.register else previous).items()}
    metadata = _metadata(check, named, report if found else None, str(outcome.properties["ProcessingJobArn"]))
    summary = {"measured": count, "unit": check.kind.unit, "compared": not check.skip, "violations": found, "metadata": metadata}
    metrics = {**outcome.metrics, **({} if check.skip else {"violations": float(len(found))})}
    judged = replace(outcome, properties={**outcome.properties, **named}, metrics=metrics, check=summary)
    if not (found and check.fails):
        return judged
    return replace(judged, status="Failed", failure_reason=findings.failure(check.kind.word, report, found))


def _metadata(check: Check, named: Mapping[str, str], report: str | None, job_arn: str) -> dict[str, Any]:
    """Return the step's metadata as ListPipelineExecutionSteps has it (botocore: ClarifyCheckStepMetadata, QualityCheckStepMetadata)."""
    known = {"ModelPackageGroupName": check.group, "ViolationReport": report}
    present = {name: value for name, value in known.items() if value}
    body = {"CheckType": check.check_type, **named, **present, "CheckJobArn": job_arn, "SkipCheck": check.skip, "RegisterNewBaseline": check.register}
    return {f"{check.kind.word}Check": body}
