"""One test a quirk of SDK V3: each fails when upstream mends it, so that the work-around can go."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.author.sdk import make_session, quiet_environment, quiet_sdk, with_dataset, with_descriptions

ROOT = Path(__file__).parents[3]


def python(code: str, **environment: str) -> subprocess.CompletedProcess:
    """Run code in a process without region, credentials and home."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": "/nonexistent", **environment}
    return subprocess.run([sys.executable, "-W", "ignore", "-c", code], env=env, cwd="/", capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_quirk_importing_the_workflow_package_needs_a_region():
    assert "NoRegionError" in python("import sagemaker.mlops.workflow.pipeline", AWS_EC2_METADATA_DISABLED="true").stderr


@pytest.mark.slow
def test_quirk_model_trainer_asks_iam_about_the_role_unless_told_not_to():
    code = (
        "from pipelines.author.sdk import quiet_sdk, make_session\nimport os\n"
        "with quiet_sdk('us-east-1'):\n    os.environ['SAGEMAKER_VALIDATE_ROLE'] = 'true'\n    from sagemaker.train import ModelTrainer\n"
        "    from sagemaker.core.training.configs import Compute\n    import botocore.client\n    calls = []\n"
        "    botocore.client.BaseClient._make_api_call = lambda self, name, params: calls.append(name) or {}\n    try:\n"
        "        ModelTrainer(training_image='i', role='arn:aws:iam::123456789012:role/r', base_job_name='t',"
        " compute=Compute(instance_type='ml.m5.large', instance_count=1), sagemaker_session=make_session('us-east-1', 'b'))\n"
        "    except Exception: pass\n    print(calls)"
    )
    assert "GetRole" in python(code).stdout or "SimulatePrincipalPolicy" in python(code).stdout


@pytest.mark.slow
def test_quirk_telemetry_goes_through_one_function():
    with quiet_sdk("us-east-1"):
        from sagemaker.core.telemetry import telemetry_logging

        assert telemetry_logging._send_telemetry_request() is None
    assert telemetry_logging._send_telemetry_request.__module__.startswith("sagemaker")


def test_quirk_a_studio_project_file_above_the_working_directory_tags_jobs(tmp_path, monkeypatch):
    (tmp_path / ".sagemaker-code-config").write_text(json.dumps({"sagemakerProjectName": "p", "sagemakerProjectId": "i", "sagemakerUserProfileName": "u"}))
    monkeypatch.chdir(tmp_path)
    with quiet_sdk("us-east-1"):
        from sagemaker.core._studio import _append_project_tags

        assert not _append_project_tags(None)
        assert os.getcwd() == "/"
    assert _append_project_tags(None)


@pytest.mark.slow
def test_quirk_register_adds_environment_to_the_container(tmp_path):
    with quiet_sdk("us-east-1"):
        from sagemaker.serve import ModelBuilder

        session = make_session("us-east-1", "my-bucket")
        builder = ModelBuilder(
            s3_model_data_url="s3://my-bucket/model.tar.gz",
            image_uri="1.dkr.ecr.us-east-1.amazonaws.com/x:1",
            role_arn="arn:aws:iam::123456789012:role/r",
            sagemaker_session=session,
        )
        step_args = builder.register(model_package_group_name="g", content_types=["text/csv"], response_types=["text/csv"])
    container = step_args.create_model_package_request["InferenceSpecification"]["Containers"][0]
    assert "SAGEMAKER_REGION" in container["Environment"]


def test_quirk_parameters_take_no_description():
    from sagemaker.core.workflow.parameters import ParameterInteger

    with pytest.raises(TypeError):
        ParameterInteger(name="P", default_value=1, description="d")
    document = with_descriptions({"Parameters": [{"Name": "P"}], "Metadata": {}}, {"P": "d"}, {"k": "v"})
    assert document == {"Parameters": [{"Name": "P", "Description": "d"}], "Metadata": {"k": "v"}}


def test_quirk_the_sdk_leaves_a_dataset_definition_out_of_the_request():
    with quiet_sdk("us-east-1"):
        from sagemaker.core.processing import _processing_input_to_request_dict
        from sagemaker.core.shapes import AthenaDatasetDefinition, DatasetDefinition, ProcessingInput

        athena = AthenaDatasetDefinition(catalog="c", database="d", query_string="q", output_s3_uri="s3://b/o", output_format="PARQUET")
        given = ProcessingInput(input_name="raw", dataset_definition=DatasetDefinition(athena_dataset_definition=athena, local_path="/l"))
        assert "DatasetDefinition" not in _processing_input_to_request_dict(given)
    steps = [{"Arguments": {"ProcessingInputs": [{"InputName": "raw"}, {"InputName": "code", "S3Input": {}}]}}]
    mended = with_dataset({"Steps": steps}, "raw", {"LocalPath": "/l"})["Steps"][0]["Arguments"]["ProcessingInputs"]
    assert mended == [{"InputName": "raw", "DatasetDefinition": {"LocalPath": "/l"}}, {"InputName": "code", "S3Input": {}}]


def test_quirk_the_sdk_warns_of_every_job_name_it_leaves_out():
    with quiet_sdk("us-east-1"):
        assert not logging.getLogger("sagemaker").isEnabledFor(logging.WARNING)
    assert logging.getLogger("sagemaker").isEnabledFor(logging.ERROR)


def test_quirk_the_limits_of_a_search_take_no_parameters():
    with quiet_sdk("us-east-1"):
        from pydantic import ValidationError
        from sagemaker.core.shapes import ResourceLimits
        from sagemaker.core.workflow.parameters import ParameterInteger

        with pytest.raises(ValidationError, match="valid integer"):
            ResourceLimits(max_number_of_training_jobs=ParameterInteger(name="TuningJobs", default_value=1), max_parallel_training_jobs=1)


def test_quirk_a_search_leaves_out_a_seed_of_zero():
    with quiet_sdk("us-east-1"):
        from sagemaker.core.parameter import ContinuousParameter
        from sagemaker.train import ModelTrainer
        from sagemaker.train.configs import Compute
        from sagemaker.train.tuner import HyperparameterTuner

        compute = Compute(instance_type="ml.m5.large", instance_count=1)
        session, role = make_session("us-east-1", "b-ucket"), "arn:aws:iam::123456789012:role/r"
        trainer = ModelTrainer(training_image="i", role=role, base_job_name="t", compute=compute, sagemaker_session=session)

        def config(seed):
            ranges = {"eta": ContinuousParameter(0.1, 0.2)}
            tuner = HyperparameterTuner(trainer, "validation:auc", ranges, [{"Name": "validation:auc", "Regex": "x"}], max_jobs=1, random_seed=seed)
            return tuner._build_tuning_job_config()

        assert config(7).random_seed == 7 and config(0).random_seed != 0


def test_the_environment_names_files_that_hold_nothing():
    quiet = quiet_environment("eu-west-1")
    assert quiet["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert {quiet[name] for name in ("SAGEMAKER_USER_CONFIG_OVERRIDE", "SAGEMAKER_ADMIN_CONFIG_OVERRIDE", "AWS_CONFIG_FILE")} == {os.devnull}
