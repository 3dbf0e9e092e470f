"""What SageMaker Python SDK V3 (3.27) needs to compose in silence, offline and reproducibly. Every quirk is here, each with a test."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from typing import Any


def quiet_environment(region: str) -> dict[str, str]:
    """Return the variables under which the SDK neither asks the network nor reads the user's files.

    * AWS_DEFAULT_REGION: importing `sagemaker.mlops` makes a boto client, which needs a region; `ProcessingStep` makes four.
    * AWS_EC2_METADATA_DISABLED: each client without credentials asks the instance metadata service.
    * AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE, AWS_PROFILE: a profile of the user's that does not exist stops every client.
    * SAGEMAKER_VALIDATE_ROLE: `ModelTrainer` and `ModelBuilder` ask IAM about the role.
    * SAGEMAKER_*_CONFIG_OVERRIDE: a user's SDK configuration changes what is composed, and makes it ten times slower.
    """
    files = ("SAGEMAKER_ADMIN_CONFIG_OVERRIDE", "SAGEMAKER_USER_CONFIG_OVERRIDE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
    off = {"AWS_EC2_METADATA_DISABLED": "true", "SAGEMAKER_VALIDATE_ROLE": "false"}
    return {"AWS_DEFAULT_REGION": region, "AWS_REGION": region, **off, **dict.fromkeys(files, os.devnull)}


@contextlib.contextmanager
def quiet_sdk(region: str) -> Iterator[None]:
    """Surround import, composing and `definition()`; environment, working directory, telemetry and log level come back afterwards.

    The working directory is the root meanwhile, because the SDK looks for a Studio project file from there upwards and tags every job with it.
    """
    variables = _variables(quiet_environment(region), without=("AWS_PROFILE", "AWS_ENDPOINT_URL"))
    with variables, _directory(os.path.abspath(os.sep)), _silence(), _no_telemetry():
        yield


@contextlib.contextmanager
def _variables(wanted: Mapping[str, str], without: tuple[str, ...]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in (*wanted, *without)}
    os.environ.update(wanted)
    for name in without:
        os.environ.pop(name, None)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextlib.contextmanager
def _directory(folder: str) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep back the SDK's log lines below ERROR (it warns of every job name that it leaves out, as it should) and its own deprecations."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def _no_telemetry() -> Iterator[None]:
    """Replace the one function through which the SDK reports every call over HTTPS."""
    from sagemaker.core.telemetry import telemetry_logging

    before = telemetry_logging._send_telemetry_request
    telemetry_logging._send_telemetry_request = lambda *args, **kwargs: None
    try:
        yield
    finally:
        telemetry_logging._send_telemetry_request = before


def make_session(region: str, bucket: str) -> Any:
    """Return a PipelineSession that never asks which account or bucket it has."""
    import boto3
    from sagemaker.core.workflow.pipeline_context import PipelineSession

    boto = boto3.Session(region_name=region, aws_access_key_id="none", aws_secret_access_key="none")
    session = PipelineSession(boto_session=boto, default_bucket=bucket)
    session._default_bucket = bucket
    # The constructor of a check step uploads two files; what they hold is an object of the pipeline like any code (`pipelines.author.bundles`).
    session.upload_data = lambda path, bucket=None, key_prefix="data", **options: f"s3://{bucket}/{key_prefix}/{os.path.basename(path)}"
    session.upload_string_as_file_body = lambda body, bucket, key, **options: f"s3://{bucket}/{key}"
    return session


def with_environment(step_args: Any, environment: Mapping[str, str]) -> Any:
    """Give the container these variables in the place of those that `ModelBuilder.register` adds of its own."""
    for container in step_args.create_model_package_request["InferenceSpecification"]["Containers"]:
        container.pop("Environment", None)
        if environment:
            container["Environment"] = dict(environment)
    return step_args


def with_card(step_args: Any, card: Any, status: str) -> Any:
    """Add the model card's text, which only a finished step knows; the SDK's ModelPackageModelCard takes a text that is there when composing."""
    if card is not None:
        step_args.create_model_package_request["ModelCard"] = {"ModelCardContent": card, "ModelCardStatus": status}
    return step_args


def with_second_container(step: Any, first: Mapping[str, str], image: str, model: Any) -> Any:
    """Make an inference pipeline of a ModelStep with one container, which gets these variables; the second is an image with a model and nothing else."""
    package, request = step.step_args.create_model_package_request, step.step_args.create_model_request
    container = package["InferenceSpecification"]["Containers"][0] if package else request.pop("PrimaryContainer")
    told = {**container, "Environment": {**(container.get("Environment") or {}), **first}}
    (package["InferenceSpecification"] if package else request)["Containers"] = [told, {"Image": image, "ModelDataUrl": model}]
    return step


def with_tuning_parameters(step_args: Any, limits: Mapping[str, Any], seed: Any) -> Any:
    """Put pipeline parameters into a tuning request: the SDK's shapes take whole numbers only for the limits, and leave out a seed that is 0."""
    tune = step_args.func

    def tune_with_parameters(tuner: Any, *args: Any, **options: Any) -> Any:
        result = tune(tuner, *args, **options)
        config = tuner.sagemaker_session.context.args["HyperParameterTuningJobConfig"]
        config["ResourceLimits"].update(limits)
        config["RandomSeed"] = seed
        return result

    step_args.func = tune_with_parameters
    return step_args


def with_descriptions(document: dict[str, Any], descriptions: Mapping[str, str], metadata: Mapping[str, str]) -> dict[str, Any]:
    """Add what the SDK cannot express: descriptions of parameters, and the top-level metadata that marks our gates."""
    parameters = [{**parameter, "Description": descriptions[parameter["Name"]]} for parameter in document.get("Parameters", [])]
    return {**document, "Metadata": {**document.get("Metadata", {}), **metadata}, "Parameters": parameters}


def with_dataset(document: dict[str, Any], name: str, dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Give each processing input of this name its DatasetDefinition, which `Processor.run` of SDK 3.27 takes and then leaves out of the request."""

    def mended(value: Any) -> Any:
        if isinstance(value, list):
            return [mended(item) for item in value]
        if not isinstance(value, dict):
            return value
        if value.get("InputName") == name and "S3Input" not in value:
            return {**value, "DatasetDefinition": dict(dataset)}
        return {key: mended(item) for key, item in value.items()}

    return {**document, "Steps": mended(document["Steps"])}
