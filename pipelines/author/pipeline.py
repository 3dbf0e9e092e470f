"""Compose the pipeline that a configuration describes, one function a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.author import bundles, finish
from pipelines.author.images import algorithm_image, framework_image
from pipelines.author.sdk import make_session, quiet_sdk
from pipelines.author.steps import checks as own_checks
from pipelines.author.steps import gate, leakage, managed, preprocess, privacy, profile, register, skew, train, tune
from pipelines.author.steps.checks import Checked, Given
from pipelines.author.steps.gate import Gate
from pipelines.config.algorithm_rules import built_in
from pipelines.config.check_rules import AFTER, checks, closes
from pipelines.config.gate import before_training, leaves
from pipelines.config.model import PipelineConfig
from pipelines.config.parameters import pipeline_parameters
from pipelines.config.training_rules import framework_version, processing_version

# What each Fail step that we generate means; `sagewright run` ends with the exit code of it.
MARKS: Mapping[str, str] = {gate.FAIL: "quality", gate.DATA_FAIL: "guard", profile.FAIL: "guard", leakage.FAIL: "guard", skew.FAIL: "guard"}


@dataclass(frozen=True)
class Composition:
    """Hold what every step is composed from: configuration, bundles, SDK session, images and SDK parameters by name.

    `image` is that of the processing jobs, `training_image` that of the training, and of the model.
    """

    config: PipelineConfig
    bundles: dict[str, bundles.Bundle]
    session: Any
    image: str
    training_image: str
    parameters: dict[str, Any]

    def output_uri(self, step: str, output: str) -> Any:
        """Return the S3 URI of a step's output: one folder an execution, step and output."""
        from sagemaker.core.workflow.execution_variables import ExecutionVariables
        from sagemaker.core.workflow.functions import Join

        start = f"s3://{self.config.aws.bucket}/{self.config.name}/executions"
        return Join(on="/", values=[start, ExecutionVariables.PIPELINE_EXECUTION_ID, step, *([output] if output else [])])


def build(config: PipelineConfig, root: Path) -> Any:
    """Return the SDK's Pipeline object.

    Raises:
        ConfigError: a script or the input is not there.
    """
    made = bundles.build(config, root)
    data = bundles.data_objects(config, root)
    with quiet_sdk(config.aws.region):
        from sagemaker.mlops.workflow.pipeline import Pipeline

        inputs = {key: uri for key, (uri, _) in data.items()}
        parameters = {p.name: _parameter(p, inputs.get(p.config_key, p.default)) for p in pipeline_parameters(config)}
        session = make_session(config.aws.region, config.aws.bucket)
        image = framework_image(config.aws.region, "xgboost", processing_version(config))
        composition = Composition(config, made, session, image, _training_image(config), parameters)
        return Pipeline(name=config.name, parameters=list(parameters.values()), steps=_steps(composition), sagemaker_session=session)


def _training_image(config: PipelineConfig) -> str:
    if built_in(config):
        return algorithm_image(config.aws.region, config.training.algorithm)
    return config.training.image or framework_image(config.aws.region, config.training.framework, framework_version(config))


def _steps(composition: Composition) -> list[Any]:
    prepared, leaks = preprocess.compose(composition)
    first, profiled = profile.compose(composition, prepared) if composition.config.profile else ([prepared], None)
    trained, model = _trained(composition, prepared)
    before, found = _before_training(composition, prepared, leaks, trained)
    if built_in(composition.config):
        told = register.Told(model, found=found)
        return [*first, *before, *([register.compose(composition, told)] if composition.config.registration else [])]
    return [*first, *before, *finish.compose(composition, prepared, model, found, profiled)]


def _before_training(composition: Composition, prepared: Any, leaks: Any, trained: Any) -> tuple[list[Any], dict[str, Checked]]:
    """Return the steps from the checks of the data to the training, which stands behind the gates of leaks and bias, and what was checked.

    With both gates the check of bias is in the branch of LeakageGate, and DataGate waits for it.
    """
    rows = prepared.properties.ProcessingOutputConfig.Outputs["raw"].S3Output.S3Uri
    keys = [key for key in checks(composition.config) if key not in AFTER]
    make = {True: own_checks.compose, False: managed.compose}
    found = {key: make[own_checks.is_own(composition, key)](composition, key, Given(raw=rows)) for key in keys}
    steps = [check.step for check in found.values()]
    if composition.config.privacy and composition.config.privacy.check_inputs:
        sealed = privacy.check_inputs(composition, prepared)
        trained.add_depends_on([sealed])
        steps.append(sealed)
    bars, drifts = data_bars(composition.config), tuple(check.drift for check in found.values() if check.drift)
    for check in found.values():
        if check.report is None:  # a managed check ends the pipeline itself
            trained.add_depends_on([check.step])
    if not bars and not drifts:
        return [*steps, leakage.compose(composition, prepared, leaks, [trained])], found
    gates = Gate(composition, gate.DATA_TEXTS, bars, drifts, {key: check.report for key, check in found.items() if check.report})
    behind = gates.compose([trained], None)
    if composition.config.leakage.fail_on:
        return [leakage.compose(composition, prepared, leaks, steps), behind], found
    return [*steps, behind], found


def data_bars(config: PipelineConfig) -> tuple[Any, ...]:
    """Return the bars that are known before training."""
    return tuple(bar for bar in config.gate if any(before_training(leaf) for _, leaf in leaves((bar,))))


def guard_places(config: PipelineConfig) -> dict[str, str]:
    """Return for the quality gate the places of its conditions on bias and drift, a miss of which ends a local run with another exit code."""
    drifts = [key for key in closes(config) if key in AFTER]
    places = gate.guards([bar for bar in config.gate if bar not in data_bars(config)], len(drifts))
    return {gate.NAME: places} if places else {}


def _trained(composition: Composition, prepared: Any) -> tuple[Any, Any]:
    """Return the step that trains, once or many times, and the URI of its model."""
    if composition.config.tuning is None:
        step = train.compose(composition, prepared)
        return step, step.properties.ModelArtifacts.S3ModelArtifacts
    step = tune.compose(composition, prepared)
    return step, tune.model_uri(composition, step)


def _parameter(declared: Any, default: Any) -> Any:
    from sagemaker.core.workflow import parameters

    kinds = {"String": str, "Integer": int, "Float": float, "Boolean": bool}
    enums = {"enum_values": list(declared.enum_values)} if declared.enum_values else {}
    return getattr(parameters, f"Parameter{declared.type}")(name=declared.name, default_value=kinds[declared.type](default), **enums)
