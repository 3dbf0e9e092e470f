"""What a run came to, in the form that commands print: one JSON document, and the exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.definition.model import Definition
from pipelines.errors import EXIT_OK, GuardClosed, Interrupted, QualityGateClosed, RunFailed
from pipelines.local.journal import RunState, StepState
from pipelines.local.store import Store

GATE_MARK = "sagewright.gate."
# Which conditions of a quality gate are of bias or drift: their places, comma-separated, by the step's name.
GUARD_MARK = "sagewright.guards."
GATES: Mapping[str, type[RunFailed]] = {"quality": QualityGateClosed, "guard": GuardClosed}


def summarize(state: RunState, store: Store, run_dir: Path) -> dict[str, Any]:
    """Return the run as the document that `--output json` prints; seconds are wall time, outputs are local paths."""
    steps = list(state.steps.values())
    registered = next((step.properties["ModelPackageArn"] for step in reversed(steps) if "ModelPackageVersion" in step.properties), None)
    return {
        "status": state.status,
        "execution_arn": state.execution_arn,
        "definition_sha256": state.definition_sha256,
        "seconds": round((state.ended_at or state.started_at) - state.started_at, 3),
        "steps": [_step(step, store) for step in steps],
        "outputs": {name: str(store.path(uri)) for step in steps for name, uri in _outputs(step, store)},
        "models": {step.name: step.properties["ModelName"] for step in steps if "ModelArn" in step.properties},
        "endpoints": {step.name: step.properties["EndpointName"] for step in steps if "EndpointArn" in step.properties},
        "metrics": {f"{step.name}.{name}": value for step in steps for name, value in step.metrics.items()},
        "parameters": dict(state.parameters),
        "failure_reason": state.failure_reason,
        "model_package_arn": registered,
        "run_dir": str(run_dir),
    }


def _step(step: StepState, store: Store) -> dict[str, Any]:
    return {
        "name": step.name,
        "type": step.type,
        "status": step.status,
        "seconds": step.seconds,
        "cache": step.cache,
        "failure_reason": step.failure_reason,
        **({"check": checked(step, store)} if step.check else {}),
    }


def checked(step: StepState, store: Store) -> dict[str, Any]:
    """Return what a check step found: its type, how much it measured, its violations in words, the report as a local path, and the service's metadata."""
    metadata = step.check["metadata"]
    body = next(iter(metadata.values()))
    report = body.get("ViolationReport")
    shown = {name: step.check[name] for name in ("measured", "unit", "compared", "violations")}
    return {"type": body["CheckType"], **shown, "report": str(store.path(report)) if report else None, "metadata": metadata}


def _outputs(step: StepState, store: Store) -> Iterator[tuple[str, str]]:
    for output in (step.properties.get("ProcessingOutputConfig") or {}).get("Outputs", []):
        if "S3Output" in output:
            yield f"{step.name}.{output['OutputName']}", output["S3Output"]["S3Uri"]
    artifacts = step.properties.get("ModelArtifacts")
    if artifacts:
        yield f"{step.name}.model", artifacts["S3ModelArtifacts"]
    best = best_model(step.properties)
    if best:
        yield f"{step.name}.model", best
    written = transformed(step.properties, store)
    if written:
        yield f"{step.name}.output", written


def transformed(properties: Mapping[str, Any], store: Store) -> str | None:
    """Return where a transform job wrote: the URI of the one file when its input is one object, else the prefix; None for what is no transform job."""
    if "TransformJobName" not in properties:
        return None
    source, output = properties["TransformInput"]["DataSource"]["S3DataSource"], str(properties["TransformOutput"]["S3OutputPath"]).rstrip("/")
    one = source.get("S3DataType") != "ManifestFile" and store.path(source["S3Uri"])
    return f"{output}/{one.name}.out" if one and one.is_file() else output


def best_model(properties: Mapping[str, Any]) -> str | None:
    """Return the URI of a tuning job's best model, None for what is no tuning job."""
    best = (properties.get("BestTrainingJob") or {}).get("TrainingJobName")
    definition = properties.get("TrainingJobDefinition")
    return f"{definition['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{best}/output/model.tar.gz" if best and definition else None


def missed_bars(state: RunState) -> list[str]:
    """Return the conditions that did not hold, in words with both numbers."""
    missed = [check for step in state.steps.values() for check in step.checks if not check["holds"] and check.get("missed", True)]
    return [f"{check['text'].split(':')[0]} is {check['left']}, the bar is {check['operator']} {check['right']}" for check in missed]


def exit_code(state: RunState, definition: Definition) -> int:
    """Return what the process ends with: 3 or 4 for a Fail step that the definition's metadata marks as our gate, 4 for a check step that violations failed.

    Any other failure, a stranger's Fail step among them, is 1.
    """
    if state.status == "Succeeded":
        return EXIT_OK
    if state.status == "Stopped":
        return Interrupted.exit_code
    failed = [step for step in state.steps.values() if step.status == "Failed"]
    marks = {GATES[kind] for step in failed if (kind := str(definition.metadata.get(f"{GATE_MARK}{step.name}"))) in GATES}
    marks |= {GuardClosed for _ in _guards_missed(state, definition) if marks}
    marks |= {GuardClosed for step in failed if step.check.get("violations")}
    return max((gate.exit_code for gate in marks), default=RunFailed.exit_code)


def _guards_missed(state: RunState, definition: Definition) -> Iterator[str]:
    """Yield the steps of gates that missed a condition which guards against bias or leaks, as the definition's metadata mark them."""
    for step in state.steps.values():
        guards = str(definition.metadata.get(f"{GUARD_MARK}{step.name}", "")).split(",")
        if any(check.get("missed") and str(check.get("condition")) in guards for check in step.checks):
            yield step.name
